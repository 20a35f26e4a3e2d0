"""The journal cut at every byte, damaged at every byte, with files missing: what was confirmed is never skipped."""

from __future__ import annotations

import random

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.storage.errors import JournalCorrupt, JournalGap, UnknownFormat
from onemq.storage.format import (
    ENTRY_HEADER_BYTES,
    JOURNAL_HEADER_BYTES,
    entry_header,
    journal_header,
    journal_name,
    journal_seed,
)
from onemq.storage.journal import Journal
from onemq.storage.journal_replay import JournalEnd, replay_journal
from simulation.simulated_files import SimulatedFiles
from unit.storage.parts import Seen

DIRECTORY = "/journal"


def new_files() -> SimulatedFiles:
    files = SimulatedFiles(random.Random(5))
    files.make_directory(DIRECTORY)
    return files


def write(groups: list[list[bytes]], first: int = 1, files: SimulatedFiles | None = None) -> SimulatedFiles:
    """One journal file; each group is written in one go after the one before has been synced."""
    files = files or new_files()
    journal = Journal(files, DIRECTORY, 0)
    journal.begin(first)
    position = first
    for group in groups:
        journal.write(position, position - 1, [[facts] for facts in group])
        journal.sync()
        position += len(group)
    journal.close()
    return files


def path_of(first: int) -> str:
    return f"{DIRECTORY}/{journal_name(first)}"


def read(files: SimulatedFiles, after: int = 0) -> tuple[list[tuple[int, bytes]], JournalEnd]:
    seen = Seen()
    end = replay_journal(files, DIRECTORY, after, seen)
    assert files.open_handles() == 0
    return seen.entries, end


ENTRIES = [b"first", b"", b"\0" * 9, b"x" * 50, b"last"]


def ends_of(entries: list[bytes]) -> list[int]:
    ends = [JOURNAL_HEADER_BYTES]
    for facts in entries:
        ends.append(ends[-1] + ENTRY_HEADER_BYTES + len(facts))
    return ends


def test_reads_what_was_written() -> None:
    entries, end = read(write([ENTRIES[:2], ENTRIES[2:]]))
    assert entries == list(enumerate(ENTRIES, 1))
    assert (end.position, end.end, end.dropped_bytes, end.firsts) == (5, ends_of(ENTRIES)[-1], 0, [1])


def test_starts_behind_the_snapshot() -> None:
    entries, end = read(write([ENTRIES]), after=3)
    assert [position for position, _ in entries] == [4, 5]
    assert end.position == 5


@pytest.mark.parametrize("grouped", [True, False])
def test_cut_at_every_byte_gives_exactly_the_whole_entries_before(grouped: bool) -> None:
    whole = write([ENTRIES] if grouped else [[facts] for facts in ENTRIES])
    content = bytes(whole.content(path_of(1)))
    ends = ends_of(ENTRIES)
    assert len(content) == ends[-1]
    for cut in range(JOURNAL_HEADER_BYTES, len(content) + 1):
        files = write([])
        files.content(path_of(1))[:] = content[:cut]
        entries, end = read(files)
        count = sum(1 for entry_end in ends[1:] if entry_end <= cut)
        assert entries == list(enumerate(ENTRIES, 1))[:count]
        assert end.end == ends[count]
        # Less than a header is what is there; of an entry that began, zeros at its end count, too.
        tail = content[ends[count] : cut]
        assert end.dropped_bytes == len(tail if len(tail) >= ENTRY_HEADER_BYTES else tail.rstrip(b"\0"))


def test_a_journal_without_its_first_header_is_refused() -> None:
    content = bytes(write([ENTRIES]).content(path_of(1)))
    for cut in range(JOURNAL_HEADER_BYTES):
        files = write([])
        files.content(path_of(1))[:] = content[:cut]
        with pytest.raises(JournalGap):
            read(files)


