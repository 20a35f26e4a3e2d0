"""Sends invoices in batches of ten. A batch can fail in part: what failed by the sender's fault is told, the rest is sent again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .invoice import Invoice

BATCH_ENTRIES_MAX = 10
TRIES = 3


class NotSent(Exception):
    """Some entries were refused, or not taken after several tries. `numbers` are the invoices'."""

    def __init__(self, numbers: list[str], reason: str) -> None:
        super().__init__(f"{', '.join(numbers)}: {reason}")
        self.numbers = numbers


def batches(invoices: Sequence[Invoice]) -> Iterator[Sequence[Invoice]]:
    for start in range(0, len(invoices), BATCH_ENTRIES_MAX):
        yield invoices[start : start + BATCH_ENTRIES_MAX]


def send(sqs: Any, queue_url: str, invoices: Sequence[Invoice]) -> None:
    """All of them are stored when this returns. Raises NotSent."""
    for batch in batches(invoices):
        entries = [
            {"Id": str(index), "MessageBody": invoice.model_dump_json()}
            for index, invoice in enumerate(batch)
        ]
        failed: list[dict[str, Any]] = []
        for _ in range(TRIES):
            failed = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed", [])
            if not failed or any(failure["SenderFault"] for failure in failed):
                break
            again = {failure["Id"] for failure in failed}
            entries = [entry for entry in entries if entry["Id"] in again]
        if failed:
            raise NotSent([batch[int(failure["Id"])].number for failure in failed], failed[0]["Message"])
