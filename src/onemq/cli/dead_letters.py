"""`onemq dead-letters`: why, from where, how often and when messages died."""

from typing import Any, Final

import click

from onemq.cli.frame import Frame, example, talks
from onemq.cli.messages import body_cell
from onemq.cli.output import at
from onemq.cli.values import pairs, time_ms

PAGE: Final = 1000


@click.command(
    "dead-letters",
    epilog=example(
        "onemq dead-letters orders.dead",
        "onemq dead-letters orders.dead --where @reason=rejected --since 1h",
        "onemq dead-letters orders.dead --json | jq '.[].deaths'",
    ),
)
@click.argument("queue")
@click.option("-c", "--count", type=click.IntRange(1), default=50, show_default=True)
@click.option(
    "--where",
    multiple=True,
    metavar="NAME=VALUE",
    help="A header, @queue (died in) or @reason; all must fit.",
)
@click.option("--since", metavar="TIME", help="Died then or later: 10m (ago), 2026-11-28T08:00.")
@talks
def dead_letters(frame: Frame, queue: str, count: int, where: tuple[str, ...], since: str | None) -> None:
    """Look at the dead letters in QUEUE: each with its last death and all before it."""
    found, more = chosen(frame, queue, where, since, count, ready=False)
    frame.out.table(
        found,
        [
            ("offset>", lambda each: str(each["offset"])),
            ("died in", lambda each: last(each, "queue")),
            ("why", lambda each: last(each, "reason")),
            ("times>", lambda each: str(sum(death["count"] for death in each["deaths"]))),
            ("when", lambda each: at(newest(each))),
            ("was sent to", came_from),
            ("body", body_cell),
        ],
        f"no such dead letters in {queue}",
    )
    if more and not frame.as_json:
        click.echo("there are more: --count", err=True)


def chosen(
    frame: Frame, queue: str, where: tuple[str, ...], since: str | None, count: int | None, *, ready: bool
) -> tuple[list[dict[str, Any]], bool]:
    """Those that fit, page by page; and whether there are more than `count`. None: all."""
    conditions = [("where", f"{name}={value}") for name, value in pairs(where, "--where").items()]
    since_ms = time_ms(since, "--since") if since is not None else 0
    found: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        wanted = PAGE if count is None else min(PAGE, count - len(found))
        if wanted <= 0:
            return found, True
        query = [*conditions, ("since_ms", since_ms), ("offset", offset), ("count", wanted), ("ready", ready)]
        page = frame.client.get("dead-letters", frame.namespace, queue, query=query)
        found += page["messages"]
        offset = page["next_offset"]
    return found, False


def last(message: dict[str, Any], name: str) -> str:
    """Of the newest death, which stands first."""
    return str(message["deaths"][0][name]) if message["deaths"] else "-"


def newest(message: dict[str, Any]) -> int:
    return max((int(death["time_ms"]) for death in message["deaths"]), default=int(message["time_ms"]))


def came_from(message: dict[str, Any]) -> str:
    if not message["deaths"]:
        return "-"
    first = message["deaths"][-1]
    key = ",".join(first["routing_keys"])
    return f"{first['exchange']}/{key}" if first["exchange"] else key
