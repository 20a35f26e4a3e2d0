"""The OpenAPI 3.1 document of /v1/, made from the table of routes and the structs: it says what is served, and nothing else.

Spec: OpenAPI 3.1.1; JSON Schema 2020-12. Must not: know any route.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from onemq.heads.management.admin.shapes import Fault
from onemq.heads.management.call import Call
from onemq.heads.management.routes import ANYBODY, Route

VERSION: Final = "3.1.1"
PATH: Final = "/v1/openapi.json"
_REF: Final = "#/components/schemas/{name}"
_NAME: Final = re.compile(r"\{(\w+)\}")

Plain = dict[str, Any]


class Document:
    """The document, and the route that answers it. Made once, when it is asked for first."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._routes: Sequence[Route] = ()
        self._encoded = b""

    def route(self) -> Route:
        return Route("GET", PATH, self.answer, ANYBODY, summary="This document", response=Plain)

    def describe(self, routes: Sequence[Route]) -> None:
        """These are all."""
        self._routes = routes

    def answer(self, call: Call) -> None:
        if not self._encoded:
            self._encoded = msgspec.json.encode(document(self._routes, self._version))
        call.send(200, self._encoded, b"application/json")


def document(routes: Sequence[Route], version: str) -> Plain:
    types: list[Any] = [Fault]
    for route in routes:
        types += [kind for kind in (route.request, route.response) if kind is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip((_key(kind) for kind in types), schemas, strict=True))
    paths: dict[str, Plain] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": VERSION,
        "info": {
            "title": "onemq admin API",
            "version": version,
            "description": "Sees and changes a running broker, over all protocols. Times are ms since the epoch, sizes bytes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
        },
    }


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(route: Route, by_type: dict[str, Plain]) -> Plain:
    names = [name.strip("{}") for name in route.segments if not name.startswith("{")]
    named: Plain = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [names[1] if len(names) > 1 else "v1"],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _NAME.findall(route.template)
        ]
        + [
            {
                "name": each.name,
                "in": "query",
                "required": False,
                "description": each.text,
                "schema": {"type": each.kind},
            }
            for each in route.query
        ],
        "responses": {
            str(route.status): _content("Done", by_type[_key(route.response)]),
            "default": _content("Refused", by_type[_key(Fault)]),
        },
    }
    if route.tag != ANYBODY:
        named["description"] = f"Takes a user with the tag {route.tag}."
    if route.request is not None:
        named["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_type[_key(route.request)]}},
        }
    return named


def _operation_id(route: Route) -> str:
    """Unique, and the same as long as the path is."""
    words = [re.sub(r"\W", "_", segment) for segment in route.segments[1:] if not segment.startswith("{")]
    last = route.segments[-1]
    return "_".join(
        [route.method.lower(), *words, *(["by", last.strip("{}")] if last.startswith("{") else [])]
    )


def _content(said: str, schema: Plain) -> Plain:
    return {"description": said, "content": {"application/json": {"schema": schema}}}
