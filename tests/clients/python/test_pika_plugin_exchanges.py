"""Exchange types that RabbitMQ has as plugins: x-consistent-hash and x-delayed-message, with pika.

Against a RabbitMQ without a plugin its tests are skipped; the broker started by the suite must have both.
"""

from __future__ import annotations

import os
import time

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker
from pika.spec import BasicProperties
from pika_session import Connect, Name, Table, channel_error, drain, fetch, wait_ready_count


def declare_plugin_exchange(
    connect: Connect, exchange: str, exchange_type: str, arguments: Table | None = None
) -> BlockingChannel:
    """Declare on a connection of its own; skip when a broker from outside does not know the type."""
    try:
        connect().channel().exchange_declare(exchange, exchange_type, durable=True, arguments=arguments)
    except (ChannelClosedByBroker, ConnectionClosedByBroker) as error:
        if "ONEMQ_TEST_AMQP_URL" in os.environ and "exchange type" in error.reply_text:
            pytest.skip(f"this broker has no {exchange_type}: {error.reply_text}")
        raise
    return connect().channel()


def hash_queues(channel: BlockingChannel, name: Name, exchange: str, *weights: str) -> list[str]:
    queues = [name(f"q{position}") for position in range(len(weights))]
    for queue, weight in zip(queues, weights, strict=True):
        channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, exchange, weight)
    return queues


def test_consistent_hash_gives_each_message_to_one_queue(connect: Connect, name: Name) -> None:
    exchange = name("hash")
    channel = declare_plugin_exchange(connect, exchange, "x-consistent-hash")
    queues = hash_queues(channel, name, exchange, "10", "10")
    for number in range(400):
        channel.basic_publish(exchange, f"key-{number}", str(number))
    shares = [drain(channel, queue) for queue in queues]
    assert sorted(int(body) for share in shares for body in share) == list(range(400))
    assert all(len(share) > 100 for share in shares)


def test_consistent_hash_keeps_a_key_in_one_queue(connect: Connect, name: Name) -> None:
    exchange = name("hash")
    channel = declare_plugin_exchange(connect, exchange, "x-consistent-hash")
    queues = hash_queues(channel, name, exchange, "1", "1", "1")
    for number in range(60):
        channel.basic_publish(exchange, f"key-{number % 6}", str(number))
    shares = [drain(channel, queue) for queue in queues]
    homes = {
        key: {n for n, share in enumerate(shares) for body in share if int(body) % 6 == key}
        for key in range(6)
    }
    assert all(len(home) == 1 for home in homes.values())
    for share in shares:
        assert [int(body) for body in share] == sorted(int(body) for body in share)


def test_consistent_hash_weights_shape_the_shares(connect: Connect, name: Name) -> None:
    exchange = name("hash")
    channel = declare_plugin_exchange(connect, exchange, "x-consistent-hash")
    queues = hash_queues(channel, name, exchange, "1", "9")
    for number in range(1000):
        channel.basic_publish(exchange, f"key-{number}", b"m")
    light, heavy = (len(drain(channel, queue)) for queue in queues)
    assert light + heavy == 1000
    assert 0 < light < 300


@pytest.mark.parametrize(
    ("arguments", "same", "different"),
    [
        (
            {"hash-header": "customer"},
            BasicProperties(headers={"customer": "alice"}),
            BasicProperties(headers={"customer": "bob"}),
        ),
        (
            {"hash-property": "message_id"},
            BasicProperties(message_id="alice"),
            BasicProperties(message_id="bob"),
        ),
    ],
    ids=["header", "property"],
)
def test_consistent_hash_on_something_else(
    connect: Connect, name: Name, arguments: Table, same: BasicProperties, different: BasicProperties
) -> None:
    exchange = name("hash")
    channel = declare_plugin_exchange(connect, exchange, "x-consistent-hash", arguments)
    queues = hash_queues(channel, name, exchange, "1", "1")
    for number in range(20):
        channel.basic_publish(exchange, f"key-{number}", b"same", same)
        channel.basic_publish(exchange, "one key", b"different", different)
    shares = [drain(channel, queue) for queue in queues]
    for body in (b"same", b"different"):
        assert sorted(share.count(body) for share in shares) == [0, 20]


def test_consistent_hash_after_an_unbind(connect: Connect, name: Name) -> None:
    exchange = name("hash")
    channel = declare_plugin_exchange(connect, exchange, "x-consistent-hash")
    queues = hash_queues(channel, name, exchange, "1", "1")
    channel.queue_unbind(queues[0], exchange, "1")
    for number in range(40):
        channel.basic_publish(exchange, f"key-{number}", str(number))
    assert len(drain(channel, queues[1])) == 40
    assert drain(channel, queues[0]) == []


def test_consistent_hash_needs_a_number_as_binding_key(connect: Connect, name: Name) -> None:
    exchange, queue = name("hash"), name("queue")
    channel = declare_plugin_exchange(connect, exchange, "x-consistent-hash")
    channel.queue_declare(queue, durable=True)
    with channel_error(406, "PRECONDITION_FAILED"):
        channel.queue_bind(queue, exchange, "heavy")


def test_delayed_messages_come_after_their_delay(connect: Connect, name: Name) -> None:
    exchange, queue = name("delayed"), name("queue")
    channel = declare_plugin_exchange(connect, exchange, "x-delayed-message", {"x-delayed-type": "direct"})
    channel.queue_declare(queue, durable=True)
    channel.queue_bind(queue, exchange, "key")
    started = time.monotonic()
    for delay_ms in (600, 300):
        channel.basic_publish(exchange, "key", str(delay_ms), BasicProperties(headers={"x-delay": delay_ms}))
    channel.basic_publish(exchange, "key", b"now")
    channel.basic_publish(exchange, "key", b"zero", BasicProperties(headers={"x-delay": 0}))
    wait_ready_count(channel, queue, 2)
    assert [fetch(channel, queue).body for _ in range(2)] == [b"now", b"zero"]
    early = fetch(channel, queue)
    assert early.body == b"300" and time.monotonic() - started >= 0.3
    late = fetch(channel, queue)
    assert late.body == b"600" and time.monotonic() - started >= 0.6
    # The plugin turns the sign of a delay that has been served.
    assert [early.headers["x-delay"], late.headers["x-delay"]] == [-300, -600]
    assert (late.exchange, late.routing_key) == (exchange, "key")


def test_delayed_exchange_routes_like_its_type(connect: Connect, name: Name) -> None:
    exchange, queue = name("delayed"), name("queue")
    channel = declare_plugin_exchange(connect, exchange, "x-delayed-message", {"x-delayed-type": "topic"})
    channel.queue_declare(queue, durable=True)
    channel.queue_bind(queue, exchange, "order.*")
    for key in ("order.new", "invoice.new"):
        channel.basic_publish(exchange, key, key, BasicProperties(headers={"x-delay": 50}))
    assert fetch(channel, queue).body == b"order.new"
    assert drain(channel, queue) == []


def test_delayed_exchange_needs_its_type(connect: Connect, name: Name) -> None:
    declare_plugin_exchange(connect, name("known"), "x-delayed-message", {"x-delayed-type": "direct"})
    with channel_error(406, "PRECONDITION_FAILED"):
        connect().channel().exchange_declare(name("bad"), "x-delayed-message", durable=True)
