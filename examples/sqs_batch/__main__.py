"""Plays it all: thirty invoices, some difficult; a tax rate that was forgotten; its addition, and the redrive."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from . import queues
from .books import Books
from .invoice import Invoice
from .redrive import redrive
from .sender import send
from .settings import DATABASE_PATH
from .worker import TAX_PERCENT, Worker

FINISHED_SECONDS_MAX = 40.0
WORKERS = 3


def some_invoices() -> list[Invoice]:
    plain = [Invoice(number=f"plain-{number:02}", country="DE", net_cents=1000) for number in range(26)]
    return [
        *plain,
        Invoice(number="locked-1", country="FR", net_cents=1000),  # fails at first
        Invoice(number="long-1", country="DE", net_cents=1000, pages=250),  # takes longer than the visibility
        Invoice(number="italy-1", country="IT", net_cents=1000),  # cannot be booked yet
        Invoice(number="italy-2", country="IT", net_cents=2000),
    ]


def waiting(sqs: Any, queue_url: str) -> int:
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])[
        "Attributes"
    ]
    return int(attributes["ApproximateNumberOfMessages"])


def start_afresh(sqs: Any) -> tuple[str, str]:
    """What an earlier run has left goes: queues and database."""
    for suffix in ("", "-wal", "-shm"):
        Path(DATABASE_PATH + suffix).unlink(missing_ok=True)
    for url in queues.create(sqs):
        try:
            sqs.purge_queue(QueueUrl=url)
        except ClientError as error:
            if "PurgeQueueInProgress" not in str(error):
                raise
    return queues.create(sqs)


@contextmanager
def working(sqs: Any, queue_url: str, tax_percent: Mapping[str, int]) -> Iterator[Books]:
    books = Books(DATABASE_PATH, tax_percent)
    workers = [Worker(sqs, queue_url, books) for _ in range(WORKERS)]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield books
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join()
        books.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FINISHED_SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("not everything was booked in time")
        time.sleep(0.05)


def play() -> None:
    sqs = queues.client()
    queue_url, dead_url = start_afresh(sqs)
    send(sqs, queue_url, some_invoices())

    with working(sqs, queue_url, TAX_PERCENT) as books:
        until(lambda: len(books.booked()) == 28 and waiting(sqs, dead_url) == 2)
        print("booked 28 of 30; 2 dead letters: the tax rate of Italy is missing")
        print(f"the long one took {books.tries('long-1')} try, the locked one {books.tries('locked-1')}")

    with working(sqs, queue_url, {**TAX_PERCENT, "IT": 22}) as books:
        print(f"the rate is there now; {redrive(sqs, dead_url)} moved back")
        until(lambda: len(books.booked()) == 30)
        print(f"booked 30 of 30, {sum(books.booked().values()) / 100:.2f} in all")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    play()
