"""Same name, same log: SQS's, AMQP's and Kafka's clients on one broker, in all directions. Only onemq has this.

docs/protocols/sqs.md has the table of attributes and headers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import closing
from typing import Any

import pika
import pytest
from confluent_kafka import Consumer, Producer
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import BasicProperties

from clients.aws_python.session import (
    ACCOUNT,
    REGION,
    WITHIN_SECONDS,
    AwsBroker,
    Client,
    Start,
    Unique,
    aws_client,
    bodies,
    counts,
    delete,
    receive,
    receive_exactly,
    send,
)
from clients.kafka_python.session import create_topic


@pytest.fixture
def channel(onemq: AwsBroker) -> Generator[BlockingChannel, None, None]:
    """A channel with confirms."""
    with closing(pika.BlockingConnection(pika.URLParameters(onemq.url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def publish(channel: BlockingChannel, queue: str, body: bytes, **properties: Any) -> None:
    channel.basic_publish(
        "", queue, body, BasicProperties(**{"delivery_mode": 2, **properties}), mandatory=True
    )


def get(channel: BlockingChannel, queue: str) -> tuple[Any, Any, bytes]:
    """The next message of an AMQP queue; it has to come within the bound."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while True:
        method, properties, body = channel.basic_get(queue)
        if method is not None:
            return method, properties, body
        assert time.monotonic() < deadline, "no message"
        time.sleep(0.02)


def url_of(onemq: AwsBroker, name: str) -> str:
    return f"{onemq.endpoint}/{ACCOUNT}/{name}"


@pytest.mark.parametrize("order", ["sqs first", "amqp first"])
def test_what_sqs_sends_an_amqp_consumer_gets(
    onemq: AwsBroker, sqs: Client, channel: BlockingChannel, unique: Unique, order: str
) -> None:
    name = unique("orders")
    if order == "sqs first":
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        channel.queue_declare(name, passive=True)
    else:
        channel.queue_declare(name, durable=True)
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="hello ümlaut",
        MessageAttributes={
            "colour": {"DataType": "String", "StringValue": "red"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            "count": {"DataType": "Number", "StringValue": "7"},
        },
    )
    method, properties, body = get(channel, name)
    assert body.decode() == "hello ümlaut"
    assert properties.headers["colour"] == "red" and properties.headers["raw"] == b"\x00\xff"
    assert str(properties.headers["count"]) == "7"
    assert properties.message_id == sent["MessageId"]
    channel.basic_ack(method.delivery_tag)
    channel.queue_declare(name, passive=True)  # the acknowledgement has been seen
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parametrize("order", ["sqs first", "amqp first"])
def test_what_amqp_publishes_sqs_receives(
    onemq: AwsBroker, sqs: Client, channel: BlockingChannel, unique: Unique, order: str
) -> None:
    name = unique("orders")
    if order == "sqs first":
        sqs.create_queue(QueueName=name)
    channel.queue_declare(name, durable=True, passive=order == "sqs first")
    publish(channel, name, "hello ümlaut".encode(), headers={"colour": "red", "count": 7, "raw": b"\x00\xff"})
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    [message] = receive_exactly(sqs, url, 1, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert message["Body"] == "hello ümlaut"
    found = message["MessageAttributes"]
    assert found["colour"] == {"DataType": "String", "StringValue": "red"}
    assert found["count"]["StringValue"] == "7" and found["count"]["DataType"].startswith("Number")
    assert found["raw"] == {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert channel.queue_declare(name, passive=True).method.message_count == 0


def test_attempts_are_counted_for_both(
    onemq: AwsBroker, sqs: Client, channel: BlockingChannel, unique: Unique
) -> None:
    name = unique("orders")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    send(sqs, url, "hello")
    assert len(receive(sqs, url, VisibilityTimeout=0)) == 1
    method, _, _ = get(channel, name)
    assert method.redelivered
    # While AMQP has it, SQS has it not; and the other way round.
    assert receive(sqs, url) == []
    channel.basic_nack(method.delivery_tag, requeue=True)
    [message] = receive_exactly(sqs, url, 1, AttributeNames=["All"])
    assert message["Attributes"]["ApproximateReceiveCount"] == "3"
    assert channel.basic_get(name)[0] is None
    delete(sqs, url, [message])


def test_one_queue_is_drained_by_both_at_once(onemq: AwsBroker, sqs: Client, unique: Unique) -> None:
    name, count = unique("orders"), 600
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    by_sqs: list[str] = []
    by_amqp: list[str] = []
    all_done = threading.Event()

    def seen() -> int:
        if len(by_sqs) + len(by_amqp) >= count:
            all_done.set()
        return len(by_sqs) + len(by_amqp)

    def poll() -> None:
        client = aws_client("sqs", onemq.endpoint)
        while not all_done.is_set():
            found = receive(client, url, 10, WaitTimeSeconds=1)
            if found:
                entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found)]
                client.delete_message_batch(QueueUrl=url, Entries=entries)
            by_sqs.extend(bodies(found))
            seen()

    def consume() -> None:
        with closing(pika.BlockingConnection(pika.URLParameters(onemq.url))) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=5)
            for method, _, body in channel.consume(name, inactivity_timeout=0.1):
                if method is not None:
                    channel.basic_ack(method.delivery_tag)
                    by_amqp.append(body.decode())
                if seen() >= count:
                    break
            channel.cancel()

    threads = [threading.Thread(target=poll), threading.Thread(target=poll), threading.Thread(target=consume)]
    for thread in threads:
        thread.start()
    for begin in range(0, count, 10):
        entries = [{"Id": str(n), "MessageBody": str(begin + n)} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert all_done.wait(30), f"{len(by_sqs)} by SQS, {len(by_amqp)} by AMQP"
    for thread in threads:
        thread.join(30)
    assert sorted(map(int, by_sqs + by_amqp)) == list(range(count))
    assert by_sqs and by_amqp, "one of them got nothing"
    assert counts(sqs, url) == (0, 0, 0)


@pytest.fixture
def bootstrap(onemq: AwsBroker) -> str:
    return f"{onemq.host}:{onemq.ports['kafka']}"


def produce(bootstrap: str, topic: str, *values: bytes, **arguments: Any) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
    for value in values:
        producer.produce(topic, value, partition=0, **arguments)
    assert producer.flush(WITHIN_SECONDS) == 0


def consume(bootstrap: str, topic: str, count: int) -> list[Any]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
        }
    )
    consumer.subscribe([topic])
    found: list[Any] = []
    deadline = time.monotonic() + WITHIN_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} records"
        found += [record for record in consumer.consume(count, 0.1) if record.error() is None]
    consumer.close()
    return found


