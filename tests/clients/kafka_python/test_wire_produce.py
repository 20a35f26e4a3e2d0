"""Produce requests that no client sends: sequences and epochs out of order, batches that are wrong in one field each.

The codes are Kafka's, in the words of https://kafka.apache.org/protocol#protocol_error_codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from clients.kafka_python.session import MakeTopic, Unique
from clients.kafka_python.wire import CONTROL, TRANSACTIONAL, Batch, ConnectionLost, Wire

UNKNOWN_SERVER_ERROR = -1
CORRUPT_MESSAGE = 2
UNKNOWN_TOPIC_OR_PARTITION = 3
MESSAGE_TOO_LARGE = 10
NOT_ENOUGH_REPLICAS = 19
INVALID_REQUIRED_ACKS = 21
OUT_OF_ORDER_SEQUENCE = 45
INVALID_PRODUCER_EPOCH = 47
INVALID_TXN_STATE = 48
INVALID_PRODUCER_ID_MAPPING = 49
TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
UNSUPPORTED_COMPRESSION = 76
INVALID_RECORD = 87


def idempotent(wire: Wire) -> Batch:
    producer_id, epoch = wire.init_producer()
    return Batch(producer_id=producer_id, epoch=epoch, sequence=0)


def test_the_answer_names_offset_and_times(wire: Wire, topic: str, make_topic: MakeTopic) -> None:
    produced = wire.produce(topic, Batch(values=[b"a", b"b"]))
    assert (produced.error, produced.base_offset, produced.append_time, produced.start_offset) == (
        0,
        0,
        -1,
        0,
    )
    assert wire.produce(topic, Batch()).base_offset == 2
    appended = wire.produce(make_topic(message_timestamp_type="LogAppendTime"), Batch(timestamp=5))
    assert appended.error == 0 and appended.append_time > 1_700_000_000_000


def test_a_batch_sent_twice_is_stored_once(wire: Wire, topic: str) -> None:
    batch = replace(idempotent(wire), values=[b"a", b"b", b"c"])
    first, second = wire.produce(topic, batch), wire.produce(topic, batch)
    assert (first.error, second.error) == (0, 0)
    assert (first.base_offset, second.base_offset) == (0, 0)
    assert wire.fetch(topic).values() == [b"a", b"b", b"c"]
    following = wire.produce(topic, replace(batch, sequence=3))
    assert (following.error, following.base_offset) == (0, 3)


def test_five_batches_are_remembered(wire: Wire, topic: str) -> None:
    batch = idempotent(wire)
    for sequence in range(6):
        assert wire.produce(topic, replace(batch, sequence=sequence)).error == 0
    for sequence in range(1, 6):
        produced = wire.produce(topic, replace(batch, sequence=sequence))
        assert (produced.error, produced.base_offset) == (0, sequence)
    assert wire.produce(topic, batch).error == OUT_OF_ORDER_SEQUENCE
    assert wire.fetch(topic).high_watermark == 6


def test_a_gap_in_the_sequence(wire: Wire, topic: str) -> None:
    batch = idempotent(wire)
    assert wire.produce(topic, batch).error == 0
    assert wire.produce(topic, replace(batch, sequence=2)).error == OUT_OF_ORDER_SEQUENCE
    assert wire.produce(topic, replace(batch, sequence=1)).error == 0
    assert wire.fetch(topic).high_watermark == 2


def test_a_sequence_that_overlaps(wire: Wire, topic: str) -> None:
    batch = replace(idempotent(wire), values=[b"a", b"b"])
    assert wire.produce(topic, batch).error == 0
    assert wire.produce(topic, replace(batch, sequence=1)).error == OUT_OF_ORDER_SEQUENCE
    assert wire.fetch(topic).high_watermark == 2


def test_sequences_wrap_around(wire: Wire, topic: str) -> None:
    batch = replace(idempotent(wire), values=[b"a", b"b", b"c"], sequence=2**31 - 2)
    assert wire.produce(topic, batch).error == 0
    assert wire.produce(topic, replace(batch, sequence=1)).error == 0
    assert wire.fetch(topic).high_watermark == 6


def test_a_producer_nobody_knows_may_begin_anywhere(wire: Wire, topic: str) -> None:
    """Its state may have been forgotten."""
    batch = replace(idempotent(wire), sequence=7)
    assert wire.produce(topic, batch).error == 0
    assert wire.produce(topic, replace(batch, sequence=8)).error == 0


def test_an_older_epoch_is_fenced(wire: Wire, topic: str) -> None:
    batch = idempotent(wire)
    assert wire.produce(topic, batch).error == 0
    newer = replace(batch, epoch=batch.epoch + 1)
    assert wire.produce(topic, newer).error == 0
    assert wire.produce(topic, replace(batch, sequence=1)).error == INVALID_PRODUCER_EPOCH
    assert wire.produce(topic, replace(newer, sequence=1)).error == 0


def test_a_new_epoch_begins_at_zero(wire: Wire, topic: str) -> None:
    batch = idempotent(wire)
    assert wire.produce(topic, batch).error == 0
    assert wire.produce(topic, replace(batch, epoch=1, sequence=1)).error == OUT_OF_ORDER_SEQUENCE


def test_sequences_are_counted_per_partition(wire: Wire, make_topic: MakeTopic) -> None:
    topic = make_topic(2)
    batch = idempotent(wire)
    assert [wire.produce(topic, batch, partition=partition).error for partition in (0, 1)] == [0, 0]
    assert wire.produce(topic, replace(batch, sequence=1), partition=1).error == 0
    assert [wire.fetch(topic, partition=partition).high_watermark for partition in (0, 1)] == [1, 2]


def cut(batch: bytes) -> bytes:
    return batch[:-3]


# Where Kafka's own decoder fails it says UNKNOWN_SERVER_ERROR; saying more is allowed.
UNREADABLE = (UNKNOWN_SERVER_ERROR, INVALID_RECORD, CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION)

WRONG: list[tuple[str, Batch | bytes | Callable[[bytes], bytes], tuple[int, ...]]] = [
    ("crc", Batch(crc=12345), (CORRUPT_MESSAGE,)),
    ("magic of the future", Batch(magic=3), (CORRUPT_MESSAGE,)),
    ("old magic", Batch(magic=1), (INVALID_RECORD,)),
    ("two batches", Batch().encode() * 2, (INVALID_RECORD,)),
    ("no batch", b"", (INVALID_RECORD,)),
    ("half a batch", cut, (INVALID_RECORD,)),
    ("no record", Batch(values=[], last_delta=0), (INVALID_RECORD,)),
    ("count too high", Batch(count=2), (INVALID_RECORD,)),
    ("count too low", Batch(values=[b"a", b"b"], count=1), (INVALID_RECORD,)),
    ("last offset too high", Batch(last_delta=5), (INVALID_RECORD,)),
    ("a base offset", Batch(base_offset=777), (INVALID_RECORD,)),
    ("a control batch", Batch(attributes=CONTROL, producer_id=1, epoch=0, sequence=0), (INVALID_RECORD,)),
    ("records that are none", Batch(payload=b"\xff" * 20), UNREADABLE),
    ("an unknown codec", Batch(attributes=5), UNREADABLE),
    ("what is not compressed", Batch(attributes=1), UNREADABLE),
    ("length too short", Batch(length=10), (CORRUPT_MESSAGE,)),
    ("length negative", Batch(length=-1), (CORRUPT_MESSAGE,)),
    ("garbage", b"\xde\xad\xbe\xef" * 30, (CORRUPT_MESSAGE,)),
]


@pytest.mark.parametrize(("sent", "codes"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_batch_that_is_wrong(
    wire: Wire, topic: str, sent: Batch | bytes | Callable[[bytes], bytes], codes: tuple[int, ...]
) -> None:
    data = sent(Batch().encode()) if callable(sent) else sent
    assert wire.produce(topic, data).error in codes
    assert wire.fetch(topic).high_watermark == 0
    assert wire.produce(topic, Batch()).error == 0


def test_a_rest_that_is_no_batch_is_left_out(wire: Wire, topic: str) -> None:
    assert wire.produce(topic, Batch().encode() + b"\0" * 5).error == 0
    assert wire.produce(topic, Batch()).base_offset == 1
    assert wire.fetch(topic).values() == [b"value", b"value"]


@pytest.mark.parametrize("acks", [2, -2, 100])
def test_acks_that_are_none(wire: Wire, topic: str, acks: int) -> None:
    assert wire.produce(topic, Batch(), acks=acks).error == INVALID_REQUIRED_ACKS


def test_topics_and_partitions_that_are_not_there(wire: Wire, topic: str, unique: Unique) -> None:
    assert wire.produce(unique("absent"), Batch()).error == UNKNOWN_TOPIC_OR_PARTITION
    assert wire.produce(topic, Batch(), partition=1).error == UNKNOWN_TOPIC_OR_PARTITION
    assert wire.produce(topic, Batch(), partition=-1).error == UNKNOWN_TOPIC_OR_PARTITION


def test_too_large_for_the_topic(wire: Wire, make_topic: MakeTopic) -> None:
    topic = make_topic(max_message_bytes="1000")
    assert wire.produce(topic, Batch(values=[bytes(1000)])).error == MESSAGE_TOO_LARGE
    assert wire.produce(topic, Batch(values=[bytes(900)])).error == 0


def test_no_acks_no_answer(wire: Wire, topic: str) -> None:
    wire.send(wire.produce_request(topic, Batch().encode(), 9, 0, 0, None), 9)
    wire.send(wire.produce_request(topic, Batch().encode(), 9, 0, 0, None), 9)
    # The next answer is the next request's.
    assert wire.produce(topic, Batch()).base_offset == 2


def test_no_acks_and_an_error_closes_the_connection(wire: Wire, topic: str) -> None:
    wire.send(wire.produce_request(topic, Batch(crc=1).encode(), 9, 0, 0, None), 9)
    assert wire.closed()


def test_a_transactional_batch_outside_of_a_transaction(wire: Wire, topic: str) -> None:
    batch = replace(idempotent(wire), attributes=TRANSACTIONAL)
    # Of a transactional id that nobody has begun with Kafka says to old versions that it can be tried again.
    codes = (NOT_ENOUGH_REPLICAS, INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING)
    assert wire.produce(topic, batch, transactional_id="test-nobody").error in codes
    assert wire.produce(topic, batch).error in (TRANSACTIONAL_ID_AUTHORIZATION_FAILED, *codes)
    assert wire.fetch(topic).high_watermark == 0


@pytest.mark.parametrize("version", range(3, 12))
def test_every_version(wire: Wire, topic: str, version: int) -> None:
    produced = wire.produce(topic, Batch(values=[b"a", b"b"]), version=version)
    assert (produced.error, produced.base_offset) == (0, 0)
    assert wire.fetch(topic).values() == [b"a", b"b"]


@pytest.mark.parametrize("version", range(3))
def test_versions_that_are_listed_but_not_served(wire: Wire, topic: str, version: int) -> None:
    """Kafka lists them for librdkafka's sake only."""
    assert wire.api_versions()[0][0] == 0
    with pytest.raises(ConnectionLost):
        wire.produce(topic, Batch(), version=version)


def test_the_record_level_error_is_told(wire: Wire, make_topic: MakeTopic) -> None:
    from kafka.protocol.producer import ProduceResponse

    topic = make_topic(cleanup_policy="compact")
    request = wire.produce_request(topic, Batch(values=[b"a", b"b"]).encode(), 9, 0, -1, None)
    part = wire.call(request, ProduceResponse, 9).responses[0].partition_responses[0]
    assert part.error_code == INVALID_RECORD
    assert [entry.batch_index for entry in part.record_errors] == [0, 1]
    assert part.error_message
