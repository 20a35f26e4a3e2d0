"""`onemq connections`: list, show, close."""

import click

from onemq.cli.frame import Frame, confirm, example, talks, yes_option
from onemq.cli.output import at, size


@click.group(
    epilog=example("onemq connections list", "onemq connections close 7 --reason 'moving house' --yes")
)
def connections() -> None:
    """Who is connected, over any protocol."""


@connections.command("list", epilog=example("onemq connections list"))
@click.option("--operators", is_flag=True, help="Operators' own, too.")
@talks
def list_connections(frame: Frame, operators: bool) -> None:
    """All connections."""
    found = frame.client.get("connections", query={"operators": operators})
    frame.out.table(
        found,
        [
            ("id>", lambda each: str(each["id"])),
            ("protocol", lambda each: each["protocol"]),
            ("from", lambda each: each["name"].partition(" -> ")[0]),
            ("user", lambda each: each["user"]),
            ("namespace", lambda each: each["namespace"]),
            ("client", lambda each: each["client"]),
            ("state", lambda each: each["state"]),
            ("in>", lambda each: size(each["received_bytes"])),
            ("out>", lambda each: size(each["sent_bytes"])),
            ("in flight>", lambda each: str(each["unsettled"])),
        ],
        "nobody is connected",
    )


@connections.command("show", epilog=example("onemq connections show 7"))
@click.argument("connection")
@talks
def show(frame: Frame, connection: str) -> None:
    """One connection."""
    found = frame.client.get("connections", connection)
    shown = {name: value for name, value in found.items() if value not in ("", False)}
    shown["connected_at_ms"] = at(found["connected_at_ms"])
    frame.out.fields(found, [(name.removesuffix("_at_ms"), value) for name, value in shown.items()])


@connections.command(
    "close",
    epilog=example("onemq connections close 7 --yes", "onemq connections close 7 --reason maintenance -y"),
)
@click.argument("connection")
@click.option("--reason", default="closed by an operator", show_default=True, help="What its client is told.")
@yes_option
@talks
def close(frame: Frame, connection: str, reason: str, yes: bool) -> None:
    """Close a connection with its protocol's own goodbye."""
    confirm(f"close connection {connection}", yes)
    done = frame.client.delete("connections", connection, query={"reason": reason})
    frame.out.show(done, f"connection {done['name']} is closed")
