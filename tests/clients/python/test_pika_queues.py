"""Queues with pika: declaring, names, exclusive and auto-delete, purge and delete, refusals with RabbitMQ's texts."""

from __future__ import annotations

import time

import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika_session import (
    Collector,
    Connect,
    Name,
    Table,
    channel_error,
    drain,
    fetch,
    get,
    publish,
    settle,
    wait_ready_count,
    wait_until,
)


def test_server_names_a_queue(channel: BlockingChannel) -> None:
    first = channel.queue_declare("", exclusive=True).method.queue
    second = channel.queue_declare("", exclusive=True).method.queue
    assert first.startswith("amq.gen-") and second.startswith("amq.gen-") and first != second
    # An empty name in the next commands means the queue declared last on the channel.
    channel.queue_bind("", "amq.direct", second)
    channel.basic_publish("amq.direct", second, b"m")
    assert fetch(channel, second).body == b"m"


def test_an_empty_name_without_a_declared_queue(channel: BlockingChannel) -> None:
    with channel_error(404, "NOT_FOUND - no previously declared queue"):
        channel.queue_bind("", "amq.direct", "key")


def test_declare_counts_messages_and_consumers(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"1", b"2", b"3")
    wait_ready_count(channel, queue, 3)
    counts = channel.queue_declare(queue, durable=True).method
    assert (counts.queue, counts.message_count, counts.consumer_count) == (queue, 3, 0)
    collector = Collector(channel).consume(queue)
    collector.wait(3)
    counts = channel.queue_declare(queue, passive=True).method
    assert (counts.message_count, counts.consumer_count) == (0, 1)


