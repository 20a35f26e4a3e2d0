"""The notification service: tells the customer, once, how the order ended. Its letter box is a table here."""

from __future__ import annotations

from collections.abc import Sequence

from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import notifications
from .events import Event, PaymentDeclined, StockMissing, StockReserved
from .service import HopelessError, Service, main


def letter(message: AbstractIncomingMessage) -> tuple[str, str]:
    """(order, text)"""
    match message.type:
        case StockReserved.event_type:
            reserved = StockReserved.model_validate_json(message.body)
            return reserved.order_id, "Your order is on its way."
        case StockMissing.event_type:
            missing = StockMissing.model_validate_json(message.body)
            return missing.order_id, f"We have run out of {missing.item}; your money comes back."
        case PaymentDeclined.event_type:
            declined = PaymentDeclined.model_validate_json(message.body)
            return declined.order_id, f"Your order was not placed: {declined.reason}."
    raise HopelessError(f"an event of type {message.type} is nothing to write about")


async def notify(transaction: AsyncConnection, message: AbstractIncomingMessage) -> Sequence[Event]:
    order_id, text = letter(message)
    await transaction.execute(insert(notifications).values(order_id=order_id, text=text))
    return []


service = Service(
    "notification",
    [StockReserved.event_type, StockMissing.event_type, PaymentDeclined.event_type],
    notify,
)

if __name__ == "__main__":
    main(service)
