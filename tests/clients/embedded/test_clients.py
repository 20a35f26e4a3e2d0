"""Real clients against the broker in their own process: every protocol, several brokers, blocking clients inside coroutines."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import aio_pika
import boto3
import pika
import pytest
from confluent_kafka import Consumer, KafkaError, Producer

import onemq as package
from onemq.embedded.blocking import BlockingBroker

COUNT = 200
GROUP_OPTIONS: dict[str, object] = {"group.id": "g", "auto.offset.reset": "earliest"}


def test_pika(onemq: BlockingBroker) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(onemq.amqp_url))
    channel = connection.channel()
    channel.queue_declare("orders", durable=True)
    channel.confirm_delivery()
    for number in range(COUNT):
        channel.basic_publish("", "orders", str(number).encode(), pika.BasicProperties(delivery_mode=2))
    seen: list[int] = []
    for method, _properties, body in channel.consume("orders", inactivity_timeout=30):
        assert method is not None
        seen.append(int(body))
        channel.basic_ack(method.delivery_tag)
        if len(seen) == COUNT:
            break
    connection.close()
    assert seen == list(range(COUNT))
    assert onemq.count("orders") == (0, 0, 0)


def test_aio_pika_on_the_loop_of_the_test(onemq: BlockingBroker) -> None:
    async def main() -> list[bytes]:
        connection = await aio_pika.connect(onemq.amqp_url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("orders", durable=True)
            await asyncio.gather(
                *[
                    channel.default_exchange.publish(aio_pika.Message(str(number).encode()), "orders")
                    for number in range(COUNT)
                ]
            )
            found = []
            async with queue.iterator() as messages:
                async for message in messages:
                    found.append(message.body)
                    await message.ack()
                    if len(found) == COUNT:
                        break
            return found

    assert sorted(asyncio.run(main()), key=int) == [str(number).encode() for number in range(COUNT)]


def test_confluent_kafka(onemq: BlockingBroker) -> None:
    failures: list[KafkaError] = []
    producer = Producer({"bootstrap.servers": onemq.kafka_bootstrap})
    for number in range(COUNT):
        producer.produce(
            "events",
            str(number),
            on_delivery=lambda error, _message: failures.append(error) if error else None,
        )
    assert producer.flush(30) == 0
    assert failures == []
    consumer = Consumer(
        {"bootstrap.servers": onemq.kafka_bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["events"])
    seen: list[int] = []
    while len(seen) < COUNT:
        record = consumer.poll(30)
        assert record is not None and record.error() is None
        seen.append(int(record.value()))
    consumer.close()
    assert seen == list(range(COUNT))


def test_boto3(onemq: BlockingBroker) -> None:
    sqs = boto3.client("sqs", **onemq.aws_options)
    sns = boto3.client("sns", **onemq.aws_options)
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="x")
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "x"
    assert onemq.names().notices == {"news"}


def test_after_that_all_of_it_is_gone(onemq: BlockingBroker) -> None:
    names = onemq.names()
    assert (names.queues, names.topics, names.exchanges, names.notices) == (set(), set(), set(), set())
    assert boto3.client("sns", **onemq.aws_options).list_topics()["Topics"] == []


def test_a_member_that_died_does_not_hold_up_the_next_test(onemq: BlockingBroker) -> None:
    """Its group would wait for its session time-out (45 s) before it gave another member the partition."""
    before = onemq.names()
    onemq.declare_topic("events")
    onemq.publish("events", "one")
    program = f"""
import sys, time
from confluent_kafka import Consumer
consumer = Consumer({GROUP_OPTIONS | {"bootstrap.servers": onemq.kafka_bootstrap}!r})
consumer.subscribe(["events"])
assert consumer.poll(30).value() == b"one"
print("has it", flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"has it\n"
        child.kill()
    assert onemq.names().groups == {"g"}
    onemq.delete_since(before)
    assert onemq.names().groups == set()
    onemq.declare_topic("events")
    onemq.publish("events", "two")
    consumer = Consumer(GROUP_OPTIONS | {"bootstrap.servers": onemq.kafka_bootstrap})
    consumer.subscribe(["events"])
    assert consumer.poll(30).value() == b"two"
    consumer.close()


def test_health_is_answered(onemq: BlockingBroker) -> None:
    with urllib.request.urlopen(f"{onemq.http_url}/health/ready", timeout=30) as answer:
        assert answer.status == 200


def test_what_one_protocol_brings_the_native_api_shows(onemq: BlockingBroker) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(onemq.amqp_url))
    channel = connection.channel()
    channel.queue_declare("orders", durable=True)
    properties = pika.BasicProperties(headers={"x-kind": "test"}, message_id="7", correlation_id="c")
    channel.basic_publish("", "orders", b"amqp", properties)
    message = onemq.get("orders", wait=30)
    assert message is not None
    assert message.headers["x-kind"] == b"test"
    assert (message.headers["message-id"], message.headers["correlation-id"]) == (b"7", b"c")
    message.ack()
    # And the other way round.
    onemq.publish("orders", json.dumps({"id": 1}), key="k", headers={"kind": "native"})
    _method, shown, body = channel.basic_get("orders", auto_ack=True)
    assert json.loads(body) == {"id": 1}
    assert shown.headers["kind"] in (b"native", "native")
    assert shown.headers["x-key"] in (b"k", "k")
    connection.close()


