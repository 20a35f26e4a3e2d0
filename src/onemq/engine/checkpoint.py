"""Checkpoints and memory pressure: both move records from memory to the store, in bounded steps.

A checkpoint: roll the journal, take the snapshot of that moment, spill what it says is unsettled and only in memory, then let the
store make snapshot and spills durable; after that the older journal is not needed. One spill is under way at a time.
"""

from mypy_extensions import i64

from onemq.engine.catalog import Catalog
from onemq.engine.catalog_changes import durable_changes
from onemq.engine.core import Core
from onemq.engine.facts import FACTS_VERSION, pack
from onemq.engine.offsets import intersected
from onemq.engine.queue import Queue

IDLE = 0
SPILLING = 1
SAVING = 2
AT_ONCE_MAX = 8
"""So many times as much may be spilled at once where there is nothing to encode."""


class Checkpoint:
    """See the module. `last_done`: the checkpoint asked for by a shutdown is complete."""

    def __init__(self, core: Core, catalog: Catalog) -> None:
        self.core = core
        self.catalog = catalog
        self.last_done = False
        self._state = IDLE
        self._is_last = False
        self._position = 0
        self._snapshot = b""
        self._limits: list[tuple[Queue, int]] = []
        self._spill_ticket = 0
        self._spilling: Queue | None = None
        self._reclaim = False

    def step(self, stopping: bool) -> None:
        """Called at the end of every turn, after its commit."""
        core = self.core
        if not core.persistent:
            return
        self._give_back()
        if self._state == IDLE and not self.last_done:
            wanted = core.store.journal_bytes() > core.settings.journal_bytes_max
            if wanted or (stopping and core.durable_position == core.last_position):
                self._begin(stopping)
        if self._spill_ticket:
            return
        if self._state == SPILLING:
            self._spill_for_checkpoint()
        elif self._state == IDLE and core.tail_bytes > core.settings.tail_bytes_max:
            self._relieve()

    def _begin(self, stopping: bool) -> None:
        core = self.core
        self._state = SPILLING
        self._is_last = stopping
        self._position = core.store.roll()
        assert self._position == core.last_position, "checkpoint in the middle of a turn"
        self._snapshot = pack(snapshot(self.catalog))
        self._limits = []
        for queue in self.catalog.logs.values():
            if queue.log.durable and queue.log.spilled_to < queue.log.next_offset:
                self._limits.append((queue, int(queue.log.next_offset)))

    def _spill_for_checkpoint(self) -> None:
        """Spills the next piece; when nothing is left, has the snapshot saved."""
        waiting: list[tuple[Queue, int]] = []
        while self._limits:
            queue, limit = self._limits.pop()
            log = queue.log
            if not self._keeps(queue):
                continue
            if log.unspilled(limit):
                self._limits.append((queue, limit))
                self._start(queue, limit)
                break
            if log.visible_end < limit:
                waiting.append((queue, limit))
                continue
            log.spilled_to = max(log.spilled_to, limit)
        self._limits.extend(waiting)
        if not self._limits and not self._spill_ticket:
            self._state = SAVING
            self.core.store.checkpoint(self.core.ticket(), self._position, self._snapshot)
            self._snapshot = b""

    def _keeps(self, queue: Queue) -> bool:
        """Whether the queue's log is still there: a topic may have taken it over, and outlive the queue."""
        owner = self.catalog.logs.get(queue.log.log_id)
        return owner is not None and owner.log is queue.log

    def _start(self, queue: Queue, limit: i64) -> None:
        core = self.core
        spill_bytes: i64 = core.settings.spill_bytes
        # Who is behind takes more at once: each spill is a journey to the store's thread and back.
        behind = core.tail_bytes - core.settings.tail_bytes_max
        at_once = min(max(spill_bytes, behind), spill_bytes * AT_ONCE_MAX)
        batches = queue.log.start_spill(limit, at_once, spill_bytes)
        self._spilling = queue
        self._spill_ticket = core.ticket()
        core.store.spill(self._spill_ticket, queue.log.log_id, batches)

    def _relieve(self) -> None:
        """Memory is short: drops what the store has, then spills from the log that holds most."""
        core = self.core
        best: Queue | None = None
        for queue in self.catalog.logs.values():
            log = queue.log
            if log.tail and log.tail[0].end <= log.spilled_to:
                log.evict()
            if best is None or log.tail_cost > best.log.tail_cost:
                if log.unspilled(log.next_offset):
                    best = queue
        if best is not None and core.tail_bytes > core.settings.tail_bytes_max:
            self._start(best, best.log.next_offset)

    def spilled(self, ticket: int) -> None:
        """The store has the batches."""
        if ticket != self._spill_ticket:
            return
        self._spill_ticket = 0
        queue = self._spilling
        self._spilling = None
        if queue is None or not self._keeps(queue):
            return
        queue.log.finish_spill()
        if self.core.tail_bytes > self.core.settings.tail_bytes_max:
            queue.log.evict()

    def checkpointed(self) -> None:
        """Snapshot and spills are durable."""
        self._state = IDLE
        self.last_done = self._is_last
        self._reclaim = True

    def _give_back(self) -> None:
        """Lets the store have space back: after the turn's commit, so that a crash cannot bring back what is gone."""
        dropped = self.catalog.dropped_logs
        if dropped:
            self.catalog.dropped_logs = []
            for log_id in dropped:
                self.core.store.drop_log(log_id)
        if not self._reclaim:
            return
        self._reclaim = False
        for queue in self.catalog.logs.values():
            log = queue.log
            if log.released_spilled > 0:
                log.released_spilled = 0
                live = intersected(queue.live_ranges(), [0, int(log.spilled_to)])
                self.core.store.reclaim(log.log_id, live)


def snapshot(catalog: Catalog) -> dict[str, object]:
    """All that a restart needs, as of now, as plain values. Records are not in it."""
    logs: dict[int, object] = {}
    for queue in catalog.logs.values():
        log = queue.log
        if log.durable:
            logs[log.log_id] = {
                "next": int(log.next_offset),
                "may_expire": log.may_expire,
                "state": queue.state(),
            }
    return {
        "version": FACTS_VERSION,
        "next_log_id": catalog.next_log_id,
        "catalog": durable_changes(catalog.namespaces.values(), catalog.internals.values()),
        "logs": logs,
        "parts": {number: part.changes() for number, part in catalog.parts.items()},
    }
