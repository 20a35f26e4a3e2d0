"""Consuming with pika: settling, redelivery, order, prefetch, priorities, exclusive and single active consumers."""

from __future__ import annotations

import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika_session import (
    Collector,
    Connect,
    Name,
    channel_error,
    drain,
    fetch,
    get,
    publish,
    settle,
    wait_ready_count,
    wait_until,
)


def numbered(first: int, last: int) -> list[bytes]:
    return [str(number).encode() for number in range(first, last + 1)]


def test_a_consumer_gets_what_was_there_and_what_comes(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, *numbered(1, 3))
    collector = Collector(channel, acknowledge=True).consume(queue)
    collector.wait(3)
    publish(channel, queue, *numbered(4, 6))
    messages = collector.wait(6)
    assert collector.bodies == numbered(1, 6)
    assert [message.tag for message in messages] == [1, 2, 3, 4, 5, 6]
    assert not any(message.redelivered for message in messages)
    assert {message.consumer_tag for message in messages} == {collector.tag}


def test_the_server_makes_up_a_consumer_tag(channel: BlockingChannel, queue: str) -> None:
    collector = Collector(channel).consume(queue, consumer_tag="")
    assert collector.tag != ""


def test_a_get_counts_what_is_left(channel: BlockingChannel, queue: str) -> None:
    assert channel.basic_get(queue) == (None, None, None)
    publish(channel, queue, b"1", b"2", b"3")
    left = []
    for _ in range(3):
        method, _properties, _body = channel.basic_get(queue, auto_ack=True)
        assert method is not None
        left.append(method.message_count)
    assert left == [2, 1, 0]


def test_a_get_from_an_unknown_queue(channel: BlockingChannel) -> None:
    with channel_error(404, "NOT_FOUND - no queue 'no-such-queue' in vhost '/'"):
        channel.basic_get("no-such-queue")


def test_consuming_an_unknown_queue(channel: BlockingChannel) -> None:
    with channel_error(404, "NOT_FOUND - no queue 'no-such-queue' in vhost '/'"):
        channel.basic_consume("no-such-queue", lambda *_: None)


