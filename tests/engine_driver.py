"""Drives the real broker in virtual time over a store in memory that keeps the port's contract to the letter.

The store is as hostile as the contract allows: completions come as late as the test says, a crash keeps durable
commits and what a checkpoint covered and nothing else, reclaimed records are gone at once, loads come in small pieces
with holes between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from onemq.engine.access import Access
from onemq.engine.broker import Broker
from onemq.engine.consumption import Consumer, Delivery, GetResult, GetWaiter, Sink, StreamStart
from onemq.engine.ports import (
    Checkpointed,
    Completion,
    Durable,
    Found,
    Loaded,
    Replay,
    Spilled,
    Store,
)
from onemq.engine.queue import Queue
from onemq.engine.routes import Route
from onemq.engine.settings import EngineSettings
from onemq.model.demand import Demand
from onemq.model.entities import QueueSettings
from onemq.model.principal import Principal
from onemq.model.record import HeaderValue, Record
from onemq.model.record_batch import base_offset, check_batch, end_offset, max_timestamp_ms
from onemq.model.record_walk import keep_live
from onemq.model.rights import Rights, all_rights

START_MS = 1_000_000
Work = Callable[[], Completion | None]


@dataclass
class Disk:
    """What survives a crash."""

    commits: dict[int, bytes] = field(default_factory=dict)
    snapshot: tuple[int, bytes] | None = None
    spilled: dict[int, list[bytes]] = field(default_factory=dict)


class FakeStore(Store):
    """See the module. Work is done in the order it was asked for, `delay` calls of `completions` later."""

    def __init__(self, disk: Disk, delay: int = 0) -> None:
        self.persistent = True
        self.disk = disk
        self.delay = delay
        self.position = 0
        self.durable = 0
        self.rolled_bytes = 0
        self.in_memory: dict[int, bytes] = {}
        self.spilled: dict[int, list[bytes]] = {log: list(found) for log, found in disk.spilled.items()}
        self.step = 0
        self.work: list[tuple[int, Work]] = []
        self.loads = 0
        self.checkpoints = 0
        self._last_base: dict[int, int] = {}

    def recover(self, replay: Replay) -> int:
        start = 0
        if self.disk.snapshot is not None:
            start, snapshot = self.disk.snapshot
            replay.restore(snapshot)
        self.position = start
        for position in sorted(self.disk.commits):
            if position > start:
                assert position == self.position + 1, "a hole in the journal"
                replay.replay(position, self.disk.commits[position])
                self.position = position
        self.durable = self.position
        return self.position

    def _later(self, work: Work) -> None:
        self.work.append((self.step + self.delay, work))

    def append(self, facts: bytes) -> int:
        self.position += 1
        self.in_memory[self.position] = facts
        self.rolled_bytes += len(facts)
        position = self.position

        def work() -> Completion:
            self.make_durable(position)
            return Durable(position)

        self._later(work)
        return position

    def make_durable(self, position: int) -> None:
        while self.durable < position:
            self.durable += 1
            self.disk.commits[self.durable] = self.in_memory.pop(self.durable)

    def pending_bytes(self) -> int:
        return 0

    def journal_bytes(self) -> int:
        return self.rolled_bytes

    def roll(self) -> int:
        self.rolled_bytes = 0
        return self.position

    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        covered = {log: list(found) for log, found in self.spilled.items()}

        def work() -> Completion:
            assert self.durable >= position
            self.disk.snapshot = (position, snapshot)
            self.disk.spilled = {log: list(found) for log, found in covered.items() if log in self.spilled}
            self.disk.commits = {at: facts for at, facts in self.disk.commits.items() if at > position}
            self.checkpoints += 1
            return Checkpointed(ticket)

        self._later(work)

    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        for data in batches:
            check_batch(data)
            assert len(data) == int.from_bytes(data[8:12], "big") + 12, "more than one batch in a piece"
            assert base_offset(data) > self._last_base.get(log_id, -1), "base offsets must ascend"
            self._last_base[log_id] = base_offset(data)

        def work() -> Completion:
            self.spilled.setdefault(log_id, []).extend(batches)
            return Spilled(ticket)

        self._later(work)

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        self.loads += 1

        def work() -> Completion:
            found: list[bytes] = []
            size = 0
            next_offset = offset
            for data in self.spilled.get(log_id, []):
                if end_offset(data) <= offset:
                    continue
                if found and size + len(data) > bytes_max:
                    break
                found.append(data)
                size += len(data)
                next_offset = int(end_offset(data))
            return Loaded(ticket, log_id, found, next_offset)

        self._later(work)

    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        def work() -> Completion:
            for data in self.spilled.get(log_id, []):
                if max_timestamp_ms(data) >= timestamp_ms:
                    return Found(ticket, log_id, int(base_offset(data)))
            return Found(ticket, log_id, -1)

        self._later(work)

    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        def work() -> None:
            for place in (self.spilled, self.disk.spilled):
                if log_id in place:
                    kept = [keep_live(data, live) for data in place[log_id]]
                    place[log_id] = [data for data in kept if data]

        self._later(work)

    def drop_log(self, log_id: int) -> None:
        def work() -> None:
            self.spilled.pop(log_id, None)
            self.disk.spilled.pop(log_id, None)

        self._later(work)

    def retain_logs(self, log_ids: list[int]) -> None:
        for place in (self.spilled, self.disk.spilled):
            for log_id in list(place):
                if log_id not in log_ids:
                    del place[log_id]

    def log_bytes(self, log_id: int) -> int:
        return sum(len(data) for data in self.spilled.get(log_id, []))

    def completions(self) -> list[Completion]:
        out: list[Completion] = []
        while self.work and self.work[0][0] <= self.step:
            done = self.work.pop(0)[1]()
            if done is not None:
                out.append(done)
        self.step += 1
        return out

    def close(self) -> None:
        while self.work:
            self.completions()

    def crash(self, extra: int = 0) -> Disk:
        """Power fails. `extra`: commits beyond the last one reported that reached the disk all the same."""
        self.make_durable(min(self.durable + extra, self.position))
        return self.disk


class MemoryStore(FakeStore):
    """A store that keeps nothing."""

    def __init__(self) -> None:
        super().__init__(Disk())
        self.persistent = False

    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        raise AssertionError("a store in memory takes no spills")


class RecordingSink(Sink):
    """A channel that remembers. `held`: deliveries not settled by `Driver`'s shortcuts yet."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[bytes] = []
        self.attempts: list[int] = []
        self.records: list[Record] = []
        self.held: list[Delivery] = []
        self.consumers_served: list[str] = []
        self.ended: list[tuple[str, str]] = []
        self.late: list[tuple[Delivery, int]] = []
        self.replies: list[Record] = []

    def deliver(
        self, consumer: Consumer, record: Record, attempts: int, failures: int, delivery: Delivery | None
    ) -> None:
        assert not consumer.cancelled, "delivered to a consumer that has ended"
        self.values.append(record.value or b"")
        self.attempts.append(attempts)
        self.records.append(record)
        self.consumers_served.append(consumer.tag)
        if delivery is not None:
            self.held.append(delivery)

    def cancelled(self, consumer: Consumer, reason: str) -> None:
        self.ended.append((consumer.tag, reason))

    def timed_out(self, delivery: Delivery, timeout_ms: int) -> None:
        self.late.append((delivery, timeout_ms))

    def reply(self, record: Record) -> None:
        self.replies.append(record)


