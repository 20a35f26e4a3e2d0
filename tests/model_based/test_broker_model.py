"""The broker against the naive model: any order of publishing, consuming, settling, waiting, crashing and restarting.

Nothing confirmed is lost, nothing is under two leases, nothing overtakes, counts and memory are right, and a restart
changes nothing that was durable. The last tests plant bugs, to show that the machine finds them.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mypy_extensions import i64

from engine_driver import START_MS, Disk, Driver, FakeStore, RecordingSink
from model_based.naive_broker import LEASED, RETURNED, SETTLED, Entry, Event, NaiveBroker, NaiveQueue
from onemq.engine.consumption import Consumer, Delivery
from onemq.engine.facts import SETTLED as SETTLED_FACT
from onemq.engine.facts import FactReader
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings
from onemq.model.record import Record
from onemq.model.refusal import Refusal

# a and b hang on a fan-out, a's rejected records go to d, v is not durable, p has priorities.
QUEUES = ("a", "b", "d", "v", "p")
SIZES = (0, 60, 3000)
RARELY = st.integers(0, 2).map(lambda chance: chance == 0)


def cramped() -> EngineSettings:
    """Room for a handful of records in memory, pieces of one or two, a checkpoint every few commits."""
    return EngineSettings(
        tail_bytes_max=3000,
        journal_bytes_max=2500,
        spill_bytes=900,
        load_bytes=400,
        dispatch_per_turn=64,
        predeclared=[("amq.fanout", "fanout")],
    )


class Held:
    """A delivery that the machine's consumer has not settled."""

    def __init__(self, queue: NaiveQueue, entry: Entry, delivery: Delivery, sink: ModelSink) -> None:
        self.queue = queue
        self.entry = entry
        self.delivery = delivery
        self.sink = sink


class ModelSink(RecordingSink):
    """Checks every delivery at the moment it is made."""

    def __init__(self, machine: BrokerMachine, queue: NaiveQueue, limit: int, no_ack: bool) -> None:
        super().__init__()
        self.machine = machine
        self.queue = queue
        self.limit = limit
        self.no_ack = no_ack

    def deliver(
        self, consumer: Consumer, record: Record, attempts: i64, failures: i64, delivery: Delivery | None
    ) -> None:
        entry = self.queue.next(self.machine.driver.broker.durable_position)
        name = int((record.value or b"").split(b" ")[0])
        assert entry is not None, f"{name} delivered, but nothing in {self.queue.name} may be"
        assert name == entry.name, f"{name} delivered, but {entry.name} is next in {self.queue.name}"
        assert attempts == entry.leases(), f"{name}: {attempts} attempts, not {entry.leases()}"
        entry.events.append(Event(SETTLED if delivery is None else LEASED))
        if delivery is not None:
            self.machine.held.append(Held(self.queue, entry, delivery, self))
            assert not self.limit or self.leased() <= self.limit, "more than its demand"

    def leased(self) -> int:
        return sum(held.sink is self for held in self.machine.held)

    def room(self) -> bool:
        return self.no_ack or not self.limit or self.leased() < self.limit


