"""A batch as a whole: its header to the byte, its checksum, another codec, and nothing but CorruptBatch for bad bytes."""

import struct

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import CorruptBatch, base_offset, check_batch, codec_of, recompressed_batch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.record_walk import keep_live
from onemq.model.reserved_header import AddressCache
from unit.model.records import batches, numbered


def test_header_to_the_byte() -> None:
    """Kafka's documentation, field by field, independent of our reader."""
    data = encode_batch(numbered(3))
    fields = struct.unpack(">qiibIhiqqqhii", data[:61])
    assert fields[:4] == (100, len(data) - 12, -1, 2)
    assert fields[4] == google_crc32c.value(data[21:])
    assert fields[5:] == (0, 2, 1000, 1002, -1, -1, -1, 3)


@given(batches(), st.data())
@settings(max_examples=40)
def test_flipped_bits_are_found_by_the_crc(batch: list[Record], data: st.DataObject) -> None:
    whole = bytearray(encode_batch(batch))
    whole[data.draw(st.integers(8, len(whole) - 1).filter(lambda at: not 12 <= at < 16))] ^= data.draw(
        st.integers(1, 255)
    )
    with pytest.raises(CorruptBatch):
        check_batch(bytes(whole))


@pytest.mark.parametrize("before", [b"", b"x" * 7])
def test_flipped_bits_of_a_large_batch(before: bytes) -> None:
    """By itself and behind something else: the checksum is taken another way."""
    whole = bytearray(encode_batch([Record(b"v" * 1000, NO_ADDRESS) for _ in range(20)]))
    check_batch(before + bytes(whole), len(before))
    check_batch(before + bytes(whole) + b"behind", len(before))
    for at in (17, 20, 21, 60, 61, 9000, len(whole) - 1):
        whole[at] ^= 8
        with pytest.raises(CorruptBatch):
            check_batch(before + bytes(whole), len(before))
        whole[at] ^= 8


@given(batches(), st.data())
@settings(max_examples=40)
def test_truncated(batch: list[Record], data: st.DataObject) -> None:
    whole = encode_batch(batch)
    with pytest.raises(CorruptBatch):
        check_batch(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary(max_size=200))
def test_noise(noise: bytes) -> None:
    with pytest.raises(CorruptBatch):
        check_batch(noise)


@pytest.mark.parametrize("codec", range(5))
def test_recompressed_batches_hold_the_same_records(codec: int) -> None:
    data = encode_batch(numbered(7))
    other = recompressed_batch(data, codec)
    check_batch(other)
    assert codec_of(other) == codec
    assert [(r.offset, r.value) for r in decode_batch(other, 0, AddressCache())] == [
        (r.offset, r.value) for r in decode_batch(data, 0, AddressCache())
    ]
    base = int(base_offset(data))
    kept = keep_live(other, [base + 2, base + 4, base + 6, base + 7])
    check_batch(kept)
    assert [r.offset - base for r in decode_batch(kept, 0, AddressCache())] == [2, 3, 6]
    assert codec_of(kept) == codec
