"""One log read and written in whole batches: bytes as they came, offsets that stay, restarts, producers, retention."""

from __future__ import annotations

import pytest

from engine_driver import Disk, FakeStore
from onemq.engine.facts import pack, unpack
from onemq.engine.loads import LoadWaiter
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.partition import PRODUCER_IDLE_MS, Partition
from onemq.model.compression import ZSTD
from onemq.model.record_batch import base_offset, end_offset, leader_epoch, recompressed_batch
from onemq.model.refusal import Reason, Refusal
from transaction_driver import TransactionDriver, batch

ENDS = [TransactionDriver.settle_down, TransactionDriver.crash, TransactionDriver.restart]


def cramped() -> EngineSettings:
    return EngineSettings(tail_bytes_max=1200, journal_bytes_max=1200, spill_bytes=600, load_bytes=400)


def open_topic(bounds: EngineSettings | None = None, delay: int = 0, **config: str) -> TransactionDriver:
    driver = TransactionDriver(bounds, store=FakeStore(Disk(), delay), delay=delay)
    named = {name.replace("_", "."): value for name, value in config.items()}
    driver.topics.create("t", 1, {"retention.ms": "-1", **named})
    driver.settle_down()
    return driver


def partition(driver: TransactionDriver) -> Partition:
    return driver.topics.find("t").partitions[0]


def append(driver: TransactionDriver, data: bytes) -> int:
    driver.broker.begin_turn(driver.now_ms)
    return int(partition(driver).append_batches(data).base_offset)


class Loads(LoadWaiter):
    def __init__(self) -> None:
        self.batches: list[bytes] = []
        self.next_offset = -1

    def loaded(self, ticket: int, batches: list[bytes], next_offset: int) -> None:
        self.batches = batches
        self.next_offset = next_offset


def everything(driver: TransactionDriver) -> list[bytes]:
    """Batches from the start on, from memory and from the store."""
    found: list[bytes] = []
    at = int(partition(driver).log.start_offset)
    while at < partition(driver).log.visible_end:
        batches = partition(driver).read(at, 300, partition(driver).log.visible_end, True)
        if batches is None:
            waiter = Loads()
            partition(driver).load(at, 300, waiter)
            driver.settle_down()
            batches = waiter.batches
        assert batches and base_offset(batches[0]) <= at
        found.extend(batches)
        at = int(end_offset(batches[-1]))
    return found


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("bounds", [None, cramped()], ids=["memory", "spilled"])
def test_batches_stay_as_they_came(bounds: EngineSettings | None, end: object) -> None:
    driver = open_topic(bounds)
    sent = []
    for number in range(20):
        data = batch([b"%d" % number] * (number % 3 + 1), driver.now_ms)
        sent.append(recompressed_batch(data, ZSTD) if number % 2 else data)
        append(driver, sent[-1])
        driver.settle_down()
    end(driver)  # type: ignore[operator]
    found = everything(driver)
    assert [data[16:] for data in found] == [data[16:] for data in sent]
    assert {int(leader_epoch(data)) for data in found} == {0}
    ends = [int(end_offset(data)) for data in found]
    assert [int(base_offset(data)) for data in found] == [0, *ends[:-1]]
    assert append(driver, sent[0]) == ends[-1]


def test_nothing_can_be_read_before_it_is_durable() -> None:
    driver = open_topic(delay=4)
    append(driver, batch([b"1"], driver.now_ms))
    driver.turn()
    log = partition(driver).log
    assert (log.next_offset, log.visible_end, partition(driver).stable_end) == (1, 0, 0)
    assert partition(driver).read(0, 100, 1, True) == []
    driver.crash()
    assert partition(driver).log.next_offset == 0


