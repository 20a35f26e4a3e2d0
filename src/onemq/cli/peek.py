"""`onemq peek`: looks without taking."""

from typing import Any

import click

from onemq.cli.frame import Frame, example, talks
from onemq.cli.messages import body_cell, headers_cell
from onemq.cli.output import at
from onemq.cli.values import time_ms


@click.command(
    epilog=example("onemq peek orders", "onemq peek orders --count 100 --json | jq '.messages[].body'")
)
@click.argument("queue")
@click.option("-c", "--count", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--offset", type=click.IntRange(0), help="From this offset.")
@click.option("--since", metavar="TIME", help="Published then or later: 10m (ago), 2026-11-28T08:00.")
@click.option("--partition", type=int, help="Of a topic.")
@click.option("--ready", is_flag=True, help="Not what is delayed or in somebody's hands.")
@click.option("--topic", is_flag=True, help="All that the topic keeps, though a queue has the name.")
@talks
def peek(
    frame: Frame,
    queue: str,
    count: int,
    offset: int | None,
    since: str | None,
    partition: int | None,
    ready: bool,
    topic: bool,
) -> None:
    """Look at messages of QUEUE (or of a topic) without taking them: nobody notices."""
    query: dict[str, Any] = {
        "count": count,
        "offset": offset,
        "since_ms": None if since is None else time_ms(since, "--since"),
        "partition": partition,
        "ready": ready,
        "kept": topic,
    }
    found = frame.client.get("peek", frame.namespace, queue, query=query)
    if frame.as_json:
        frame.out.json(found)
        return
    frame.out.table(
        found["messages"],
        [
            ("offset>", lambda each: f"{each['partition']}:{each['offset']}"),
            ("state", lambda each: each["state"]),
            ("published", lambda each: at(each["time_ms"])),
            ("tries>", lambda each: str(each["attempts"])),
            ("key", lambda each: each["key"] or ""),
            ("headers", headers_cell),
            ("body", body_cell),
        ],
        f"nothing is in {queue}",
    )
    if found["more"] and not frame.as_json:
        click.echo(f"there are more: --count, or --offset {found['messages'][-1]['offset'] + 1}", err=True)
