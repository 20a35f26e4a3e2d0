"""Plays it all in one process: the services run, orders come in, some of them difficult; then the tables are shown.

`python -m examples.order_processing.payment` (inventory, notification) runs one service by itself instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import aio_pika
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from . import database, inventory, notification, order, payment, topology
from .events import OrderPlaced
from .prepare import prepare
from .service import Service, persistent_message
from .settings import AMQP_URL

FINISHED_SECONDS_MAX = 30.0
SERVICES: tuple[Service, ...] = (payment.service, inventory.service, notification.service)


def some_orders() -> list[OrderPlaced]:
    def an_order(number: int, item: str, card: str) -> OrderPlaced:
        return OrderPlaced(order_id=f"order-{number}", item=item, quantity=1, amount_cents=4200, card=card)

    return [
        an_order(1, "teapot", "card-good"),
        an_order(2, "teapot", "card-slow-at-first"),
        an_order(3, "teapot", "card-declined"),
        an_order(4, "samovar", "card-good"),  # paid, but there is none
        an_order(5, "teapot", "card-gateway-is-down"),  # ends among the dead letters
    ]


async def start_afresh(engine: AsyncEngine) -> None:
    """What an earlier run has left goes: queues, and rows."""
    await prepare(engine, teapots=10)
    async with await aio_pika.connect(AMQP_URL) as connection:
        channel = await connection.channel()
        for service in SERVICES:
            queue = await topology.declare_service_queue(channel, service.queue_name, service.event_types)
            await queue.purge()
            dead = await channel.declare_queue(
                topology.dead_letter_queue_name(service.queue_name), passive=True
            )
            await dead.purge()


async def place_all() -> None:
    orders = some_orders()
    await order.place(orders)
    await order.place(orders[:1])  # its answer got lost, so the shop sent it again
    async with await aio_pika.connect(AMQP_URL) as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await topology.declare_exchange(channel)
        poison = persistent_message(
            OrderPlaced.event_type, "poison", b'{"order_id": "order-6", "quantity": -1}'
        )
        await exchange.publish(poison, routing_key=OrderPlaced.event_type)


async def until_finished(engine: AsyncEngine, letters: int, dead: int) -> None:
    async with asyncio.timeout(FINISHED_SECONDS_MAX), await aio_pika.connect(AMQP_URL) as connection:
        channel = await connection.channel()
        name = topology.dead_letter_queue_name(payment.service.queue_name)
        while True:
            async with engine.connect() as reading:
                written = await reading.scalar(select(func.count()).select_from(database.notifications))
            waiting = (await channel.declare_queue(name, passive=True)).declaration_result.message_count
            if written == letters and waiting == dead:
                return
            await asyncio.sleep(0.05)


async def play() -> None:
    engine = database.connect()
    stopping = asyncio.Event()
    try:
        await start_afresh(engine)
        async with asyncio.TaskGroup() as services:
            for service in SERVICES:
                services.create_task(service.run(stopping))
            await place_all()
            await until_finished(engine, letters=4, dead=2)
            stopping.set()
        async with engine.connect() as reading:
            for table in (database.payments, database.stock, database.notifications):
                rows: Sequence[Row[Any]] = (await reading.execute(select(table))).all()
                print(f"\n{table.name}")
                for row in rows:
                    print("  " + "  ".join(str(value) for value in row))
    finally:
        await engine.dispose()
    print(f"\n2 dead letters in {topology.dead_letter_queue_name(payment.service.queue_name)}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("aio_pika").setLevel(logging.WARNING)
    asyncio.run(play())
