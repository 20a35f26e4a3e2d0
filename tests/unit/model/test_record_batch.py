"""Record batches: round trips, Kafka's own fields to the byte, and nothing but CorruptBatch for bad bytes."""

import contextlib
import struct

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.model.record import NATIVE_AMQP091, NO_ADDRESS, Address, Death, Deaths, Record
from onemq.model.record_batch import (
    AddressCache,
    CorruptBatch,
    base_offset,
    batch_bytes,
    check_batch,
    codec_of,
    decode_batch,
    encode_batch,
    end_offset,
    is_volatile,
    keep_live,
    max_timestamp_ms,
    recompressed_batch,
    record_count,
)

TIMES = st.integers(0, 1 << 50)
# Names as they come off the wire: any bytes.
NAMES = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
TRIPLES = st.tuples(NAMES, NAMES, NAMES)


@st.composite
def deaths(draw: st.DrawFn) -> Deaths:
    entries = [
        Death(
            draw(NAMES),
            draw(NAMES),
            draw(NAMES),
            draw(st.lists(NAMES, max_size=3)),
            draw(TIMES),
            draw(TIMES),
            draw(NAMES),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return Deaths(entries, draw(TRIPLES), draw(TRIPLES))


@st.composite
def records(draw: st.DrawFn) -> Record:
    address = draw(st.one_of(st.just(NO_ADDRESS), st.builds(Address, NAMES, NAMES)))
    record = Record(draw(st.one_of(st.none(), st.binary(max_size=300))), address)
    record.timestamp_ms = draw(TIMES)
    record.key = draw(st.one_of(st.none(), st.binary(max_size=5)))
    record.expires_at_ms = draw(TIMES)
    record.not_before_ms = draw(TIMES)
    record.priority = draw(st.integers(0, 255))
    record.deaths = draw(st.one_of(st.none(), deaths()))
    record.volatile = draw(st.booleans())
    if draw(st.booleans()):
        record.native_kind = NATIVE_AMQP091
        record.native = draw(st.binary(max_size=30))
    names = NAMES.filter(lambda name: name != "onemq")
    record.headers = draw(
        st.one_of(
            st.none(),
            st.lists(st.tuples(names, st.one_of(st.none(), st.binary(max_size=9))), min_size=1, max_size=3),
        )
    )
    return record


@st.composite
def batches(draw: st.DrawFn) -> list[Record]:
    out = draw(st.lists(records(), min_size=1, max_size=5))
    offset = draw(st.integers(0, 1 << 40))
    for record in out:
        record.offset = offset
        offset += draw(st.integers(1, 1000))
    return out


def told_deaths(history: Deaths | None) -> object:
    if history is None:
        return None
    entries = [
        (
            death.queue,
            death.reason,
            death.exchange,
            death.routing_keys,
            death.time_ms,
            death.count,
            death.expiration,
        )
        for death in history.entries
    ]
    return entries, history.first, history.last


def told(record: Record) -> tuple[object, ...]:
    """All that a record says, comparable."""
    return (
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        record.headers,
        (record.address.exchange, record.address.routing_key),
        (record.native_kind, record.native),
        (record.expires_at_ms, record.not_before_ms, record.priority),
        record.volatile,
        told_deaths(record.deaths),
    )


def numbered(count: int, base: int = 100) -> list[Record]:
    out: list[Record] = []
    for number in range(count):
        record = Record(b"value %d" % number, Address("", "q"))
        record.offset = base + number
        record.timestamp_ms = 1000 + number
        out.append(record)
    return out


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


def test_header_to_the_byte() -> None:
    """Kafka's documentation, field by field, independent of our reader."""
    data = encode_batch(numbered(3))
    fields = struct.unpack(">qiibIhiqqqhii", data[:61])
    assert fields[:4] == (100, len(data) - 12, -1, 2)
    assert fields[4] == google_crc32c.value(data[21:])
    assert fields[5:] == (0, 2, 1000, 1002, -1, -1, -1, 3)


def test_record_to_the_byte() -> None:
    """A record without anything of ours is nothing but Kafka's fields."""
    record = Record(b"v", NO_ADDRESS)
    record.offset = 5
    record.key = b"k"
    record.headers = [("h", None), ("i", b"x")]
    body = encode_batch([record])[61:]
    # length 15, attributes 0, time delta 0, offset delta 0, key "k", value "v", 2 headers (all varints zig-zag)
    assert body == b"\x1e\x00\x00\x00\x02k\x02v\x04\x02h\x01\x02i\x02x"


def test_one_address_for_many_records() -> None:
    found = decode_batch(encode_batch(numbered(3)), 0, AddressCache())
    assert found[0].address is found[1].address is found[2].address


@given(batches(), st.data())
@settings(max_examples=40)
def test_flipped_bits_are_found_by_the_crc(batch: list[Record], data: st.DataObject) -> None:
    whole = bytearray(encode_batch(batch))
    whole[data.draw(st.integers(8, len(whole) - 1).filter(lambda at: not 12 <= at < 16))] ^= data.draw(
        st.integers(1, 255)
    )
    with pytest.raises(CorruptBatch):
        check_batch(bytes(whole))


@given(batches(), st.data())
@settings(max_examples=40)
def test_truncated(batch: list[Record], data: st.DataObject) -> None:
    whole = encode_batch(batch)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(CorruptBatch):
        check_batch(cut)
    with pytest.raises(CorruptBatch):
        decode_batch(cut, 0, AddressCache())


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
    with pytest.raises(CorruptBatch):
        check_batch(noise)
    with contextlib.suppress(CorruptBatch):
        decode_batch(noise, 0, AddressCache())


def test_a_batch_whose_records_do_not_inflate_is_corrupt() -> None:
    data = bytearray(encode_batch(numbered(1)))
    data[22] |= 2
    with pytest.raises(CorruptBatch, match="snappy"):
        decode_batch(bytes(data), 0, AddressCache())


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


def test_a_newer_reserved_header_is_refused() -> None:
    data = encode_batch(numbered(1))
    at = data.index(b"onemq") + 5
    newer = data[: at + 1] + b"\x02" + data[at + 2 :]
    with pytest.raises(CorruptBatch, match="version 2"):
        decode_batch(newer, 0, AddressCache())


@given(batches(), st.data())
@settings(max_examples=60)
def test_keep_live(batch: list[Record], data: st.DataObject) -> None:
    flags = data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch)))
    volatile = data.draw(st.booleans())
    wanted = [record for record, keep in zip(batch, flags, strict=True) if keep]
    live: list[int] = []
    for record in wanted:
        live.extend((int(record.offset), int(record.offset) + 1))
    kept = keep_live(encode_batch(batch, volatile), live)
    if not wanted:
        assert kept == b""
        return
    check_batch(kept)
    assert is_volatile(kept) == volatile
    assert [told(record) for record in decode_batch(kept, 0, AddressCache())] == [
        told(record) for record in wanted
    ]


def test_address_cache_is_bounded() -> None:
    cache = AddressCache()
    first = cache.get("", "0")
    assert cache.get("", "0") is first
    for number in range(5000):
        cache.get("", str(number))
    assert len(cache._known) <= 4096
