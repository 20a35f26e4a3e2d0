"""A message's structs as classes."""

from __future__ import annotations

from tools.kafka_messages.code_lines import LINE_MAX
from tools.kafka_messages.notation import Field, Struct
from tools.kafka_messages.shape import Shape


class ClassCode(Shape):
    """Plain classes with a constructor of keyword arguments."""

    def _class(self, struct: Struct, kind: str) -> None:
        lines = self.lines
        lines.add()
        lines.add()
        lines.add(f"class {struct.name}:")
        lines.depth += 1
        if not struct.fields:
            lines.add('"""Nothing."""')
            lines.depth -= 1
            return
        names = [f'"{each.name}"' for each in struct.fields]
        slots = f"__slots__ = ({', '.join(names)}{',' if len(names) == 1 else ''})"
        if 4 + len(slots) <= LINE_MAX:
            lines.add(slots)
        else:
            lines.call("__slots__ = ", names, "")
        lines.add()
        lines.add("def __init__(")
        lines.add("    self,")
        lines.add("    *,")
        for each in struct.fields:
            lines.add(f"    {each.name}: {self._parameter(each, kind)},")
        lines.add(") -> None:")
        lines.depth += 1
        for each in struct.fields:
            self.lines.assign(f"self.{each.name}", self._initial(each))
        lines.depth -= 2

    def _parameter(self, each: Field, kind: str) -> str:
        """Type and default of the constructor's parameter: no object is shared between two messages."""
        attribute, default = self._type(each, kind), self._default(each)
        if default == "[]" and self._is_optional(each):
            # None is a value here, so something else says that nothing was given.
            return f"{attribute} | tuple[()] | None = ()"
        if default == "[]" or default.endswith("()"):
            return f"{attribute} | None = None"
        return f"{attribute} | None = {default}" if self._is_optional(each) else f"{attribute} = {default}"

    def _initial(self, each: Field) -> str:
        default = self._default(each)
        if default == "[]" and self._is_optional(each):
            return f"[] if isinstance({each.name}, tuple) else {each.name}"
        if default == "[]" or default.endswith("()"):
            return f"{default} if {each.name} is None else {each.name}"
        return each.name