class BrokerMachine(RuleBasedStateMachine):
    store_class: type[FakeStore] = FakeStore

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver(cramped(), store=self.store_class(Disk()))
        self.model = NaiveBroker([NaiveQueue(name, name != "v", 2 if name == "p" else 0) for name in QUEUES])
        self.names = 0
        self.held: list[Held] = []
        self.consumers: dict[str, Consumer] = {}
        for name in QUEUES:
            queue = QueueSettings(durable=name != "v")
            queue.priority_max = 2 if name == "p" else 0
            if name == "a":
                queue.dead_letter_exchange = ""
                queue.dead_letter_routing_key = "d"
            self.driver.declare(name, queue)
        for name in "ab":
            self.driver.access.exchanges.bind_queue(name, "amq.fanout", "", {})
        self.driver.settle_down()

    # What clients do.

    @rule(
        queue=st.sampled_from(QUEUES),
        volatile=st.booleans(),
        size=st.sampled_from(SIZES),
        priorities=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    )
    def publish(self, queue: str, volatile: bool, size: int, priorities: list[int]) -> None:
        volatile = volatile and queue != "p"
        for priority in priorities:
            value = b"%d %s" % (self._name(), bytes(size))
            self.driver.publish(queue, value, volatile=volatile, priority=priority)
            self.model.queues[queue].publish(self.names, not volatile, priority)

    def _name(self) -> int:
        self.names += 1
        return self.names

    @rule(volatile=st.booleans(), count=st.integers(1, 8))
    def fan_out(self, volatile: bool, count: int) -> None:
        for _ in range(count):
            self.driver.publish("", b"%d " % self._name(), exchange="amq.fanout", volatile=volatile)
            for queue in "ab":
                self.model.queues[queue].publish(self.names, not volatile, 0)

    @rule(queue=st.sampled_from(QUEUES), limit=st.integers(0, 3), no_ack=RARELY)
    def consume(self, queue: str, limit: int, no_ack: bool) -> None:
        if queue not in self.consumers:
            sink = ModelSink(self, self.model.queues[queue], limit, no_ack)
            self.consumers[queue] = self.driver.consume(queue, sink, limit=limit, no_ack=no_ack)

    @precondition(lambda self: self.consumers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        consumer = self.consumers.pop(data.draw(st.sampled_from(sorted(self.consumers))), None)
        if consumer is not None:
            self.driver.access.cancel(consumer)

    @precondition(lambda self: self.consumers)
    @rule(data=st.data())
    def lose_channel(self, data: st.DataObject) -> None:
        consumer = self.consumers.pop(data.draw(st.sampled_from(sorted(self.consumers))), None)
        if consumer is not None:
            self.driver.access.close_sink(consumer.sink)
            for held in self.held:
                if held.sink is consumer.sink:
                    held.entry.events.append(Event(RETURNED))
            self.held = [held for held in self.held if held.sink is not consumer.sink]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), again=st.booleans())
    def accept(self, data: st.DataObject, again: bool) -> None:
        held = self._take(data)
        self.driver.access.accept(held.delivery)
        if again:
            self.driver.access.accept(held.delivery)
        held.entry.events.append(Event(SETTLED))

    def _take(self, data: st.DataObject) -> Held:
        return self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))

    @precondition(lambda self: self.held)
    @rule()
    def accept_all(self) -> None:
        self.driver.access.accept_many([held.delivery for held in self.held])
        for held in self.held:
            held.entry.events.append(Event(SETTLED))
        self.held = []

    @precondition(lambda self: self.held)
    @rule(data=st.data(), failed=st.booleans())
    def release(self, data: st.DataObject, failed: bool) -> None:
        held = self._take(data)
        self.driver.access.release(held.delivery, failed)
        self.driver.access.release(held.delivery, failed)
        held.entry.events.append(Event(RETURNED))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        held = self._take(data)
        self.driver.access.reject(held.delivery)
        held.entry.events.append(Event(SETTLED))
        if held.queue.name == "a":
            self.model.queues["d"].publish(held.entry.name, held.entry.durable, 0)

    @rule(queue=st.sampled_from(QUEUES), sure=RARELY)
    def purge(self, queue: str, sure: bool) -> None:
        if sure:
            assert self.driver.access.queues.purge(queue) == self.model.queues[queue].purge()

    # What the world does.

    def _turn(self) -> bool:
        more = self.driver.turn()
        self.model.stamp(int(self.driver.broker.core.last_position))
        return more

    @rule(count=st.integers(1, 4))
    def turns(self, count: int) -> None:
        for _ in range(count):
            self._turn()

    @rule(delay=st.integers(0, 5))
    def disk_gets_slower(self, delay: int) -> None:
        self.driver.store.delay = self.driver.delay = delay

    @rule(milliseconds=st.integers(1, 5000))
    def time_passes(self, milliseconds: int) -> None:
        self.driver.now_ms += milliseconds

    @rule(sure=RARELY)
    def come_to_rest(self, sure: bool) -> None:
        if not sure:
            return
        for _ in range(3000):
            if not self._turn() and not self.driver.store.work:
                break
        else:
            raise AssertionError("the broker does not come to rest")
        for name, consumer in self.consumers.items():
            sink = consumer.sink
            assert isinstance(sink, ModelSink)
            assert not (sink.room() and self.model.queues[name].ready()), f"{name} does not deliver"
        if self.model.empty():
            assert self.driver.broker.memory_bytes() == 0

    @rule(extra=st.integers(0, 3), sure=RARELY)
    def crash(self, extra: int, sure: bool) -> None:
        if sure:
            self.driver.crash(extra)
            self._restarted()

    @rule(sure=RARELY)
    def restart(self, sure: bool) -> None:
        if not sure:
            return
        self.driver.broker.shutdown()
        for _ in range(3000):
            self._turn()
            if self.driver.broker.stopped_clean():
                break
        else:
            raise AssertionError("does not stop")
        self.driver.crash()
        self._restarted()

    def _restarted(self) -> None:
        self.held = []
        self.consumers = {}
        self.model.crash(self.driver.store.durable)
        self.model.stamp(0)
        self.driver.declare("v", QueueSettings(durable=False))

    # What must always be true.

    def _ledger_queue(self, name: str) -> LedgerQueue:
        queue = self.driver.queue(name)
        assert isinstance(queue, LedgerQueue)
        return queue

    @invariant()
    def counts_match(self) -> None:
        for name in QUEUES:
            queue = self._ledger_queue(name)
            log = queue.log
            hidden = int(log.next_offset - queue.hidden_from())
            model = self.model.queues[name]
            assert int(queue.ledger.ready_count) + hidden == len(model.ready()), name
            assert len(queue.ledger.leased) == len(model.leased()), name
            assert queue.ledger.ready_bytes() >= 0, name
            assert queue.ledger.lost == 0, name

    @invariant()
    def memory_adds_up(self) -> None:
        logs = [queue.log for queue in self.driver.broker.catalog.logs.values()]
        for log in logs:
            assert log.tail_cost == sum(batch.cost for batch in log.tail)
        assert self.driver.broker.memory_bytes() == sum(log.tail_cost for log in logs)

    def teardown(self) -> None:
        """Everything comes out in the end, in order."""
        self.come_to_rest(True)
        self.crash(0, True)
        for name in QUEUES:
            self.consume(name, 0, True)
        self.come_to_rest(True)
        assert self.model.empty()
        for name in QUEUES:
            ledger = self._ledger_queue(name).ledger
            assert (ledger.unsettled_bytes, ledger.durable_bytes, ledger.ready.returned_count) == (0, 0, 0)
        assert self.driver.now_ms >= START_MS


