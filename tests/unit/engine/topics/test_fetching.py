"""Fetches: enough bytes or enough waiting, several partitions in turn, memory and store, what a refusal does."""

from __future__ import annotations

import pytest

from engine_driver import Disk, FakeStore
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.fetching import Fetch, FetchPart
from onemq.model.record_batch import base_offset, end_offset
from onemq.model.refusal import Reason
from transaction_driver import Remembering, TransactionDriver, batch


def made(now_ms: int) -> bytes:
    return batch([b"x" * 130], now_ms)


BATCH = len(made(0))
"""Bytes of the batches made here."""


def filled(*counts: int, bounds: EngineSettings | None = None, delay: int = 0) -> TransactionDriver:
    """A topic with so many batches in each partition."""
    driver = TransactionDriver(bounds, store=FakeStore(Disk(), delay), delay=delay)
    topic = driver.topics.create("t", len(counts), {"retention.ms": "-1"})
    assert topic is not None
    for index, count in enumerate(counts):
        for _ in range(count):
            put(driver, index)
    driver.settle_down()
    return driver


def put(driver: TransactionDriver, index: int = 0) -> None:
    driver.broker.begin_turn(driver.now_ms)
    driver.topics.produce(driver.topics.find("t"), index, made(driver.now_ms), None)


def start(
    driver: TransactionDriver,
    *wanted: tuple[int, int],
    least: int = 1,
    most: int = 1 << 20,
    each: int = 1 << 20,
    wait_ms: int = 0,
    committed: bool = False,
) -> tuple[Remembering, Fetch]:
    """A fetch of (partition, offset)."""
    waiter = Remembering()
    topic = driver.topics.find("t")
    parts: list[FetchPart] = [
        driver.topics.fetch_part(topic, index, offset, each) for index, offset in wanted
    ]
    fetch = driver.topics.fetch(parts, least, most, wait_ms, committed, waiter)
    return waiter, fetch


def bases(waiter: Remembering) -> list[list[int]]:
    assert waiter.results is not None
    return [[int(base_offset(data)) for data in result.batches] for result in waiter.results]


def test_what_is_there_is_given_at_once() -> None:
    driver = filled(3)
    waiter, _ = start(driver, (0, 1), wait_ms=60_000)
    assert bases(waiter) == [[1, 2]]
    assert waiter.results is not None
    assert waiter.results[0].high_watermark == waiter.results[0].stable_end == 3
    assert waiter.results[0].aborted is None


def test_it_waits_for_enough() -> None:
    driver = filled(1)
    waiter, _ = start(driver, (0, 0), least=2 * BATCH, wait_ms=60_000)
    driver.settle_down()
    assert waiter.results is None
    put(driver)
    driver.settle_down()
    assert bases(waiter) == [[0, 1]]


def test_it_does_not_see_what_is_not_durable() -> None:
    driver = filled(0, delay=3)
    waiter, _ = start(driver, (0, 0), wait_ms=60_000)
    put(driver)
    driver.turn()
    assert waiter.results is None
    driver.settle_down()
    assert bases(waiter) == [[0]]


def test_it_waits_no_longer_than_it_said() -> None:
    driver = filled(1)
    waiter, _ = start(driver, (0, 0), least=5 * BATCH, wait_ms=500)
    driver.pass_time(499)
    assert waiter.results is None
    driver.pass_time(1)
    assert bases(waiter) == [[0]]


def test_a_cancelled_fetch_is_not_answered() -> None:
    driver = filled(0)
    waiter, fetch = start(driver, (0, 0), wait_ms=500)
    fetch.cancel()
    put(driver)
    driver.pass_time(1000)
    assert waiter.results is None
    assert not driver.topics.find("t").partitions[0].watchers


@pytest.mark.parametrize("wrong", [(0, 7), (0, -1), (5, 0), (-1, 0)])
def test_a_refusal_is_answered_at_once(wrong: tuple[int, int]) -> None:
    driver = filled(1, 0)
    waiter, _ = start(driver, (1, 0), wrong, least=1 << 20, wait_ms=60_000)
    assert waiter.results is not None
    expected = Reason.OFFSET_OUT_OF_RANGE if wrong[0] == 0 else Reason.NOT_FOUND
    assert [result.refused for result in waiter.results] == [None, expected]


