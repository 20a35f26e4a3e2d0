"""Plays it all: a server is started, four questions are asked at once, then one about an order that there is not."""

from __future__ import annotations

import asyncio
import sys

import aio_pika

from .client import StatusClient
from .messages import StatusRefused
from .settings import AMQP_URL, REQUEST_QUEUE


async def play() -> None:
    async with await aio_pika.connect(AMQP_URL) as connection:
        channel = await connection.channel()
        await channel.declare_queue(REQUEST_QUEUE, durable=True)
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", f"{__package__}.server")
    try:
        async with StatusClient() as client:
            asked = (client.ask(f"order-{number}", timeout_seconds=20) for number in range(1, 5))
            for reply in await asyncio.gather(*asked):
                print(f"{reply.order_id} is {reply.status}")
            try:
                await client.ask("order-99")
            except StatusRefused as refused:
                print(f"order-99: {refused}")
    finally:
        server.terminate()
        await server.wait()


if __name__ == "__main__":
    asyncio.run(play())
