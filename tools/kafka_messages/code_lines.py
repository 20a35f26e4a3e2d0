"""Lines of Python as ruff's format would leave them.

Must not: know what the code is about.
"""

from __future__ import annotations

import re

LINE_MAX = 110


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def import_order(name: str) -> tuple[int, str]:
    """Constants, classes, functions: the order that ruff wants."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def import_lines(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE_MAX:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


class Lines:
    """Lines of code with their indentation."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.depth = 0

    def add(self, line: str = "") -> None:
        self.text.append("    " * self.depth + line if line else "")

    def call(self, head: str, arguments: list[str], tail: str) -> None:
        """head(arguments)tail on one line where that holds it, else with an argument a line."""
        line = f"{head}({', '.join(arguments)}){tail}"
        if 4 * self.depth + len(line) <= LINE_MAX:
            self.add(line)
            return
        self.add(head + "(")
        for argument in arguments:
            self.add(f"    {argument},")
        self.add(")" + tail)

    def assign(self, target: str, value: str) -> None:
        """target = value, in parentheses where one line does not hold it."""
        line = f"{target} = {value}"
        if 4 * self.depth + len(line) <= LINE_MAX:
            self.add(line)
            return
        self.add(f"{target} = (")
        self.add(f"    {value}")
        self.add(")")
