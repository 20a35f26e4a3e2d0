"""Walking over batches with any window; refusing what cannot be batches."""

from __future__ import annotations

import random

import pytest

from onemq.storage.batch_walk import BatchWalk
from onemq.storage.errors import SegmentCorrupt
from simulation.simulated_files import SimulatedFiles
from unit.storage.parts import batch

BATCHES = [batch(0, 1), batch(5, body=b"x" * 300), batch(6, 9), batch(10)]


def walk_over(content: bytes, window_bytes: int, at: int = 0) -> BatchWalk:
    files = SimulatedFiles(random.Random(1))
    handle = files.open("/s", True)
    files.write(handle, 0, [content])
    return BatchWalk(files, handle, "/s", at, len(content), window_bytes)


@pytest.mark.parametrize("window_bytes", [1, 61, 100, 333, 10_000])
def test_any_window(window_bytes: int) -> None:
    walk = walk_over(b"".join(BATCHES), window_bytes)
    seen: list[bytes] = []
    spans: list[tuple[int, int, int]] = []
    while walk.step():
        seen.append(walk.batch())
        spans.append((int(walk.base), int(walk.end), int(walk.records)))
    assert seen == BATCHES
    assert spans == [(0, 2, 2), (5, 6, 1), (6, 10, 2), (10, 11, 1)]


def test_headers_only_read_headers() -> None:
    walk = walk_over(b"".join(BATCHES), 61)
    count = 0
    while walk.step():
        count += 1
        assert walk.newest_ms == (walk.end - 1) * 10
    assert count == 4


def test_large_batches_are_read_by_themselves_and_not_copied() -> None:
    large = [
        batch(20, body=b"x" * 100_000),
        batch(21),
        batch(22, body=b"y" * 70_000),
        batch(23, body=b"z" * 80_000),
    ]
    walk = walk_over(b"".join([*BATCHES, *large, batch(24)]), 1_000_000)
    seen: list[bytes] = []
    while walk.step():
        seen.append(walk.batch())
        if walk.size > 65_536:
            assert walk.batch() is seen[-1]
    assert seen == [*BATCHES, *large, batch(24)]


@pytest.mark.parametrize("content", [b"", b"x" * 30, b"x" * 200, BATCHES[1] + BATCHES[0], BATCHES[0][:-1]])
def test_what_cannot_be_batches(content: bytes) -> None:
    walk = walk_over(content, 1000)
    if not content:
        assert not walk.step()
        return
    with pytest.raises(SegmentCorrupt):
        while walk.step():
            pass


def test_a_flipped_bit_in_a_body() -> None:
    content = bytearray(b"".join(BATCHES))
    content[len(BATCHES[0]) + 200] ^= 1
    walk = walk_over(bytes(content), 1000)
    assert walk.step() and walk.batch() == BATCHES[0]
    assert walk.step()
    with pytest.raises(SegmentCorrupt, match=f"byte {len(BATCHES[0])}"):
        walk.batch()
