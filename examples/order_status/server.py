"""The server: takes requests from its queue, answers each to where it came from. Any number of them share the work."""

from __future__ import annotations

import asyncio
import logging
import signal

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from pydantic import BaseModel, ValidationError

from .messages import Refusal, StatusReply, StatusRequest
from .settings import AMQP_URL, REQUEST_QUEUE

PREFETCH = 20

# The orders' database, in real life.
STATUS_OF = {"order-1": "placed", "order-2": "paid", "order-3": "shipped", "order-4": "delivered"}

log = logging.getLogger(__name__)


def answer(body: bytes) -> BaseModel:
    try:
        order_id = StatusRequest.model_validate_json(body).order_id
        return StatusReply.model_validate({"order_id": order_id, "status": STATUS_OF[order_id]})
    except KeyError:
        return Refusal(reason="there is no such order")
    except ValidationError:
        return Refusal(reason="the request is malformed")


async def reply_to(channel: AbstractChannel, request: AbstractIncomingMessage) -> None:
    """Answer first, acknowledge then: of a server that dies in between, the request goes to another one."""
    if request.reply_to:
        reply = answer(request.body)
        message = aio_pika.Message(
            reply.model_dump_json().encode(),
            content_type="application/json",
            correlation_id=request.correlation_id,
            type=type(reply).__name__,
        )
        # The client may have gone meanwhile: then nobody misses the answer.
        await channel.default_exchange.publish(message, routing_key=request.reply_to, mandatory=False)
    await request.ack()


async def serve() -> None:
    stopping = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    async with await aio_pika.connect_robust(AMQP_URL) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.declare_queue(REQUEST_QUEUE, durable=True)

        async def take(request: AbstractIncomingMessage) -> None:
            await reply_to(channel, request)

        consumer_tag = await queue.consume(take)
        log.info("serving %s", REQUEST_QUEUE)
        await stopping.wait()
        await queue.cancel(consumer_tag)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(serve())
