"""Recovery: folds a snapshot and the commits after it into the catalog, with the code that live operation uses where it can."""

from collections.abc import Callable

from mypy_extensions import i64

from onemq.engine.catalog import Catalog
from onemq.engine.catalog_replay import apply_change
from onemq.engine.core import Core
from onemq.engine.facts import (
    ARRIVED,
    BATCH,
    CATALOG,
    FACTS_VERSION,
    KEPT_FROM,
    LEASED,
    PART,
    RETURNED,
    SETTLED,
    SPECIAL,
    TIMED,
    FactReader,
    unpack,
)
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.parts import Part
from onemq.engine.ports import Replay, StateUnreadable
from onemq.engine.topics.partition import Partition
from onemq.model.record_batch import base_offset, end_offset


class Recovery(Replay):
    """See the module. progress: told now and then how many bytes of how many have been replayed."""

    def __init__(
        self, core: Core, catalog: Catalog, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self.progress = progress
        self.core = core
        self.catalog = catalog
        catalog.replaying = True

    def progressed(self, done_bytes: int, total_bytes: int) -> None:
        # Also lets other threads run: compiled code never does by itself.
        progress = self.progress
        if progress is not None:
            progress(done_bytes, total_bytes)

    def restore(self, snapshot: bytes) -> None:
        """Raises StateUnreadable."""
        try:
            self._restore(snapshot)
        except Exception as error:
            raise _unreadable("the snapshot", error) from error

    def _restore(self, snapshot: bytes) -> None:
        state = unpack(snapshot)
        if state["version"] not in (1, 2, FACTS_VERSION):
            raise AssertionError(f"snapshot of version {state['version']}: written by another onemq")
        changes = state["catalog"]
        assert isinstance(changes, list)
        for change in changes:
            apply_change(self.catalog, change)
        next_id = state["next_log_id"]
        assert isinstance(next_id, int)
        self.catalog.next_log_id = next_id
        logs = state["logs"]
        assert isinstance(logs, dict)
        for log_id, saved in logs.items():
            self._restore_log(log_id, saved)
        parts = state.get("parts", {})
        assert isinstance(parts, dict)
        for number, part_changes in parts.items():
            part = self._part(number)
            for change in part_changes:
                part.apply(change)

    def _part(self, number: int) -> Part:
        part = self.catalog.parts.get(number)
        assert part is not None, f"part {number} of the state: written by a newer onemq"
        return part

    def _restore_log(self, log_id: int, saved: dict[str, object]) -> None:
        queue = self.catalog.logs[log_id]
        log = queue.log
        end = saved["next"]
        assert isinstance(end, int)
        log.next_offset = end
        log.visible_end = end
        log.spilled_to = end
        log.may_expire = bool(saved["may_expire"])
        # Volatile records of the last run may stand among the spilled ones: the first reclaim gives their space back.
        log.released_spilled = 1
        state = saved["state"]
        assert isinstance(state, dict)
        if isinstance(queue, LedgerQueue):
            queue.ledger.restore(
                state["levels"],
                state["leased"],
                state["returns"],
                state["delayed"],
                state["bytes"],
                state.get("timed", []),
                state.get("groups", []),
            )
        elif isinstance(queue, Partition):
            queue.restore_state(state)

    def replay(self, position: int, facts: bytes) -> None:
        """Raises StateUnreadable."""
        try:
            self._replay(facts)
        except Exception as error:
            raise _unreadable(f"commit {position} of the journal", error) from error

    def _replay(self, facts: bytes) -> None:
        reader = FactReader(facts)
        while reader.next():
            if reader.kind == CATALOG:
                apply_change(self.catalog, unpack(reader.body()))
                continue
            if reader.kind == PART:
                self._part(reader.body()[0]).apply(unpack(reader.body(1)))
                continue
            queue = self.catalog.logs.get(reader.log_id())
            if queue is None:
                # Its deletion stands later in the same commit's catalog facts, or before: nothing is left to change.
                continue
            if reader.kind == BATCH:
                self._replay_batch(reader)
            elif isinstance(queue, LedgerQueue):
                self._replay_ledger(queue, reader)
            elif isinstance(queue, Partition):
                if reader.kind == KEPT_FROM:
                    queue.replay_cut(reader.int64(4))
                elif reader.kind == ARRIVED:
                    queue.arrivals.note(int(reader.int64(4)), int(reader.int64(12)), int(reader.int64(20)))
                elif queue.part is not None:
                    self._replay_ledger(queue.part, reader)

    def _replay_batch(self, reader: FactReader) -> None:
        queue = self.catalog.logs[reader.log_id()]
        flags = reader.data[reader.start + 4]
        value_bytes = reader.int64(5)
        data = reader.body(13)
        batch = queue.log.add_recovered(
            base_offset(data), end_offset(data), data, flags & SPECIAL != 0, value_bytes
        )
        if flags & SPECIAL:
            queue.log.may_expire = True
        if isinstance(queue, Partition):
            queue.replayed(data)
        queue.add_visible(batch)

    def _replay_ledger(self, queue: LedgerQueue, reader: FactReader) -> None:
        ledger = queue.ledger
        if reader.kind == SETTLED:
            ledger.replay_settled(reader.ranges(12), reader.int64(4))
        elif reader.kind == LEASED:
            ledger.replay_leased(reader.ranges(4))
        elif reader.kind == TIMED:
            ledger.replay_timed(reader.timed())
        elif reader.kind == RETURNED:
            at: i64 = 4
            while reader.start + at < reader.end:
                ledger.replay_returned(
                    int(reader.int64(at)), int(reader.int32(at + 8)), int(reader.int32(at + 12))
                )
                at += 16

    def finish(self) -> None:
        """Everything was replayed. Raises StateUnreadable."""
        try:
            self._finish()
        except Exception as error:
            raise _unreadable("the whole of snapshot and journal", error) from error

    def _finish(self) -> None:
        for queue in self.catalog.logs.values():
            queue.finish_recovery()
        for part in self.catalog.parts.values():
            part.finish_recovery()
        self.catalog.replaying = False


def _unreadable(what: str, error: Exception) -> StateUnreadable:
    return StateUnreadable(
        f"{what} cannot be read although its checksum is right ({type(error).__name__}: {error}): it was written by another version "
        "of onemq, or by a bug. Start the version that wrote it, or restore the data directory from a backup"
    )
