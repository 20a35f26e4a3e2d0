"""Queues whose records stay: every reader has its own place, retention takes the old ones."""

import pytest

from engine_driver import START_MS, Driver, RecordingSink
from onemq.engine.consumption import (
    START_FIRST,
    START_LAST,
    START_NEXT,
    START_OFFSET,
    START_TIME,
    StreamStart,
)
from onemq.engine.kept_queue import RETENTION_CHECK_MS, KeptQueue
from onemq.engine.ports import Found
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason, Refusal


def stream(**changes: object) -> QueueSettings:
    made = QueueSettings()
    made.type_name = "stream"
    made.kept = True
    made.persists_all = True
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def cramped() -> EngineSettings:
    return EngineSettings(tail_bytes_max=2000, spill_bytes=800, load_bytes=600, journal_bytes_max=1500)


def fill(driver: Driver, count: int, *, start: int = 0, step_ms: int = 10) -> None:
    """One record per `step_ms`, each in a commit of its own."""
    for number in range(start, start + count):
        driver.publish("s", b"%d" % number, volatile=number % 2 == 0)
        driver.settle_down()
        driver.now_ms += step_ms


def read(driver: Driver, start: StreamStart | None, *, limit: int = 0) -> RecordingSink:
    sink = RecordingSink()
    driver.consume("s", sink, start=start, limit=limit)
    driver.settle_down()
    return sink


def kept(driver: Driver) -> KeptQueue:
    queue = driver.queue("s")
    assert isinstance(queue, KeptQueue)
    return queue


def numbers(*wanted: int) -> list[bytes]:
    return [b"%d" % number for number in wanted]


@pytest.mark.parametrize("engine", [None, cramped()], ids=["memory", "spilled"])
@pytest.mark.parametrize("clean", [None, True, False], ids=["running", "restarted", "crashed"])
def test_all_starts(engine: EngineSettings | None, clean: bool | None) -> None:
    driver = Driver(engine)
    driver.declare("s", stream())
    fill(driver, 30)
    if clean:
        driver.restart()
    elif clean is not None:
        driver.crash()
    first = read(driver, StreamStart(START_FIRST))
    offset = read(driver, StreamStart(START_OFFSET, 13))
    beyond = read(driver, StreamStart(START_OFFSET, 31))
    at_time = read(driver, StreamStart(START_TIME, START_MS + 201))
    future = read(driver, StreamStart(START_TIME, START_MS + 100_000))
    past = read(driver, StreamStart(START_TIME, 5))
    last = read(driver, StreamStart(START_LAST))
    upcoming = read(driver, StreamStart(START_NEXT))
    default = read(driver, None)
    driver.settle_down()
    assert first.values == past.values == numbers(*range(30))
    assert [int(record.offset) for record in first.records] == list(range(30))
    assert offset.values == numbers(*range(13, 30))
    assert at_time.values == numbers(*range(21, 30))
    assert last.values[-1:] == numbers(29)
    assert beyond.values == future.values == upcoming.values == default.values == []
    fill(driver, 2, start=30)
    assert upcoming.values == default.values == numbers(30, 31)
    assert beyond.values == numbers(31)
    assert first.values == numbers(*range(32))
    assert future.values == []


def test_readers_at_different_places_over_spilled_data() -> None:
    driver = Driver(cramped(), delay=1)
    driver.declare("s", stream())
    fill(driver, 60)
    assert kept(driver).log.spilled_to > 40
    readers = [(place, RecordingSink()) for place in (0, 7, 25, 44, 58)]
    for place, sink in readers:
        driver.consume("s", sink, start=StreamStart(START_OFFSET, place), limit=3)
    for _ in range(30):
        driver.settle_down()
        for _, sink in readers:
            assert len(sink.held) <= 3
            for delivery in sink.held:
                driver.access.accept(delivery)
            sink.held.clear()
    for place, sink in readers:
        assert sink.values == numbers(*range(place, 60))


def test_settling_in_whatever_way_only_gives_credit_back() -> None:
    driver = Driver()
    driver.declare("s", stream())
    fill(driver, 6)
    sink = read(driver, StreamStart(START_FIRST), limit=2)
    driver.access.release(sink.held[0], True)
    driver.access.reject(sink.held[1])
    driver.access.reject(sink.held[1])
    driver.settle_down()
    assert sink.values == numbers(0, 1, 2, 3)
    driver.access.close_sink(sink)
    assert driver.ready("s") == 6
    assert read(driver, StreamStart(START_FIRST)).values == numbers(*range(6))


