"""Where partitions meet queues, retention, checkpoints and memory pressure: nothing is lost, nobody waits for ever."""

from __future__ import annotations

import google_crc32c
import pytest

from engine_driver import Disk, FakeStore, RecordingSink
from onemq.engine.consumption import START_FIRST, StreamStart
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.ports import Durable, Found
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.lookup import LookupWaiter
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topic_access import MAX_TIMESTAMP
from onemq.model.compression import GZIP
from onemq.model.entities import QueueSettings
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import base_offset, max_timestamp_ms, recompressed_batch
from onemq.model.record_codec import encode_batch
from onemq.model.refusal import Reason, Refusal
from transaction_driver import Remembering, TransactionDriver, batch

DAY_MS = 86_400_000


class Looked(LookupWaiter):
    def __init__(self) -> None:
        self.answer: tuple[int, int] | None = None

    def looked_up(self, offset: int, time_ms: int) -> None:
        assert self.answer is None, "answered twice"
        self.answer = (offset, time_ms)


def cramped() -> EngineSettings:
    return EngineSettings(tail_bytes_max=3_000, journal_bytes_max=1 << 30, spill_bytes=1_500, load_bytes=900)


def produce(driver: TransactionDriver, topic: Topic, values: list[bytes]) -> int:
    driver.broker.begin_turn(driver.now_ms)
    return int(driver.topics.produce(topic, 0, batch(values, driver.now_ms), None).base_offset)


def produce_open(driver: TransactionDriver, topic: Topic, value: bytes) -> None:
    """A batch of a transaction that stays open until a marker comes."""
    data = batch([value], driver.now_ms, producer=8, epoch=0, sequence=0, transactional=True)
    topic.partitions[0].append_checked(data)


def wait_for(
    driver: TransactionDriver, topic: Topic, offset: int, wait_ms: int, committed: bool = False
) -> Remembering:
    waiter = Remembering()
    part = driver.topics.fetch_part(topic, 0, offset, 1 << 20)
    driver.topics.fetch([part], 1, 1 << 20, wait_ms, committed, waiter)
    return waiter


def stream() -> QueueSettings:
    settings = QueueSettings()
    settings.kept = True
    settings.persists_all = True
    return settings


# Retention.


def test_a_queue_whose_log_a_topic_takes_over_keeps_its_records() -> None:
    driver = TransactionDriver()
    driver.pass_time(30 * DAY_MS)
    driver.declare("q")
    for number in range(5):
        driver.publish("q", b"%d" % number)
    driver.settle_down()
    driver.topics.find("q")
    driver.pass_time(120_000)
    assert driver.ready("q") == 5
    assert driver.drain("q") == [b"0", b"1", b"2", b"3", b"4"]


def test_retention_after_a_clean_restart_knows_how_young_the_last_records_are() -> None:
    driver = TransactionDriver()
    topic = driver.topics.create("t", 1, {"retention.ms": "100000"})
    assert topic is not None
    produce(driver, topic, [b"first"])
    driver.pass_time(90_000)
    produce(driver, topic, [b"second"])
    driver.pass_time(500)
    driver.restart()
    driver.pass_time(40_000)
    partition = driver.topics.find("t").partitions[0]
    assert (partition.log.start_offset, partition.log.visible_end) == (1, 2)


# Checkpoints.


def test_a_queue_deleted_during_a_checkpoint_takes_nothing_of_the_topic_that_took_its_log() -> None:
    driver = TransactionDriver(
        EngineSettings(tail_bytes_max=1 << 30, journal_bytes_max=4_000, spill_bytes=600), delay=3
    )
    driver.declare("q")
    expected = [b"%03d" % number + bytes(100) for number in range(40)]
    for value in expected:
        driver.publish("q", value)
    driver.turn()
    while not driver.broker.checkpoints._limits:
        driver.turn()
    driver.topics.find("q")
    driver.turn()
    driver.access.queues.delete("q")
    driver.settle_down()
    assert driver.store.checkpoints
    assert driver.read("q", 0, False) == expected
    driver.crash()
    assert driver.read("q", 0, False) == expected


