"""Topics against the naive model: Kafka's producers and AMQP's publishers write, fetches and a queue of the topic's name read.

Offsets never change, a fetch gives the producers' very bytes, repeated batches are known again, the queue gets every record of
committed transactions in order and under one lease, and a crash takes nothing that was durable. The last tests plant bugs.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mypy_extensions import i64

from engine_driver import Disk, FakeStore, RecordingSink
from model_based.naive_broker import LEASED, PUBLISHED, RETURNED, SETTLED, Entry, Event
from model_based.naive_topic import NaivePartition, Piece
from onemq.engine.consumption import Consumer, Delivery
from onemq.engine.facts import pack, unpack
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.producers import Aborted
from onemq.engine.topics.topic import Topic
from onemq.model.record import Record
from onemq.model.record_batch import attributes_of, base_offset, end_offset
from onemq.model.record_codec import decode_batch
from onemq.model.refusal import Reason, Refusal
from onemq.model.reserved_header import AddressCache
from transaction_driver import CONTROL, Remembering, TransactionDriver, batch

RARELY = st.integers(0, 2).map(lambda chance: chance == 0)
PARTITIONS = st.integers(0, 2)
SIZES = st.sampled_from([0, 40, 900])
HOUR_MS = 600_000


def cramped() -> EngineSettings:
    """Room for a handful of batches in memory, a checkpoint every few commits."""
    return EngineSettings(
        tail_bytes_max=2500, journal_bytes_max=1500, spill_bytes=900, load_bytes=500, dispatch_per_turn=64
    )


class Held:
    """A delivery that the machine's consumer has not settled."""

    def __init__(self, entry: Entry, delivery: Delivery, sink: ModelSink) -> None:
        self.entry = entry
        self.delivery = delivery
        self.sink = sink


class ModelSink(RecordingSink):
    """Checks every delivery at the moment it is made."""

    def __init__(self, machine: TopicMachine, limit: int, no_ack: bool) -> None:
        super().__init__()
        self.machine = machine
        self.limit = limit
        self.no_ack = no_ack

    def deliver(
        self, consumer: Consumer, record: Record, attempts: i64, failures: i64, delivery: Delivery | None
    ) -> None:
        index, entry = self.machine.entry_of(record)
        partition = self.machine.partitions[index]
        assert entry.ready(), f"{record.value!r} is {entry.state()} and was delivered"
        durable = self.machine.driver.broker.durable_position
        wanted = partition.next(durable)
        if entry.name >= partition.start:
            assert wanted is not None, f"{record.value!r} may not be delivered"
            assert wanted is entry, f"{entry.name} delivered in {index}, but {wanted.name} is next"
        assert attempts == entry.leases(), f"{attempts} attempts, not {entry.leases()}"
        entry.events.append(Event(SETTLED if delivery is None else LEASED))
        if delivery is not None:
            self.machine.held.append(Held(entry, delivery, self))
            assert not self.limit or self.leased() <= self.limit, "more than its demand"

    def leased(self) -> int:
        return sum(held.sink is self for held in self.machine.held)

    def room(self) -> bool:
        return self.no_ack or not self.limit or self.leased() < self.limit