def test_retention_by_bytes() -> None:
    driver = Driver()
    driver.declare("s", stream(retention_bytes=640))
    for number in range(100):
        driver.publish("s", b"%010d" % number)
        driver.settle_down()
    queue = kept(driver)
    assert queue.value_bytes <= 640
    assert 60 <= driver.ready("s") <= 64
    assert driver.broker.memory_bytes() < 70 * 400
    kept_from = int(queue.log.start_offset)
    assert read(driver, StreamStart(START_FIRST)).values[0] == b"%010d" % kept_from


@pytest.mark.parametrize("clean", [True, False])
def test_retention_by_bytes_goes_on_after_a_restart(clean: bool) -> None:
    driver = Driver(cramped())
    driver.declare("s", stream(retention_bytes=640))
    for number in range(200):
        driver.publish("s", b"%010d" % number)
        driver.settle_down()
    before = (int(kept(driver).log.start_offset), int(kept(driver).value_bytes))
    if clean:
        driver.restart()
    else:
        driver.crash()
    assert (int(kept(driver).log.start_offset), int(kept(driver).value_bytes)) == before
    for number in range(200, 300):
        driver.publish("s", b"%010d" % number)
        driver.settle_down()
    assert 60 <= driver.ready("s") <= 64
    assert read(driver, StreamStart(START_FIRST)).values[-1] == b"%010d" % 299


def test_retention_by_age() -> None:
    driver = Driver()
    driver.declare("s", stream(retention_ms=60_000, segment_bytes=1))
    fill(driver, 10, step_ms=10_000)
    driver.pass_time(RETENTION_CHECK_MS)
    assert driver.ready("s") == 5
    driver.pass_time(200_000)
    assert driver.ready("s") == 0
    assert driver.broker.memory_bytes() == 0


@pytest.mark.parametrize("clean", [True, False])
def test_age_is_not_forgotten_in_a_restart(clean: bool) -> None:
    driver = Driver()
    driver.declare("s", stream(retention_ms=60_000, segment_bytes=1, retention_bytes=1000))
    fill(driver, 10, step_ms=10_000)
    driver.pass_time(RETENTION_CHECK_MS)
    size = int(kept(driver).value_bytes)
    assert size == driver.ready("s") == 5
    if clean:
        driver.restart()
    else:
        driver.crash()
    assert (int(kept(driver).value_bytes), driver.ready("s")) == (5, 5)
    driver.pass_time(2 * RETENTION_CHECK_MS)
    assert driver.ready("s") == 3


def test_a_reader_that_retention_overtakes_goes_on_with_what_is_left() -> None:
    driver = Driver()
    driver.declare("s", stream(retention_bytes=640))
    sink = read(driver, StreamStart(START_FIRST), limit=1)
    for number in range(200):
        driver.publish("s", b"%010d" % number)
        driver.settle_down()
    driver.access.accept(sink.held[0])
    driver.settle_down()
    assert sink.values[0] == b"%010d" % 0
    assert sink.values[1] == b"%010d" % int(kept(driver).log.start_offset)


def test_a_search_by_time_while_the_tail_is_spilled() -> None:
    """What was in memory when the store was asked may have left it when the answer comes."""
    driver = Driver(cramped())
    driver.declare("s", stream())
    fill(driver, 20)
    sink = RecordingSink()
    wanted = int(kept(driver).log.spilled_to) + 1
    assert wanted < 20
    driver.consume("s", sink, start=StreamStart(START_TIME, START_MS + 10 * wanted))
    # A store may answer out of order: its reader is slow here.
    driver.store.work.pop()
    for number in range(20, 60):
        driver.publish("s", b"%d" % number)
        driver.settle_down()
        driver.now_ms += 10
    assert kept(driver).log.tail[0].base > wanted
    (reader,) = kept(driver).readers.values()
    driver.broker.complete([Found(reader.finding, int(kept(driver).log.log_id), -1)])
    driver.settle_down()
    assert sink.values == numbers(*range(wanted, 60))


def test_what_a_kept_queue_cannot_do() -> None:
    driver = Driver()
    driver.declare("s", stream())
    with pytest.raises(Refusal) as purge:
        driver.access.queues.purge("s")
    with pytest.raises(Refusal) as get:
        driver.get("s")
    assert purge.value.reason == get.value.reason == Reason.NOT_SUPPORTED
