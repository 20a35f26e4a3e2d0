"""The typed table of routes: method and path to handler, with what the OpenAPI document says of each.

Must not: know any route; answer anything.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from onemq.model.principal import Principal

if TYPE_CHECKING:
    from onemq.heads.management.call import Call

Handler = Callable[["Call"], None]

ANYBODY: Final = ""
MANAGEMENT: Final = "management"
MONITORING: Final = "monitoring"
POLICYMAKER: Final = "policymaker"
ADMINISTRATOR: Final = "administrator"

_IMPLIED_BY: Final[dict[str, tuple[str, ...]]] = {
    MANAGEMENT: (MANAGEMENT, POLICYMAKER, MONITORING, ADMINISTRATOR),
    POLICYMAKER: (POLICYMAKER, ADMINISTRATOR),
    MONITORING: (MONITORING, ADMINISTRATOR),
    ADMINISTRATOR: (ADMINISTRATOR,),
}
"""RabbitMQ: "Management Plugin", section "Access and Permissions"."""


def has_tag(principal: Principal, tag: str) -> bool:
    """Whether a user may what the tag allows; every user for ANYBODY."""
    return tag == ANYBODY or any(implied in principal.tags for implied in _IMPLIED_BY[tag])


class Parameter:
    """One parameter of a query, for the OpenAPI document. kind: "string", "integer", "number" or "boolean"."""

    __slots__ = ("kind", "name", "text")

    def __init__(self, name: str, text: str, kind: str = "string") -> None:
        self.name = name
        self.text = text
        self.kind = kind


class Route:
    """One method of one path.

    Attributes:
        method: "GET", ...: HEAD is answered by GET's handler.
        template: "/v1/queues/{namespace}/{queue}": a name in braces takes one segment, decoded.
        handler: answers the call, at once or later.
        tag: what the user has to have.
        summary: one line for people. query: parameters it reads.
        request, response: msgspec structs (or types made of them) of the bodies; None: none, or not described.
        status: of the usual answer.
    """

    __slots__ = (
        "handler",
        "method",
        "query",
        "request",
        "response",
        "segments",
        "status",
        "summary",
        "tag",
        "template",
    )

    def __init__(
        self,
        method: str,
        template: str,
        handler: Handler,
        tag: str = MANAGEMENT,
        *,
        summary: str = "",
        query: Sequence[Parameter] = (),
        request: Any = None,
        response: Any = None,
        status: int = 200,
    ) -> None:
        self.method = method
        self.template = template
        self.handler = handler
        self.tag = tag
        self.summary = summary
        self.query = tuple(query)
        self.request = request
        self.response = response
        self.status = status
        self.segments = tuple(template.strip("/").split("/"))


class _Node:
    """One place in the tree of paths."""

    __slots__ = ("any", "named", "routes")

    def __init__(self) -> None:
        self.named: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.routes: dict[str, Route] = {}


class Match:
    """What a path leads to. route: None when its path has other methods only (`methods`). values: of the template's names."""

    __slots__ = ("methods", "route", "values")

    def __init__(self, route: Route | None, methods: list[str], values: dict[str, str]) -> None:
        self.route = route
        self.methods = methods
        self.values = values


class RouteTable:
    """All routes of an area. A segment's own word goes before a name in braces."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self.routes: list[Route] = []
        self._root = _Node()
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        node = self._root
        for segment in route.segments:
            if segment.startswith("{"):
                if node.any is None:
                    node.any = _Node()
                node = node.any
            else:
                node = node.named.setdefault(segment, _Node())
        assert route.method not in node.routes, f"two routes for {route.method} {route.template}"
        node.routes[route.method] = route
        self.routes.append(route)

    def find(self, method: str, segments: list[str]) -> Match | None:
        """None: there is no such path."""
        node = self._descend(self._root, segments, 0)
        if node is None:
            return None
        route = node.routes.get("GET" if method == "HEAD" else method)
        methods = list(node.routes)
        if "GET" in node.routes:
            methods.append("HEAD")
        if route is None:
            return Match(None, methods, {})
        values = {
            name[1:-1]: segment
            for name, segment in zip(route.segments, segments, strict=True)
            if name.startswith("{")
        }
        return Match(route, methods, values)

    def _descend(self, node: _Node, segments: list[str], at: int) -> _Node | None:
        if at == len(segments):
            return node if node.routes else None
        named = node.named.get(segments[at])
        if named is not None:
            found = self._descend(named, segments, at + 1)
            if found is not None:
                return found
        return None if node.any is None else self._descend(node.any, segments, at + 1)
