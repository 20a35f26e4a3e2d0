"""Consuming without a group's help with confluent-kafka: offsets, times, resets, many partitions."""

from __future__ import annotations

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, OFFSET_STORED, KafkaError, TopicPartition

from clients.kafka_python.session import (
    WITHIN_SECONDS,
    MakeTopic,
    Unique,
    admin_client,
    consumer,
    create_topic,
    flush,
    kafka_error,
    offsets,
    poll_messages,
    produce,
    producer,
    read_to_end,
    values,
    wait_assigned,
    wait_until,
)
from clients.kafka_python.wire import Wire, compressed_batch

TEN = [b"%d" % number for number in range(10)]


def test_a_long_poll_wakes_when_data_arrives(bootstrap: str, topic: str) -> None:
    """The fetch would wait for ten minutes."""
    client = consumer(bootstrap, fetch_wait_max_ms=300_000, fetch_min_bytes=1, socket_timeout_ms=300_000)
    client.assign([TopicPartition(topic, 0, 0)])
    for value in (b"one", b"two"):
        assert client.poll(0.3) is None
        produce(bootstrap, topic, value)
        assert values(poll_messages(client, 1)) == [value]
    client.close()


@pytest.mark.parametrize("codec", ["none", "lz4"])
@pytest.mark.parametrize("start", [0, 1, 5, 9, 10])
def test_an_offset_inside_a_batch(bootstrap: str, topic: str, wire: Wire, codec: str, start: int) -> None:
    assert wire.produce(topic, compressed_batch(codec, TEN)).error == 0
    messages = read_to_end(bootstrap, topic, start=start)
    assert values(messages) == TEN[start:]
    assert offsets(messages) == list(range(start, 10))