def test_a_checkpoint_while_a_transaction_holds_back_what_memory_has_let_go_of() -> None:
    driver = TransactionDriver(cramped())
    topic = driver.make_topic("t", 1)
    driver.declare("t")
    produce(driver, topic, [b"x"])
    driver.settle_down()
    produce_open(driver, topic, b"open")
    driver.settle_down()
    driver.publish("t", b"expires", ttl_ms=DAY_MS)
    for _ in range(20):
        produce(driver, topic, [bytes(400)])
        driver.settle_down()
    driver.restart()
    driver.topics.find("t").partitions[0].append_marker(8, 0, True)
    driver.settle_down()
    assert driver.drain("t")[:3] == [b"x", b"open", b"expires"]


# Queues and streams over topics.


def test_a_get_is_answered_though_a_transaction_is_open() -> None:
    driver = TransactionDriver(delay=2)
    topic = driver.make_topic("t", 1)
    driver.declare("t")
    driver.settle_down()
    produce_open(driver, topic, b"open")
    waiter = driver.get("t")
    driver.settle_down()
    assert waiter.calls == 1
    assert waiter.result is None


def test_streams_leave_out_what_was_aborted() -> None:
    driver = TransactionDriver()
    topic = driver.make_topic("t", 1)
    driver.declare("t", stream())
    produce_open(driver, topic, b"aborted")
    topic.partitions[0].append_marker(8, 0, False)
    produce(driver, topic, [b"plain"])
    driver.settle_down()
    sink = RecordingSink()
    driver.consume("t", sink, start=StreamStart(START_FIRST, 0))
    driver.settle_down()
    assert sink.values == [b"plain"]


def test_a_batch_whose_headers_are_garbage_harms_no_queue_and_no_stream() -> None:
    for settings in (QueueSettings(), stream()):
        driver = TransactionDriver()
        topic = driver.make_topic("t", 1)
        driver.declare("t", settings)
        good = batch([b"bad"], driver.now_ms)
        # The record's count of headers, its last octet, says 3; nothing follows.
        body = good[21:-1] + b"\x06"
        bad = good[:17] + google_crc32c.value(body).to_bytes(4, "big") + body
        topic.partitions[0].append_checked(bad)
        produce(driver, topic, [b"good"])
        driver.settle_down()
        sink = RecordingSink()
        driver.consume("t", sink, start=StreamStart(START_FIRST, 0) if settings.kept else None)
        driver.settle_down()
        assert sink.values == [b"good"]


def test_a_stream_over_a_log_that_was_a_queues_passes_over_what_was_settled() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink)
    for number in range(4):
        driver.publish("q", b"%d" % number)
        driver.settle_down()
    for delivery in sink.held[1:3]:
        driver.access.accept(delivery)
    driver.settle_down()
    driver.topics.find("q")
    driver.access.queues.delete("q")
    driver.settle_down()
    driver.declare("q", stream())
    other = RecordingSink()
    driver.consume("q", other, start=StreamStart(START_FIRST, 0))
    driver.settle_down()
    assert other.values == [b"0", b"3"]


def test_a_queue_made_again_begins_where_the_last_one_was_also_after_a_crash() -> None:
    driver = TransactionDriver(delay=2)
    topic = driver.make_topic("t", 1)
    driver.declare("t")
    driver.settle_down()
    produce(driver, topic, [b"one"])
    driver.turn()
    driver.access.queues.delete("t")
    driver.declare("t")
    driver.settle_down()
    before = driver.ready("t")
    driver.crash()
    assert driver.ready("t") == before


def test_transient_records_of_a_queue_do_not_settle_later_ones_after_two_crashes() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    driver.publish("q", b"kept")
    driver.publish("q", b"transient", volatile=True)
    driver.settle_down()
    driver.topics.find("q")
    assert driver.drain("q") == [b"kept", b"transient"]
    driver.crash()
    driver.publish("q", b"later")
    driver.settle_down()
    driver.crash()
    assert driver.drain("q") == [b"later"]


