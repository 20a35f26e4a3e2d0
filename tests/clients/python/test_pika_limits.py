"""Time to live, queue expiry, length limits and priorities of classic queues, with pika."""

from __future__ import annotations

import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import NackError, UnroutableError
from pika.spec import BasicProperties
from pika_session import (
    Collector,
    Name,
    Table,
    channel_error,
    drain,
    fetch,
    get,
    publish,
    wait_ready_count,
    wait_until,
)


def declared(channel: BlockingChannel, queue: str, **arguments: object) -> str:
    """Declare a durable queue; `x_max_length=1` stands for the argument x-max-length."""
    table: Table = {key.replace("_", "-"): value for key, value in arguments.items()}
    channel.queue_declare(queue, durable=True, arguments=table)
    return queue


def wait_for_clock(confirming: BlockingChannel, queue: str) -> None:
    """Return when a queue whose messages live for 300 ms has dropped one: at least that time has passed."""
    declared(confirming, queue, x_message_ttl=300)
    publish(confirming, queue, b"tick")
    wait_ready_count(confirming, queue, 0)


def test_queue_ttl_removes_messages(confirming: BlockingChannel, name: Name) -> None:
    queue = declared(confirming, name("ttl"), x_message_ttl=200)
    publish(confirming, queue, b"1", b"2")
    wait_ready_count(confirming, queue, 0)
    assert get(confirming, queue) is None


def test_message_expiration_removes_one_message(confirming: BlockingChannel, queue: str) -> None:
    publish(confirming, queue, b"short", expiration="100")
    publish(confirming, queue, b"lasting")
    wait_ready_count(confirming, queue, 1)
    message = fetch(confirming, queue)
    assert message.body == b"lasting" and message.properties.expiration is None


def test_an_expired_message_behind_a_lasting_one_is_never_delivered(
    confirming: BlockingChannel, name: Name, queue: str
) -> None:
    publish(confirming, queue, b"lasting")
    publish(confirming, queue, b"short", expiration="100")
    wait_for_clock(confirming, name("clock"))
    assert drain(confirming, queue) == [b"lasting"]


@pytest.mark.parametrize(("queue_ttl_ms", "expiration"), [(60_000, "100"), (100, "60000")])
def test_the_shorter_ttl_counts(
    confirming: BlockingChannel, name: Name, queue_ttl_ms: int, expiration: str
) -> None:
    queue = declared(confirming, name("ttl"), x_message_ttl=queue_ttl_ms)
    publish(confirming, queue, b"m", expiration=expiration)
    wait_ready_count(confirming, queue, 0)
    assert get(confirming, queue) is None


def test_a_ttl_of_zero_reaches_waiting_consumers_only(confirming: BlockingChannel, name: Name) -> None:
    queue = declared(confirming, name("ttl"), x_message_ttl=0)
    publish(confirming, queue, b"nobody waits")
    collector = Collector(confirming).consume(queue)
    publish(confirming, queue, b"at once")
    assert collector.wait(1)[0].body == b"at once"
    assert collector.bodies == [b"at once"]


def test_a_delivered_message_does_not_expire(confirming: BlockingChannel, name: Name) -> None:
    queue = declared(confirming, name("ttl"), x_message_ttl=150)
    collector = Collector(confirming).consume(queue)
    publish(confirming, queue, b"held")
    message = collector.wait(1)[0]
    wait_for_clock(confirming, name("clock"))
    confirming.basic_ack(message.tag)
    confirming.queue_declare(queue, passive=True)  # a tag that had expired would have closed the channel
    assert collector.bodies == [b"held"]


def test_a_requeued_message_expires_when_it_returns(confirming: BlockingChannel, name: Name) -> None:
    queue = declared(confirming, name("ttl"), x_message_ttl=150)
    publish(confirming, queue, b"held")
    held = fetch(confirming, queue, auto_ack=False)
    wait_for_clock(confirming, name("clock"))
    confirming.basic_nack(held.tag, requeue=True)
    wait_ready_count(confirming, queue, 0)
    assert get(confirming, queue) is None


def test_an_unused_queue_expires(confirming: BlockingChannel, name: Name) -> None:
    queue = declared(confirming, name("expires"), x_expires=200)
    confirming.basic_publish("", queue, b"m", mandatory=True)

    def gone() -> bool:
        # Not with a passive declare: that is a use, and would keep the queue.
        try:
            confirming.basic_publish("", queue, b"m", mandatory=True)
        except UnroutableError:
            return True
        return False

    wait_until(confirming, gone)
    with channel_error(404, "NOT_FOUND - no queue"):
        confirming.queue_declare(queue, passive=True)


