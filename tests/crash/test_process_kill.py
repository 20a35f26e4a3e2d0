"""The real process killed without warning, under load: what was confirmed is there, once, in order, byte for byte.

What was sent and not confirmed may be there or not: if it is, it is whole and in its place.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from broker_process import BrokerProcess
from crash.raw_client import SECONDS_MAX, Gone, RawClient, drain

SMALL = ["--set", "storage.journal_bytes_max=1MiB", "--set", "storage.segment_bytes=64KiB"]
SMALL += ["--set", "memory.tail_bytes_max=1MiB"]
QUEUE = "killed"
WINDOW = 200


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path / "broker", arguments=SMALL)
    yield process
    process.kill9()


def body(number: int) -> bytes:
    """Different for each number, of very different sizes."""
    seed = hashlib.sha256(str(number).encode()).digest()
    size = (0, 10, 100, 1000, 5000, 30_000)[seed[0] % 6] if number % 50 else 200_000
    return f"{number}:".encode() + (seed * (size // 32 + 1))[:size]


class Load:
    """A publisher that keeps a window of unconfirmed messages open. Numbers go on over connections."""

    def __init__(self) -> None:
        self.sent = 0
        self.confirmed: set[int] = set()

    def connect(self, broker: BrokerProcess) -> None:
        self.client = RawClient(broker.host, broker.port)
        self.client.declare(QUEUE)
        self.client.confirm_select()
        self.first = self.sent

    def pump(self) -> None:
        """Sends some, hears what has come."""
        client = self.client
        if client.published - client.confirmed < WINDOW and not client.unsent_bytes():
            for _ in range(10):
                self.sent += 1
                client.publish(QUEUE, body(self.sent))
        client.flush()
        client.hear(0.001 if client.unsent_bytes() else 0.005)

    def until(self, confirmed: int) -> None:
        by = time.monotonic() + SECONDS_MAX
        while self.client.confirmed < confirmed:
            assert time.monotonic() < by, f"{self.client.confirmed} of {confirmed} confirmed"
            self.pump()

    def end(self) -> None:
        """The broker was killed: what it had written to the socket was seen."""
        self.client.hear_the_rest()
        numbers = set(range(1, self.client.confirmed + 1)) | self.client.confirmed_beyond
        self.confirmed |= {self.first + number for number in numbers}


def check_all(found: list[bytes], load: Load) -> None:
    numbers = [int(data.split(b":", 1)[0]) for data in found]
    assert numbers == sorted(set(numbers)), "not once each, in order"
    lost = load.confirmed - set(numbers)
    assert not lost, f"confirmed and lost: {sorted(lost)[:20]}"
    assert not numbers or numbers[-1] <= load.sent
    for number, data in zip(numbers, found, strict=True):
        assert data == body(number), f"message {number} has changed"


def test_kill_rounds_under_confirmed_load(broker: BrokerProcess) -> None:
    load = Load()
    random_ = random.Random(1)
    for _ in range(5):
        broker.start()
        load.connect(broker)
        load.until(random_.randrange(50, 900))
        broker.kill9()
        load.end()
    broker.start()
    assert len(load.confirmed) > 250
    check_all(drain(broker.host, broker.port, QUEUE), load)


def journal_files(broker: BrokerProcess) -> int:
    return len(list((broker.directory / "data" / "journal").glob("*.log")))


def test_kill_during_a_checkpoint(broker: BrokerProcess) -> None:
    """While there are two journal files, a checkpoint is under way."""
    load = Load()
    hit = 0
    for _ in range(4):
        broker.start()
        load.connect(broker)
        by = time.monotonic() + SECONDS_MAX
        while journal_files(broker) < 2:
            assert time.monotonic() < by, "no checkpoint begins"
            load.pump()
        broker.kill9()
        hit += 1 if journal_files(broker) >= 2 else 0
        load.end()
    assert hit, "every checkpoint was over before the process was"
    broker.start()
    check_all(drain(broker.host, broker.port, QUEUE), load)


def test_an_acknowledgement_before_a_confirmed_publish_is_kept(broker: BrokerProcess) -> None:
    """Acknowledgements are not confirmed; but what the same connection publishes later commits later."""
    broker.start()
    filler = RawClient(broker.host, broker.port)
    filler.declare(QUEUE)
    filler.declare("marks")
    filler.confirm_select()
    filler.publish(QUEUE, *(body(number) for number in range(1, 401)))
    filler.await_confirms(400)
    consumer = RawClient(broker.host, broker.port)
    consumer.confirm_select()
    consumer.consume(QUEUE, prefetch=50)
    acknowledged: list[int] = []
    by = time.monotonic() + SECONDS_MAX
    while consumer.confirmed < 120:
        assert time.monotonic() < by
        if not consumer.deliveries:
            consumer.hear(0.05)
            continue
        delivered = consumer.deliveries.popleft()
        number = int(delivered.body.split(b":", 1)[0])
        assert delivered.body == body(number)
        consumer.ack(delivered.tag)
        acknowledged.append(number)
        consumer.publish("marks", str(number).encode())
        consumer.hear(0.0001)
    broker.kill9()
    consumer.hear_the_rest()
    filler.close()
    broker.start()
    left = [int(data.split(b":", 1)[0]) for data in drain(broker.host, broker.port, QUEUE)]
    assert left == sorted(set(left))
    settled = set(acknowledged[: consumer.confirmed])
    assert not settled & set(left), "an acknowledged message has come back"
    never = set(range(1, 401)) - set(acknowledged)
    assert never <= set(left), "a message that nobody acknowledged is lost"
    marks = [int(data) for data in drain(broker.host, broker.port, "marks")]
    assert marks[: consumer.confirmed] == acknowledged[: consumer.confirmed]


def test_what_was_on_lease_comes_back_marked(broker: BrokerProcess) -> None:
    broker.start()
    client = RawClient(broker.host, broker.port)
    client.declare(QUEUE)
    client.confirm_select()
    client.publish(QUEUE, b"1", b"2", b"3")
    client.await_confirms(3)
    client.consume(QUEUE, prefetch=2)
    client.await_deliveries(2)
    # Whatever was written with this commit, the leases were written before it.
    client.publish("nowhere", b"")
    client.publish(QUEUE, b"4")
    client.await_confirms(5)
    broker.kill9()
    client.hear_the_rest()
    broker.start()
    again = RawClient(broker.host, broker.port)
    again.consume(QUEUE)
    again.await_deliveries(4)
    found = [(delivered.body, delivered.redelivered) for delivered in again.deliveries]
    assert found == [(b"1", True), (b"2", True), (b"3", False), (b"4", False)]
    again.close()


def test_a_clean_connection_is_told_nothing_false(broker: BrokerProcess) -> None:
    """The peer of a killed broker sees the end of the stream, never a goodbye."""
    broker.start()
    client = RawClient(broker.host, broker.port)
    broker.kill9()
    with pytest.raises(Gone):
        client.hear(SECONDS_MAX)
    assert not client.methods