def test_offsets_of_transient_records_that_kafka_has_read_are_not_given_again() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    driver.publish("q", b"kept")
    driver.publish("q", b"transient", volatile=True)
    driver.settle_down()
    topic = driver.topics.find("q")
    driver.settle_down()
    assert len(driver.read("q", 0, False)) == 2
    driver.crash()
    topic = driver.topics.find("q")
    assert produce(driver, topic, [b"later"]) == 2


# Deleted topics.


def test_a_fetch_that_loads_is_answered_when_the_topic_and_the_stream_over_it_go() -> None:
    driver = TransactionDriver(cramped(), delay=2)
    topic = driver.make_topic("t", 1)
    driver.declare("t", stream())
    for _ in range(20):
        produce(driver, topic, [bytes(400)])
        driver.settle_down()
    waiter = wait_for(driver, topic, 0, 0)
    assert waiter.results is None, "nothing had to be loaded"
    driver.topics.delete(topic)
    driver.settle_down()
    assert waiter.results is not None


# Look-ups.


def test_the_latest_time_is_a_records_not_a_markers() -> None:
    driver = TransactionDriver()
    topic = driver.make_topic("t", 1)
    produce_open(driver, topic, b"x")
    stamp = driver.now_ms
    driver.pass_time(1_000)
    topic.partitions[0].append_marker(8, 0, True)
    driver.settle_down()
    for _ in range(2):
        looked = Looked()
        driver.topics.offset_for(driver.topics.find("t"), 0, MAX_TIMESTAMP, False, looked)
        driver.settle_down()
        assert looked.answer == (0, stamp)
        driver.restart()


def test_the_latest_time_counts_records_of_other_protocols() -> None:
    driver = TransactionDriver()
    topic = driver.make_topic("t", 1)
    driver.declare("t")
    produce(driver, topic, [b"x"])
    driver.pass_time(1_000)
    driver.publish("t", b"y")
    stamp = driver.now_ms
    driver.settle_down()
    looked = Looked()
    driver.topics.offset_for(topic, 0, MAX_TIMESTAMP, False, looked)
    driver.settle_down()
    assert looked.answer == (1, stamp)


# Bounds.


def test_idle_producers_are_forgotten_where_records_stay_for_ever() -> None:
    driver = TransactionDriver()
    topic = driver.topics.create("t", 1, {"retention.ms": "-1"})
    assert topic is not None
    driver.topics.produce(topic, 0, batch([b"x"], driver.now_ms, producer=7, epoch=0, sequence=0), None)
    driver.settle_down()
    driver.pass_time(2 * DAY_MS)
    assert not topic.partitions[0].producers.states
    assert topic.partitions[0].agenda.deadline_ms == 0, "nothing is left to be forgotten"


def test_a_large_hole_is_passed_over_at_once() -> None:
    """Of a queue and of a stream: the step from one record to the next costs the same however far it is."""
    for settings in (QueueSettings(), stream()):
        driver = TransactionDriver()
        topic = driver.make_topic("t", 1)
        produce(driver, topic, [b"first"])
        driver.settle_down()
        topic.partitions[0].log.next_offset += 1 << 40
        produce(driver, topic, [b"far"])
        driver.settle_down()
        driver.declare("t", settings)
        sink = RecordingSink()
        driver.consume("t", sink, no_ack=True, start=StreamStart(START_FIRST, 0) if settings.kept else None)
        driver.settle_down()
        assert sink.values == [b"first", b"far"]


# Fetches.


def holed(driver: TransactionDriver) -> Topic:
    """A topic whose last offsets, all in the store, hold nothing."""
    topic = driver.make_topic("t", 1)
    for _ in range(20):
        produce(driver, topic, [bytes(400)])
        driver.settle_down()
    driver.restart()
    log = driver.topics.find("t").partitions[0].log
    driver.store.spilled[log.log_id] = driver.store.spilled[log.log_id][:10]
    return driver.topics.find("t")


def test_a_fetch_that_finds_a_hole_waits_for_what_comes() -> None:
    driver = TransactionDriver(cramped())
    topic = holed(driver)
    waiter = wait_for(driver, topic, 12, 5_000)
    driver.settle_down()
    assert waiter.results is None, "an empty answer at once makes a client ask at once"
    produce(driver, topic, [b"new"])
    driver.settle_down()
    assert waiter.results is not None and len(waiter.results[0].batches) == 1


