"""The functions that write."""

from __future__ import annotations

from tools.kafka_messages.code_lines import snake
from tools.kafka_messages.notation import Field, Struct
from tools.kafka_messages.shape import Shape

FIXED_WRITERS = {
    "int8": "write_int8",
    "int16": "write_i16_be",
    "uint16": "write_uint16",
    "int32": "write_i32_be",
    "uint32": "write_uint32",
    "int64": "write_i64_be",
    "float64": "write_f64_be",
    "bool": "write_boolean",
    "uuid": "write_uuid",
}
SIZED_WRITERS = {
    "string": ("write_string", "write_nullable_string"),
    "bytes": ("write_bytes", "write_nullable_bytes"),
    "records": ("write_records", "write_records"),
}


class WriteCode(Shape):
    """Field after field, the tagged ones at the end."""

    def _write_body(self, struct: Struct, is_public: bool) -> None:
        used = [each for each in struct.fields if self._is_used(each)]
        before = len(self.lines.text)
        for condition, group in self._runs(used):
            if condition:
                self.lines.add(f"if {condition}:")
                self.lines.depth += 1
            for each in group:
                self._write_value(each, "writer")
            if condition:
                self.lines.depth -= 1
        self._write_tags([each for each in used if each.tag is not None])
        if len(self.lines.text) == before and not is_public:
            self.lines.add("return")

    def _write_value(self, each: Field, writer: str) -> None:
        """One field in the versions that have it; a None where the version has no null is our own bug."""
        lines = self.lines
        among = each.versions.within(self.versions)
        nullable = self._condition(each.nullable, among)
        value = f"message.{each.name}"
        if each.type == "records":
            self._write_plain(each, writer, value, is_nullable=True)
        elif nullable is None:
            if self._is_optional(each) and each.tag is None:
                lines.add(f"assert {value} is not None")
            self._write_plain(each, writer, value, is_nullable=False)
        else:
            if nullable:
                lines.add(f"assert {value} is not None or {nullable}")
            self._write_plain(each, writer, value, is_nullable=True)

    def _write_plain(self, each: Field, writer: str, value: str, *, is_nullable: bool) -> None:
        lines = self.lines
        flexible = self._flexible()
        if each.is_array:
            self._write_array(each, writer, value, is_nullable=is_nullable)
        elif each.struct is not None and is_nullable:
            lines.add(f"if {value} is None:")
            lines.add(f"    {self._use('write_int8')}({writer}, -1)")
            lines.add("else:")
            lines.depth += 1
            lines.add(f"{self._use('write_int8')}({writer}, 1)")
            self._write_one(each, writer, value)
            lines.depth -= 1
        elif is_nullable:
            lines.add(f"{self._use(SIZED_WRITERS[each.type][1])}({writer}, {value}, {flexible})")
        else:
            self._write_one(each, writer, value)

    def _write_one(self, each: Field, writer: str, value: str) -> None:
        """The call that writes one value that is not null."""
        if each.struct is not None:
            function = f"_write_{snake(each.struct.name)}"
            arguments = [writer, *self._inner_arguments(value, each.struct)]
        elif each.type in FIXED_WRITERS:
            function, arguments = self._use(FIXED_WRITERS[each.type]), [writer, value]
        else:
            function, arguments = self._use(SIZED_WRITERS[each.type][0]), [writer, value, self._flexible()]
        self.lines.call(function, arguments, "")

    def _write_array(self, each: Field, writer: str, value: str, *, is_nullable: bool) -> None:
        lines = self.lines
        length = self._use("write_length")
        if is_nullable:
            lines.add(f"if {value} is None:")
            lines.add(f"    {length}({writer}, -1, {self._flexible()})")
            lines.add("else:")
            lines.depth += 1
        name = f"each_{each.name}"
        lines.add(f"{length}({writer}, len({value}), {self._flexible()})")
        lines.add(f"for {name} in {value}:")
        lines.depth += 1
        self._write_one(each, writer, name)
        lines.depth -= 1
        if is_nullable:
            lines.depth -= 1

    def _write_tags(self, tagged: list[Field]) -> None:
        lines = self.lines
        flexible = self._flexible()
        if flexible == "False":
            return
        if flexible == "flexible":
            lines.add("if flexible:")
            lines.depth += 1
        if not tagged:
            lines.add("writer.append(0)")
        else:
            self._write_known_tags(tagged)
        if flexible == "flexible":
            lines.depth -= 1

    def _write_known_tags(self, tagged: list[Field]) -> None:
        lines = self.lines
        lines.add("tagged_count = 0")
        for each in tagged:
            lines.add(f"if {self._tag_is_written(each)}:")
            lines.add("    tagged_count += 1")
        lines.add("writer.append(tagged_count)")
        for each in sorted(tagged, key=lambda one: one.tag or 0):
            lines.add(f"if {self._tag_is_written(each)}:")
            lines.depth += 1
            lines.add(f"{each.name}_writer = BytesWriter()")
            self._write_value(each, f"{each.name}_writer")
            value = f"{each.name}_writer.getvalue()"
            lines.add(f"{self._use('write_tagged_field')}(writer, {each.tag}, {value})")
            lines.depth -= 1

    def _tag_is_written(self, each: Field) -> str:
        """A tagged field is left out where it has its default."""
        value, default = f"message.{each.name}", self._default(each)
        if default == "None":
            test = f"{value} is not None"
        elif default == "False":
            test = value
        elif default == "[]":
            test = f"{value} is None or {value}" if self._is_optional(each) else value
        else:
            test = f"{value} != {default}"
        condition = self._condition(each.versions, self.flexible.within(self.versions))
        return f"{condition} and {test}" if condition else test
