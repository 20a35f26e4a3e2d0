"""The embedded store: one shard in a directory of files. Joins the parts; decides nothing itself.

Three lanes work behind it: the committer (journal), the writer (spills, checkpoints, reclaims) and the reader
(loads), so that a load never waits behind a checkpoint's syncs. All methods are called on the engine's
thread.
"""

import logging
from collections.abc import Callable

from onemq.engine.ports import Completion, Replay, Store
from onemq.model.store_statistics import StoreStatistics
from onemq.storage.background import (
    Background,
    CheckpointJob,
    DropJob,
    ReclaimJob,
    RetainJob,
    SpillJob,
    Tools,
)
from onemq.storage.checkpoint import Checkpointer
from onemq.storage.committer import Committer
from onemq.storage.completions import Completions
from onemq.storage.errors import StoreMisuse
from onemq.storage.files import Files
from onemq.storage.format import JOURNAL_DIRECTORY, LOGS_DIRECTORY
from onemq.storage.journal import Journal
from onemq.storage.reader import Reader
from onemq.storage.reclaim import Reclaimer
from onemq.storage.recovery import lock_directory, recover
from onemq.storage.segment import SegmentTable
from onemq.storage.segment_writer import SegmentWriter
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import Workers

_log = logging.getLogger("onemq.storage")


class FileStore(Store):
    """See onemq.engine.ports.Store for what the methods promise. `statistics`: what it has done, for metrics."""

    def __init__(
        self, settings: StoreSettings, files: Files, workers: Workers, wake: Callable[[], None]
    ) -> None:
        """`wake` is called on any thread when completions() has something, once until completions() is
        called.
        """
        self.persistent = True
        directory = settings.directory
        self._directory = directory
        self._files = files
        self._workers = workers
        self.statistics = StoreStatistics()
        self._completions = Completions(wake)
        self._journal = Journal(files, f"{directory}/{JOURNAL_DIRECTORY}", settings.preallocate_bytes)
        self._table = SegmentTable(f"{directory}/{LOGS_DIRECTORY}")
        self._writer = SegmentWriter(files, self._table, settings, self.statistics)
        self._committer = Committer(self._journal, self._completions, settings, workers, self.statistics)
        self._reader = Reader(files, self._table, self._completions, settings, workers, self.statistics)
        tools = Tools(
            self._table,
            self._writer,
            Checkpointer(files, directory, self._table, self._writer, self._journal),
            Reclaimer(files, self._table, self._writer, settings),
            self._journal,
            self._completions,
            self.statistics,
            workers,
        )
        self._background = Background(tools, self._committer, self._reader, settings, workers)
        self._lock_handle = -1
        self._open = False

    def recover(self, replay: Replay) -> int:
        """Raises StorageError when the directory cannot be used, OSError, and what `replay` raises."""
        if self._lock_handle >= 0:
            raise StoreMisuse("recover is called once")
        self._lock_handle = lock_directory(self._files, self._directory)
        try:
            found = recover(self._files, self._directory, self._journal, replay)
        except BaseException:
            self._journal.close()
            self._files.close(self._lock_handle)
            raise
        self._table.adopt(found.manifest)
        self._writer.retired.extend(found.retired)
        self._committer.begin_after(found.position)
        self._workers.start([self._committer, self._background, self._reader])
        self._open = True
        _log.info("data directory %s opened at position %d", self._directory, found.position)
        return found.position

    def append(self, facts: bytes) -> int:
        return self._committer.append([facts])

    def append_parts(self, facts: list[bytes]) -> int:
        return self._committer.append(facts)

    def settle_turn(self, awaited: bool) -> None:
        self._committer.settle_turn(awaited)

    def journal_bytes(self) -> int:
        return self._committer.rolled_bytes()

    def pending_bytes(self) -> int:
        """Bytes appended that are not written yet: what grows when the disk is slow, full, or gone."""
        return self._committer.pending_bytes()

    def stored_bytes(self) -> tuple[int, int]:
        """Of the journal's files, and of the segments of all logs."""
        return self._journal.total_bytes(), self._table.total_bytes()

    def free_bytes(self) -> int:
        """Space left where the data directory is. Throttle publishers well before it is used up: see
        docs/formats.
        """
        return self._files.free_bytes(self._directory)

    def roll(self) -> int:
        return self._committer.roll()

    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        self._background.submit(CheckpointJob(self._committer.appended(), ticket, position, snapshot))

    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        self._background.submit(SpillJob(ticket, log_id, batches))

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        self._reader.load(ticket, log_id, offset, bytes_max)

    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        self._reader.find_time(ticket, log_id, timestamp_ms)

    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        self._background.submit(ReclaimJob(self._committer.appended(), log_id, live, exact))

    def drop_log(self, log_id: int) -> None:
        self._background.submit(DropJob(self._committer.appended(), log_id))

    def retain_logs(self, log_ids: list[int]) -> None:
        self._background.submit(RetainJob(self._committer.appended(), log_ids))

    def log_bytes(self, log_id: int) -> int:
        return self._table.log_bytes(log_id)

    def completions(self) -> list[Completion]:
        return self._completions.take()

    def directory(self) -> str:
        """Where the files are."""
        return self._directory

    def pause(self) -> None:
        """Finishes what was given so far, then leaves the files alone until `resume`. Blocks."""
        self._committer.pause(True)
        self._workers.stop()

    def resume(self) -> None:
        """Goes on after `pause`."""
        self._committer.pause(False)
        self._workers.start([self._committer, self._background, self._reader])

    def close(self) -> None:
        """Completions that are there afterwards can still be taken."""
        if not self._open:
            return
        self._open = False
        self._committer.pause(True)
        self._workers.stop()
        if not self._completions.failed():
            self._journal.finish()
        self._journal.close()
        self._writer.close()
        self._reader.close()
        self._files.close(self._lock_handle)
