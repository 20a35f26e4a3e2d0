"""Group commit: what is called durable when, and what happens when the disk is full or fails."""

from __future__ import annotations

import random
import tempfile
import threading
import time

import pytest

from onemq.engine.ports import Durable, Failed, Resumed, Spilled, Stalled
from onemq.storage.committer import GROUP_BYTES_MAX, HERE_BYTES_MAX, HERE_SYNC_US_MAX
from onemq.storage.errors import StoreMisuse
from onemq.storage.file_store import FileStore
from onemq.storage.files import Files
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import Threads
from simulation.simulated_files import SimulatedFiles
from simulation.stepped import Stepped
from unit.storage.parts import Opened, Seen, batch


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


def test_a_commit_in_parts_is_one() -> None:
    opened = Opened().recover()
    assert opened.store.append_parts([b"12", b"", b"345"]) == 1
    assert opened.store.pending_bytes() == opened.store.journal_bytes() == 5
    assert opened.store.append(b"6") == 2
    opened.run()
    assert opened.store.pending_bytes() == 0
    assert opened.crash().seen.entries == [(1, b"12345"), (2, b"6")]


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


def full_with_spare() -> Opened:
    opened = Opened(preallocate_bytes=500).recover()
    opened.store.append(b"x" * 400)
    opened.run()
    position = opened.store.roll()
    opened.store.append(b"x" * 400)
    opened.store.checkpoint(7, position, b"state")
    opened.run()
    assert len(opened.journal_files()) == 2
    opened.files.space_bytes = opened.files._used_bytes()
    return opened


def test_a_full_disk_gets_the_space_of_the_spare_journal_file() -> None:
    opened = full_with_spare()
    # More than what is given back by cutting the file that is written.
    opened.store.append(b"y" * 800)
    found = opened.run() + opened.run()
    assert [type(item) for item in found] == [Stalled, Resumed, Durable]
    assert len(opened.journal_files()) == 1
    opened = full_with_spare()
    opened.store.spill(1, 5, [batch(1, body=b"z" * 300)])
    found = opened.run() + opened.run()
    assert [type(item) for item in found] == [Stalled, Spilled, Resumed]
    assert len(opened.journal_files()) == 1


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


# Turns that are settled.


class Timed(Opened):
    """Whose syncs take as long as it says."""

    def __init__(self, sync: str = "always") -> None:
        super().__init__(sync=sync)
        self.sync_us = 0
        self._clock_us = 0
        timed = self

        class Watched(Stepped):
            def now_us(self) -> int:
                timed._clock_us += timed.sync_us
                return timed._clock_us

        self.workers = Watched()
        self.store = FileStore(self.settings, self.files, self.workers, self._wake)


def durable_at_once(opened: Opened) -> list[int]:
    return [item.position for item in opened.store.completions() if isinstance(item, Durable)]


def test_a_turn_that_is_awaited_is_durable_when_it_is_settled() -> None:
    opened = Opened().recover()
    opened.store.settle_turn(True)
    for n in range(1, 4):
        opened.store.append(b"a%d" % n)
        syncs = opened.files.syncs
        opened.store.settle_turn(True)
        assert opened.files.syncs == syncs + 1
        assert durable_at_once(opened) == [n]
    assert opened.wakes == 0, "the engine's thread was woken although it was at work itself"
    assert opened.run() == []
    for seed in range(10):
        assert [facts for _, facts in opened.crash(seed).seen.entries] == [b"a1", b"a2", b"a3"]


def test_what_nobody_waits_for_shares_the_next_sync() -> None:
    opened = Opened().recover()
    syncs = opened.files.syncs
    for _ in range(3):
        opened.store.append(b"unawaited")
        opened.store.settle_turn(False)
    assert opened.files.syncs == syncs and durable_at_once(opened) == []
    assert opened.store.pending_bytes() == 0, "a process that is killed would lose it"
    opened.store.append(b"awaited")
    opened.store.settle_turn(True)
    assert opened.files.syncs == syncs + 1 and durable_at_once(opened) == [4]


def test_what_nobody_waits_for_becomes_durable_all_the_same() -> None:
    opened = Opened().recover()
    opened.store.append(b"unawaited")
    opened.store.settle_turn(False)
    assert [item.position for item in opened.run() if isinstance(item, Durable)] == [1]


def test_an_earlier_turn_that_is_awaited_later() -> None:
    opened = Opened().recover()
    opened.store.append(b"first nobody waits")
    opened.store.settle_turn(False)
    opened.store.settle_turn(True)
    assert durable_at_once(opened) == [1]


