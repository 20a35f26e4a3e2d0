"""`onemq queues`: list, show, create, delete, purge, set."""

from typing import Any, Final

import click

from onemq.cli.frame import BadUsage, Frame, confirm, example, talks, yes_option
from onemq.cli.output import Column, number, size, span
from onemq.cli.values import duration_ms, plain, plain_pairs

COLUMNS: Final[list[Column]] = [
    ("name", lambda each: each["name"]),
    (
        "type",
        lambda each: (
            "topic" if each["topic"] and each["settings"]["type"] == "stream" else each["settings"]["type"]
        ),
    ),
    ("ready>", lambda each: number(each["ready"])),
    ("in flight>", lambda each: number(each["leased"])),
    ("delayed>", lambda each: number(each["delayed"])),
    ("oldest>", lambda each: span(each["age_ms"])),
    ("bytes>", lambda each: size(each["bytes"])),
    ("consumers>", lambda each: str(each["consumers"] + each["receivers"])),
    ("policy", lambda each: each["policy"]),
]
DURATIONS: Final = (
    "message_ttl",
    "expires",
    "consumer_timeout",
    "retry_delay_min",
    "retry_delay_max",
    "visibility",
    "delay",
    "retention",
)
"""Settings that are times: set by these names with a duration, or by the API's (..._ms) with a number."""
SETTINGS: Final = (
    *DURATIONS,
    "length_max",
    "bytes_max",
    "overflow",
    "dead_letter_exchange",
    "dead_letter_routing_key",
    "delivery_limit",
    "receive_limit",
    "retention_bytes",
    "grouping",
)


@click.group(epilog=example("onemq queues list", "onemq queues show orders"))
def queues() -> None:
    """Queues of all protocols; topics are listed among them."""


@queues.command("list", epilog=example("onemq queues list", "onemq queues list --name dead --json"))
@click.option("--name", help="Only those that have this in their names.")
@talks
def list_queues(frame: Frame, name: str | None) -> None:
    """All queues with what they hold."""
    found = frame.client.get("queues", query={"namespace": frame.namespace, "name": name})
    frame.out.table(found, COLUMNS, "there are no queues: `onemq queues create NAME`")


@queues.command("show", epilog=example("onemq queues show orders"))
@click.argument("queue")
@talks
def show(frame: Frame, queue: str) -> None:
    """One queue: what it holds, its settings, its consumers."""
    found = frame.client.get("queues", frame.namespace, queue)
    if frame.as_json:
        frame.out.json(found)
        return
    view = found["queue"]
    settings = {
        name: value for name, value in view["settings"].items() if value not in (None, "", 0, {}, False)
    }
    frame.out.fields(
        view,
        [
            ("name", view["name"]),
            ("topic", f"yes, {view['partitions']} partitions" if view["topic"] else ""),
            ("ready", f"{number(view['ready'])} ({size(view['ready_bytes'])})"),
            ("in flight", number(view["leased"])),
            ("delayed", number(view["delayed"])),
            ("oldest", span(view["age_ms"])),
            ("offsets", f"{view['start_offset']} to {view['end_offset']}"),
            ("memory", size(view["memory_bytes"])),
            ("stored", size(view["stored_bytes"])),
            ("policy", view["policy"]),
            ("bindings", view["bindings"]),
            *[(name, value) for name, value in settings.items() if name != "arguments"],
            *[(name, value) for name, value in view["settings"]["arguments"].items()],
        ],
    )
    for each in found["consumers"]:
        held = f"{each['unsettled']} in flight, prefetch {each['prefetch']}"
        click.echo(f"consumer {each['tag']}: {held}{'' if each['active'] else ', waits'}")


