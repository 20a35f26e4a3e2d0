"""`onemq publish`: messages from the command line, a file, or lines of standard input."""

import base64
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import click

from onemq.cli.frame import BadUsage, CliError, Frame, example, talks
from onemq.cli.progress import Progress
from onemq.cli.values import duration_ms, pairs

BATCH: Final = 500
CHUNK_BYTES: Final = 65_536
BATCH_BYTES: Final = 4 * 1024 * 1024


@click.command(
    epilog=example(
        "onemq publish orders '{\"id\": 1}' --header tenant=acme",
        "onemq publish events --key customer-7 hello --repeat 1000",
        "tail -f app.log | onemq publish logs",
        "onemq publish order.created --exchange shop --file order.json",
    )
)
@click.argument("target")
@click.argument("body", required=False)
@click.option(
    "--file", "file", type=click.File("rb"), help="The body is this file; - is standard input as a whole."
)
@click.option("--exchange", help="Publish to this exchange; TARGET is the routing key.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="May be given several times.")
@click.option("--key", help="Chooses the partition of a topic; the group in a queue with groups.")
@click.option("--partition", type=int, help="Of a topic.")
@click.option("--delay", metavar="DURATION", help="Delivered no sooner: 10s, 5m.")
@click.option("--ttl", metavar="DURATION", help="Not delivered later.")
@click.option("--priority", type=click.IntRange(0, 255), default=0)
@click.option("--transient", is_flag=True, help="Need not survive a restart.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Each message so often.")
@talks
def publish(
    frame: Frame,
    target: str,
    body: str | None,
    file: BinaryIO | None,
    exchange: str | None,
    headers: tuple[str, ...],
    key: str | None,
    partition: int | None,
    delay: str | None,
    ttl: str | None,
    priority: int,
    transient: bool,
    repeat: int,
) -> None:
    """Publish BODY to TARGET, a queue or a topic, whatever protocol made it.

    Without BODY and --file each line of standard input is a message.
    """
    common: dict[str, Any] = {
        "headers": pairs(headers, "--header"),
        "priority": priority,
        "persistent": not transient,
    }
    if key is not None:
        common["key"] = key
    if delay is not None:
        common["delay_ms"] = duration_ms(delay, "--delay")
    if ttl is not None:
        common["ttl_ms"] = duration_ms(ttl, "--ttl")
    request: dict[str, Any] = {"partition": partition}
    if exchange is None:
        request["target"] = target
    else:
        request.update(exchange=exchange, routing_key=target)
    total = {"routed": 0, "unroutable": 0, "refused": 0, "offsets": {}}
    known = repeat if body is not None or file is not None else None
    with Progress(frame.out, f"publishing to {target}", known) as progress:
        for batch in _batches(_bodies(body, file), repeat, common):
            done = frame.client.post("publish", frame.namespace, body={**request, "messages": batch})
            for name in ("routed", "unroutable", "refused"):
                total[name] += done[name]
            total["offsets"].update(done["offsets"])  # type: ignore[attr-defined]
            progress.advance(len(batch))
    frame.out.show(total, _said(total, target))
    if total["refused"]:
        raise CliError(f"{total['refused']} were refused: the queue is full (`onemq queues show {target}`)")
    if total["unroutable"]:
        where = f"exchange {exchange!r} with key {target!r}" if exchange is not None else target
        raise CliError(
            f"{total['unroutable']} went nowhere: nothing is bound to {where} (`onemq exchanges bindings`)"
        )


def _said(total: dict[str, Any], target: str) -> str:
    text = f"published {total['routed']} to {target}"
    if total["offsets"]:
        where = ", ".join(f"{index}: {offset}" for index, offset in sorted(total["offsets"].items()))
        text += f" (last offset by partition: {where})"
    return text


def _bodies(body: str | None, file: BinaryIO | None) -> Iterator[bytes | None]:
    """None: what came so far should go, nobody knows when more comes."""
    if body is not None and file is not None:
        raise BadUsage("give either BODY or --file, not both")
    if body is not None:
        yield body.encode("utf-8", "surrogateescape")
    elif file is not None:
        yield file.read()
    elif sys.stdin.isatty():
        raise BadUsage("no message: give BODY, --file, or lines on standard input")
    else:
        rest = b""
        # What has come, without waiting for more.
        while chunk := os.read(sys.stdin.fileno(), CHUNK_BYTES):
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line.rstrip(b"\r")
            yield None
        if rest:
            yield rest


def _batches(
    bodies: Iterator[bytes | None], repeat: int, common: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """As many at a time as one request takes."""
    batch: list[dict[str, Any]] = []
    octets = 0
    for body in bodies:
        if body is not None:
            message = {**common, **_encoded(body)}
            for _ in range(repeat):
                batch.append(message)
                octets += len(body) + 200
                if len(batch) >= BATCH or octets >= BATCH_BYTES:
                    yield batch
                    batch = []
                    octets = 0
        elif batch:
            yield batch
            batch = []
            octets = 0
    if batch:
        yield batch


def _encoded(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode("ascii"), "encoding": "base64"}
