"""`onemq top`: what goes on, live: rates, depths, lag, in flight, oldest age, per protocol, queue and group.

Rates are differences between two looks; the broker is asked for nothing that it does not count anyway.
"""

import contextlib
import select
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from onemq.cli.frame import BadUsage, Frame, example, talks
from onemq.cli.output import Column, number, plain_table, rich_table, size, span
from onemq.cli.values import duration_ms

if TYPE_CHECKING:
    from rich.console import RenderableType

INTERVAL_MS_MAX: Final = 3_600_000
DELIVERED: Final = ("delivered", "delivered_no_ack", "got", "got_no_ack")
QUEUES_MIN: Final = 3
GROUPS_MAX: Final = 5
TABLE_LINES: Final = 4
"""Of a table beside its rows."""
OTHER_LINES: Final = 12
"""Of a screen, beside the queues'."""


@click.command(epilog=example("onemq top", "onemq top --interval 5s --sort in", "onemq top --count 3 --json"))
@click.option("--interval", default="1s", show_default=True)
@click.option("--count", type=click.IntRange(1), help="End after so many looks.")
@click.option("--name", help="Only queues and groups that have this in their names.")
@click.option(
    "--sort",
    type=click.Choice(["ready", "in", "out", "age", "name"]),
    default="ready",
    show_default=True,
    help="What the queues are sorted by.",
)
@talks
def top(frame: Frame, interval: str, count: int | None, name: str | None, sort: str) -> None:
    """What goes on, live: q or ctrl-C ends. Where there is no terminal, one look after the other is printed."""
    wait_ms = duration_ms(interval, "--interval")
    if not 100 <= wait_ms <= INTERVAL_MS_MAX:
        raise BadUsage("--interval is from 100ms to 1h")
    looks = _Looks(frame, name, sort)
    with contextlib.suppress(KeyboardInterrupt):
        if frame.out.terminal and not frame.as_json:
            _live(frame, looks, wait_ms / 1000, count)
        else:
            _printed(frame, looks, wait_ms / 1000, count)


def _printed(frame: Frame, looks: "_Looks", seconds: float, count: int | None) -> None:
    looks.look()
    while count is None or count > 0:
        time.sleep(seconds)
        found = looks.look()
        if frame.as_json:
            frame.out.line(found)
        else:
            click.echo(_title(found))
            for rows, columns in _tables(found):
                if rows:
                    click.echo(plain_table(rows, columns) + "\n")
        sys.stdout.flush()
        count = None if count is None else count - 1


def _live(frame: Frame, looks: "_Looks", seconds: float, count: int | None) -> None:
    from rich.live import Live

    console = frame.out.console()
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        first = looks.look()
        live.update(_screen(first, console.height), refresh=True)
        while (count is None or count > 0) and not pressed(seconds):
            live.update(_screen(looks.look(), console.height), refresh=True)
            count = None if count is None else count - 1


