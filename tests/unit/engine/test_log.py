"""The log: append, seal, order of visibility, release, spill, evict, and its readers."""

from engine_driver import Disk, FakeStore
from onemq.engine.core import Core
from onemq.engine.log import Batch, Log, LogReader
from onemq.engine.ports import Loaded
from onemq.engine.settings import EngineSettings
from onemq.model.record import NO_ADDRESS, Record


class Bench:
    """A log over a store, without a queue."""

    def __init__(self, *, durable: bool = True, persists_all: bool = False, load_bytes: int = 1) -> None:
        self.store = FakeStore(Disk())
        self.core = Core(self.store, EngineSettings(load_bytes=load_bytes), bytes)
        self.log = Log(self.core, 1, durable, persists_all, False)

    def append(self, *values: bytes, volatile: bool = False) -> bool:
        durable = False
        for value in values:
            durable = self.log.append(Record(value, NO_ADDRESS, volatile=volatile))
        return durable

    def seal(self) -> list[Batch]:
        visible = self.log.seal()
        self.core.commit()
        return visible

    def durable(self) -> list[Batch]:
        return self.log.durable_up_to(self.core.last_position)

    def fill(self, count: int) -> None:
        """`count` batches of one record, all visible."""
        for number in range(count):
            self.append(b"%d" % number)
            self.seal()
            self.durable()

    def spill(self, limit: int = 1 << 60, bytes_max: int = 1 << 60) -> int:
        batches = self.log.start_spill(limit, bytes_max)
        self.store.spill(0, 1, batches)
        self.store.completions()
        self.log.finish_spill()
        return len(batches)

    def costs(self) -> None:
        assert self.log.tail_cost == self.core.tail_bytes == sum(batch.cost for batch in self.log.tail)

    def read(self, reader: LogReader, offset: int) -> bytes | None:
        """The value, loading as often as needed."""
        for _ in range(100):
            record = reader.get(offset)
            if record is not None:
                return record.value
            if reader.gone:
                return None
            for done in self.store.completions():
                if isinstance(done, Loaded) and reader.loading and reader.ticket == done.ticket:
                    reader.loaded(done.batches, done.next_offset)
        raise AssertionError("loads without end")


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
    bench.log.start_spill(1 << 60, 1 << 60)
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
