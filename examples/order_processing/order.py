"""The order service: publishes the orders that its web page takes.

`python -m examples.order_processing.order 100` places a hundred of them.
"""

from __future__ import annotations

import asyncio
import sys

import aio_pika

from . import topology
from .events import OrderPlaced
from .service import persistent_message
from .settings import AMQP_URL


async def place(orders: list[OrderPlaced]) -> None:
    """Publish orders; they are on the broker's disk when this returns.

    Raises aio_pika.exceptions.PublishError when no queue takes one: nobody would ever see it.
    """
    async with await aio_pika.connect(AMQP_URL) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await topology.declare_exchange(channel)
        for order in orders:
            message = persistent_message(order.event_type, order.message_id, order.model_dump_json().encode())
            await exchange.publish(message, routing_key=order.event_type, mandatory=True)


if __name__ == "__main__":
    wanted = [
        OrderPlaced(order_id=f"web-{number}", item="teapot", quantity=1, amount_cents=4200, card="card-good")
        for number in range(1, int(sys.argv[1]) + 1)
    ]
    asyncio.run(place(wanted))