def test_ack_multiple_settles_up_to_the_tag(connect: Connect, queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    publish(channel, queue, *numbered(1, 5))
    tags = [fetch(channel, queue, auto_ack=False).tag for _ in range(5)]
    channel.basic_ack(tags[2], multiple=True)
    connection.close()
    assert drain(connect().channel(), queue) == numbered(4, 5)


def test_ack_of_tag_zero_settles_everything(connect: Connect, queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_ack(0, multiple=True)  # with nothing outstanding it is no error
    publish(channel, queue, *numbered(1, 3))
    for _ in range(3):
        fetch(channel, queue, auto_ack=False)
    channel.basic_ack(0, multiple=True)
    connection.close()
    assert drain(connect().channel(), queue) == []


@pytest.mark.parametrize("settlement", ["ack", "nack", "reject"])
def test_unknown_delivery_tag(channel: BlockingChannel, settlement: str) -> None:
    with channel_error(406, "PRECONDITION_FAILED - unknown delivery tag 99"):
        getattr(channel, f"basic_{settlement}")(99)
        channel.queue_declare("", exclusive=True)


def test_settling_twice(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m")
    tag = fetch(channel, queue, auto_ack=False).tag
    channel.basic_ack(tag)
    channel.basic_ack(tag)
    with channel_error(406, f"PRECONDITION_FAILED - unknown delivery tag {tag}"):
        channel.queue_declare("", exclusive=True)


def test_delivery_tags_belong_to_their_channel(connection: BlockingConnection, queue: str) -> None:
    first, second = connection.channel(), connection.channel()
    publish(first, queue, b"m")
    tag = fetch(first, queue, auto_ack=False).tag
    with channel_error(406, f"unknown delivery tag {tag}"):
        second.basic_ack(tag)
        second.queue_declare("", exclusive=True)
    first.basic_reject(tag, requeue=True)
    assert fetch(first, queue).body == b"m"


def test_reject_and_nack_without_requeue_discard(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, *numbered(1, 4))
    tags = [fetch(channel, queue, auto_ack=False).tag for _ in range(4)]
    channel.basic_reject(tags[0], requeue=False)
    channel.basic_nack(tags[2], multiple=True, requeue=False)
    channel.basic_nack(tags[3], requeue=True)
    message = fetch(channel, queue)
    assert message.body == b"4" and message.redelivered
    assert get(channel, queue) is None


def test_requeued_messages_return_to_their_places(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, *numbered(1, 6))
    tags = [fetch(channel, queue, auto_ack=False).tag for _ in range(4)]
    channel.basic_ack(tags[1])
    for tag in (tags[3], tags[0], tags[2]):
        channel.basic_nack(tag, requeue=True)
    messages = [fetch(channel, queue) for _ in range(5)]
    assert [message.body for message in messages] == [b"1", b"3", b"4", b"5", b"6"]
    assert [message.redelivered for message in messages] == [True, True, True, False, False]


def test_a_requeued_message_is_given_again_at_once(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m")
    collector = Collector(channel).consume(queue)
    first = collector.wait(1)[0]
    channel.basic_reject(first.tag, requeue=True)
    second = collector.wait(2)[1]
    assert (first.redelivered, second.redelivered) == (False, True)
    assert second.tag == first.tag + 1


def test_recover_gives_everything_again(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, *numbered(1, 3))
    for _ in range(3):
        fetch(channel, queue, auto_ack=False)
    channel.basic_recover(requeue=True)
    messages = [fetch(channel, queue) for _ in range(3)]
    assert [message.body for message in messages] == numbered(1, 3)
    assert all(message.redelivered for message in messages)


def test_closing_a_channel_requeues_in_order(connection: BlockingConnection, queue: str) -> None:
    channel, other = connection.channel(), connection.channel()
    publish(channel, queue, *numbered(1, 5))
    Collector(channel).consume(queue).wait(5)
    channel.close()
    messages = [fetch(other, queue) for _ in range(5)]
    assert [message.body for message in messages] == numbered(1, 5)
    assert all(message.redelivered for message in messages)


def test_cancelling_keeps_unacknowledged_messages_with_the_channel(
    connection: BlockingConnection, queue: str
) -> None:
    channel, other = connection.channel(), connection.channel()
    channel.basic_qos(prefetch_count=2)
    publish(channel, queue, *numbered(1, 3))
    collector = Collector(channel).consume(queue)
    collector.wait(2)
    # pika's own basic_cancel settles nothing: the two stay with this channel until it acks them.
    channel.basic_cancel(collector.tag)
    assert drain(other, queue) == [b"3"]
    channel.basic_ack(collector.messages[-1].tag, multiple=True)
    settle(channel)
    channel.close()
    assert drain(other, queue) == []


def test_auto_ack_consumers_take_everything(connect: Connect, queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)  # has no meaning for consumers that do not ack
    publish(channel, queue, *numbered(1, 20))
    collector = Collector(channel).consume(queue, auto_ack=True)
    collector.wait(20)
    connection.close()
    assert drain(connect().channel(), queue) == []
    assert collector.bodies == numbered(1, 20)


def test_prefetch_limits_each_consumer(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=2)
    publish(channel, queue, *numbered(1, 6))
    collector = Collector(channel).consume(queue)
    collector.wait(2)
    wait_ready_count(channel, queue, 4)
    settle(channel)
    assert collector.bodies == numbered(1, 2)
    channel.basic_ack(collector.messages[0].tag)
    collector.wait(3)
    wait_ready_count(channel, queue, 3)
    channel.basic_ack(collector.messages[2].tag, multiple=True)
    collector.wait(5)
    wait_ready_count(channel, queue, 1)
    assert collector.bodies == numbered(1, 5)


def test_prefetch_is_counted_per_consumer(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=1)
    first, second = Collector(channel).consume(queue), Collector(channel).consume(queue)
    publish(channel, queue, *numbered(1, 4))
    first.wait(1)
    second.wait(1)
    wait_ready_count(channel, queue, 2)
    assert sorted(first.bodies + second.bodies) == numbered(1, 2)


def test_global_prefetch_is_shared_by_the_channel(channel: BlockingChannel, queue: str) -> None:
    # RabbitMQ 4.3 refuses global prefetch by default; Celery's ETA tasks need it.
    channel.basic_qos(prefetch_count=3, global_qos=True)
    first, second = Collector(channel).consume(queue), Collector(channel).consume(queue)
    publish(channel, queue, *numbered(1, 6))
    wait_until(channel, lambda: len(first.messages) + len(second.messages) == 3)
    wait_ready_count(channel, queue, 3)
    settled = (first.messages + second.messages)[0]
    channel.basic_ack(settled.tag)
    wait_until(channel, lambda: len(first.messages) + len(second.messages) == 4)
    wait_ready_count(channel, queue, 2)


def test_global_prefetch_changes_for_running_consumers(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=1, global_qos=True)
    collector = Collector(channel).consume(queue)
    publish(channel, queue, *numbered(1, 6))
    collector.wait(1)
    channel.basic_qos(prefetch_count=4, global_qos=True)
    collector.wait(4)
    wait_ready_count(channel, queue, 2)
    channel.basic_qos(prefetch_count=0, global_qos=True)
    collector.wait(6)
    assert collector.bodies == numbered(1, 6)


def test_per_consumer_prefetch_counts_for_later_consumers_only(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=1)
    collector = Collector(channel).consume(queue)
    channel.basic_qos(prefetch_count=3)
    publish(channel, queue, *numbered(1, 8))
    collector.wait(1)
    wait_ready_count(channel, queue, 7)
    later = Collector(channel).consume(queue)
    later.wait(3)
    wait_ready_count(channel, queue, 4)
    assert len(collector.messages) == 1


def test_prefetch_does_not_limit_get(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=1)
    publish(channel, queue, *numbered(1, 3))
    assert [fetch(channel, queue, auto_ack=False).body for _ in range(3)] == numbered(1, 3)


def test_prefetch_size_is_not_implemented(connect: Connect) -> None:
    from pika_session import connection_error

    with connection_error(540, "NOT_IMPLEMENTED - prefetch_size!=0 (100)"):
        connect().channel().basic_qos(prefetch_size=100)


def test_consumers_share_in_turns(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=10)
    consumers = [Collector(channel).consume(queue) for _ in range(3)]
    publish(channel, queue, *numbered(1, 9))
    wait_until(channel, lambda: sum(len(consumer.messages) for consumer in consumers) == 9)
    assert [len(consumer.messages) for consumer in consumers] == [3, 3, 3]
    assert all(consumer.bodies == sorted(consumer.bodies) for consumer in consumers)


def test_consumer_priority_goes_first_while_it_has_room(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=3)
    low = Collector(channel).consume(queue, arguments={"x-priority": -5})
    high = Collector(channel).consume(queue, arguments={"x-priority": 10})
    middle = Collector(channel).consume(queue)
    publish(channel, queue, *numbered(1, 8))
    wait_until(channel, lambda: len(low.messages) == 2)
    assert high.bodies == numbered(1, 3)
    assert middle.bodies == numbered(4, 6)
    assert low.bodies == numbered(7, 8)


def test_consumer_priority_must_be_an_integer(channel: BlockingChannel, queue: str) -> None:
    with channel_error(406, "PRECONDITION_FAILED"):
        channel.basic_consume(queue, lambda *_: None, arguments={"x-priority": "high"})


def test_exclusive_consumer_keeps_others_out(connection: BlockingConnection, queue: str) -> None:
    channel = connection.channel()
    collector = Collector(channel).consume(queue, exclusive=True)
    with channel_error(403, f"ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use"):
        connection.channel().basic_consume(queue, lambda *_: None)
    channel.basic_cancel(collector.tag)
    Collector(channel).consume(queue)
    with channel_error(403, "in exclusive use"):
        connection.channel().basic_consume(queue, lambda *_: None, exclusive=True)


def test_single_active_consumer_fails_over(connection: BlockingConnection, name: Name) -> None:
    queue = name("sac")
    channels = [connection.channel() for _ in range(3)]
    channels[0].queue_declare(queue, durable=True, arguments={"x-single-active-consumer": True})
    consumers = [Collector(channel).consume(queue) for channel in channels]
    publish(channels[0], queue, b"1", b"2")
    consumers[0].wait(2)
    assert [consumer.bodies for consumer in consumers] == [[b"1", b"2"], [], []]
    channels[0].basic_ack(consumers[0].messages[0].tag)
    settle(channels[0])
    channels[0].close()  # its unacknowledged message goes to the next in line
    assert consumers[1].wait(1)[0].body == b"2" and consumers[1].messages[0].redelivered
    publish(channels[1], queue, b"3")
    consumers[1].wait(2)
    channels[1].basic_cancel(consumers[1].tag)
    publish(channels[1], queue, b"4")
    assert consumers[2].wait(1)[0].body == b"4"
    assert [consumer.bodies for consumer in consumers] == [[b"1", b"2"], [b"2", b"3"], [b"4"]]


def test_exclusive_consumers_and_single_active_exclude_each_other(
    channel: BlockingChannel, name: Name
) -> None:
    queue = name("sac")
    channel.queue_declare(queue, durable=True, arguments={"x-single-active-consumer": True})
    with channel_error(403, "ACCESS_REFUSED"):
        channel.basic_consume(queue, lambda *_: None, exclusive=True)


def test_pikas_own_generator_cancel_returns_what_was_not_taken(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, *numbered(1, 5))
    for method, _properties, body in channel.consume(queue, inactivity_timeout=5):
        assert method is not None, "nothing came"
        channel.basic_ack(method.delivery_tag)
        if body == b"2":
            break
    channel.cancel()
    assert drain(channel, queue) == numbered(3, 5)


def test_consumer_arguments_of_other_types_of_queue(connection: BlockingConnection, queue: str) -> None:
    # RabbitMQ 4 refuses what only consumers of other queue types know; the queue itself is looked for first.
    with channel_error(
        406,
        f"invalid arg 'x-stream-offset' for queue '{queue}' in vhost '/' of queue type rabbit_classic_queue",
    ):
        connection.channel().basic_consume(queue, lambda *_: None, arguments={"x-stream-offset": "first"})
    with channel_error(404, "NOT_FOUND - no queue 'no-such-queue'"):
        connection.channel().basic_consume("no-such-queue", lambda *_: None, arguments={"x-priority": "high"})


def test_a_waiting_consumer_comes_before_a_get_that_follows(
    connection: BlockingConnection, queue: str
) -> None:
    channel = connection.channel()
    collector = Collector(channel).consume(queue)
    channel.basic_publish("", queue, b"m")  # not flushed before the get: both are read in one go
    assert get(channel, queue) is None
    collector.wait(1)
