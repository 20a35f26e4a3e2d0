"""Gauges: what a queue, a partition or a topic holds now. A copy of numbers that stand as state; no record is looked at or loaded.

Cost: O(1) for a queue over one log, one step per partition for one over several. Must not: change anything; authorise.
"""

from collections.abc import Sequence

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.queue import Queue


class Gauges:
    """Records of a queue, and the bytes of their values (of whole batches where a topic's partition keeps them).

    Attributes:
        ready, ready_bytes: may be delivered; those on their way to the disk included. Of a log that keeps its records: all of them.
        unacked, unacked_bytes: in flight: at consumers, or received and leased.
        delayed, delayed_bytes: not due yet.
        memory_bytes: estimate of what the records in memory take.
        consumers: how many consume. receivers: receives that wait.
        oldest_ms: when the oldest ready record was appended, ms since the epoch; 0 when nothing is ready. After a restart, of a
            record that was spilled before: the time of the restart, until it is in memory.
    """

    __slots__ = (
        "consumers",
        "delayed",
        "delayed_bytes",
        "memory_bytes",
        "oldest_ms",
        "ready",
        "ready_bytes",
        "receivers",
        "unacked",
        "unacked_bytes",
    )

    def __init__(self) -> None:
        self.ready: i64 = 0
        self.ready_bytes: i64 = 0
        self.unacked: i64 = 0
        self.unacked_bytes: i64 = 0
        self.delayed: i64 = 0
        self.delayed_bytes: i64 = 0
        self.memory_bytes: i64 = 0
        self.consumers: i64 = 0
        self.receivers: i64 = 0
        self.oldest_ms: i64 = 0

    def add(self, other: "Gauges") -> None:
        """Adds the other's numbers to these; of the ages the greater one stands."""
        self.ready += other.ready
        self.ready_bytes += other.ready_bytes
        self.unacked += other.unacked
        self.unacked_bytes += other.unacked_bytes
        self.delayed += other.delayed
        self.delayed_bytes += other.delayed_bytes
        self.memory_bytes += other.memory_bytes
        self.consumers += other.consumers
        self.receivers += other.receivers
        if other.oldest_ms and (self.oldest_ms == 0 or other.oldest_ms < self.oldest_ms):
            self.oldest_ms = other.oldest_ms

    def total(self) -> i64:
        """What RabbitMQ calls messages: ready and unacked. Delayed ones are apart."""
        return self.ready + self.unacked

    def age_ms(self, now_ms: i64) -> i64:
        """Of the oldest ready record; 0 when nothing is ready."""
        return max(now_ms - self.oldest_ms, 0) if self.oldest_ms else 0


def queue_gauges(queue: Queue) -> Gauges:
    """Of a queue, with all its parts; of a stream or a topic's partition."""
    gauges = Gauges()
    if isinstance(queue, LedgerQueue):
        _add_ledger(gauges, queue)
        for other in queue.others:
            _add_ledger(gauges, other)
        gauges.receivers = len(queue.receivers.waiting)
    elif isinstance(queue, KeptQueue):
        _add_kept(gauges, queue)
    gauges.consumers = len(queue.consumers)
    return gauges


def sum_queues(queues: Sequence[Queue], gauges: Gauges, counters: Counters) -> None:
    """Adds what all of them hold and have counted."""
    for queue in queues:
        gauges.add(queue_gauges(queue))
        counters.add(queue.counters)


def _add_ledger(gauges: Gauges, queue: LedgerQueue) -> None:
    ledger = queue.ledger
    log = queue.log
    gauges.ready += ledger.ready_count
    gauges.ready_bytes += ledger.ready_bytes()
    if queue.partition is None:
        gauges.ready += log.next_offset - max(log.visible_end, queue.hidden_from())
        gauges.ready_bytes += log.invisible_bytes()
        gauges.memory_bytes += log.tail_cost
    gauges.unacked += ledger.unacked_count()
    gauges.unacked_bytes += ledger.unacked_bytes()
    gauges.delayed += len(ledger.delayed)
    gauges.delayed_bytes += ledger.delayed_bytes
    oldest = ledger.oldest_ready()
    if oldest >= 0:
        _see_oldest(gauges, log.time_at(oldest))


def _add_kept(gauges: Gauges, queue: KeptQueue) -> None:
    log = queue.log
    gauges.ready += log.next_offset - log.start_offset
    gauges.ready_bytes += queue.value_bytes + log.invisible_bytes()
    gauges.unacked += len(queue.leased)
    gauges.memory_bytes += log.tail_cost
    if log.start_offset < log.visible_end:
        _see_oldest(gauges, log.time_at(log.start_offset))


def _see_oldest(gauges: Gauges, at_ms: i64) -> None:
    if gauges.oldest_ms == 0 or at_ms < gauges.oldest_ms:
        gauges.oldest_ms = max(at_ms, 1)
