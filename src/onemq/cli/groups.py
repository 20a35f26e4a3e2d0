"""`onemq groups`: list, show, reset, delete."""

from typing import Any

import click

from onemq.cli.frame import BadUsage, Frame, confirm, example, talks, yes_option
from onemq.cli.output import number
from onemq.cli.values import time_ms


@click.group(epilog=example("onemq groups list", "onemq groups reset billing --to 1h --topic events"))
def groups() -> None:
    """Consumer groups: who reads what, and how far behind."""


@groups.command("list", epilog=example("onemq groups list"))
@talks
def list_groups(frame: Frame) -> None:
    """All groups with their lags."""
    found = frame.client.get("groups", query={"namespace": frame.namespace})
    frame.out.table(
        found,
        [
            ("name", lambda each: each["name"]),
            ("kind", lambda each: each["kind"]),
            ("state", lambda each: each["state"]),
            ("members>", lambda each: str(len(each["members"]))),
            ("topics", lambda each: " ".join(sorted({lag["topic"] for lag in each["lags"]}))),
            ("lag>", lambda each: number(each["lag"])),
        ],
        "there are no groups",
    )


@groups.command("show", epilog=example("onemq groups show billing"))
@click.argument("group")
@talks
def show(frame: Frame, group: str) -> None:
    """One group: members, offsets, lag by partition."""
    found = frame.client.get("groups", frame.namespace, group)
    if frame.as_json:
        frame.out.json(found)
        return
    click.echo(f"{found['kind']} group {group}: {found['state']}, lag {number(found['lag'])}")
    frame.out.table(
        found["lags"],
        [
            ("topic", lambda each: each["topic"]),
            ("partition>", lambda each: str(each["partition"])),
            ("offset>", lambda each: str(each["offset"])),
            ("next>", lambda each: "gone" if each["end_offset"] is None else str(each["end_offset"])),
            ("lag>", lambda each: number(each["lag"])),
        ],
        "it has no offsets",
    )
    for each in found["members"]:
        assigned = ", ".join(f"{topic}: {partitions}" for topic, partitions in each["assigned"].items())
        click.echo(f"member {each['id']} ({each['client_id']} at {each['host']}) {assigned}")


@groups.command(
    "reset",
    epilog=example(
        "onemq groups reset billing --to earliest",
        "onemq groups reset billing --to 2026-11-28T08:00 --topic events --dry-run",
        "onemq groups reset billing --to 42 --topic events --partition 0",
    ),
)
@click.argument("group")
@click.option(
    "--to",
    "to",
    required=True,
    metavar="WHERE",
    help="earliest, latest, an offset, a time (1h, 2026-11-28T08:00).",
)
@click.option("--topic", help="Of this topic only; needed for a group without offsets.")
@click.option("--partition", type=int)
@click.option("--dry-run", is_flag=True, help="Only tell.")
@talks
def reset(frame: Frame, group: str, to: str, topic: str | None, partition: int | None, dry_run: bool) -> None:
    """Set where a group without members reads on."""
    body: dict[str, Any] = {"topic": topic, "partition": partition, "dry_run": dry_run}
    if to in ("earliest", "latest"):
        body["to"] = to
    elif to.isdigit() and len(to) < 12:
        if topic is None:
            raise BadUsage("an offset is of a topic: say --topic")
        body.update(to="offset", offset=int(to))
    else:
        body.update(to="time", time_ms=time_ms(to, "--to"))
    done = frame.client.post("groups", frame.namespace, group, "reset", body=body)
    if frame.as_json:
        frame.out.json(done)
        return
    frame.out.table(
        done["offsets"],
        [
            ("topic", lambda each: each["topic"]),
            ("partition>", lambda each: str(each["partition"])),
            ("before>", lambda each: "-" if each["before"] is None else str(each["before"])),
            ("after>", lambda each: str(each["after"])),
        ],
        "nothing was there to reset",
    )
    if dry_run:
        click.echo("nothing was changed: --dry-run", err=True)


@groups.command("delete", epilog=example("onemq groups delete billing --yes"))
@click.argument("group")
@yes_option
@talks
def delete(frame: Frame, group: str, yes: bool) -> None:
    """Delete a group without members, and its offsets."""
    confirm(f"delete group {group} and its offsets", yes)
    done = frame.client.delete("groups", frame.namespace, group)
    frame.out.show(done, f"group {group} is gone")
