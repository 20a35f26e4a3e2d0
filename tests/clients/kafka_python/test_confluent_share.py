"""Share groups with librdkafka's share consumer, dead letters and delayed retry included (those Kafka has not)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("confluent_kafka", minversion="2.16", reason="its share consumer is not in older ones")

from confluent_kafka import AcknowledgeType, Message, ShareConsumer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from clients.kafka_python.session import (
    WITHIN_SECONDS,
    KafkaBroker,
    Killable,
    MakeTopic,
    Unique,
    admin_client,
    crash,
    create_topic,
    produce,
    read_to_end,
    values,
)


def configure_group(bootstrap: str, group: str, **settings: str) -> None:
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=entries)
    admin_client(bootstrap).incremental_alter_configs([resource])[resource].result(WITHIN_SECONDS)


@contextmanager
def share_consumer(bootstrap: str, group: str, topic: str) -> Generator[ShareConsumer]:
    """One that answers for each record; the group reads from the beginning."""
    client = ShareConsumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "share.acknowledgement.mode": "explicit",
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "retry.backoff.ms": 20,
            "log_level": 0,
        }
    )
    client.subscribe([topic])
    try:
        yield client
    finally:
        client.close()


Answer = Callable[[Message, int], AcknowledgeType]


def work(
    client: ShareConsumer, count: int, answer: Answer, within_seconds: float = WITHIN_SECONDS
) -> list[tuple[bytes, float]]:
    """Polls and answers until there were `count` deliveries: value and time of each. answer: is told how often it saw the value."""
    found: list[tuple[bytes, float]] = []
    deadline = time.monotonic() + within_seconds
    while len(found) < count:
        assert time.monotonic() < deadline, f"{found} within {within_seconds} s"
        for message in client.poll(0.5):
            assert message.error() is None, message.error()
            value = message.value()
            found.append((value, time.monotonic()))
            client.acknowledge(message, answer(message, sum(one == value for one, _at in found)))
        for refused in client.commit_sync(WITHIN_SECONDS).values():
            assert refused is None, refused
    return found


def accept(message: Message, times: int) -> AcknowledgeType:
    return AcknowledgeType.ACCEPT


def test_accept_release_and_reject(bootstrap: str, make_topic: MakeTopic, unique: Unique) -> None:
    topic, group = make_topic(2), unique("shares")
    configure_group(bootstrap, group, share_auto_offset_reset="earliest")
    for partition in (0, 1):
        produce(
            bootstrap, topic, *[b"%d-%d" % (partition, number) for number in range(3)], partition=partition
        )

    def answer(message: Message, times: int) -> AcknowledgeType:
        if message.value().endswith(b"-1") and times == 1:
            return AcknowledgeType.RELEASE
        return AcknowledgeType.REJECT if message.value().endswith(b"-2") else AcknowledgeType.ACCEPT

    with share_consumer(bootstrap, group, topic) as client:
        found = [value for value, _at in work(client, 8, answer)]
        assert sorted(found) == [b"0-0", b"0-1", b"0-1", b"0-2", b"1-0", b"1-1", b"1-1", b"1-2"]
        produce(bootstrap, topic, b"last")
        assert [value for value, _at in work(client, 1, accept)] == [b"last"], "the others are done with"


def test_two_members_share_one_partition(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("shares")
    configure_group(bootstrap, group, share_auto_offset_reset="earliest")
    seen: dict[bytes, list[int]] = {}
    with share_consumer(bootstrap, group, topic) as one, share_consumer(bootstrap, group, topic) as other:
        deadline = time.monotonic() + 2 * WITHIN_SECONDS
        sent = 0
        while {index for by in seen.values() for index in by} != {0, 1} or len(seen) < sent:
            assert time.monotonic() < deadline, seen
            if sent < 40:
                produce(bootstrap, topic, b"m%d" % sent, b"m%d" % (sent + 1))
                sent += 2
            for index, client in enumerate((one, other)):
                for message in client.poll(0.1):
                    seen.setdefault(message.value(), []).append(index)
                    client.acknowledge(message)
                client.commit_sync(WITHIN_SECONDS)
    assert all(len(by) == 1 for by in seen.values()), "nobody read what another had"


def test_what_was_accepted_stays_so_after_a_crash(own_broker: Killable, unique: Unique) -> None:
    topic, group = unique("topic"), unique("shares")
    create_topic(own_broker.bootstrap, topic)
    configure_group(own_broker.bootstrap, group, share_auto_offset_reset="earliest")
    produce(own_broker.bootstrap, topic, b"a", b"b", b"c")

    def answer(message: Message, times: int) -> AcknowledgeType:
        return AcknowledgeType.RELEASE if message.value() == b"b" else AcknowledgeType.ACCEPT

    with share_consumer(own_broker.bootstrap, group, topic) as client:
        work(client, 3, answer)
        crash(own_broker)
        produce(own_broker.bootstrap, topic, b"d")
        found = [value for value, _at in work(client, 2, accept, 3 * WITHIN_SECONDS)]
    assert sorted(found) == [b"b", b"d"]


def headers(message: Message) -> dict[str, Any]:
    return dict(message.headers() or [])


def test_dead_letters(onemq: KafkaBroker, unique: Unique) -> None:
    bootstrap, topic, group = onemq.bootstrap, unique("topic"), unique("shares")
    create_topic(bootstrap, topic, onemq_dead_letter_topic=f"{topic}.dead", onemq_delivery_limit="2")
    configure_group(bootstrap, group, share_auto_offset_reset="earliest")
    produce(bootstrap, topic, b"good")
    produce(bootstrap, topic, b"bad", key=b"k", headers=[("its", b"own")])
    produce(bootstrap, topic, b"worn")

    def answer(message: Message, times: int) -> AcknowledgeType:
        kinds = {b"bad": AcknowledgeType.REJECT, b"worn": AcknowledgeType.RELEASE}
        return kinds.get(message.value(), AcknowledgeType.ACCEPT)

    with share_consumer(bootstrap, group, topic) as client:
        work(client, 4, answer)
    bad, worn = sorted(read_to_end(bootstrap, f"{topic}.dead"), key=lambda message: message.value())
    assert (bad.key(), bad.value(), worn.value()) == (b"k", b"bad", b"worn")
    shared = {
        "__dlq.errors.topic": topic.encode(),
        "__dlq.errors.partition": b"0",
        "__dlq.errors.group": group.encode(),
    }
    for message, offset, times in ((bad, b"1", b"1"), (worn, b"2", b"2")):
        found = headers(message)
        assert found.items() >= shared.items()
        assert found["__dlq.errors.offset"] == offset
        assert found["__dlq.errors.delivery.count"] == times
        assert found["__dlq.errors.message"]
    assert headers(bad)["its"] == b"own"


def test_delayed_retry(onemq: KafkaBroker, unique: Unique) -> None:
    bootstrap, topic, group = onemq.bootstrap, unique("topic"), unique("shares")
    create_topic(bootstrap, topic, onemq_retry_delay_ms="400")
    configure_group(bootstrap, group, share_auto_offset_reset="earliest")
    produce(bootstrap, topic, b"again")

    def answer(message: Message, times: int) -> AcknowledgeType:
        return AcknowledgeType.RELEASE if times < 3 else AcknowledgeType.ACCEPT

    with share_consumer(bootstrap, group, topic) as client:
        times = [at for _value, at in work(client, 3, answer)]
    assert times[1] - times[0] >= 0.4, "once the delay"
    assert times[2] - times[1] >= 0.8, "and twice the delay"


def test_rejected_to_a_queue_of_amqp(onemq: KafkaBroker, unique: Unique) -> None:
    """A dead-letter topic is a queue of that name as well."""
    pika = pytest.importorskip("pika")
    bootstrap, topic, group = onemq.bootstrap, unique("topic"), unique("shares")
    with pika.BlockingConnection(pika.URLParameters(onemq.url)) as connection:
        channel = connection.channel()
        channel.queue_declare(f"{topic}.dead", durable=True)
        create_topic(bootstrap, topic, onemq_dead_letter_topic=f"{topic}.dead")
        configure_group(bootstrap, group, share_auto_offset_reset="earliest")
        produce(bootstrap, topic, b"bad")
        with share_consumer(bootstrap, group, topic) as client:
            work(client, 1, lambda message, times: AcknowledgeType.REJECT)
        deadline = time.monotonic() + WITHIN_SECONDS
        body = None
        while body is None:
            assert time.monotonic() < deadline, "nothing in the queue"
            _method, properties, body = channel.basic_get(f"{topic}.dead", auto_ack=True)
        assert body == b"bad"
        assert properties.headers["__dlq.errors.group"] == group
    assert values(read_to_end(bootstrap, f"{topic}.dead")) == [b"bad"]
