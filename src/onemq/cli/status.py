"""`onemq status`: the running broker on one page."""

import click

from onemq.cli.frame import Frame, example, talks
from onemq.cli.output import number, size, span


@click.command(epilog=example("onemq status", "onemq status --json | jq .alarms"))
@talks
def status(frame: Frame) -> None:
    """What the running broker is and holds."""
    found = frame.client.get("overview")
    listeners = ", ".join(f"{each['protocol']} {each['host']}:{each['port']}" for each in found["listeners"])
    connected = ", ".join(
        f"{each['name']} {each['connections']}" for each in found["protocols"] if each["connections"]
    )
    frame.out.fields(
        found,
        [
            ("broker", f"onemq {found['version']} as {found['node']}, process {found['process_id']}"),
            ("up", span(found["uptime_ms"])),
            ("alarms", ", ".join(found["alarms"]) or "none"),
            ("data", "in memory only" if found["memory_only"] else found["data_directory"]),
            ("disk free", size(found["disk_free_bytes"])),
            ("memory", size(found["resident_bytes"])),
            ("listens", listeners),
            ("connections", f"{found['connections']}" + (f" ({connected})" if connected else "")),
            (
                "holds",
                f"{found['queues']} queues, {found['topics']} topics, {found['exchanges']} exchanges, {found['groups']} groups",
            ),
            (
                "messages",
                f"{number(found['ready'])} ready, {number(found['leased'])} in flight, {number(found['delayed'])} delayed",
            ),
        ],
    )
