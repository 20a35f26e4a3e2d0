"""The worker there was: pika, prefetch, acknowledge."""

from __future__ import annotations

import signal
from types import FrameType

import pika
from pika.adapters.blocking_connection import BlockingChannel

from .orders import Orders
from .settings import AMQP_URL, DATABASE_PATH, QUEUE


def main() -> None:
    orders = Orders(DATABASE_PATH)
    connection = pika.BlockingConnection(pika.URLParameters(AMQP_URL))
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True)
    channel.basic_qos(prefetch_count=10)

    def take(
        channel: BlockingChannel,
        method: pika.spec.Basic.Deliver,
        properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        orders.book(body, tenant=(properties.headers or {})["tenant"], worker="rabbitmq")
        channel.basic_ack(method.delivery_tag)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        connection.add_callback_threadsafe(channel.stop_consuming)

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    channel.basic_consume(QUEUE, take)
    channel.start_consuming()
    connection.close()
    orders.close()


if __name__ == "__main__":
    main()
