"""Quorum queues and streams with pika."""

from __future__ import annotations

import datetime
import time

import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.spec import BasicProperties
from pika_session import (
    Collector,
    Connect,
    Name,
    Table,
    channel_error,
    connection_error,
    drain,
    fetch,
    get,
    publish,
    wait_ready_count,
    wait_until,
)


@pytest.fixture
def quorum(confirming: BlockingChannel, name: Name) -> str:
    queue = name("quorum")
    confirming.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    return queue


@pytest.fixture
def stream(confirming: BlockingChannel, name: Name) -> str:
    """A stream with the messages 0 to 4."""
    queue = name("stream")
    confirming.queue_declare(queue, durable=True, arguments={"x-queue-type": "stream"})
    for number in range(5):
        confirming.basic_publish("", queue, str(number), BasicProperties(headers={"n": number}))
    return queue


def stream_consumer(connection: BlockingConnection, stream: str, offset: object = None) -> Collector:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=10)
    arguments: Table = {} if offset is None else {"x-stream-offset": offset}
    return Collector(channel, acknowledge=True).consume(stream, arguments=arguments)


def test_quorum_queue_keeps_order_and_settles(confirming: BlockingChannel, quorum: str) -> None:
    for number in range(5):
        confirming.basic_publish("", quorum, str(number), BasicProperties(delivery_mode=2))
    first = fetch(confirming, quorum, auto_ack=False)
    assert first.headers.get("x-delivery-count", 0) == 0
    confirming.basic_ack(first.tag)
    collector = Collector(confirming, acknowledge=True).consume(quorum)
    collector.wait(4)
    assert collector.bodies == [b"1", b"2", b"3", b"4"]
    wait_ready_count(confirming, quorum, 0)


def test_quorum_queue_counts_redeliveries(channel: BlockingChannel, quorum: str) -> None:
    publish(channel, quorum, b"m")
    first = fetch(channel, quorum, auto_ack=False)
    channel.basic_reject(first.tag, requeue=True)
    second = fetch(channel, quorum, auto_ack=False)
    assert (second.redelivered, second.headers["x-delivery-count"]) == (True, 1)
    channel.basic_reject(second.tag, requeue=True)
    assert fetch(channel, quorum).headers["x-delivery-count"] == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"durable": False}, "invalid property 'non-durable'"),
        ({"exclusive": True}, "invalid property 'exclusive"),
    ],
)
@pytest.mark.parametrize("queue_type", ["quorum", "stream"])
def test_quorum_queues_and_streams_are_durable_and_shared(
    channel: BlockingChannel, name: Name, queue_type: str, options: dict[str, bool], text: str
) -> None:
    with channel_error(406, "PRECONDITION_FAILED - " + text):
        channel.queue_declare(
            name("queue"), **{"durable": True, **options}, arguments={"x-queue-type": queue_type}
        )


def test_the_type_of_a_queue_does_not_change(connection: BlockingConnection, name: Name) -> None:
    queue = name("queue")
    connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "classic"})
    connection.channel().queue_declare(queue, durable=True)  # no type means classic
    with channel_error(406, "PRECONDITION_FAILED - inequivalent arg 'x-queue-type'"):
        connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})


def test_quorum_queue_does_not_take_priorities_argument(channel: BlockingChannel, name: Name) -> None:
    with channel_error(406, "PRECONDITION_FAILED - invalid arg 'x-max-priority'"):
        channel.queue_declare(
            name("queue"), durable=True, arguments={"x-queue-type": "quorum", "x-max-priority": 5}
        )


def test_quorum_queue_single_active_consumer(connection: BlockingConnection, name: Name) -> None:
    queue = name("sac")
    first_channel, second_channel = connection.channel(), connection.channel()
    arguments: Table = {"x-queue-type": "quorum", "x-single-active-consumer": True}
    first_channel.queue_declare(queue, durable=True, arguments=arguments)
    first = Collector(first_channel, acknowledge=True).consume(queue)
    second = Collector(second_channel, acknowledge=True).consume(queue)
    publish(first_channel, queue, b"1")
    first.wait(1)
    first_channel.basic_cancel(first.tag)
    publish(second_channel, queue, b"2")
    second.wait(1)
    assert (first.bodies, second.bodies) == ([b"1"], [b"2"])