class TopicMachine(RuleBasedStateMachine):
    store_class: type[FakeStore] = FakeStore

    def __init__(self) -> None:
        super().__init__()
        self.driver = TransactionDriver(cramped(), store=self.store_class(Disk()))
        self.partitions: list[NaivePartition] = []
        self.names = 0
        self.values: dict[bytes, tuple[int, Entry]] = {}
        self.held: list[Held] = []
        self.consumers: dict[str, Consumer] = {}
        self.idempotent: list[tuple[int, int]] = []
        self.transactional: dict[str, tuple[int, int]] = {}
        self.fenced: list[tuple[str, tuple[int, int]]] = []

    @initialize(partitions=st.integers(1, 3), over_queue=st.booleans())
    def begin(self, partitions: int, over_queue: bool) -> None:
        if over_queue:
            self.driver.declare("t")
        self.driver.topics.create("t", partitions, {"retention.ms": "-1"})
        self.partitions = [NaivePartition() for _ in range(partitions)]
        if not over_queue:
            self.driver.declare("t")
        self.driver.settle_down()
        self._stamp()
        self._consume("c1", 2, False)

    def _topic(self) -> Topic:
        return self.driver.topics.find("t")

    def _index(self, drawn: int) -> int:
        return drawn % len(self.partitions)

    def entry_of(self, record: Record) -> tuple[int, Entry]:
        found = self.values.get(record.value or b"")
        assert found is not None, f"{record.value!r} was never written"
        assert found[1].name == record.offset, f"offset {record.offset}, not {found[1].name}"
        return found

    # Writing.

    def _values(self, count: int, size: int) -> list[bytes]:
        values = []
        for _ in range(count):
            self.names += 1
            values.append(b"%d %s" % (self.names, bytes(size)))
        return values

    def _written(self, index: int, base: int, values: list[bytes], **what: object) -> Piece:
        partition = self.partitions[index]
        assert base == partition.next_offset, f"base offset {base}, not {partition.next_offset}"
        entries = []
        for delta, value in enumerate(values):
            entry = Entry(base + delta, True, 0, [Event(PUBLISHED)])
            entries.append(entry)
            self.values[value] = (index, entry)
        piece = Piece(base, entries, **what)  # type: ignore[arg-type]
        partition.pieces.append(piece)
        return piece

    def _produce(self, index: int, data: bytes, transactional_id: str | None = None) -> tuple[int, bool]:
        self.driver.broker.begin_turn(self.driver.now_ms)
        appended = self.driver.topics.produce(self._topic(), index, data, transactional_id)
        return int(appended.base_offset), appended.duplicate

    @rule(drawn=PARTITIONS, count=st.integers(1, 5), size=SIZES)
    def produce(self, drawn: int, count: int, size: int) -> None:
        index = self._index(drawn)
        values = self._values(count, size)
        data = batch(values, self.driver.now_ms)
        self._written(index, self._produce(index, data)[0], values, data=data)

    @rule(count=st.integers(1, 4), size=SIZES, volatile=st.booleans())
    def publish(self, count: int, size: int, volatile: bool) -> None:
        for value in self._values(count, size):
            self.driver.publish("t", value, volatile=volatile)
            self._written(0, self.partitions[0].next_offset, [value])

    @rule(drawn=PARTITIONS, count=st.integers(1, 4), number=st.integers(0, 1))
    def produce_in_sequence(self, drawn: int, count: int, number: int) -> None:
        index = self._index(drawn)
        while len(self.idempotent) <= number:
            grant = self.driver.transactions.initialise(None, 0)
            self.idempotent.append((grant.producer_id, grant.epoch))
        producer = self.idempotent[number]
        known = self.partitions[index].sequences(producer)
        sequence = known[-1][1] + 1 if known else 0
        values = self._values(count, 10)
        data = batch(values, self.driver.now_ms, producer=producer[0], epoch=producer[1], sequence=sequence)
        base, duplicate = self._produce(index, data)
        assert not duplicate
        self._written(index, base, values, data=data, producer=producer, sequence=sequence)

    @precondition(lambda self: self.idempotent)
    @rule(drawn=PARTITIONS, data=st.data())
    def send_again(self, drawn: int, data: st.DataObject) -> None:
        index = self._index(drawn)
        producer = self.idempotent[data.draw(st.integers(0, len(self.idempotent) - 1))]
        known = self.partitions[index].sequences(producer)
        if known:
            first, last, base = data.draw(st.sampled_from(known))
            again = batch(
                [b"again"] * (last - first + 1), 1, producer=producer[0], epoch=producer[1], sequence=first
            )
            assert self._produce(index, again) == (base, True)

    @precondition(lambda self: self.idempotent)
    @rule(drawn=PARTITIONS, gap=st.integers(1, 3))
    def leave_a_gap(self, drawn: int, gap: int) -> None:
        index = self._index(drawn)
        producer = self.idempotent[0]
        known = self.partitions[index].sequences(producer)
        if known:
            sequence = known[-1][1] + 1 + gap
            data = batch([b"gap"], 1, producer=producer[0], epoch=producer[1], sequence=sequence)
            self._refused(index, data, None, Reason.OUT_OF_SEQUENCE)

    def _refused(self, index: int, data: bytes, transactional_id: str | None, *reasons: Reason) -> None:
        try:
            self._produce(index, data, transactional_id)
        except Refusal as refusal:
            assert refusal.reason in reasons
        else:
            raise AssertionError("accepted")

    # Transactions.

    @rule(name=st.sampled_from(["x", "y"]))
    def initialise(self, name: str) -> None:
        self.driver.broker.begin_turn(self.driver.now_ms)
        before = self.transactional.get(name)
        grant = self.driver.transactions.initialise(name, HOUR_MS)
        producer = (grant.producer_id, grant.epoch)
        self.transactional[name] = producer
        if before is not None and before != producer:
            self.fenced.append((name, before))
        self._see_markers(producer[0], True)

    def _see_markers(self, producer: int, aborts: bool) -> None:
        """A transaction has ended: one marker in each partition that had a part in it."""
        for partition, real in zip(self.partitions, self._topic().partitions, strict=True):
            grown = int(real.log.next_offset) - partition.next_offset
            first = partition.open_from(producer)
            assert grown == 1 or (grown == 0 and first is None), "a transaction ends with one marker"
            if grown:
                piece = Piece(partition.next_offset, [], None, (producer, -1))
                piece.marker = True
                piece.aborts = aborts
                piece.ends = first
                partition.pieces.append(piece)

    @precondition(lambda self: self.transactional)
    @rule(drawn=PARTITIONS, count=st.integers(1, 4), data=st.data())
    def produce_in_transaction(self, drawn: int, count: int, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.transactional)))
        producer = self.transactional[name]
        index = self._index(drawn)
        self.driver.broker.begin_turn(self.driver.now_ms)
        assert self.driver.transactions.add_partitions(name, *producer, [("t", index)]) == [None]
        known = self.partitions[index].sequences(producer)
        sequence = known[-1][1] + 1 if known else 0
        values = self._values(count, 30)
        made = batch(
            values,
            self.driver.now_ms,
            producer=producer[0],
            epoch=producer[1],
            sequence=sequence,
            transactional=True,
        )
        base, duplicate = self._produce(index, made, name)
        assert not duplicate
        self._written(
            index, base, values, data=made, producer=producer, sequence=sequence, transactional=True
        )

    @precondition(lambda self: self.transactional)
    @rule(commit=st.booleans(), data=st.data())
    def end_transaction(self, commit: bool, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.transactional)))
        producer = self.transactional[name]
        self.driver.broker.begin_turn(self.driver.now_ms)
        if not any(partition.open_from(producer[0]) for partition in self.partitions):
            return
        self.driver.transactions.end(name, *producer, commit)
        self._see_markers(producer[0], not commit)

    @precondition(lambda self: self.fenced)
    @rule(drawn=PARTITIONS, data=st.data())
    def write_as_a_fenced_producer(self, drawn: int, data: st.DataObject) -> None:
        name, producer = data.draw(st.sampled_from(self.fenced))
        if self.transactional.get(name, (0, 0))[0] != producer[0]:
            return
        made = batch([b"late"], 1, producer=producer[0], epoch=producer[1], sequence=0, transactional=True)
        index = self._index(drawn)
        self._refused(
            index, made, name, Reason.PRODUCER_EPOCH_STALE, Reason.PRODUCER_FENCED, Reason.PRODUCER_UNKNOWN
        )

    # Fetching.

    @rule(drawn=PARTITIONS, committed=st.booleans(), room=st.sampled_from([1, 300, 1 << 20]), data=st.data())
    def fetch(self, drawn: int, committed: bool, room: int, data: st.DataObject) -> None:
        partition = self.partitions[self._index(drawn)]
        end = partition.visible_end(self.driver.broker.durable_position)
        if end >= partition.start:
            self._check_fetch(
                self._index(drawn), data.draw(st.integers(partition.start, end)), committed, room
            )

    def _check_fetch(self, index: int, offset: int, committed: bool, room: int) -> int:
        """Returns where the next one begins."""
        partition = self.partitions[index]
        waiter = Remembering()
        self.driver.broker.begin_turn(self.driver.now_ms)
        part = self.driver.topics.fetch_part(self._topic(), index, offset, room)
        durable = self.driver.broker.durable_position
        end = partition.stable_end(durable) if committed else partition.visible_end(durable)
        self.driver.topics.fetch([part], 1, room, 0, committed, waiter)
        while waiter.results is None:
            self._turn()
        found = waiter.results[0]
        assert found.refused is None and found.start_offset == partition.start
        # Of then or of now: what had to be loaded took its time.
        now_durable = self.driver.broker.durable_position
        assert partition.visible_end(durable) <= found.high_watermark <= partition.visible_end(now_durable)
        assert partition.stable_end(durable) <= found.stable_end <= partition.stable_end(now_durable)
        wanted = [
            piece for piece in partition.pieces if piece.end > offset and piece.base < end and offset < end
        ]
        assert found.batches or not wanted, f"nothing from {offset} on, of {end}"
        at = offset
        for data in found.batches:
            at = int(end_offset(data))
            self._check_batch(partition, data)
        if found.batches:
            assert at <= (found.stable_end if committed else found.high_watermark)
        holding = [piece.base for piece in partition.pieces if offset < piece.end and piece.base < at]
        given = [
            base for data in found.batches for base in range(int(base_offset(data)), int(end_offset(data)))
        ]
        assert not given or set(holding) <= set(given), "batches are missing in between"
        if committed:
            self._check_aborted(partition, offset, at, found.aborted or [])
        return at

    def _check_batch(self, partition: NaivePartition, data: bytes) -> None:
        base = int(base_offset(data))
        pieces = [piece for piece in partition.pieces if base < piece.end and piece.base < end_offset(data)]
        assert pieces, f"a batch at {base} that nobody wrote"
        if attributes_of(data) & CONTROL:
            assert pieces[0].marker
            return
        # What retention has cut through, the store may have made smaller.
        if pieces[0].data is not None and pieces[0].base >= partition.start:
            assert base == pieces[0].base and data[16:] == pieces[0].data[16:], "not the producer's bytes"
            return
        values = [(int(record.offset), record.value) for record in decode_batch(data, 0, AddressCache())]
        for offset, value in values:
            assert self.values[value or b""][1].name == offset

    def _check_aborted(self, partition: NaivePartition, start: int, end: int, found: list[Aborted]) -> None:
        given = {(int(entry.producer_id), int(entry.first)) for entry in found}
        every = partition.aborted()
        assert given <= {(producer, first) for producer, first, _ in every}
        needed = {
            (producer, first)
            for producer, first, marker in every
            if marker >= start and first < end and end > start
        }
        assert needed <= given, f"aborted transactions {needed - given} are not named"

    # The queue.

    @rule(name=st.sampled_from(["c1", "c2"]), limit=st.integers(0, 3), no_ack=RARELY)
    def consume(self, name: str, limit: int, no_ack: bool) -> None:
        self._consume(name, limit, no_ack)

    def _consume(self, name: str, limit: int, no_ack: bool) -> None:
        if name not in self.consumers:
            sink = ModelSink(self, limit, no_ack)
            self.consumers[name] = self.driver.consume("t", sink, limit=limit, no_ack=no_ack)

    @precondition(lambda self: self.consumers)
    @rule(data=st.data(), lost=st.booleans())
    def stop_consuming(self, data: st.DataObject, lost: bool) -> None:
        consumer = self.consumers.pop(data.draw(st.sampled_from(sorted(self.consumers))))
        if not lost:
            self.driver.access.cancel(consumer)
            return
        self.driver.access.close_sink(consumer.sink)
        for held in self.held:
            if held.sink is consumer.sink:
                held.entry.events.append(Event(RETURNED))
        self.held = [held for held in self.held if held.sink is not consumer.sink]

    def _take(self, data: st.DataObject) -> Held:
        return self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["accept", "reject", "failed", "unused"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        held = self._take(data)
        if how == "accept":
            self.driver.access.accept(held.delivery)
        elif how == "reject":
            self.driver.access.reject(held.delivery)
        else:
            self.driver.access.release(held.delivery, how == "failed")
        held.entry.events.append(Event(SETTLED if how in ("accept", "reject") else RETURNED))

    @precondition(lambda self: self.held)
    @rule()
    def accept_all(self) -> None:
        self.driver.access.accept_many([held.delivery for held in self.held])
        for held in self.held:
            held.entry.events.append(Event(SETTLED))
        self.held = []

    @rule(sure=RARELY)
    def purge(self, sure: bool) -> None:
        if sure:
            self.driver.access.queues.purge("t")
            for partition in self.partitions:
                partition.settle_ready(partition.stable_end(self.driver.broker.durable_position))

    @rule(sure=RARELY)
    def make_the_queue_again(self, sure: bool) -> None:
        """What was there goes with it, except for what belongs to open transactions or lies behind them."""
        if not sure:
            return
        self.driver.access.queues.delete("t")
        self.driver.declare("t")
        self.held = []
        self.consumers = {}
        for partition in self.partitions:
            for piece in partition.pieces:
                for entry in piece.entries:
                    if entry.name < partition.stable_end(1 << 60) and entry.state() != SETTLED:
                        entry.events.append(Event(SETTLED))

    # Administration.

    @rule(drawn=PARTITIONS, data=st.data(), sure=RARELY)
    def delete_records(self, drawn: int, data: st.DataObject, sure: bool) -> None:
        index = self._index(drawn)
        partition = self.partitions[index]
        end = partition.visible_end(self.driver.broker.durable_position)
        if not sure or end <= partition.start:
            return
        before = data.draw(st.integers(partition.start, end))
        assert self.driver.topics.delete_records(self._topic(), index, before) == before
        partition.starts.append(Event(str(before)))
        for piece in partition.pieces:
            for entry in piece.entries:
                if entry.name < before and entry.ready():
                    entry.events.append(Event(SETTLED))

    @precondition(lambda self: len(self.partitions) < 3)
    @rule(sure=RARELY)
    def add_a_partition(self, sure: bool) -> None:
        if sure:
            self.driver.topics.add_partitions(self._topic(), len(self.partitions) + 1)
            self.partitions.append(NaivePartition())
            self._rest()

    # What the world does.

    def _stamp(self) -> None:
        position = int(self.driver.broker.core.last_position)
        for partition in self.partitions:
            partition.stamp(position)

    def _turn(self) -> bool:
        more = self.driver.turn()
        self._stamp()
        return more

    @rule(count=st.integers(2, 8))
    def turns(self, count: int) -> None:
        for _ in range(count):
            self._turn()

    @rule(delay=st.integers(0, 5))
    def disk_gets_slower(self, delay: int) -> None:
        self.driver.store.delay = self.driver.delay = delay

    @rule(milliseconds=st.integers(1, 5000))
    def time_passes(self, milliseconds: int) -> None:
        self.driver.now_ms += milliseconds

    def _rest(self) -> None:
        for _ in range(3000):
            if not self._turn() and not self.driver.store.work:
                return
        raise AssertionError("the broker does not come to rest")

    @rule(committed=st.booleans(), sure=RARELY)
    def come_to_rest(self, committed: bool, sure: bool) -> None:
        if not sure:
            return
        self._rest()
        durable = self.driver.broker.durable_position
        if any(consumer.sink.room() for consumer in self.consumers.values()):  # type: ignore[attr-defined]
            for index, partition in enumerate(self.partitions):
                assert partition.next(durable) is None, f"partition {index} does not deliver"
        for index, partition in enumerate(self.partitions):
            at = partition.start
            end = partition.stable_end(durable) if committed else partition.visible_end(durable)
            while at < end:
                at = self._check_fetch(index, at, committed, 400)

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
        # Whoever was given a number that no commit holds has to ask again, as a client does that never got the answer.
        self.transactional = {}
        self.fenced = []
        for partition in self.partitions:
            partition.crash(self.driver.store.durable)
            partition.stamp(0)
        self.idempotent = [
            producer
            for producer in self.idempotent
            if any(partition.sequences(producer) for partition in self.partitions)
        ]
        self._consume("c1", 3, False)

    # What must always be true.

    @invariant()
    def offsets_match(self) -> None:
        durable = self.driver.broker.durable_position
        if not self.partitions:
            return
        for partition, real in zip(self.partitions, self._topic().partitions, strict=True):
            log = real.log
            assert (log.start_offset, log.visible_end, log.next_offset) == (
                partition.start,
                max(partition.visible_end(durable), partition.start),
                partition.next_offset,
            )
            assert real.stable_end == partition.stable_end(durable)

    @invariant()
    def memory_adds_up(self) -> None:
        logs = [queue.log for queue in self.driver.broker.catalog.logs.values()]
        assert sum(int(log.tail_cost) for log in logs) == self.driver.broker.core.tail_bytes
        for log in logs:
            assert log.tail_cost == sum(int(held.cost) for held in log.tail)


# HYPOTHESIS_PROFILE=long is for the night.
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
TopicMachine.TestCase.settings = settings(
    max_examples=5000 if LONG else 50,
    stateful_step_count=120 if LONG else 50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
)
TestTopics = TopicMachine.TestCase


# Planted bugs. They stand in the store and in the client, not in the engine: the compiled broker is tested too.


class LosesConfirmed(FakeStore):
    """Reports the last commit durable and loses it in a crash."""

    def crash(self, extra: int = 0) -> Disk:
        disk = super().crash(0)
        disk.commits.pop(self.durable, None)
        return disk


class LosesSpilled(FakeStore):
    """Loses a spilled batch whenever one is asked for."""

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        self.spilled[log_id] = self.spilled.get(log_id, [])[1:]
        super().load(ticket, log_id, offset, bytes_max)


class ForgetsProducers(FakeStore):
    """A snapshot without the producers: sequences, open and aborted transactions are gone after a restart."""

    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        state = unpack(snapshot)
        logs = state["logs"]
        assert isinstance(logs, dict)
        for saved in logs.values():
            saved["state"].pop("producers", None)
        super().checkpoint(ticket, position, pack(state))


class RepeatsItself(TopicMachine):
    """A producer that takes a new number after each lost answer, and so writes its records twice."""

    @precondition(lambda self: self.idempotent)
    @rule(drawn=PARTITIONS, data=st.data())
    def send_again(self, drawn: int, data: st.DataObject) -> None:
        index = self._index(drawn)
        partition = self.partitions[index]
        written = [piece for piece in partition.pieces if piece.data is not None and not piece.transactional]
        if written:
            again = data.draw(st.sampled_from(written)).data
            assert again is not None
            self._produce(index, again)


class SettlesTwice(TopicMachine):
    """A client whose release counts twice."""

    @precondition(lambda self: self.held)
    @rule(data=st.data(), failed=st.booleans())
    def settle(self, data: st.DataObject, failed: bool) -> None:
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


@pytest.mark.parametrize("store", [LosesConfirmed, LosesSpilled, ForgetsProducers])
def test_finds_a_planted_bug_of_the_store(store: type[FakeStore]) -> None:
    with pytest.raises((AssertionError, Refusal)):
        run_state_machine_as_test(type("Planted", (TopicMachine,), {"store_class": store}), settings=PLANTED)


@pytest.mark.parametrize("machine", [RepeatsItself, SettlesTwice])
def test_finds_a_planted_bug_of_a_client(machine: type[TopicMachine]) -> None:
    with pytest.raises((AssertionError, KeyError, Refusal)):
        run_state_machine_as_test(machine, settings=PLANTED)
