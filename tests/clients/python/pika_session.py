"""What the pika tests share: waiting for conditions with a bound, fetching, collecting, expected refusals.

No test and no fixture lives here, and nothing sleeps for a fixed time and hopes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker, ConnectionClosedByBroker
from pika.spec import Basic, BasicProperties

WITHIN_SECONDS = 8.0
POLL_SECONDS = 0.01

# A field table or argument table as pika takes and gives it: its values are of many types.
Table = dict[str, Any]

# What the fixtures `connect` and `name` give.
Connect = Callable[..., BlockingConnection]
Name = Callable[[str], str]


class Broker(Protocol):
    """What the fixtures `broker` and `own_broker` give."""

    @property
    def url(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


@dataclass
class Message:
    """One message as a client got it."""

    body: bytes
    properties: BasicProperties
    tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    consumer_tag: str = ""

    @property
    def headers(self) -> Table:
        return dict(self.properties.headers or {})


@dataclass
class Collector:
    """A consumer that keeps what it is given, in order."""

    channel: BlockingChannel
    messages: list[Message] = field(default_factory=list)
    acknowledge: bool = False
    tag: str = ""

    def consume(self, queue: str, **options: Any) -> Collector:
        self.tag = self.channel.basic_consume(queue, self._keep, **options)
        return self

    def wait(self, count: int, within_seconds: float = WITHIN_SECONDS) -> list[Message]:
        wait_until(self.channel, lambda: len(self.messages) >= count, within_seconds)
        return self.messages

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.messages]

    def _keep(
        self, channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes
    ) -> None:
        self.messages.append(
            Message(
                body=body,
                properties=properties,
                tag=method.delivery_tag,
                redelivered=method.redelivered,
                exchange=method.exchange,
                routing_key=method.routing_key,
                consumer_tag=method.consumer_tag,
            )
        )
        if self.acknowledge:
            channel.basic_ack(method.delivery_tag)


def wait_until(
    channel: BlockingChannel, condition: Callable[[], bool], within_seconds: float = WITHIN_SECONDS
) -> None:
    """Serve the channel's connection until the condition holds; fail the test after the bound."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {within_seconds} s")
        channel.connection.process_data_events(time_limit=POLL_SECONDS)


def settle(channel: BlockingChannel) -> None:
    """One synchronous round trip: whatever the broker sent before its answer has been seen."""
    channel.basic_qos(prefetch_count=0, global_qos=False)
    channel.connection.process_data_events(time_limit=0)


def get(channel: BlockingChannel, queue: str, auto_ack: bool = True) -> Message | None:
    """basic.get, once."""
    method, properties, body = channel.basic_get(queue, auto_ack)
    if method is None:
        return None
    assert properties is not None and body is not None
    return Message(
        body, properties, method.delivery_tag, method.redelivered, method.exchange, method.routing_key
    )


def fetch(
    channel: BlockingChannel, queue: str, auto_ack: bool = True, within_seconds: float = WITHIN_SECONDS
) -> Message:
    """basic.get until there is a message; fail the test after the bound."""
    deadline = time.monotonic() + within_seconds
    while True:
        message = get(channel, queue, auto_ack)
        if message is not None:
            return message
        if time.monotonic() > deadline:
            pytest.fail(f"no message in {queue} within {within_seconds} s")
        channel.connection.process_data_events(time_limit=POLL_SECONDS)


def drain(channel: BlockingChannel, queue: str) -> list[bytes]:
    """Take all that is ready now."""
    bodies = []
    while (message := get(channel, queue)) is not None:
        bodies.append(message.body)
    return bodies


def ready_count(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def wait_ready_count(
    channel: BlockingChannel, queue: str, count: int, within_seconds: float = WITHIN_SECONDS
) -> None:
    wait_until(channel, lambda: ready_count(channel, queue) == count, within_seconds)


def publish(channel: BlockingChannel, queue: str, *bodies: bytes | str, **properties: Any) -> None:
    """Publish to a queue through the default exchange."""
    for body in bodies:
        channel.basic_publish("", queue, body, BasicProperties(**properties))


@contextmanager
def channel_error(code: int, text: str) -> Generator[None, None, None]:
    """The block is answered with channel.close of this code and a reply text that contains this text."""
    with pytest.raises(ChannelClosedByBroker) as caught:
        yield
    assert caught.value.reply_code == code, caught.value
    assert text in caught.value.reply_text


@contextmanager
def connection_error(code: int, text: str) -> Generator[None, None, None]:
    """The block is answered with connection.close of this code and a reply text that contains this text."""
    with pytest.raises(AMQPConnectionError) as caught:
        yield
    assert isinstance(caught.value, ConnectionClosedByBroker), repr(caught.value)
    assert caught.value.reply_code == code, caught.value
    assert text in caught.value.reply_text


def parameters(url: str, **overrides: Any) -> pika.URLParameters:
    """Connection parameters of the URL with attributes set on top; one attempt, no retry."""
    result = pika.URLParameters(url)
    result.connection_attempts = 1
    result.socket_timeout = 5
    result.stack_timeout = 10
    for name, value in overrides.items():
        setattr(result, name, value)
    return result
