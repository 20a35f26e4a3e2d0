"""Exchanges and queues: one topic exchange, and for each service a queue, its waiting rooms and its dead letters.

A message that failed waits in a queue that nobody reads; its time to live is the back-off, and the dead-letter exchange of
that queue leads back to the service's own. This works with every RabbitMQ, too.
"""

from __future__ import annotations

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue

from .settings import RETRY_DELAYS_MS

EXCHANGE = "shop"
DEAD_LETTER_EXCHANGE = "shop.dead"


def retry_queue_name(queue: str, delay_ms: int) -> str:
    return f"{queue}.retry.{delay_ms}ms"


def dead_letter_queue_name(queue: str) -> str:
    return f"{queue}.dead"


async def declare_exchange(channel: AbstractChannel) -> AbstractExchange:
    return await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)


async def declare_service_queue(channel: AbstractChannel, name: str, event_types: list[str]) -> AbstractQueue:
    """The queue of one service, bound to the events it wants, with all that belongs to it."""
    exchange = await declare_exchange(channel)
    dead = await channel.declare_exchange(DEAD_LETTER_EXCHANGE, ExchangeType.DIRECT, durable=True)
    dead_queue = await channel.declare_queue(dead_letter_queue_name(name), durable=True)
    await dead_queue.bind(dead, routing_key=name)

    for delay_ms in RETRY_DELAYS_MS:
        await channel.declare_queue(
            retry_queue_name(name, delay_ms),
            durable=True,
            arguments={
                "x-message-ttl": delay_ms,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": name,
            },
        )

    queue = await channel.declare_queue(
        name,
        durable=True,
        arguments={"x-dead-letter-exchange": DEAD_LETTER_EXCHANGE, "x-dead-letter-routing-key": name},
    )
    for event_type in event_types:
        await queue.bind(exchange, routing_key=event_type)
    return queue
