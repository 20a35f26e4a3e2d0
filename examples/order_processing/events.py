"""What the services tell each other. A message's `type` names the event, its body is this model as JSON."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, PositiveInt


class Event(BaseModel):
    """Something that has happened to an order."""

    event_type: ClassVar[str]

    order_id: str

    @property
    def message_id(self) -> str:
        """The same event has the same id however often it is published: that is what makes doubles harmless."""
        return f"{self.order_id}/{self.event_type}"


class OrderPlaced(Event):
    event_type: ClassVar[str] = "order.placed"

    item: str
    quantity: PositiveInt
    amount_cents: PositiveInt
    card: str


class PaymentTaken(Event):
    event_type: ClassVar[str] = "payment.taken"

    item: str
    quantity: PositiveInt


class PaymentDeclined(Event):
    event_type: ClassVar[str] = "payment.declined"

    reason: str


class StockReserved(Event):
    event_type: ClassVar[str] = "stock.reserved"


class StockMissing(Event):
    event_type: ClassVar[str] = "stock.missing"

    item: str
