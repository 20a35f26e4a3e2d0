"""How long records stay whose log belonged to a queue or a stream before a topic of its name came."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine_driver import START_MS, Disk, FakeStore
from onemq.model.entities import QueueSettings
from onemq.model.record import NO_ADDRESS, Record
from transaction_driver import TransactionDriver, batch

WEEK_MS = 7 * 24 * 3_600_000


@pytest.mark.parametrize("restart", [False, True])
def test_what_waits_in_a_queue_does_not_go_of_age(restart: bool) -> None:
    driver = TransactionDriver(store=FakeStore(Disk()))
    driver.declare("q")
    for value in (b"settled", b"waits", b"behind"):
        driver.publish("q", value)
    driver.settle_down()
    driver.topics.find("q")
    result = driver.get("q", no_ack=True).result
    assert result is not None and result.record.value == b"settled"
    driver.settle_down()
    if restart:
        driver.restart()
    for _ in range(30):
        driver.pass_time(WEEK_MS // 10)
    assert driver.drain("q") == [b"waits", b"behind"]
    for _ in range(30):
        driver.pass_time(WEEK_MS // 10)
    log = driver.topics.find("q").partitions[0].log
    assert log.start_offset == log.visible_end == 3


def test_a_queue_that_is_named_by_a_reader_loses_nothing_soon() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    driver.publish("q", b"settled")
    driver.publish("q", b"waits")
    driver.settle_down()
    driver.topics.find("q")
    driver.get("q", no_ack=True)
    driver.pass_time(120_000)
    assert driver.topics.find("q").partitions[0].log.start_offset == 0
    assert driver.drain("q") == [b"waits"]


def test_an_age_that_the_topic_was_given_holds_for_what_waits_too() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    driver.publish("q", b"waits")
    driver.settle_down()
    topic = driver.topics.find("q")
    driver.topics.configure(topic, {"retention.ms": "5000"})
    driver.pass_time(60_000)
    assert driver.ready("q") == 0


@pytest.mark.parametrize("age_ms", [None, 30_000])
def test_a_stream_keeps_its_own_limits(age_ms: int | None) -> None:
    driver = TransactionDriver()
    settings = QueueSettings()
    settings.kept = True
    settings.persists_all = True
    settings.type_name = "stream"
    settings.retention_ms = age_ms
    driver.declare("s", settings)
    driver.publish("s", b"v")
    driver.settle_down()
    topic = driver.topics.find("s")
    assert topic.config.retention_ms == (-1 if age_ms is None else age_ms)
    assert topic.config.retention_bytes == -1
    driver.pass_time(20_000)
    assert topic.partitions[0].log.start_offset == 0


# A queue's own time to live, over a topic whose producers say when records were made.

LIFE_MS = 256_000
LONG_AGO_MS = START_MS - 3 * LIFE_MS
FAR_AHEAD_MS = START_MS + 3 * LIFE_MS


def living(driver: TransactionDriver) -> None:
    settings = QueueSettings()
    settings.message_ttl_ms = LIFE_MS
    driver.access.queues.declare("t", settings)
    driver.settle_down()


def produce(driver: TransactionDriver, *values: bytes, at_ms: int) -> None:
    driver.broker.begin_turn(driver.now_ms)
    driver.topics.find("t").partitions[0].append_batches(batch(list(values), at_ms))
    driver.settle_down()


@pytest.mark.parametrize("said_ms", [LONG_AGO_MS, FAR_AHEAD_MS])
@pytest.mark.parametrize(
    "end", [TransactionDriver.settle_down, TransactionDriver.crash, TransactionDriver.restart]
)
def test_a_queues_life_time_counts_from_the_arrival_whatever_a_producer_says(
    end: Callable[[TransactionDriver], None], said_ms: int
) -> None:
    driver = TransactionDriver()
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    living(driver)
    produce(driver, b"old", at_ms=said_ms)
    end(driver)
    driver.pass_time(LIFE_MS // 2)
    produce(driver, b"later", at_ms=said_ms)
    end(driver)
    driver.pass_time(LIFE_MS // 2 - 5000)
    assert driver.ready("t") == 2
    driver.pass_time(5000 + LIFE_MS // 128)
    assert driver.ready("t") == 1
    end(driver)
    driver.pass_time(LIFE_MS // 2)
    assert driver.ready("t") == 0


def test_an_honest_producers_time_is_exact() -> None:
    driver = TransactionDriver()
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    living(driver)
    produce(driver, b"x", at_ms=driver.now_ms)
    driver.pass_time(LIFE_MS - 1)
    assert driver.ready("t") == 1
    driver.pass_time(1)
    assert driver.ready("t") == 0


@pytest.mark.parametrize("end", [TransactionDriver.settle_down, TransactionDriver.crash])
def test_a_copy_of_ours_behind_a_producers_record_has_its_own_time(
    end: Callable[[TransactionDriver], None],
) -> None:
    """A share group's dead letter looks like a producer's record; it came long after the last one that a producer made."""
    driver = TransactionDriver()
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    living(driver)
    produce(driver, b"x", at_ms=FAR_AHEAD_MS)
    driver.pass_time(LIFE_MS // 2)
    driver.topics.find("t").partitions[0].append(Record(b"copy", NO_ADDRESS))
    driver.settle_down()
    end(driver)
    driver.pass_time(LIFE_MS // 2 + LIFE_MS // 128)
    assert driver.ready("t") == 1
    driver.pass_time(LIFE_MS // 2)
    assert driver.ready("t") == 0


def test_now_or_never_whatever_a_producer_says() -> None:
    driver = TransactionDriver()
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    settings = QueueSettings()
    settings.message_ttl_ms = 0
    driver.access.queues.declare("t", settings)
    driver.settle_down()
    produce(driver, b"x", at_ms=FAR_AHEAD_MS)
    assert driver.ready("t") == 0


def test_what_a_topic_held_comes_to_a_queue_when_that_is_made() -> None:
    driver = TransactionDriver()
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    produce(driver, b"old", at_ms=LONG_AGO_MS)
    living(driver)
    driver.pass_time(LIFE_MS - 5000)
    assert driver.ready("t") == 1
    driver.crash()
    driver.pass_time(5000 + LIFE_MS // 128)
    assert driver.ready("t") == 0


def test_what_was_sent_without_a_topic_keeps_its_time() -> None:
    driver = TransactionDriver()
    living(driver)
    driver.publish("t", b"first")
    driver.settle_down()
    driver.pass_time(LIFE_MS // 2)
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    produce(driver, b"old", at_ms=LONG_AGO_MS)
    driver.publish("t", b"second")
    driver.settle_down()
    driver.pass_time(LIFE_MS // 2)
    assert driver.ready("t") == 2
    driver.pass_time(LIFE_MS // 2)
    assert driver.ready("t") == 2, "the head of the queue waits for one mark longer, the other behind it"
    driver.pass_time(LIFE_MS // 128)
    assert driver.ready("t") == 0


def test_a_queue_that_is_made_again_begins_anew() -> None:
    driver = TransactionDriver()
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    living(driver)
    produce(driver, b"old", at_ms=LONG_AGO_MS)
    driver.access.queues.delete("t")
    driver.settle_down()
    driver.pass_time(2 * LIFE_MS)
    living(driver)
    produce(driver, b"new", at_ms=LONG_AGO_MS)
    driver.restart()
    driver.pass_time(LIFE_MS - 5000)
    assert driver.ready("t") == 1
    driver.pass_time(5000 + LIFE_MS // 128)
    assert driver.ready("t") == 0