@pytest.mark.parametrize("case", ["large", "slow", "rolled", "paused"])
def test_what_the_lane_does_better_is_left_to_it(case: str) -> None:
    opened = Timed()
    opened.recover()
    opened.store.append(b"x")
    opened.store.settle_turn(True)
    assert durable_at_once(opened) == [1]
    size = 1
    if case == "large":
        size = HERE_BYTES_MAX + 1
    elif case == "slow":
        opened.sync_us = HERE_SYNC_US_MAX * 9
        opened.store.append(b"y")
        opened.store.settle_turn(True)
        assert durable_at_once(opened) == [2]
    elif case == "rolled":
        opened.store.roll()
    else:
        opened.store.pause()
    opened.store.append(b"x" * size)
    opened.store.settle_turn(True)
    assert durable_at_once(opened) == []
    if case == "paused":
        opened.store.resume()
    assert len([item for item in opened.run() if isinstance(item, Durable)]) == 1
    if case == "slow":
        opened.sync_us = HERE_SYNC_US_MAX // 2
        opened.store.append(b"z")
        opened.store.settle_turn(True)
        opened.run()
    opened.store.append(b"x")
    opened.store.settle_turn(True)
    assert durable_at_once(opened) == [int(opened.store.append(b"last")) - 1]


def test_a_full_disk_in_a_settled_turn_stalls_and_the_lane_goes_on() -> None:
    opened = Opened().recover()
    opened.store.append(b"fits")
    opened.store.settle_turn(True)
    opened.files.space_bytes = opened.files._used_bytes() + 40
    opened.store.append(b"y" * 100)
    opened.store.settle_turn(True)
    assert [type(item) for item in opened.store.completions()] == [Durable, Stalled]
    opened.files.space_bytes = -1
    opened.store.append(b"later")
    opened.store.settle_turn(True)
    assert opened.store.completions() == [], "the lane tries again when it is due"
    found = opened.run()
    assert [type(item) for item in found].count(Resumed) == 1
    assert [len(facts) for _, facts in opened.crash().seen.entries] == [4, 100, 5]


def test_a_failed_sync_in_a_settled_turn_is_final() -> None:
    opened = Opened().recover()
    opened.files.fail_sync_at = 1
    opened.store.append(b"bad")
    opened.store.settle_turn(True)
    (failed,) = opened.store.completions()
    assert isinstance(failed, Failed) and "Input/output error" in failed.detail
    opened.store.append(b"never")
    opened.store.settle_turn(True)
    assert opened.store.completions() == [] and opened.run() == []


def test_a_bug_in_a_settled_turn_is_told_as_the_lane_tells_it() -> None:
    class Broken(SimulatedFiles):
        broken = False

        def write(self, handle: int, at: int, parts: list[bytes]) -> None:
            if self.broken:
                raise ValueError("a bug")
            super().write(handle, at, parts)

    files = Broken(random.Random(1))
    opened = Opened(files).recover()
    files.broken = True
    opened.store.append(b"x")
    opened.store.settle_turn(True)
    (failed,) = opened.store.completions()
    assert isinstance(failed, Failed) and "a bug" in failed.detail


def test_an_interval_is_kept_after_settled_turns() -> None:
    opened = Opened(sync="interval", sync_interval_ms=2500).recover()
    syncs = opened.files.syncs
    opened.store.append(b"x")
    opened.store.settle_turn(True)
    assert durable_at_once(opened) == [1] and opened.files.syncs == syncs
    for _ in range(4):
        opened.workers.step(opened.random)
    assert opened.files.syncs == syncs + 1


def test_settled_turns_and_the_lane_at_once() -> None:
    """Over real files and threads: every position becomes durable, in order, whoever commits it."""
    with tempfile.TemporaryDirectory() as directory:
        woken = threading.Event()
        store = FileStore(StoreSettings(f"{directory}/data"), Files(), Threads(), woken.set)
        store.recover(Seen())
        dice = random.Random(7)
        durable = position = 0
        for _ in range(400):
            position = store.append(bytes(dice.choice([10, 10, HERE_BYTES_MAX * 2])))
            store.settle_turn(dice.random() < 0.6)
            for item in store.completions():
                assert isinstance(item, Durable) and item.position > durable
                durable = item.position
        by = time.monotonic() + 20
        while durable < position and time.monotonic() < by:
            woken.wait(0.05)
            woken.clear()
            for item in store.completions():
                assert isinstance(item, Durable) and item.position > durable
                durable = item.position
        assert durable == position
        store.close()
        again = Seen()
        store = FileStore(StoreSettings(f"{directory}/data"), Files(), Threads(), woken.set)
        assert store.recover(again) == position
        store.close()


def test_over_threads_what_nobody_waits_for_becomes_durable_by_itself() -> None:
    with tempfile.TemporaryDirectory() as directory:
        woken = threading.Event()
        store = FileStore(StoreSettings(f"{directory}/data"), Files(), Threads(), woken.set)
        store.recover(Seen())
        for position in (1, 2, 3):
            assert store.append(b"unawaited") == position
            store.settle_turn(False)
            found = [item.position for item in store.completions() if isinstance(item, Durable)]
            by = time.monotonic() + 20
            while position not in found and time.monotonic() < by:
                woken.wait(0.05)
                woken.clear()
                found += [item.position for item in store.completions() if isinstance(item, Durable)]
            assert position in found
        store.close()
