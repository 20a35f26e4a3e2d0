"""What waits for a courier: consumes a subscription's own queue, a bounded number of records at a time.

Job: hand records to the courier as parcels. One that is to be tried again is settled, and stands in the queue once more with its tries
counted and not before its time: one commit, so that a crash changes neither. What was on its way at a crash is tried again at once.
Must not: know how parcels are carried, or when to give up (the head's courier does).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.consumption import Consumer, Delivery, Sink
from onemq.engine.core import Agenda, Core
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.notices.rendering import Courier, LosesParcels, Parcel
from onemq.engine.notices.topic import Subscription
from onemq.model.demand import Demand
from onemq.model.record import Record

PARCELS_MAX: Final = 16
"""Of one subscription, under way at a time."""


class Outgoing(Agenda):
    """See the module. One per subscription with a queue of its own."""

    def __init__(
        self,
        core: Core,
        subscription: Subscription,
        queue: LedgerQueue,
        courier: Courier,
        undertaker: LosesParcels,
    ) -> None:
        super().__init__()
        self.subscription = subscription
        self.ended = False
        self._core = core
        self._queue = queue
        self._courier = courier
        self._undertaker = undertaker
        self._found: list[tuple[Delivery, int]] = []
        self._sink = _OutgoingSink(self)
        consumer = Consumer(
            "courier", queue.name, queue.leaser, self._sink, Demand(PARCELS_MAX), None, False, False, 0, {}
        )
        self._consumer = consumer
        self._sink.consumers.append(consumer)
        queue.add_consumer(consumer)

    def delivered(self, delivery: Delivery, attempts: int) -> None:
        """`attempts`: those before that ended with the process."""
        self._found.append((delivery, attempts))
        self._core.need_dispatch(self)

    def end(self) -> None:
        """The subscription has gone, or its queue."""
        self.ended = True
        self._found = []

    def dispatch(self, budget: i64) -> i64:
        found = self._found
        self._found = []
        for delivery, attempts in found:
            tries = counted_tries(delivery.record) + attempts + 1
            self._courier.take(_HeldParcel(self, delivery, tries))
        return len(found)

    def finish(self, parcel: "_HeldParcel", wait_ms: int, lost: str) -> None:
        """wait_ms: -1 = it is done with."""
        if self.ended:
            return
        record = parcel.record
        if wait_ms >= 0:
            again = record.copy()
            again.key = str(parcel.attempts).encode("ascii")
            # Never at once: another try is for another turn.
            again.not_before_ms = self._core.now_ms + max(wait_ms, 1)
            self._queue.append(again)
        elif lost:
            self._undertaker.bury_parcel(self.subscription, parcel, lost)
        self._queue.settle(parcel.delivery)


def counted_tries(record: Record) -> int:
    """How often it has been tried, as its last try has written it down."""
    key = record.key
    return 0 if key is None else int(key)


class _OutgoingSink(Sink):
    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__()
        self._outgoing = outgoing

    def deliver(
        self, consumer: Consumer, record: Record, attempts: i64, failures: i64, delivery: Delivery | None
    ) -> None:
        assert delivery is not None
        self._outgoing.delivered(delivery, int(attempts))

    def cancelled(self, consumer: Consumer, reason: str) -> None:
        return

    def timed_out(self, delivery: Delivery, timeout_ms: int) -> None:
        return

    def reply(self, record: Record) -> None:
        return


class _HeldParcel(Parcel):
    def __init__(self, outgoing: Outgoing, delivery: Delivery, tries: int) -> None:
        super().__init__(outgoing.subscription, delivery.record, tries)
        self.delivery = delivery
        self._outgoing = outgoing
        self._ended = False

    def _end(self, wait_ms: int, lost: str) -> None:
        if not self._ended:
            self._ended = True
            self._outgoing.finish(self, wait_ms, lost)

    def delivered(self) -> None:
        self._end(-1, "")

    def again(self, wait_ms: int) -> None:
        self._end(wait_ms, "")

    def lost(self, reason: str) -> None:
        self._end(-1, reason or "unknown")
