"""The worker: receives up to ten invoices at a time, books them side by side, deletes those that succeeded in one request.

A long one holds up its own batch only: run several workers.

One that failed is not deleted: it is left to become visible again, later with each time (the back-off), until the queue has
given it out RECEIVES_MAX times and moves it to the dead letters. The others of its batch do not notice.
"""

from __future__ import annotations

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import queues
from .books import Books
from .invoice import Invoice
from .settings import DATABASE_PATH, RECEIVES_MAX, THREADS
from .visibility import Extender

MESSAGES_MAX = 10
BACK_OFF_SECONDS_MAX = 900

TAX_PERCENT = {"DE": 19, "FR": 20}

log = logging.getLogger(__name__)


class Worker:
    def __init__(self, sqs: Any, queue_url: str, books: Books) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._books = books
        self._stopping = threading.Event()

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """What has been received is finished; nothing more is received."""
        self._stopping.set()

    def run(self) -> None:
        with Extender(self._sqs, self._queue_url) as extender, ThreadPoolExecutor(THREADS) as pool:
            while not self._stopping.is_set():
                try:
                    messages = self._receive()
                    booked = list(pool.map(lambda message: self._try(extender, message), messages))
                    self._delete([message for message, done in zip(messages, booked, strict=True) if done])
                except (BotoCoreError, ClientError) as error:
                    log.warning("the broker is not there, trying again: %s", error)
                    self._stopping.wait(1)

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=MESSAGES_MAX,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _try(self, extender: Extender, message: dict[str, Any]) -> bool:
        """True when it may be deleted."""
        try:
            with extender.holding(message["ReceiptHandle"]):
                self._books.book(Invoice.model_validate_json(message["Body"]))
        except Exception as error:
            self._back_off(message, error)
            return False
        return True

    def _back_off(self, message: dict[str, Any], error: Exception) -> None:
        received = int(message["Attributes"]["ApproximateReceiveCount"])
        # At once, after 1 s, 3 s, 7 s, ...; after the last try at once again: then the queue buries it.
        seconds = min(2 ** (received - 1) - 1, BACK_OFF_SECONDS_MAX) if received < RECEIVES_MAX else 0
        log.warning("try %d of %d failed: %r", received, RECEIVES_MAX, error)
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        if not messages:
            return
        entries = [
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
            for index, message in enumerate(messages)
        ]
        answer = self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        for failure in answer.get("Failed", []):
            # It comes again, and is found booked.
            log.warning("not deleted: %s", failure["Message"])


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sqs = queues.client()
    queue_url, _ = queues.create(sqs)
    books = Books(DATABASE_PATH, TAX_PERCENT)
    worker = Worker(sqs, queue_url, books)
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, worker.stop)
    try:
        worker.run()
    finally:
        books.close()


if __name__ == "__main__":
    main()