@pytest.mark.parametrize("order", ["sqs first", "topic first"])
def test_what_kafka_produces_sqs_receives(sqs: Client, bootstrap: str, unique: Unique, order: str) -> None:
    name = unique("orders")
    if order == "sqs first":
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
    create_topic(bootstrap, name)
    if order == "topic first":
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
    produce(bootstrap, name, b"one", b"two", key=b"k", headers=[("colour", b"red")])
    found = receive_exactly(sqs, url, 2, MessageAttributeNames=["All"])
    assert bodies(found) == ["one", "two"]
    assert found[0]["MessageAttributes"]["colour"]["StringValue"] == "red"
    delete(sqs, url, found)
    assert counts(sqs, url) == (0, 0, 0)
    # The topic has them still.
    assert [record.value() for record in consume(bootstrap, name, 2)] == [b"one", b"two"]


def test_what_sqs_sends_a_kafka_group_reads(sqs: Client, bootstrap: str, unique: Unique) -> None:
    name = unique("orders")
    create_topic(bootstrap, name)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    mine = {"colour": {"DataType": "String", "StringValue": "red"}}
    sqs.send_message(QueueUrl=url, MessageBody="one", MessageAttributes=mine, MessageGroupId="g")
    send(sqs, url, "two")
    records = consume(bootstrap, name, 2)
    assert [record.value() for record in records] == [b"one", b"two"]
    assert dict(records[0].headers())["colour"] == b"red" and records[0].key() == b"g"
    assert sorted(bodies(receive_exactly(sqs, url, 2))) == ["one", "two"]


def test_all_three_meet(sqs: Client, bootstrap: str, channel: BlockingChannel, unique: Unique) -> None:
    name = unique("orders")
    create_topic(bootstrap, name)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    send(sqs, url, "by sqs")
    publish(channel, name, b"by amqp")
    produce(bootstrap, name, b"by kafka")
    assert [record.value() for record in consume(bootstrap, name, 3)] == [b"by sqs", b"by amqp", b"by kafka"]
    [first] = receive(sqs, url, 1)
    method, _, body = get(channel, name)
    [third] = receive(sqs, url, 10)
    assert [first["Body"], body.decode(), third["Body"]] == ["by sqs", "by amqp", "by kafka"]
    channel.basic_ack(method.delivery_tag)
    delete(sqs, url, [first, third])
    channel.queue_declare(name, passive=True)
    assert counts(sqs, url) == (0, 0, 0)


def test_an_amqp_body_that_is_no_text_is_shown_as_base64(
    sqs: Client, channel: BlockingChannel, unique: Unique
) -> None:
    import base64

    name = unique("orders")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    publish(channel, name, b"\x00\xff\xfe")
    [message] = receive_exactly(sqs, url, 1)
    assert base64.b64decode(message["Body"]) == b"\x00\xff\xfe"


def test_a_fifo_queue_is_read_by_amqp_in_order(sqs: Client, fifo: str, channel: BlockingChannel) -> None:
    name = fifo.rsplit("/", 1)[1]
    send(sqs, fifo, "a1", "a2", MessageGroupId="a")
    send(sqs, fifo, "b1", MessageGroupId="b")
    first = get(channel, name)
    second = get(channel, name)
    assert {first[2], second[2]} == {b"a1", b"b1"}
    assert receive(sqs, fifo) == []
    for method, _, _ in (first, second):
        channel.basic_ack(method.delivery_tag)
    assert bodies(receive_exactly(sqs, fifo, 1)) == ["a2"]


def test_amqps_limit_of_a_message_is_amqps_alone(start: Start, unique: Unique) -> None:
    """Nor is what others send kept from AMQP's consumers."""
    broker = start(configuration="[amqp]\nmessage_bytes_max = 1000\n", memory=True)
    sqs, sns = aws_client("sqs", broker.endpoint), aws_client("sns", broker.endpoint)
    name = unique("large")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
        Attributes={"RawMessageDelivery": "true"},
    )
    large = "x" * 200_000
    send(sqs, url, large)
    sns.publish(TopicArn=topic, Message=large)
    with closing(pika.BlockingConnection(pika.URLParameters(broker.url))) as connection:
        channel = connection.channel()
        assert [get(channel, name)[2] for _ in range(2)] == [large.encode()] * 2
        channel.confirm_delivery()
        channel.basic_publish("", name, b"x" * 1000, mandatory=True)
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
            channel.basic_publish("", name, b"x" * 1001, mandatory=True)
        assert caught.value.reply_code == 406
