"""What the notation means for the code: versions to conditions, fields to types and defaults.

Must not: write code.
"""

from __future__ import annotations

from tools.kafka_messages.code_lines import Lines
from tools.kafka_messages.notation import Field, Schema, Struct, Versions

PYTHON_TYPES = {
    "bool": "bool",
    "float64": "float",
    "string": "str",
    "uuid": "bytes",
    "bytes": "bytes",
    "records": "bytes",
}
ZEROS = {"bool": "False", "float64": "0.0", "string": '""', "uuid": "ZERO_UUID", "bytes": 'b""'}
BYTES_MIN = {
    "int8": 1, "bool": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "float64": 8, "uuid": 16,
}  # fmt: skip


class Shape:
    """The struct that is being written, in its message, in its module."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.lines = Lines()
        self.names: set[str] = set()
        """Names of primitives and librt that the code uses."""
        self.spans: dict[str, Versions] = {}
        """In which versions each struct of the message is used."""
        self.versions = Versions(0, 0)
        """Those of the struct at hand."""
        self.flexible = Versions(0, -1)

    def _measure(self, struct: Struct, versions: Versions) -> None:
        known = self.spans.get(struct.name, versions)
        self.spans[struct.name] = Versions(min(known.first, versions.first), max(known.last, versions.last))
        for each in struct.fields:
            among = each.versions.within(versions)
            if each.struct is not None and among.first <= among.last:
                self._measure(each.struct, among)

    def _inner_first(self, body: Struct) -> list[Struct]:
        found: list[Struct] = []
        for each in body.fields:
            if each.struct is not None and each.struct.name in self.spans:
                for inner in self._inner_first(each.struct):
                    if inner not in found:
                        found.append(inner)
        return [*found, body]

    def _use(self, name: str) -> str:
        """Notes that the module has to import it."""
        self.names.add(name)
        return name

    def _type(self, each: Field, kind: str) -> str:
        """The attribute's type."""
        if each.struct is not None:
            inner = each.struct.name
        elif each.type == "records" and kind == "response":
            inner = "list[bytes]"
        else:
            inner = PYTHON_TYPES.get(each.type, "int")
        return f"list[{inner}]" if each.is_array else inner

    def _is_optional(self, each: Field) -> bool:
        """Whether the attribute may be None: null on the wire, or a tagged struct that is left out."""
        nullable = each.nullable.within(self.versions)
        is_tagged_struct = each.struct is not None and not each.is_array and each.tag is not None
        return nullable.first <= nullable.last or is_tagged_struct or each.type == "records"

    def _default(self, each: Field) -> str:
        """The default as an expression; "[]" and "Name()" stand for fresh objects."""
        if each.default == "null":
            return "None"
        if each.is_array:
            return "[]"
        if each.struct is not None:
            return "None" if each.tag is not None else f"{each.struct.name}()"
        if each.type == "records":
            return "None"
        if each.default is None:
            zero = ZEROS.get(each.type, "0")
            return self._use(zero) if zero == "ZERO_UUID" else zero
        if each.type == "bool":
            return each.default.capitalize()
        return f'"{each.default}"' if each.type == "string" else each.default

    def _condition(self, versions: Versions, among: Versions) -> str | None:
        """What holds in these versions, given that the version is among those; "" always, None never."""
        both = versions.within(among)
        if both.first > both.last:
            return None
        if both == among:
            return ""
        if both.last == among.last:
            return f"version >= {both.first}"
        if both.first == among.first:
            return f"version <= {both.last}"
        if both.first == both.last:
            return f"version == {both.first}"
        return f"{both.first} <= version <= {both.last}"

    def _flexible(self) -> str:
        """The expression for "this version is flexible"."""
        return {"": "True", None: "False"}.get(self._condition(self.flexible, self.versions), "flexible")

    def _bytes_min(self, each: Field, among: Versions) -> int:
        """The least bytes of one value of the field in any of these versions."""
        if each.struct is None:
            return BYTES_MIN.get(each.type, 1)
        least = []
        for version in range(among.first, among.last + 1):
            size = 1 if self.flexible.holds(version) else 0
            for inner in each.struct.fields:
                if inner.versions.holds(version) and inner.tag is None:
                    only = Versions(version, version)
                    is_small = inner.is_array or inner.nullable.holds(version)
                    size += 1 if is_small else self._bytes_min(inner, only)
            least.append(size)
        return max(1, min(least))

    def _takes_flexible(self, struct: Struct) -> bool:
        """Whether the struct is used in flexible and in other versions, so that its functions have to be told."""
        return self._condition(self.flexible, self.spans[struct.name]) not in ("", None)

    def _inner_arguments(self, first: str, struct: Struct) -> list[str]:
        return [first, "version", *([self._flexible()] if self._takes_flexible(struct) else [])]

    def _is_used(self, each: Field) -> bool:
        return self._condition(each.versions, self.versions) is not None

    def _runs(self, fields: list[Field]) -> list[tuple[str, list[Field]]]:
        """The untagged fields, those that follow each other and stand in the same versions together."""
        runs: list[tuple[str, list[Field]]] = []
        for each in fields:
            if each.tag is None:
                condition = self._condition(each.versions, self.versions) or ""
                if not runs or runs[-1][0] != condition:
                    runs.append((condition, []))
                runs[-1][1].append(each)
        return runs
