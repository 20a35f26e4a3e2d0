"""A channel's transaction: what was published and settled since tx.select or the last commit, held back in order.

Must not: decide about durability: everything done in one turn is one commit of the engine.
Spec: AMQP 0-9-1 class tx, as RabbitMQ does it (publishes are routed and checked when they are sent).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.consumption import Delivery
from onemq.heads.amqp091.session import Target
from onemq.model.record import HeaderValue, Record

ACCEPT: Final = 0
REQUEUE: Final = 1
REJECT: Final = 2
"""What is to become of deliveries. REQUEUE does not count as a failure."""
REQUEUE_FAILED: Final = 3
"""basic.reject and recover: requeue, counted as a failure."""


class HeldPublish:
    __slots__ = ("extra_keys", "headers", "record", "target")

    def __init__(
        self,
        target: Target,
        record: Record,
        headers: dict[str, HeaderValue] | None,
        extra_keys: list[str] | None,
    ) -> None:
        self.target = target
        self.record = record
        self.headers = headers
        self.extra_keys = extra_keys


class HeldSettlement:
    __slots__ = ("deliveries", "outcome")

    def __init__(self, outcome: i64, deliveries: list[Delivery]) -> None:
        self.outcome: i64 = outcome
        self.deliveries = deliveries


class Transaction:
    """`held_bytes`: what the bodies held back count in the session's `held_bytes`."""

    __slots__ = ("held_bytes", "publishes", "settlements")

    def __init__(self) -> None:
        self.held_bytes: i64 = 0
        self.publishes: list[HeldPublish] = []
        self.settlements: list[HeldSettlement] = []

    def clear(self) -> None:
        self.publishes = []
        self.settlements = []
        self.held_bytes = 0
