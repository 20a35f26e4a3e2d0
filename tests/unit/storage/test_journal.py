"""The journal's files while it is written: names, lengths, removal."""

from __future__ import annotations

import random

import pytest

from onemq.storage.format import ENTRY_HEADER_BYTES, JOURNAL_HEADER_BYTES
from onemq.storage.journal import Journal
from simulation.simulated_files import SimulatedFiles


def journal(preallocate_bytes: int = 0) -> tuple[SimulatedFiles, Journal]:
    files = SimulatedFiles(random.Random(1))
    files.make_directory("/j")
    made = Journal(files, "/j", preallocate_bytes)
    made.begin(1)
    return files, made


def firsts(files: SimulatedFiles) -> list[int]:
    return sorted(int(name[:20]) for name in files.list("/j"))


def size(files: SimulatedFiles, first: int) -> int:
    return len(files.content(f"/j/{first:020d}.log"))


def test_space_is_allocated_ahead_and_given_back() -> None:
    files, made = journal(1000)
    made.write(1, 0, [b"x" * 100])
    used = JOURNAL_HEADER_BYTES + ENTRY_HEADER_BYTES + 100
    assert size(files, 1) == used + 1000
    made.write(2, 1, [b"y" * 100])
    assert size(files, 1) == used + 1000
    made.finish()
    assert size(files, 1) == used + ENTRY_HEADER_BYTES + 100
    made.write(3, 2, [b"z"])
    made.take_back()
    assert size(files, 1) == used + 2 * ENTRY_HEADER_BYTES + 101


def test_without_space_to_allocate_it_grows_as_needed() -> None:
    files, made = journal(1000)
    files.space_bytes = files._used_bytes() + 500
    made.write(1, 0, [b"x" * 100])
    assert size(files, 1) == JOURNAL_HEADER_BYTES + ENTRY_HEADER_BYTES + 100


def test_only_files_without_later_entries_are_removed() -> None:
    for position, left in ((0, [1, 3, 5]), (1, [1, 3, 5]), (2, [3, 5]), (3, [3, 5]), (4, [5]), (9, [5])):
        files, made = journal()
        made.write(1, 0, [b"1", b"2"])
        made.begin(3)
        made.write(3, 2, [b"3", b"4"])
        made.begin(5)
        made.remove_through(position)
        assert firsts(files) == left


def test_a_file_that_cannot_be_begun_leaves_nothing_behind() -> None:
    files, made = journal()
    made.write(1, 0, [b"1"])
    made.finish()
    for fail in ("space", "sync"):
        if fail == "space":
            files.space_bytes = files._used_bytes() + 5
        else:
            files.fail_sync_at = 1
        with pytest.raises(OSError):
            made.begin(2)
        files.space_bytes = -1
        assert firsts(files) == [1] and files.open_handles() == 1
    made.begin(2)
    assert firsts(files) == [1, 2] and made.first() == 2
