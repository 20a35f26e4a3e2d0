"""Looking at records without taking them: from memory and from the store, by offset and time, of queues, streams and topics."""

from __future__ import annotations

import pytest

from engine_driver import START_MS, Disk, Driver, FakeStore, RecordingSink
from onemq.engine.inspection import FROM_OFFSET, FROM_TIME
from onemq.engine.peek import DELAYED, KEPT, LEASED, READY, Peek, Peeked, PeekWaiter
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights
from transaction_driver import TransactionDriver, batch


class Looked(PeekWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Peeked] = []
        self.more = False
        self.calls = 0

    def peeked(self, found: list[Peeked], more: bool) -> None:
        self.found = found
        self.more = more
        self.calls += 1

    @property
    def values(self) -> list[bytes]:
        return [each.record.value or b"" for each in self.found]


def cramped() -> EngineSettings:
    """Nearly everything is spilled, and loaded in pieces of a record or two."""
    return EngineSettings(tail_bytes_max=1200, journal_bytes_max=1200, spill_bytes=600, load_bytes=200)


def look(
    driver: Driver, name: str, count: int = 100, start: str = "head", value: int = 0, **terms: bool
) -> Looked:
    driver.broker.begin_turn(driver.now_ms)
    waiter = Looked()
    driver.access.inspection.peek(name, count, waiter, start, value, **terms)
    driver.settle_down()
    assert waiter.calls == 1
    return waiter


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("bounds", [None, cramped()])
def test_a_queue_shows_what_waits_and_keeps_it(bounds: EngineSettings | None, delay: int) -> None:
    driver = Driver(bounds, store=FakeStore(Disk(), delay), delay=delay)
    driver.declare("q")
    for number in range(30):
        driver.publish("q", f"{number:03}".encode() * 10)
        driver.settle_down()
        driver.now_ms += 10
    if bounds is not None:
        assert driver.queue("q").log.spilled_to > 20
    everything = [f"{number:03}".encode() * 10 for number in range(30)]
    found = look(driver, "q")
    assert found.values == everything and not found.more
    assert {each.state for each in found.found} == {READY}
    first = look(driver, "q", 5)
    assert first.values == everything[:5] and first.more
    assert look(driver, "q", 3, FROM_OFFSET, 17).values == everything[17:20]
    assert look(driver, "q", 3, FROM_TIME, START_MS + 21 * 10 - 5).values == everything[21:24]
    assert look(driver, "q", 3, FROM_TIME, START_MS + 30 * 10).values == []
    assert look(driver, "q", 3, FROM_OFFSET, 30).values == []
    assert driver.drain("q") == everything


def test_states_attempts_and_what_is_ready_only() -> None:
    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"leased")
    driver.publish("q", b"returned")
    driver.publish("q", b"late", delay_ms=1000)
    driver.publish("q", b"ready")
    driver.settle_down()
    first = driver.get("q")
    second = driver.get("q")
    assert first.result is not None and second.result is not None and second.result.delivery is not None
    driver.access.release(second.result.delivery, True)
    driver.settle_down()
    found = look(driver, "q").found
    shown = [(each.record.value, each.state, each.attempts, each.failures) for each in found]
    assert shown == [
        (b"leased", LEASED, 0, 0),
        (b"returned", READY, 1, 1),
        (b"late", DELAYED, 0, 0),
        (b"ready", READY, 0, 0),
    ]
    assert look(driver, "q", ready_only=True).values == [b"returned", b"ready"]


def test_what_was_settled_is_passed_over() -> None:
    driver = Driver()
    driver.declare("q")
    for number in range(6):
        driver.publish("q", bytes([number]))
    driver.settle_down()
    sink = RecordingSink()
    driver.consume("q", sink, limit=4)
    driver.settle_down()
    driver.access.accept_many(sink.held[1:3])
    driver.access.close_sink(sink)
    driver.settle_down()
    assert look(driver, "q").values == [b"\0", b"\3", b"\4", b"\5"]


def test_bounds_of_bytes() -> None:
    driver = Driver()
    driver.declare("q")
    for _ in range(5):
        driver.publish("q", b"x" * 100)
    driver.settle_down()
    waiter = Looked()
    driver.access.inspection.peek("q", 100, waiter, bytes_max=150)
    assert len(waiter.found) == 2 and waiter.more


def test_a_stream_shows_all_that_is_kept() -> None:
    driver = Driver()
    settings = QueueSettings()
    settings.kept = True
    settings.type_name = "stream"
    driver.declare("s", settings)
    for number in range(3):
        driver.publish("s", bytes([number]))
    driver.settle_down()
    found = look(driver, "s")
    assert found.values == [b"\0", b"\1", b"\2"] and found.found[0].state == KEPT


@pytest.mark.parametrize("bounds", [None, cramped()])
def test_a_topic_with_and_without_a_queue(bounds: EngineSettings | None) -> None:
    driver = TransactionDriver(bounds)
    driver.topics.create("t", 2, {"retention.ms": "-1"})
    topic = driver.topics.find("t")
    for number in range(8):
        driver.broker.begin_turn(driver.now_ms)
        topic.partitions[number % 2].append_batches(batch([b"%d" % number], START_MS + number))
        driver.settle_down()
    values = [b"%d" % number for number in range(8)]
    found = look(driver, "t")
    assert found.values == values, "several partitions are joined by time"
    assert [each.partition for each in found.found[:2]] == [0, 1]
    assert "t" not in driver.broker.catalog.namespaces["/"].queues, "looking makes no queue"
    assert look(driver, "t", 3, FROM_TIME, START_MS + 4).values == values[4:7]
    waiter = Looked()
    driver.access.inspection.peek("t", 100, waiter, partition=1)
    driver.settle_down()
    assert waiter.values == values[1::2]
    assert sorted(driver.drain("t")) == values
    driver.settle_down()
    assert look(driver, "t").values == [], "the queue has nothing left"
    assert look(driver, "t", kept=True).values == values


def test_refusals() -> None:
    driver = Driver()
    driver.declare("q")
    own = QueueSettings(exclusive=True)
    other = driver.new_access()
    other.queues.declare("own", own)
    nothing = NamePattern("")
    blind = driver.new_access(Rights(nothing, NamePattern(".*"), nothing)).inspection
    for inspection, name, partition, reason in (
        (driver.access.inspection, "absent", -1, Reason.NOT_FOUND),
        (driver.access.inspection, "own", -1, Reason.LOCKED),
        (driver.access.inspection, "q", 1, Reason.INVALID),
        (blind, "q", -1, Reason.ACCESS_DENIED),
    ):
        with pytest.raises(Refusal) as refused:
            inspection.peek(name, 1, Looked(), partition=partition)
        assert refused.value.reason == reason


def test_one_that_was_cancelled_is_not_told() -> None:
    driver = Driver(cramped(), store=FakeStore(Disk(), 3), delay=3)
    driver.declare("q")
    for _ in range(30):
        driver.publish("q", b"x" * 30)
        driver.settle_down()
    waiter = Looked()
    for start, value in (("head", 0), (FROM_TIME, START_MS)):
        peek: Peek = driver.access.inspection.peek("q", 10, waiter, start, value)
        peek.cancel()
        driver.settle_down()
    assert waiter.calls == 0 and not driver.broker.core.load_waiters and not driver.broker.core.find_waiters
