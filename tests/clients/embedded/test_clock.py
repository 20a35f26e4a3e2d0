"""Virtual time with real clients: what takes minutes, hours and days happens at once; sockets go on in real time."""

from __future__ import annotations

from typing import Any

import boto3
import pika
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from onemq.embedded.blocking import BlockingBroker, BlockingClock

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR


def channel_of(broker: BlockingBroker) -> Any:
    return pika.BlockingConnection(pika.URLParameters(f"{broker.amqp_url}?heartbeat=5")).channel()


def test_sqs_visibility_of_twelve_hours(onemq: BlockingBroker, onemq_clock: BlockingClock) -> None:
    sqs = boto3.client("sqs", **onemq.aws_options)
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (first,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=12 * HOUR)["Messages"]
    onemq_clock.advance(12 * HOUR - MINUTE)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    onemq_clock.advance(MINUTE)
    (second,) = sqs.receive_message(QueueUrl=url, AttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert second["MessageId"] == first["MessageId"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"


def test_sqs_deduplication_of_five_minutes(onemq: BlockingBroker, onemq_clock: BlockingClock) -> None:
    sqs = boto3.client("sqs", **onemq.aws_options)
    url = sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def send() -> None:
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")

    send()
    onemq_clock.advance(5 * MINUTE - 10)
    send()
    assert onemq.count("jobs.fifo") == (1, 0, 0)
    onemq_clock.advance(11)
    send()
    assert onemq.count("jobs.fifo") == (2, 0, 0)


def test_sqs_delay_retention_and_long_poll(onemq: BlockingBroker, onemq_clock: BlockingClock) -> None:
    sqs = boto3.client("sqs", **onemq.aws_options)
    attributes = {"DelaySeconds": "900", "MessageRetentionPeriod": str(4 * DAY)}
    url = sqs.create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    onemq_clock.advance(900)
    assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["Body"] == "x"
    onemq_clock.advance(4 * DAY)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_sqs_messages_that_are_too_old_are_gone(onemq: BlockingBroker, onemq_clock: BlockingClock) -> None:
    """Without anybody asking for them: what is ready at once, what is in flight when it would be ready again."""
    sqs = boto3.client("sqs", **onemq.aws_options)
    urls = {
        name: sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        for name, attributes in {"brief": {"MessageRetentionPeriod": "60"}, "kept": {}}.items()
    }
    for name, body in (("brief", "ready"), ("brief", "in flight"), ("kept", "kept")):
        sqs.send_message(QueueUrl=urls[name], MessageBody=body)
    (taken,) = sqs.receive_message(QueueUrl=urls["brief"], VisibilityTimeout=70)["Messages"]
    assert taken["Body"] == "ready"
    onemq_clock.advance(59)
    assert onemq.count("brief") == (1, 1, 0)
    onemq_clock.advance(1)
    assert onemq.count("brief") == (0, 1, 0)
    onemq_clock.advance(10)
    assert onemq.count("brief") == (0, 0, 0)
    (kept,) = sqs.receive_message(QueueUrl=urls["kept"])["Messages"]
    assert kept["Body"] == "kept"


def test_amqp_ttl_and_delayed_exchange(onemq: BlockingBroker, onemq_clock: BlockingClock) -> None:
    channel = channel_of(onemq)
    channel.queue_declare("dead")
    channel.queue_declare(
        "orders",
        arguments={
            "x-message-ttl": DAY * 1000,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "dead",
        },
    )
    channel.exchange_declare("later", "x-delayed-message", arguments={"x-delayed-type": "fanout"})
    channel.queue_bind("orders", "later")
    channel.basic_publish("later", "", b"x", pika.BasicProperties(headers={"x-delay": 6 * HOUR * 1000}))
    channel.connection.process_data_events(0)
    onemq_clock.advance(6 * HOUR - MINUTE)
    assert channel.queue_declare("orders", passive=True).method.message_count == 0
    onemq_clock.advance(MINUTE + 1)
    assert channel.queue_declare("orders", passive=True).method.message_count == 1
    onemq_clock.advance(DAY)
    assert channel.queue_declare("orders", passive=True).method.message_count == 0
    _method, properties, body = channel.basic_get("dead", auto_ack=True)
    assert body == b"x"
    assert properties.headers["x-death"][0]["reason"] == "expired"
    channel.connection.close()


def test_an_idle_connection_does_not_notice(onemq: BlockingBroker, onemq_clock: BlockingClock) -> None:
    """Heartbeats of 5 s are agreed; thirty days pass at once."""
    channel = channel_of(onemq)
    channel.queue_declare("orders")
    onemq_clock.advance(30 * DAY)
    channel.basic_publish("", "orders", b"x")
    assert channel.basic_get("orders", auto_ack=True)[2] == b"x"
    channel.connection.close()


def test_kafka_retention(onemq: BlockingBroker, onemq_clock: BlockingClock) -> None:
    admin = AdminClient({"bootstrap.servers": onemq.kafka_bootstrap})
    config = {"retention.ms": str(DAY * 1000), "segment.ms": str(HOUR * 1000)}
    admin.create_topics([NewTopic("events", 1, config=config)])["events"].result(30)
    producer = Producer({"bootstrap.servers": onemq.kafka_bootstrap})
    producer.produce("events", "x")
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": onemq.kafka_bootstrap, "group.id": "g"})
    partition = TopicPartition("events", 0)
    assert consumer.get_watermark_offsets(partition, timeout=30) == (0, 1)
    onemq_clock.advance(2 * DAY)
    assert consumer.get_watermark_offsets(partition, timeout=30) == (1, 1)
    consumer.close()


def test_a_member_that_is_silent_loses_its_partitions(
    onemq: BlockingBroker, onemq_clock: BlockingClock
) -> None:
    """The session time-out, without waiting for it: the group forgets the member whose heartbeats come too late by the broker's clock."""
    admin = AdminClient({"bootstrap.servers": onemq.kafka_bootstrap})
    admin.create_topics([NewTopic("events", 1)])["events"].result(30)
    options = {
        "bootstrap.servers": onemq.kafka_bootstrap,
        "group.id": "g",
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 1_000_000,
        "max.poll.interval.ms": 1_000_000,
        "heartbeat.interval.ms": 900_000,
    }
    silent = Consumer(options)
    silent.subscribe(["events"])
    onemq.publish("events", "x")
    assert silent.poll(30).value() == b"x"
    onemq_clock.advance(1_001)
    (listed,) = admin.list_consumer_groups().result(30).valid
    assert listed.group_id == "g"
    described = admin.describe_consumer_groups(["g"])["g"].result(30)
    assert described.members == []
    silent.close()


@pytest.mark.parametrize("said_ms", [1_000_000_000_000, 20_000_000_000_000])
def test_retention_counts_from_the_arrival_whatever_a_kafka_producer_says(
    onemq: BlockingBroker, onemq_clock: BlockingClock, said_ms: int
) -> None:
    """As SQS counts from the send: over SQS (retention) and over AMQP (x-message-ttl)."""
    sqs = boto3.client("sqs", **onemq.aws_options)
    channel = channel_of(onemq)
    url = sqs.create_queue(QueueName="s", Attributes={"MessageRetentionPeriod": str(3 * DAY)})["QueueUrl"]
    admin = AdminClient({"bootstrap.servers": onemq.kafka_bootstrap})
    settings = {"retention.ms": "-1"}
    for side in ("before", "after"):
        settings[f"message.timestamp.{side}.max.ms"] = str(2**62)
    for future in admin.create_topics([NewTopic(name, 1, config=settings) for name in ("s", "a")]).values():
        future.result(10)
    channel.queue_declare("a", durable=True, arguments={"x-message-ttl": 3 * DAY * 1000})
    producer = Producer({"bootstrap.servers": onemq.kafka_bootstrap})
    for topic in ("s", "a"):
        producer.produce(topic, b"x", timestamp=said_ms)  # in 2001, in 2603
    assert producer.flush(10) == 0
    onemq_clock.advance(3 * DAY - HOUR)
    assert onemq.count("s") == (1, 0, 0) and onemq.count("a") == (1, 0, 0)
    received = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    assert [message["Body"] for message in received] == ["x"]
    onemq_clock.advance(2 * HOUR)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert onemq.count("s") == (0, 0, 0) and onemq.count("a") == (0, 0, 0)
