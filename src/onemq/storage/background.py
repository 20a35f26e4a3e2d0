"""The writer's lane: spills, checkpoints and reclaims, one after the other, in the order the engine asked for
them.

Knows when a job may begin (after the sync of what was appended before it) and what to do when the disk is
full. What the jobs do is in segment_writer.py, checkpoint.py and reclaim.py.
"""

import logging
import threading
from collections import deque

from onemq.engine.ports import Checkpointed, Spilled
from onemq.model.store_statistics import StoreStatistics
from onemq.storage.checkpoint import Checkpointer
from onemq.storage.committer import WRITER, Committer, is_full
from onemq.storage.completions import Completions
from onemq.storage.errors import StorageError
from onemq.storage.journal import Journal
from onemq.storage.reader import Reader
from onemq.storage.reclaim import Reclaimer
from onemq.storage.segment import SegmentTable
from onemq.storage.segment_writer import SegmentWriter
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import MORE, NOTHING, Lane, Workers

_log = logging.getLogger("onemq.storage")


class Tools:
    """What the jobs work with."""

    __slots__ = (
        "checkpointer",
        "completions",
        "journal",
        "reclaimer",
        "statistics",
        "table",
        "workers",
        "writer",
    )

    def __init__(
        self,
        table: SegmentTable,
        writer: SegmentWriter,
        checkpointer: Checkpointer,
        reclaimer: Reclaimer,
        journal: Journal,
        completions: Completions,
        statistics: StoreStatistics,
        workers: Workers,
    ) -> None:
        self.statistics = statistics
        self.workers = workers
        self.table = table
        self.writer = writer
        self.checkpointer = checkpointer
        self.reclaimer = reclaimer
        self.journal = journal
        self.completions = completions


class Job:
    """Something the engine asked for. It may begin when everything up to position `after` is synced."""

    def __init__(self, after: int) -> None:
        self.after = after

    def run(self, tools: Tools) -> bool:
        """Does a piece; True when all is done. After an OSError the same piece can be tried again."""
        raise NotImplementedError


class SpillJob(Job):
    def __init__(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        super().__init__(0)
        self._ticket = ticket
        self._log_id = log_id
        self._batches = batches
        self._next = 0

    def run(self, tools: Tools) -> bool:
        if self._next < len(self._batches):
            self._next += tools.writer.add(self._log_id, self._batches, self._next)
        if self._next < len(self._batches):
            return False
        tools.completions.add(Spilled(self._ticket))
        return True


class CheckpointJob(Job):
    def __init__(self, after: int, ticket: int, position: int, state: bytes) -> None:
        super().__init__(after)
        self._ticket = ticket
        self._position = position
        self._state = state

    def run(self, tools: Tools) -> bool:
        began_us = tools.workers.now_us()
        tools.checkpointer.checkpoint(self._position, self._state)
        statistics = tools.statistics
        statistics.checkpoints += 1
        statistics.checkpoint_bytes = len(self._state)
        statistics.checkpoint_times.add(tools.workers.now_us() - began_us)
        tools.completions.add(Checkpointed(self._ticket))
        return True


class ReclaimJob(Job):
    def __init__(self, after: int, log_id: int, live: list[int], exact: bool) -> None:
        super().__init__(after)
        self._log_id = log_id
        self._live = live
        self._exact = exact

    def run(self, tools: Tools) -> bool:
        tools.reclaimer.reclaim(self._log_id, self._live, self._exact)
        return True


class DropJob(Job):
    def __init__(self, after: int, log_id: int) -> None:
        super().__init__(after)
        self._log_id = log_id

    def run(self, tools: Tools) -> bool:
        tools.reclaimer.drop(self._log_id)
        return True


class RetainJob(Job):
    def __init__(self, after: int, log_ids: list[int]) -> None:
        super().__init__(after)
        self._kept = set(log_ids)

    def run(self, tools: Tools) -> bool:
        for log_id in tools.table.log_ids():
            if log_id not in self._kept:
                tools.reclaimer.drop(log_id)
        return True


class Background(Lane):
    """The writer's queue and its lane. Bounded by the engine, which counts its tickets and reclaims at
    leisure.
    """

    def __init__(
        self, tools: Tools, committer: Committer, reader: Reader, settings: StoreSettings, workers: Workers
    ) -> None:
        self.name = "writer"
        self._tools = tools
        self._committer = committer
        self._reader = reader
        self._workers = workers
        self._retry_ms = settings.retry_ms
        self._retry_at_ms = 0
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._dead = False

    def submit(self, job: Job) -> None:
        with self._lock:
            self._jobs.append(job)
        self._workers.notify(WRITER)

    def waiting(self) -> int:
        """How many jobs are not done yet."""
        return len(self._jobs)

    def turn(self, now_ms: int, closing: bool) -> int:
        if self._dead or not self._jobs:
            return NOTHING
        if self._tools.completions.failed():
            return NOTHING
        job = self._jobs[0]
        if job.after > self._committer.synced():
            self._committer.require(job.after)
            return NOTHING
        if now_ms < self._retry_at_ms and not closing:
            return self._retry_at_ms - now_ms
        try:
            done = job.run(self._tools)
        except OSError as error:
            return self._write_failed(error, now_ms, closing)
        except StorageError as error:
            self._die(str(error))
            return NOTHING
        self._retry_at_ms = 0
        self._tools.completions.resume(self.name)
        gone = self._tools.writer.gone
        if gone:
            self._reader.forget(list(gone))
            gone.clear()
        if done:
            with self._lock:
                self._jobs.popleft()
        return MORE

    def _write_failed(self, error: OSError, now_ms: int, closing: bool) -> int:
        if not is_full(error):
            self._die(f"writing segments or a snapshot failed: {error}")
            return NOTHING
        self._tools.journal.remove_spare()
        if closing:
            _log.warning(
                "closed with %d background jobs undone: %s; nothing that was confirmed is lost, the next start replays the journal",
                len(self._jobs),
                error,
                extra={"fields": {"reason": "closed_undone"}},
            )
            self._dead = True
            return NOTHING
        if not self._retry_at_ms:
            _log.warning(
                "no space for segments: %s; trying again every %d ms: make space",
                error,
                self._retry_ms,
                extra={"fields": {"reason": "no_space"}},
            )
        self._tools.completions.stall(self.name, f"no space for segments: {error}")
        self._retry_at_ms = now_ms + self._retry_ms
        return self._retry_ms

    def broke(self, error: Exception) -> None:
        _log.error("the store's writer broke", exc_info=error)
        self._die(f"the store's writer broke: {type(error).__name__}: {error}")

    def _die(self, detail: str) -> None:
        _log.critical(
            "%s; nothing can be promised any more: the process ends, what was confirmed is safe; look at the disk, then start it again",
            detail,
            extra={"fields": {"reason": "store_broken"}},
        )
        self._dead = True
        self._tools.completions.fail(detail)
