"""The writer's queue: order, and what has to be synced before a job begins."""

from __future__ import annotations

from onemq.engine.ports import Failed, Spilled
from unit.storage.parts import Opened, batch


def test_jobs_are_done_in_order() -> None:
    opened = Opened().recover()
    for ticket in range(1, 6):
        opened.store.spill(ticket, 5, [batch(ticket)])
    assert [item.ticket for item in opened.run() if isinstance(item, Spilled)] == [1, 2, 3, 4, 5]


def test_removals_wait_for_the_sync_of_what_was_appended_before() -> None:
    """In every mode: what is settled only in the kernel's memory must not cost a record on the disk."""
    for sync in ("always", "interval", "never"):
        for action in ("reclaim", "drop_log", "retain_logs"):
            opened = Opened(sync=sync, sync_interval_ms=10**9).recover()
            opened.store.spill(1, 5, [batch(0)])
            opened.run()
            committer, writer, _ = opened.workers._lanes
            opened.store.append(b"settled")
            if action == "reclaim":
                opened.store.reclaim(5, [])
            elif action == "drop_log":
                opened.store.drop_log(5)
            else:
                opened.store.retain_logs([])
            for _ in range(5):
                writer.turn(0, False)
            assert opened.store.log_bytes(5) > 0
            syncs = opened.files.syncs
            committer.turn(0, False)
            committer.turn(0, False)
            writer.turn(0, False)
            assert opened.files.syncs == syncs + 1
            assert opened.store.log_bytes(5) == 0


def test_damage_found_by_the_writer_stops_the_store() -> None:
    opened = Opened(segment_bytes=300).recover()
    opened.store.spill(1, 5, [batch(*range(start, start + 4)) for start in range(0, 40, 4)])
    opened.run()
    opened.files.content(f"/data/logs/5/{opened.segment_files(5)[0]}")[70] ^= 1
    opened.store.reclaim(5, [1, 2, 39, 40])
    (failed,) = opened.run()
    assert isinstance(failed, Failed) and "damaged at byte 0" in failed.detail


def test_a_broken_batch_from_the_engine_stops_the_store() -> None:
    opened = Opened().recover()
    opened.store.spill(1, 5, [batch(0)[:-1] + b"?"])
    (failed,) = opened.run()
    assert isinstance(failed, Failed) and "CRC" in failed.detail
    opened.store.spill(2, 5, [batch(1)])
    assert opened.run() == []
