"""Opening a data directory: new, used, damaged, foreign, of another version, in use."""

from __future__ import annotations

import random

import pytest

from onemq.storage.errors import (
    DirectoryInUse,
    JournalCorrupt,
    JournalGap,
    SegmentCorrupt,
    SnapshotCorrupt,
    StorageError,
    StoreMisuse,
    UnknownFormat,
)
from onemq.storage.format import journal_name, snapshot_name
from simulation.simulated_files import SimulatedFiles
from unit.storage.parts import DIRECTORY, Opened, Seen, batch, offsets_of


def used() -> Opened:
    """Position 3 snapshotted with segments, positions 4 and 5 in the journal."""
    opened = Opened(segment_bytes=250).recover()
    for facts in (b"1", b"2", b"3"):
        opened.store.append(facts)
    opened.store.spill(1, 9, [batch(offset) for offset in range(6)])
    opened.run()
    opened.checkpoint(b"state of 3")
    opened.store.append(b"4")
    opened.store.append(b"5")
    opened.run()
    return opened


def test_a_new_directory() -> None:
    opened = Opened().recover()
    assert opened.position == 0
    assert (opened.seen.snapshot, opened.seen.entries) == (None, [])
    assert opened.store.append(b"x") == 1


def test_snapshot_then_later_entries() -> None:
    opened = used()
    for seed in range(20):
        opened = opened.crash(seed)
        assert opened.position == 5
        assert opened.seen.snapshot == b"state of 3"
        assert opened.seen.entries == [(4, b"4"), (5, b"5")]
        assert offsets_of(opened.load(9, 0).batches) == list(range(6))
    assert opened.store.append(b"6") == 6
    opened.run()
    assert opened.crash().seen.entries == [(4, b"4"), (5, b"5"), (6, b"6")]


def test_spills_after_the_checkpoint_are_cut_off() -> None:
    opened = used()
    opened.store.spill(1, 9, [batch(offset) for offset in range(6, 12)])
    opened.store.spill(2, 10, [batch(0)])
    opened.run()
    opened.store.close()
    sizes = {name: len(opened.files.content(f"/data/logs/9/{name}")) for name in opened.segment_files(9)}
    again = opened.again().recover()
    assert offsets_of(again.load(9, 0).batches) == list(range(6))
    assert again.store.log_bytes(10) == 0 and again.files.list("/data/logs") == ["9"]
    left = {name: len(opened.files.content(f"/data/logs/9/{name}")) for name in opened.segment_files(9)}
    assert sum(left.values()) == again.store.log_bytes(9) < sum(sizes.values())


def test_a_segment_that_grew_after_the_checkpoint_has_its_old_size() -> None:
    opened = Opened().recover()
    opened.store.spill(1, 9, [batch(0)])
    opened.run()
    opened.checkpoint()
    opened.store.spill(1, 9, [batch(1)])
    opened.run()
    opened.store.close()
    opened.again().recover()
    (name,) = opened.segment_files(9)
    assert bytes(opened.files.content(f"/data/logs/9/{name}")) == batch(0)


def test_a_second_holder_is_refused_by_number() -> None:
    opened = Opened().recover()
    with pytest.raises(DirectoryInUse, match="in use by process 4711"):
        opened.again().recover()
    opened.store.close()
    opened.again().recover()


def test_recover_is_called_once() -> None:
    with pytest.raises(StoreMisuse):
        Opened().recover().recover()


def test_a_failed_recovery_lets_go_of_everything() -> None:
    opened = used()
    opened.store.close()
    path = f"{DIRECTORY}/{snapshot_name(3)}"
    opened.files.damage(path, 50, 1)
    for _ in range(2):
        with pytest.raises(SnapshotCorrupt, match="snapshot"):
            opened.again().recover()
        assert opened.files.open_handles() == 0
    opened.files.damage(path, 50, 1)
    assert opened.again().recover().position == 5


def test_a_foreign_directory_is_left_alone() -> None:
    files = SimulatedFiles(random.Random(1))
    files.make_directory(DIRECTORY)
    handle = files.open(f"{DIRECTORY}/thesis.txt", True)
    files.write(handle, 0, [b"x"])
    with pytest.raises(UnknownFormat, match=r"thesis\.txt"):
        Opened(files).recover()
    assert sorted(files.list(DIRECTORY)) == ["lock", "thesis.txt"]


def test_a_lost_format_file_does_not_start_a_new_directory() -> None:
    for checkpointed in (False, True):
        opened = Opened().recover()
        opened.store.append(b"x")
        opened.run()
        opened.store.roll()
        opened.store.append(b"y")
        opened.run()
        if checkpointed:
            opened.checkpoint()
        opened.store.close()
        opened.files.remove(f"{DIRECTORY}/format")
        with pytest.raises(UnknownFormat, match="restore the missing file"):
            opened.again().recover()