@contextlib.contextmanager
def _keys() -> Iterator[Any]:
    """Gives a function that waits so many seconds, and says whether q was pressed."""
    if not sys.stdin.isatty():

        def waits(seconds: float) -> bool:
            time.sleep(seconds)
            return False

        yield waits
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed(seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([descriptor], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q", "", "\x03"):
                return True
        return False

    tty.setcbreak(descriptor)
    try:
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class _Looks:
    """One look after the other, each with what has changed since the last one."""

    def __init__(self, frame: Frame, name: str | None, sort: str) -> None:
        self._frame = frame
        self._name = name
        self._sort = sort
        self._before: dict[str, tuple[int, int, int]] = {}
        self._at_ms = 0

    def look(self) -> dict[str, Any]:
        client = self._frame.client
        namespace = self._frame.namespace
        overview = client.get("overview")
        queues = client.get("queues", query={"namespace": namespace, "name": self._name})
        groups = client.get("groups", query={"namespace": namespace})
        seconds = max(overview["time_ms"] - self._at_ms, 1) / 1000
        counted: dict[str, tuple[int, int, int]] = {}

        def rates(of: str, counters: dict[str, int]) -> dict[str, float]:
            now = (counters["published"], sum(counters[each] for each in DELIVERED), counters["acknowledged"])
            counted[of] = now
            before = self._before.get(of, now)
            names = ("published_per_second", "delivered_per_second", "acknowledged_per_second")
            return {
                each: round(max(value - earlier, 0) / seconds, 1)
                for each, value, earlier in zip(names, now, before, strict=True)
            }

        found = {
            "time_ms": overview["time_ms"],
            "uptime_ms": overview["uptime_ms"],
            "alarms": overview["alarms"],
            "resident_bytes": overview["resident_bytes"],
            "connections": overview["connections"],
            "ready": overview["ready"],
            "leased": overview["leased"],
            "delayed": overview["delayed"],
            **rates("", overview["counters"]),
            "protocols": [
                {
                    "name": each["name"] or "(broker)",
                    "connections": each["connections"],
                    **rates(f"p{each['name']}", each["counters"]),
                }
                for each in overview["protocols"]
            ],
            "queues": [
                {
                    "name": each["name"],
                    "type": "topic" if each["topic"] else each["settings"]["type"],
                    "ready": each["ready"],
                    "leased": each["leased"],
                    "delayed": each["delayed"],
                    "age_ms": each["age_ms"],
                    "consumers": each["consumers"] + each["receivers"],
                    **rates(f"q{each['name']}", each["counters"]),
                }
                for each in queues
            ],
            "groups": [
                {
                    "name": each["name"],
                    "state": each["state"],
                    "members": len(each["members"]),
                    "lag": each["lag"],
                }
                for each in groups
                if not self._name or self._name in each["name"]
            ],
        }
        self._before = counted
        self._at_ms = overview["time_ms"]
        found["queues"].sort(key=self._place)
        return found

    def _place(self, each: dict[str, Any]) -> tuple[float, str]:
        values = {
            "ready": each["ready"],
            "in": each["published_per_second"],
            "out": each["delivered_per_second"],
            "age": each["age_ms"] or 0,
            "name": 0,
        }
        return -values[self._sort], each["name"]


def _per_second(name: str) -> Column:
    title = {"published": "in/s>", "delivered": "out/s>", "acknowledged": "ack/s>"}[name]
    return title, lambda each: number(each[f"{name}_per_second"])


_PROTOCOLS: Final[list[Column]] = [
    ("protocol", lambda each: each["name"]),
    ("connections>", lambda each: number(each["connections"])),
    _per_second("published"),
    _per_second("delivered"),
    _per_second("acknowledged"),
]
_QUEUES: Final[list[Column]] = [
    ("queue", lambda each: each["name"]),
    ("type", lambda each: each["type"]),
    ("ready>", lambda each: number(each["ready"])),
    ("in flight>", lambda each: number(each["leased"])),
    ("delayed>", lambda each: number(each["delayed"])),
    ("oldest>", lambda each: span(each["age_ms"])),
    ("consumers>", lambda each: number(each["consumers"])),
    _per_second("published"),
    _per_second("delivered"),
    _per_second("acknowledged"),
]
_GROUPS: Final[list[Column]] = [
    ("group", lambda each: each["name"]),
    ("state", lambda each: each["state"]),
    ("members>", lambda each: number(each["members"])),
    ("lag>", lambda each: number(each["lag"])),
]


def _tables(found: dict[str, Any]) -> list[tuple[list[Any], list[Column]]]:
    return [(found["protocols"], _PROTOCOLS), (found["queues"], _QUEUES), (found["groups"], _GROUPS)]


def _title(found: dict[str, Any]) -> str:
    alarms = f"  ALARM: {', '.join(found['alarms'])}" if found["alarms"] else ""
    return (
        f"onemq up {span(found['uptime_ms'])}  {size(found['resident_bytes'])}  {found['connections']} connections  "
        f"{number(found['published_per_second'])} in/s  {number(found['delivered_per_second'])} out/s  "
        f"{number(found['ready'])} ready  {number(found['leased'])} in flight{alarms}"
    )


def _screen(found: dict[str, Any], height: int) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    left = height - OTHER_LINES - len(found["protocols"])
    groups = min(len(found["groups"]), GROUPS_MAX, max(left - QUEUES_MIN - TABLE_LINES, 0))
    if groups:
        left -= groups + TABLE_LINES
    room = max(left, QUEUES_MIN)
    parts: list[RenderableType] = [
        Text(_title(found), style="bold red" if found["alarms"] else "bold"),
        rich_table(found["protocols"], _PROTOCOLS),
        rich_table(found["queues"][:room], _QUEUES),
    ]
    if len(found["queues"]) > room:
        parts.append(Text(f"and {len(found['queues']) - room} more queues", style="dim"))
    if groups:
        worst = sorted(found["groups"], key=lambda each: -each["lag"])[:groups]
        parts.append(rich_table(worst, _GROUPS))
    parts.append(Text("q ends", style="dim"))
    return Group(*parts)
