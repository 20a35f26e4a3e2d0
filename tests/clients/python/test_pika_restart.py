"""What a restart keeps and what it does not, of exchanges, bindings and queues, with pika. Each after a crash, too."""

from __future__ import annotations

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import BasicProperties
from pika_session import (
    Message,
    Table,
    channel_error,
    drain,
    fetch,
    get,
    parameters,
    settle,
    wait_ready_count,
    wait_until,
)

from broker_process import BrokerProcess

PERSISTENT = BasicProperties(delivery_mode=2)
EXCHANGES: list[tuple[str, str, Table]] = [
    ("kept-direct", "direct", {}),
    ("kept-fanout", "fanout", {}),
    ("kept-topic", "topic", {}),
    ("kept-headers", "headers", {}),
    ("kept-hash", "x-consistent-hash", {"hash-header": "customer"}),
    ("kept-delayed", "x-delayed-message", {"x-delayed-type": "topic"}),
    ("kept-alternate", "direct", {"alternate-exchange": "kept-fanout"}),
]


def confirming_channel(broker: BrokerProcess) -> BlockingChannel:
    channel = pika.BlockingConnection(parameters(broker.url)).channel()
    channel.confirm_delivery()
    return channel


def again(broker: BrokerProcess, channel: BlockingChannel, crash: bool) -> BlockingChannel:
    """Crash the broker, or stop it in order; start it and connect."""
    if crash:
        broker.kill9()
    else:
        channel.connection.close()
    broker.restart()
    return confirming_channel(broker)


def test_exchanges_of_every_type_and_bindings_with_arguments(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    for exchange, kind, arguments in EXCHANGES:
        channel.exchange_declare(exchange, kind, durable=True, arguments=arguments)
    channel.exchange_declare("kept-internal", "fanout", durable=True, internal=True)
    for queue in ("one", "two"):
        channel.queue_declare(queue, durable=True)
    channel.queue_bind("one", "kept-direct", "key")
    channel.queue_bind("one", "kept-fanout")
    channel.queue_bind("one", "kept-topic", "a.*.c")
    channel.queue_bind("one", "kept-headers", "", {"x-match": "all", "colour": "red", "size": 7})
    channel.queue_bind("two", "kept-headers", "", {"x-match": "any", "colour": "red", "size": 8})
    channel.queue_bind("one", "kept-headers", "", {"x-match": "all", "colour": "gone"})
    channel.queue_unbind("one", "kept-headers", "", {"x-match": "all", "colour": "gone"})
    channel.queue_bind("one", "kept-hash", "1")
    channel.queue_bind("one", "kept-delayed", "late.#")
    channel.exchange_bind("kept-internal", "kept-topic", "to.internal")
    channel.queue_bind("two", "kept-internal")
    for crash in (True, False):
        channel = again(own_broker, channel, crash)
        for exchange, kind, arguments in EXCHANGES:
            channel.exchange_declare(exchange, kind, durable=True, arguments=arguments)  # equal: accepted
        channel.exchange_declare("kept-internal", "fanout", durable=True, internal=True)
        for exchange, key, headers in (
            ("kept-direct", "key", None),
            ("kept-direct", "other", None),
            ("kept-fanout", "whatever", None),
            ("kept-topic", "a.b.c", None),
            ("kept-topic", "to.internal", None),
            ("kept-headers", "both", {"colour": "red", "size": 7}),
            ("kept-headers", "any", {"colour": "blue", "size": 8}),
            ("kept-headers", "gone", {"colour": "gone"}),
            ("kept-hash", "hashed", {"customer": "c1"}),
            ("kept-delayed", "late.one", {"x-delay": 50}),
            ("kept-alternate", "nobody", None),
        ):
            channel.basic_publish(exchange, key, key, BasicProperties(delivery_mode=2, headers=headers))
        wait_ready_count(channel, "one", 7)
        at_once = [b"key", b"whatever", b"a.b.c", b"both", b"hashed", b"nobody"]
        assert drain(channel, "one") == [*at_once, b"late.one"]
        assert drain(channel, "two") == [b"to.internal", b"both", b"any"]
    connection = channel.connection
    for exchange, kind, arguments in EXCHANGES:
        with channel_error(406, "inequivalent arg"):
            other = "fanout" if kind != "fanout" else "topic"
            connection.channel().exchange_declare(exchange, other, durable=True, arguments=arguments)
    with channel_error(403, "cannot publish to internal exchange 'kept-internal'"):
        failing = connection.channel()
        failing.basic_publish("kept-internal", "", b"m")
        settle(failing)


@pytest.mark.parametrize("crash", [True, False])
def test_delayed_messages_wait_on_and_arrive_in_their_order(own_broker: BrokerProcess, crash: bool) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("late", durable=True)
    channel.exchange_declare(
        "delaying", "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"}
    )
    channel.queue_bind("late", "delaying", "late")
    for body, delay_ms in ((b"hour", 3_600_000), (b"second", 1500), (b"first", 900)):
        headers = {"x-delay": delay_ms, "n": delay_ms}
        channel.basic_publish("delaying", "late", body, BasicProperties(delivery_mode=2, headers=headers))
    channel = again(own_broker, channel, crash)
    wait_ready_count(channel, "late", 2)
    first, second = fetch(channel, "late"), fetch(channel, "late")
    assert [first.body, second.body] == [b"first", b"second"]
    # The plugin turns the sign of the header of what it has delivered.
    assert (first.headers, first.exchange, first.routing_key) == (
        {"x-delay": -900, "n": 900},
        "delaying",
        "late",
    )
    assert get(channel, "late") is None


