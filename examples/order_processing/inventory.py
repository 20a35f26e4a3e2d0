"""The inventory service: sets aside what was paid for."""

from __future__ import annotations

from collections.abc import Sequence

from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import stock
from .events import Event, PaymentTaken, StockMissing, StockReserved
from .service import Service, main


async def reserve(transaction: AsyncConnection, message: AbstractIncomingMessage) -> Sequence[Event]:
    paid = PaymentTaken.model_validate_json(message.body)
    enough = (stock.c.item == paid.item) & (stock.c.available >= paid.quantity)
    taken = await transaction.execute(
        update(stock).where(enough).values(available=stock.c.available - paid.quantity)
    )
    if taken.rowcount == 0:
        return [StockMissing(order_id=paid.order_id, item=paid.item)]
    return [StockReserved(order_id=paid.order_id)]


service = Service("inventory", [PaymentTaken.event_type], reserve)

if __name__ == "__main__":
    main(service)
