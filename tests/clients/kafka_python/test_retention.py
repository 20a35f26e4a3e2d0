"""Retention by time and size, compaction, tombstones: what the background work leaves, with confluent-kafka."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Message, TopicPartition

from clients.kafka_python.session import (
    WITHIN_SECONDS,
    Killable,
    MakeTopic,
    consumer,
    crash,
    create_topic,
    flush,
    offsets,
    produce,
    producer,
    read_to_end,
    unique_name,
    values,
    wait_until,
)
from clients.kafka_python.wire import CODECS

WORK_SECONDS = 45.0
# Segments as small as Kafka allows are a mebibyte; old segments only are worked on, and they are rolled by time.
EAGER: dict[str, Any] = {"segment_ms": "200", "file_delete_delay_ms": "0"}
COMPACTED: dict[str, Any] = {
    "cleanup_policy": "compact",
    "min_cleanable_dirty_ratio": "0.001",
    "min_compaction_lag_ms": "0",
    "max_compaction_lag_ms": "500",
    "segment_ms": "200",
}

pytestmark = pytest.mark.timeout(120)


def start_of(bootstrap: str, topic: str) -> int:
    client = consumer(bootstrap)
    low, _high = client.get_watermark_offsets(TopicPartition(topic, 0), WITHIN_SECONDS)
    client.close()
    return int(low)


def test_retention_by_time(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="1000", **EAGER)
    old = int(time.time() * 1000) - 60_000
    for _ in range(3):
        produce(bootstrap, topic, b"old", b"old", timestamp=old)
    wait_until(lambda: start_of(bootstrap, topic) == 6, WORK_SECONDS)
    assert read_to_end(bootstrap, topic) == []
    assert offsets(produce(bootstrap, topic, b"new")) == [6]


def test_what_is_young_enough_stays(bootstrap: str, make_topic: MakeTopic) -> None:
    old_topic, young_topic = (
        make_topic(retention_ms="60000", **EAGER),
        make_topic(retention_ms="86400000", **EAGER),
    )
    old = int(time.time() * 1000) - 3_600_000
    for topic in (old_topic, young_topic):
        produce(bootstrap, topic, b"hour old", timestamp=old)
    wait_until(lambda: start_of(bootstrap, old_topic) == 1, WORK_SECONDS)
    assert values(read_to_end(bootstrap, young_topic)) == [b"hour old"]


def test_retention_by_size(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_bytes="2000000", segment_bytes="1048576", file_delete_delay_ms="0")
    for _ in range(60):
        produce(bootstrap, topic, bytes(100_000))
    wait_until(lambda: start_of(bootstrap, topic) >= 20, WORK_SECONDS)
    kept = read_to_end(bootstrap, topic)
    # Whole segments go, and only those that are not needed to keep the size.
    assert 2_000_000 - 200_000 <= sum(len(message.value()) for message in kept) <= 4_200_000
    assert offsets(kept) == list(range(60 - len(kept), 60))


def compacted_to(
    bootstrap: str, topic: str, wanted: Callable[[list[Message]], bool], partitions: int = 1
) -> list[Message]:
    """Wait until the topic looks so. The last segment is not compacted: a filler record is written to roll it."""
    found: list[Message] = []

    def done() -> bool:
        nonlocal found
        produce(bootstrap, topic, b"", key=b"filler")
        found = [message for message in read_to_end(bootstrap, topic) if message.key() != b"filler"]
        return wanted(found)

    wait_until(done, WORK_SECONDS, "what compaction leaves")
    return found


def test_the_last_value_of_each_key_stays_at_its_offset(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(**COMPACTED)
    choose = random.Random(7)
    last: dict[bytes, tuple[int, bytes]] = {}
    client = producer(bootstrap, linger_ms=5, batch_num_messages=20)
    for offset in range(1000):
        key, value = b"key-%d" % choose.randrange(30), b"%d" % offset
        client.produce(topic, value, key=key, partition=0)
        last[key] = (offset, value)
    flush(client)
    found = compacted_to(bootstrap, topic, lambda messages: len(messages) == len(last))
    assert {message.key(): (message.offset(), message.value()) for message in found} == last
    assert offsets(found) == sorted(offsets(found))


@pytest.mark.parametrize("codec", CODECS)
def test_compressed_batches_are_compacted(bootstrap: str, make_topic: MakeTopic, codec: str) -> None:
    topic = make_topic(**COMPACTED)
    client = producer(bootstrap, compression_type=codec, linger_ms=100)
    for number in range(100):
        client.produce(
            topic,
            b"value %d" % number,
            key=b"key-%d" % (number % 5),
            headers=[("n", b"%d" % number)],
            partition=0,
        )
    flush(client)
    found = compacted_to(bootstrap, topic, lambda messages: len(messages) == 5)
    assert [(message.offset(), message.value(), message.headers()) for message in found] == [
        (number, b"value %d" % number, [("n", b"%d" % number)]) for number in range(95, 100)
    ]


def test_tombstones_delete_and_go(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(delete_retention_ms="500", **COMPACTED)
    produce(bootstrap, topic, b"1", key=b"gone")
    produce(bootstrap, topic, b"2", key=b"stays")
    produce(bootstrap, topic, None, key=b"gone")
    found = compacted_to(bootstrap, topic, lambda messages: len(messages) == 1)
    assert [(message.key(), message.offset()) for message in found] == [(b"stays", 1)]


def test_tombstones_stay_for_their_time(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(delete_retention_ms="86400000", **COMPACTED)
    produce(bootstrap, topic, b"1", key=b"gone")
    produce(bootstrap, topic, None, key=b"gone")
    produce(bootstrap, topic, b"a", key=b"k")
    produce(bootstrap, topic, b"b", key=b"k")
    found = compacted_to(bootstrap, topic, lambda messages: len(messages) == 2)
    assert [(message.key(), message.value()) for message in found] == [(b"gone", None), (b"k", b"b")]


def test_aborted_records_do_not_count(bootstrap: str, make_topic: MakeTopic) -> None:
    """What a transaction wrote and aborted must not displace the value before it."""
    topic = make_topic(**COMPACTED)
    client = producer(bootstrap, transactional_id=unique_name("id"))
    client.init_transactions(15)
    for value, end in ((b"kept", client.commit_transaction), (b"aborted", client.abort_transaction)):
        client.begin_transaction()
        client.produce(topic, value, key=b"k", partition=0)
        flush(client)
        end(15)
    for number in range(3):
        produce(bootstrap, topic, b"%d" % number, key=b"other")
    found = compacted_to(bootstrap, topic, lambda messages: len(messages) == 2)
    assert [(message.key(), message.value()) for message in found] == [(b"k", b"kept"), (b"other", b"2")]


def test_compaction_and_a_crash(own_broker: Killable) -> None:
    """What was compacted, and what was not yet, is right after kill -9."""
    topic = unique_name("topic")
    create_topic(own_broker.bootstrap, topic, **COMPACTED)
    client = producer(own_broker.bootstrap, batch_num_messages=10)
    for number in range(300):
        client.produce(topic, b"%d" % number, key=b"key-%d" % (number % 10), partition=0)
    flush(client)
    compacted_to(own_broker.bootstrap, topic, lambda messages: len(messages) < 300)
    crash(own_broker)
    found = compacted_to(own_broker.bootstrap, topic, lambda messages: len(messages) == 10)
    assert [(message.offset(), int(message.value())) for message in found] == [
        (n, n) for n in range(290, 300)
    ]
