"""The functions that read."""

from __future__ import annotations

from tools.kafka_messages.code_lines import snake
from tools.kafka_messages.notation import Field, Struct, Versions
from tools.kafka_messages.shape import Shape

READERS = {"bool": "boolean"}


class ReadCode(Shape):
    """Local variables first, the object at the end: what a version lacks has its default."""

    def _read_body(self, struct: Struct) -> None:
        lines = self.lines
        used = [each for each in struct.fields if self._is_used(each)]
        tagged = [each for each in used if each.tag is not None]
        for condition, group in self._runs(used):
            for each in group if condition else []:
                lines.add(f"{each.name}: {self._local_type(each)} = {self._default(each)}")
            if condition:
                lines.add(f"if {condition}:")
                lines.depth += 1
            for each in group:
                self._read_value(each, declare=not condition)
            if condition:
                lines.depth -= 1
        for each in tagged:
            lines.add(f"{each.name}: {self._local_type(each)} = {self._default(each)}")
        self._read_tags(tagged)
        lines.call(f"return {struct.name}", [f"{each.name}={each.name}" for each in used], "")

    def _local_type(self, each: Field) -> str:
        return self._type(each, "request") + (" | None" if self._is_optional(each) else "")

    def _read_value(self, each: Field, *, declare: bool) -> None:
        among = each.versions.within(self.versions)
        nullable = self._condition(each.nullable, among)
        if each.is_array:
            self._read_array(each, among, nullable, declare=declare)
            return
        typed = f"{each.name}: {self._local_type(each)}" if declare and self._is_optional(each) else each.name
        plain, optional = self._read_expressions(each)
        if nullable is None:
            self.lines.assign(typed, plain)
        elif nullable == "":
            self.lines.assign(typed, optional)
        else:
            self.lines.assign(typed, f"{optional} if {nullable} else {plain}")

    def _read_expressions(self, each: Field) -> tuple[str, str]:
        """How one value is read, and how one that may be null."""
        flexible = self._flexible()
        if each.struct is not None:
            plain = (
                f"_read_{snake(each.struct.name)}({', '.join(self._inner_arguments('reader', each.struct))})"
            )
            return plain, f"{plain} if reader.struct_present() else None"
        if each.type == "string":
            return f"reader.string({flexible})", f"reader.nullable_string({flexible})"
        if each.type in ("bytes", "records"):
            return f"reader.bytes_field({flexible})", f"reader.nullable_bytes({flexible})"
        plain = f"reader.{READERS.get(each.type, each.type)}()"
        return plain, plain

    def _read_array(self, each: Field, among: Versions, nullable: str | None, *, declare: bool) -> None:
        lines = self.lines
        arguments = f"({self._flexible()}, {self._bytes_min(each, among)})"
        element, _ = self._read_expressions(each)
        typed = f"{each.name}: {self._local_type(each)}" if declare else each.name
        if nullable is None:
            if declare:
                lines.add(f"{typed} = []")
            lines.add(f"for _ in range(reader.array_length{arguments}):")
            lines.add(f"    {each.name}.append({element})")
            return
        count = f"{each.name}_count"
        several, one = f"reader.nullable_array_length{arguments}", f"reader.array_length{arguments}"
        if nullable:
            self.lines.assign(count, f"{several} if {nullable} else {one}")
        else:
            lines.add(f"{count} = {several}")
        inner = f"{each.name}_read"
        lines.add(f"{inner}: {self._type(each, 'request')} = []")
        lines.add(f"for _ in range({count}):")
        lines.add(f"    {inner}.append({element})")
        self.lines.assign(typed, f"{inner} if {count} >= 0 else None")

    def _read_tags(self, tagged: list[Field]) -> None:
        lines = self.lines
        flexible = self._flexible()
        if flexible == "False":
            return
        if flexible == "flexible":
            lines.add("if flexible:")
            lines.depth += 1
        if not tagged:
            lines.add("reader.skip_tagged_fields()")
        else:
            self._read_known_tags(tagged)
        if flexible == "flexible":
            lines.depth -= 1

    def _read_known_tags(self, tagged: list[Field]) -> None:
        lines = self.lines
        among = self.flexible.within(self.versions)
        lines.add("for _ in range(reader.uvarint()):")
        lines.depth += 1
        lines.add("tag = reader.uvarint()")
        lines.add("tagged_end = reader.tagged_end()")
        word = "if"
        for each in tagged:
            condition = self._condition(each.versions, among)
            lines.add(f"{word} tag == {each.tag}" + (f" and {condition}:" if condition else ":"))
            lines.depth += 1
            self._read_value(each, declare=False)
            lines.depth -= 1
            word = "elif"
        lines.add("else:")
        lines.add("    reader.at = tagged_end")
        lines.add("reader.finish_tagged(tagged_end)")
        lines.depth -= 1
