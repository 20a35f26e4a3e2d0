"""py-amqp, the client under kombu and Celery: commands with nowait, and field types that pika cannot send."""

from __future__ import annotations

import datetime
import decimal
import time
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import amqp
import pytest
from pika_session import WITHIN_SECONDS, Broker, Name


@pytest.fixture
def py_connection(broker: Broker) -> Generator[amqp.Connection, None, None]:
    connection = amqp.Connection(f"{broker.host}:{broker.port}", userid="guest", password="guest")
    connection.connect()
    yield connection
    if connection.connected:
        connection.close()


@pytest.fixture
def py_channel(py_connection: amqp.Connection) -> amqp.Channel:
    return py_connection.channel()


def fetch(channel: amqp.Channel, queue: str) -> amqp.Message:
    deadline = time.monotonic() + WITHIN_SECONDS
    while (message := channel.basic_get(queue, no_ack=True)) is None:
        assert time.monotonic() < deadline, f"no message in {queue}"
        time.sleep(0.01)
    return message


def test_every_command_with_nowait(py_channel: amqp.Channel, name: Name) -> None:
    queue, source, target = name("queue"), name("source"), name("target")
    py_channel.confirm_select(nowait=True)
    py_channel.exchange_declare(source, "topic", auto_delete=False, nowait=True)
    py_channel.exchange_declare(target, "fanout", auto_delete=False, nowait=True)
    py_channel.queue_declare(queue, durable=True, auto_delete=False, nowait=True)
    py_channel.exchange_bind(target, source, "a.#", nowait=True)
    py_channel.queue_bind(queue, target, nowait=True)
    py_channel.basic_publish(amqp.Message("purged"), source, "a.b")
    py_channel.queue_purge(queue, nowait=True)
    received: list[str] = []
    py_channel.basic_consume(
        queue,
        consumer_tag="mine",
        nowait=True,
        no_ack=True,
        callback=lambda message: received.append(message.body),
    )
    py_channel.basic_publish(amqp.Message("delivered"), source, "a.b")
    deadline = time.monotonic() + WITHIN_SECONDS
    while not received and time.monotonic() < deadline:
        py_channel.connection.drain_events(timeout=WITHIN_SECONDS)
    assert received == ["delivered"]
    py_channel.basic_cancel("mine", nowait=True)
    py_channel.exchange_unbind(target, source, "a.#", nowait=True)
    py_channel.queue_declare(queue, passive=True)
    py_channel.queue_delete(queue, nowait=True)
    py_channel.exchange_delete(target, nowait=True)
    py_channel.exchange_delete(source, nowait=True)
    with pytest.raises(amqp.exceptions.NotFound):
        py_channel.queue_declare(queue, passive=True)
    assert py_channel.connection.connected


def test_a_failing_nowait_closes_the_channel(py_connection: amqp.Connection) -> None:
    channel = py_connection.channel()
    channel.queue_bind("no-such-queue", "amq.direct", "key", nowait=True)
    with pytest.raises(amqp.exceptions.NotFound) as caught:
        channel.queue_declare(exclusive=True)
    assert "no queue 'no-such-queue'" in caught.value.reply_text
    assert py_connection.connected and py_connection.channel().is_open


VALUES: dict[str, Any] = {
    "bool": True,
    "int": 123456,
    "long": -(2**45),
    "double": -2.5,
    "small-double": 5e-324,
    "decimal": decimal.Decimal("-3.1415"),
    "text": "☃",
    "timestamp": datetime.datetime(2001, 2, 3, 4, 5, 6),
    "none": None,
    "list": [1.5, "x", None, [], {"y": False}],
    "table": {"nested": {"list": [1, 2.25]}},
}


@pytest.mark.parametrize("key", VALUES)
def test_field_types_round_trip(py_channel: amqp.Channel, name: Name, key: str) -> None:
    queue = name("queue")
    py_channel.queue_declare(queue, durable=True, auto_delete=False)
    py_channel.basic_publish(amqp.Message("m", application_headers={key: VALUES[key]}), routing_key=queue)
    received = fetch(py_channel, queue).headers[key]
    assert received == VALUES[key]
    assert type(received) is type(VALUES[key])


def test_queue_declare_with_all_kinds_of_arguments(py_channel: amqp.Channel, name: Name) -> None:
    queue = name("queue")
    arguments = {"x-max-length": 5, "note": "text", "ratio": 0.5, "deep": {"list": [1, None]}}
    for _ in range(2):
        py_channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)


def test_flow_is_answered(py_channel: amqp.Channel) -> None:
    # Clients may always ask for active flow; RabbitMQ refuses to stop it (540).
    py_channel.flow(True)
    assert py_channel.is_open


def test_stopping_flow_is_not_implemented(py_connection: amqp.Connection) -> None:
    with pytest.raises(amqp.exceptions.AMQPNotImplementedError):
        py_connection.channel().flow(False)


def test_heartbeats_of_a_quiet_client(broker: Broker) -> None:
    with amqp.Connection(
        f"{broker.host}:{broker.port}", userid="guest", password="guest", heartbeat=2
    ) as connection:
        assert connection.heartbeat == 2
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            connection.heartbeat_tick()
            with suppress(TimeoutError):  # nothing but heartbeats comes, as it should be
                connection.drain_events(timeout=0.5)
        assert connection.connected
        connection.channel().queue_declare(exclusive=True)


def test_the_last_message_of_a_closing_connection_is_kept(
    py_connection: amqp.Connection, broker: Broker, name: Name
) -> None:
    queue = name("queue")
    with amqp.Connection(f"{broker.host}:{broker.port}", userid="guest", password="guest") as closing:
        channel = closing.channel()
        channel.queue_declare(queue, durable=True, auto_delete=False)
        channel.basic_publish(amqp.Message("m"), routing_key=queue)
        channel.close()
    assert fetch(py_connection.channel(), queue).body == "m"
