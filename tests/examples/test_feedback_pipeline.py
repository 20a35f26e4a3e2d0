"""The feedback pipeline: every feedback is in the database once, whatever is killed and whoever comes back late."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from example_runner import Examples, rows, until

TOPIC = "feedback-topic"


@pytest.fixture
def database(examples: Examples) -> Path:
    path = examples.directory / "feedback.sqlite3"
    examples.environment["FEEDBACK_DATABASE"] = str(path)
    return path


def end_offsets(examples: Examples) -> dict[int, int]:
    consumer = Consumer(
        {"bootstrap.servers": examples.environment["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "look"}
    )
    try:
        return {
            partition: consumer.get_watermark_offsets(TopicPartition(TOPIC, partition), timeout=10)[1]
            for partition in range(3)
        }
    finally:
        consumer.close()


def test_a_killed_consumer_loses_and_doubles_nothing(
    examples: Examples, database: Path, node_packages: None
) -> None:
    examples.play("feedback_pipeline")
    assert rows(database, "SELECT rating, count FROM totals ORDER BY rating") == [
        (rating, 200) for rating in range(1, 6)
    ]
    comments = rows(database, "SELECT count(*), count(DISTINCT comment) FROM feedback")
    assert comments == [(1000, 1000)]
    rejected = rows(database, "SELECT value, reason FROM rejected")
    assert rejected == [(b'{"rating": 11}', "Field required")]
    positions = rows(database, "SELECT partition, next_offset FROM positions")
    assert dict(positions) == {partition: end for partition, end in end_offsets(examples).items() if end}


def produce(servers: str, partitions: tuple[int, ...], count: int) -> None:
    producer = Producer({"bootstrap.servers": servers})
    said = {"userId": "u", "rating": 4, "comment": "", "timestamp": "2026-01-01T00:00:00Z"}
    for partition in partitions:
        for _ in range(count):
            producer.produce(TOPIC, json.dumps(said), partition=partition)
    producer.flush()


@pytest.fixture
def servers(examples: Examples) -> str:
    """Of a broker with the topic anew; the consumers of the test are a group of their own."""
    servers = examples.environment["KAFKA_BOOTSTRAP_SERVERS"]
    examples.environment["FEEDBACK_GROUP"] = f"feedback-{uuid4()}"
    admin = AdminClient({"bootstrap.servers": servers})
    if TOPIC in admin.list_topics(timeout=10).topics:
        admin.delete_topics([TOPIC])[TOPIC].result()
    admin.create_topics([NewTopic(TOPIC, num_partitions=3)])[TOPIC].result()
    return servers


def test_the_position_is_the_databases_whatever_the_group_says(
    examples: Examples, database: Path, servers: str
) -> None:
    """Offsets that somebody's tool committed ahead of the database skip nothing."""
    produce(servers, (0, 1), 30)
    group = Consumer({"bootstrap.servers": servers, "group.id": examples.environment["FEEDBACK_GROUP"]})
    group.commit(offsets=[TopicPartition(TOPIC, 0, 30)], asynchronous=False)
    group.close()

    consumer = examples.start("feedback_pipeline.consumer")
    until(lambda: rows(database, "SELECT count(*) FROM feedback") == [(60,)], "all is stored")
    assert examples.stop(consumer) == 0
    assert rows(database, "SELECT rating, count FROM totals") == [(4, 60)]


def test_a_consumer_that_was_overtaken_goes_on_where_the_other_is(
    examples: Examples, database: Path, servers: str
) -> None:
    produce(servers, (0,), 30)
    consumer = examples.start("feedback_pipeline.consumer")
    until(lambda: rows(database, "SELECT next_offset FROM positions") == [(30,)], "it has begun")
    # Another one, which this one does not know of, stores the next ten.
    rows(database, "UPDATE positions SET next_offset = 40")
    produce(servers, (0,), 30)
    until(lambda: rows(database, "SELECT next_offset FROM positions") == [(60,)], "it has gone on")
    assert examples.stop(consumer) == 0
    assert rows(database, "SELECT count(*) FROM feedback") == [(30 + 20,)], "the ten are not stored twice"