def test_what_goes_with_its_connection_is_gone_after_a_restart(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("kept", durable=True)
    channel.queue_declare("exclusive", durable=True, exclusive=True)
    channel.queue_declare("unused", durable=True, arguments={"x-expires": 600})
    channel.queue_declare("auto-delete", durable=True, auto_delete=True)
    channel.exchange_declare("source", "fanout", durable=True)
    channel.exchange_declare("auto-delete-x", "fanout", durable=True, auto_delete=True)
    for queue in ("kept", "exclusive", "auto-delete"):
        channel.queue_bind(queue, "source")
    channel.queue_bind("kept", "auto-delete-x")
    channel = again(own_broker, channel, crash=True)
    connection = channel.connection
    with channel_error(404, "no queue 'exclusive'"):
        connection.channel().queue_declare("exclusive", passive=True)
    # It had no consumer yet that could have been its last.
    auto_deleted = connection.channel()
    tag = auto_deleted.basic_consume("auto-delete", lambda *_: None)
    auto_deleted.basic_cancel(tag)
    with channel_error(404, "no queue 'auto-delete'"):
        connection.channel().queue_declare("auto-delete", passive=True)
    channel.basic_publish("source", "", b"m", PERSISTENT, mandatory=True)
    assert drain(channel, "kept") == [b"m"]
    channel.queue_unbind("kept", "auto-delete-x")
    with channel_error(404, "no exchange 'auto-delete-x'"):
        connection.channel().exchange_declare("auto-delete-x", passive=True)

    def expired() -> bool:
        try:
            channel.basic_publish("", "unused", b"m", mandatory=True)
        except pika.exceptions.UnroutableError:
            return True
        return False

    wait_until(channel, expired)


def test_limits_and_policies_of_queues_still_hold(own_broker: BrokerProcess) -> None:
    channel = confirming_channel(own_broker)
    channel.queue_declare("dead", durable=True)
    dying = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare("short", durable=True, arguments={"x-max-length": 2, **dying})
    channel.queue_declare("full", durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.queue_declare("brief", durable=True, arguments={"x-message-ttl": 100, **dying})
    channel.queue_declare(
        "limited", durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 1, **dying}
    )
    channel.basic_publish("", "short", b"1", PERSISTENT)
    channel.basic_publish("", "full", b"1", PERSISTENT)
    channel.basic_publish("", "limited", b"poison", PERSISTENT)
    channel.basic_reject(fetch(channel, "limited", auto_ack=False).tag, requeue=True)
    channel.basic_publish("", "short", b"2", PERSISTENT)
    channel = again(own_broker, channel, crash=True)
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", "full", b"2", PERSISTENT)
    channel.basic_publish("", "short", b"3", PERSISTENT)
    channel.basic_publish("", "brief", b"ttl", PERSISTENT)
    # One failure was before the crash: the next is one too many.
    channel.basic_reject(fetch(channel, "limited", auto_ack=False).tag, requeue=True)
    wait_ready_count(channel, "dead", 3)
    died = {(message.body, message.headers["x-death"][0]["reason"]) for message in three(channel)}
    assert died == {(b"1", "maxlen"), (b"ttl", "expired"), (b"poison", "delivery_limit")}
    assert drain(channel, "short") == [b"2", b"3"]


def three(channel: BlockingChannel) -> list[Message]:
    return [fetch(channel, "dead") for _ in range(3)]
