"""Offsets for times: from memory and from the store, against a list of what was written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_driver import START_MS, Disk, FakeStore
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.lookup import LookupWaiter
from onemq.engine.topics.topic_access import (
    EARLIEST,
    EARLIEST_LOCAL,
    LATEST,
    LATEST_TIERED,
    MAX_TIMESTAMP,
)
from onemq.model.refusal import Reason, Refusal
from transaction_driver import TransactionDriver, batch


class Answer(LookupWaiter):
    def __init__(self) -> None:
        self.answers: list[tuple[int, int]] = []

    def looked_up(self, offset: int, time_ms: int) -> None:
        self.answers.append((offset, time_ms))


def look_up(driver: TransactionDriver, time_ms: int, committed: bool = False) -> tuple[int, int]:
    waiter = Answer()
    driver.broker.begin_turn(driver.now_ms)
    driver.topics.offset_for(driver.topics.find("t"), 0, time_ms, committed, waiter)
    driver.settle_down()
    assert len(waiter.answers) == 1
    return waiter.answers[0]


def filled(times: list[int], bounds: EngineSettings | None = None) -> TransactionDriver:
    driver = TransactionDriver(bounds, store=FakeStore(Disk(), 1))
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    for time_ms in times:
        driver.broker.begin_turn(driver.now_ms)
        driver.topics.produce(driver.topics.find("t"), 0, batch([b"x" * 40], START_MS + time_ms), None)
        driver.settle_down()
    return driver


def test_the_special_times() -> None:
    driver = filled([5, 9, 7])
    driver.topics.delete_records(driver.topics.find("t"), 0, 1)
    assert look_up(driver, EARLIEST) == look_up(driver, EARLIEST_LOCAL) == (1, -1)
    assert look_up(driver, LATEST) == (3, -1)
    assert look_up(driver, LATEST_TIERED) == (-1, -1)
    assert look_up(driver, MAX_TIMESTAMP) == (1, START_MS + 9)
    with pytest.raises(Refusal) as caught:
        look_up(driver, -7)
    assert caught.value.reason is Reason.NOT_SUPPORTED


def test_an_empty_partition() -> None:
    driver = filled([])
    assert look_up(driver, MAX_TIMESTAMP) == look_up(driver, START_MS) == (-1, -1)
    assert look_up(driver, LATEST) == (0, -1)


def test_committed_readers_do_not_look_behind_an_open_transaction() -> None:
    driver = filled([1])
    data = batch([b"1"], START_MS + 2, producer=9, epoch=0, sequence=0, transactional=True)
    driver.topics.find("t").partitions[0].append_batches(data)
    driver.settle_down()
    assert look_up(driver, LATEST, True) == (1, -1)
    assert look_up(driver, START_MS + 2, True) == (-1, -1)
    assert look_up(driver, START_MS + 2) == (1, START_MS + 2)


def test_a_cancelled_look_up_is_not_answered() -> None:
    bounds = EngineSettings(tail_bytes_max=300, journal_bytes_max=300, spill_bytes=300)
    driver = filled([1, 2, 3, 4, 5, 6, 7, 8], bounds)
    waiter = Answer()
    lookup = driver.topics.offset_for(driver.topics.find("t"), 0, START_MS + 2, False, waiter)
    assert lookup is not None and not waiter.answers
    lookup.cancelled = True
    driver.settle_down()
    assert not waiter.answers


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=25),
    st.integers(-1, 31),
    st.sampled_from([0, 300, 900]),
    st.integers(0, 25),
    st.booleans(),
)
def test_any_times(times: list[int], wanted: int, memory: int, cut: int, restart: bool) -> None:
    bounds = None
    if memory:
        bounds = EngineSettings(tail_bytes_max=memory, journal_bytes_max=400, spill_bytes=300, load_bytes=200)
    driver = filled(times, bounds)
    cut = min(cut, len(times))
    driver.topics.delete_records(driver.topics.find("t"), 0, cut)
    driver.settle_down()
    if restart:
        driver.crash()
    kept = [(offset, time_ms) for offset, time_ms in enumerate(times) if offset >= cut]
    expected = next(((at, START_MS + time_ms) for at, time_ms in kept if time_ms >= wanted), (-1, -1))
    assert look_up(driver, START_MS + wanted) == expected
    newest = max(times)
    if times.index(newest) >= cut:
        assert look_up(driver, MAX_TIMESTAMP) == (times.index(newest), START_MS + newest)
