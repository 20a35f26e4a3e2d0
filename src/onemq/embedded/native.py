"""The native API on the broker's own thread: publish, consume, look, redrive, declare; straight on the engine, no protocol between.

Job: what a head does for a peer, for this process. Access authorises (it has all rights) and counts as for everybody.
Must not be called on another thread (calls.py brings them here).
"""

import asyncio
import zlib
from collections import deque
from collections.abc import Mapping
from typing import Final

from mypy_extensions import i64

from onemq.app.server import Server
from onemq.embedded.durables import Durables
from onemq.embedded.errors import Refused
from onemq.embedded.message import Message
from onemq.engine.access import Access
from onemq.engine.consumption import Consumer, Delivery, GetResult, GetWaiter, Sink
from onemq.engine.duplicates import Duplicates
from onemq.engine.enqueueing import REFUSED, ROUTED
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.peek import COUNT_MAX, Peeked, PeekWaiter
from onemq.engine.redrive_tasks import CANCELLED, COMPLETED, FAILED
from onemq.model.demand import Demand
from onemq.model.entities import QueueSettings
from onemq.model.principal import Principal
from onemq.model.record import Record
from onemq.model.record_codec import encode_batch
from onemq.model.refusal import Refusal
from onemq.model.rights import all_rights

PUBLISHES_MAX: Final = 1_000
"""Publishes of this process that may wait for the disk at a time; further ones wait for them."""
REDRIVE_POLL_SECONDS: Final = 0.005


class NativeConsumer(Sink):
    """One consumer of this process. What it holds is bounded by its prefetch.

    Attributes:
        once: it takes one message, and goes when that is settled.
        ended: why nothing comes any more; "" = something may.
    """

    def __init__(self, native: "Native", queue: str, once: bool = False) -> None:
        super().__init__()
        self.queue = queue
        self.once = once
        self.ended = ""
        self.consumer: Consumer | None = None
        self._native = native
        self._ready: deque[NativeDelivery] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()

    def deliver(
        self, consumer: Consumer, record: Record, attempts: i64, failures: i64, delivery: Delivery | None
    ) -> None:
        assert delivery is not None, "this consumer acknowledges"
        self._ready.append(NativeDelivery(self._native, self, record, int(attempts), delivery))
        self._wake()

    def cancelled(self, consumer: Consumer, reason: str) -> None:
        self.ended = reason
        while self._waiters:
            self._wake()

    def timed_out(self, delivery: Delivery, timeout_ms: int) -> None:
        """`cancelled` follows."""

    def reply(self, record: Record) -> None:
        """It registers no reply name."""

    def take(self) -> "NativeDelivery | None":
        """What has come already."""
        return self._ready.popleft() if self._ready else None

    def take_all(self) -> "list[NativeDelivery]":
        """What has come and was not taken."""
        found = list(self._ready)
        self._ready.clear()
        return found

    async def next(self, seconds: float | None) -> "NativeDelivery | None":
        """The next one; None when none came in time, or the consumer has ended. seconds: None = however long."""
        loop = asyncio.get_running_loop()
        by = None if seconds is None else loop.time() + seconds
        while not self._ready and not self.ended:
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.append(waiter)
            try:
                async with asyncio.timeout_at(by):
                    await waiter
            except TimeoutError:
                break
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        return self.take()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class NativeDelivery:
    """A message that this process has; it settles it."""

    __slots__ = ("delivery", "message", "native", "sink")

    def __init__(
        self, native: "Native", sink: NativeConsumer, record: Record, attempts: int, delivery: Delivery
    ) -> None:
        self.native = native
        self.sink = sink
        self.delivery = delivery
        self.message = native.message(sink.queue, record, attempts)

    async def settle(self, how: str) -> None:
        """how: "accept", "release" (back at its place, counted as failed) or "reject" (dead). Raises Refused when it is settled already."""
        await self.native.settle(self, how)