def test_a_fetch_that_finds_a_hole_ends_in_time() -> None:
    driver = TransactionDriver(cramped())
    topic = holed(driver)
    waiter = wait_for(driver, topic, 12, 5_000)
    driver.pass_time(4_999)
    assert waiter.results is None
    driver.pass_time(1)
    assert waiter.results is not None and waiter.results[0].batches == []


def test_a_fetch_that_finds_a_hole_is_answered_when_its_topic_goes() -> None:
    driver = TransactionDriver(cramped(), delay=2)
    topic = holed(driver)
    waiter = wait_for(driver, topic, 12, 5_000)
    driver.topics.delete(topic)
    driver.settle_down()
    assert waiter.results is not None


def test_an_answered_fetch_holds_nothing_until_its_deadline() -> None:
    driver = TransactionDriver()
    topic = driver.make_topic("t", 1)
    waiter = Remembering()
    part = driver.topics.fetch_part(topic, 0, 0, 1 << 20)
    fetch = driver.topics.fetch([part], 1, 1 << 20, 1 << 40, False, waiter)
    produce(driver, topic, [b"x"])
    driver.settle_down()
    assert waiter.results is not None and fetch.done
    assert not fetch._results and not fetch._parts
    assert fetch.deadline_ms <= driver.now_ms + 60_000


def test_loads_of_a_fetch_are_bounded_by_its_size_however_little_is_asked_of_each_partition() -> None:
    driver = TransactionDriver(cramped())
    topic = driver.topics.create("t", 30, {"max.message.bytes": "1000"})
    assert topic is not None
    for index in range(30):
        driver.topics.produce(topic, index, batch([bytes(900)], driver.now_ms), None)
        driver.settle_down()
    driver.restart()
    topic = driver.topics.find("t")
    waiter = Remembering()
    parts = [driver.topics.fetch_part(topic, index, 0, 1) for index in range(30)]
    driver.topics.fetch(parts, 1, 5_000, 0, False, waiter)
    driver.settle_down()
    assert waiter.results is not None
    assert 1 <= sum(len(result.batches) for result in waiter.results) <= 6


# Compaction.


def keyed(driver: TransactionDriver, key: bytes, value: bytes) -> bytes:
    record = Record(value, NO_ADDRESS)
    record.key = key
    record.offset = 0
    record.timestamp_ms = driver.now_ms
    return encode_batch([record])


def test_compaction_leaves_alone_what_lies_behind_an_open_transaction() -> None:
    driver = TransactionDriver(EngineSettings(tail_bytes_max=1 << 30, journal_bytes_max=1 << 30))
    config = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.0"}
    topic = driver.topics.create("t", 1, config)
    assert topic is not None
    for value in (b"1", b"2"):
        driver.topics.produce(topic, 0, keyed(driver, b"k", value), None)
        driver.settle_down()
    produce_open(driver, topic, b"open")
    driver.topics.produce(topic, 0, keyed(driver, b"other", b"3"), None)
    driver.settle_down()
    driver.restart()
    driver.pass_time(60_000)
    assert driver.broker.catalog.topics.compactor.passes > 0
    assert driver.read("t", 0, False) == [b"2", b"open", b"3"]


def test_compaction_makes_one_step_in_a_turn() -> None:
    driver = TransactionDriver(EngineSettings(load_bytes=100))
    config = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.0"}
    topic = driver.topics.create("t", 1, config)
    assert topic is not None
    for _ in range(50):
        driver.topics.produce(topic, 0, keyed(driver, b"k", bytes(90)), None)
        driver.settle_down()
    compactor = driver.broker.catalog.topics.compactor
    seen: list[int] = []
    while not compactor.passes:
        driver.now_ms += 1_000
        for _ in range(300):
            before = int(compactor._at)
            driver.turn()
            if compactor._at > before:
                seen.append(int(compactor._at) - before)
    assert seen and max(seen) <= 2


