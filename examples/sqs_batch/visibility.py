"""Keeps messages that are being worked on away from others: says every second that they are still needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .settings import EXTENSION_SECONDS, VISIBILITY_SECONDS

BATCH_ENTRIES_MAX = 10

log = logging.getLogger(__name__)


class Extender:
    """A thread beside the workers. What it holds is extended in batches until it is let go of."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._handles: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visibility", daemon=True)

    def __enter__(self) -> Extender:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    @contextmanager
    def holding(self, receipt_handle: str) -> Iterator[None]:
        with self._lock:
            self._handles.add(receipt_handle)
        try:
            yield
        finally:
            with self._lock:
                self._handles.discard(receipt_handle)

    def _run(self) -> None:
        while not self._stopped.wait(EXTENSION_SECONDS):
            with self._lock:
                handles = sorted(self._handles)
            for start in range(0, len(handles), BATCH_ENTRIES_MAX):
                self._extend(handles[start : start + BATCH_ENTRIES_MAX])

    def _extend(self, handles: list[str]) -> None:
        entries = [
            {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": VISIBILITY_SECONDS}
            for index, handle in enumerate(handles)
        ]
        try:
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            log.warning("visibility was not extended, trying again: %s", error)
            return
        for failure in answer.get("Failed", []):
            # Too late, or deleted meanwhile. The books know an invoice that comes a second time.
            log.info("visibility was not extended: %s", failure["Message"])
