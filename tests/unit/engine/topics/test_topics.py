"""Topics meeting queues: one name, one log, whichever was there first; settled one by one, and kept until retention takes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine_driver import Disk, FakeStore, RecordingSink
from onemq.engine.consumption import START_FIRST, StreamStart
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason, Refusal
from transaction_driver import Remembering, TransactionDriver, batch

End = Callable[[TransactionDriver], None]
ENDS: list[End] = [TransactionDriver.settle_down, TransactionDriver.crash, TransactionDriver.restart]
"""What lies between two steps: nothing, kill -9, a clean restart."""


def cramped() -> EngineSettings:
    return EngineSettings(tail_bytes_max=1500, journal_bytes_max=1500, spill_bytes=700, load_bytes=400)


@pytest.fixture(params=["memory", "spilled"])
def driver(request: pytest.FixtureRequest) -> TransactionDriver:
    return TransactionDriver(None if request.param == "memory" else cramped(), store=FakeStore(Disk(), 1))


def make(driver: TransactionDriver, partitions: int = 1) -> None:
    driver.topics.create("t", partitions, {"retention.ms": "-1"})
    driver.settle_down()


def produce(driver: TransactionDriver, *values: bytes, index: int = 0) -> int:
    driver.broker.begin_turn(driver.now_ms)
    found = driver.topics.produce(driver.topics.find("t"), index, batch(list(values), driver.now_ms), None)
    driver.settle_down()
    return int(found.base_offset)


def begin(driver: TransactionDriver, *values: bytes, index: int = 0) -> tuple[int, int]:
    """Values in a transaction that stays open."""
    grant = driver.transactions.initialise("x", 600_000)
    assert driver.transactions.add_partitions("x", grant.producer_id, grant.epoch, [("t", index)]) == [None]
    data = batch(
        list(values),
        driver.now_ms,
        producer=grant.producer_id,
        epoch=grant.epoch,
        sequence=0,
        transactional=True,
    )
    driver.topics.produce(driver.topics.find("t"), index, data, "x")
    driver.settle_down()
    return grant.producer_id, grant.epoch


def end(driver: TransactionDriver, producer: tuple[int, int], commit: bool) -> None:
    driver.transactions.end("x", *producer, commit)
    driver.settle_down()


def settings(**changes: object) -> QueueSettings:
    made = QueueSettings()
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def stream() -> QueueSettings:
    return settings(type_name="stream", kept=True, persists_all=True)


def take(driver: TransactionDriver, count: int) -> RecordingSink:
    sink = RecordingSink()
    driver.consume("t", sink, limit=count)
    driver.settle_down()
    return sink


# Both orders of creation.


@pytest.mark.parametrize("between", ENDS)
def test_a_queue_over_a_topic_gets_what_was_there(driver: TransactionDriver, between: End) -> None:
    make(driver)
    produce(driver, b"1", b"2")
    driver.publish("t", b"3")
    driver.settle_down()
    between(driver)
    assert driver.drain("t") == [b"1", b"2", b"3"]
    between(driver)
    assert driver.drain("t") == []
    assert driver.read("t", 0, True) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("between", ENDS)
def test_a_topic_over_a_queue_takes_over_what_is_unsettled(driver: TransactionDriver, between: End) -> None:
    driver.declare("t")
    for value in (b"0", b"1", b"2", b"3"):
        driver.publish("t", value)
        driver.settle_down()
    sink = take(driver, 1)
    driver.access.accept(sink.held[0])
    driver.access.close_sink(sink)
    driver.settle_down()
    between(driver)
    topic = driver.topics.find("t")
    assert len(topic.partitions) == 1
    driver.settle_down()
    between(driver)
    waiter = Remembering()
    part = driver.topics.fetch_part(driver.topics.find("t"), 0, 0, 100)
    driver.topics.fetch([part], 0, 100, 0, False, waiter)
    assert waiter.results is not None and waiter.results[0].refused is Reason.OFFSET_OUT_OF_RANGE
    assert waiter.results[0].start_offset == 1
    assert produce(driver, b"4") == 4
    between(driver)
    assert driver.drain("t") == [b"1", b"2", b"3", b"4"]
    driver.settle_down()
    assert driver.topics.find("t").partitions[0].log.start_offset == 1


@pytest.mark.parametrize("between", ENDS)
def test_records_settled_before_the_topic_came_do_not_stop_a_reader(between: End) -> None:
    """A batch of which the last records are gone: who reads behind them gets what follows, not the batch again."""
    driver = TransactionDriver()
    driver.declare("t")
    for value in (b"0", b"1", b"2", b"3"):
        driver.publish("t", value)
    driver.settle_down()
    sink = take(driver, 0)
    for delivery in sink.held[2:]:
        driver.access.accept(delivery)
    driver.access.close_sink(sink)
    driver.settle_down()
    driver.topics.find("t")
    driver.settle_down()
    between(driver)
    # A journal that is replayed has the batch as it was written, with what was settled.
    before = [b"0", b"1", b"2", b"3"] if between is TransactionDriver.crash else [b"0", b"1"]
    assert driver.read("t", 0, False) == before
    produce(driver, b"4")
    assert driver.read("t", 0, False) == [*before, b"4"]
    assert driver.drain("t") == [b"0", b"1", b"4"]


def test_only_a_durable_shared_queue_can_become_a_topic() -> None:
    driver = TransactionDriver()
    driver.declare("t", settings(durable=False))
    with pytest.raises(Refusal) as caught:
        driver.topics.create("t", 1, {})
    assert caught.value.reason is Reason.IN_USE
    with pytest.raises(Refusal) as caught:
        driver.topics.find("t")
    assert caught.value.reason is Reason.NOT_FOUND


def test_what_cannot_be_over_a_topic_is_refused() -> None:
    driver = TransactionDriver()
    make(driver, 2)
    for wanted, reason in ((settings(durable=False), Reason.EXISTS_OTHERWISE), (stream(), Reason.INVALID)):
        with pytest.raises(Refusal) as caught:
            driver.declare("t", wanted)
        assert caught.value.reason is reason


# Settling one by one.


@pytest.mark.parametrize("between", ENDS)
def test_records_of_one_batch_are_settled_one_by_one(driver: TransactionDriver, between: End) -> None:
    make(driver)
    produce(driver, b"0", b"1", b"2", b"3")
    sink = take(driver, 0)
    driver.access.accept(sink.held[1])
    driver.access.reject(sink.held[3])
    driver.access.release(sink.held[2], True)
    driver.access.close_sink(sink)
    driver.settle_down()
    between(driver)
    again = take(driver, 0)
    assert again.values == [b"0", b"2"]
    driver.access.accept_many(again.held)
    driver.settle_down()
    between(driver)
    assert driver.drain("t") == []
    assert driver.read("t", 0, True) == [b"0", b"1", b"2", b"3"]


def test_a_rejected_record_goes_where_the_queue_says() -> None:
    driver = TransactionDriver()
    make(driver)
    driver.declare("dead")
    driver.declare("t", settings(dead_letter_exchange="", dead_letter_routing_key="dead"))
    produce(driver, b"0", b"1")
    sink = take(driver, 0)
    driver.access.reject(sink.held[0])
    driver.settle_down()
    driver.crash()
    assert driver.drain("dead") == [b"0"]
    assert driver.drain("t") == [b"1"]
    assert driver.read("t", 0, True) == [b"0", b"1"]


# Several partitions.


@pytest.mark.parametrize("between", ENDS)
def test_a_queue_over_several_partitions(driver: TransactionDriver, between: End) -> None:
    make(driver, 3)
    driver.declare("t")
    for number in range(6):
        produce(driver, b"%d" % number, index=number % 3)
    between(driver)
    assert driver.ready("t") == 6
    sink = take(driver, 2)
    assert len(sink.values) == 2, "its demand is for all partitions"
    for delivery in list(sink.held):
        driver.access.accept(delivery)
        driver.settle_down()
    assert len(sink.values) == 4
    driver.access.close_sink(sink)
    driver.settle_down()
    between(driver)
    rest = driver.drain("t")
    assert sorted([*sink.values[:2], *rest]) == [b"%d" % number for number in range(6)]


@pytest.mark.parametrize("between", ENDS)
def test_partitions_come_under_a_queue_with_consumers(driver: TransactionDriver, between: End) -> None:
    make(driver, 1)
    sink = take(driver, 0)
    driver.topics.add_partitions(driver.topics.find("t"), 3)
    produce(driver, b"2", index=2)
    assert sink.values == [b"2"]
    driver.access.accept(sink.held[0])
    driver.settle_down()
    between(driver)
    produce(driver, b"1", index=1)
    assert driver.read("t", 2, True) == [b"2"]
    if between is not TransactionDriver.settle_down:
        assert driver.drain("t") == [b"1"]


def test_a_get_finds_records_in_any_partition() -> None:
    driver = TransactionDriver(cramped())
    make(driver, 3)
    driver.declare("t")
    produce(driver, b"2", index=2)
    driver.settle_down()
    waiter = driver.get("t", no_ack=True)
    driver.settle_down()
    assert waiter.result is not None and waiter.result.record.value == b"2"


def test_a_queue_that_is_used_does_not_expire_by_one_of_its_partitions() -> None:
    driver = TransactionDriver()
    make(driver, 2)
    driver.declare("t", settings(expires_ms=1000))
    driver.restart()
    for _ in range(6):
        driver.pass_time(600)
        driver.get("t", no_ack=True)
    assert driver.queue("t").name == "t"
    driver.pass_time(1100)
    assert "t" not in driver.broker.catalog.namespaces["/"].queues
    assert len(driver.topics.find("t").partitions) == 2


# Deleting.


@pytest.mark.parametrize("between", ENDS)
def test_a_queue_made_again_begins_where_the_first_one_ended(driver: TransactionDriver, between: End) -> None:
    make(driver, 2)
    driver.declare("t")
    produce(driver, b"0")
    produce(driver, b"1", index=1)
    driver.access.queues.delete("t")
    driver.settle_down()
    between(driver)
    produce(driver, b"2")
    produce(driver, b"3", index=1)
    between(driver)
    driver.declare("t")
    driver.settle_down()
    between(driver)
    assert sorted(driver.drain("t")) == [b"2", b"3"]
    assert driver.read("t", 0, True) == [b"0", b"2"]


@pytest.mark.parametrize("delay", [0, 3])
def test_what_is_on_its_way_to_the_disk_goes_with_the_queue(delay: int) -> None:
    """Whether or not there is a crash after it."""
    for crash in (False, True):
        driver = TransactionDriver(store=FakeStore(Disk(), delay))
        make(driver)
        driver.declare("t")
        driver.publish("t", b"before")
        driver.turn()
        driver.access.queues.delete("t")
        driver.declare("t")
        driver.publish("t", b"after")
        driver.settle_down()
        if crash:
            driver.crash()
        assert driver.drain("t") == [b"after"]


@pytest.mark.parametrize("between", ENDS)
@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_a_deleted_topic_takes_its_queue_along(driver: TransactionDriver, between: End, kind: str) -> None:
    make(driver)
    driver.declare("t", stream() if kind == "stream" else None)
    produce(driver, b"0")
    sink = RecordingSink()
    driver.consume("t", sink)
    waiter = Remembering()
    part = driver.topics.fetch_part(driver.topics.find("t"), 0, 1, 100)
    driver.topics.fetch([part], 1, 100, 60_000, False, waiter)
    driver.settle_down()
    assert waiter.results is None
    driver.topics.delete(driver.topics.find("t"))
    driver.settle_down()
    assert sink.ended == [("tag", "deleted")]
    assert waiter.results is not None and waiter.results[0].refused is Reason.NOT_FOUND
    assert not driver.broker.catalog.namespaces["/"].queues
    between(driver)
    with pytest.raises(Refusal):
        driver.topics.find("t")
    assert driver.broker.memory_bytes() == 0
    make(driver)
    assert produce(driver, b"new") == 0
    assert driver.drain("t") == [b"new"]


# Retention.


@pytest.mark.parametrize("between", ENDS)
def test_retention_cuts_under_a_queue(driver: TransactionDriver, between: End) -> None:
    make(driver)
    driver.declare("t")
    for number in range(6):
        produce(driver, b"%d" % number)
    sink = take(driver, 1)
    driver.topics.delete_records(driver.topics.find("t"), 0, 4)
    driver.settle_down()
    assert driver.ready("t") == 2
    driver.access.release(sink.held[0], True)
    driver.access.close_sink(sink)
    driver.settle_down()
    between(driver)
    assert driver.topics.find("t").partitions[0].log.start_offset == 4
    # What was out when it was taken away may come once more, or be gone after a restart.
    assert [value for value in driver.drain("t") if value != b"0"] == [b"4", b"5"]


@pytest.mark.parametrize("between", ENDS)
def test_a_delayed_record_that_retention_took(driver: TransactionDriver, between: End) -> None:
    make(driver)
    driver.declare("t")
    driver.publish("t", b"0")
    driver.settle_down()
    driver.publish("t", b"late", delay_ms=5000)
    driver.settle_down()
    produce(driver, b"2")
    driver.topics.delete_records(driver.topics.find("t"), 0, 2)
    driver.settle_down()
    between(driver)
    driver.pass_time(6000)
    assert [value for value in driver.drain("t") if value != b"late"] == [b"2"]


# Records that AMQP's publishers want treated specially.


@pytest.mark.parametrize("between", ENDS)
def test_delays_and_expiries_hold_in_a_topics_queue(driver: TransactionDriver, between: End) -> None:
    make(driver)
    driver.declare("t")
    driver.publish("t", b"late", delay_ms=5000)
    driver.settle_down()
    driver.publish("t", b"short", ttl_ms=100)
    driver.settle_down()
    driver.publish("t", b"transient", volatile=True)
    driver.settle_down()
    between(driver)
    driver.pass_time(200)
    assert driver.drain("t") == [b"transient"]
    between(driver)
    driver.pass_time(5000)
    assert driver.drain("t") == [b"late"]
    assert driver.read("t", 0, True) == [b"late", b"short", b"transient"]


@pytest.mark.parametrize("between", ENDS)
def test_priorities_hold_in_a_topics_queue(driver: TransactionDriver, between: End) -> None:
    make(driver)
    driver.declare("t", settings(priority_max=5))
    for priority in (1, 5, 3):
        driver.publish("t", b"%d" % priority, priority=priority)
        driver.settle_down()
    between(driver)
    assert driver.drain("t") == [b"5", b"3", b"1"]


@pytest.mark.parametrize("between", ENDS)
def test_a_delay_holds_behind_an_open_transaction(driver: TransactionDriver, between: End) -> None:
    make(driver)
    driver.declare("t")
    producer = begin(driver, b"0")
    driver.publish("t", b"late", delay_ms=50_000)
    driver.settle_down()
    produce(driver, b"2")
    between(driver)
    assert driver.ready("t") == 0
    end(driver, producer, True)
    assert driver.drain("t") == [b"0", b"2"]
    between(driver)
    driver.pass_time(51_000)
    assert driver.drain("t") == [b"late"]


# Transactions.


@pytest.mark.parametrize("between", ENDS)
@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_a_queue_never_gets_aborted_records(
    driver: TransactionDriver, between: End, commit: bool, kind: str
) -> None:
    make(driver)
    driver.declare("t", stream() if kind == "stream" else None)
    producer = begin(driver, b"1", b"2")
    produce(driver, b"3")
    between(driver)
    start = StreamStart(START_FIRST) if kind == "stream" else None
    sink = RecordingSink()
    consumer = driver.consume("t", sink, start=start)
    driver.settle_down()
    assert sink.values == []
    end(driver, producer, commit)
    expected = [b"1", b"2", b"3"] if commit else [b"3"]
    assert sink.values == expected
    driver.access.cancel(consumer)
    driver.access.close_sink(sink)
    driver.settle_down()
    between(driver)
    again = RecordingSink()
    driver.consume("t", again, start=StreamStart(START_FIRST) if kind == "stream" else None)
    driver.settle_down()
    assert again.values == expected
    assert driver.read("t", 0, True) == expected
    assert driver.read("t", 0, False) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("kind", ["queue", "stream"])
def test_what_is_aborted_after_it_was_loaded_is_not_delivered(kind: str) -> None:
    """A load brings more than was asked for: batches of transactions that are still open."""
    bounds = EngineSettings(tail_bytes_max=100, spill_bytes=700, load_bytes=4000)
    driver = TransactionDriver(bounds)
    make(driver)
    driver.declare("t", stream() if kind == "stream" else None)
    produce(driver, b"0", b"1")
    producer = begin(driver, b"2")
    start = StreamStart(START_FIRST) if kind == "stream" else None
    sink = RecordingSink()
    driver.consume("t", sink, limit=1, start=start)
    driver.settle_down()
    assert driver.store.loads > 0
    end(driver, producer, False)
    produce(driver, b"4")
    for _ in range(4):
        for delivery in list(sink.held):
            driver.access.accept(delivery)
        driver.settle_down()
    assert sink.values == [b"0", b"1", b"4"]


@pytest.mark.parametrize("between", ENDS)
def test_records_deleted_out_of_an_open_transaction(driver: TransactionDriver, between: End) -> None:
    make(driver)
    driver.declare("t")
    producer = begin(driver, b"1", b"2")
    driver.topics.delete_records(driver.topics.find("t"), 0, 1)
    driver.settle_down()
    between(driver)
    partition = driver.topics.find("t").partitions[0]
    assert (partition.log.start_offset, partition.stable_end) == (1, 1)
    end(driver, producer, True)
    assert driver.topics.find("t").partitions[0].stable_end == 3
    assert driver.drain("t") == [b"2"]


def test_each_partition_has_a_queue_of_its_own_that_names_do_not_know() -> None:
    driver = TransactionDriver()
    make(driver, 2)
    queue = driver.declare("t")
    assert isinstance(queue, LedgerQueue) and len(queue.others) == 1
    assert queue.others[0].main is queue
    assert list(driver.broker.catalog.namespaces["/"].queues) == ["t"]