def test_a_native_declaration_is_an_amqp_declaration(onemq: BlockingBroker) -> None:
    onemq.declare_queue("dead")
    onemq.declare_queue("orders", dead_letter_to="dead", ttl=5, length_max=10)
    arguments = {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "dead",
        "x-message-ttl": 5000,
        "x-max-length": 10,
    }
    connection = pika.BlockingConnection(pika.URLParameters(onemq.amqp_url))
    connection.channel().queue_declare("orders", durable=True, arguments=arguments)
    connection.close()


def test_a_blocking_client_in_a_coroutine_does_not_block_the_broker() -> None:
    async def main() -> None:
        async with package.Broker() as broker:
            sqs = boto3.client("sqs", **broker.aws_options)
            sqs.create_queue(QueueName="orders")
            await broker.publish("orders", "x")
            assert [each.text() for each in await broker.peek("orders")] == ["x"]

    asyncio.run(asyncio.wait_for(main(), 60))


def test_several_brokers_at_once_and_again(tmp_path: Path) -> None:
    brokers = [BlockingBroker(tmp_path / str(number)) for number in range(3)]
    for _ in range(2):
        for broker in brokers:
            broker.start()
        for number, broker in enumerate(brokers):
            connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare("orders", durable=True)
            channel.basic_publish("", "orders", str(number).encode(), pika.BasicProperties(delivery_mode=2))
            connection.close()
        for broker in brokers:
            broker.stop()
    for number, broker in enumerate(brokers):
        with broker:
            assert [each.body for each in broker.peek("orders")] == [str(number).encode()] * 2


def test_a_stop_says_goodbye_to_those_who_are_there() -> None:
    with package.Broker() as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
        channel = connection.channel()
        channel.queue_declare("orders")
    with pytest.raises(pika.exceptions.AMQPError):
        channel.queue_declare("orders", passive=True)


def test_snapshot_of_what_clients_did(tmp_path: Path) -> None:
    with package.Broker() as broker:
        sqs = boto3.client("sqs", **broker.aws_options)
        attributes = {"FifoQueue": "true", "VisibilityTimeout": "600"}
        url = sqs.create_queue(QueueName="jobs.fifo", Attributes=attributes)["QueueUrl"]
        for number in range(3):
            sqs.send_message(
                QueueUrl=url, MessageBody=str(number), MessageGroupId="g", MessageDeduplicationId=str(number)
            )
        (taken,) = sqs.receive_message(QueueUrl=url)["Messages"]
        producer = Producer({"bootstrap.servers": broker.kafka_bootstrap})
        producer.produce("events", "one")
        assert producer.flush(30) == 0
        consumer = Consumer(
            {"bootstrap.servers": broker.kafka_bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe(["events"])
        assert consumer.poll(30).value() == b"one"
        consumer.commit(asynchronous=False)
        consumer.close()
        broker.snapshot(tmp_path / "saved")
    with package.Broker(restore=tmp_path / "saved") as broker:
        sqs = boto3.client("sqs", **broker.aws_options)
        url = sqs.get_queue_url(QueueName="jobs.fifo")["QueueUrl"]
        # Still leased, still deduplicated, still in order.
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        sqs.send_message(QueueUrl=url, MessageBody="again", MessageGroupId="g", MessageDeduplicationId="2")
        sqs.delete_message(QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"])
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert [each["Body"] for each in found] == ["1", "2"]
        consumer = Consumer(
            {"bootstrap.servers": broker.kafka_bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe(["events"])
        producer = Producer({"bootstrap.servers": broker.kafka_bootstrap})
        producer.produce("events", "two")
        assert producer.flush(30) == 0
        assert consumer.poll(30).value() == b"two"
        consumer.close()
