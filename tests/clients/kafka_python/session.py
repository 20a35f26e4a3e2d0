"""What the Kafka tests share: clients with short timings, reading to the end of a log, waiting with a bound.

No test and no fixture lives here. Everything takes the broker's bootstrap address, so it works for onemq and for a real Kafka.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from broker_process import BrokerProcess
from clients.kafka_python.wire import Wire

BOOTSTRAP_VARIABLE = "ONEMQ_TEST_KAFKA_BOOTSTRAP"
WITHIN_SECONDS = 15.0
POLL_SECONDS = 0.02

# What the fixtures `make_topic` and `unique` give.
MakeTopic = Callable[..., str]
Unique = Callable[[str], str]


class Killable(Protocol):
    """What the fixture `own_broker` gives: onemq, or a real Kafka when the expectations are checked."""

    @property
    def bootstrap(self) -> str: ...

    def start(self) -> None: ...

    def kill9(self) -> None: ...

    def restart(self) -> None: ...


class KafkaBroker(BrokerProcess):
    """onemq with its Kafka listener."""

    def __init__(self, *positional: Any, **keywords: Any) -> None:
        super().__init__(*positional, listeners=("amqp", "http", "kafka"), **keywords)

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.ports['kafka']}"


def crash(broker: Killable) -> None:
    """kill -9 and start again on the same data."""
    broker.kill9()
    broker.start()


def unique_name(suffix: str) -> str:
    return f"test-{uuid.uuid4().hex[:10]}-{suffix}"


def wait_until(
    condition: Callable[[], bool], within_seconds: float = WITHIN_SECONDS, what: str = "the condition"
) -> None:
    """Ask again and again; fail the test after the bound."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} does not hold within {within_seconds} s")
        time.sleep(POLL_SECONDS)


def dotted(settings: dict[str, Any]) -> dict[str, Any]:
    """librdkafka's names: enable_idempotence is enable.idempotence."""
    return {name.replace("_", "."): value for name, value in settings.items()}


def producer(bootstrap: str, **settings: Any) -> Producer:
    """librdkafka's producer. Settings as keywords, with underscores for dots."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 0,
            "message.timeout.ms": 20_000,
            "topic.metadata.propagation.max.ms": 1000,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "retry.backoff.ms": 20,
            "log_level": 0,
            **dotted(settings),
        }
    )


def consumer(bootstrap: str, group: str = "", **settings: Any) -> Consumer:
    """librdkafka's consumer; it commits only when told to."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group or unique_name("nobody"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
            "fetch.error.backoff.ms": 20,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "retry.backoff.ms": 20,
            "log_level": 0,
            **dotted(settings),
        }
    )


def member(bootstrap: str, group: str, **settings: Any) -> Consumer:
    """A member of a classic group that learns of rebalances soon."""
    timings = {
        "session_timeout_ms": 6000,
        "heartbeat_interval_ms": 100,
        "topic_metadata_refresh_interval_ms": 500,
    }
    return consumer(bootstrap, group, **{**timings, **settings})


@lru_cache(maxsize=4)
def admin_client(bootstrap: str) -> AdminClient:
    """librdkafka's admin client. A client that is not kept ends its calls, so it is kept here."""
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})


def create_topic(bootstrap: str, name: str, partitions: int = 1, **config: str) -> None:
    """Create and wait until it is done. Config as keywords, with underscores for dots."""
    admin = admin_client(bootstrap)
    admin.create_topics([NewTopic(name, partitions, 1, config=dotted(config))])[name].result(WITHIN_SECONDS)
    if BOOTSTRAP_VARIABLE in os.environ:
        wait_served(bootstrap, name, partitions)


def wait_served(bootstrap: str, topic: str, partitions: int) -> None:
    """Kafka says that a topic is created before its broker knows it. onemq must not need this."""
    connection = Wire(bootstrap)
    asked = {(topic, partition): 0 for partition in range(partitions)}

    def served() -> bool:
        return all(part.error == 0 for part in connection.receive_fetch(connection.send_fetch(asked)))

    wait_until(served, what=f"that {topic} is there")
    connection.close()


class Reports:
    """Delivery reports, in their order."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.errors: list[KafkaError] = []

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.errors.append(error)
        else:
            self.messages.append(message)

    @property
    def offsets(self) -> list[int]:
        return [message.offset() for message in self.messages]


def flush(client: Producer, seconds: float = 30.0) -> None:
    assert client.flush(seconds) == 0, "not everything was reported"


def produce(bootstrap: str, topic: str, *values: bytes | None, **settings: Any) -> list[Message]:
    """Produce in order to one partition (keywords `partition`, `key`, `headers`, `timestamp`); raises the first error.

    The other keywords are settings of the producer.
    """
    arguments = {name: settings.pop(name) for name in ("key", "headers", "timestamp") if name in settings}
    partition = settings.pop("partition", 0)
    client = producer(bootstrap, **settings)
    reports = Reports()
    for value in values:
        client.produce(topic, value, partition=partition, on_delivery=reports, **arguments)
    flush(client)
    if reports.errors:
        raise KafkaException(reports.errors[0])
    assert len(reports.messages) == len(values)
    return reports.messages


def read_to_end(
    bootstrap: str,
    topic: str,
    partitions: Sequence[int] = (0,),
    start: int = OFFSET_BEGINNING,
    **settings: Any,
) -> list[Message]:
    """Everything from `start` to the end of each partition: its last stable offset, or with
    `isolation_level="read_uncommitted"` its high watermark."""
    client = consumer(bootstrap, **{"enable_partition_eof": True, **settings})
    client.assign([TopicPartition(topic, partition, start) for partition in partitions])
    messages: list[Message] = []
    ended: set[int] = set()
    deadline = time.monotonic() + WITHIN_SECONDS
    try:
        while len(ended) < len(partitions):
            assert time.monotonic() < deadline, f"no end of {topic}: {len(messages)} messages, ended {ended}"
            for message in client.consume(500, 0.1):
                error = message.error()
                if error is None:
                    messages.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        client.close()
    return messages


def values(messages: Sequence[Message]) -> list[bytes]:
    return [message.value() for message in messages]


def offsets(messages: Sequence[Message]) -> list[int]:
    return [message.offset() for message in messages]


def poll_messages(client: Consumer, count: int, within_seconds: float = WITHIN_SECONDS) -> list[Message]:
    """Poll until `count` messages have come; more may have come with them. Raises KafkaException."""
    messages: list[Message] = []
    deadline = time.monotonic() + within_seconds
    while len(messages) < count:
        assert time.monotonic() < deadline, (
            f"only {len(messages)} of {count} messages within {within_seconds} s"
        )
        for message in client.consume(count - len(messages), 0.1):
            if message.error() is not None:
                raise KafkaException(message.error())
            messages.append(message)
    return messages


def wait_assigned(client: Consumer, count: int) -> list[tuple[str, int]]:
    """Serve the group until the member holds `count` partitions; the messages that come meanwhile are thrown away."""

    def held() -> bool:
        message = client.poll(POLL_SECONDS)
        if message is not None and message.error() is not None:
            raise KafkaException(message.error())
        return len(client.assignment()) == count

    wait_until(held, what=f"an assignment of {count} partitions")
    return sorted((partition.topic, partition.partition) for partition in client.assignment())


@contextmanager
def kafka_error(*codes: int) -> Generator[Any, None, None]:
    """The block raises KafkaException with one of these codes."""
    with pytest.raises(KafkaException) as caught:
        yield caught
    error = caught.value.args[0]
    assert error.code() in codes, f"{error.code()} {error.name()} {error.str()}"
