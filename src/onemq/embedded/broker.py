"""`onemq.Broker`: the broker inside this process, for asynchronous programs; blocking.py has the same methods for others.

It runs on a thread of its own (thread.py), may be used from any thread and any event loop, and is bounded: publishes wait for the disk,
consumers hold `prefetch` messages, waits have a time. Must not: know what a call does (calls.py, native.py).
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from onemq.app.construction import CannotStart
from onemq.embedded.blocking import BlockingBroker
from onemq.embedded.calls import PREFETCH, REDRIVE_SECONDS, Calls, submit
from onemq.embedded.errors import BrokerFailed
from onemq.embedded.inside import Inside
from onemq.embedded.message import Message, copy_message
from onemq.embedded.native import Names, Native, NativeConsumer, NativeDelivery

T = TypeVar("T")


class _Taking:
    """Taking one message for a caller that may go away before it has it: then the message goes back, wherever it was."""

    def __init__(self, native: Native, work: Coroutine[Any, Any, NativeDelivery | None]) -> None:
        self._native = native
        self._work = work
        self._lock = threading.Lock()
        self._abandoned = False
        self._taken = False

    async def run(self) -> NativeDelivery | None:
        found = await self._work
        with self._lock:
            self._taken = True
            abandoned = self._abandoned
        if abandoned and found is not None:
            self._native.give_back(found)
            return None
        return found

    def abandon(self) -> bool:
        """False: it is on its way to the caller already."""
        with self._lock:
            self._abandoned = True
            return not self._taken


class TakenMessage(Message):
    """A message that this program has until it settles it: exactly one of `ack`, `nack`, once."""

    __slots__ = ("_broker", "_delivery")

    def __init__(self, broker: "Broker", delivery: NativeDelivery) -> None:
        copy_message(delivery.message, self)
        self._broker = broker
        self._delivery = delivery

    async def ack(self) -> None:
        """It is done with. Durable when this returns. Raises Refused when it is settled already."""
        await self._broker._do(self._delivery.settle("accept"))

    async def nack(self, requeue: bool = True) -> None:
        """It failed: back to its place in the queue, or (requeue=False) to the dead-letter queue, or dropped where there is none."""
        await self._broker._do(self._delivery.settle("release" if requeue else "reject"))


class Consuming:
    """What `Broker.consume` gives: an asynchronous iterator of messages; ends when its queue is deleted, or with `close`.

    `async with broker.consume("orders") as messages:` closes it at the end of the block, as `async for` alone does not.
    """

    def __init__(self, broker: "Broker", queue: str, prefetch: int, wait: float | None) -> None:
        self._broker = broker
        self._queue = queue
        self._prefetch = prefetch
        self._wait = wait
        self._consumer: NativeConsumer | None = None

    async def __aenter__(self) -> "Consuming":
        await self._begun()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[TakenMessage]:
        return self

    async def __anext__(self) -> TakenMessage:
        consumer = await self._begun()
        found = await self._broker._take(consumer.next(self._wait))
        if found is None:
            raise StopAsyncIteration
        return found

    async def _begun(self) -> NativeConsumer:
        if self._consumer is None:
            native = self._broker._native()
            self._consumer = await self._broker._do(native.consume(self._queue, self._prefetch))
        return self._consumer

    async def close(self) -> None:
        """What is not settled goes back to the queue."""
        if self._consumer is not None and self._broker.running:
            await self._broker._do(self._broker._native().stop_consuming(self._consumer))


class VirtualClock:
    """The broker's time. Put ahead, everything that is due on the way happens, in its order; see `Broker.clock`."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker

    async def advance(self, seconds: float) -> None:
        """Puts the clock ahead by so much. When this returns, what was due is done and durable.

        Raises ValueError (below 0), BrokerFailed.
        """
        await self._broker._do(self._broker._calls.advance(seconds))

    async def now(self) -> float:
        """Seconds since the epoch, as the broker has it."""
        return await self._broker._do(self._broker._calls.now())


