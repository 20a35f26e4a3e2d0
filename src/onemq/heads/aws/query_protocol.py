"""AWS Query: parameters are a form (or a query string), results are XML.

Spec: AWS Query protocol, "Serialization", "Responses", "Errors".
"""

from typing import Final
from urllib.parse import unquote_to_bytes

from onemq.heads.aws.errors import AwsError, invalid_value, malformed_query
from onemq.heads.aws.protocol import Protocol
from onemq.heads.aws.shapes import BOOLEAN, INTEGER, LIST, MAP, STRUCTURE, OperationShape, Shape

CONTENT_TYPE: Final = b"text/xml"
PARAMETERS_MAX: Final = 10_000
DEPTH_MAX: Final = 10
"""Dots in a name; the deepest that any operation takes has seven."""


class Node:
    """A parameter's value, or what begins with its name and a dot."""

    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.value: str | None = None
        self.children: dict[str, Node] = {}


def read_form(data: bytes, into: dict[str, str]) -> None:
    """Adds the pairs of a form; the first of a name stays. Raises AwsError."""
    if not data:
        return
    for pair in data.split(b"&", PARAMETERS_MAX):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        key = _decoded(name)
        if key not in into:
            into[key] = _decoded(value)
    if len(into) > PARAMETERS_MAX:
        raise malformed_query(f"More than {PARAMETERS_MAX} parameters")


def _decoded(text: bytes) -> str:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    if b"%" in text:
        text = unquote_to_bytes(text)
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed_query("The query string contains bytes that are not UTF-8") from None


def read_parameters(shape: Shape, form: dict[str, str]) -> dict[str, object]:
    """The operation's parameters, as JSON would have them. Raises AwsError."""
    root = Node()
    for name, value in form.items():
        node = root
        for part in name.split(".", DEPTH_MAX):
            below = node.children.get(part)
            if below is None:
                below = Node()
                node.children[part] = below
            node = below
        node.value = value
    return _structure(shape, root)


def _structure(shape: Shape, node: Node) -> dict[str, object]:
    found: dict[str, object] = {}
    children = node.children
    for member in shape.members.values():
        below = children.get(member.wire_name)
        if below is not None:
            found[member.name] = _value(member.shape, below, member.wire_name)
    return found


def _value(shape: Shape, node: Node, name: str) -> object:
    kind = shape.kind
    if kind == STRUCTURE:
        return _structure(shape, node)
    if kind == LIST:
        return _list(shape, node, name)
    if kind == MAP:
        return _map(shape, node, name)
    text = node.value
    if text is None:
        text = ""
    if kind == INTEGER:
        digits = text[1:] if text.startswith("-") else text
        if not digits.isdecimal() or not digits.isascii() or len(digits) > 18:
            raise invalid_value(f"Value {text} for parameter {name} is invalid. Reason: Must be an integer.")
        return int(text)
    if kind == BOOLEAN:
        if text not in ("true", "false"):
            raise invalid_value(
                f"Value {text} for parameter {name} is invalid. Reason: Must be true or false."
            )
        return text == "true"
    return text


def _numbered(shape: Shape, node: Node) -> list[Node]:
    """A list's or map's entries in the order of their numbers. One entry may stand without a number."""
    if shape.entry_name:
        below = node.children.get(shape.entry_name)
        if below is None:
            return []
        node = below
    found: list[tuple[int, Node]] = []
    for name, child in node.children.items():
        if name.isdecimal() and name.isascii() and len(name) <= 9:
            found.append((int(name), child))
    if not found:
        # An empty list is sent as its bare name.
        return [node] if node.children or node.value else []
    found.sort(key=_number)
    return [entry[1] for entry in found]


def _number(entry: tuple[int, Node]) -> int:
    return entry[0]


def _list(shape: Shape, node: Node, name: str) -> list[object]:
    item = shape.item
    assert item is not None
    return [_value(item, each, name) for each in _numbered(shape, node)]


def _map(shape: Shape, node: Node, name: str) -> dict[str, object]:
    item = shape.item
    assert item is not None
    found: dict[str, object] = {}
    for each in _numbered(shape, node):
        key = each.children.get(shape.key_name)
        value = each.children.get(shape.value_name)
        if key is None or key.value is None:
            raise malformed_query(f"An entry of {name} has no {shape.key_name}")
        found[key.value] = _value(item, Node() if value is None else value, name)
    return found


# Writing.


def escaped(text: str) -> str:
    """For the content of an element. What XML 1.0 cannot carry becomes U+FFFD."""
    if text.isprintable() and "<" not in text and "&" not in text and ">" not in text and '"' not in text:
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace('"', "&quot;").replace("\r", "&#xD;")
    if text.isprintable():
        return text
    return "".join([each if _is_xml(ord(each)) else "\ufffd" for each in text])


def _is_xml(code: int) -> bool:
    if code < 0x20:
        return code == 9 or code == 10 or code == 13
    return code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


def _write(parts: list[str], shape: Shape, name: str, value: object) -> None:
    kind = shape.kind
    if kind == STRUCTURE:
        assert isinstance(value, dict)
        parts.append(f"<{name}>")
        _write_members(parts, shape, value)
        parts.append(f"</{name}>")
    elif kind == LIST:
        assert isinstance(value, list)
        item = shape.item
        assert item is not None
        if shape.entry_name:
            parts.append(f"<{name}>")
        for each in value:
            _write(parts, item, shape.entry_name or name, each)
        if shape.entry_name:
            parts.append(f"</{name}>")
    elif kind == MAP:
        assert isinstance(value, dict)
        item = shape.item
        assert item is not None
        if shape.entry_name:
            parts.append(f"<{name}>")
        entry = shape.entry_name or name
        for key, content in value.items():
            parts.append(f"<{entry}><{shape.key_name}>{escaped(key)}</{shape.key_name}>")
            _write(parts, item, shape.value_name, content)
            parts.append(f"</{entry}>")
        if shape.entry_name:
            parts.append(f"</{name}>")
    else:
        if isinstance(value, bool):
            shown = "true" if value else "false"
        else:
            shown = escaped(str(value))
        parts.append(f"<{name}>{shown}</{name}>")


def _write_members(parts: list[str], shape: Shape, value: dict[str, object]) -> None:
    for member in shape.members.values():
        content = value.get(member.name)
        if content is not None:
            _write(parts, member.shape, member.wire_name, content)


class QueryProtocol(Protocol):
    """See the module. xml_namespace: of the service's documents."""

    def __init__(self, xml_namespace: str) -> None:
        super().__init__(CONTENT_TYPE, False)
        self._xml_namespace = xml_namespace

    def result(self, operation: OperationShape, result: dict[str, object], request_id: str) -> bytes:
        name = operation.name
        parts = [f'<?xml version="1.0"?><{name}Response xmlns="{self._xml_namespace}">']
        output = operation.output
        if output is not None:
            parts.append(f"<{name}Result>")
            _write_members(parts, output, result)
            parts.append(f"</{name}Result>")
        parts.append(
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
        )
        return "".join(parts).encode("utf-8", "replace")

    def error(self, error: AwsError, request_id: str) -> bytes:
        fault = "Sender" if error.sender else "Receiver"
        body = (
            f'<?xml version="1.0"?><ErrorResponse xmlns="{self._xml_namespace}"><Error><Type>{fault}</Type>'
            f"<Code>{escaped(error.query_code)}</Code><Message>{escaped(error.query_text)}</Message><Detail/></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return body.encode("utf-8", "replace")

    def error_fields(self, error: AwsError) -> bytes:
        return b""
