"""`onemq redrive`: has the broker move dead letters back, or elsewhere, and watches it."""

import time
from typing import Any, Final

import click

from onemq.cli.dead_letters import chosen
from onemq.cli.frame import CliError, Frame, example, talks
from onemq.cli.progress import Progress
from onemq.cli.values import pairs, time_ms

POLL_SECONDS: Final = 0.1
_WHY: Final = {
    "CouldNotDetermineMessageSource": "a message never died: say where it is to go with --to",
    "NonExistentQueue": "a queue does not exist (any more): say another with --to",
    "AccessDenied": "you may not write to a queue that messages died in",
    "OverLimit": "the queue that they go to is full",
}


@click.command(
    epilog=example(
        "onemq redrive orders.dead",
        "onemq redrive orders.dead --to orders --where tenant=acme --since 2h --limit 100",
        "onemq redrive orders.dead --where @reason=expired --dry-run",
    )
)
@click.argument("queue")
@click.option("--to", metavar="QUEUE", help="Instead of back to the queue that each died in.")
@click.option(
    "--where",
    multiple=True,
    metavar="NAME=VALUE",
    help="A header, @queue (died in) or @reason; all must fit.",
)
@click.option("--since", metavar="TIME", help="Died then or later: 10m (ago), 2026-11-28T08:00.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@click.option("--rate", type=click.IntRange(1), help="At most so many a second.")
@click.option("--dry-run", is_flag=True, help="Only tell how many would be moved.")
@click.option("--detach", is_flag=True, help="Do not wait: the broker goes on by itself.")
@talks
def redrive(
    frame: Frame,
    queue: str,
    to: str | None,
    where: tuple[str, ...],
    since: str | None,
    limit: int | None,
    rate: int | None,
    dry_run: bool,
    detach: bool,
) -> None:
    """Move what is ready in QUEUE back to the queues that it died in, or --to another.

    The broker does it, as a task that survives its restart; ctrl-C cancels it. What was moved stays moved.
    """
    if dry_run:
        _tell(frame, queue, to, where, since, limit)
        return
    request: dict[str, Any] = {
        "to": to,
        "where": [{"name": name, "value": value} for name, value in pairs(where, "--where").items()],
        "since_ms": time_ms(since, "--since") if since is not None else 0,
        "limit": limit or 0,
        "per_second": rate,
    }
    task = frame.client.post("redrives", frame.namespace, queue, body=request)
    if detach:
        frame.out.show(task, f"redrive {task['id']} is at work: `onemq redrive` again says when it is not")
        return
    task = _watch(frame, queue, task)
    whither = to or "where they died"
    frame.out.show(task, f"moved {task['moved']} from {queue} to {whither} ({task['state']})")
    if task["state"] == "failed":
        raise CliError(f"the redrive stopped: {_WHY.get(task['failure'], task['failure'])}")


def _watch(frame: Frame, queue: str, task: dict[str, Any]) -> dict[str, Any]:
    """Until it has ended."""
    path = ("redrives", frame.namespace, queue, task["id"])
    total = min(task["to_move"], task["limit"]) if task["limit"] else task["to_move"]
    with Progress(frame.out, f"redriving {queue}", total) as progress:
        while task["state"] in ("running", "cancelling"):
            try:
                time.sleep(POLL_SECONDS)
                task = frame.client.get(*path)
            except KeyboardInterrupt:
                frame.client.close()
                if task["state"] == "running":
                    task = frame.client.delete(*path)
            progress.reach(task["moved"])
    return task


def _tell(
    frame: Frame, queue: str, to: str | None, where: tuple[str, ...], since: str | None, limit: int | None
) -> None:
    found, _ = chosen(frame, queue, where, since, limit, ready=True)
    by_target: dict[str, int] = {}
    lost = 0
    for message in found:
        target = to or (message["deaths"][0]["queue"] if message["deaths"] else "")
        if not target:
            lost += 1
        else:
            by_target[target] = by_target.get(target, 0) + 1
    lines = [f"would move {count} to {target}" for target, count in sorted(by_target.items())]
    if lost:
        lines.append(f"{lost} never died: they need --to")
    frame.out.show(
        {"would_move": by_target, "without_origin": lost}, "\n".join(lines) or "would move nothing"
    )
