"""A worker: one job at a time. `python -m examples.autoscaling.worker`; SIGTERM lets it finish the one it has."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

import pika
from pika.adapters.blocking_connection import BlockingChannel

from .jobs import Jobs
from .settings import AMQP_URL, DATABASE_PATH, JOB_SECONDS, QUEUE


def main() -> None:
    jobs = Jobs(DATABASE_PATH)
    connection = pika.BlockingConnection(pika.URLParameters(AMQP_URL))
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True)
    channel.basic_qos(prefetch_count=1)  # the rest stays ready, for workers to come

    def take(
        channel: BlockingChannel,
        method: pika.spec.Basic.Deliver,
        _properties: pika.BasicProperties,
        body: bytes,
    ) -> None:
        time.sleep(JOB_SECONDS)  # making the thumbnail
        jobs.finish(body.decode(), os.getpid())
        channel.basic_ack(method.delivery_tag)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        connection.add_callback_threadsafe(channel.stop_consuming)

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    channel.basic_consume(QUEUE, take)
    channel.start_consuming()
    connection.close()
    jobs.close()


if __name__ == "__main__":
    main()
