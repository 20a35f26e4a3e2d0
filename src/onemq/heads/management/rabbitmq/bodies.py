"""Bodies of requests, read and refused in RabbitMQ's words.

Source: rabbit_mgmt_util (decode, with_decode, parse_bool, parse_int, id), recorded answers of RabbitMQ 3.10.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.json_body import BadJson, decoded

_LINE: Final = 80
"""Where Erlang breaks the lines of a printed list."""


def bad_request(reason: object) -> Problem:
    return Problem(400, "bad_request", str(reason), value=reason)


def not_found() -> Problem:
    return Problem(404, "Object Not Found", "Not Found")


def body_of(call: Call, required: Sequence[str] = ()) -> dict[str, object]:
    """The body, an object; an empty one counts as {}. Raises Problem."""
    if not call.request.body:
        found: object = {}
    else:
        try:
            found = decoded(call.request.body)
        except BadJson:
            raise bad_request("not_json") from None
    if not isinstance(found, dict):
        raise bad_request("not_json")
    missing = [f"{{key_missing,{name}}}" for name in required if name not in found]
    if missing:
        text = ",".join(missing)
        if len(text) + 2 > _LINE:
            text = ",\n ".join(missing)
        raise bad_request(f"[{text}]")
    return {str(name): value for name, value in found.items()}


def flag(body: dict[str, object], name: str, default: bool) -> bool:
    """Booleans, also as words. Raises Problem."""
    value = body.get(name, default)
    if isinstance(value, bool):
        return value
    if value == "true":
        return True
    if value == "false":
        return False
    raise bad_request(["not_boolean", value])


def whole(value: object) -> int:
    """Whole numbers, also as text. Raises Problem."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise bad_request(["not_integer", value])


def table(body: dict[str, object], name: str) -> dict[str, object]:
    """An object; {} where absent. RabbitMQ's tools send [] for an empty one. Raises Problem."""
    value = body.get(name)
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise bad_request(["not_an_object", name])
    return {str(key): item for key, item in value.items()}


def text(body: dict[str, object], name: str, default: str = "") -> str:
    """Raises Problem."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise bad_request(["not_string", name])
    return value


def octets(encoded: str) -> bytes:
    """Of base64. Raises Problem."""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(["not_base64", encoded]) from None


def tags_of(value: object) -> list[str]:
    """Of a user or a vhost: a list, or words with commas between. Raises Problem."""
    if isinstance(value, str):
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    if isinstance(value, list) and all(isinstance(tag, str) for tag in value):
        return [str(tag) for tag in value]
    raise bad_request(["not_tags", "tags are a list, or text with commas"])
