"""The client: many questions at once on one channel, answers found by correlation id (RabbitMQ's direct reply-to).

No reply queue is declared: `amq.rabbitmq.reply-to` is an address of this channel, and costs the broker nothing.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from .messages import Refusal, StatusRefused, StatusReply, StatusRequest
from .settings import AMQP_URL, REQUEST_QUEUE

REPLY_TO = "amq.rabbitmq.reply-to"


class StatusClient:
    """`async with StatusClient() as client: reply = await client.ask("order-1")`"""

    def __init__(self, url: str = AMQP_URL) -> None:
        self._url = url
        self._waiting: dict[str, asyncio.Future[AbstractIncomingMessage]] = {}
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    async def __aenter__(self) -> StatusClient:
        self._connection = await aio_pika.connect(self._url)
        self._channel = await self._connection.channel()
        replies = await self._channel.get_queue(REPLY_TO, ensure=False)
        await replies.consume(self._hand_over, no_ack=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        await self._connection.close()

    async def ask(self, order_id: str, timeout_seconds: float = 5.0) -> StatusReply:
        """Raises StatusRefused; TimeoutError when there is no answer, and then the server does not get the question either."""
        assert self._channel is not None, "used outside of `async with`"
        correlation_id = str(uuid4())
        request = aio_pika.Message(
            StatusRequest(order_id=order_id).model_dump_json().encode(),
            content_type="application/json",
            correlation_id=correlation_id,
            reply_to=REPLY_TO,
            expiration=timeout_seconds,
        )
        self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._channel.default_exchange.publish(request, routing_key=REQUEST_QUEUE)
                reply = await self._waiting[correlation_id]
        finally:
            del self._waiting[correlation_id]
        if reply.type == Refusal.__name__:
            raise StatusRefused(Refusal.model_validate_json(reply.body).reason)
        return StatusReply.model_validate_json(reply.body)

    async def _hand_over(self, reply: AbstractIncomingMessage) -> None:
        waiting = self._waiting.get(reply.correlation_id or "")
        if waiting is not None and not waiting.done():  # else nobody waits any more
            waiting.set_result(reply)