def test_a_consumed_queue_does_not_expire(connection: BlockingConnection, name: Name) -> None:
    channel = connection.channel()
    used = declared(channel, name("used"), x_expires=200)
    unused = declared(channel, name("unused"), x_expires=400)
    collector = Collector(channel).consume(used)
    confirming = connection.channel()
    confirming.confirm_delivery()

    def gone() -> bool:
        try:
            confirming.basic_publish("", unused, b"m", mandatory=True)
        except UnroutableError:
            return True
        return False

    wait_until(channel, gone)
    confirming.basic_publish("", used, b"m", mandatory=True)
    collector.wait(1)


def test_max_length_drops_the_oldest(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("max"), x_max_length=3)
    publish(channel, queue, b"1", b"2", b"3", b"4", b"5")
    assert drain(channel, queue) == [b"3", b"4", b"5"]


def test_max_length_counts_ready_messages(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("max"), x_max_length=2, x_overflow="drop-head")
    publish(channel, queue, b"1", b"2")
    held = fetch(channel, queue, auto_ack=False)
    publish(channel, queue, b"3")
    wait_ready_count(channel, queue, 2)
    channel.basic_nack(held.tag, requeue=True)
    wait_ready_count(channel, queue, 2)
    assert drain(channel, queue) == [b"2", b"3"]


def test_max_length_bytes_counts_bodies(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("max"), x_max_length_bytes=100)
    publish(channel, queue, b"a" * 40, b"b" * 40, b"c" * 40, headers={"much": "x" * 500})
    assert drain(channel, queue) == [b"b" * 40, b"c" * 40]


def test_both_length_limits_hold(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("max"), x_max_length=2, x_max_length_bytes=100)
    publish(channel, queue, b"1", b"2", b"3", b"x" * 99)
    assert drain(channel, queue) == [b"3", b"x" * 99]


def test_max_length_zero_keeps_nothing_for_later(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("max"), x_max_length=0)
    publish(channel, queue, b"m")
    assert get(channel, queue) is None


def test_reject_publish_by_bytes(confirming: BlockingChannel, name: Name) -> None:
    queue = declared(confirming, name("full"), x_max_length_bytes=50, x_overflow="reject-publish")
    for size, fits in [(60, False), (40, True), (11, False), (10, True), (1, False)]:
        if fits:
            confirming.basic_publish("", queue, b"x" * size)
        else:
            with pytest.raises(NackError):
                confirming.basic_publish("", queue, b"x" * size)
    assert [len(body) for body in drain(confirming, queue)] == [40, 10]


def test_reject_publish_without_confirms_is_silent(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("full"), x_max_length=1, x_overflow="reject-publish")
    publish(channel, queue, b"1", b"2")
    assert drain(channel, queue) == [b"1"]


def test_priorities_order_the_queue(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("priority"), x_max_priority=10)
    for priority, body in [(1, b"1a"), (5, b"5a"), (10, b"10a"), (5, b"5b"), (1, b"1b"), (10, b"10b")]:
        channel.basic_publish("", queue, body, BasicProperties(priority=priority))
    channel.basic_publish("", queue, b"none")
    channel.basic_publish("", queue, b"capped", BasicProperties(priority=200))
    wait_ready_count(channel, queue, 8)
    assert drain(channel, queue) == [b"10a", b"10b", b"capped", b"5a", b"5b", b"1a", b"1b", b"none"]


def test_priority_property_is_kept_as_sent(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("priority"), x_max_priority=3)
    publish(channel, queue, b"m", priority=9)
    assert fetch(channel, queue).properties.priority == 9


def test_a_requeued_message_keeps_its_priority(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("priority"), x_max_priority=5)
    for priority in (1, 3):
        publish(channel, queue, str(priority), priority=priority)
    wait_ready_count(channel, queue, 2)
    held = fetch(channel, queue, auto_ack=False)
    assert held.body == b"3"
    publish(channel, queue, b"2", priority=2)
    channel.basic_nack(held.tag, requeue=True)
    wait_ready_count(channel, queue, 3)
    assert drain(channel, queue) == [b"3", b"2", b"1"]


def test_priorities_reach_a_consumer_in_order(channel: BlockingChannel, name: Name) -> None:
    queue = declared(channel, name("priority"), x_max_priority=10)
    channel.basic_qos(prefetch_count=1)
    for priority in (2, 9, 4):
        publish(channel, queue, str(priority), priority=priority)
    wait_ready_count(channel, queue, 3)
    collector = Collector(channel, acknowledge=True).consume(queue)
    collector.wait(3)
    assert collector.bodies == [b"9", b"4", b"2"]


def test_without_max_priority_the_queue_is_first_in_first_out(channel: BlockingChannel, queue: str) -> None:
    for priority in (1, 9, 5):
        publish(channel, queue, str(priority), priority=priority)
    assert drain(channel, queue) == [b"1", b"9", b"5"]


def test_a_time_to_live_of_0_does_not_wait_for_a_get(channel: BlockingChannel, name: Name) -> None:
    queue = name("queue")
    channel.queue_declare(queue, arguments={"x-message-ttl": 0})
    for _ in range(20):
        channel.basic_publish("", queue, b"m")
        assert channel.basic_get(queue)[0] is None
