"""What a partition takes from a producer: a table of what is wrong with a batch, as Apache Kafka 4.3 answers."""

from __future__ import annotations

from collections.abc import Callable

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.validation import validated
from onemq.model.compression import GZIP, LZ4, SNAPPY, ZSTD
from onemq.model.record_batch import (
    attributes_of,
    check_batch,
    codec_of,
    max_timestamp_ms,
    recompressed_batch,
    records_section,
)
from onemq.model.record_codec import decode_batch
from onemq.model.refusal import Reason, Refusal
from onemq.model.reserved_header import AddressCache
from transaction_driver import batch

NOW = 1_700_000_000_000
PLAIN = TopicConfig({})
Damage = Callable[[bytes], bytes]


def good(**changes: object) -> bytes:
    return batch([b"one", b"two"], NOW, **changes)  # type: ignore[arg-type]


def signed(data: bytes) -> bytes:
    """With the CRC that belongs to it."""
    return data[:17] + int(google_crc32c.value(data[21:])).to_bytes(4, "big") + data[21:]


def put(data: bytes, at: int, size: int, value: int) -> bytes:
    return signed(data[:at] + value.to_bytes(size, "big", signed=True) + data[at + size :])


def with_body(body: bytes, attributes: int = 0) -> bytes:
    data = good()[:61] + body
    data = data[:8] + (len(data) - 12).to_bytes(4, "big") + data[12:]
    return put(data, 21, 2, attributes)


def refusal(data: bytes, config: TopicConfig = PLAIN) -> Reason:
    with pytest.raises(Refusal) as caught:
        validated(data, config, NOW)
    return caught.value.reason


DAMAGED: list[tuple[str, Damage, Reason]] = [
    ("crc", lambda data: data[:-1] + bytes([data[-1] ^ 1]), Reason.CORRUPT),
    ("magic 3", lambda data: data[:16] + b"\x03" + data[17:], Reason.CORRUPT),
    ("magic 1", lambda data: data[:16] + b"\x01" + data[17:], Reason.BAD_RECORDS),
    ("two batches", lambda data: data + data, Reason.BAD_RECORDS),
    ("nothing", lambda data: b"", Reason.BAD_RECORDS),
    ("half a batch", lambda data: data[: len(data) // 2 + 20], Reason.BAD_RECORDS),
    ("count too high", lambda data: put(data, 57, 4, 3), Reason.BAD_RECORDS),
    ("count too low", lambda data: put(data, 57, 4, 1), Reason.BAD_RECORDS),
    ("last offset delta", lambda data: put(data, 23, 4, 5), Reason.BAD_RECORDS),
    ("count 0", lambda data: put(put(data, 57, 4, 0), 23, 4, -1), Reason.BAD_RECORDS),
    ("control batch", lambda data: put(data, 21, 2, 0x20), Reason.BAD_RECORDS),
    ("base offset", lambda data: put(data, 0, 8, 1), Reason.BAD_RECORDS),
    ("length too short", lambda data: put(data, 8, 4, 10), Reason.CORRUPT),
    ("length negative", lambda data: put(data, 8, 4, -5), Reason.CORRUPT),
    ("garbage", lambda data: b"\xde\xad\xbe\xef" * 30, Reason.CORRUPT),
    ("unknown codec", lambda data: put(data, 21, 2, 5), Reason.BAD_RECORDS),
    ("not compressed at all", lambda data: put(data, 21, 2, GZIP), Reason.BAD_RECORDS),
    ("no records in it", lambda data: with_body(b"\xff" * 20), Reason.BAD_RECORDS),
    ("id without a sequence", lambda data: put(data, 43, 8, 7), Reason.BAD_RECORDS),
    ("transactional without an id", lambda data: put(data, 21, 2, 0x10), Reason.BAD_RECORDS),
    ("the broker's time", lambda data: put(data, 21, 2, 8), Reason.BAD_TIMESTAMP),
    ("from the future", lambda data: put(data, 35, 8, NOW + 7_200_000), Reason.BAD_TIMESTAMP),
]


@pytest.mark.parametrize("damage, reason", [row[1:] for row in DAMAGED], ids=[row[0] for row in DAMAGED])
def test_what_is_wrong_is_named(damage: Damage, reason: Reason) -> None:
    assert refusal(damage(good())) is reason


def test_a_good_batch_stays_as_it_is() -> None:
    data = good(producer=7, epoch=0, sequence=5)
    assert validated(data, PLAIN, NOW) == data


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_a_compressed_batch_stays_compressed(codec: int) -> None:
    data = recompressed_batch(good(), codec)
    assert validated(data, PLAIN, NOW) == data
    again = validated(data, TopicConfig({"compression.type": "uncompressed"}), NOW)
    assert codec_of(again) == 0 and records_section(again) == records_section(good())
    check_batch(again)


def test_a_rest_too_short_for_a_batch_is_left_out() -> None:
    assert validated(good() + b"12345", PLAIN, NOW) == good()


def test_size() -> None:
    limit = TopicConfig({"max.message.bytes": str(len(good()) - 1)})
    assert refusal(good(), limit) is Reason.TOO_LARGE
    assert validated(good(), TopicConfig({"max.message.bytes": str(len(good()))}), NOW) == good()


def test_the_topic_may_want_its_own_time() -> None:
    stamped = validated(good(), TopicConfig({"message.timestamp.type": "LogAppendTime"}), NOW + 5)
    check_batch(stamped)
    assert attributes_of(stamped) & 8 and max_timestamp_ms(stamped) == NOW + 5
    said_so = put(good(), 21, 2, 8)
    config = TopicConfig({"message.timestamp.type": "LogAppendTime"})
    assert refusal(said_so, config) is Reason.BAD_TIMESTAMP


def test_a_compacted_topic_takes_no_record_without_a_key() -> None:
    assert refusal(good(), TopicConfig({"cleanup.policy": "compact"})) is Reason.BAD_RECORDS


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), min_size=1, max_size=4),
    st.sampled_from(["producer", "gzip"]),
)
def test_whatever_is_taken_can_be_read(changes: list[tuple[int, int]], codec: str) -> None:
    """A batch that nobody can decode would stop whoever reads its log."""
    body = bytearray(good()[61:])
    for at, octet in changes:
        body[at % len(body)] = octet
    data = signed(good()[:61] + bytes(body))
    try:
        taken = validated(data, TopicConfig({"compression.type": codec}), NOW)
    except Refusal as refused:
        assert refused.reason is Reason.BAD_RECORDS
        return
    found = decode_batch(taken, 0, AddressCache())
    assert [int(record.offset) for record in found] == [0, 1]
