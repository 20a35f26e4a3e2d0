"""Each fault, as a real client of each protocol sees it."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pika
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from onemq.embedded.blocking import BlockingBroker
from onemq.embedded.errors import Refused
from onemq.faults import Faults

ONCE = Config(retries={"total_max_attempts": 1})


def amqp(broker: BlockingBroker, name: str = "test") -> Any:
    parameters = pika.URLParameters(broker.amqp_url)
    parameters.client_properties = {"connection_name": name}
    return pika.BlockingConnection(parameters)


def sqs_of(broker: BlockingBroker, config: Config | None = None) -> Any:
    return boto3.client("sqs", config=config, **broker.aws_options)


def test_drop_by_protocol_and_by_name(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    billing, shipping = amqp(onemq, "billing"), amqp(onemq, "shipping")
    sqs = sqs_of(onemq)
    sqs.list_queues()
    assert onemq_faults.drop(connection="billing") == 1
    with pytest.raises(pika.exceptions.AMQPError):
        billing.channel()
    shipping.channel()
    assert onemq_faults.drop(protocol="amqp") == 1
    with pytest.raises(pika.exceptions.AMQPError):
        shipping.channel()
    assert onemq_faults.drop() >= 1
    # A client that connects again is welcome.
    amqp(onemq).close()
    sqs.list_queues()


def test_a_lost_answer_was_done(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    sqs = sqs_of(onemq, ONCE)
    onemq_faults.drop_answers(1, protocol="aws")
    with pytest.raises(ConnectionClosedError):
        sqs.create_queue(QueueName="orders")
    assert onemq.names().queues == {"orders"}
    # With boto3's own retries the second try does it again, and the program notices nothing.
    onemq_faults.drop_answers(1, protocol="aws")
    url = sqs_of(onemq).create_queue(QueueName="orders")["QueueUrl"]
    assert url.endswith("/orders")


def test_a_lost_acknowledgement_makes_an_idempotent_producer_send_again(
    onemq: BlockingBroker, onemq_faults: Faults
) -> None:
    onemq.declare_topic("events")
    producer = Producer({"bootstrap.servers": onemq.kafka_bootstrap, "enable.idempotence": True})
    producer.produce("events", "one")
    assert producer.flush(30) == 0
    fault = onemq_faults.drop_answers(1, protocol="kafka")
    producer.produce("events", "two")
    assert producer.flush(60) == 0
    assert fault.struck == 1
    # Sent again, written once: that is what idempotence is for.
    assert [each.text() for each in onemq.peek("events")] == ["one", "two"]


def test_refused_calls(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    once = sqs_of(onemq, ONCE)
    fault = onemq_faults.refuse(2, protocol="aws")
    for _ in range(2):
        with pytest.raises(ClientError, match="503"):
            once.create_queue(QueueName="orders")
    assert onemq.names().queues == set()
    once.create_queue(QueueName="orders")
    assert fault.struck == 2
    # boto3 tries again by itself.
    url = once.get_queue_url(QueueName="orders")["QueueUrl"]
    again = onemq_faults.refuse(1, protocol="aws")
    sqs_of(onemq).send_message(QueueUrl=url, MessageBody="x")
    assert again.struck == 1
    assert onemq.count("orders") == (1, 0, 0)


def test_refused_connections(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    onemq_faults.refuse(1, protocol="amqp")
    with pytest.raises(pika.exceptions.AMQPError):
        amqp(onemq)
    amqp(onemq).close()
    with onemq_faults.refuse(protocol="kafka") as fault:
        admin = AdminClient({"bootstrap.servers": onemq.kafka_bootstrap})
        with pytest.raises(KafkaException):
            admin.list_topics(timeout=2)
        assert fault.struck >= 1
    assert admin.list_topics(timeout=30).brokers


def test_late_answers(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    patient = sqs_of(onemq, ONCE)
    impatient = sqs_of(onemq, Config(retries={"total_max_attempts": 1}, read_timeout=1))
    with onemq_faults.delay(3, protocol="aws"):
        with pytest.raises(ReadTimeoutError):
            impatient.create_queue(QueueName="orders")
        assert patient.list_queues()["QueueUrls"]
    assert impatient.list_queues()["QueueUrls"]


def test_answers_that_are_late_keep_their_order(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    connection = amqp(onemq)
    channel = connection.channel()
    channel.queue_declare("orders")
    with onemq_faults.delay(0.05, protocol="amqp"):
        for number in range(20):
            channel.basic_publish("", "orders", str(number).encode())
        for number in range(20):
            assert channel.basic_get("orders", auto_ack=True)[2] == str(number).encode()
    connection.close()


def test_a_slow_line(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    """100 kB at 100 kB/s: a second each way at least, and all of it."""
    body = bytes(range(256)) * 400
    connection = amqp(onemq)
    channel = connection.channel()
    channel.queue_declare("orders")
    channel.confirm_delivery()
    with onemq_faults.throttle(100_000, protocol="amqp"):
        started = time.monotonic()
        channel.basic_publish("", "orders", body)
        assert channel.basic_get("orders", auto_ack=True)[2] == body
        # A lower bound is no race: a slow machine only makes it longer.
        assert time.monotonic() - started >= 1
    connection.close()


def test_duplicates_over_amqp_and_sqs(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    connection = amqp(onemq)
    channel = connection.channel()
    channel.queue_declare("orders", durable=True)
    for number in range(3):
        channel.basic_publish(
            "", "orders", str(number).encode(), pika.BasicProperties(message_id=str(number))
        )
    channel.queue_declare("orders", passive=True)
    onemq_faults.duplicate("orders", 2)
    seen: list[int] = []
    for method, properties, body in channel.consume("orders", inactivity_timeout=1):
        if method is None:
            break
        assert properties.message_id == body.decode()
        assert not method.redelivered
        seen.append(int(body))
        channel.basic_ack(method.delivery_tag)
    assert sorted(seen) == [0, 0, 1, 1, 2]
    connection.close()
    sqs = sqs_of(onemq)
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    onemq_faults.duplicate("jobs")
    received = [sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0] for _ in range(2)]
    assert received[0]["MessageId"] == received[1]["MessageId"]
    for each in received:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    assert onemq.count("jobs") == (0, 0, 0)


def test_duplicates_of_a_topic_that_is_consumed_as_a_queue(
    onemq: BlockingBroker, onemq_faults: Faults
) -> None:
    onemq.declare_topic("events", partitions=3)
    with onemq.consume("events", prefetch=1, wait=0.5) as messages:
        onemq.publish("events", "first")
        next(messages).ack()
        onemq_faults.duplicate("events", 2)
        for number in range(6):
            onemq.publish("events", str(number), key=str(number))
        seen = []
        for message in messages:
            seen.append(message.text())
            message.ack()
    assert set(seen) == {str(number) for number in range(6)}
    assert len(seen) == 8
    onemq.declare_queue("stream", arguments={"x-queue-type": "stream"})
    with pytest.raises(Refused, match="one consumer"):
        onemq_faults.duplicate("stream")


def test_a_consumer_group_survives_broken_connections(onemq: BlockingBroker, onemq_faults: Faults) -> None:
    onemq.declare_topic("events")
    consumer = Consumer(
        {"bootstrap.servers": onemq.kafka_bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["events"])
    seen: list[int] = []
    for number in range(5):
        onemq.publish("events", str(number))
        while len(seen) <= number:
            record = consumer.poll(30)
            assert record is not None
            if record.error() is None:
                seen.append(int(record.value()))
        onemq_faults.drop(protocol="kafka")
    assert seen == list(range(5))
    consumer.close()
