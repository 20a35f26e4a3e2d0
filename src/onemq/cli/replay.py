"""`onemq replay`: kept messages go to their readers again.

What "again" is depends on the reader. A group of a topic reads on from an earlier offset (its offsets are reset: nothing is copied). A
queue gets copies as new messages (--to). What a plain queue has settled is gone and cannot be replayed.
"""

from typing import Any

import click

from onemq.cli.frame import BadUsage, CliError, Frame, example, talks
from onemq.cli.progress import Progress
from onemq.cli.values import time_ms


@click.command(
    epilog=example(
        "onemq replay events --since 1h",
        "onemq replay events --since 2026-11-28T08:00 --group billing",
        "onemq replay events --since 1h --to billing.again",
    )
)
@click.argument("target")
@click.option(
    "--since", required=True, metavar="TIME", help="Published then or later: 10m (ago), 2026-11-28T08:00."
)
@click.option("--until", metavar="TIME", help="With --to: published then or sooner; now, if it is not said.")
@click.option("--group", "groups", multiple=True, help="Of these groups only.")
@click.option("--to", metavar="QUEUE", help="Copy them into this queue.")
@click.option("--dry-run", is_flag=True, help="Only tell which offsets would be set.")
@talks
def replay(
    frame: Frame,
    target: str,
    since: str,
    until: str | None,
    groups: tuple[str, ...],
    to: str | None,
    dry_run: bool,
) -> None:
    """Give what TARGET (a topic or a stream) keeps since TIME to its readers again.

    Without --to all groups that read TARGET are set back to TIME; groups that have members are not, stop them first.
    With --to the messages are copied into a queue, and their readers notice nothing.
    """
    since_ms = time_ms(since, "--since")
    if to is not None:
        if groups or dry_run:
            raise BadUsage("--to copies: --group and --dry-run are of groups")
        _copy(frame, target, to, since_ms, None if until is None else time_ms(until, "--until"))
    else:
        _reset(frame, target, since_ms, groups, dry_run)


def _reset(frame: Frame, topic: str, since_ms: int, only: tuple[str, ...], dry_run: bool) -> None:
    view = frame.client.get("queues", frame.namespace, topic)["queue"]
    if not view["topic"]:
        kept = view["settings"]["type"] == "stream"
        text = "its consumers choose their offset themselves" if kept else "it keeps nothing that was settled"
        raise CliError(
            f"'{topic}' is no topic, {text}: copy what is kept with --to QUEUE, or see `onemq dead-letters`"
        )
    known = {
        group["name"]: group for group in frame.client.get("groups", query={"namespace": frame.namespace})
    }
    readers = [
        name
        for name, group in known.items()
        if group["kind"] != "share" and any(lag["topic"] == topic for lag in group["lags"])
    ]
    chosen = list(only) or readers
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise CliError(f"there is no group {unknown[0]!r}: `onemq groups list`")
    if not chosen:
        raise CliError(f"no group reads '{topic}': copy into a queue with --to QUEUE")
    busy = [name for name in chosen if known[name]["members"]]
    if busy:
        raise CliError(f"these groups have members: {', '.join(busy)}. Stop them, then replay")
    done = [
        frame.client.post(
            "groups",
            frame.namespace,
            name,
            "reset",
            body={"to": "time", "time_ms": since_ms, "topic": topic, "dry_run": dry_run},
        )
        for name in chosen
    ]
    lines = []
    for each in done:
        again = sum(max((offset["before"] or 0) - offset["after"], 0) for offset in each["offsets"])
        word = "would read" if dry_run else "reads"
        lines.append(f"group {each['group']} {word} {again} messages of {topic} again")
    frame.out.show(done, "\n".join(lines))


def _copy(frame: Frame, source: str, to: str, since_ms: int, until_ms: int | None) -> None:
    request: dict[str, Any] = {"to": to, "since_ms": since_ms, "until_ms": until_ms, "positions": {}}
    copied = 0
    with Progress(frame.out, f"replaying {source} into {to}", None) as progress:
        while True:
            step = frame.client.post("replay", frame.namespace, source, body=request)
            copied += step["copied"]
            progress.reach(copied)
            if step["done"]:
                break
            request.update(positions=step["positions"], until_ms=step["until_ms"])
    frame.out.show({"copied": copied, "to": to}, f"copied {copied} from {source} to {to}")