class Broker(Inside):
    """A broker in this process: `async with onemq.Broker() as broker:`.

    In a program without an event loop `with onemq.Broker() as broker:` gives a BlockingBroker with the same methods, not awaited.

    Every listener takes a free port of 127.0.0.1; `amqp_url`, `kafka_bootstrap`, `aws_endpoint`, `http_url` and `ports` say which.

    Attributes:
        clock: its time. `await broker.clock.advance(43_200)` is twelve hours: visibility time-outs, delays, TTLs, deduplication windows,
            retention, session time-outs and long polls come due; real sockets (heartbeats, idle connections) go on by real time.
        faults: faults on purpose, see `onemq.faults`.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        memory: bool = False,
        settings: Mapping[str, object] | None = None,
        restore: str | Path | None = None,
    ) -> None:
        """Raises ValueError, BadSettings (`onemq.config_sources`).

        data: directory for what is durable; None (or memory=True): everything is in memory.
        settings: as in docs/configuration.md, by dotted name or by section: {"amqp.heartbeat_seconds": 5, "users": {...}}. The environment
            and onemq.toml are not looked at.
        restore: a snapshot (`snapshot`) to begin with; with `data`, the directory must be new or empty.
        """
        super().__init__(data, memory, settings, restore)
        self._calls = Calls(self)
        self.clock = VirtualClock(self)
        self._blocking: BlockingBroker | None = None
        self._given = (data, memory, settings, restore)

    # Start and end.

    async def __aenter__(self) -> "Broker":
        await self.start()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def __enter__(self) -> "BlockingBroker":
        if self._blocking is None:
            data, memory, settings, restore = self._given
            self._blocking = BlockingBroker(data, memory=memory, settings=settings, restore=restore)
        return self._blocking.__enter__()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._blocking is not None:
            self._blocking.__exit__(error_type, error, traceback)

    async def start(self) -> None:
        """Returns when clients are served. Raises BrokerFailed: the text says why, and what to do about it."""
        thread = await asyncio.to_thread(self._new_thread)
        begun = thread.begin()
        try:
            await asyncio.wrap_future(begun)
        except CannotStart as error:
            raise BrokerFailed(str(error)) from None
        except asyncio.CancelledError:
            await asyncio.to_thread(thread.stop)
            raise
        self._started(thread)

    async def stop(self) -> None:
        """No new connections, goodbyes, the last checkpoint. Bounded by server.drain_seconds (0.5 here)."""
        await asyncio.to_thread(self._stop)

    async def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(submit(self, work))

    async def _take(self, work: Coroutine[Any, Any, NativeDelivery | None]) -> TakenMessage | None:
        """As `_do`. A caller that is cancelled (a time-out of its own) does not take a message with it."""
        taking = _Taking(self._native(), work)
        future = submit(self, taking.run())
        try:
            found = await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            if taking.abandon():
                future.cancel()
            else:
                future.add_done_callback(self._give_back)
            raise
        return None if found is None else TakenMessage(self, found)

    def _give_back(self, future: "Future[NativeDelivery | None]") -> None:
        thread = self._thread
        if thread is None or future.cancelled() or future.exception() is not None:
            return
        found = future.result()
        if found is not None:
            thread.call_soon(lambda: thread.native.give_back(found))

    # Messages.

    async def publish(
        self,
        target: str,
        body: bytes | str,
        *,
        exchange: str | None = None,
        key: bytes | str | None = None,
        headers: Mapping[str, bytes | str | None] | None = None,
        delay: float = 0,
        ttl: float | None = None,
    ) -> bool:
        """Returns when the message is durable. False: the exchange had no queue for it.

        target: a queue or topic, whoever made it; with `exchange`, the routing key. key: order key (Kafka's key, SQS's message group).
        delay, ttl: seconds until it can be had, and after which it cannot any more (queues only).
        Raises Refused: NOT_FOUND, TOO_LARGE, LIMIT (queue full, memory or disk alarm).
        """
        return await self._do(self._calls.publish(target, body, exchange, key, headers, delay, ttl))

    def consume(self, queue: str, *, prefetch: int = PREFETCH, wait: float | None = None) -> Consuming:
        """An asynchronous iterator of messages, each to be settled with `ack` or `nack`.

        prefetch: so many may be unsettled at a time. wait: the iteration ends when for so many seconds nothing came; None: never.
        Iterating raises Refused: NOT_FOUND, LOCKED.
        """
        return Consuming(self, queue, prefetch, wait)

    async def get(self, queue: str, *, wait: float = 0) -> TakenMessage | None:
        """One message, or None when there is none (within `wait` seconds). Raises Refused NOT_FOUND."""
        return await self._take(self._native().get(queue, wait))

    async def peek(self, queue: str, count: int = 10) -> list[Message]:
        """The next messages that are ready, without taking them. Raises Refused NOT_FOUND."""
        return await self._do(self._native().peek(queue, count))

    async def count(self, queue: str) -> tuple[int, int, int]:
        """Messages that are ready, in somebody's hands, and delayed. Raises Refused NOT_FOUND."""
        return await self._do(self._native().count(queue))

    async def redrive(self, source: str, to: str | None = None, *, within: float = REDRIVE_SECONDS) -> int:
        """Moves what is ready in a dead-letter queue back to where each message died, or to one queue. Returns how many.

        within: seconds. Raises Refused: NOT_FOUND, IN_USE, INVALID; TimeoutError.
        """
        return await self._do(self._native().redrive(source, to, within))

    # Queues and topics.

    async def declare_queue(
        self,
        name: str,
        *,
        durable: bool = True,
        dead_letter_to: str | None = None,
        delivery_limit: int | None = None,
        ttl: float | None = None,
        length_max: int | None = None,
        visibility: float | None = None,
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        """Makes the queue, or checks that it is the same. Times in seconds.

        dead_letter_to: queue for what is rejected, expires, or failed `delivery_limit` times (a quorum queue then, as in RabbitMQ).
        visibility: how long an SQS client has a message. arguments: RabbitMQ's, for all else.
        Raises Refused: EXISTS_OTHERWISE, INVALID.
        """
        await self._do(
            self._calls.declare_queue(
                name, durable, dead_letter_to, delivery_limit, ttl, length_max, visibility, arguments
            )
        )

    async def delete_queue(self, name: str) -> int:
        """Returns how many messages went with it; 0 when there is none of that name."""
        return await self._do(self._native().delete_queue(name))

    async def purge_queue(self, name: str) -> int:
        """Drops what is ready, delayed or leased with a time. Returns how many. Raises Refused NOT_FOUND."""
        return await self._do(self._native().purge_queue(name))

    async def declare_topic(
        self, name: str, *, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Makes the topic, unless it is there. config: Kafka's, e.g. {"retention.ms": "60000"}. Raises Refused INVALID, IN_USE."""
        await self._do(self._native().declare_topic(name, partitions, config or {}))

    async def delete_topic(self, name: str) -> None:
        """Raises Refused NOT_FOUND."""
        await self._do(self._native().delete_topic(name))

    async def snapshot(self, path: str | Path) -> None:
        """Saves all that a restart would find, for `Broker(restore=path)`, and the clock. Nothing is served meanwhile.

        That is: durable queues, topics, exchanges, persistent messages, groups and offsets, leases with a time, deduplication windows.
        Raises BrokerFailed: there is something at the path, or it cannot be written.
        """
        await self._do(self._calls.snapshot(path))

    async def names(self) -> Names:
        """Queues, topics, exchanges, SNS topics and groups that there are."""
        return await self._do(self._native().names())

    async def delete_since(self, before: Names) -> None:
        """Deletes those that were not there at that moment, with all they hold, whoever uses them."""
        await self._do(self._native().delete_since(before))
