"""Group commit: one lane that writes all entries taken while the previous sync ran with one write and one
sync.

Decides what may be called durable, and what happens when the disk is full or fails. Must not touch segments
or snapshots. A failed sync is final: what the disk holds then is unknown, so nothing is ever reported durable
after it.
"""

import errno
import logging
import threading
from typing import Final

from onemq.engine.ports import Durable
from onemq.model.store_statistics import StoreStatistics
from onemq.storage.completions import Completions
from onemq.storage.errors import StoreMisuse
from onemq.storage.format import FACTS_BYTES_MAX, parts_bytes
from onemq.storage.journal import Journal
from onemq.storage.settings import SYNC_ALWAYS, SYNC_INTERVAL, StoreSettings
from onemq.storage.workers import MORE, NOTHING, Lane, Workers

_log = logging.getLogger("onemq.storage")

COMMITTER: Final = 0
WRITER: Final = 1
READER: Final = 2
"""Numbers of the store's lanes."""

GROUP_BYTES_MAX: Final = 16 * 1024 * 1024
"""Written in one go at most: a long queue behind a stall must not become one unbounded write."""

HERE_BYTES_MAX: Final = 1024 * 1024
"""Commits of a turn up to this size may be written by the engine's thread."""

HERE_SYNC_US_MAX: Final = 400
"""A sync that takes longer is left to the lane, whatever is written. To wake the lane's thread, and to be woken by it, takes
about 100 us in which the two get in each other's way (one interpreter lock); a longer sync is time for the next turn's work."""


