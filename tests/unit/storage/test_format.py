"""Headers, entries, names, manifests and snapshots: there and back, and every damaged byte found."""

from __future__ import annotations

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.storage.errors import UnknownFormat
from onemq.storage.format import (
    ENTRY_HEADER_BYTES,
    JOURNAL_HEADER_BYTES,
    SNAPSHOT_HEADER_BYTES,
    BadBytes,
    LogNote,
    Manifest,
    SegmentNote,
    check_format_text,
    check_journal_header,
    decode_manifest,
    decode_snapshot,
    encode_manifest,
    entry_header,
    entry_length,
    entry_matches,
    entry_position,
    entry_synced,
    format_text,
    journal_header,
    journal_name,
    journal_seed,
    numbered,
    segment_name,
    snapshot_header,
    snapshot_name,
)

WORD = st.integers(0, (1 << 63) - 1)


def test_the_documented_bytes_of_a_journal() -> None:
    """docs/formats/journal.md in numbers: these bytes may not change without a new format version."""
    header = journal_header(5, bytes(range(8)))
    assert header[:28].hex() == "4f4e454d514a4e4c0000000100010203040506070000000000000005"
    assert len(header) == JOURNAL_HEADER_BYTES
    entry = entry_header(journal_seed(header), 5, 4, [b"facts"])
    assert entry[4:].hex() == "0000000500000000000000050000000000000004"
    assert len(entry) == ENTRY_HEADER_BYTES


@given(st.integers(0, 2**32 - 1), WORD, WORD, st.binary(max_size=100))
def test_entry_there_and_back(seed: int, position: int, synced: int, facts: bytes) -> None:
    data = b"before" + entry_header(seed, position, synced, [facts[:3], facts[3:]])
    assert (entry_length(data, 6), entry_position(data, 6), entry_synced(data, 6)) == (
        len(facts),
        position,
        synced,
    )
    assert entry_matches(seed, data, 6, facts)
    assert not entry_matches(seed ^ 1, data, 6, facts)
    if facts:
        assert not entry_matches(seed, data, 6, bytes([facts[0] ^ 1]) + facts[1:])


def test_journal_header_is_checked() -> None:
    header = journal_header(7, b"12345678")
    check_journal_header("path", header, 7)
    with pytest.raises(BadBytes):
        check_journal_header("path", header, 8)
    for at in range(len(header)):
        damaged = bytearray(header)
        damaged[at] ^= 4
        with pytest.raises(BadBytes):
            check_journal_header("path", bytes(damaged), 7)


def test_names_sort_by_number_and_are_told_from_others() -> None:
    assert numbered(journal_name(12), "", ".log") == 12
    assert numbered(snapshot_name(3), "snapshot.", "") == 3
    assert sorted([journal_name(10), journal_name(9)]) == [journal_name(9), journal_name(10)]
    for name in ("12.log", "0000000000000000001x.log", "00000000000000000012.log.new", "lock"):
        assert numbered(name, "", ".log") == -1
    assert segment_name(5, 6) == "00000000000000000005-000000000006.segment"


NOTES = st.builds(SegmentNote, WORD, WORD, WORD, WORD, WORD, st.integers(-1, 1 << 60))
LOGS = st.lists(st.builds(LogNote, WORD, WORD, st.lists(NOTES, max_size=4)), max_size=4)


def plain(manifest: Manifest) -> object:
    return (
        manifest.serial,
        [
            (
                log.log_id,
                log.end,
                [(n.serial, n.base, n.end, n.bytes, n.records, n.newest_ms) for n in log.segments],
            )
            for log in manifest.logs
        ],
    )


@given(WORD, LOGS, st.data())
def test_manifest_there_and_back_and_cut(serial: int, logs: list[LogNote], data: st.DataObject) -> None:
    encoded = encode_manifest(Manifest(serial, logs))
    assert plain(decode_manifest(encoded)) == plain(Manifest(serial, logs))
    with pytest.raises(BadBytes):
        decode_manifest(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    with pytest.raises(BadBytes):
        decode_manifest(encoded + b"x")


def snapshot() -> bytes:
    manifest = encode_manifest(Manifest(4, [LogNote(1, 20, [SegmentNote(2, 0, 20, 300, 20, 7)])]))
    data = snapshot_header(99, len(manifest), 5) + manifest + b"state"
    crc: int = google_crc32c.value(data)
    return data + crc.to_bytes(4, "big")


def test_snapshot_there_and_back() -> None:
    found = decode_snapshot("path", snapshot())
    assert (found.position, found.state, found.manifest.serial) == (99, b"state", 4)
    assert found.manifest.logs[0].segments[0].bytes == 300
    assert len(snapshot_header(1, 2, 3)) == SNAPSHOT_HEADER_BYTES


def test_snapshot_damaged_at_every_byte_or_cut_anywhere() -> None:
    whole = snapshot()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        with pytest.raises((BadBytes, UnknownFormat)):
            decode_snapshot("path", bytes(damaged))
        with pytest.raises(BadBytes):
            decode_snapshot("path", whole[:at])


def test_format_file() -> None:
    check_format_text("path", format_text())
    with pytest.raises(UnknownFormat, match="format 2, this version of onemq reads format 1"):
        check_format_text("path", b"onemq data directory, format 2\n")
    for other in (b"", b"something else", b"onemq data directory, format x"):
        with pytest.raises(UnknownFormat, match="choose another directory"):
            check_format_text("path", other)
