"""Records to a batch and back: round trips, Kafka's fields to the byte, and nothing but CorruptBatch for bad bytes."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import (
    CorruptBatch,
    base_offset,
    batch_bytes,
    check_batch,
    end_offset,
    is_volatile,
    max_timestamp_ms,
    record_count,
)
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache
from unit.model.records import batches, numbered, told


@given(batches(), st.booleans(), st.binary(max_size=20), st.binary(max_size=20))
@settings(max_examples=60)
def test_round_trip(batch: list[Record], volatile: bool, before: bytes, after: bytes) -> None:
    data = encode_batch(batch, volatile)
    everything = before + data + after
    at = len(before)
    check_batch(everything, at)
    assert batch_bytes(everything, at) == len(data)
    assert base_offset(everything, at) == batch[0].offset
    assert end_offset(everything, at) == batch[-1].offset + 1
    assert record_count(everything, at) == len(batch)
    assert max_timestamp_ms(everything, at) == max(record.timestamp_ms for record in batch)
    assert is_volatile(everything, at) == volatile
    found = decode_batch(everything, at, AddressCache())
    assert [told(record) for record in found] == [told(record) for record in batch]


def test_record_to_the_byte() -> None:
    """A record without anything of ours is nothing but Kafka's fields."""
    record = Record(b"v", NO_ADDRESS)
    record.offset = 5
    record.key = b"k"
    record.headers = [("h", None), ("i", b"x")]
    body = encode_batch([record])[61:]
    # length 15, attributes 0, time delta 0, offset delta 0, key "k", value "v", 2 headers (all varints zig-zag)
    assert body == b"\x1e\x00\x00\x00\x02k\x02v\x04\x02h\x01\x02i\x02x"


@given(batches(), st.data())
@settings(max_examples=40)
def test_truncated(batch: list[Record], data: st.DataObject) -> None:
    whole = encode_batch(batch)
    with pytest.raises(CorruptBatch):
        decode_batch(whole[: data.draw(st.integers(0, len(whole) - 1))], 0, AddressCache())


@given(batches(), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=60)
def test_any_bytes_give_records_or_corrupt_batch(batch: list[Record], changes: list[tuple[int, int]]) -> None:
    whole = bytearray(encode_batch(batch))
    for at, octet in changes:
        whole[at % len(whole)] = octet
    with contextlib.suppress(CorruptBatch):
        decode_batch(bytes(whole), 0, AddressCache())


@given(st.binary(max_size=200))
def test_noise(noise: bytes) -> None:
    with contextlib.suppress(CorruptBatch):
        decode_batch(noise, 0, AddressCache())


def test_a_batch_whose_records_do_not_inflate_is_corrupt() -> None:
    data = bytearray(encode_batch(numbered(1)))
    data[22] |= 2
    with pytest.raises(CorruptBatch, match="snappy"):
        decode_batch(bytes(data), 0, AddressCache())
