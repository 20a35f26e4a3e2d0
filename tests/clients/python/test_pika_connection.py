"""Connections with pika: greeting, login, tuning, heartbeats, and what an error closes. AMQP 0-9-1 chapter 2.2."""

from __future__ import annotations

import socket
import threading

import amqp
import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import (
    AMQPConnectionError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)
from pika_session import (
    Broker,
    Connect,
    Name,
    channel_error,
    connection_error,
    fetch,
    get,
    parameters,
    publish,
    wait_ready_count,
    wait_until,
)


def test_server_properties_name_rabbitmq_and_its_capabilities(broker: Broker) -> None:
    with amqp.Connection(f"{broker.host}:{broker.port}", userid="guest", password="guest") as connection:
        properties = connection.server_properties
        assert properties["product"] == "RabbitMQ"
        assert int(properties["version"].split(".")[0]) >= 3
        for key in ("platform", "copyright", "information", "cluster_name"):
            assert isinstance(properties[key], str)
        capabilities = properties["capabilities"]
        for capability in (
            "publisher_confirms",
            "exchange_exchange_bindings",
            "basic.nack",
            "consumer_cancel_notify",
            "connection.blocked",
            "consumer_priorities",
            "authentication_failure_close",
            "per_consumer_qos",
            "direct_reply_to",
        ):
            assert capabilities[capability] is True, capability
        assert {b"PLAIN", b"AMQPLAIN"} <= set(connection.mechanisms)
        assert connection.locales == ["en_US"]


def test_amqplain_login(broker: Broker) -> None:
    with amqp.Connection(
        f"{broker.host}:{broker.port}", userid="guest", password="guest", login_method="AMQPLAIN"
    ) as connection:
        assert connection.channel().queue_declare(exclusive=True).queue.startswith("amq.gen-")


def test_wrong_password_is_refused_with_a_close(connect: Connect) -> None:
    with pytest.raises(ProbableAuthenticationError) as caught:
        connect(credentials=pika.PlainCredentials("guest", "wrong"))
    assert "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN" in str(caught.value)


def test_unknown_user_is_refused_like_a_wrong_password(connect: Connect) -> None:
    with pytest.raises(ProbableAuthenticationError) as caught:
        connect(credentials=pika.PlainCredentials("nobody-here", "guest"))
    assert "(403)" in str(caught.value)


def test_unknown_virtual_host_is_not_allowed(connect: Connect) -> None:
    with pytest.raises(ProbableAccessDeniedError) as caught:
        connect(virtual_host="no-such-vhost")
    assert "(530) 'NOT_ALLOWED - vhost no-such-vhost not found'" in str(caught.value)


def test_frame_size_of_4096_splits_bodies(connect: Connect, name: Name) -> None:
    # RabbitMQ 4.1 refuses less than 8192; onemq keeps accepting the smallest size the specification allows.
    channel = connect(frame_max=4096).channel()
    queue = name("queue")
    channel.queue_declare(queue, durable=True)
    body = bytes(range(256)) * 100
    channel.basic_publish("", queue, body)
    assert fetch(channel, queue).body == body


def test_channel_max_is_negotiated(connect: Connect) -> None:
    connection = connect(channel_max=3)
    opened = [connection.channel() for _ in range(3)]
    assert sorted(channel.channel_number for channel in opened) == [1, 2, 3]


def test_heartbeats_keep_an_idle_connection(connect: Connect) -> None:
    connection = connect(heartbeat=1)
    # Four intervals: pika itself gives up a connection on which nothing came for about two.
    connection.sleep(4)
    assert connection.is_open
    connection.channel().queue_declare("", exclusive=True)


def test_a_silent_client_is_dropped(connect: Connect, name: Name, channel: BlockingChannel) -> None:
    silent = connect(heartbeat=1)
    queue = name("held")
    silent.channel().queue_declare(queue, exclusive=True)
    # Nobody serves `silent` from here on, so it sends no heartbeat; its exclusive queue goes with it.
    watcher = connect()

    def queue_gone() -> bool:
        probe = watcher.channel()
        try:
            probe.queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker as error:
            return bool(error.reply_code == 404)
        return False

    wait_until(channel, queue_gone, within_seconds=12)


def test_a_channel_error_closes_that_channel_only(connection: BlockingConnection, queue: str) -> None:
    failing, bystander = connection.channel(), connection.channel()
    publish(bystander, queue, b"kept")
    with channel_error(404, "NOT_FOUND - no queue 'no-such-queue' in vhost '/'"):
        failing.queue_declare("no-such-queue", passive=True)
    assert failing.is_closed and connection.is_open
    assert fetch(bystander, queue).body == b"kept"
    assert connection.channel(failing.channel_number).is_open


def test_a_connection_error_closes_every_channel(broker: Broker, queue: str) -> None:
    # With py-amqp, because pika itself refuses to use a consumer tag twice.
    connection = amqp.Connection(f"{broker.host}:{broker.port}", userid="guest", password="guest")
    connection.connect()
    first, second = connection.channel(), connection.channel()
    first.basic_consume(queue, consumer_tag="same", callback=lambda _message: None)
    with pytest.raises(amqp.exceptions.NotAllowed) as caught:
        first.basic_consume(queue, consumer_tag="same", callback=lambda _message: None)
    assert caught.value.reply_code == 530
    assert "attempt to reuse consumer tag 'same'" in caught.value.reply_text
    assert not connection.connected and not second.is_open


def test_not_implemented_closes_the_connection(connect: Connect) -> None:
    connection = connect()
    with connection_error(540, "NOT_IMPLEMENTED"):
        connection.channel().basic_recover(requeue=False)
    assert connection.is_closed


def test_a_foreign_protocol_is_answered_with_the_header_of_ours(broker: Broker) -> None:
    with socket.create_connection((broker.host, broker.port), timeout=5) as peer:
        peer.sendall(b"HTTP/1.1")
        received = b""
        while len(received) < 8 and (chunk := peer.recv(64)):
            received += chunk
    assert received == b"AMQP\x00\x00\x09\x01"


def test_unacknowledged_messages_return_when_the_connection_breaks(
    broker: Broker, channel: BlockingChannel, queue: str
) -> None:
    publish(channel, queue, b"1", b"2")
    wait_ready_count(channel, queue, 2)
    breaking = amqp.Connection(f"{broker.host}:{broker.port}", userid="guest", password="guest")
    breaking.connect()
    taker = breaking.channel()
    assert [taker.basic_get(queue).body for _ in range(2)] == [b"1", b"2"]
    breaking.transport.close()  # no goodbye: the socket just ends
    survivor = channel
    first, second = fetch(survivor, queue), fetch(survivor, queue)
    assert (first.body, second.body) == (b"1", b"2")
    assert first.redelivered and second.redelivered
    assert get(survivor, queue) is None


def test_many_connections_at_once(broker: Broker, queue: str) -> None:
    failures: list[BaseException] = []

    def publish_one(number: int) -> None:
        try:
            with pika.BlockingConnection(parameters(broker.url)) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                channel.basic_publish("", queue, str(number))
        except AMQPConnectionError as error:
            failures.append(error)

    threads = [threading.Thread(target=publish_one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    with pika.BlockingConnection(parameters(broker.url)) as connection:
        channel = connection.channel()
        received = sorted(int(fetch(channel, queue).body) for _ in range(20))
    assert received == list(range(20))


def test_connection_close_by_the_client_is_answered(connect: Connect) -> None:
    connection = connect()
    channel = connection.channel()
    channel.close()
    assert channel.is_closed and connection.is_open
    connection.close()
    assert connection.is_closed
