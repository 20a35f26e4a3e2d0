"""Checkpoints: what they leave on the disk, when they take effect, and crashes between any two of their steps."""

from __future__ import annotations

import pytest

from onemq.engine.ports import Checkpointed, Failed, Resumed, Stalled
from simulation.simulated_files import Crash
from unit.storage.parts import DIRECTORY, Opened, batch, offsets_of


def with_one_checkpoint() -> Opened:
    opened = Opened(segment_bytes=300).recover()
    opened.store.append(b"1")
    opened.store.spill(1, 5, [batch(0, 1)])
    opened.run()
    opened.checkpoint(b"first")
    opened.store.append(b"2")
    opened.store.spill(1, 5, [batch(2, 3), batch(4, 5), batch(6, 7)])
    opened.run()
    return opened


def test_old_journal_files_and_snapshots_go() -> None:
    opened = with_one_checkpoint()
    position = opened.store.roll()
    opened.store.append(b"3")
    opened.store.checkpoint(8, position, b"second")
    found = opened.run()
    assert isinstance(found[-1], Checkpointed) and found[-1].ticket == 8
    assert [name for name in opened.files.list(DIRECTORY) if name.startswith("snapshot")] == [
        "snapshot.00000000000000000002"
    ]
    assert [int(name[:20]) for name in opened.journal_files()] == [3]
    again = opened.crash()
    assert (again.seen.snapshot, again.seen.entries) == (b"second", [(3, b"3")])


def test_a_crash_between_any_two_steps() -> None:
    outcomes: set[bytes | None] = set()
    for crash_at in range(1, 40):
        for seed in range(5):
            opened = with_one_checkpoint()
            position = opened.store.roll()
            opened.store.append(b"3")
            opened.store.checkpoint(8, position, b"second")
            opened.files.crash_at = crash_at
            durable = 2
            try:
                opened.workers.run(opened.random)
                durable = 3
            except Crash:
                pass
            again = opened.crash(seed)
            outcomes.add(again.seen.snapshot)
            assert again.position >= durable
            first = 2 if again.seen.snapshot == b"first" else 3
            assert [at for at, _ in again.seen.entries] == list(range(first, again.position + 1))
            held = offsets_of(again.load(5, 0).batches)
            assert held == ([0, 1] if again.seen.snapshot == b"first" else list(range(8)))
    assert outcomes == {b"first", b"second"}


def test_it_waits_for_what_was_appended_before_it() -> None:
    opened = with_one_checkpoint()
    position = opened.store.roll()
    opened.files.space_bytes = opened.files._used_bytes() + 100_000
    opened.store.append(b"x" * 200_000)
    opened.store.checkpoint(8, position, b"second")
    assert [type(item) for item in opened.run()] == [Stalled]
    assert opened.crash().seen.snapshot == b"first"


def test_a_full_disk_stalls_it_and_leaves_no_half_file() -> None:
    opened = with_one_checkpoint()
    opened.files.space_bytes = opened.files._used_bytes() + 500
    opened.store.checkpoint(8, opened.store.roll(), b"s" * 5_000_000)
    assert [type(item) for item in opened.run()] == [Stalled]
    assert opened.files._used_bytes() <= opened.files.space_bytes - 400
    opened.files.space_bytes = -1
    assert {type(item) for item in opened.run()} == {Resumed, Checkpointed}
    assert opened.crash().seen.snapshot == b"s" * 5_000_000


@pytest.mark.parametrize("sync", [1, 2])
def test_a_failed_sync_is_final(sync: int) -> None:
    opened = with_one_checkpoint()
    opened.files.fail_sync_at = sync
    opened.store.checkpoint(8, opened.store.roll(), b"second")
    (failed,) = opened.run()
    assert isinstance(failed, Failed) and "syncing" in failed.detail
    again = opened.crash()
    assert (again.seen.snapshot, again.seen.entries) == (b"first", [(2, b"2")])


def test_the_same_position_twice() -> None:
    opened = with_one_checkpoint()
    opened.checkpoint(b"a")
    opened.checkpoint(b"b")
    again = opened.crash()
    assert (again.seen.snapshot, again.seen.entries, again.position) == (b"b", [], 2)
    assert offsets_of(again.load(5, 0).batches) == list(range(8))
