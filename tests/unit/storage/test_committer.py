"""Group commit: what is called durable when, and what happens when the disk is full or fails."""

from __future__ import annotations

import pytest

from onemq.engine.ports import Durable, Failed, Resumed, Stalled
from onemq.storage.committer import GROUP_BYTES_MAX
from onemq.storage.errors import StoreMisuse
from simulation.simulated_files import SimulatedFiles
from unit.storage.parts import Opened


def test_one_sync_for_all_that_was_queued() -> None:
    opened = Opened().recover()
    syncs = opened.files.syncs
    assert [opened.store.append(b"x%d" % n) for n in range(50)] == list(range(1, 51))
    assert opened.store.pending_bytes() == sum(len(b"x%d" % n) for n in range(50))
    assert opened.store.completions() == []
    (durable,) = opened.run()
    assert isinstance(durable, Durable) and durable.position == 50
    assert opened.files.syncs == syncs + 1
    assert opened.store.pending_bytes() == 0


def test_nothing_is_durable_before_its_sync() -> None:
    opened = Opened().recover()
    opened.store.append(b"one")
    assert opened.crash().seen.entries in ([], [(1, b"one")])
    opened = Opened().recover()
    opened.store.append(b"one")
    opened.run()
    for seed in range(20):
        assert opened.crash(seed).seen.entries == [(1, b"one")]


def test_a_long_queue_is_written_in_bounded_groups() -> None:
    opened = Opened().recover()
    syncs = opened.files.syncs
    part = bytes(GROUP_BYTES_MAX // 3)
    for _ in range(7):
        opened.store.append(part)
    positions = [item.position for item in opened.run() if isinstance(item, Durable)]
    assert positions == [3, 6, 7]
    assert opened.files.syncs == syncs + 3


def test_journal_bytes_count_since_the_roll_and_later_entries_go_to_another_file() -> None:
    opened = Opened().recover()
    opened.store.append(b"12345")
    opened.run()
    opened.store.append(b"678")
    assert opened.store.journal_bytes() == 8
    assert opened.store.roll() == 2
    assert opened.store.roll() == 2
    assert opened.store.journal_bytes() == 0
    opened.store.append(b"9")
    assert opened.store.journal_bytes() == 1
    opened.run()
    assert [int(name[:20]) for name in opened.journal_files()] == [1, 3]
    assert [facts for _, facts in opened.crash().seen.entries] == [b"12345", b"678", b"9"]


def test_a_full_disk_stalls_and_space_resumes() -> None:
    opened = Opened().recover()
    opened.store.append(b"fits")
    opened.run()
    opened.files.space_bytes = opened.files._used_bytes() + 40
    for _ in range(3):
        opened.store.append(b"y" * 100)
    (stalled,) = opened.run()
    assert isinstance(stalled, Stalled) and "No space left" in stalled.detail
    opened.store.append(b"later")
    assert opened.run() == []
    assert opened.store.pending_bytes() == 305
    opened.files.space_bytes = -1
    found = opened.run()
    assert [item.position for item in found if isinstance(item, Durable)] == [4, 5]
    assert [type(item) for item in found].count(Resumed) == 1
    assert [len(facts) for _, facts in opened.crash().seen.entries] == [4, 100, 100, 100, 5]


def test_a_crash_while_stalled_loses_nothing_confirmed() -> None:
    opened = Opened().recover()
    opened.store.append(b"fits")
    opened.run()
    opened.files.space_bytes = opened.files._used_bytes() + 40
    opened.store.append(b"y" * 100)
    opened.run()
    opened.files.space_bytes = -1
    assert opened.crash().seen.entries == [(1, b"fits")]


def test_a_failed_sync_is_final() -> None:
    opened = Opened().recover()
    opened.store.append(b"good")
    opened.run()
    opened.files.fail_sync_at = 1
    opened.store.append(b"bad")
    (failed,) = opened.run()
    assert isinstance(failed, Failed) and "Input/output error" in failed.detail
    opened.store.append(b"never")
    opened.store.spill(1, 1, [])
    assert opened.run() == []
    opened.store.close()
    assert opened.store.completions() == []


def test_an_error_that_is_not_about_space_is_final() -> None:
    class Broken(SimulatedFiles):
        broken = False

        def write(self, handle: int, at: int, parts: list[bytes]) -> None:
            if self.broken:
                raise OSError(5, "Input/output error")
            super().write(handle, at, parts)

    opened = Opened()
    files = Broken(opened.random)
    opened = Opened(files).recover()
    files.broken = True
    opened.store.append(b"x")
    (failed,) = opened.run()
    assert isinstance(failed, Failed) and "writing the journal failed" in failed.detail


def test_interval_reports_after_the_write_and_syncs_later() -> None:
    opened = Opened(sync="interval", sync_interval_ms=2500).recover()
    syncs = opened.files.syncs
    opened.store.append(b"x")
    opened.workers.step(opened.random)
    assert [type(item) for item in opened.store.completions()] == [Durable]
    assert opened.files.syncs == syncs
    for _ in range(3):
        opened.workers.step(opened.random)
    assert opened.files.syncs == syncs + 1


def test_interval_syncs_under_constant_load_too() -> None:
    opened = Opened(sync="interval", sync_interval_ms=3000).recover()
    syncs = opened.files.syncs
    for _ in range(12):
        opened.store.append(b"x")
        assert opened.workers.step(opened.random)
    assert syncs + 2 <= opened.files.syncs <= syncs + 4


def test_never_syncs_only_for_a_checkpoint_and_at_the_end() -> None:
    opened = Opened(sync="never").recover()
    syncs = opened.files.syncs
    for _ in range(5):
        opened.store.append(b"x")
        assert [type(item) for item in opened.run()] == [Durable]
    assert opened.files.syncs == syncs
    opened.checkpoint()
    assert opened.files.syncs > syncs
    for seed in range(10):
        assert opened.crash(seed).position == 5


def test_close_writes_and_syncs_what_was_appended() -> None:
    for sync in ("always", "interval", "never"):
        opened = Opened(sync=sync).recover()
        opened.store.append(b"x")
        opened.store.close()
        assert [type(item) for item in opened.store.completions()] == [Durable]
        assert opened.files.open_handles() == 0
        for seed in range(5):
            assert opened.crash(seed).seen.entries == [(1, b"x")]


def test_close_on_a_full_disk_ends() -> None:
    opened = Opened().recover()
    opened.files.space_bytes = opened.files._used_bytes()
    opened.store.append(b"x")
    opened.run()
    opened.store.close()
    assert opened.files.open_handles() == 0


def test_a_commit_beyond_the_format_is_refused() -> None:
    with pytest.raises(StoreMisuse):
        Opened().recover().store.append(bytes((1 << 30) + 1))
