"""What the tests of the store share: a replay that writes down, batches, a store over the simulated file system."""

from __future__ import annotations

import random

from onemq.engine.ports import Completion, Loaded, Replay
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import check_batch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache
from onemq.storage.file_store import FileStore
from onemq.storage.settings import StoreSettings
from simulation.simulated_files import SimulatedFiles
from simulation.stepped import Stepped

DIRECTORY = "/data"


class Seen(Replay):
    """Remembers what a store replays."""

    def __init__(self) -> None:
        self.snapshot: bytes | None = None
        self.entries: list[tuple[int, bytes]] = []

    def restore(self, snapshot: bytes) -> None:
        assert self.snapshot is None and not self.entries
        self.snapshot = snapshot

    def replay(self, position: int, facts: bytes) -> None:
        self.entries.append((position, facts))


def batch(*offsets: int, body: bytes = b"body", time_ms: int = 0, volatile: bool = False) -> bytes:
    """One batch of records with these offsets; each has its offset in its body."""
    records = []
    for offset in offsets:
        record = Record(body + b"%d" % offset, NO_ADDRESS)
        record.offset = offset
        record.timestamp_ms = time_ms or offset * 10
        records.append(record)
    return encode_batch(records, volatile)


def offsets_of(batches: list[bytes]) -> list[int]:
    """Offsets of all records, whose checksums are checked."""
    found: list[int] = []
    for data in batches:
        check_batch(data)
        found += [record.offset for record in decode_batch(data, 0, AddressCache())]
    return found


class Opened:
    """A FileStore over simulated files, run step by step."""

    def __init__(
        self,
        files: SimulatedFiles | None = None,
        *,
        sync: str = "always",
        sync_interval_ms: int = 100,
        segment_bytes: int = 8_000_000,
        carry_percent: int = 25,
        index_bytes: int = 16_000,
        open_files_max: int = 100,
        preallocate_bytes: int = 0,
    ) -> None:
        self.random = random.Random(1)
        self.files = files or SimulatedFiles(self.random)
        self.workers = Stepped()
        self.wakes = 0
        self.seen = Seen()
        self.settings = StoreSettings(
            DIRECTORY,
            sync=sync,
            sync_interval_ms=sync_interval_ms,
            segment_bytes=segment_bytes,
            carry_percent=carry_percent,
            index_bytes=index_bytes,
            open_files_max=open_files_max,
            preallocate_bytes=preallocate_bytes,
        )
        self.store = FileStore(self.settings, self.files, self.workers, self._wake)
        self.position = -1

    def _wake(self) -> None:
        self.wakes += 1

    def recover(self) -> Opened:
        self.position = self.store.recover(self.seen)
        return self

    def run(self) -> list[Completion]:
        self.workers.run(self.random)
        return self.store.completions()

    def load(self, log_id: int, offset: int, bytes_max: int = 1 << 20) -> Loaded:
        self.store.load(99, log_id, offset, bytes_max)
        answers = self.run()
        assert len(answers) == 1 and isinstance(answers[0], Loaded), answers
        assert answers[0].ticket == 99
        return answers[0]

    def checkpoint(self, state: bytes = b"state") -> None:
        self.store.checkpoint(7, self.store.roll(), state)
        names = [type(item).__name__ for item in self.run()]
        assert names[-1] == "Checkpointed", names

    def crash(self, seed: int = 1) -> Opened:
        """The machine stops; returns the store after the restart, recovered."""
        self.files.crash(random.Random(seed))
        return self.again().recover()

    def again(self) -> Opened:
        other = Opened(self.files)
        other.settings = self.settings
        other.store = FileStore(self.settings, self.files, other.workers, other._wake)
        return other

    def segment_files(self, log_id: int) -> list[str]:
        return sorted(self.files.list(f"{DIRECTORY}/logs/{log_id}"))

    def journal_files(self) -> list[str]:
        return sorted(self.files.list(f"{DIRECTORY}/journal"))
