"""The journal's files while it is written: names, lengths, removal."""

from __future__ import annotations

import random

import pytest

from onemq.storage.format import ENTRY_HEADER_BYTES, JOURNAL_HEADER_BYTES
from onemq.storage.journal import Journal
from simulation.simulated_files import SimulatedFiles


def journal(preallocate_bytes: int = 0, spare_bytes_max: int = 10_000) -> tuple[SimulatedFiles, Journal]:
    files = SimulatedFiles(random.Random(1))
    files.make_directory("/j")
    made = Journal(files, "/j", preallocate_bytes, spare_bytes_max)
    made.begin(1)
    return files, made


def firsts(files: SimulatedFiles, suffix: str = ".log") -> list[int]:
    return sorted(int(name[:20]) for name in files.list("/j") if name.endswith(suffix))


def size(files: SimulatedFiles, first: int) -> int:
    return len(files.content(f"/j/{first:020d}.log"))


def test_space_is_allocated_ahead_and_given_back() -> None:
    files, made = journal(1000)
    made.write(1, 0, [[b"x" * 100]])
    used = JOURNAL_HEADER_BYTES + ENTRY_HEADER_BYTES + 100
    assert size(files, 1) == used + 1000
    made.write(2, 1, [[b"y" * 100]])
    assert size(files, 1) == used + 1000
    made.finish()
    assert size(files, 1) == used + ENTRY_HEADER_BYTES + 100
    made.write(3, 2, [[b"z"]])
    made.take_back()
    assert size(files, 1) == used + 2 * ENTRY_HEADER_BYTES + 101


def test_without_space_to_allocate_it_grows_as_needed() -> None:
    files, made = journal(1000)
    files.space_bytes = files._used_bytes() + 500
    made.write(1, 0, [[b"x" * 100]])
    assert size(files, 1) == JOURNAL_HEADER_BYTES + ENTRY_HEADER_BYTES + 100


def test_only_files_without_later_entries_are_removed() -> None:
    for position, left in ((0, [1, 3, 5]), (1, [1, 3, 5]), (2, [3, 5]), (3, [3, 5]), (4, [5]), (9, [5])):
        files, made = journal()
        made.write(1, 0, [[b"1"], [b"2"]])
        made.begin(3)
        made.write(3, 2, [[b"3"], [b"4"]])
        made.begin(5)
        made.remove_through(position)
        assert firsts(files) == left


def test_a_file_that_cannot_be_begun_leaves_nothing_behind() -> None:
    files, made = journal()
    made.write(1, 0, [[b"1"]])
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


def with_spare(spare_bytes_max: int = 10_000) -> tuple[SimulatedFiles, Journal]:
    files, made = journal(1000, spare_bytes_max)
    made.write(1, 0, [[b"x" * 500]])
    made.finish()
    made.begin(2)
    made.remove_through(1)
    return files, made


def test_the_next_file_is_made_of_one_that_is_not_needed_any_more() -> None:
    files, made = with_spare()
    assert (firsts(files), firsts(files, ".spare")) == ([2], [1])
    long = JOURNAL_HEADER_BYTES + ENTRY_HEADER_BYTES + 500
    made.write(2, 1, [[b"y" * 300]])
    made.finish()
    made.begin(3)
    assert (firsts(files), firsts(files, ".spare")) == ([2, 3], [])
    # As long as it was, with what was in it; nothing is allocated before that is used up.
    assert size(files, 3) == long and files.content(f"/j/{3:020d}.log").endswith(b"x" * 400)
    made.write(3, 2, [[b"z" * 100]])
    assert size(files, 3) == long
    made.write(4, 2, [[b"z" * 500]])
    assert size(files, 3) == JOURNAL_HEADER_BYTES + 2 * ENTRY_HEADER_BYTES + 600 + 1000
    made.finish()
    assert size(files, 3) == JOURNAL_HEADER_BYTES + 2 * ENTRY_HEADER_BYTES + 600


def test_one_file_is_kept_and_not_one_that_is_too_long() -> None:
    files, made = with_spare()
    made.finish()
    made.begin(3)
    made.finish()
    made.begin(4)
    made.finish()
    made.begin(5)
    made.remove_through(4)
    assert (firsts(files), len(firsts(files, ".spare"))) == ([5], 1)
    length = JOURNAL_HEADER_BYTES + ENTRY_HEADER_BYTES + 500
    assert firsts(with_spare(length)[0], ".spare") == [1]
    assert firsts(with_spare(length - 1)[0], ".spare") == []


def test_a_spare_file_is_found_again_at_the_next_start() -> None:
    files, made = with_spare()
    made.finish()
    header = bytes(files.content(f"/j/{2:020d}.log"))
    made.close()
    for preallocate_bytes, kept in ((1000, [1]), (0, [])):
        again = Journal(files, "/j", preallocate_bytes)
        again.adopt([2], header, len(header))
        assert firsts(files, ".spare") == kept
        again.close()


def test_a_spare_file_that_somebody_removed_is_not_missed() -> None:
    files, made = with_spare()
    files.remove(f"/j/{1:020d}.spare")
    made.finish()
    made.begin(3)
    assert firsts(files) == [2, 3] and size(files, 3) == JOURNAL_HEADER_BYTES


def test_a_spare_file_that_cannot_be_begun_leaves_nothing_behind() -> None:
    files, made = with_spare()
    made.finish()
    files.fail_sync_at = 1
    with pytest.raises(OSError):
        made.begin(3)
    assert (firsts(files), firsts(files, ".spare"), files.open_handles()) == ([2], [], 1)
