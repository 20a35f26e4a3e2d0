"""One connection, some durable queues, a handler for each message: acknowledged when it is done, until the process is asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from types import FrameType

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pydantic import BaseModel

from .settings import AMQP_URL, PREFETCH

PERSISTENT = pika.BasicProperties(delivery_mode=2, content_type="application/json")

Handler = Callable[[str, bytes], None]


def open_channel(connection: pika.BlockingConnection, queues: Sequence[str]) -> BlockingChannel:
    """Publishes on it return when the broker has the message on disk."""
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=PREFETCH)
    for queue in queues:
        channel.queue_declare(queue, durable=True)
    return channel


def send(channel: BlockingChannel, queue: str, message: BaseModel) -> None:
    channel.basic_publish("", queue, message.model_dump_json().encode(), PERSISTENT, mandatory=True)


def consume(channel: BlockingChannel, queues: Sequence[str], handle: Handler) -> None:
    """Calls `handle(queue, body)` until SIGINT or SIGTERM. What it raises ends the process: the message comes again."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        channel.connection.add_callback_threadsafe(channel.stop_consuming)

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)

    def take(
        channel: BlockingChannel,
        method: pika.spec.Basic.Deliver,
        _properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        handle(method.consumer_tag, body)
        channel.basic_ack(method.delivery_tag)

    for queue in queues:
        channel.basic_consume(queue, take, consumer_tag=queue)
    channel.start_consuming()


def connect() -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(AMQP_URL))