def test_reserved_queue_name(channel: BlockingChannel) -> None:
    with channel_error(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"):
        channel.queue_declare("amq.mine")


def test_passive_declare_of_an_unknown_queue(channel: BlockingChannel) -> None:
    with channel_error(404, "NOT_FOUND - no queue 'no-such-queue' in vhost '/'"):
        channel.queue_declare("no-such-queue", passive=True)


def test_inequivalent_properties(connection: BlockingConnection, queue: str) -> None:
    prefix = f"PRECONDITION_FAILED - inequivalent arg '{{}}' for queue '{queue}' in vhost '/': "
    with channel_error(406, prefix.format("durable") + "received 'false' but current is 'true'"):
        connection.channel().queue_declare(queue)
    with channel_error(406, prefix.format("auto_delete") + "received 'true' but current is 'false'"):
        connection.channel().queue_declare(queue, durable=True, auto_delete=True)
    connection.channel().queue_declare(queue, passive=True)


@pytest.mark.parametrize(
    ("declared", "redeclared", "difference"),
    [
        (
            {"x-message-ttl": 1000},
            {"x-message-ttl": 2000},
            "arg 'x-message-ttl' for queue '{}' in vhost '/': received '2000' but current is '1000'",
        ),
        (
            {"x-message-ttl": 1000},
            {},
            "arg 'x-message-ttl' for queue '{}' in vhost '/': received none but current is the value '1000' of type '",
        ),
        (
            {},
            {"x-max-length": 5},
            "arg 'x-max-length' for queue '{}' in vhost '/': received the value '5' of type '",
        ),
        (
            {"x-dead-letter-exchange": "a"},
            {"x-dead-letter-exchange": "b"},
            "arg 'x-dead-letter-exchange' for queue '{}' in vhost '/': received 'b' but current is 'a'",
        ),
        (
            {"x-max-priority": 3},
            {"x-max-priority": 4},
            "arg 'x-max-priority' for queue '{}' in vhost '/': received '4' but current is '3'",
        ),
    ],
)
def test_inequivalent_arguments(
    connection: BlockingConnection, name: Name, declared: Table, redeclared: Table, difference: str
) -> None:
    queue = name("queue")
    connection.channel().queue_declare(queue, durable=True, arguments=declared)
    connection.channel().queue_declare(queue, durable=True, arguments=declared)
    with channel_error(406, "PRECONDITION_FAILED - inequivalent " + difference.format(queue)):
        connection.channel().queue_declare(queue, durable=True, arguments=redeclared)


@pytest.mark.parametrize(
    "arguments",
    [
        {"x-message-ttl": -1},
        {"x-message-ttl": "soon"},
        {"x-expires": 0},
        {"x-max-length": -1},
        {"x-max-length-bytes": "many"},
        {"x-max-priority": 256},
        {"x-max-priority": -1},
        {"x-overflow": "drop-everything"},
        {"x-dead-letter-exchange": 7},
        {"x-dead-letter-routing-key": "no-exchange-given"},
        {"x-queue-type": "no-such-type"},
        {"x-single-active-consumer": "yes"},
    ],
    ids=str,
)
def test_bad_arguments_are_refused(channel: BlockingChannel, name: Name, arguments: Table) -> None:
    with channel_error(406, "PRECONDITION_FAILED - "):
        channel.queue_declare(name("queue"), durable=True, arguments=arguments)


def test_a_second_queue_declaration_is_compared_not_checked(
    connection: BlockingConnection, name: Name
) -> None:
    queue = name("queue")
    connection.channel().queue_declare(queue, arguments={"x-note": 1})
    # Arguments that mean nothing to the queue's type are not compared, and nothing is checked.
    connection.channel().queue_declare(queue, arguments={"x-note": 2, "x-max-age": "no age"})
    with channel_error(406, "inequivalent arg 'durable'"):
        connection.channel().queue_declare(queue, durable=True, arguments={"x-max-length": -1})
    with channel_error(406, "inequivalent arg 'x-max-length'"):
        connection.channel().queue_declare(queue, arguments={"x-max-length": -1})
    with channel_error(405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue"):
        connection.channel().queue_declare(queue, durable=True, exclusive=True)


def test_what_is_checked_first(connection: BlockingConnection, name: Name) -> None:
    arguments: Table = {"x-max-length": "many", "x-dead-letter-routing-key": 1, "x-expires": 0}
    for first in ("x-expires", "x-dead-letter-routing-key", "x-max-length"):
        with channel_error(406, f"PRECONDITION_FAILED - invalid arg '{first}'"):
            connection.channel().queue_declare(name("queue"), durable=True, arguments=arguments)
        del arguments[first]
    with channel_error(406, "PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'amq.gen-"):
        connection.channel().queue_declare("", exclusive=True, arguments={"x-max-length": "many"})


def test_a_passive_declare_does_not_mean_the_last_queue(channel: BlockingChannel, queue: str) -> None:
    with channel_error(404, "NOT_FOUND - no queue '' in vhost '/'"):
        channel.queue_declare("", passive=True)


def test_times_have_no_upper_limit(channel: BlockingChannel, name: Name) -> None:
    queue = name("queue")
    channel.queue_declare(queue, durable=True, arguments={"x-message-ttl": 2**63 - 1, "x-expires": 2**63 - 1})
    publish(channel, queue, b"m", expiration="4294967296")
    assert fetch(channel, queue).body == b"m"


def test_what_expired_behind_a_fetched_message_does_not_count(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"stays")
    publish(channel, queue, b"goes", expiration="1")
    publish(channel, queue, b"goes too", expiration="1")
    time.sleep(0.05)  # longer than they live: nothing tells that they have died behind the first
    method, _, _ = channel.basic_get(queue)
    assert method is not None and method.message_count == 0


def test_unknown_arguments_are_accepted(channel: BlockingChannel, name: Name) -> None:
    queue = name("queue")
    channel.queue_declare(queue, durable=True, arguments={"my-own": "argument", "x-note": 1})
    publish(channel, queue, b"m")
    assert fetch(channel, queue).body == b"m"


def test_exclusive_queue_is_locked_and_goes_with_its_connection(connect: Connect, name: Name) -> None:
    queue = name("exclusive")
    owner, other = connect(), connect()
    owner.channel().queue_declare(queue, exclusive=True)
    refusal = (
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'. It could be "
        "originally declared on another connection or the exclusive property value does not match that of the "
        "original declaration."
    )
    with channel_error(405, refusal):
        other.channel().queue_declare(queue, exclusive=True)
    with channel_error(405, "RESOURCE_LOCKED"):
        other.channel().queue_declare(queue, passive=True)
    with channel_error(405, "RESOURCE_LOCKED"):
        other.channel().basic_consume(queue, lambda *_: None)
    with channel_error(405, "RESOURCE_LOCKED"):
        other.channel().basic_get(queue)
    with channel_error(405, "RESOURCE_LOCKED"):
        other.channel().queue_purge(queue)
    with channel_error(405, "RESOURCE_LOCKED"):
        other.channel().queue_delete(queue)
    with channel_error(405, "RESOURCE_LOCKED"):
        other.channel().queue_bind(queue, "amq.direct", queue)
    # Publishing to it is allowed, and another channel of the owner may use it.
    publish(other.channel(), queue, b"from outside")
    assert fetch(owner.channel(), queue).body == b"from outside"
    owner.close()
    with channel_error(404, "NOT_FOUND"):
        other.channel().queue_declare(queue, passive=True)


def test_auto_delete_queue_goes_with_its_last_consumer(connection: BlockingConnection, name: Name) -> None:
    channel = connection.channel()
    queue = name("auto")
    # RabbitMQ 4.3 refuses a queue that is neither durable nor exclusive unless configured to permit it.
    channel.queue_declare(queue, durable=True, auto_delete=True)
    first, second = Collector(channel).consume(queue), Collector(channel).consume(queue)
    channel.basic_cancel(first.tag)
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 1
    channel.basic_cancel(second.tag)
    with channel_error(404, "NOT_FOUND"):
        channel.queue_declare(queue, passive=True)


def test_auto_delete_queue_without_consumers_stays(connect: Connect, name: Name) -> None:
    queue = name("auto")
    connection = connect()
    connection.channel().queue_declare(queue, durable=True, auto_delete=True)
    connection.close()
    connect().channel().queue_declare(queue, passive=True)


def test_closing_the_channel_counts_as_cancelling(connection: BlockingConnection, name: Name) -> None:
    queue = name("auto")
    channel = connection.channel()
    channel.queue_declare(queue, durable=True, auto_delete=True)
    Collector(channel).consume(queue)
    channel.close()
    with channel_error(404, "NOT_FOUND"):
        connection.channel().queue_declare(queue, passive=True)


def test_transient_queue_that_is_not_exclusive(connect: Connect, name: Name) -> None:
    # Refused by RabbitMQ 4.3 unless permitted in its configuration; older clients' code depends on it.
    queue = name("transient")
    connect().channel().queue_declare(queue)
    other = connect().channel()
    publish(other, queue, b"m")
    assert fetch(other, queue).body == b"m"


def test_purge_counts_ready_messages_only(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"held", b"2", b"3")
    held = fetch(channel, queue, auto_ack=False)
    assert channel.queue_purge(queue).method.message_count == 2
    assert channel.queue_purge(queue).method.message_count == 0
    channel.basic_nack(held.tag, requeue=True)
    assert drain(channel, queue) == [b"held"]


def test_purge_and_delete_of_what_is_not_there(connection: BlockingConnection) -> None:
    assert connection.channel().queue_delete("no-such-queue").method.message_count == 0
    with channel_error(404, "NOT_FOUND - no queue 'no-such-queue' in vhost '/'"):
        connection.channel().queue_purge("no-such-queue")


def test_delete_counts_messages(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"1", b"2")
    assert channel.queue_delete(queue).method.message_count == 2
    with channel_error(404, "NOT_FOUND"):
        channel.queue_declare(queue, passive=True)


def test_delete_if_empty(connection: BlockingConnection, queue: str) -> None:
    channel = connection.channel()
    publish(channel, queue, b"1")
    wait_ready_count(channel, queue, 1)
    with channel_error(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty"):
        connection.channel().queue_delete(queue, if_empty=True)
    assert drain(channel, queue) == [b"1"]
    channel.queue_delete(queue, if_empty=True)


def test_delete_if_unused(connection: BlockingConnection, queue: str) -> None:
    channel = connection.channel()
    collector = Collector(channel).consume(queue)
    with channel_error(406, f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' in use"):
        connection.channel().queue_delete(queue, if_unused=True)
    channel.basic_cancel(collector.tag)
    channel.queue_delete(queue, if_unused=True)


def test_deleting_a_queue_cancels_its_consumers(connection: BlockingConnection, queue: str) -> None:
    channel = connection.channel()
    cancelled: list[str] = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    collector = Collector(channel).consume(queue)
    connection.channel().queue_delete(queue)
    wait_until(channel, lambda: cancelled == [collector.tag])
    assert channel.is_open


def test_a_queue_deleted_and_declared_again_is_empty(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"old")
    channel.queue_delete(queue)
    channel.queue_declare(queue, durable=True)
    assert get(channel, queue) is None
    publish(channel, queue, b"new")
    assert drain(channel, queue) == [b"new"]


def test_a_persistent_message_is_seen_by_the_next_get_of_the_channel(
    channel: BlockingChannel, queue: str
) -> None:
    # Whatever the broker does to make it durable, a channel gets its own writes. The counts of queue.declare may lag.
    for number in range(20):
        publish(channel, queue, str(number), delivery_mode=2)
        message = get(channel, queue)
        assert message is not None and message.body == str(number).encode()


def test_names_of_every_kind(channel: BlockingChannel, name: Name) -> None:
    for suffix in ("with space", "ünï-码", "a" * 120, "sl/ash", "per%cent", "#*."):
        queue = name(suffix)
        assert channel.queue_declare(queue, durable=True).method.queue == queue
        publish(channel, queue, suffix)
        settle(channel)
        assert fetch(channel, queue).body == suffix.encode()
