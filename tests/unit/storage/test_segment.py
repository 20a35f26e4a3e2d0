"""The table of segments: look-ups, sizes, replacement, and the manifest there and back."""

from __future__ import annotations

import pytest

from onemq.storage.errors import StoreMisuse
from onemq.storage.format import decode_manifest, encode_manifest
from onemq.storage.segment import LogSegments, Segment, SegmentTable


def table() -> tuple[SegmentTable, LogSegments, list[Segment]]:
    made = SegmentTable("/logs")
    log = made.log(7)
    segments = []
    for base, end in ((0, 10), (10, 15), (30, 40)):
        segment = made.new_segment(log, base)
        made.grow(log, segment, 100, end - base, end, end * 10)
        segments.append(segment)
    return made, log, segments


def test_look_up_by_offset() -> None:
    made, _, segments = table()
    for offset, index in ((0, 0), (9, 0), (10, 1), (14, 1), (15, 2), (29, 2), (39, 2)):
        found = made.at_offset(7, offset)
        assert found is not None and found.serial == segments[index].serial
    assert made.at_offset(7, 40) is None and made.at_offset(8, 0) is None
    assert (made.end(7), made.end(8)) == (40, -1)
    assert (made.log_bytes(7), made.log_bytes(8)) == (300, 0)


def test_only_the_last_segment_grows() -> None:
    _, _, segments = table()
    assert [segment.sealed for segment in segments] == [True, True, False]


def test_replace_keeps_order_and_sizes() -> None:
    made, log, segments = table()
    new = made.new_segment(log, 3)
    new.bytes = 50
    new.end = 14
    made.replace(log, segments[:2], new)
    assert [segment.serial for segment in made.segments(7)] == [new.serial, segments[2].serial]
    assert made.log_bytes(7) == 150
    with pytest.raises(StoreMisuse):
        made.replace(log, [new, segments[1]], None)
    made.replace(log, [new], None)
    assert made.log_bytes(7) == 100
    assert not made.holds(7, new.serial, 1)
    assert made.holds(7, segments[2].serial, 100) and not made.holds(7, segments[2].serial, 101)


def test_manifest_there_and_back() -> None:
    made, _, segments = table()
    made.mark_covered()
    again = SegmentTable("/logs")
    again.adopt(decode_manifest(encode_manifest(made.manifest())))
    for old, new in zip(segments, again.segments(7), strict=True):
        assert (old.path, old.serial, old.base, old.end, old.bytes) == (
            new.path,
            new.serial,
            new.base,
            new.end,
            new.bytes,
        )
        assert (old.records, old.newest_ms, old.covered) == (new.records, new.newest_ms, new.covered)
    assert again.log_bytes(7) == 300 and again.end(7) == 40
    assert again.new_segment(again.log(7), 40).serial == segments[-1].serial + 1
