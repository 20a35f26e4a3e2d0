"""Checksums of stretches of a file, which nothing reads from end to end."""

from __future__ import annotations

import random

import google_crc32c
import pytest

from onemq.storage.journal_search import Checksums
from simulation.simulated_files import SimulatedFiles


def file_of(content: bytes) -> tuple[SimulatedFiles, int]:
    files = SimulatedFiles(random.Random(1))
    handle = files.open("/file", True)
    files.write(handle, 0, [content])
    return files, handle


def test_the_checksum_of_any_stretch_is_what_reading_it_gives() -> None:
    seed = random.Random(3)
    content = seed.randbytes(10_000)
    files, handle = file_of(content)
    checksums = Checksums(files, handle)
    places = [0, 1, 1023, 1024, 1025, 4096, 9_999, 10_000]
    for at in places:
        for end in places:
            if at <= end:
                start = seed.randrange(1 << 32)
                assert checksums.of(start, at, end) == google_crc32c.extend(start, content[at:end])


def test_a_long_stretch_costs_as_little_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(5 << 20)
    files, handle = file_of(content)
    checksums = Checksums(files, handle)
    checksums.of(1, 0, len(content))
    sizes: list[int] = []
    real_read = SimulatedFiles.read

    def counting(files: SimulatedFiles, handle: int, at: int, size: int) -> bytes:
        sizes.append(size)
        return real_read(files, handle, at, size)

    monkeypatch.setattr(SimulatedFiles, "read", counting)
    for at in range(0, 1000, 100):
        assert checksums.of(7, at, len(content) - 1) == google_crc32c.extend(7, content[at:-1])
    assert len(sizes) == 20 and max(sizes) <= 1024