def test_a_newer_directory_is_refused() -> None:
    opened = Opened().recover()
    opened.store.close()
    opened.files.content(f"{DIRECTORY}/format")[:] = b"onemq data directory, format 2\n"
    with pytest.raises(UnknownFormat, match="format 2"):
        opened.again().recover()


def test_crashes_while_a_directory_is_made() -> None:
    for crash_at in range(1, 25):
        for seed in range(6):
            opened = Opened()
            opened.files.crash_at = crash_at
            try:
                opened.recover()
            except BaseException as error:
                assert type(error).__name__ == "Crash"
            again = opened.crash(seed)
            assert again.position == 0
            assert again.store.append(b"x") == 1
            again.run()
            assert again.crash(seed).seen.entries == [(1, b"x")]


def test_an_older_snapshot_serves_while_the_journal_reaches_back_to_it() -> None:
    opened = used()
    old = bytes(opened.files.content(f"{DIRECTORY}/{snapshot_name(3)}"))
    opened.store.close()
    handle = opened.files.open(f"{DIRECTORY}/{snapshot_name(5)}", True)
    opened.files.write(handle, 0, [old[:-1]])
    opened.files.close(handle)
    again = opened.again().recover()
    assert again.seen.snapshot == b"state of 3"
    assert again.position == 5
    assert snapshot_name(5) not in again.files.list(DIRECTORY)


def test_a_snapshot_under_another_name_is_refused() -> None:
    opened = used()
    opened.store.close()
    opened.files.rename(f"{DIRECTORY}/{snapshot_name(3)}", f"{DIRECTORY}/{snapshot_name(4)}")
    with pytest.raises(SnapshotCorrupt, match="position 3"):
        opened.again().recover()


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_a_damaged_segment_is_refused_and_nothing_is_touched(damage: str) -> None:
    opened = used()
    opened.store.close()
    name = opened.segment_files(9)[0]
    path = f"{DIRECTORY}/logs/9/{name}"
    if damage == "missing":
        opened.files.remove(path)
    else:
        opened.files.cut(path, 20)
    calls = opened.files.calls
    with pytest.raises(SegmentCorrupt, match=name):
        opened.again().recover()
    assert opened.files.calls == calls


def test_a_lost_journal_is_refused() -> None:
    opened = used()
    opened.store.close()
    for name in opened.journal_files():
        opened.files.remove(f"{DIRECTORY}/journal/{name}")
    with pytest.raises(JournalGap):
        opened.again().recover()


def test_a_damaged_journal_is_refused() -> None:
    opened = used()
    opened.store.append(b"6")
    opened.run()
    opened.store.close()
    opened.files.damage(f"{DIRECTORY}/journal/{journal_name(4)}", 40, 1)
    with pytest.raises(JournalCorrupt):
        opened.again().recover()


def test_strangers_among_the_logs_are_refused() -> None:
    opened = used()
    opened.store.close()
    opened.files.make_directory(f"{DIRECTORY}/logs/backup")
    with pytest.raises(StorageError, match="backup"):
        opened.again().recover()


def test_what_was_cut_off_stays_off() -> None:
    """Else entries of a lost group could come back behind new ones of the same length."""
    for seed in range(40):
        opened = used()
        path = f"{DIRECTORY}/journal/{journal_name(4)}"
        end = len(opened.files.content(path))
        handle = opened.files.open(path, False)
        opened.files.write(handle, end, [b"torn" * 10])
        opened.files.sync(handle)
        again = opened.crash(seed)
        assert len(again.files.content(path)) == end
        again.files.crash(random.Random(seed))
        assert len(again.files.content(path)) == end


def test_a_file_that_was_being_made_does_not_come_back() -> None:
    for seed in range(40):
        opened = used()
        path = f"{DIRECTORY}/journal/{journal_name(6)}"
        handle = opened.files.open(path, True)
        opened.files.write(handle, 0, [b"ONEMQ"])
        opened.files.sync(handle)
        opened.files.sync_directory(f"{DIRECTORY}/journal")
        again = opened.crash(seed)
        assert again.position == 5
        again.files.crash(random.Random(seed))
        assert journal_name(6) not in again.files.list(f"{DIRECTORY}/journal")


def test_an_error_in_the_replay_goes_through() -> None:
    class Refusing(Seen):
        def replay(self, position: int, facts: bytes) -> None:
            raise ValueError("unknown fact")

    opened = used()
    opened.store.close()
    again = opened.again()
    again.seen = Refusing()
    with pytest.raises(ValueError, match="unknown fact"):
        again.recover()
    assert again.files.open_handles() == 0
