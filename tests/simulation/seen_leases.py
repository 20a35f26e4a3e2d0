"""Leases as the engine gives them, in its order over all clients: what frames and answers alone do not say.

A queue may give its first records to a consumer and the next ones to a receive that waits, in one dispatch; the answer to the receive is
seen before the consumer's frames are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onemq.engine.ports import Tracer
from onemq.model.record import Record

if TYPE_CHECKING:
    from simulation.seen_outbox import SeenOutbox

RECEIVING: Final = "aws"
"""The protocol whose answers say what was leased."""


class SeenLease:
    """A record that was given to a consumer, or to a get, which has to settle it."""

    def __init__(self, log_id: int, record: Record) -> None:
        self.log_id = log_id
        self.record = record


class LeaseTracer(Tracer):
    """Notes leases among the other decisions of a world. order: see SeenOutbox."""

    def __init__(self, order: list[SeenLease | SeenOutbox]) -> None:
        super().__init__()
        self.order = order

    def delivered(self, record: Record, protocol: str, queue: str, log_id: int, held: bool) -> None:
        if held and protocol != RECEIVING:
            self.order.append(SeenLease(log_id, record))

    def published(self, record: Record, protocol: str, exchange: str, routing_key: str) -> None:
        return

    def noticed(self, headers: list[tuple[str, bytes | None]], topic: str, size: int) -> None:
        return

    def batch_published(self, batch: bytes, protocol: str, topic: str, partition: int) -> None:
        return

    def batches_delivered(
        self, batches: list[bytes], first_offset: int, protocol: str, topic: str, partition: int
    ) -> None:
        return

    def settled(self, log_id: int, offset: int, how: str) -> None:
        return
