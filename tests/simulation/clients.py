"""Clients of the simulated broker: some speak straight to an Access, some send AMQP 0-9-1 through a conversation.

They choose at random what to do, from the world's generator, and tell the shadow what they did and what they got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from onemq.engine.access import Access
from onemq.engine.consumption import (
    START_FIRST,
    Consumer,
    Delivery,
    GetResult,
    GetWaiter,
    Sink,
    StreamStart,
)
from onemq.engine.enqueueing import DURABLE, REFUSED, ROUTED
from onemq.model.demand import Demand
from onemq.model.entities import REJECT_PUBLISH
from onemq.model.record import Record
from simulation.checkers import DEAD_LETTERS, Token, check

if TYPE_CHECKING:
    from simulation.world_turns import WorldTurns

STREAM = "stream"
LATE = "late"
FAN = "fan"


def origin_of(record: Record) -> str:
    return "" if record.deaths is None else record.deaths.first[0]


class Got:
    """One delivery, as it came."""

    def __init__(self, client: Client, queue: str, body: bytes, origin: str, settled: bool) -> None:
        self.client = client
        self.queue = queue
        self.body = body
        self.origin = origin
        self.settled = settled
        self.delivery: Delivery | None = None
        self.tag = 0


class Client:
    """What both kinds share: a name, what is on lease to it, and whether it is still there."""

    def __init__(self, world: WorldTurns, name: str) -> None:
        self.world = world
        self.name = name
        self.held: list[tuple[Token, Got]] = []
        self.alive = True

    def act(self) -> None:
        """Does one thing that its protocol lets it do."""
        raise NotImplementedError

    def leave(self) -> None:
        """Goes without a word."""
        raise NotImplementedError

    def got(self, token: Token, got: Got) -> None:
        self.held.append((token, got))

    def forget_queue(self, name: str) -> None:
        """The queue has gone, and its leases with it."""
        self.held = [(token, got) for token, got in self.held if got.queue != name]

    def give_back_all(self) -> None:
        for token, _ in self.held:
            self.world.shadow.give_back(token, True)
        self.held = []

    def take_some(self) -> list[tuple[Token, Got]]:
        """Some of what it holds, mostly the oldest."""
        random = self.world.random
        if not self.held:
            return []
        if random.random() < 0.6:
            count = random.randrange(1, len(self.held) + 1)
            some = self.held[:count]
            self.held = self.held[count:]
            return some
        return [self.held.pop(random.randrange(len(self.held)))]


class DirectSink(Sink):
    def __init__(self, client: DirectClient) -> None:
        super().__init__()
        self.client = client
        self.stream_at = -1

    def deliver(
        self, consumer: Consumer, record: Record, attempts: i64, failures: i64, delivery: Delivery | None
    ) -> None:
        assert record.value is not None
        world = self.client.world
        if consumer.queue_name == STREAM:
            world.streamed(self.client, record)
        got = Got(self.client, consumer.queue_name, record.value, origin_of(record), delivery is None)
        got.delivery = delivery
        world.arrived.append(got)

    def cancelled(self, consumer: Consumer, reason: str) -> None:
        self.client.consumers = [other for other in self.client.consumers if other is not consumer]

    def timed_out(self, delivery: Delivery, timeout_ms: int) -> None:
        for token, got in list(self.client.held):
            late = got.delivery
            assert late is not None
            if late is delivery or (delivery.consumer is not None and late.consumer is delivery.consumer):
                self.client.held.remove((token, got))
                self.client.world.shadow.give_back(token, False)

    def reply(self, record: Record) -> None:
        raise AssertionError("nobody asked for replies")


class Waiter(GetWaiter):
    def __init__(self, client: DirectClient, queue: str, no_ack: bool) -> None:
        super().__init__()
        self.client = client
        self.queue = queue
        self.no_ack = no_ack

    def got(self, result: GetResult | None) -> None:
        if result is None:
            return
        record = result.record
        assert record.value is not None
        check((result.delivery is None) == self.no_ack, "a get that settles at once has no delivery")
        got = Got(self.client, self.queue, record.value, origin_of(record), self.no_ack)
        got.delivery = result.delivery
        self.client.world.arrived.append(got)


class DirectClient(Client):
    """Drives an Access of its own."""

    def __init__(self, world: WorldTurns, name: str, access: Access) -> None:
        super().__init__(world, name)
        self.access = access
        self.sink = DirectSink(self)
        self.consumers: list[Consumer] = []
        self.group = Demand(0)

    def act(self) -> None:
        choices = [self.publish] * 7 + [self.accept] * 6 + [self.consume] * 2 + [self.get] * 2
        choices += [self.release] * 2 + [self.reject, self.cancel, self.pause, self.change_demand]
        self.world.random.choice(choices)()

    # Publishing.

    def publish(self) -> None:
        for _ in range(self.world.random.choice([1, 1, 2, 5, 12])):
            self.publish_one()

    def publish_one(self) -> None:
        world = self.world
        random = world.random
        dice = random.random()
        if dice < 0.2:
            self._publish_fan()
        elif dice < 0.25:
            self._publish_late()
        else:
            name = world.some_queue()
            self._publish_to(name, random.random() < 0.05 and name != STREAM)

    def _record(self, volatile: bool) -> tuple[int, Record]:
        number, body = self.world.new_body()
        record = Record(body, self.world.address)
        record.volatile = volatile
        if self.world.random.random() < 0.3:
            record.priority = self.world.random.randrange(6)
        return number, record

    def _publish_to(self, name: str, delayed: bool) -> None:
        world = self.world
        random = world.random
        number, record = self._record(random.random() < 0.25)
        expires_at_ms = 0
        if random.random() < 0.06 and name != STREAM:
            expires_at_ms = record.expires_at_ms = world.now_ms + random.choice([1, 50, 5000])
        if delayed and not expires_at_ms:
            record.not_before_ms = world.now_ms + random.choice([1, 40, 3000])
        queue = world.shadow.queues[name]
        record.address = world.broker.catalog.addresses.get("", name)
        volatile, priority, not_before_ms = record.volatile, record.priority, int(record.not_before_ms)
        body = record.value
        assert body is not None
        outcome = self.access.publish(self.access.route("", name), record)
        check(bool(outcome & ROUTED), f"publish to {name}: {outcome}")
        if outcome & REFUSED:
            check(queue.settings.overflow == REJECT_PUBLISH, f"{name} refused")
            return
        token = world.shadow.publish(number, body, queue, self.access.position(), volatile)
        check(bool(outcome & DURABLE) == token.durable, f"{token}: outcome {outcome}")
        token.priority = priority
        token.not_before_ms = not_before_ms
        if expires_at_ms:
            world.shadow.expires(token, expires_at_ms)
        world.note(f"{self.name} publishes {number} to {name} at {token.position}")

    def _publish_fan(self) -> None:
        world = self.world
        volatile = world.random.random() < 0.25
        number, record = self._record(volatile)
        record.address = world.broker.catalog.addresses.get(FAN, "")
        priority = record.priority
        body = record.value
        assert body is not None
        outcome = self.access.publish(self.access.route(FAN, ""), record)
        queues = [queue for queue in world.shadow.queues.values() if queue.fanned]
        check(bool(outcome & ROUTED) == bool(queues), f"fan-out to {len(queues)} queues: {outcome}")
        for queue in queues:
            token = world.shadow.publish(number, body, queue, self.access.position(), volatile)
            token.priority = priority
        world.note(f"{self.name} fans {number} out to {len(queues)} at {self.access.position()}")

    def _publish_late(self) -> None:
        world = self.world
        number, record = self._record(world.random.random() < 0.25)
        record.not_before_ms = world.now_ms + world.random.choice([0, 10, 700, 5000])
        record.address = world.broker.catalog.addresses.get(LATE, "")
        volatile, not_before_ms = record.volatile, int(record.not_before_ms)
        body = record.value
        assert body is not None
        self.access.publish(self.access.route(LATE, ""), record)
        token = world.shadow.publish(
            number, body, world.shadow.queues[LATE], self.access.position(), volatile
        )
        token.not_before_ms = not_before_ms
        world.note(f"{self.name} publishes {number} late at {token.position}")

    # Settling.

    def accept(self) -> None:
        for token, got in self.take_some():
            assert got.delivery is not None
            self.access.accept(got.delivery)
            if got.queue != STREAM:
                self.world.shadow.settle(token, self.access.position())
            self.world.note(f"{self.name} accepts {token.number} of {got.queue}")

    def release(self) -> None:
        failed = self.world.random.random() < 0.5
        for token, got in self.take_some():
            assert got.delivery is not None
            self.access.release(got.delivery, failed)
            if got.queue != STREAM:
                self.world.shadow.give_back(token, failed)
            self.world.note(f"{self.name} releases {token.number} of {got.queue}")

    def reject(self) -> None:
        for token, got in self.take_some():
            assert got.delivery is not None
            self.access.reject(got.delivery)
            if got.queue != STREAM:
                self.world.shadow.reject(token, self.access.position())
            self.world.note(f"{self.name} rejects {token.number} of {got.queue}")

    # Consuming.

    def consume(self) -> None:
        if len(self.consumers) < 4:
            random = self.world.random
            name = self.world.queue_to_read()
            self.consume_from(name, random.choice([0, 1, 2, 5, 20]), self._no_ack(0.1))

    def consume_from(self, name: str, limit: int, no_ack: bool = False) -> None:
        random = self.world.random
        if name == STREAM and any(consumer.queue_name == STREAM for consumer in self.consumers):
            return
        group = self.group if random.random() < 0.2 else None
        start = StreamStart(START_FIRST) if name == STREAM else None
        if name == STREAM:
            self.sink.stream_at = -1
        consumer = self.access.consume(
            name,
            self.sink,
            "",
            Demand(limit),
            group,
            no_ack=no_ack,
            exclusive=False,
            arguments={},
            priority=random.choice([0, 0, 0, 5]),
            start=start,
        )
        self.consumers.append(consumer)
        self.world.note(f"{self.name} consumes {name} up to {limit}")

    def _no_ack(self, probability: float) -> bool:
        # Over AMQP the order is read from the leases, and these have none.
        return not self.world.amqp and self.world.random.random() < probability

    def get(self) -> None:
        name = self.world.queue_to_read()
        if name != STREAM:
            no_ack = self._no_ack(0.2)
            self.access.get(name, self.sink, no_ack, Waiter(self, name, no_ack))

    def cancel(self) -> None:
        if self.consumers:
            consumer = self.consumers.pop(self.world.random.randrange(len(self.consumers)))
            self.access.cancel(consumer)
            self.world.note(f"{self.name} cancels {consumer.queue_name}")

    def pause(self) -> None:
        self.access.pause(self.world.random.random() < 0.3)

    def change_demand(self) -> None:
        self.group.limit = self.world.random.choice([0, 1, 10])
        self.access.demand_changed(self.sink)

    def leave(self) -> None:
        self.alive = False
        self.consumers = []
        self.access.close()
        self.give_back_all()
        self.world.note(f"{self.name} leaves")


def dead_letter_origin(queue: str, headers: dict[str, object]) -> str:
    """Where a delivery over AMQP died first."""
    origin = headers.get("x-first-death-queue", "")
    check(queue == DEAD_LETTERS or not origin, f"a dead letter in {queue}")
    return str(origin)
