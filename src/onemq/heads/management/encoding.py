"""JSON of answers. Names and headers of other protocols need not be UTF-8: what is not is shown as RabbitMQ shows it."""

import base64
from typing import Any

import msgspec


def json_octets(value: object) -> bytes:
    """A struct, or plain values, as JSON."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_shown(msgspec.to_builtins(value)))


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {_shown(name): _shown(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            octets = value.encode("utf-8", "surrogatepass" if _has_pairs(value) else "surrogateescape")
            return "Invalid UTF-8, base64 is: " + base64.b64encode(octets).decode("ascii")
    return value


def _has_pairs(text: str) -> bool:
    """Surrogates that stand for no octet: they came out of JSON, not out of a protocol's octets."""
    return any(
        "\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in text
    )