class _Answer(GetWaiter):
    def __init__(self) -> None:
        self.future: asyncio.Future[GetResult | None] = asyncio.get_running_loop().create_future()

    def got(self, result: GetResult | None) -> None:
        if not self.future.done():
            self.future.set_result(result)


class _Looking(PeekWaiter):
    def __init__(self) -> None:
        self.future: asyncio.Future[list[Peeked]] = asyncio.get_running_loop().create_future()

    def peeked(self, found: list[Peeked], more: bool) -> None:
        if not self.future.done():
            self.future.set_result(found)


class Native:
    """See the module. Raises Refused for what the engine denies."""

    def __init__(self, server: Server, namespace: str) -> None:
        parts = server.parts
        self._parts = parts
        self._turns = parts.turns
        self._durables = Durables(parts.turns)
        self._publishing = asyncio.Semaphore(PUBLISHES_MAX)
        self._round_robin = 0
        principal = Principal("onemq", ["administrator"])
        self._access: Access = parts.broker.access(principal, namespace, all_rights())
        self._space = parts.broker.catalog.namespaces[namespace]

    def fail(self, error: Exception) -> None:
        """The broker has failed: nobody who waits is answered."""
        self._durables.fail(error)

    def close(self) -> None:
        """Gives back what is in this process's hands."""
        self._turns.enter()
        self._access.close()

    def message(self, queue: str, record: Record, attempts: int) -> Message:
        return Message(queue, record, self._parts.broker.catalog.natives.plain_headers(record), attempts)

    async def _durable(self) -> None:
        await self._durables.wait(self._access.position())

    # Publishing.

    async def publish(
        self,
        target: str,
        body: bytes,
        exchange: str | None,
        key: bytes | None,
        headers: Mapping[str, bytes | None],
        delay_ms: int,
        ttl_ms: int | None,
    ) -> bool:
        """False: the exchange has no queue for it."""
        async with self._publishing:
            self._turns.enter()
            reason = self._parts.pressure.reason()
            if reason:
                raise Refused("LIMIT", f"the broker takes nothing at present: {reason}")
            try:
                outcome = self._publish(target, body, exchange, key, headers, delay_ms, ttl_ms)
            except Refusal as refusal:
                raise _refused(refusal) from None
            if outcome & REFUSED:
                raise Refused("LIMIT", f"the queue {target!r} is full")
            await self._durable()
            return bool(outcome & ROUTED)

    def _publish(
        self,
        target: str,
        body: bytes,
        exchange: str | None,
        key: bytes | None,
        headers: Mapping[str, bytes | None],
        delay_ms: int,
        ttl_ms: int | None,
    ) -> int:
        access = self._access
        if exchange is None and target in self._space.topics and target not in self._space.queues:
            return self._produce(target, body, key, headers)
        route = access.queue_route(target) if exchange is None else access.route(exchange, target)
        now = access.now_ms()
        record = Record(body, route.address)
        record.key = key
        record.headers = list(headers.items()) or None
        if delay_ms:
            record.not_before_ms = now + delay_ms
        if ttl_ms is not None:
            record.expires_at_ms = now + max(ttl_ms, 1)
        plain = {
            name: None if value is None else value.decode("utf-8", "replace")
            for name, value in headers.items()
        }
        return access.publish(route, record, dict(plain))

    def _produce(self, name: str, body: bytes, key: bytes | None, headers: Mapping[str, bytes | None]) -> int:
        """To a topic without a queue. With a key: to the partition that librdkafka would choose (CRC-32)."""
        topics = self._access.topics
        topic = topics.find(name)
        count = len(topic.partitions)
        if key is None:
            self._round_robin += 1
            index = self._round_robin % count
        else:
            index = zlib.crc32(key) % count
        record = Record(body, self._parts.broker.catalog.addresses.get("", name))
        record.key = key
        record.headers = list(headers.items()) or None
        record.timestamp_ms = self._access.now_ms()
        record.offset = 0
        batch = self._parts.broker.catalog.natives.plain_batch(encode_batch([record]))
        topics.produce(topic, index, batch, None)
        return ROUTED

    # Consuming.

    async def consume(self, queue: str, prefetch: int, once: bool = False) -> NativeConsumer:
        self._turns.enter()
        sink = NativeConsumer(self, queue, once)
        try:
            sink.consumer = self._access.consume(
                queue,
                sink,
                f"native-{id(sink):x}",
                Demand(prefetch),
                None,
                no_ack=False,
                exclusive=False,
                arguments={},
            )
        except Refusal as refusal:
            raise _refused(refusal) from None
        return sink

    async def stop_consuming(self, sink: NativeConsumer) -> None:
        """What it has not settled goes back."""
        self._end(sink)

    def _end(self, sink: NativeConsumer) -> None:
        self._turns.enter()
        for taken in sink.take_all():
            # Nobody has seen it: it has not failed.
            if not taken.delivery.settled:
                self._access.release(taken.delivery, False)
        self._access.close_sink(sink)
        if sink.consumer is not None:
            sink.cancelled(sink.consumer, "closed")

    async def get(self, queue: str, wait_seconds: float) -> NativeDelivery | None:
        if wait_seconds <= 0:
            return await self._get_now(queue)
        sink = await self.consume(queue, 1, once=True)
        found: NativeDelivery | None = None
        try:
            found = await sink.next(wait_seconds)
        finally:
            if found is None:
                self._end(sink)
            elif sink.consumer is not None:
                self._turns.enter()
                self._access.cancel(sink.consumer)
        return found

    async def _get_now(self, queue: str) -> NativeDelivery | None:
        self._turns.enter()
        sink = NativeConsumer(self, queue, once=True)
        answer = _Answer()
        try:
            self._access.get(queue, sink, False, answer)
        except Refusal as refusal:
            raise _refused(refusal) from None
        result = await answer.future
        if result is None or result.delivery is None:
            self._turns.enter()
            self._access.close_sink(sink)
            return None
        return NativeDelivery(self, sink, result.record, int(result.attempts), result.delivery)

    async def settle(self, taken: NativeDelivery, how: str) -> None:
        self._turns.enter()
        delivery = taken.delivery
        if delivery.settled:
            raise Refused("UNKNOWN_DELIVERY", f"this message of {taken.sink.queue!r} is not held any more")
        if how == "accept":
            self._access.accept(delivery)
        elif how == "release":
            self._access.release(delivery, True)
        else:
            self._access.reject(delivery)
        if taken.sink.once:
            self._access.close_sink(taken.sink)
        await self._durable()

    def give_back(self, taken: NativeDelivery) -> None:
        """Nobody will settle it: whoever asked for it has gone away meanwhile. It does not count as failed."""
        self._turns.enter()
        if not taken.delivery.settled:
            self._access.release(taken.delivery, False)
        if taken.sink.once:
            self._access.close_sink(taken.sink)

    # Looking, moving.

    async def peek(self, queue: str, count: int) -> list[Message]:
        """Of a queue what is ready, of a topic all that it has."""
        self._turns.enter()
        looking = _Looking()
        try:
            self._access.inspection.peek(queue, min(count, COUNT_MAX), looking, ready_only=True)
        except Refusal as refusal:
            raise _refused(refusal) from None
        return [self.message(queue, each.record, int(each.attempts)) for each in await looking.future]

    async def count(self, queue: str) -> tuple[int, int, int]:
        """Ready, in flight, delayed."""
        self._turns.enter()
        try:
            counts = self._access.leases.counts(queue)
        except Refusal as refusal:
            raise _refused(refusal) from None
        return int(counts.ready), int(counts.in_flight), int(counts.delayed)

    async def redrive(self, source: str, destination: str | None, seconds: float) -> int:
        self._turns.enter()
        redrives = self._access.redrives
        try:
            identifier = redrives.start(source, destination, None)
            async with asyncio.timeout(seconds):
                while True:
                    task = next(each for each in redrives.list(source) if each.identifier == identifier)
                    if task.state in (COMPLETED, CANCELLED):
                        await self._durable()
                        return int(task.moved)
                    if task.state == FAILED:
                        raise Refused("INVALID", f"redriving {source!r} failed: {task.failure}")
                    await asyncio.sleep(REDRIVE_POLL_SECONDS)
        except Refusal as refusal:
            raise _refused(refusal) from None

    def duplicate(self, queue: str, deliveries: int) -> None:
        found = self._space.queues.get(queue)
        if not isinstance(found, LedgerQueue):
            raise Refused("NOT_FOUND", f"there is no queue {queue!r} that gives each message to one consumer")
        duplicates = Duplicates(deliveries)
        for part in (found, *found.others):
            part.duplicates = duplicates

    # Declaring.

    async def declare_queue(self, name: str, settings: QueueSettings) -> None:
        self._turns.enter()
        try:
            self._access.queues.declare(name, settings)
        except Refusal as refusal:
            raise _refused(refusal) from None
        await self._durable()

    async def delete_queue(self, name: str) -> int:
        self._turns.enter()
        try:
            count = self._access.queues.delete(name)
        except Refusal as refusal:
            raise _refused(refusal) from None
        await self._durable()
        return count

    async def purge_queue(self, name: str) -> int:
        self._turns.enter()
        try:
            count = self._access.leases.purge(name)
        except Refusal as refusal:
            raise _refused(refusal) from None
        await self._durable()
        return count

    async def declare_topic(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        self._turns.enter()
        try:
            if name not in self._space.topics:
                self._access.topics.create(name, partitions, dict(config))
        except Refusal as refusal:
            raise _refused(refusal) from None
        await self._durable()

    async def delete_topic(self, name: str) -> None:
        self._turns.enter()
        try:
            self._access.topics.delete(self._access.topics.find(name))
        except Refusal as refusal:
            raise _refused(refusal) from None
        await self._durable()

    async def names(self) -> "Names":
        """What there is now."""
        notices = self._access.notices
        return Names(
            set(self._space.queues),
            set(self._space.topics),
            {name for name, exchange in self._space.exchanges.items() if name and not exchange.predeclared},
            {topic.name for topic in notices.topics()},
            {name for namespace, name in self._group_keys() if namespace == self._space.name},
        )

    def _group_keys(self) -> list[tuple[str, str]]:
        engine = self._parts.broker
        return [*engine.groups.groups, *engine.shares.groups, *engine.shares.shares]

    async def delete_since(self, before: "Names") -> None:
        """Deletes everything that was not there, whoever uses it."""
        self._turns.enter()
        now = await self.names()
        for name in now.groups - before.groups:
            self._parts.broker.groups.drop((self._space.name, name))
            self._parts.broker.shares.drop((self._space.name, name))
        for name in now.notices - before.notices:
            self._access.notices.remove_topic(name)
        for name in now.topics - before.topics:
            self._access.topics.delete(self._access.topics.find(name))
        for name in now.queues - before.queues:
            # Whoever owns it, and whoever has it: the test is over.
            queue = self._space.queues.get(name)
            if queue is not None:
                self._parts.broker.catalog.remove_queue(self._space, queue)
        for name in now.exchanges - before.exchanges:
            if name in self._space.exchanges:
                self._access.exchanges.delete(name)
        await self._durable()


class Names:
    """Names of what there is at one moment: queues, topics (Kafka's), exchanges, notices (SNS's topics), groups (of both kinds)."""

    __slots__ = ("exchanges", "groups", "notices", "queues", "topics")

    def __init__(
        self, queues: set[str], topics: set[str], exchanges: set[str], notices: set[str], groups: set[str]
    ) -> None:
        self.queues = queues
        self.topics = topics
        self.exchanges = exchanges
        self.notices = notices
        self.groups = groups


def _refused(refusal: Refusal) -> Refused:
    parts = [refusal.reason.name.lower().replace("_", " "), refusal.entity_kind]
    if refusal.entity:
        parts.append(repr(refusal.entity))
    if refusal.detail:
        parts.append(f"({refusal.detail})")
    return Refused(refusal.reason.name, " ".join(part for part in parts if part))