@queues.command(
    "create",
    epilog=example(
        "onemq queues create orders",
        "onemq queues create orders --dead-letter-to orders.dead --set delivery_limit=5 --type quorum",
        "onemq queues create jobs --set visibility=5m --argument x-max-priority=10",
    ),
)
@click.argument("queue")
@click.option("--type", "kind", type=click.Choice(["classic", "quorum", "stream"]), help="As in RabbitMQ.")
@click.option("--transient", is_flag=True, help="Goes with the broker.")
@click.option("--auto-delete", is_flag=True, help="Goes with its last consumer.")
@click.option("--dead-letter-to", metavar="QUEUE", help="Where what dies goes.")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help=f"One of: {', '.join(SETTINGS)}."
)
@click.option(
    "--argument", "arguments", multiple=True, metavar="NAME=VALUE", help="RabbitMQ's: x-max-length=10."
)
@talks
def create(
    frame: Frame,
    queue: str,
    kind: str | None,
    transient: bool,
    auto_delete: bool,
    dead_letter_to: str | None,
    settings: tuple[str, ...],
    arguments: tuple[str, ...],
) -> None:
    """Make a queue; one that is there and the same is fine."""
    words = plain_pairs(arguments, "--argument")
    if kind is not None:
        words["x-queue-type"] = kind
    if dead_letter_to is not None:
        words["x-dead-letter-exchange"] = ""
        words["x-dead-letter-routing-key"] = dead_letter_to
    body: dict[str, Any] = {"durable": not transient, "auto_delete": auto_delete, "arguments": words}
    if settings:
        body["settings"] = changes_of(settings)
    done = frame.client.put("queues", frame.namespace, queue, body=body)
    frame.out.show(done, f"queue {queue} is {'made' if done['made'] else 'there already'}")


@queues.command(
    "delete", epilog=example("onemq queues delete orders --yes", "onemq queues delete tmp --if-empty -y")
)
@click.argument("queue")
@click.option("--if-empty", is_flag=True)
@click.option("--if-unused", is_flag=True, help="Only if nobody consumes.")
@yes_option
@talks
def delete(frame: Frame, queue: str, if_empty: bool, if_unused: bool, yes: bool) -> None:
    """Delete a queue with what is in it."""
    confirm(f"delete queue {queue} with all that is in it", yes)
    query = {"if_empty": if_empty, "if_unused": if_unused}
    done = frame.client.delete("queues", frame.namespace, queue, query=query)
    frame.out.show(done, f"queue {queue} is gone, {done['records']} messages with it")


@queues.command("purge", epilog=example("onemq queues purge orders --yes"))
@click.argument("queue")
@yes_option
@talks
def purge(frame: Frame, queue: str, yes: bool) -> None:
    """Drop what a queue holds, what is delayed included; not what consumers have."""
    confirm(f"drop all messages of {queue}", yes)
    done = frame.client.post("queues", frame.namespace, queue, "purge")
    frame.out.show(done, f"dropped {done['records']} messages of {queue}")


@queues.command(
    "set",
    epilog=example(
        "onemq queues set orders length_max=10000", "onemq queues set jobs visibility=5m delay=none"
    ),
)
@click.argument("queue")
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE...")
@talks
def set_settings(frame: Frame, queue: str, settings: tuple[str, ...]) -> None:
    """Change settings of a queue; the value none takes a limit away.

    Settings: message_ttl, expires, consumer_timeout, retry_delay_min, retry_delay_max, visibility, delay, retention
    (durations: 30s, 5m), length_max, bytes_max, overflow, dead_letter_exchange, dead_letter_routing_key,
    delivery_limit, receive_limit, retention_bytes, grouping.
    """
    done = frame.client.call("PATCH", "queues", frame.namespace, queue, body=changes_of(settings))
    frame.out.show(done, f"queue {queue} is changed")


def changes_of(texts: tuple[str, ...]) -> dict[str, Any]:
    """As the API's QueueChanges. Raises BadUsage."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        known = name.removesuffix("_ms")
        if not equals or known not in SETTINGS:
            raise BadUsage(f"a setting is NAME=VALUE with one of {', '.join(SETTINGS)}, not {text!r}")
        if known in DURATIONS:
            if value == "none":
                found[f"{known}_ms"] = 0 if known in ("delay", "retry_delay_min", "retry_delay_max") else None
            elif name.endswith("_ms"):
                found[name] = plain(value)
            else:
                found[f"{name}_ms"] = duration_ms(value, name)
        elif name in ("overflow", "dead_letter_exchange", "dead_letter_routing_key", "grouping"):
            found[name] = None if value == "none" else value
        else:
            found[name] = None if value == "none" else plain(value)
    return found