# HYPOTHESIS_PROFILE=long is for the night.
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
BrokerMachine.TestCase.settings = settings(
    max_examples=5000 if LONG else 60,
    stateful_step_count=120 if LONG else 60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
)
TestBroker = BrokerMachine.TestCase


# Planted bugs. They stand in the store and in the client, not in the engine: the compiled broker is tested too.


class ForgetsSettlements(FakeStore):
    """Loses every SETTLED fact."""

    def append(self, facts: bytes) -> int:
        kept = b""
        reader = FactReader(facts)
        while reader.next():
            if reader.kind != SETTLED_FACT:
                kept += facts[int(reader.start) - 5 : int(reader.end)]
        return super().append(kept)


class LosesConfirmed(FakeStore):
    """Reports the last commit durable and loses it in a crash."""

    def crash(self, extra: int = 0) -> Disk:
        disk = super().crash(0)
        disk.commits.pop(self.durable, None)
        return disk


class ReclaimsTooMuch(FakeStore):
    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        super().reclaim(log_id, live[2:])


class LosesSpilled(FakeStore):
    """Loses a spilled batch whenever one is asked for."""

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        self.spilled[log_id] = self.spilled.get(log_id, [])[1:]
        super().load(ticket, log_id, offset, bytes_max)


class SettlesTwice(BrokerMachine):
    """A client whose release counts twice."""

    @precondition(lambda self: self.held)
    @rule(data=st.data(), failed=st.booleans())
    def release(self, data: st.DataObject, failed: bool) -> None:
        held = self._take(data)
        self.driver.access.release(held.delivery, failed)
        held.delivery.settled = False
        self.driver.access.release(held.delivery, failed)
        held.entry.events.append(Event(RETURNED))


PLANTED = settings(
    max_examples=300,
    stateful_step_count=60,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def machine_over(store: type[FakeStore]) -> type[BrokerMachine]:
    return type("Planted", (BrokerMachine,), {"store_class": store})


@pytest.mark.parametrize("store", [ForgetsSettlements, LosesConfirmed, ReclaimsTooMuch, LosesSpilled])
def test_finds_a_planted_bug_of_the_store(store: type[FakeStore]) -> None:
    with pytest.raises((AssertionError, Refusal)):
        run_state_machine_as_test(machine_over(store), settings=PLANTED)


def test_finds_a_planted_bug_of_the_ledger() -> None:
    with pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(SettlesTwice, settings=PLANTED)
