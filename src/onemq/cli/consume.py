"""`onemq consume`: takes messages from a queue and settles them, or reads a topic or a stream from where one likes.

What it prints goes out before it is acknowledged: a message that was not shown stays in the queue.
"""

from typing import Any, Final

import click

from onemq.cli.frame import BadUsage, CliError, Frame, example, talks
from onemq.cli.messages import print_message
from onemq.cli.values import duration_ms, time_ms

PAGE: Final = 100
WAIT_MS: Final = 20_000
SETTLES: Final = {"yes": "ack", "no": "release", "release": "release", "reject": "reject"}


@click.command(
    epilog=example(
        "onemq consume orders",
        "onemq consume orders --follow --headers",
        "onemq consume orders --count 1 --ack no",
        "onemq consume events --from earliest --json | jq .body",
        "onemq consume events --from 10m --partition 0 --follow",
    )
)
@click.argument("target")
@click.option("-c", "--count", type=click.IntRange(1), help="Stop after so many.")
@click.option("--follow", is_flag=True, help="Wait for more; ctrl-C ends.")
@click.option("--wait", metavar="DURATION", default="0s", help="Wait so long for the first.")
@click.option(
    "--from",
    "start",
    metavar="WHERE",
    help="Read a topic or a stream from: earliest, latest, an offset, a time (10m, 2026-11-28T08:00).",
)
@click.option("--partition", type=int, help="Of a topic; without: all.")
@click.option(
    "--ack",
    type=click.Choice(list(SETTLES)),
    default="yes",
    show_default=True,
    help="What becomes of a queue's messages once they are shown: gone (yes), ready again (no), dead (reject).",
)
@click.option("--visibility", metavar="DURATION", default="30s", help="How long they are held meanwhile.")
@click.option("--headers", is_flag=True, help="Show offset, time, key and headers, too.")
@talks
def consume(
    frame: Frame,
    target: str,
    count: int | None,
    follow: bool,
    wait: str,
    start: str | None,
    partition: int | None,
    ack: str,
    visibility: str,
    headers: bool,
) -> None:
    """Take messages from the queue TARGET, or read the topic or stream TARGET.

    Stops when nothing is left, unless it is to --follow. A queue's messages are settled (--ack); reading a topic
    changes nothing.
    """
    view = frame.client.get("queues", frame.namespace, target)["queue"]
    kept = view["settings"]["type"] == "stream"
    wait_ms = duration_ms(wait, "--wait")
    try:
        if view["topic"] and (kept or start is not None or partition is not None):
            _read_topic(frame, target, count, follow, wait_ms, _start_of(start), partition, headers)
        elif kept:
            _read_stream(frame, target, count, follow, wait_ms, _start_of(start), headers)
        elif start is not None or partition is not None:
            text = f"'{target}' is a queue: what was taken from it is gone, there is no --from and no --partition"
            raise BadUsage(text)
        else:
            _take(
                frame, target, count, follow, wait_ms, ack, duration_ms(visibility, "--visibility"), headers
            )
    except KeyboardInterrupt:
        # That is how one stops following.
        return


def _start_of(text: str | None) -> dict[str, Any]:
    """As the API's Fetch says it."""
    if text is None or text == "earliest":
        return {"start": "earliest"}
    if text == "latest":
        return {"start": "latest"}
    if text.isdigit() and len(text) < 12:
        return {"start": "offset", "offset": int(text)}
    return {"start": "time", "time_ms": time_ms(text, "--from")}


def _take(
    frame: Frame,
    queue: str,
    count: int | None,
    follow: bool,
    wait_ms: int,
    ack: str,
    visibility_ms: int,
    headers: bool,
) -> None:
    held: list[str] = []
    left = count
    try:
        while left is None or left > 0:
            request = {
                "count": PAGE if left is None else min(PAGE, left),
                "wait_ms": WAIT_MS if follow else min(wait_ms, WAIT_MS),
                "visibility_ms": visibility_ms,
            }
            messages = frame.client.post("consume", frame.namespace, queue, body=request)["messages"]
            wait_ms = max(wait_ms - WAIT_MS, 0)
            if not messages:
                if follow or wait_ms:
                    continue
                break
            handles = [message["handle"] for message in messages]
            for message in messages:
                print_message(frame.out, message, headers=headers)
            if SETTLES[ack] == "release":
                # At the end: they would come again at once.
                held += handles
            else:
                _settle(frame, queue, handles, SETTLES[ack])
            wait_ms = 0
            left = None if left is None else left - len(messages)
    finally:
        for first in range(0, len(held), PAGE):
            _settle(frame, queue, held[first : first + PAGE], "release")


def _settle(frame: Frame, queue: str, handles: list[str], action: str) -> None:
    done = frame.client.post("settle", frame.namespace, queue, body={"handles": handles, "action": action})
    if done["lost"] and action != "release":
        raise CliError(
            f"{len(done['lost'])} messages were shown, but somebody else has them by now: "
            "they took longer than --visibility"
        )


def _read_topic(
    frame: Frame,
    topic: str,
    count: int | None,
    follow: bool,
    wait_ms: int,
    request: dict[str, Any],
    partition: int | None,
    headers: bool,
) -> None:
    request["partition"] = partition
    left = count
    while left is None or left > 0:
        request["count"] = PAGE if left is None else min(PAGE, left)
        request["wait_ms"] = WAIT_MS if follow else min(wait_ms, WAIT_MS)
        found = frame.client.post("fetch", frame.namespace, topic, body=request)
        for message in found["messages"]:
            print_message(frame.out, message, headers=headers)
        again = request.get("positions") == found["positions"]
        request.update(start="positions", positions=found["positions"])
        wait_ms = max(wait_ms - WAIT_MS, 0) if not found["messages"] else 0
        left = None if left is None else left - len(found["messages"])
        if not found["messages"] and not follow and not wait_ms and (again or _at_end(frame, topic, found)):
            return


def _at_end(frame: Frame, topic: str, found: dict[str, Any]) -> bool:
    ends = {
        str(each["index"]): each["stable_end_offset"]
        for each in frame.client.get("topics", frame.namespace, topic)["topic"]["partitions"]
    }
    return all(offset >= ends.get(index, 0) for index, offset in found["positions"].items())


def _read_stream(
    frame: Frame,
    queue: str,
    count: int | None,
    follow: bool,
    wait_ms: int,
    start: dict[str, Any],
    headers: bool,
) -> None:
    import time

    query: dict[str, Any] = {"count": PAGE}
    if start["start"] == "latest":
        query["offset"] = frame.client.get("queues", frame.namespace, queue)["queue"]["end_offset"]
    elif start["start"] == "time":
        query["since_ms"] = start["time_ms"]
    else:
        query["offset"] = start.get("offset", 0)
    left = count
    until = time.monotonic() + wait_ms / 1000
    while left is None or left > 0:
        query["count"] = PAGE if left is None else min(PAGE, left)
        messages = frame.client.get("peek", frame.namespace, queue, query=query)["messages"]
        for message in messages:
            print_message(frame.out, message, headers=headers)
            query.pop("since_ms", None)
            query["offset"] = message["offset"] + 1
        left = None if left is None else left - len(messages)
        if not messages:
            if not follow and time.monotonic() >= until:
                return
            time.sleep(0.2)
