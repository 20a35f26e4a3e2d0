"""What commands print: tables and colours on a terminal, plain aligned text elsewhere, JSON when asked.

rich is loaded when a terminal is to be drawn on. Must not: talk to a broker.
"""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Column = tuple[str, Callable[[Any], str]]
"""Title, and the cell of a row. A title that ends with ">" is of numbers: they stand at the right."""

_UNITS: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


class Output:
    """as_json: one document, or one object a line."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.terminal = sys.stdout.isatty()

    def console(self, *, err: bool = False) -> "Console":
        from rich.console import Console

        return Console(stderr=err, highlight=False)

    # One document.

    def show(self, value: Any, text: str | Callable[[], None]) -> None:
        """JSON of the value, or the text."""
        if self.as_json:
            self.json(value)
        elif isinstance(text, str):
            click.echo(text)
        else:
            text()

    def json(self, value: Any) -> None:
        click.echo(json.dumps(value, indent=2 if self.terminal else None, ensure_ascii=False))

    def line(self, value: Any) -> None:
        """One object of a stream."""
        click.echo(json.dumps(value, ensure_ascii=False))

    def table(self, rows: Sequence[Any], columns: Sequence[Column], none: str) -> None:
        """none: what to say instead of an empty table."""
        if self.as_json:
            self.json(list(rows))
            return
        if not rows:
            click.echo(none, err=True)
            return
        if self.terminal:
            self.console().print(rich_table(rows, columns))
        else:
            click.echo(plain_table(rows, columns))

    def fields(self, value: Any, pairs: Sequence[tuple[str, object]]) -> None:
        """One thing: names and values, those without a value left out."""
        if self.as_json:
            self.json(value)
            return
        shown = [(name, harmless(str(text))) for name, text in pairs if text is not None and text != ""]
        width = max((len(name) for name, _ in shown), default=0)
        for name, text in shown:
            click.echo(f"{click.style(name.ljust(width), dim=True)}  {text}")


def plain_table(rows: Sequence[Any], columns: Sequence[Column]) -> str:
    """Aligned, for files and other programs."""
    cells = [[title.rstrip(">") for title, _ in columns]]
    cells += [[harmless(cell(row)) for _, cell in columns] for row in rows]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    lines = []
    for line in cells:
        parts = [
            text.rjust(widths[at]) if columns[at][0].endswith(">") else text.ljust(widths[at])
            for at, text in enumerate(line)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def rich_table(rows: Sequence[Any], columns: Sequence[Column], title: str = "") -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for name, _ in columns:
        table.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*[escape(harmless(cell(row))) for _, cell in columns])
    return table


# Values for people.


def harmless(text: str) -> str:
    """Names, headers and bodies are others': what would steer a terminal is shown as what it is."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1]
        for character in text
    )


def size(count: int | None) -> str:
    if count is None:
        return ""
    for unit, factor in _UNITS:
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def number(count: float | None) -> str:
    if count is None:
        return ""
    return f"{count:,.0f}" if count >= 100 or count == int(count) else f"{count:,.1f}"


def span(milliseconds: float | None) -> str:
    """A duration."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} d"


def at(time_ms: int | None) -> str:
    """A time, in this machine's zone."""
    if time_ms is None:
        return ""
    return datetime.fromtimestamp(time_ms / 1000).astimezone().isoformat(sep=" ", timespec="milliseconds")


def yes(value: bool) -> str:
    return "yes" if value else ""
