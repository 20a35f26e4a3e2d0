"""Same name, same log: Kafka's clients and pika on one broker, in both directions and both orders of creation.

Only onemq has this. docs/protocols/kafka.md has the table of properties and headers.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing

import pika
import pytest
from confluent_kafka import TopicPartition
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import BasicProperties
from pika_session import Collector, channel_error, drain, fetch, get

from clients.kafka_python.session import (
    KafkaBroker,
    MakeTopic,
    Unique,
    create_topic,
    flush,
    member,
    offsets,
    poll_messages,
    produce,
    producer,
    read_to_end,
    unique_name,
    values,
)

PERSISTENT = BasicProperties(delivery_mode=2)


@pytest.fixture
def channel(onemq: KafkaBroker) -> Generator[BlockingChannel, None, None]:
    """A channel with confirms."""
    with closing(pika.BlockingConnection(pika.URLParameters(onemq.url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


@pytest.mark.parametrize("order", ["queue first", "topic first", "no queue until later"])
def test_what_kafka_produces_an_amqp_consumer_gets(
    bootstrap: str, channel: BlockingChannel, unique: Unique, order: str
) -> None:
    name = unique("orders")
    if order == "queue first":
        channel.queue_declare(name, durable=True)
    else:
        create_topic(bootstrap, name)
        if order == "topic first":
            channel.queue_declare(name, durable=True)
    produce(bootstrap, name, b"one", b"two", b"three", key=b"k", headers=[("colour", b"red")])
    if order == "no queue until later":
        channel.queue_declare(name, durable=True)
    collector = Collector(channel, acknowledge=True).consume(name)
    collector.wait(3)
    assert collector.bodies == [b"one", b"two", b"three"]
    assert collector.messages[0].headers == {"colour": "red", "x-key": "k"}
    assert values(read_to_end(bootstrap, name)) == [b"one", b"two", b"three"]


def test_a_waiting_amqp_consumer_is_served(bootstrap: str, channel: BlockingChannel, unique: Unique) -> None:
    name = unique("orders")
    channel.queue_declare(name, durable=True)
    collector = Collector(channel, acknowledge=True).consume(name)
    produce(bootstrap, name, b"one", acks="all")
    collector.wait(1)
    produce(bootstrap, name, b"two", compression_type="lz4")
    collector.wait(2)
    assert collector.bodies == [b"one", b"two"]


@pytest.mark.parametrize("order", ["queue first", "topic first"])
@pytest.mark.parametrize("way", ["default exchange", "fanout"])
def test_what_amqp_routes_a_kafka_group_reads(
    bootstrap: str, channel: BlockingChannel, unique: Unique, order: str, way: str
) -> None:
    name, exchange = unique("orders"), unique("exchange")
    if order == "topic first":
        create_topic(bootstrap, name)
    channel.queue_declare(name, durable=True)
    if way == "fanout":
        channel.exchange_declare(exchange, "fanout", durable=True)
        channel.queue_bind(name, exchange)
    properties = BasicProperties(
        delivery_mode=2,
        content_type="application/json",
        correlation_id="c-7",
        headers={"colour": "red", "count": 7, "raw": b"\x00\xff"},
    )
    target = ("", name) if way == "default exchange" else (exchange, "")
    for body in (b"one", b"two"):
        channel.basic_publish(*target, body, properties, mandatory=True)
    reader = member(bootstrap, unique("group"))
    reader.subscribe([name])
    messages = poll_messages(reader, 2)
    reader.close()
    assert values(messages) == [b"one", b"two"] and offsets(messages) == [0, 1]
    headers = dict(messages[0].headers())
    assert (headers["colour"], headers["count"], headers["raw"]) == (b"red", b"7", b"\x00\xff")
    assert (headers["content-type"], headers["correlation-id"]) == (b"application/json", b"c-7")
    now = time.time() * 1000
    assert now - 60_000 < messages[0].timestamp()[1] <= now + 1000
    # The queue has them still.
    assert drain(channel, name) == [b"one", b"two"]


def test_both_write_and_both_read_in_one_order(
    bootstrap: str, channel: BlockingChannel, unique: Unique
) -> None:
    name = unique("orders")
    channel.queue_declare(name, durable=True)
    for number in range(10):
        if number % 2:
            channel.basic_publish("", name, b"%d" % number, PERSISTENT, mandatory=True)
        else:
            produce(bootstrap, name, b"%d" % number, compression_type="gzip" if number % 4 else "none")
    expected = [b"%d" % number for number in range(10)]
    assert values(read_to_end(bootstrap, name)) == expected
    assert drain(channel, name) == expected
    # What the queue has settled stays for Kafka's readers, as long as retention keeps it.
    assert values(read_to_end(bootstrap, name)) == expected
    assert values(read_to_end(bootstrap, name, start=4)) == expected[4:]


def test_several_partitions_feed_one_queue(
    bootstrap: str, channel: BlockingChannel, make_topic: MakeTopic
) -> None:
    name = make_topic(4)
    channel.queue_declare(name, durable=True)
    client = producer(bootstrap)
    for number in range(40):
        client.produce(name, b"%d" % number, partition=number % 4)
    flush(client)
    collector = Collector(channel, acknowledge=True).consume(name)
    collector.wait(40)
    got = [int(body) for body in collector.bodies]
    assert sorted(got) == list(range(40))
    for partition in range(4):
        assert [number for number in got if number % 4 == partition] == list(range(partition, 40, 4))


def test_requeue_and_redelivery(bootstrap: str, channel: BlockingChannel, unique: Unique) -> None:
    name = unique("orders")
    channel.queue_declare(name, durable=True)
    produce(bootstrap, name, b"one", b"two")
    first = fetch(channel, name, auto_ack=False)
    channel.basic_nack(first.tag, requeue=True)
    again = fetch(channel, name, auto_ack=False)
    assert (again.body, again.redelivered) == (b"one", True)
    channel.basic_ack(again.tag)
    assert fetch(channel, name).body == b"two"
    assert get(channel, name) is None


def test_dead_letters_of_a_kafka_topic(bootstrap: str, channel: BlockingChannel, unique: Unique) -> None:
    name, dead = unique("orders"), unique("dead")
    create_topic(bootstrap, dead)
    channel.queue_declare(dead, durable=True)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(name, durable=True, arguments=arguments)
    produce(bootstrap, name, b"poison", b"good", headers=[("colour", b"red")])
    channel.basic_reject(fetch(channel, name, auto_ack=False).tag, requeue=False)
    letter = fetch(channel, dead, auto_ack=False)
    assert letter.body == b"poison"
    assert letter.headers["x-death"][0]["reason"] == "rejected"
    (message,) = read_to_end(bootstrap, dead)
    assert message.value() == b"poison" and dict(message.headers())["colour"] == b"red"
    assert fetch(channel, name).body == b"good"


def test_aborted_transactions_are_never_delivered(
    bootstrap: str, channel: BlockingChannel, unique: Unique
) -> None:
    name = unique("orders")
    channel.queue_declare(name, durable=True)
    client = producer(bootstrap, transactional_id=unique("id"))
    client.init_transactions(15)
    collector = Collector(channel, acknowledge=True).consume(name)
    for value, end in (
        (b"aborted", client.abort_transaction),
        (b"committed", client.commit_transaction),
        (b"aborted too", client.abort_transaction),
    ):
        client.begin_transaction()
        client.produce(name, value, partition=0)
        flush(client)
        end(15)
    produce(bootstrap, name, b"last")
    collector.wait(2)
    assert collector.bodies == [b"committed", b"last"]


def test_an_open_transaction_holds_back_the_queue(
    bootstrap: str, channel: BlockingChannel, unique: Unique
) -> None:
    name = unique("orders")
    channel.queue_declare(name, durable=True)
    client = producer(bootstrap, transactional_id=unique("id"))
    client.init_transactions(15)
    client.begin_transaction()
    client.produce(name, b"in", partition=0)
    flush(client)
    channel.basic_publish("", name, b"after", PERSISTENT, mandatory=True)
    assert get(channel, name) is None
    client.commit_transaction(15)
    assert fetch(channel, name).body == b"in"
    assert fetch(channel, name).body == b"after"


def test_null_values_keys_and_big_records(bootstrap: str, channel: BlockingChannel, unique: Unique) -> None:
    name = unique("orders")
    channel.queue_declare(name, durable=True)
    produce(bootstrap, name, None, key=b"tombstone")
    produce(bootstrap, name, bytes(900_000))
    assert fetch(channel, name).body == b""
    assert fetch(channel, name).body == bytes(900_000)


def test_queues_that_are_no_topics(bootstrap: str, channel: BlockingChannel, unique: Unique) -> None:
    """Exclusive queues belong to their connection; a topic cannot share their log."""
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", name, b"private", mandatory=True)
    assert fetch(channel, name).body == b"private"
    with channel_error(404, "no queue"):
        channel.connection.channel().queue_declare(unique("absent"), passive=True)


def test_a_group_and_a_queue_after_a_crash(
    tmp_path_factory: pytest.TempPathFactory, onemq: KafkaBroker
) -> None:
    """Offsets, settled records and what is left, in both protocols' eyes."""
    process = KafkaBroker(tmp_path_factory.mktemp("own") / "broker")
    process.start()
    try:
        name, group = unique_name("orders"), unique_name("group")
        with closing(pika.BlockingConnection(pika.URLParameters(process.url))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare(name, durable=True)
            produce(process.bootstrap, name, b"one", b"two", compression_type="zstd")
            channel.basic_publish("", name, b"three", PERSISTENT, mandatory=True)
            assert fetch(channel, name).body == b"one"
            reader = member(process.bootstrap, group)
            reader.subscribe([name])
            poll_messages(reader, 3)
            reader.commit(offsets=[TopicPartition(name, 0, 2)], asynchronous=False)
            reader.close()
        process.kill9()
        process.start()
        with closing(pika.BlockingConnection(pika.URLParameters(process.url))) as connection:
            channel = connection.channel()
            got = [fetch(channel, name).body]
            while got[-1] != b"three":
                got.append(fetch(channel, name).body)
            # What was taken without acknowledgement may have been taken in the turn that the crash undid.
            assert got in ([b"two", b"three"], [b"one", b"two", b"three"])
        reader = member(process.bootstrap, group)
        reader.subscribe([name])
        assert values(poll_messages(reader, 1)) == [b"three"]
        reader.close()
        assert values(read_to_end(process.bootstrap, name)) == [b"one", b"two", b"three"]
    finally:
        process.kill9()
