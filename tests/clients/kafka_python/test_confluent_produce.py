"""Producing with confluent-kafka (librdkafka): acknowledgements, codecs, headers, times, sizes, refusals."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError

from clients.kafka_python.session import (
    MakeTopic,
    Reports,
    Unique,
    admin_client,
    flush,
    kafka_error,
    offsets,
    produce,
    producer,
    read_to_end,
    values,
    wait_until,
)
from clients.kafka_python.wire import CODECS, Wire

COMPRESSIBLE = [b"compressible " * 20 + b"%d" % number for number in range(50)]


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_every_setting_of_acks(bootstrap: str, topic: str, acks: str) -> None:
    produce(bootstrap, topic, b"one", b"two", b"three", acks=acks)
    wait_until(lambda: values(read_to_end(bootstrap, topic)) == [b"one", b"two", b"three"])


def test_reports_name_the_offsets(bootstrap: str, topic: str) -> None:
    assert offsets(produce(bootstrap, topic, b"a", b"b", b"c", acks="all")) == [0, 1, 2]
    assert offsets(produce(bootstrap, topic, b"d", acks="1")) == [3]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_stored_as_it_came(bootstrap: str, topic: str, wire: Wire, codec: str) -> None:
    """Not only read back: librdkafka sends uncompressed when the broker's version list does not please it."""
    produce(bootstrap, topic, *COMPRESSIBLE, compression_type=codec, linger_ms=100)
    assert values(read_to_end(bootstrap, topic)) == COMPRESSIBLE
    stored = wire.fetch(topic).batches()
    assert {CODECS[batch.compression_type] for batch in stored} == {codec}
    assert (sum(batch.size_in_bytes for batch in stored) < 5000) == (codec != "none")


@pytest.mark.parametrize(
    ("config", "sent", "stored"),
    [
        ("uncompressed", "gzip", "none"),
        ("gzip", "none", "gzip"),
        ("lz4", "gzip", "lz4"),
        ("zstd", "lz4", "zstd"),
        ("snappy", "zstd", "snappy"),
        ("producer", "snappy", "snappy"),
    ],
)
def test_the_topics_compression_type_rules(
    bootstrap: str, make_topic: MakeTopic, wire: Wire, config: str, sent: str, stored: str
) -> None:
    topic = make_topic(compression_type=config)
    produce(bootstrap, topic, *COMPRESSIBLE, compression_type=sent, linger_ms=100, headers=[("h", b"v")])
    assert {CODECS[batch.compression_type] for batch in wire.fetch(topic).batches()} == {stored}
    messages = read_to_end(bootstrap, topic)
    assert values(messages) == COMPRESSIBLE
    assert offsets(messages) == list(range(len(COMPRESSIBLE)))
    assert messages[-1].headers() == [("h", b"v")]


def test_headers_keep_order_duplicates_and_nulls(bootstrap: str, topic: str) -> None:
    headers = [("b", b"1"), ("a", b"2"), ("b", b"3"), ("null", None), ("empty", b""), ("größe", b"\x00\xff")]
    produce(bootstrap, topic, b"with", headers=headers)
    produce(bootstrap, topic, b"without")
    first, second = read_to_end(bootstrap, topic)
    assert first.headers() == headers
    assert second.headers() is None


@pytest.mark.parametrize("key", [None, b"", b"key", b"\x00\xff"])
@pytest.mark.parametrize("value", [None, b"", b"value"])
def test_null_is_not_empty(bootstrap: str, topic: str, key: bytes | None, value: bytes | None) -> None:
    produce(bootstrap, topic, value, key=key)
    (message,) = read_to_end(bootstrap, topic)
    assert (message.key(), message.value()) == (key, value)


def test_create_time_is_the_producers(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="-1")
    produce(bootstrap, topic, b"old", timestamp=1_500_000_000_123)
    produce(bootstrap, topic, b"older", timestamp=1_000)
    messages = read_to_end(bootstrap, topic)
    assert [message.timestamp() for message in messages] == [
        (TIMESTAMP_CREATE_TIME, 1_500_000_000_123),
        (TIMESTAMP_CREATE_TIME, 1_000),
    ]


