"""The payment service: charges the card of an order that was placed."""

from __future__ import annotations

from collections.abc import Sequence

from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import payments
from .events import Event, OrderPlaced, PaymentDeclined, PaymentTaken
from .gateway import Gateway
from .service import Service, main

gateway = Gateway()


async def take_payment(transaction: AsyncConnection, message: AbstractIncomingMessage) -> Sequence[Event]:
    order = OrderPlaced.model_validate_json(message.body)
    # The gateway is no part of the transaction: its idempotency key is what keeps a second try from charging again.
    # Meanwhile the note in the inbox keeps off a double of this message (and, in SQLite, every other writer).
    paid = await gateway.charge(order.order_id, order.card, order.amount_cents)
    status = "paid" if paid else "declined"
    await transaction.execute(
        insert(payments).values(order_id=order.order_id, amount_cents=order.amount_cents, status=status)
    )
    if not paid:
        return [PaymentDeclined(order_id=order.order_id, reason="the card was declined")]
    return [PaymentTaken(order_id=order.order_id, item=order.item, quantity=order.quantity)]


service = Service("payment", [OrderPlaced.event_type], take_payment)

if __name__ == "__main__":
    main(service)
