"""Appending a record to the queues it was routed to, and what came of it. Must not: route, authorise, count publishers."""

from typing import Final

from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.queue import DIED_MAXLEN, Queue
from onemq.model.entities import REJECT_PUBLISH_DLX
from onemq.model.record import Record

ROUTED: Final = 1
REFUSED: Final = 2
DURABLE: Final = 4
"""Outcome of a publish, bitwise: it went to a queue; a full queue refused it; it is safe when the turn's commit is."""


def enqueue(queue: Queue, record: Record) -> int:
    """Appends to one queue unless it is full and refuses. Returns outcome flags."""
    if isinstance(queue, LedgerQueue) and queue.limited and queue.full(record):
        if queue.settings.overflow == REJECT_PUBLISH_DLX:
            record.timestamp_ms = queue.core.now_ms
            queue.keeper.bury(queue, record, DIED_MAXLEN)
        queue.counters.refused += 1
        return ROUTED | REFUSED
    if queue.append(record):
        return ROUTED | DURABLE
    return ROUTED


def spread(queues: list[Queue], record: Record) -> int:
    """One copy for each queue. Returns outcome flags; 0 when there is none."""
    if not queues:
        return 0
    if len(queues) == 1:
        return enqueue(queues[0], record)
    outcome = 0
    last = len(queues) - 1
    for index in range(len(queues)):
        outcome |= enqueue(queues[index], record if index == last else record.copy())
    return outcome