def test_who_waits_is_told_when_its_offset_goes() -> None:
    driver = filled(3)
    waiter, _ = start(driver, (0, 1), least=1 << 20, wait_ms=60_000)
    driver.topics.delete_records(driver.topics.find("t"), 0, 2)
    driver.settle_down()
    assert waiter.results is not None and waiter.results[0].refused is Reason.OFFSET_OUT_OF_RANGE
    assert waiter.results[0].start_offset == 2


@pytest.mark.parametrize(
    "most, each, expected",
    [
        (1, 1 << 20, [[0], [], []]),
        (2 * BATCH, 1 << 20, [[0, 1], [], []]),
        (2 * BATCH, BATCH, [[0], [0], []]),
        (1 << 20, 1, [[0], [], []]),
        (1 << 20, 1 << 20, [[0, 1, 2], [0, 1, 2], [0, 1, 2]]),
    ],
)
def test_the_first_batch_is_whole_and_the_rest_keeps_to_the_limits(
    most: int, each: int, expected: list[list[int]]
) -> None:
    driver = filled(3, 3, 3)
    waiter, _ = start(driver, (0, 0), (1, 0), (2, 0), most=most, each=each)
    assert bases(waiter) == expected


def test_the_store_and_memory_in_one_fetch() -> None:
    bounds = EngineSettings(tail_bytes_max=1500, journal_bytes_max=1500, spill_bytes=600, load_bytes=400)
    driver = filled(20, 20, bounds=bounds)
    offsets = [0, 0]
    seen: list[list[int]] = [[], []]
    for _ in range(100):
        waiter, _ = start(driver, (0, offsets[0]), (1, offsets[1]), most=900, each=500)
        driver.settle_down()
        assert waiter.results is not None
        found = bases(waiter)
        for index, result in enumerate(waiter.results):
            if result.batches:
                seen[index].extend(found[index])
                offsets[index] = int(end_offset(result.batches[-1]))
        if not found[0] and not found[1]:
            break
    assert seen == [list(range(20)), list(range(20))]
    assert driver.store.loads > 0


@pytest.mark.parametrize("loading", [False, True])
def test_a_topic_that_goes_meanwhile(loading: bool) -> None:
    bounds = EngineSettings(tail_bytes_max=500, journal_bytes_max=500, spill_bytes=600, load_bytes=400)
    driver = filled(20, bounds=bounds if loading else None, delay=2)
    waiter, _ = start(driver, (0, 0 if loading else 20), wait_ms=60_000)
    assert waiter.results is None
    driver.topics.delete(driver.topics.find("t"))
    driver.settle_down()
    assert waiter.results is not None
    assert waiter.results[0].refused is Reason.NOT_FOUND
    assert waiter.results[0].batches == []


def test_committed_readers_stop_at_open_transactions_and_are_told_of_aborted_ones() -> None:
    driver = filled(1)
    topic = driver.topics.find("t")
    partition = topic.partitions[0]
    data = batch([b"1"], driver.now_ms, producer=9, epoch=0, sequence=0, transactional=True)
    partition.append_batches(data)
    put(driver)
    driver.settle_down()
    waiter, _ = start(driver, (0, 0), committed=True)
    assert bases(waiter) == [[0]]
    waiter, _ = start(driver, (0, 1), committed=True, wait_ms=60_000)
    driver.settle_down()
    assert waiter.results is None
    partition.append_marker(9, 0, False)
    driver.settle_down()
    assert bases(waiter) == [[1, 2, 3]]
    assert waiter.results is not None
    found = waiter.results[0].aborted
    assert found is not None and [(entry.producer_id, entry.first) for entry in found] == [(9, 1)]


def test_records_are_deleted_for_good_with_the_commit_that_is_named() -> None:
    driver = filled(3)
    driver.settle_down()
    before = driver.broker.core.position()
    driver.topics.delete_records(driver.topics.find("t"), 0, 2)
    assert driver.broker.core.position() == before + 1
    driver.settle_down()
    assert driver.broker.durable_position == before + 1
