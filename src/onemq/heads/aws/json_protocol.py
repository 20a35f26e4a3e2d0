"""AWS JSON 1.0: parameters and results are JSON objects.

Spec: AWS JSON 1.0 protocol; the awsQueryCompatible trait.
"""

from typing import Final

import msgspec

from onemq.heads.aws.errors import AwsError, not_understood
from onemq.heads.aws.protocol import Protocol
from onemq.heads.aws.shapes import BLOB, BOOLEAN, INTEGER, LIST, MAP, STRUCTURE, TEXT, OperationShape, Shape

CONTENT_TYPE: Final = b"application/x-amz-json-1.0"
_NOTHING: Final = b"{}"

_decoder: Final = msgspec.json.Decoder()
_encoder: Final = msgspec.json.Encoder()


def read_parameters(shape: Shape, body: bytes) -> dict[str, object]:
    """The operation's parameters: members it knows, each of its type; null is left out. Raises AwsError."""
    if not body:
        return {}
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_understood(f"The request body is not JSON: {error}") from None
    return _structure(shape, found)


def _structure(shape: Shape, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise not_understood("Expected an object in the request")
    found: dict[str, object] = {}
    members = shape.members
    for name, content in value.items():
        member = members.get(name)
        if member is not None and content is not None:
            found[name] = _value(member.shape, content, name)
    return found


def _value(shape: Shape, value: object, name: str) -> object:
    kind = shape.kind
    if kind == TEXT or kind == BLOB:
        if not isinstance(value, str):
            raise _wrong(name, value, "String")
        return value
    if kind == INTEGER:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(name, value, "Integer")
        return value
    if kind == BOOLEAN:
        if not isinstance(value, bool):
            raise _wrong(name, value, "Boolean")
        return value
    if kind == STRUCTURE:
        return _structure(shape, value)
    item = shape.item
    assert item is not None
    if kind == LIST:
        if not isinstance(value, list):
            raise _wrong(name, value, "List")
        items: list[object] = []
        for each in value:
            if each is not None:
                items.append(_value(item, each, name))
        return items
    assert kind == MAP
    if not isinstance(value, dict):
        raise _wrong(name, value, "Map")
    entries: dict[str, object] = {}
    for key, content in value.items():
        if content is not None:
            entries[key] = _value(item, content, name)
    return entries


def _wrong(name: str, value: object, wanted: str) -> AwsError:
    given = "STRUCTURE_VALUE"
    if isinstance(value, bool):
        given = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, str):
        given = "STRING_VALUE"
    elif isinstance(value, int):
        given = "NUMBER_VALUE"
    elif isinstance(value, float):
        given = "DECIMAL_VALUE"
    elif isinstance(value, list):
        given = "LIST_VALUE"
    return not_understood(f"{given} can not be converted to {wanted} ({name})")


def json_of(value: object) -> bytes:
    """As it stands in a response. Raises what msgspec does for what JSON has no word for."""
    return _encoder.encode(value)


class JsonProtocol(Protocol):
    """See the module. namespace: of the service's own errors, "com.amazonaws.sqs"."""

    def __init__(self, namespace: str) -> None:
        super().__init__(CONTENT_TYPE, True)
        self._namespace = namespace

    def result(self, operation: OperationShape, result: dict[str, object], request_id: str) -> bytes:
        return json_of(result) if result else _NOTHING

    def error(self, error: AwsError, request_id: str) -> bytes:
        namespace = error.namespace or self._namespace
        return json_of({"__type": f"{namespace}#{error.code}", "message": error.text})

    def error_fields(self, error: AwsError) -> bytes:
        fault = "Sender" if error.sender else "Receiver"
        return f"x-amzn-query-error: {error.query_code};{fault}\r\n".encode("ascii")
