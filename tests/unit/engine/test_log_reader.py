"""Readers of a log: what is in memory, what has to be loaded, what is gone."""

from onemq.engine.log_reader import LogReader
from unit.engine.log_bench import Bench


def test_spilled_records_are_read_back_in_pieces() -> None:
    bench = Bench()
    bench.fill(20)
    for offset in (3, 4, 5, 11):
        bench.log.release(offset)
    while bench.log.unspilled(1 << 60):
        assert bench.spill(bytes_max=800) <= 2
    assert bench.log.spilled_to == 20
    assert bench.log.evict() > 0
    assert bench.core.tail_bytes == 0
    reader = LogReader(bench.log)
    for offset in range(20):
        expected = None if offset in (3, 4, 5) else b"%d" % offset
        if offset != 11:
            assert bench.read(reader, offset) == expected
    assert bench.store.loads > 3


def test_a_window_that_has_moved_on_is_loaded_again() -> None:
    """Priorities read the same spilled offsets more than once, back and forth."""
    bench = Bench(load_bytes=10_000)
    bench.fill(10)
    while bench.log.unspilled(1 << 60):
        bench.spill(bytes_max=1)
    bench.log.evict()
    reader = LogReader(bench.log)
    order = [2, 9, 5, 0, 7, 3, 4, 1, 8, 6]
    assert [bench.read(reader, offset) for offset in order] == [b"%d" % offset for offset in order]


def test_an_answer_that_nobody_waits_for_any_more_changes_nothing() -> None:
    bench = Bench()
    bench.fill(10)
    bench.spill()
    bench.log.evict()
    reader = LogReader(bench.log)
    assert reader.get(6) is None
    reader.forget()
    assert not reader.loading
    assert bench.read(reader, 2) == b"2"


def test_what_is_nowhere_is_asked_for_once() -> None:
    bench = Bench()
    bench.fill(3)
    bench.spill()
    bench.log.evict()
    bench.store.spilled.clear()
    reader = LogReader(bench.log)
    assert bench.read(reader, 1) is None
    assert bench.store.loads == 1
