"""The log: append, seal, order of visibility, release, spill, evict."""

from onemq.engine.batch import Batch
from onemq.engine.log_reader import LogReader
from onemq.model.record import NO_ADDRESS, Record
from unit.engine.log_bench import Bench


def spans(batches: list[Batch]) -> list[tuple[int, int, bool]]:
    return [(int(batch.base), int(batch.end), batch.volatile) for batch in batches]


def test_a_volatile_batch_is_visible_at_once_a_durable_one_when_it_is_durable() -> None:
    bench = Bench()
    assert not bench.append(b"a", b"b", volatile=True)
    assert bench.append(b"c")
    assert spans(bench.seal()) == [(0, 2, True)]
    assert bench.log.visible_end == 2
    assert bench.log.durable_up_to(0) == []
    assert spans(bench.durable()) == [(2, 3, False)]
    assert bench.log.visible_end == 3


def test_nothing_is_visible_before_what_lies_before_it() -> None:
    bench = Bench()
    bench.append(b"a")
    bench.seal()
    bench.append(b"b", volatile=True)
    bench.append(b"c")
    assert bench.seal() == []
    assert spans(bench.log.durable_up_to(1)) == [(0, 1, False), (1, 2, True)]
    assert spans(bench.durable()) == [(2, 3, False)]


def test_what_is_volatile() -> None:
    for durable, persists_all, transient, volatile in [
        (True, False, False, False),
        (True, False, True, True),
        (True, True, True, False),
        (False, False, False, True),
        (False, True, False, True),
    ]:
        log = Bench(durable=durable, persists_all=persists_all).log
        assert log.is_volatile(Record(b"", NO_ADDRESS, volatile=transient)) == volatile


def test_offset_and_time_are_the_log_s() -> None:
    bench = Bench()
    bench.core.now_ms = 77
    record = Record(b"a", NO_ADDRESS)
    record.timestamp_ms = 5
    bench.append(b"x")
    bench.log.append(record)
    assert (record.offset, record.timestamp_ms) == (1, 77)


def test_invisible_bytes() -> None:
    bench = Bench()
    bench.append(b"abc")
    assert bench.log.invisible_bytes() == 3
    bench.seal()
    bench.append(b"de")
    assert bench.log.invisible_bytes() == 5
    bench.durable()
    assert bench.log.invisible_bytes() == 2
    bench.seal()
    assert bench.log.drop_hidden() == 2
    assert bench.log.invisible_bytes() == 0
    assert bench.durable() == []
    assert bench.log.visible_end == 2


def test_release_gives_back_all_memory() -> None:
    bench = Bench()
    for _ in range(5):
        bench.append(b"x" * 100, b"y", b"z")
        bench.seal()
        bench.durable()
    bench.costs()
    for offset in (0, 14, 7, 8, 6, 1, 2, 13, 12, 3, 4, 5, 9, 10, 11):
        before = bench.core.tail_bytes
        bench.log.release(offset)
        bench.costs()
        assert bench.core.tail_bytes < before
    assert bench.core.tail_bytes == 0
    assert bench.log.tail == []


def test_one_record_that_stays_does_not_keep_the_shells_of_the_others() -> None:
    bench = Bench()
    bench.append(b"stays")
    bench.seal()
    bench.durable()
    for offset in range(1, 2000):
        bench.append(b"goes")
        bench.seal()
        bench.durable()
        bench.log.release(offset)
    assert len(bench.log.tail) < 200
    assert bench.read(LogReader(bench.log), 0) == b"stays"
    bench.costs()


def test_release_range_over_whole_and_parts_of_batches() -> None:
    bench = Bench()
    for _ in range(100):
        bench.append(b"a", b"b", b"c")
        bench.seal()
        bench.durable()
    bench.log.release_range(1, 298)
    bench.costs()
    reader = LogReader(bench.log)
    assert [bench.read(reader, offset) for offset in (0, 298, 299)] == [b"a", b"b", b"c"]
    for offset in (0, 298, 299):
        bench.log.release(offset)
    assert bench.core.tail_bytes == 0


def test_spill_stops_at_the_limit_and_at_what_is_not_visible() -> None:
    bench = Bench()
    bench.fill(4)
    bench.append(b"hidden")
    bench.seal()
    assert bench.log.unspilled(3)
    bench.spill(limit=3)
    assert bench.log.spilled_to == 3
    assert not bench.log.unspilled(3)
    bench.spill()
    assert bench.log.spilled_to == 4
    assert not bench.log.unspilled(1 << 60)


def test_what_is_stored_as_it_is_may_be_more_than_what_has_to_be_encoded() -> None:
    bench = Bench()
    bench.fill(6)
    # 361 bytes each, as far as memory is concerned.
    assert len(bench.log.start_spill(1 << 60, 1 << 60, 1000)) == 1 and bench.log.spilling_to == 3
    bench.log.make_raw()
    assert len(bench.log.start_spill(1 << 60, 1 << 60, 1)) == 6
    assert len(bench.log.start_spill(1 << 60, 1, 1)) == 1


def test_volatile_and_durable_records_are_spilled_apart() -> None:
    bench = Bench()
    bench.append(b"a", volatile=True)
    bench.append(b"b")
    bench.append(b"c", volatile=True)
    bench.seal()
    bench.durable()
    assert bench.spill() == 3
    bench.log.evict()
    reader = LogReader(bench.log)
    found = []
    for offset in range(3):
        assert bench.read(reader, offset)
        record = reader.get(offset)
        assert record is not None
        found.append(record.volatile)
    assert found == [True, False, True]


def test_what_is_released_while_it_is_spilled_counts_for_reclaiming() -> None:
    bench = Bench()
    bench.fill(2)
    bench.log.start_spill(1 << 60, 1 << 60, 1 << 60)
    bench.log.release(0)
    assert bench.log.released_spilled == 1


def test_volatile_offsets_are_remembered_while_they_matter() -> None:
    bench = Bench()
    for _ in range(3):
        bench.append(b"v", volatile=True)
        bench.append(b"d")
        bench.seal()
        bench.durable()
    assert bench.log.volatile_ranges == [0, 1, 2, 3, 4, 5]
    bench.log.keep_volatile([2, 6])
    assert bench.log.volatile_ranges == [2, 3, 4, 5]
    bench.append(b"v", volatile=True)
    bench.append(b"d")
    bench.seal()
    bench.log.keep_volatile([])
    assert bench.log.volatile_ranges == []
    bench.append(b"v", volatile=True)
    bench.seal()
    bench.log.keep_volatile([])
    assert bench.log.volatile_ranges == [8, 9]
