"""The suite's tables as docs/protocols has them: which case runs with which protocol, and what survives the way from one to another.

`PYTHONPATH=tests python tests/conformance/tables.py` prints both and writes them into docs/protocols/; tests hold them equal.
"""

from __future__ import annotations

import importlib
import inspect
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from broker_process import BrokerProcess
from conformance.driver import Driver, Envelope, Queue, Word
from conformance.drivers import DRIVERS, LISTENERS, READERS, SENDERS
from conformance.management_ends import Management

HERE: Final = Path(__file__).resolve().parent
DOCUMENTS: Final = HERE.parents[1] / "docs" / "protocols"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
End = Driver | Management
SENT_AT: Final = int(time.time()) - 100  # older than any retention would not be kept
FIELDS: Final = {
    "body": "text",
    "headers": "headers",
    "binary header": "header of bytes",
    "key": "key",
    "content_type": "content type",
    "correlation_id": "correlation id",
    "message_id": "message id",
    "reply_to": "reply to",
    "timestamp": "timestamp",
}


# Which case runs with which protocol.


def reason_not_to_run(case: Callable[..., Any], driver: Driver) -> str:
    """Why the case is not one for this protocol; "" when it is."""
    for marker in getattr(case, "pytestmark", []):
        if marker.name == "needs":
            lacking = [word.value for word in marker.args if word not in driver.speaks]
            if lacking:
                return f"no word for {lacking[0]}"
        if marker.name == "without":
            word, instead = marker.args
            if word in driver.speaks:
                return f"instead: `{instead}`"
    return ""


def cases() -> Iterator[tuple[str, Callable[..., Any]]]:
    """All that take a driver, in order of their files."""
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"conformance.{path.stem}")
        for name, function in vars(module).items():
            if name.startswith("test_") and "driver" in inspect.signature(function).parameters:
                yield name, function


def case_table() -> str:
    lines = [row("case", *(driver.name for driver in DRIVERS)), row(*["---"] * (1 + len(DRIVERS)))]
    for name, case in cases():
        cells = [reason_not_to_run(case, driver) or "runs" for driver in DRIVERS]
        lines.append(row(f"`{name}`", *cells))
    lines += ["", row("word", *(driver.name for driver in DRIVERS)), row(*["---"] * (1 + len(DRIVERS)))]
    for word in Word:
        lines.append(row(word.value, *("has" if word in driver.speaks else "" for driver in DRIVERS)))
    return "\n".join(lines)


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


# What survives.


def sample() -> Envelope:
    return Envelope(
        "héllo".encode(),
        {"colour": "red", "raw": b"\x00\xff"},
        "key-1",
        "application/json",
        "correlation-1",
        "message-1",
        "replies",
        SENT_AT,
    )


def round_trip(broker: BrokerProcess, sender: End, reader: End) -> tuple[Envelope, Envelope]:
    """What was sent, and what came."""
    queue = Queue(f"trip-{sender.name}-{reader.name}".replace(" ", "-"))
    with closing(sender.connect(broker)) as sends, closing(reader.connect(broker)) as reads:
        reads.declare(queue)
        if sender is not reader:
            sends.declare(queue)
        sent = sends.send(queue.name, sample())
        return sent, reads.fetch(queue.name)


def differences(sent: Envelope, got: Envelope) -> list[str]:
    """A cell for each of FIELDS."""
    found = []
    for name in FIELDS:
        if name == "headers":
            one, other = sent.headers.get("colour"), got.headers.get("colour")
        elif name == "binary header":
            one, other = sent.headers.get("raw"), got.headers.get("raw")
        else:
            one, other = getattr(sent, name), getattr(got, name)
        if one is None:
            found.append("-")
        elif one == other:
            found.append("same")
        elif other is None:
            found.append("lost")
        elif name == "message_id":
            found.append("another")
        elif name == "timestamp":
            found.append("time of arrival")
        else:
            found.append(f"{other!r}")
    return found


def strays(sent: Envelope, got: Envelope) -> list[str]:
    """Headers that came and were not sent."""
    return sorted(name for name in got.headers if name not in sent.headers)


def matrix(broker: BrokerProcess) -> str:
    heads = row("from", "to", *FIELDS.values(), "besides")
    lines = [heads, row(*["---"] * (3 + len(FIELDS)))]
    for sender in SENDERS:
        for reader in READERS:
            sent, got = round_trip(broker, sender, reader)
            besides = ", ".join(f"`{name}`" for name in strays(sent, got))
            lines.append(row(sender.name, reader.name, *differences(sent, got), besides))
    return "\n".join(lines)


def body_of_bytes(broker: BrokerProcess) -> str:
    """What a body that is no text becomes; SQS and SNS cannot send one."""
    lines = [row("from", "to", "a body of bytes"), row("---", "---", "---")]
    envelope = replace(sample(), body=b"\x00\xff\xfe")
    for sender in SENDERS:
        for reader in READERS:
            if sender.listener == "aws":
                lines.append(row(sender.name, reader.name, "-"))
                continue
            queue = Queue(f"bytes-{sender.name}-{reader.name}".replace(" ", "-"))
            with closing(sender.connect(broker)) as sends, closing(reader.connect(broker)) as reads:
                reads.declare(queue)
                if sender is not reader:
                    sends.declare(queue)
                sends.send(queue.name, envelope)
                got = reads.fetch(queue.name)
            lines.append(
                row(sender.name, reader.name, "same" if got.body == envelope.body else f"`{got.body!r}`")
            )
    return "\n".join(lines)


# The documents.


def tables_in(document: str) -> str:
    """What stands between the marks in one of docs/protocols."""
    text = (DOCUMENTS / document).read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def write(document: str, table: str) -> None:
    path = DOCUMENTS / document
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    path.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> None:
    from conformance.conftest import CONFIGURATION

    with tempfile.TemporaryDirectory() as directory:
        broker = BrokerProcess(Path(directory), configuration=CONFIGURATION, listeners=LISTENERS, memory=True)
        broker.start()
        try:
            trips = matrix(broker) + "\n\n" + body_of_bytes(broker)
        finally:
            broker.kill9()
    for document, table in (("conformance.md", case_table()), ("matrix.md", trips)):
        print(table, end="\n\n")
        write(document, table)


if __name__ == "__main__":
    main()
