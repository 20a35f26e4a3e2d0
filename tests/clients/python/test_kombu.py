"""kombu, the messaging layer of Celery: producers, consumers, SimpleQueue, pools, ensure, and reply queues."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

import pytest
from amqp.exceptions import MessageNacked
from kombu import Connection, Consumer, Exchange, Message, Producer, Queue, binding, eventloop
from kombu.pools import connections, producers
from pika_session import WITHIN_SECONDS, Broker, Name


@pytest.fixture
def kombu_connection(broker: Broker) -> Generator[Connection, None, None]:
    with Connection(broker.url.replace("amqp://", "pyamqp://"), connect_timeout=5) as connection:
        yield connection


def drain_until(connection: Connection, received: Sequence[object], count: int) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while len(received) < count:
        assert time.monotonic() < deadline, f"only {received} came"
        try:
            connection.drain_events(timeout=0.2)
        except TimeoutError:
            continue


def test_the_transport_sees_a_rabbitmq(kombu_connection: Connection) -> None:
    kombu_connection.connect()
    assert kombu_connection.transport.driver_type == "amqp"
    # kombu sniffs the product for the meaning of prefetch: RabbitMQ's counts per consumer.
    assert kombu_connection.transport.qos_semantics_matches_spec(kombu_connection.connection) is False


def test_serializers_and_compression(kombu_connection: Connection, name: Name) -> None:
    received: list[object] = []
    queue = Queue(name("queue"), Exchange(name("exchange"), "direct"), routing_key="key", durable=True)
    payload = {"hello": ["world", 1, 2.5, None], "long": "x" * 5000}
    with kombu_connection.channel() as channel:
        producer = Producer(channel)
        for options in ({"serializer": "json"}, {"serializer": "json", "compression": "zlib"}):
            producer.publish(
                payload, exchange=queue.exchange, routing_key="key", declare=[queue], retry=True, **options
            )

        def on_message(body: object, message: Message) -> None:
            received.append(body)
            message.ack()

        with Consumer(channel, [queue], callbacks=[on_message], accept=["json"]):
            drain_until(kombu_connection, received, 2)
    assert received == [payload, payload]


def test_topic_with_several_bindings(kombu_connection: Connection, name: Name) -> None:
    received: list[object] = []
    exchange = Exchange(name("exchange"), "topic", durable=True)
    queue = Queue(
        name("queue"),
        [binding(exchange, routing_key="a.#"), binding(exchange, routing_key="*.z")],
        durable=True,
    )
    with kombu_connection.channel() as channel:
        queue(channel).declare()
        for key in ("a.b", "b.z", "c.c", "a.z"):
            Producer(channel).publish({"key": key}, exchange=exchange, routing_key=key)

        def on_message(body: dict[str, str], message: Message) -> None:
            received.append(body["key"])
            message.ack()

        with Consumer(channel, [queue], callbacks=[on_message]):
            drain_until(kombu_connection, received, 3)
    assert received == ["a.b", "b.z", "a.z"]


def test_simple_queue(kombu_connection: Connection, name: Name) -> None:
    with kombu_connection.SimpleQueue(name("simple")) as queue:
        for number in range(3):
            queue.put({"n": number})
        for number in range(3):
            message = queue.get(block=True, timeout=WITHIN_SECONDS)
            assert message.payload == {"n": number}
            message.ack()
        with pytest.raises(queue.Empty):
            queue.get(block=False)


def test_reject_and_requeue(kombu_connection: Connection, name: Name) -> None:
    seen: list[object] = []
    queue = Queue(name("queue"), durable=True)
    with kombu_connection.channel() as channel:
        queue(channel).declare()
        Producer(channel).publish("job", routing_key=queue.name)

        def on_message(body: object, message: Message) -> None:
            redelivered = message.delivery_info["redelivered"]
            seen.append((body, redelivered))
            if redelivered:
                message.reject()
            else:
                message.requeue()

        with Consumer(channel, [queue], callbacks=[on_message]):
            drain_until(kombu_connection, seen, 2)
        assert seen == [("job", False), ("job", True)]
        assert queue(channel).queue_declare(passive=True).message_count == 0


def test_prefetch_changes_while_consuming(kombu_connection: Connection, name: Name) -> None:
    """What Celery's autoscale and ETA tasks do: global prefetch on a running consumer."""
    received: list[Message] = []
    queue = Queue(name("queue"), durable=True)
    with kombu_connection.channel() as channel:
        queue(channel).declare()
        for number in range(6):
            Producer(channel).publish(number, routing_key=queue.name)
        consumer = Consumer(channel, [queue], on_message=received.append)
        consumer.qos(prefetch_count=2, apply_global=True)
        with consumer:
            drain_until(kombu_connection, received, 2)
            with pytest.raises(TimeoutError):
                kombu_connection.drain_events(timeout=0.2)
            consumer.qos(prefetch_count=4, apply_global=True)
            drain_until(kombu_connection, received, 4)
            for message in received:
                message.ack()
            drain_until(kombu_connection, received, 6)
    assert [message.payload for message in received] == [0, 1, 2, 3, 4, 5]


