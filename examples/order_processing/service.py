"""What all services share: take messages, do the work once, publish what follows, retry with back-off, stop in good order.

Delivery is at least once, the effect exactly once. The work, the note in the inbox that it is done, and the events that
follow from it are one database transaction. Only then the events are published (and confirmed), and only then the message
is acknowledged. A crash in between brings the message again: its work is skipped, its events are published again, with the
same ids, and the inboxes of the other services skip them in turn.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError
from pydantic import ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from . import database, topology
from .events import Event
from .settings import AMQP_URL, PREFETCH, RETRY_DELAYS_MS

ATTEMPT_HEADER = "attempt"
LOST_BROKER = (AMQPError, ChannelInvalidStateError, ConnectionError)

log = logging.getLogger(__name__)

Handler = Callable[[AsyncConnection, AbstractIncomingMessage], Awaitable[Sequence[Event]]]


class HopelessError(Exception):
    """Trying again cannot help: the message is a dead letter at once."""


class Service:
    """One queue's consumer. `handle` works inside a transaction and returns the events that follow."""

    def __init__(self, name: str, event_types: list[str], handle: Handler) -> None:
        self.name = name
        self.queue_name = f"{topology.EXCHANGE}.{name}"
        self.event_types = event_types
        self._handle = handle

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set; what is in hand then is finished first."""
        engine = database.connect()
        # Waits for a broker that is not there, also at the start.
        connection = await aio_pika.connect_robust(
            AMQP_URL,
            fail_fast=False,
            reconnect_interval=1,
            client_properties={"connection_name": self.name},
        )
        try:
            channel = await connection.channel(publisher_confirms=True)
            await channel.set_qos(prefetch_count=PREFETCH)
            queue = await topology.declare_service_queue(channel, self.queue_name, self.event_types)
            exchange = await topology.declare_exchange(channel)

            async with asyncio.TaskGroup() as in_hand:

                async def take(message: AbstractIncomingMessage) -> None:
                    in_hand.create_task(self._take(engine, channel, exchange, message))

                consumer_tag = await queue.consume(take)
                log.info("%s is ready", self.name)
                await stopping.wait()
                await queue.cancel(consumer_tag)
        finally:
            await connection.close()
            await engine.dispose()

    async def _take(
        self,
        engine: AsyncEngine,
        channel: AbstractChannel,
        exchange: AbstractExchange,
        message: AbstractIncomingMessage,
    ) -> None:
        try:
            await self._process(engine, channel, exchange, message)
        except LOST_BROKER as error:
            # aio-pika connects again by itself; what was not acknowledged is delivered again then.
            log.warning("%s: lost the broker over %s: %r", self.name, message.message_id, error)

    async def _process(
        self,
        engine: AsyncEngine,
        channel: AbstractChannel,
        exchange: AbstractExchange,
        message: AbstractIncomingMessage,
    ) -> None:
        try:
            followed_by = await self._do_once(engine, message)
        except HopelessError as error:
            log.warning("%s: %s is a dead letter: %s", self.name, message.message_id, error)
            await message.reject(requeue=False)
        except Exception as error:
            await self._try_later(channel, message, error)
        else:
            for event_type, message_id, body in followed_by:
                event = persistent_message(event_type, message_id, body.encode())
                await exchange.publish(event, routing_key=event_type)
            await message.ack()

    async def _do_once(
        self, engine: AsyncEngine, message: AbstractIncomingMessage
    ) -> list[tuple[str, str, str]]:
        """Do the work unless it is done already. Returns the events to publish: (type, id, body)."""
        if not message.message_id:
            raise HopelessError("a message without an id cannot be told from its double")
        row = (database.inbox.c.service == self.name) & (database.inbox.c.message_id == message.message_id)
        try:
            async with engine.begin() as transaction:
                # First the note: of two that have the same message, one fails here.
                note = {"service": self.name, "message_id": message.message_id, "events_json": "[]"}
                await transaction.execute(insert(database.inbox).values(note))
                followed_by = [
                    (event.event_type, event.message_id, event.model_dump_json())
                    for event in await self._handle(transaction, message)
                ]
                await transaction.execute(
                    update(database.inbox).where(row).values(events_json=json.dumps(followed_by))
                )
                return followed_by
        except ValidationError as error:
            raise HopelessError(f"malformed: {error.errors()[0]['msg']}") from error
        except IntegrityError:
            async with engine.connect() as reading:
                done = await reading.scalar(select(database.inbox.c.events_json).where(row))
            if done is None:
                raise  # another constraint than the inbox's
            log.info("%s: %s was done before", self.name, message.message_id)
            return [(event_type, message_id, body) for event_type, message_id, body in json.loads(done)]

    async def _try_later(
        self, channel: AbstractChannel, message: AbstractIncomingMessage, error: Exception
    ) -> None:
        """Into the waiting room for this attempt; when there is none left, to the dead letters."""
        attempt = attempt_of(message)
        if attempt > len(RETRY_DELAYS_MS):
            log.error("%s: %s failed %d times: %r", self.name, message.message_id, attempt, error)
            await message.reject(requeue=False)
            return
        delay_ms = RETRY_DELAYS_MS[attempt - 1]
        log.info("%s: %s again in %d ms: %r", self.name, message.message_id, delay_ms, error)
        again = persistent_message(message.type or "", message.message_id or "", message.body)
        again.headers[ATTEMPT_HEADER] = attempt + 1
        again.headers["last-error"] = repr(error)
        await channel.default_exchange.publish(
            again, routing_key=topology.retry_queue_name(self.queue_name, delay_ms)
        )
        await message.ack()


def attempt_of(message: AbstractIncomingMessage) -> int:
    """1 for a message that comes for the first time."""
    attempt = message.headers.get(ATTEMPT_HEADER)
    return attempt if isinstance(attempt, int) else 1


def persistent_message(event_type: str, message_id: str, body: bytes) -> aio_pika.Message:
    """A message that survives a restart of the broker once it is confirmed."""
    return aio_pika.Message(
        body,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message_id,
        type=event_type,
    )


def main(service: Service) -> None:
    """Run one service as a process of its own until SIGINT or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    async def until_signalled() -> None:
        stopping = asyncio.Event()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
        await service.run(stopping)

    asyncio.run(until_signalled())
