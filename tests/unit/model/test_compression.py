"""Codecs: round trips, what other libraries wrote, and bytes that want to fill the memory."""

from __future__ import annotations

import gzip
import os

import lz4.frame
import pytest
import snappy
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from onemq.model.compression import (
    CODEC_NAMES,
    GZIP,
    LZ4,
    NONE,
    SNAPPY,
    ZSTD,
    BadCompression,
    compress,
    decompress,
)

BOUND = 1 << 25
TEXT = b"a line that comes again and again\n" * 3000


@given(st.sampled_from(range(5)), st.binary(max_size=5000))
def test_round_trip(codec: int, data: bytes) -> None:
    assert decompress(codec, compress(codec, data), BOUND) == data


@pytest.mark.parametrize("codec", range(5), ids=CODEC_NAMES)
def test_large_and_random_data(codec: int) -> None:
    for data in (os.urandom(300_000), bytes(9 << 20)):
        assert decompress(codec, compress(codec, data), BOUND) == data


def test_what_other_libraries_wrote_is_read() -> None:
    assert decompress(GZIP, gzip.compress(TEXT), BOUND) == TEXT
    assert decompress(LZ4, lz4.frame.compress(TEXT), BOUND) == TEXT
    assert decompress(ZSTD, zstandard.ZstdCompressor().compress(TEXT), BOUND) == TEXT
    assert decompress(SNAPPY, snappy.compress(TEXT), BOUND) == TEXT


def test_other_libraries_read_what_we_write() -> None:
    assert gzip.decompress(compress(GZIP, TEXT)) == TEXT
    assert lz4.frame.decompress(compress(LZ4, TEXT)) == TEXT
    assert zstandard.ZstdDecompressor().decompress(compress(ZSTD, TEXT), BOUND) == TEXT
    assert snappy.decompress(compress(SNAPPY, TEXT)) == TEXT


def test_lz4_blocks_are_independent() -> None:
    """Java's Kafka client refuses others."""
    assert compress(LZ4, TEXT)[4] & 0x20


def test_the_java_library_s_framing_of_snappy() -> None:
    framed = b"\x82SNAPPY\x00" + bytes([0, 0, 0, 1, 0, 0, 0, 1])
    for part in (TEXT[:7000], TEXT[7000:]):
        block = snappy.compress(part)
        framed += len(block).to_bytes(4, "big") + block
    assert decompress(SNAPPY, framed, BOUND) == TEXT
    with pytest.raises(BadCompression):
        decompress(SNAPPY, framed[:-1], BOUND)


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_nothing_inflates_beyond_the_bound(codec: int) -> None:
    data = compress(codec, bytes(1 << 20))
    with pytest.raises(BadCompression):
        decompress(codec, data, 1 << 19)
    assert len(decompress(codec, data, 1 << 20)) == 1 << 20


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD, 5, 7])
def test_garbage(codec: int) -> None:
    with pytest.raises(BadCompression):
        decompress(codec, b"\xff" * 40, BOUND)


def test_none_is_none() -> None:
    assert decompress(NONE, b"as it is", 1) == b"as it is"