def test_log_append_time_is_the_brokers(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    (report,) = produce(bootstrap, topic, b"old", timestamp=1_500_000_000_123)
    after = int(time.time() * 1000)
    (message,) = read_to_end(bootstrap, topic)
    kind, at = message.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME and before <= at <= after
    assert report.timestamp() == (kind, at)


def test_times_outside_of_the_topics_limits(bootstrap: str, make_topic: MakeTopic) -> None:
    now = int(time.time() * 1000)
    topic = make_topic(message_timestamp_before_max_ms="60000", message_timestamp_after_max_ms="60000")
    for timestamp in (now - 3_600_000, now + 3_600_000):
        with kafka_error(KafkaError.INVALID_TIMESTAMP):
            produce(bootstrap, topic, b"m", timestamp=timestamp)
    produce(bootstrap, topic, b"in time", timestamp=now)
    assert values(read_to_end(bootstrap, topic)) == [b"in time"]


def test_a_record_as_big_as_is_allowed_and_one_that_is_not(bootstrap: str, make_topic: MakeTopic) -> None:
    big = bytes(4_000_000)
    topic = make_topic(max_message_bytes="5000000")
    produce(bootstrap, topic, big, b"small", message_max_bytes=6_000_000)
    # The first batch is given however small the consumer's limits are.
    messages = read_to_end(bootstrap, topic, fetch_message_max_bytes=1000)
    assert [len(message.value()) for message in messages] == [4_000_000, 5]
    with kafka_error(KafkaError.MSG_SIZE_TOO_LARGE):
        produce(bootstrap, topic, bytes(5_500_000), message_max_bytes=6_000_000)


def test_the_limit_is_on_the_batch_as_stored(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(max_message_bytes="10000")
    with kafka_error(KafkaError.MSG_SIZE_TOO_LARGE):
        produce(bootstrap, topic, bytes(10_001))
    produce(bootstrap, topic, bytes(100_000), compression_type="gzip")
    assert values(read_to_end(bootstrap, topic)) == [bytes(100_000)]


def test_the_default_limit(bootstrap: str, topic: str) -> None:
    produce(bootstrap, topic, bytes(1_048_400), message_max_bytes=2_000_000)
    with kafka_error(KafkaError.MSG_SIZE_TOO_LARGE):
        produce(bootstrap, topic, bytes(1_048_588), message_max_bytes=2_000_000)


def test_an_unknown_topic_is_created(bootstrap: str, unique: Unique) -> None:
    name = unique("auto")
    produce(bootstrap, name, b"first")
    assert values(read_to_end(bootstrap, name)) == [b"first"]
    assert name in admin_client(bootstrap).list_topics(timeout=10).topics


def test_an_unknown_topic_is_not_created_when_not_wanted(bootstrap: str, unique: Unique) -> None:
    name = unique("absent")
    with kafka_error(KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART):
        produce(bootstrap, name, b"m", allow_auto_create_topics=False, topic_metadata_propagation_max_ms=200)
    assert name not in admin_client(bootstrap).list_topics(timeout=10).topics


def test_an_unknown_partition(bootstrap: str, topic: str) -> None:
    with kafka_error(KafkaError._UNKNOWN_PARTITION):
        produce(bootstrap, topic, b"m", partition=7)


@pytest.mark.parametrize("name", ["with space", "ümlaut", "a" * 250, "slash/ed"])
def test_a_name_that_no_topic_can_have(bootstrap: str, name: str) -> None:
    with kafka_error(KafkaError.TOPIC_EXCEPTION):
        produce(bootstrap, name, b"m")


def test_a_compacted_topic_takes_no_record_without_key(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(cleanup_policy="compact")
    with kafka_error(KafkaError.INVALID_RECORD):
        produce(bootstrap, topic, b"m")
    produce(bootstrap, topic, b"m", key=b"k")
    produce(bootstrap, topic, None, key=b"k")
    assert values(read_to_end(bootstrap, topic)) == [b"m", None]


def test_an_idempotent_producer_with_many_batches_in_flight(bootstrap: str, topic: str, wire: Wire) -> None:
    client = producer(
        bootstrap, enable_idempotence=True, max_in_flight_requests_per_connection=5, batch_num_messages=7
    )
    reports = Reports()
    sent = [b"%d" % number for number in range(2000)]
    for value in sent:
        client.produce(topic, value, partition=0, on_delivery=reports)
    flush(client)
    assert reports.errors == [] and reports.offsets == list(range(2000))
    assert values(read_to_end(bootstrap, topic)) == sent
    batches = wire.fetch(topic, partition_bytes_max=10_000_000).batches()
    assert len({batch.producer_id for batch in batches}) == 1 and batches[0].producer_id >= 0
    assert [batch.base_sequence for batch in batches] == [batch.base_offset for batch in batches]


def test_keys_spread_over_partitions_in_order_within_each(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(6)
    client = producer(bootstrap, linger_ms=5)
    for number in range(600):
        client.produce(topic, b"%d" % number, key=b"key-%d" % (number % 30))
    flush(client)
    messages = read_to_end(bootstrap, topic, range(6))
    assert sorted(int(value) for value in values(messages)) == list(range(600))
    by_key: dict[bytes, list[Any]] = {}
    for message in messages:
        by_key.setdefault(message.key(), []).append((message.partition(), int(message.value())))
    assert len({message.partition() for message in messages}) == 6
    for found in by_key.values():
        assert len({partition for partition, _number in found}) == 1
        assert found == sorted(found)
