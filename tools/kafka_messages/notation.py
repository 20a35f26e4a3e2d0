"""The plain-text notation of Kafka's messages: text to Python objects.

Job: parse one file of schemas/; what it may hold is in README.md beside this file.
Must not: know Python code that is made of it (generate.py does).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

VERSIONS_END = 32767
INTEGER_TYPES = ("int8", "int16", "uint16", "int32", "uint32", "int64")
SCALAR_TYPES = (*INTEGER_TYPES, "bool", "float64", "string", "uuid", "bytes", "records")


@dataclass(frozen=True)
class Versions:
    """A range, both ends included; empty where last < first."""

    first: int
    last: int

    def holds(self, version: int) -> bool:
        return self.first <= version <= self.last

    def within(self, other: Versions) -> Versions:
        return Versions(max(self.first, other.first), min(self.last, other.last))


NO_VERSIONS = Versions(0, -1)


@dataclass
class Struct:
    """A class to be: its name as Kafka has it, and its fields in the order of the wire."""

    name: str
    fields: list[Field] = field(default_factory=list)


@dataclass
class Field:
    name: str
    type: str
    """A scalar type, or the name of a struct."""
    is_array: bool
    versions: Versions
    nullable: Versions
    tag: int | None
    default: str | None
    """As it is written, "null" included; None: the type's own."""
    struct: Struct | None


@dataclass
class Message:
    kind: str
    """request, response or data."""
    body: Struct
    versions: Versions
    flexible: Versions


@dataclass
class Schema:
    """One file, which is one module."""

    path: Path
    messages: list[Message]
    api_key: int = -1
    api_name: str = ""
    is_hot: bool = False
    served: Versions = NO_VERSIONS
    listed: Versions = NO_VERSIONS

    @property
    def module(self) -> str:
        return self.path.stem


def parse_versions(text: str) -> Versions:
    """ "3", "3-7", "3+" or "none"."""
    if text == "none":
        return NO_VERSIONS
    if text.endswith("+"):
        return Versions(int(text[:-1]), VERSIONS_END)
    first, _, last = text.partition("-")
    return Versions(int(first), int(last or first))


FIELD = re.compile(
    r"(?P<indent> +)(?P<name>[a-z0-9_]+): (?P<array>\[\])?(?P<type>\w+) (?P<versions>[\d+-]+)"
    r"(?: null (?P<nullable>[\d+-]+))?(?: tag (?P<tag>\d+))?(?: = (?P<default>\S+))?$"
)


def parse(path: Path) -> Schema:
    """Raises ValueError with file and line where the text is none of the notation."""
    schema = Schema(path, [])
    open_structs: list[Struct] = []
    known: dict[str, Struct] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            if line.startswith(" "):
                _add_field(line, open_structs, known)
            elif words[0] in ("request", "response", "data"):
                message = _message(words, schema.api_name)
                schema.messages.append(message)
                open_structs = [message.body]
                known = {} if words[0] != "response" else known
            else:
                _add_setting(words, schema)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path.name}:{number}: {error}: {line}") from error
    if schema.listed == NO_VERSIONS:
        schema.listed = schema.served
    return schema


def _add_setting(words: list[str], schema: Schema) -> None:
    if words[0] == "api":
        schema.api_key = int(words[1])
        schema.api_name = words[2]
        schema.is_hot = words[3:] == ["hot"]
    elif words[0] == "serve":
        schema.served = parse_versions(words[1])
    elif words[0] == "list":
        schema.listed = parse_versions(words[1])
    else:
        raise ValueError("no such word")


def _message(words: list[str], api_name: str) -> Message:
    kind = words[0]
    name = words.pop(1) if kind == "data" else api_name + kind.capitalize()
    if words[2] != "flexible":
        raise ValueError("flexible is missing")
    return Message(kind, Struct(name), parse_versions(words[1]), parse_versions(words[3]))


def _add_field(line: str, open_structs: list[Struct], known: dict[str, Struct]) -> None:
    match = FIELD.match(line)
    if not match:
        raise ValueError("not a field")
    depth = len(match["indent"]) // 2
    if depth > len(open_structs):
        raise ValueError("deeper than its struct")
    del open_structs[depth:]
    type_name = match["type"]
    struct = None
    if type_name not in SCALAR_TYPES:
        struct = known.get(type_name)
        if struct is None:
            struct = known[type_name] = Struct(type_name)
    open_structs[-1].fields.append(
        Field(
            match["name"],
            type_name,
            bool(match["array"]),
            parse_versions(match["versions"]),
            parse_versions(match["nullable"]) if match["nullable"] else NO_VERSIONS,
            int(match["tag"]) if match["tag"] else None,
            match["default"],
            struct,
        )
    )
    if struct is not None:
        # Its fields may follow; those of one that was named before stand there.
        open_structs.append(struct)
