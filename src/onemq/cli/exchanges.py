"""`onemq exchanges`: list, show, create, delete, bindings, bind, unbind."""

import json
from collections.abc import Callable
from typing import Any

import click

from onemq.cli.frame import Frame, confirm, example, talks, yes_option
from onemq.cli.output import number, yes
from onemq.cli.values import plain_pairs


@click.group(
    epilog=example(
        "onemq exchanges create shop --type topic", "onemq exchanges bind shop orders --key 'order.#'"
    )
)
def exchanges() -> None:
    """Exchanges, and what is bound to them."""


@exchanges.command("list", epilog=example("onemq exchanges list"))
@talks
def list_exchanges(frame: Frame) -> None:
    """All exchanges."""
    found = frame.client.get("exchanges", query={"namespace": frame.namespace})
    frame.out.table(
        found,
        [
            ("name", lambda each: each["name"] or "(default)"),
            ("type", lambda each: each["type"]),
            ("durable", lambda each: yes(each["durable"])),
            ("internal", lambda each: yes(each["internal"])),
            ("published>", lambda each: number(each["counters"]["published"])),
            ("unroutable>", lambda each: number(each["counters"]["unroutable"])),
            ("held>", lambda each: number(each["held"])),
            ("policy", lambda each: each["policy"]),
        ],
        "there are no exchanges",
    )


@exchanges.command("show", epilog=example("onemq exchanges show shop"))
@click.argument("exchange")
@talks
def show(frame: Frame, exchange: str) -> None:
    """One exchange and what is bound to it."""
    found = frame.client.get("exchanges", frame.namespace, exchange)
    query = {"namespace": frame.namespace, "source": exchange}
    bound = frame.client.get("bindings", query=query)
    if frame.as_json:
        frame.out.json({"exchange": found, "bindings": bound})
        return
    frame.out.fields(
        found,
        [
            ("name", found["name"]),
            ("type", found["type"]),
            ("durable", yes(found["durable"])),
            ("published", number(found["counters"]["published"])),
            ("unroutable", number(found["counters"]["unroutable"])),
            *[(name, value) for name, value in found["arguments"].items()],
        ],
    )
    _bindings_table(frame, bound)


@exchanges.command(
    "create",
    epilog=example(
        "onemq exchanges create shop --type topic",
        "onemq exchanges create d --type x-delayed-message --argument x-delayed-type=direct",
    ),
)
@click.argument("exchange")
@click.option(
    "--type", "kind", default="direct", show_default=True, help="direct, fanout, topic, headers, x-..."
)
@click.option("--transient", is_flag=True)
@click.option("--auto-delete", is_flag=True)
@click.option("--internal", is_flag=True)
@click.option("--argument", "arguments", multiple=True, metavar="NAME=VALUE")
@talks
def create(
    frame: Frame,
    exchange: str,
    kind: str,
    transient: bool,
    auto_delete: bool,
    internal: bool,
    arguments: tuple[str, ...],
) -> None:
    """Make an exchange; one that is there and the same is fine."""
    body = {
        "type": kind,
        "durable": not transient,
        "auto_delete": auto_delete,
        "internal": internal,
        "arguments": plain_pairs(arguments, "--argument"),
    }
    done = frame.client.put("exchanges", frame.namespace, exchange, body=body)
    frame.out.show(done, f"exchange {exchange} is {'made' if done['made'] else 'there already'}")


@exchanges.command("delete", epilog=example("onemq exchanges delete shop --yes"))
@click.argument("exchange")
@click.option("--if-unused", is_flag=True, help="Only if nothing is bound.")
@yes_option
@talks
def delete(frame: Frame, exchange: str, if_unused: bool, yes: bool) -> None:
    """Delete an exchange with its bindings."""
    confirm(f"delete exchange {exchange} with its bindings", yes)
    done = frame.client.delete("exchanges", frame.namespace, exchange, query={"if_unused": if_unused})
    frame.out.show(done, f"exchange {exchange} is gone")


@exchanges.command(
    "bindings", epilog=example("onemq exchanges bindings", "onemq exchanges bindings --to orders")
)
@click.option("--from", "source", help="From this exchange.")
@click.option("--to", "destination", help="To this queue or exchange.")
@talks
def bindings(frame: Frame, source: str | None, destination: str | None) -> None:
    """What is bound to what."""
    query = {"namespace": frame.namespace, "source": source, "destination": destination}
    _bindings_table(frame, frame.client.get("bindings", query=query))


def _bindings_table(frame: Frame, found: list[dict[str, Any]]) -> None:
    frame.out.table(
        found,
        [
            ("from", lambda each: each["source"]),
            ("to", lambda each: f"{each['to']} {each['destination']}"),
            ("key", lambda each: each["routing_key"]),
            ("arguments", lambda each: json.dumps(each["arguments"]) if each["arguments"] else ""),
        ],
        "nothing is bound",
    )


def names_binding(command: Callable[..., None]) -> Callable[..., None]:
    """Its arguments and options say which binding is meant."""
    for option in (
        click.option("--argument", "arguments", multiple=True, metavar="NAME=VALUE"),
        click.option("--to-exchange", is_flag=True, help="DESTINATION is an exchange."),
        click.option("--key", default="", help="Routing key."),
        click.argument("destination"),
        click.argument("exchange"),
    ):
        command = option(command)
    return command


def _binding(exchange: str, destination: str, key: str, to_exchange: bool) -> dict[str, Any]:
    """What the admin API is told of it, without its arguments."""
    return {
        "source": exchange,
        "destination": destination,
        "to": "exchange" if to_exchange else "queue",
        "routing_key": key,
    }


@exchanges.command("bind", epilog=example("onemq exchanges bind shop orders --key 'order.#'"))
@names_binding
@talks
def bind(
    frame: Frame, exchange: str, destination: str, key: str, to_exchange: bool, arguments: tuple[str, ...]
) -> None:
    """Bind the queue DESTINATION to EXCHANGE."""
    body = _binding(exchange, destination, key, to_exchange)
    body["arguments"] = plain_pairs(arguments, "--argument")
    done = frame.client.post("bindings", frame.namespace, body=body)
    frame.out.show(done, f"{destination} is bound to {exchange}")


@exchanges.command("unbind", epilog=example("onemq exchanges unbind shop orders --key 'order.#'"))
@names_binding
@talks
def unbind(
    frame: Frame, exchange: str, destination: str, key: str, to_exchange: bool, arguments: tuple[str, ...]
) -> None:
    """Take a binding away."""
    query = _binding(exchange, destination, key, to_exchange)
    query["arguments"] = json.dumps(plain_pairs(arguments, "--argument"))
    done = frame.client.delete("bindings", frame.namespace, query=query)
    frame.out.show(done, f"{destination} is not bound to {exchange} any more")