def test_a_reader_gets_at_least_one_batch_and_no_more_than_it_asked_for() -> None:
    driver = open_topic()
    data = batch([b"x" * 50], driver.now_ms)
    for _ in range(4):
        append(driver, data)
    driver.settle_down()
    found = partition(driver)
    assert found.read(0, 1, 4, False) == []
    for room, count in ((1, 1), (len(data), 1), (2 * len(data), 2), (9 * len(data), 4)):
        got = found.read(0, room, 4, True)
        assert got is not None and len(got) == count
        assert found.available(0, 4, room) >= min(room, count * len(data))
    got = found.read(1, 1 << 20, 3, True)
    assert got is not None and [int(base_offset(one)) for one in got] == [1, 2]
    assert found.available(4, 4, 100) == 0


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("bounds", [None, cramped()], ids=["memory", "spilled"])
def test_a_batch_is_known_again_after_a_restart(bounds: EngineSettings | None, end: object) -> None:
    driver = open_topic(bounds)
    sent = [batch([b"x" * 90] * 2, driver.now_ms, producer=9, epoch=0, sequence=2 * n) for n in range(7)]
    for data in sent:
        append(driver, data)
        driver.settle_down()
    end(driver)  # type: ignore[operator]
    for number in range(2, 7):
        appended = partition(driver).append_batches(sent[number])
        assert (appended.base_offset, appended.duplicate) == (2 * number, True)
    with pytest.raises(Refusal) as caught:
        partition(driver).append_batches(sent[1])
    assert caught.value.reason is Reason.OUT_OF_SEQUENCE
    assert partition(driver).log.next_offset == 14


def test_a_snapshot_does_not_show_what_is_not_durable() -> None:
    """A marker on its way to the disk ends the transaction for a restart, not for who reads now."""
    driver = open_topic(delay=6)
    append(driver, batch([b"1"], driver.now_ms, producer=9, epoch=0, sequence=0, transactional=True))
    for _ in range(3):
        driver.turn()
    partition(driver).append_marker(9, 0, True)
    driver.turn()
    assert unpack(pack(partition(driver).state()))["start"] == 0
    while partition(driver).log.visible_end < 1:
        driver.turn()
    assert partition(driver).log.visible_end == 1
    assert partition(driver).stable_end == 0
    driver.settle_down()
    assert partition(driver).stable_end == 2


@pytest.mark.parametrize("end", ENDS)
def test_an_open_transaction_stays_open(end: object) -> None:
    driver = open_topic()
    append(driver, batch([b"1"], driver.now_ms, producer=9, epoch=0, sequence=0, transactional=True))
    append(driver, batch([b"2"], driver.now_ms))
    driver.settle_down()
    end(driver)  # type: ignore[operator]
    assert (partition(driver).stable_end, partition(driver).log.visible_end) == (0, 2)
    partition(driver).append_marker(9, 0, False)
    driver.settle_down()
    end(driver)  # type: ignore[operator]
    assert partition(driver).stable_end == 3
    assert [int(entry.first) for entry in partition(driver).aborted_in(0, 3)] == [0]
    with pytest.raises(Refusal):
        partition(driver).append_marker(9, -1, True)


@pytest.mark.parametrize("end", ENDS)
def test_deleted_records_stay_deleted(end: object) -> None:
    driver = open_topic(cramped())
    for number in range(12):
        append(driver, batch([b"%d" % number * 40] * 2, driver.now_ms))
        driver.settle_down()
    partition(driver).delete_before(9)
    driver.settle_down()
    end(driver)  # type: ignore[operator]
    log = partition(driver).log
    assert (log.start_offset, log.next_offset) == (9, 24)
    assert int(base_offset(everything(driver)[0])) in (8, 9)
    partition(driver).delete_before(3)
    assert partition(driver).log.start_offset == 9
    for wrong in (25, -1):
        with pytest.raises(Refusal) as caught:
            partition(driver).delete_before(wrong)
        assert caught.value.reason is Reason.OFFSET_OUT_OF_RANGE
    partition(driver).delete_before(24)
    driver.settle_down()
    assert everything(driver) == []


def test_old_records_go_and_the_newest_of_a_size_stay() -> None:
    driver = open_topic(retention_bytes="300", segment_bytes="1048576")
    for number in range(30):
        append(driver, batch([b"%d" % number * 20], driver.now_ms))
        driver.settle_down()
    driver.pass_time(60_000)
    found = everything(driver)
    assert 300 <= sum(map(len, found)) < 600
    assert int(end_offset(found[-1])) == 30


def test_a_producer_that_is_idle_for_a_day_is_forgotten() -> None:
    driver = open_topic(retention_bytes="1000000")
    append(driver, batch([b"1"], driver.now_ms, producer=9, epoch=0, sequence=0))
    driver.settle_down()
    assert 9 in partition(driver).producers.states
    partition(driver).configured()
    driver.now_ms += PRODUCER_IDLE_MS + 60_000
    driver.broker.begin_turn(driver.now_ms)
    partition(driver).on_deadline()
    assert 9 not in partition(driver).producers.states
