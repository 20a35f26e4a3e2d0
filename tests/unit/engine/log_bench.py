"""A log over a store, without a queue."""

from engine_driver import Disk, FakeStore
from onemq.engine.batch import Batch
from onemq.engine.core import Core
from onemq.engine.log import Log
from onemq.engine.log_reader import LogReader
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
        batches = self.log.start_spill(limit, bytes_max, bytes_max)
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