def test_a_broken_connection_counts_as_a_delivery(connect: Connect, quorum: str) -> None:
    connection = connect()
    channel = connection.channel()
    publish(channel, quorum, b"m")
    fetch(channel, quorum, auto_ack=False)
    connection.close()
    message = fetch(connect().channel(), quorum)
    assert message.redelivered and message.headers["x-delivery-count"] == 1


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("first", [b"0", b"1", b"2", b"3", b"4"]),
        (0, [b"0", b"1", b"2", b"3", b"4"]),
        (3, [b"3", b"4"]),
        (datetime.datetime(2020, 1, 1), [b"0", b"1", b"2", b"3", b"4"]),
        ("last", [b"4"]),
    ],
    ids=str,
)
def test_stream_offsets(
    connection: BlockingConnection, stream: str, offset: object, expected: list[bytes]
) -> None:
    collector = stream_consumer(connection, stream, offset)
    messages = collector.wait(len(expected))
    assert collector.bodies == expected
    assert [message.headers["x-stream-offset"] for message in messages] == [int(body) for body in expected]
    assert [message.headers["n"] for message in messages] == [int(body) for body in expected]


@pytest.mark.parametrize("offset", ["next", None, 5], ids=str)
def test_stream_offset_next_is_the_default(
    connection: BlockingConnection, confirming: BlockingChannel, stream: str, offset: object
) -> None:
    collector = stream_consumer(connection, stream, offset)
    confirming.basic_publish("", stream, b"new")
    assert collector.wait(1)[0].headers["x-stream-offset"] == 5
    assert collector.bodies == [b"new"]


def test_a_stream_timestamp_skips_what_is_older(
    connection: BlockingConnection, confirming: BlockingChannel, stream: str
) -> None:
    # AMQP timestamps are whole seconds, so the boundary has to lie between two of them.
    boundary = int(time.time()) + 1
    wait_until(confirming, lambda: time.time() >= boundary + 0.05)
    confirming.basic_publish("", stream, b"new")
    collector = stream_consumer(connection, stream, datetime.datetime.fromtimestamp(boundary, datetime.UTC))
    collector.wait(1)
    assert collector.bodies == [b"new"]


def test_a_bad_stream_offset(channel: BlockingChannel, stream: str) -> None:
    # RabbitMQ 4; 3.10 closes the connection with 541 INTERNAL_ERROR instead.
    channel.basic_qos(prefetch_count=1)
    with channel_error(406, "PRECONDITION_FAILED"):
        channel.basic_consume(stream, lambda *_: None, arguments={"x-stream-offset": "somewhere"})


def test_reading_a_stream_takes_nothing_away(connection: BlockingConnection, stream: str) -> None:
    readers = [stream_consumer(connection, stream, "first") for _ in range(2)]
    for reader in readers:
        reader.wait(5)
    again = stream_consumer(connection, stream, "first")
    again.wait(5)
    assert again.bodies == readers[0].bodies == readers[1].bodies
    assert not any(message.redelivered for message in again.messages)


def test_stream_prefetch_is_credit(connection: BlockingConnection, stream: str) -> None:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2)
    collector = Collector(channel).consume(stream, arguments={"x-stream-offset": "first"})
    collector.wait(2)
    channel.basic_ack(collector.messages[1].tag, multiple=True)
    collector.wait(4)
    channel.basic_ack(collector.messages[3].tag, multiple=True)
    collector.wait(5)
    assert collector.bodies == [b"0", b"1", b"2", b"3", b"4"]


def test_stream_consumers_need_a_prefetch(channel: BlockingChannel, stream: str) -> None:
    with channel_error(406, "PRECONDITION_FAILED - consumer prefetch count is not set for"):
        channel.basic_consume(stream, lambda *_: None)


def test_stream_consumers_must_acknowledge(connect: Connect, stream: str) -> None:
    channel = connect().channel()
    channel.basic_qos(prefetch_count=1)
    with connection_error(540, "NOT_IMPLEMENTED - automatic acknowledgement not supported by stream queues"):
        channel.basic_consume(stream, lambda *_: None, auto_ack=True)


def test_a_stream_has_no_get(connect: Connect, stream: str) -> None:
    with connection_error(540, "NOT_IMPLEMENTED - basic.get not supported by stream queues"):
        connect().channel().basic_get(stream)


def test_a_stream_bound_to_an_exchange(
    connection: BlockingConnection, confirming: BlockingChannel, name: Name
) -> None:
    exchange, queue = name("topic"), name("stream")
    confirming.exchange_declare(exchange, "topic")
    confirming.queue_declare(queue, durable=True, arguments={"x-queue-type": "stream"})
    confirming.queue_bind(queue, exchange, "log.#")
    confirming.basic_publish(exchange, "log.info", b"m", BasicProperties(content_type="text/plain"))
    message = stream_consumer(connection, queue, "first").wait(1)[0]
    assert (message.exchange, message.routing_key) == (exchange, "log.info")
    assert message.properties.content_type == "text/plain"


def test_classic_queue_named_explicitly(channel: BlockingChannel, name: Name) -> None:
    queue = name("classic")
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "classic"})
    publish(channel, queue, b"m")
    assert drain(channel, queue) == [b"m"]
    assert get(channel, queue) is None