def test_priority_queue(kombu_connection: Connection, name: Name) -> None:
    queue = Queue(name("queue"), durable=True, max_priority=10)
    with kombu_connection.channel() as channel:
        bound = queue(channel)
        bound.declare()
        for priority in (1, 9, 5):
            Producer(channel).publish(priority, routing_key=queue.name, priority=priority)
        deadline = time.monotonic() + WITHIN_SECONDS
        while bound.queue_declare(passive=True).message_count < 3:
            assert time.monotonic() < deadline
        assert [bound.get(no_ack=True).payload for _ in range(3)] == [9, 5, 1]


def test_queue_options_become_arguments(kombu_connection: Connection, name: Name) -> None:
    queue = Queue(
        name("queue"), durable=True, expires=60.0, message_ttl=30.0, max_length=5, max_length_bytes=1000
    )
    with kombu_connection.channel() as channel:
        queue(channel).declare()
        queue(channel).declare()
        for number in range(7):
            Producer(channel).publish(number, routing_key=queue.name)
        assert queue(channel).get(no_ack=True).payload == 2


def test_pools_and_retry(broker: Broker, name: Name) -> None:
    queue = Queue(name("queue"), durable=True)
    url = broker.url.replace("amqp://", "pyamqp://")
    connection = Connection(url)
    with producers[connection].acquire(block=True, timeout=5) as producer:
        producer.publish(
            {"n": 1}, routing_key=queue.name, declare=[queue], retry=True, retry_policy={"max_retries": 2}
        )
    with connections[connection].acquire(block=True, timeout=5) as pooled:
        received: list[object] = []

        def on_message(body: object, message: Message) -> None:
            received.append(body)
            message.ack()

        with Consumer(pooled, [queue], callbacks=[on_message]):
            for _ in eventloop(pooled, limit=1, timeout=WITHIN_SECONDS):
                pass
    assert received == [{"n": 1}]
    producers[connection].force_close_all()
    connections[connection].force_close_all()


def test_confirm_publish_option(broker: Broker, name: Name) -> None:
    queue = Queue(
        name("queue"), durable=True, queue_arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    with (
        Connection(
            broker.url.replace("amqp://", "pyamqp://"), transport_options={"confirm_publish": True}
        ) as connection,
        connection.channel() as channel,
    ):
        queue(channel).declare()
        producer = Producer(channel)
        producer.publish("fits", routing_key=queue.name, delivery_mode=2)
        with pytest.raises(MessageNacked):
            producer.publish("does not", routing_key=queue.name, delivery_mode=2)


def test_ensure_connection_and_revive(kombu_connection: Connection, name: Name) -> None:
    queue_name = name("queue")
    kombu_connection.ensure_connection(max_retries=2, timeout=5)
    kombu_connection.connection.transport.close()  # the socket breaks under kombu
    kombu_connection.close()
    kombu_connection.ensure_connection(max_retries=5, timeout=5)
    with kombu_connection.SimpleQueue(queue_name) as queue:
        queue.put("again")
        message = queue.get(timeout=WITHIN_SECONDS)
        assert message.payload == "again"
        message.ack()