def test_a_fetch_behind_the_last_record_left_of_a_queues_batch_waits() -> None:
    driver = TransactionDriver()
    driver.declare("q")
    for number in range(4):
        driver.publish("q", b"%d" % number)
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.settle_down()
    for delivery in sink.held[2:]:
        driver.access.accept(delivery)
    driver.settle_down()
    topic = driver.topics.find("q")
    waiter = wait_for(driver, topic, 2, 5_000)
    driver.settle_down()
    assert waiter.results is None, "a batch that was read before would be given again and again"


def test_a_batch_that_a_topic_decompresses_must_not_be_too_large_then() -> None:
    driver = TransactionDriver()
    config = {"compression.type": "uncompressed", "max.message.bytes": "1000"}
    topic = driver.topics.create("t", 1, config)
    assert topic is not None
    small = recompressed_batch(batch([bytes(5_000)], driver.now_ms), GZIP)
    assert len(small) < 1_000
    with pytest.raises(Refusal) as raised:
        driver.topics.produce(topic, 0, small, None)
    assert raised.value.reason is Reason.TOO_LARGE


class EarlyFinds(FakeStore):
    """Looks for times at once and answers late, as a reader that does not wait for the writer."""

    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        found = -1
        for data in self.spilled.get(log_id, []):
            if found < 0 and max_timestamp_ms(data) >= timestamp_ms:
                found = int(base_offset(data))
        self.held.append(Found(ticket, log_id, found))

    held: list[Found]


def test_a_look_up_sees_what_is_spilled_while_it_looks() -> None:
    store = EarlyFinds(Disk())
    store.held = []
    driver = TransactionDriver(cramped(), store=store)
    topic = driver.make_topic("t", 1)
    for _ in range(20):
        produce(driver, topic, [bytes(400)])
        driver.settle_down()
    driver.pass_time(1_000)
    stamp = driver.now_ms
    wanted = produce(driver, topic, [b"wanted"])
    driver.settle_down()
    log = topic.partitions[0].log
    assert log.spilled_to <= wanted
    looked = Looked()
    driver.topics.offset_for(topic, 0, stamp, False, looked)
    while log.tail[log.tail_at].base <= wanted:
        produce(driver, topic, [bytes(400)])
        driver.settle_down()
    assert looked.answer is None
    driver.broker.complete(list(store.held))
    driver.settle_down()
    assert looked.answer == (wanted, stamp)


def test_a_delay_counts_when_its_batch_became_durable_with_one_before_it() -> None:
    """The queue was given both as plain ones: found by the simulation (mixed world, seed 1271)."""
    driver = TransactionDriver()
    driver.make_topic("t", 1)
    driver.declare("t")
    driver.settle_down()
    driver.publish("t", b"plain")
    driver.broker.end_turn()
    driver.publish("t", b"delayed", delay_ms=1000)
    driver.broker.end_turn()
    # One sync for both.
    driver.store.work.clear()
    driver.store.make_durable(driver.store.position)
    driver.broker.begin_turn(driver.now_ms)
    driver.broker.complete([Durable(driver.store.position)])
    driver.broker.end_turn()
    driver.settle_down()
    assert driver.drain("t") == [b"plain"]
    driver.pass_time(1001)
    assert driver.drain("t") == [b"delayed"]


def test_a_queue_over_a_topic_counts_no_bytes_when_only_markers_are_left() -> None:
    """Found by the simulation (mixed world, seed 3): each marker stayed in the queue's bytes."""
    driver = TransactionDriver()
    driver.make_topic("t", 1)
    queue = driver.declare("t")
    driver.settle_down()
    grant = driver.transactions.initialise("x", 60_000)
    who = (grant.producer_id, grant.epoch)
    driver.transactions.add_partitions("x", *who, [("t", 0)])
    data = batch([b"value"], driver.now_ms, producer=who[0], epoch=who[1], sequence=0, transactional=True)
    driver.topics.produce(driver.topics.find("t"), 0, data, "x")
    driver.settle_down()
    driver.transactions.end("x", *who, False)
    driver.settle_down()
    assert driver.drain("t") == []
    assert isinstance(queue, LedgerQueue)
    assert (queue.message_count(), queue.ledger.unsettled_bytes, queue.ledger.durable_bytes) == (0, 0, 0)
