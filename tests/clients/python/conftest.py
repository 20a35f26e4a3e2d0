"""pika connections and unique names for the Python acceptance tests."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import AMQPError, ChannelClosedByBroker

sys.path.insert(0, str(Path(__file__).resolve().parent))

from pika_session import Broker, Connect, Name, parameters


@pytest.fixture
def connect(broker: Broker) -> Generator[Connect, None, None]:
    """A function that opens connections (keywords set connection parameters); all are closed after the test."""
    opened: list[BlockingConnection] = []

    def open_connection(**overrides: Any) -> BlockingConnection:
        connection = pika.BlockingConnection(parameters(broker.url, **overrides))
        opened.append(connection)
        return connection

    yield open_connection
    for connection in opened:
        if connection.is_open:
            with suppress(AMQPError):  # the broker closed it first, which is what some tests provoke
                connection.close()


@pytest.fixture
def connection(connect: Connect) -> BlockingConnection:
    return connect()


@pytest.fixture
def channel(connection: BlockingConnection) -> BlockingChannel:
    return connection.channel()


@pytest.fixture
def confirming(connection: BlockingConnection) -> BlockingChannel:
    """A channel on the same connection whose publishes return when the broker has confirmed them."""
    channel = connection.channel()
    channel.confirm_delivery()
    return channel


@pytest.fixture
def name(broker: Broker) -> Generator[Name, None, None]:
    """A function that makes names no other test uses; queues and exchanges so named are deleted after the test."""
    prefix = f"test-{uuid.uuid4().hex[:10]}"
    given: list[str] = []

    def unique(suffix: str) -> str:
        made = f"{prefix}-{suffix}"
        given.append(made)
        return made

    yield unique
    if given:
        connection = pika.BlockingConnection(parameters(broker.url))
        for made in given:
            _delete(connection, made)
        connection.close()


def _delete(connection: BlockingConnection, made: str) -> None:
    # A failed test may have left a connection that locks the queue: the other names are deleted all the same.
    with suppress(ChannelClosedByBroker):
        channel = connection.channel()
        channel.queue_delete(made)
        channel.exchange_delete(made)
        channel.close()


@pytest.fixture
def queue(channel: BlockingChannel, name: Name) -> str:
    """A durable classic queue."""
    made = name("queue")
    channel.queue_declare(made, durable=True)
    return made