def test_reset_policies_when_the_offset_is_out_of_range(bootstrap: str, topic: str) -> None:
    produce(bootstrap, topic, *TEN)
    client = admin_client(bootstrap)
    client.delete_records([TopicPartition(topic, 0, 6)])[TopicPartition(topic, 0)].result(WITHIN_SECONDS)
    for start in (2, 50):
        assert offsets(read_to_end(bootstrap, topic, start=start, auto_offset_reset="earliest")) == [
            6,
            7,
            8,
            9,
        ]
        assert read_to_end(bootstrap, topic, start=start, auto_offset_reset="latest") == []
        with kafka_error(KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            read_to_end(bootstrap, topic, start=start, auto_offset_reset="error")


def test_a_group_without_offsets_starts_as_its_reset_says(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, *TEN)
    assert values(read_to_end(bootstrap, topic, start=OFFSET_STORED, auto_offset_reset="earliest")) == TEN
    assert read_to_end(bootstrap, topic, start=OFFSET_STORED, auto_offset_reset="latest") == []
    with kafka_error(KafkaError._AUTO_OFFSET_RESET, KafkaError._NO_OFFSET):
        read_to_end(bootstrap, topic, start=OFFSET_STORED, auto_offset_reset="error")


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_offsets_for_times(bootstrap: str, make_topic: MakeTopic, wire: Wire, codec: str) -> None:
    """Inside batches, between them, before the first record, after the last."""
    topic = make_topic(retention_ms="-1")
    for batch in range(3):
        times_ms = [10_000 + (4 * batch + number) * 100 for number in range(4)]
        assert wire.produce(topic, compressed_batch(codec, [b"m"] * 4, times_ms)).error == 0
    client = consumer(bootstrap)

    def offset_at(timestamp: int) -> int:
        (found,) = client.offsets_for_times([TopicPartition(topic, 0, timestamp)], WITHIN_SECONDS)
        return int(found.offset)

    assert [offset_at(time_ms) for time_ms in (1, 10_000, 10_001, 10_400, 10_550, 11_100)] == [
        0,
        0,
        1,
        4,
        6,
        11,
    ]
    assert offset_at(11_101) == OFFSET_END
    client.close()


def test_the_first_of_records_whose_times_run_backwards(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="-1")
    for timestamp in (5_000, 9_000, 3_000, 9_500):
        produce(bootstrap, topic, b"m", timestamp=timestamp)
    client = consumer(bootstrap)
    asked = [TopicPartition(topic, 0, time_ms) for time_ms in (4_000, 6_000, 9_200)]
    found = [client.offsets_for_times([one], WITHIN_SECONDS)[0].offset for one in asked]
    assert found == [0, 1, 3]
    client.close()


def test_seeking_and_pausing(bootstrap: str, topic: str) -> None:
    produce(bootstrap, topic, *TEN)
    client = consumer(bootstrap)
    client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    assert values(poll_messages(client, 10)) == TEN
    client.seek(TopicPartition(topic, 0, 7))
    assert values(poll_messages(client, 3)) == TEN[7:]
    client.pause([TopicPartition(topic, 0)])
    produce(bootstrap, topic, b"later")
    assert client.poll(0.3) is None
    client.resume([TopicPartition(topic, 0)])
    assert values(poll_messages(client, 1)) == [b"later"]
    (position,) = client.position([TopicPartition(topic, 0)])
    assert position.offset == 11
    client.close()


def test_watermarks(bootstrap: str, topic: str) -> None:
    client = consumer(bootstrap)
    assert client.get_watermark_offsets(TopicPartition(topic, 0), WITHIN_SECONDS) == (0, 0)
    produce(bootstrap, topic, *TEN)
    assert client.get_watermark_offsets(TopicPartition(topic, 0), WITHIN_SECONDS) == (0, 10)
    client.close()


def test_many_partitions_with_one_consumer(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(60)
    client = producer(bootstrap, linger_ms=5)
    for number in range(300):
        client.produce(topic, b"%d" % number, partition=number % 60)
    flush(client)
    messages = read_to_end(bootstrap, topic, range(60))
    assert sorted(int(value) for value in values(messages)) == list(range(300))
    for partition in range(60):
        found = [int(message.value()) for message in messages if message.partition() == partition]
        assert found == list(range(partition, 300, 60))


def test_small_limits_starve_no_partition(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(8)
    client = producer(bootstrap, linger_ms=5)
    for number in range(8 * 40):
        client.produce(topic, bytes(1000), partition=number % 8)
    flush(client)
    messages = read_to_end(
        bootstrap,
        topic,
        range(8),
        fetch_max_bytes=5_000,
        message_max_bytes=5_000,
        max_partition_fetch_bytes=2_000,
    )
    assert [sum(message.partition() == partition for message in messages) for partition in range(8)] == [
        40
    ] * 8


def test_a_pattern_finds_topics_that_come_later(bootstrap: str, unique: Unique) -> None:
    prefix = unique("pattern")
    create_topic(bootstrap, f"{prefix}-a")
    produce(bootstrap, f"{prefix}-a", b"a")
    client = consumer(
        bootstrap,
        unique("group"),
        session_timeout_ms=6000,
        heartbeat_interval_ms=100,
        topic_metadata_refresh_interval_ms=200,
    )
    client.subscribe([f"^{prefix}-.*"])
    assert values(poll_messages(client, 1)) == [b"a"]
    client.commit(asynchronous=False)
    create_topic(bootstrap, f"{prefix}-b", 2)
    create_topic(bootstrap, f"other-{prefix}")
    assert {name for name, _partition in wait_assigned(client, 3)} == {f"{prefix}-a", f"{prefix}-b"}
    produce(bootstrap, f"{prefix}-b", b"b", partition=1)
    assert values(poll_messages(client, 1)) == [b"b"]
    client.close()


def test_new_partitions_are_found(bootstrap: str, topic: str, unique: Unique) -> None:
    from confluent_kafka.admin import NewPartitions

    client = consumer(
        bootstrap,
        unique("group"),
        session_timeout_ms=6000,
        heartbeat_interval_ms=100,
        topic_metadata_refresh_interval_ms=200,
    )
    client.subscribe([topic])
    wait_assigned(client, 1)
    admin_client(bootstrap).create_partitions([NewPartitions(topic, 4)])[topic].result(WITHIN_SECONDS)
    wait_assigned(client, 4)
    produce(bootstrap, topic, b"in a new one", partition=3)
    assert values(poll_messages(client, 1)) == [b"in a new one"]
    client.close()


def test_a_deleted_and_recreated_topic_starts_empty(bootstrap: str, topic: str) -> None:
    produce(bootstrap, topic, *TEN)
    client = admin_client(bootstrap)
    client.delete_topics([topic])[topic].result(WITHIN_SECONDS)
    wait_until(lambda: topic not in admin_client(bootstrap).list_topics(timeout=10).topics)
    create_topic(bootstrap, topic)
    assert offsets(produce(bootstrap, topic, b"new")) == [0]
    assert values(read_to_end(bootstrap, topic)) == [b"new"]
