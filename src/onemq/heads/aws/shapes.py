"""What operations take and give, as tables: one for both protocols.

JSON uses members' names as they are; the Query protocol has names of its own for many, and two ways to write lists and maps
(flattened or not).
Spec: AWS Query protocol, "Query key resolution", "Collections"; the services' API references.
"""

from typing import Final

TEXT: Final = 0
INTEGER: Final = 1
BOOLEAN: Final = 2
BLOB: Final = 3
"""Bytes, as base64."""
LIST: Final = 4
MAP: Final = 5
STRUCTURE: Final = 6


class Member:
    """One member of a structure. `wire_name`: in the Query protocol."""

    __slots__ = ("name", "shape", "wire_name")

    def __init__(self, name: str, shape: "Shape", wire_name: str = "") -> None:
        self.name = name
        self.shape = shape
        self.wire_name = wire_name or name


class Shape:
    """One type.

    Attributes:
        kind: TEXT .. STRUCTURE.
        members: of a structure, by their names.
        item: type of a list's items or of a map's values.
        entry_name: of a list or map that is not flattened: the name between its own and the number ("member", "entry");
            "" = flattened.
        key_name, value_name: of a map's entries.
    """

    __slots__ = ("entry_name", "item", "key_name", "kind", "members", "value_name")

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.members: dict[str, Member] = {}
        self.item: Shape | None = None
        self.entry_name = ""
        self.key_name = "key"
        self.value_name = "value"


text: Final = Shape(TEXT)
integer: Final = Shape(INTEGER)
boolean: Final = Shape(BOOLEAN)
blob: Final = Shape(BLOB)


def list_of(item: Shape, entry_name: str = "") -> Shape:
    """Flattened unless it has an entry_name."""
    shape = Shape(LIST)
    shape.item = item
    shape.entry_name = entry_name
    return shape


def map_of(
    item: Shape = text, key_name: str = "key", value_name: str = "value", entry_name: str = ""
) -> Shape:
    """From texts. Flattened unless it has an entry_name."""
    shape = Shape(MAP)
    shape.item = item
    shape.key_name = key_name
    shape.value_name = value_name
    shape.entry_name = entry_name
    return shape


def structure(*members: Member) -> Shape:
    shape = Shape(STRUCTURE)
    for member in members:
        shape.members[member.name] = member
    return shape


NOTHING: Final = structure()


class OperationShape:
    """Name of an operation, what it takes, what it gives (None: the Query protocol shows no result at all)."""

    __slots__ = ("input", "name", "output")

    def __init__(self, name: str, input_shape: Shape, output_shape: Shape | None = None) -> None:
        self.name = name
        self.input = input_shape
        self.output = output_shape