def test_every_flipped_bit_of_a_synced_entry_is_refused_unless_it_is_the_last_group() -> None:
    groups = [[b"one", b"two"], [b"three"], [b"four", b"five"]]
    flat = [facts for group in groups for facts in group]
    ends = ends_of(flat)
    size = ends[-1]
    for at in range(JOURNAL_HEADER_BYTES, size):
        files = write(groups)
        files.content(path_of(1))[at] ^= 1 << (at % 8)
        if at < ends[3]:
            with pytest.raises(JournalCorrupt) as caught:
                read(files)
            broken = sum(1 for end in ends[1:] if end <= at)
            assert caught.value.at == ends[broken]
            assert journal_name(1) in str(caught.value) and str(ends[broken]) in str(caught.value)
        else:
            # Nothing proves that the last group had been synced.
            entries, end = read(files)
            count = sum(1 for entry_end in ends[1:] if entry_end <= at)
            assert entries == list(enumerate(flat, 1))[:count]
            # Of an entry that does not even say so nobody can tell that it was ours, unless a good one follows.
            begins_there = any(ends[index] + 4 <= at < ends[index] + 16 for index in (3, 4))
            assert end.dropped_bytes > 0 or begins_there


def test_a_torn_group_with_a_whole_entry_behind_the_hole_is_cut_off() -> None:
    """A disk may write the second block of a group and not the first. None of it was confirmed."""
    files = write([[b"kept"], [b"a" * 40, b"b" * 40, b"c" * 40]])
    ends = ends_of([b"kept"])
    files.content(path_of(1))[ends[1] : ends[1] + 30] = bytes(30)
    entries, end = read(files)
    assert entries == [(1, b"kept")]
    assert end.dropped_bytes > 100


def test_bytes_that_a_client_sent_are_no_evidence() -> None:
    """An entry copied from another file, inside of a body, does not make a torn tail look like damage."""
    other = journal_header(1, b"saltsalt")
    fake = entry_header(journal_seed(other), 3, 2, [b"fake"]) + b"fake"
    files = write([[b"kept"], [b"x" * 10, fake * 3]])
    files.content(path_of(1))[ends_of([b"kept"])[1]] ^= 0xFF
    entries, _ = read(files)
    assert entries == [(1, b"kept")]


def test_zeros_allocated_ahead_are_no_loss() -> None:
    files = write([ENTRIES])
    files.content(path_of(1)).extend(bytes(10_000))
    entries, end = read(files)
    assert len(entries) == 5
    assert (end.end, end.dropped_bytes) == (ends_of(ENTRIES)[-1], 0)


STALE = [b"stale" * 20 + number.to_bytes(2, "big") for number in range(40)]


def reused(groups: list[list[bytes]], first: int = 1000) -> SimulatedFiles:
    """A file made of one that held STALE under positions before `first`, and then `groups`."""
    files = write([STALE], first - len(STALE))
    old = files.content(path_of(first - len(STALE)))
    fresh = write(groups, first).content(path_of(first))
    assert len(fresh) < len(old)
    made = write([], first)
    made.content(path_of(first))[:] = fresh + old[len(fresh) :]
    return made


def test_what_an_earlier_use_of_the_file_left_is_neither_read_nor_called_a_loss() -> None:
    for count in range(len(ENTRIES) + 1):
        entries, end = read(reused([ENTRIES[:count]]), after=999)
        assert entries == list(enumerate(ENTRIES[:count], 1000))
        assert (end.end, end.dropped_bytes) == (ends_of(ENTRIES)[count], 0)


def test_a_torn_entry_over_what_an_earlier_use_left_is_cut_off_and_counted() -> None:
    files = reused([[b"kept"], [b"a" * 400]])
    end_of_kept = ends_of([b"kept"])[1]
    files.content(path_of(1000))[end_of_kept + 200 : end_of_kept + 424] = bytes(224)
    entries, end = read(files, after=999)
    assert entries == [(1000, b"kept")]
    assert end.dropped_bytes == ENTRY_HEADER_BYTES + 400


def test_damage_before_what_an_earlier_use_left_is_refused() -> None:
    files = reused([[b"one"], [b"two"], [b"three"]])
    files.content(path_of(1000))[ends_of([b"one"])[1] + ENTRY_HEADER_BYTES] ^= 1
    with pytest.raises(JournalCorrupt) as caught:
        read(files, after=999)
    assert caught.value.at == ends_of([b"one"])[1]


