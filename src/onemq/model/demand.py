"""Demand: what a consumer will take now. Pure data; the engine's dispatch reads and counts it."""

from mypy_extensions import i64


class Demand:
    """A standing limit on unsettled records, for one consumer or shared by several (AMQP's global prefetch).

    Attributes:
        limit: most records that may be unsettled at once; 0 = no limit. May be changed at any time.
        in_flight: records delivered under it and not yet settled; the engine counts.
    """

    __slots__ = ("in_flight", "limit")

    def __init__(self, limit: int = 0) -> None:
        self.limit: i64 = limit
        self.in_flight: i64 = 0

    def open(self) -> bool:
        """True when one more record may be delivered."""
        return self.limit == 0 or self.in_flight < self.limit
