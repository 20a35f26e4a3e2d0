"""The worker there will be: polls the same queue with boto3. A header of RabbitMQ's is a message attribute here."""

from __future__ import annotations

import json
import logging
import signal
import threading
from types import FrameType
from typing import Any

from .orders import Orders
from .settings import DATABASE_PATH, DEAD_LETTER_QUEUE, QUEUE, sqs_client

RECEIVES_MAX = 3
WAIT_SECONDS = 1

log = logging.getLogger(__name__)


def prepare(sqs: Any) -> str:
    """The URL of the queue, which RabbitMQ's clients declared; it gets dead letters as SQS has them."""
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    dead_url = sqs.create_queue(QueueName=DEAD_LETTER_QUEUE)["QueueUrl"]
    dead = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]
    redrive = {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": RECEIVES_MAX}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(redrive)})
    return str(url)


def work(sqs: Any, queue_url: str, orders: Orders, stopping: threading.Event) -> None:
    while not stopping.is_set():
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageAttributeNames=["All"],
        )
        done: list[dict[str, str]] = []
        for message in answer.get("Messages", []):
            handle = message["ReceiptHandle"]
            try:
                tenant = message["MessageAttributes"]["tenant"]["StringValue"]
                orders.book(message["Body"], tenant, worker="sqs")
            except (ValueError, KeyError) as error:
                log.warning("not an order: %r", error)
                sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=handle, VisibilityTimeout=0)
            else:
                done.append({"Id": str(len(done)), "ReceiptHandle": handle})
        if done:
            sqs.delete_message_batch(QueueUrl=queue_url, Entries=done)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    sqs = sqs_client()
    orders = Orders(DATABASE_PATH)
    work(sqs, prepare(sqs), orders, stopping)
    orders.close()


if __name__ == "__main__":
    main()