@pytest.mark.parametrize("body", [b"", bytes(3 << 20), b"x" * (5 << 20)])
def test_the_proof_is_found_wherever_it_is(body: bytes) -> None:
    """In the first piece that is searched, behind a long run of zeros, in a later piece."""
    files = write([[b"one"], [body], [b"three"]])
    files.content(path_of(1))[ends_of([b"one"])[1]] ^= 1
    with pytest.raises(JournalCorrupt, match="of position 3"):
        read(files)


def test_the_search_for_a_proof_ends_whatever_clients_have_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these headers announces a long entry: reading all of them would take hours in a large file."""
    read_bytes = 0
    real_read = SimulatedFiles.read

    def counting(files: SimulatedFiles, handle: int, at: int, size: int) -> bytes:
        nonlocal read_bytes
        data = real_read(files, handle, at, size)
        read_bytes += len(data)
        return data

    monkeypatch.setattr(SimulatedFiles, "read", counting)
    fake = entry_header(journal_seed(journal_header(1, b"saltsalt")), 3, 2, [bytes(300_000)])
    files = write([[b"kept"], [fake * 30_000]])
    files.content(path_of(1))[ends_of([b"kept"])[1]] ^= 0xFF
    entries, _ = read(files)
    assert entries == [(1, b"kept")]
    assert read_bytes < 30_000 * 2048


def test_no_proof_is_missed_whatever_clients_have_sent() -> None:
    """Not even behind bytes that look like so many entries that nobody could read them all."""
    seed = journal_seed(journal_header(1, b"saltsalt"))
    fakes = [entry_header(seed, 3, 2, [bytes(size)]) for size in (300_000, 50)]
    files = write([[b"kept"], [fakes[0] * 15_000 + fakes[1] * 15_000], [b"t" * 200]])
    files.content(path_of(1))[ends_of([b"kept"])[1]] ^= 0xFF
    with pytest.raises(JournalCorrupt, match="of position 3 at byte 720"):
        read(files)


@pytest.mark.parametrize("before", range(0, 60, 3))
def test_a_proof_across_the_border_of_two_pieces_is_found(
    monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr("onemq.storage.journal_search._PIECE_BYTES", 1000)
    monkeypatch.setattr("onemq.storage.journal_search._STEP_BYTES", 100)
    for length in (0, 5, 90, 3000):
        files = write([[b"one"], [b"x" * (1000 - ENTRY_HEADER_BYTES - before)], [b"3" * length], [b"last"]])
        files.content(path_of(1))[ends_of([b"one"])[1]] ^= 1
        with pytest.raises(JournalCorrupt, match="of position 3 at"):
            read(files)


def test_the_proof_may_have_a_position_with_other_upper_bytes() -> None:
    for first in ((1 << 24) - 1, (1 << 24) - 2, (1 << 32) - 1):
        files = write([[b"one"], [b"two"], [b"three"]], first)
        files.content(path_of(first))[ends_of([])[0]] ^= 1
        with pytest.raises(JournalCorrupt, match=f"of position {first + 1} "):
            read(files, after=first - 1)


def test_a_proof_whose_header_ends_with_zeros_is_found_at_the_end_of_the_file() -> None:
    files = write([[b"one"], [b"two"], [b""]], 255)
    assert files.content(path_of(255)).endswith(b"\1\0")
    files.content(path_of(255))[ends_of([b"one"])[1]] ^= 1
    with pytest.raises(JournalCorrupt, match="of position 257 "):
        read(files, after=254)


def test_a_good_entry_of_a_later_position_where_another_is_missing_is_refused() -> None:
    files = write([[b"one"]])
    content = files.content(path_of(1))
    content += entry_header(journal_seed(bytes(content[:JOURNAL_HEADER_BYTES])), 3, 1, [b"three"]) + b"three"
    with pytest.raises(JournalCorrupt, match="of position 3 "):
        read(files)


@pytest.mark.parametrize("word", [b"\1" + bytes(16), bytes(7) + b"\1", bytes(64), b"\x3f\xf0" + bytes(31)])
def test_the_proof_is_found_between_zeros(word: bytes) -> None:
    for shift in range(20):
        body = word * 40 + bytes(shift)
        files = write([[b"one"], [body], [bytes(shift)], [b"last"]])
        files.content(path_of(1))[ends_of([b"one"])[1]] ^= 1
        with pytest.raises(JournalCorrupt, match="of position 3 "):
            read(files)


def two_files() -> SimulatedFiles:
    return write([[b"three"], [b"four"]], 3, write([[b"one", b"two"]]))


def test_files_are_read_in_order() -> None:
    entries, end = read(two_files())
    assert entries == [(1, b"one"), (2, b"two"), (3, b"three"), (4, b"four")]
    assert end.firsts == [1, 3]


def test_files_before_the_snapshot_are_stale() -> None:
    entries, end = read(two_files(), after=2)
    assert entries == [(3, b"three"), (4, b"four")]
    assert (end.stale, end.firsts) == ([1], [3])


def test_a_finished_file_must_be_whole() -> None:
    for cut in range(1, ends_of([b"one", b"two"])[-1] - JOURNAL_HEADER_BYTES):
        files = two_files()
        content = files.content(path_of(1))
        del content[-cut:]
        with pytest.raises((JournalCorrupt, JournalGap)):
            read(files)


@pytest.mark.parametrize(("after", "missing", "wanted", "found"), [(0, 1, 1, 3), (1, 1, 2, 3)])
def test_a_missing_file_is_named(after: int, missing: int, wanted: int, found: int) -> None:
    files = two_files()
    files.remove(path_of(missing))
    with pytest.raises(JournalGap) as caught:
        read(files, after)
    assert (caught.value.wanted, caught.value.found) == (wanted, found)


def test_a_journal_that_ends_before_the_snapshot_is_a_gap() -> None:
    with pytest.raises(JournalGap) as caught:
        read(two_files(), after=9)
    assert caught.value.wanted == 5


def test_a_file_that_was_being_made_is_left_out() -> None:
    for size in range(JOURNAL_HEADER_BYTES):
        files = two_files()
        del files.content(path_of(3))[size:]
        entries, end = read(files)
        assert entries == [(1, b"one"), (2, b"two")]
        assert (end.torn, end.firsts) == (3, [1])


def test_a_damaged_header_with_entries_behind_it_is_refused() -> None:
    for at in range(JOURNAL_HEADER_BYTES):
        files = two_files()
        files.content(path_of(3))[at] ^= 0x10
        with pytest.raises((JournalCorrupt, UnknownFormat)):
            read(files)


def test_a_newer_format_is_refused_with_both_versions_in_the_text() -> None:
    files = write([])
    header = bytearray(journal_header(1, b"saltsalt"))
    header[8:12] = (9).to_bytes(4, "big")
    header[28:32] = google_crc32c.value(bytes(header[:28])).to_bytes(4, "big")
    files.content(path_of(1))[:] = header
    with pytest.raises(UnknownFormat, match=r"format 9.*reads format 1"):
        read(files)


def test_an_empty_directory_is_a_gap() -> None:
    with pytest.raises(JournalGap):
        read(new_files())


GROUPS = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), max_size=6)


@settings(max_examples=150, deadline=None)
@given(GROUPS, st.integers(1, 1 << 40), st.data())
def test_any_cut_gives_a_beginning(groups: list[list[bytes]], first: int, data: st.DataObject) -> None:
    files = write(groups, first)
    flat = [facts for group in groups for facts in group]
    content = files.content(path_of(first))
    cut = data.draw(st.integers(JOURNAL_HEADER_BYTES, len(content)))
    del content[cut:]
    entries, end = read(files, first - 1)
    count = sum(1 for entry_end in ends_of(flat)[1:] if entry_end <= cut)
    assert entries == list(enumerate(flat, first))[:count]
    assert end.position == first - 1 + count


@settings(max_examples=150, deadline=None)
@given(GROUPS.filter(bool), st.data())
def test_any_damage_gives_a_beginning_with_all_but_the_last_group_or_an_error(
    groups: list[list[bytes]], data: st.DataObject
) -> None:
    files = write(groups)
    flat = [facts for group in groups for facts in group]
    content = files.content(path_of(1))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    try:
        entries, _ = read(files)
    except (JournalCorrupt, UnknownFormat):
        return
    assert entries == list(enumerate(flat, 1))[: len(entries)]
    assert len(entries) >= len(flat) - len(groups[-1])