def is_full(error: OSError) -> bool:
    """Whether the error means: no space now, perhaps later."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class Committer(Lane):
    """The queue of entries and its lane.

    The queue has no bound of its own: the engine appends once a turn what it took in within its own limits,
    stops taking in publishes when it is told of a stall, and an engine that waited here would stop
    delivering, too. `pending_bytes` is there for whoever throttles the clients.
    """

    def __init__(
        self,
        journal: Journal,
        completions: Completions,
        settings: StoreSettings,
        workers: Workers,
        statistics: StoreStatistics,
    ) -> None:
        self._statistics = statistics
        self.name = "committer"
        self._journal = journal
        self._completions = completions
        self._workers = workers
        self._always = settings.sync == SYNC_ALWAYS
        self._interval_ms = settings.sync_interval_ms if settings.sync == SYNC_INTERVAL else 0
        self._retry_ms = settings.retry_ms
        self._lock = threading.Lock()
        self._at_work = threading.Lock()
        """Held by the thread that does a turn: the lane's, or the engine's."""
        # The engine's thread only:
        self._by_turns = False
        self._paused = False
        # Shared, under the lock:
        self._queue: list[list[bytes]] = []
        self._queue_us: list[int] = []
        """When each was appended."""
        self._rolls: list[int] = []
        self._pending_bytes = 0
        self._appended = 0
        self._rolled_bytes = 0
        self._required = 0
        # Written by whoever is at work only:
        self._taken: list[list[bytes]] = []
        self._taken_us: list[int] = []
        self._taken_at = 0
        self._awaiting_us: list[int] = []
        """When those were appended that are written, and not reported durable."""
        self._written = 0
        self._synced = 0
        self._sync_us = 0
        """What a sync takes: at once what a quick one took, by and by what slow ones take."""
        self._retry_at_ms = 0
        self._unsynced_since_ms = -1
        self._dead = False

    def begin_after(self, position: int) -> None:
        """Called once after recovery: what is in the journal up to `position` is synced."""
        self._appended = position
        self._written = position
        self._synced = position

    # The engine's thread, and the writer's lane.

    def append(self, facts: list[bytes]) -> int:
        """One commit's facts, in parts."""
        size = int(parts_bytes(facts))
        if size > FACTS_BYTES_MAX:
            raise StoreMisuse(f"one commit of {size} bytes; at most {FACTS_BYTES_MAX}")
        now_us = self._workers.now_us()
        with self._lock:
            self._queue.append(facts)
            self._queue_us.append(now_us)
            self._pending_bytes += size
            self._rolled_bytes += size
            self._appended += 1
            position = self._appended
        if not self._by_turns:
            self._workers.notify(COMMITTER)
        return position

    def settle_turn(self, awaited: bool) -> None:
        """See Store.settle_turn."""
        self._by_turns = True
        if self._pending_bytes == 0 and not (awaited and self._always and self._synced < self._written):
            return
        if self._may_commit_here() and self._at_work.acquire(blocking=False):
            try:
                self._commit_here(awaited)
            finally:
                self._at_work.release()
        elif awaited:
            self._workers.notify(COMMITTER)
        else:
            self._workers.notify_later(COMMITTER)

    def pause(self, paused: bool) -> None:
        """Whether the engine's thread has to leave the files alone."""
        self._paused = paused

    def _may_commit_here(self) -> bool:
        # A new file, a retry and a broken disk are the lane's.
        return (
            self._sync_us <= HERE_SYNC_US_MAX
            and self._pending_bytes <= HERE_BYTES_MAX
            and not self._rolls
            and self._retry_at_ms == 0
            and not self._dead
            and not self._paused
        )

    def _commit_here(self, awaited: bool) -> None:
        """What nobody waits for is written, so that it survives the process, and shares a sync with what comes next."""
        self._completions.attend()
        delay_ms = MORE
        try:
            while delay_ms == MORE:
                delay_ms = self._work(self._workers.now_ms(), False, awaited)
        except Exception as error:
            # As the lane's thread would have it.
            self.broke(error)
            return
        if delay_ms != NOTHING or not awaited:
            # A sync that is still due, or a disk that is full: the lane has to look.
            self._workers.notify_later(COMMITTER)

    def roll(self) -> int:
        """Later entries go to another file. Returns the last position."""
        with self._lock:
            self._rolls.append(self._appended)
            self._rolled_bytes = 0
            return self._appended

    def rolled_bytes(self) -> int:
        return self._rolled_bytes

    def pending_bytes(self) -> int:
        """Bytes appended that are not written yet."""
        return self._pending_bytes

    def appended(self) -> int:
        return self._appended

    def synced(self) -> int:
        """Everything up to this position survives a crash of the machine, whatever the setting of `sync`."""
        return self._synced

    def require(self, position: int) -> None:
        """Asks for a sync up to `position`, whatever the setting; the writer's lane is noticed when it is
        done.
        """
        with self._lock:
            if position > self._required:
                self._required = position
        self._workers.notify(COMMITTER)

    # The lane.

    def turn(self, now_ms: int, closing: bool) -> int:
        with self._at_work:
            return self._work(now_ms, closing, True)

    def _work(self, now_ms: int, closing: bool, syncs: bool) -> int:
        """A turn. syncs: what is written is synced at once, if the setting says so."""
        if self._dead:
            return NOTHING
        if now_ms < self._retry_at_ms and not closing:
            return self._retry_at_ms - now_ms
        try:
            if not self._take():
                return self._sync_late(now_ms, closing) if syncs else NOTHING
            self._write_group()
        except OSError as error:
            return self._write_failed(error, now_ms, closing)
        if self._dead:
            return NOTHING
        self._retry_at_ms = 0
        self._completions.resume(self.name)
        if self._unsynced_since_ms < 0:
            self._unsynced_since_ms = now_ms
        if (self._always and syncs) or self._required > self._synced or self._interval_is_over(now_ms):
            self._sync()
        if not self._always and not self._dead:
            self._count_durable()
            self._completions.add(Durable(self._written))
        return MORE

    def _interval_is_over(self, now_ms: int) -> bool:
        return self._interval_ms > 0 and now_ms - self._unsynced_since_ms >= self._interval_ms

    def _take(self) -> bool:
        """Whether there is something to write."""
        if self._taken_at < len(self._taken):
            return True
        with self._lock:
            self._taken = self._queue
            self._taken_us = self._queue_us
            self._queue = []
            self._queue_us = []
        self._taken_at = 0
        return bool(self._taken)

    def _write_group(self) -> None:
        with self._lock:
            rolls = self._rolls
            while rolls and rolls[0] < self._written:
                rolls.pop(0)
            roll = rolls[0] if rolls else -1
        if roll == self._written:
            if self._journal.first() <= roll:
                self._finish_file()
                if self._dead:
                    return
                self._journal.begin(roll + 1)
            with self._lock:
                while self._rolls and self._rolls[0] <= self._written:
                    self._rolls.pop(0)
                roll = self._rolls[0] if self._rolls else -1
        count = 0
        size = 0
        while self._taken_at + count < len(self._taken) and self._written + count != roll:
            more = int(parts_bytes(self._taken[self._taken_at + count]))
            if count and size + more > GROUP_BYTES_MAX:
                break
            size += more
            count += 1
        group = self._taken[self._taken_at : self._taken_at + count]
        self._journal.write(self._written + 1, self._synced, group)
        self._awaiting_us.extend(self._taken_us[self._taken_at : self._taken_at + count])
        statistics = self._statistics
        statistics.groups += 1
        statistics.commits += count
        statistics.commit_bytes += size
        self._taken_at += count
        if self._taken_at == len(self._taken):
            self._taken = []
            self._taken_us = []
            self._taken_at = 0
        self._written += count
        with self._lock:
            self._pending_bytes -= size

    def _write_failed(self, error: OSError, now_ms: int, closing: bool) -> int:
        if not is_full(error):
            self._die(f"writing the journal failed: {error}")
            return NOTHING
        try:
            self._journal.take_back()
        except OSError as second:
            self._die(f"the journal could not be cut back after a write that found no space: {second}")
            return NOTHING
        if closing:
            _log.error(
                "closed with %d bytes of unconfirmed commits unwritten: %s; their publishers have to send them again",
                self._pending_bytes,
                error,
                extra={"fields": {"reason": "closed_undone"}},
            )
            self._dead = True
            return NOTHING
        if not self._retry_at_ms:
            self._statistics.stalls += 1
            _log.warning(
                "no space for the journal: %s; trying again every %d ms, nothing is confirmed meanwhile: make space",
                error,
                self._retry_ms,
                extra={"fields": {"reason": "no_space"}},
            )
        self._completions.stall(self.name, f"no space for the journal: {error}")
        self._retry_at_ms = now_ms + self._retry_ms
        return self._retry_ms

    def _sync_late(self, now_ms: int, closing: bool) -> int:
        """Nothing to write: is a sync due that did not follow its write?"""
        if self._written == self._synced:
            return NOTHING
        if closing or self._always or self._required > self._synced or self._interval_is_over(now_ms):
            self._sync()
            return MORE
        if self._interval_ms:
            return self._unsynced_since_ms + self._interval_ms - now_ms
        return NOTHING

    def _finish_file(self) -> None:
        try:
            self._journal.finish()
        except OSError as error:
            self._die(f"syncing the journal failed: {error}")
            return
        self._note_synced()

    def _sync(self) -> None:
        began_us = self._workers.now_us()
        try:
            self._journal.sync()
        except OSError as error:
            self._die(f"syncing the journal failed: {error}")
            return
        took_us = self._workers.now_us() - began_us
        self._statistics.sync_times.add(took_us)
        self._sync_us = took_us if took_us < self._sync_us else self._sync_us + (took_us - self._sync_us) // 8
        self._note_synced()

    def _note_synced(self) -> None:
        if self._written > self._synced:
            self._synced = self._written
            if self._always:
                self._count_durable()
                self._completions.add(Durable(self._synced))
        self._unsynced_since_ms = -1
        if self._required:
            with self._lock:
                if self._required <= self._synced:
                    self._required = 0
            self._workers.notify(WRITER)

    def _count_durable(self) -> None:
        waited = self._awaiting_us
        if not waited:
            return
        self._awaiting_us = []
        now_us = self._workers.now_us()
        times = self._statistics.commit_times
        for appended_us in waited:
            times.add(now_us - appended_us)

    def broke(self, error: Exception) -> None:
        _log.error("the committer broke", exc_info=error)
        self._die(f"the committer broke: {type(error).__name__}: {error}")

    def _die(self, detail: str) -> None:
        _log.critical(
            "%s; nothing can be promised any more: the process ends, what was confirmed is safe; look at the disk, then start it again",
            detail,
            extra={"fields": {"reason": "store_broken"}},
        )
        self._dead = True
        self._completions.fail(detail)