class RecordingWaiter(GetWaiter):
    def __init__(self) -> None:
        self.calls = 0
        self.result: GetResult | None = None

    def got(self, result: GetResult | None) -> None:
        self.calls += 1
        self.result = result


class Driver:
    """A broker, its store and a clock."""

    def __init__(
        self, settings: EngineSettings | None = None, *, store: FakeStore | None = None, delay: int = 0
    ) -> None:
        self.settings = settings or EngineSettings(
            predeclared=[("amq.direct", "direct"), ("amq.fanout", "fanout"), ("amq.topic", "topic")]
        )
        self.delay = delay
        self.now_ms = START_MS
        self.entropy_count = 0
        self.routes: dict[tuple[str, str], Route] = {}
        self._open(FakeStore(Disk(), delay) if store is None else store)

    def _entropy(self, size: int) -> bytes:
        self.entropy_count += 1
        return self.entropy_count.to_bytes(size, "big")

    def _open(self, store: FakeStore) -> None:
        self.store = store
        self.broker = Broker(store, self.settings, self._entropy)
        self.broker.begin_turn(self.now_ms)
        self.broker.recover()
        self.access = self.new_access()
        self.routes.clear()

    def new_access(self, rights: Rights | None = None, namespace: str = "/") -> Access:
        return self.broker.access(
            Principal("user", []), namespace, all_rights() if rights is None else rights
        )

    # Turns.

    def turn(self) -> bool:
        """One turn: what the store has finished, deadlines, dispatch, commit. True when work is left."""
        self.broker.begin_turn(self.now_ms)
        self.broker.complete(self.store.completions())
        self.broker.tick(self.now_ms)
        return self.broker.end_turn()

    def settle_down(self, turns_max: int = 1000) -> None:
        """Turns until nothing happens any more at this time."""
        for _ in range(turns_max):
            if not self.turn() and not self.store.work:
                return
        raise AssertionError("the broker does not come to rest")

    def pass_time(self, milliseconds: int) -> None:
        """Virtual time goes by, with every deadline on its way kept."""
        end = self.now_ms + milliseconds
        self.settle_down()
        for _ in range(10_000):
            due = self.broker.next_deadline_ms()
            if not due or due > end:
                break
            self.now_ms = max(due, self.now_ms)
            self.settle_down()
        else:
            raise AssertionError("deadlines without end")
        self.now_ms = end
        self.settle_down()

    # The end.

    def crash(self, extra: int = 0) -> None:
        """Kill -9 and a new start."""
        self._open(FakeStore(self.store.crash(extra), self.delay))

    def shut_down(self, turns_max: int = 1000) -> None:
        """A clean stop."""
        self.broker.shutdown()
        for _ in range(turns_max):
            self.turn()
            if self.broker.stopped_clean():
                return
        raise AssertionError("does not stop")

    def restart(self) -> None:
        """A clean stop and a new start."""
        self.shut_down()
        assert not any(
            position > (self.store.disk.snapshot or (0, b""))[0] for position in self.store.disk.commits
        )
        self._open(FakeStore(self.store.disk, self.delay))

    def again(self, clean: bool) -> None:
        """A new start, after a clean stop or after a crash of a broker at rest."""
        if clean:
            self.restart()
        else:
            self.settle_down()
            self.crash()

    # Shortcuts.

    def declare(self, name: str, settings: QueueSettings | None = None) -> Queue:
        self.access.queues.declare(name, settings or QueueSettings())
        return self.queue(name)

    def queue(self, name: str) -> Queue:
        return self.broker.catalog.namespaces["/"].queues[name]

    def publish(
        self,
        routing_key: str,
        value: bytes,
        *,
        exchange: str = "",
        volatile: bool = False,
        priority: int = 0,
        ttl_ms: int | None = None,
        delay_ms: int = 0,
        headers: dict[str, HeaderValue] | None = None,
    ) -> int:
        self.broker.begin_turn(self.now_ms)
        route = self.routes.get((exchange, routing_key))
        if route is None:
            route = self.access.route(exchange, routing_key)
            self.routes[exchange, routing_key] = route
        record = Record(value, route.address, volatile=volatile, priority=priority)
        if ttl_ms is not None:
            record.expires_at_ms = self.now_ms + ttl_ms
        if delay_ms:
            record.not_before_ms = self.now_ms + delay_ms
        return self.access.publish(route, record, headers)

    def consume(
        self,
        queue: str,
        sink: RecordingSink,
        *,
        tag: str = "tag",
        limit: int = 0,
        group: Demand | None = None,
        no_ack: bool = False,
        exclusive: bool = False,
        priority: int = 0,
        start: StreamStart | None = None,
        access: Access | None = None,
    ) -> Consumer:
        self.broker.begin_turn(self.now_ms)
        return (access or self.access).consume(
            queue,
            sink,
            tag,
            Demand(limit),
            group,
            no_ack=no_ack,
            exclusive=exclusive,
            priority=priority,
            start=start,
            arguments={},
        )

    def get(self, queue: str, sink: RecordingSink | None = None, *, no_ack: bool = False) -> RecordingWaiter:
        self.broker.begin_turn(self.now_ms)
        waiter = RecordingWaiter()
        self.access.get(queue, sink or RecordingSink(), no_ack, waiter)
        return waiter

    def drain(self, queue: str) -> list[bytes]:
        """Everything ready in the queue, taken out in its order."""
        sink = RecordingSink()
        consumer = self.consume(queue, sink, no_ack=True)
        self.settle_down()
        self.access.cancel(consumer)
        self.settle_down()
        return sink.values

    def ready(self, queue: str) -> int:
        return int(self.access.queues.check(queue).ready)
