"""Transactions over real partitions and groups against a model: clients that come, are replaced, stall and come back; power that fails.

A reader of committed records sees exactly the committed ones, in order; the last stable offset never passes an open transaction;
an old epoch never gets anything in; offsets appear exactly with commits; what is not durable never happened, all of it or nothing.
The last tests plant bugs, to show that the machine finds them.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass, field

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

from engine_driver import Disk, FakeStore
from onemq.engine.facts import PART, FactReader, unpack
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.engine.parts import PART_TRANSACTIONS
from onemq.engine.settings import EngineSettings
from onemq.engine.topics.producers import Producers
from onemq.engine.transactions.participants import Participants
from onemq.model.refusal import Reason, Refusal
from transaction_driver import SPACE, TransactionDriver, batch

pytestmark = pytest.mark.slow

IDS = ("a", "b")
LOGS = (("orders", 0), ("orders", 1), ("bills", 0))
GROUP = "group"
TIMEOUT_MS = 60_000
Place = tuple[str, int]
CLIENTS = st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 5])
MOSTLY = st.sampled_from([True, True, True, False])

OPEN = "open"
COMMITTED = "committed"
ABORTED = "aborted"


@dataclass
class Client:
    """A producer as its program sees it: it may have been replaced without knowing."""

    name: str
    producer_id: int
    epoch: int
    sequences: dict[Place, int] = field(default_factory=dict)


@dataclass
class Entry:
    value: bytes
    offset: int
    state: str


@dataclass
class Transaction:
    started_ms: int
    logs: set[Place] = field(default_factory=set)
    group: bool = False
    offsets: dict[Place, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Model:
    clients: list[Client] = field(default_factory=list)
    owners: dict[str, tuple[int, int]] = field(default_factory=dict)
    open: dict[str, Transaction] = field(default_factory=dict)
    last_end: dict[str, bool] = field(default_factory=dict)
    logs: dict[Place, list[Entry]] = field(default_factory=lambda: {place: [] for place in LOGS})
    offsets: dict[Place, int] = field(default_factory=dict)

    def owns(self, client: Client) -> bool:
        return self.owners[client.name] == (client.producer_id, client.epoch)

    def end(self, name: str, commit: bool) -> None:
        transaction = self.open.pop(name)
        for entry in transaction.entries:
            entry.state = COMMITTED if commit else ABORTED
        if commit:
            self.offsets.update(transaction.offsets)
        self.last_end[name] = commit

    def fence(self, name: str) -> None:
        """Whoever has the open transaction loses it and its epoch."""
        producer_id, epoch = self.owners[name]
        self.owners[name] = (producer_id, epoch + 1)
        self.end(name, False)

    def committed(self, place: Place) -> list[bytes]:
        shown: list[bytes] = []
        for entry in self.logs[place]:
            if entry.state == OPEN:
                break
            if entry.state == COMMITTED:
                shown.append(entry.value)
        return shown


class TransactionMachine(RuleBasedStateMachine):
    store_class: type[FakeStore] = FakeStore

    def __init__(self) -> None:
        super().__init__()
        small = EngineSettings(tail_bytes_max=2500, journal_bytes_max=3000, spill_bytes=900, load_bytes=500)
        self.driver = TransactionDriver(small, store=self.store_class(Disk()), delay=1)
        self.model = Model()
        self.history: dict[int, Model] = {}
        self.values = 0
        self.driver.make_topic("orders", 2)
        self.driver.make_topic("bills", 1)
        self.driver.settle_down()
        self._opened()
        self._remember()

    def _opened(self) -> None:
        """For planted bugs: the broker has started."""

    def _remember(self) -> None:
        self.history[int(self.driver.broker.core.last_position)] = copy.deepcopy(self.model)

    def _did(self) -> None:
        """One request has been served: its turn ends."""
        self.driver.turn()
        self._remember()

    def _client(self, number: int) -> Client:
        """Counted from the newest."""
        return self.model.clients[-1 - number % len(self.model.clients)]

    def _expect(self, reason: Reason | None, work: Callable[[], object]) -> bool:
        """True when it was to succeed, and did."""
        try:
            work()
        except Refusal as refusal:
            assert refusal.reason == reason, f"{refusal.reason.name}, expected {reason}"
            return False
        assert reason is None, f"was served, expected {reason}"
        return True

    # Producers.

    @rule(name=st.sampled_from(IDS))
    def start(self, name: str) -> None:
        """A new process takes the id over."""
        grant = self.driver.transactions.initialise(name, TIMEOUT_MS)
        model = self.model
        if name in model.open:
            model.fence(name)
        if name in model.owners:
            producer_id, epoch = model.owners[name]
            assert (grant.producer_id, grant.epoch) == (producer_id, epoch + 1)
        else:
            assert grant.epoch == 0
            assert grant.producer_id not in [known for known, _ in model.owners.values()]
        model.owners[name] = (grant.producer_id, grant.epoch)
        model.last_end.pop(name, None)
        model.clients.append(Client(name, grant.producer_id, grant.epoch))
        self._did()

    @precondition(lambda self: self.model.clients)
    @rule(number=CLIENTS)
    def go_on(self, number: int) -> None:
        """A client that had an error asks for its next epoch."""
        client = self._client(number)
        model = self.model
        reason = None if model.owns(client) else Reason.PRODUCER_FENCED
        transactions = self.driver.transactions
        try:
            grant = transactions.initialise(client.name, TIMEOUT_MS, client.producer_id, client.epoch)
        except Refusal as refusal:
            assert refusal.reason == reason
            self._did()
            return
        assert reason is None
        if client.name in model.open:
            model.fence(client.name)
        producer_id, epoch = model.owners[client.name]
        assert (grant.producer_id, grant.epoch) == (producer_id, epoch + 1)
        again = transactions.initialise(client.name, TIMEOUT_MS, client.producer_id, client.epoch)
        assert (again.producer_id, again.epoch) == (grant.producer_id, grant.epoch), "asked twice"
        model.owners[client.name] = (grant.producer_id, grant.epoch)
        model.last_end.pop(client.name, None)
        client.epoch = grant.epoch
        client.sequences = {}
        self._did()

    def _begun(self, client: Client) -> Transaction:
        return self.model.open.setdefault(client.name, Transaction(self.driver.now_ms))

    @precondition(lambda self: self.model.clients)
    @rule(number=CLIENTS, places=st.lists(st.sampled_from(LOGS), min_size=1, max_size=2))
    def add(self, number: int, places: list[Place]) -> None:
        client = self._client(number)
        reason = None if self.model.owns(client) else Reason.PRODUCER_FENCED
        transactions = self.driver.transactions
        if self._expect(
            reason,
            lambda: transactions.add_partitions(client.name, client.producer_id, client.epoch, places),
        ):
            self._begun(client).logs.update(places)
        self._did()

    @precondition(lambda self: self.model.clients)
    @rule(number=CLIENTS)
    def add_group(self, number: int) -> None:
        client = self._client(number)
        reason = None if self.model.owns(client) else Reason.PRODUCER_FENCED
        transactions = self.driver.transactions
        if self._expect(
            reason, lambda: transactions.add_offsets(client.name, client.producer_id, client.epoch, GROUP)
        ):
            self._begun(client).group = True
        self._did()

    def _value(self) -> bytes:
        self.values += 1
        return b"%d" % self.values

    @precondition(lambda self: self.model.clients)
    @rule(
        number=CLIENTS,
        place=st.sampled_from(LOGS),
        count=st.integers(1, 3),
        adds=MOSTLY,
        end=st.sampled_from([None, None, None, True, False]),
    )
    def produce(self, number: int, place: Place, count: int, adds: bool, end: bool | None) -> None:
        """Records of a transaction, perhaps with its end in the same turn."""
        if adds:
            self.add(number, [place])
        client = self._client(number)
        transaction = self.model.open.get(client.name)
        reason: Reason | None = None
        if not self.model.owns(client):
            reason = Reason.PRODUCER_EPOCH_STALE
        elif transaction is None or place not in transaction.logs:
            reason = Reason.NOT_IN_TRANSACTION
        values = [self._value() for _ in range(count)]
        sequence = client.sequences.get(place, 0)
        data = batch(
            values,
            self.driver.now_ms,
            producer=client.producer_id,
            epoch=client.epoch,
            sequence=sequence,
            transactional=True,
        )
        topics = self.driver.topics
        before = self._end_of(place)
        if self._expect(reason, lambda: topics.produce(topics.find(place[0]), place[1], data, client.name)):
            assert transaction is not None
            client.sequences[place] = sequence + count
            entries = [Entry(value, before + at, OPEN) for at, value in enumerate(values)]
            self.model.logs[place].extend(entries)
            transaction.entries.extend(entries)
            if end is not None:
                self.driver.transactions.end(client.name, client.producer_id, client.epoch, end)
                self.model.end(client.name, end)
        else:
            assert self._end_of(place) == before, "refused, and got in"
        self._did()

    def _end_of(self, place: Place) -> int:
        topics = self.driver.topics
        return int(topics.partition(topics.find(place[0]), place[1]).log.next_offset)

    @rule(place=st.sampled_from(LOGS))
    def produce_plainly(self, place: Place) -> None:
        """A record outside of transactions."""
        value = self._value()
        topics = self.driver.topics
        appended = topics.produce(topics.find(place[0]), place[1], batch([value], self.driver.now_ms), None)
        self.model.logs[place].append(Entry(value, int(appended.base_offset), COMMITTED))
        self._did()

    @precondition(lambda self: self.model.clients)
    @rule(number=CLIENTS, place=st.sampled_from(LOGS), offset=st.integers(0, 99), adds=MOSTLY)
    def commit_offset(self, number: int, place: Place, offset: int, adds: bool) -> None:
        if adds:
            self.add_group(number)
        client = self._client(number)
        transaction = self.model.open.get(client.name)
        reason: Reason | None = None
        if not self.model.owns(client):
            reason = Reason.PRODUCER_EPOCH_STALE
        elif transaction is None or not transaction.group:
            reason = Reason.NOT_IN_TRANSACTION
        transactions = self.driver.transactions
        if self._expect(
            reason,
            lambda: transactions.check_offsets(client.name, client.producer_id, client.epoch, GROUP),
        ):
            assert transaction is not None
            commits = [Commit(place[0], place[1], offset)]
            self.driver.groups.commit_transactional(GROUP, client.producer_id, commits, Membership())
            assert commits[0].refused is None
            transaction.offsets[place] = offset
        self._did()

    @precondition(lambda self: self.model.clients)
    @rule(number=CLIENTS, commit=st.booleans())
    def end(self, number: int, commit: bool) -> None:
        client = self._client(number)
        model = self.model
        reason: Reason | None = None
        if not model.owns(client):
            reason = Reason.PRODUCER_FENCED
        elif client.name not in model.open and model.last_end.get(client.name) != commit:
            reason = Reason.TRANSACTION_STATE
        transactions = self.driver.transactions
        served = self._expect(
            reason, lambda: transactions.end(client.name, client.producer_id, client.epoch, commit)
        )
        if served and client.name in model.open:
            model.end(client.name, commit)
        self._did()

    # The world.

    @rule(milliseconds=st.sampled_from([1000, 30_000, 61_000]))
    def pass_time(self, milliseconds: int) -> None:
        self.driver.pass_time(milliseconds)
        for name, transaction in list(self.model.open.items()):
            if self.driver.now_ms >= transaction.started_ms + TIMEOUT_MS:
                self.model.fence(name)
        self._remember()

    @rule()
    def restart(self) -> None:
        self.driver.restart()
        self._opened()
        self.history.clear()
        self._remember()

    @rule(extra=st.integers(0, 2))
    def crash(self, extra: int) -> None:
        self.driver.crash(extra)
        self._opened()
        self.model = copy.deepcopy(self.history[int(self.driver.broker.core.last_position)])
        self.history.clear()
        self._remember()

    @rule()
    def read(self) -> None:
        self.driver.settle_down()
        for place in LOGS:
            assert self.driver.read(*place, True) == self.model.committed(place), f"committed of {place}"
            everything = [entry.value for entry in self.model.logs[place]]
            assert self.driver.read(*place, False) == everything, f"all of {place}"
            assert self._stable_end(place) == self._first_open(place, self._end_of(place))
        book = self.driver.broker.groups.book
        for topic, index in LOGS:
            found = book.find((SPACE, GROUP), topic, index)
            offset = None if found is None else int(found.offset)
            assert offset == self.model.offsets.get((topic, index)), f"offset of {topic} {index}"

    def _stable_end(self, place: Place) -> int:
        topics = self.driver.topics
        return int(topics.partition(topics.find(place[0]), place[1]).stable_end)

    def _first_open(self, place: Place, end: int) -> int:
        return min((entry.offset for entry in self.model.logs[place] if entry.state == OPEN), default=end)

    @invariant()
    def nothing_open_is_stable(self) -> None:
        for place in LOGS:
            assert self._stable_end(place) <= self._first_open(place, self._end_of(place))

    def teardown(self) -> None:
        self.read()


EXAMPLES = int(os.environ.get("ONEMQ_MODEL_EXAMPLES", "60"))


def run(machine: type[TransactionMachine], *, examples: int, shrink: bool = True) -> None:
    phases = (Phase.explicit, Phase.generate, *((Phase.shrink,) if shrink else ()))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )


def test_transactions_against_the_model() -> None:
    run(TransactionMachine, examples=EXAMPLES)


# Planted bugs.


class ForgetfulStore(FakeStore):
    """Loses the facts that say what joined a transaction."""

    def append(self, facts: bytes) -> int:
        kept = bytearray()
        reader = FactReader(facts)
        at = 0
        while reader.next():
            fact = facts[at : reader.end]
            at = int(reader.end)
            if reader.kind == PART and reader.data[reader.start] == PART_TRANSACTIONS:
                if unpack(reader.body(1))["op"] == "join":
                    continue
            kept += fact
        return super().append(bytes(kept))


class Forgetful(TransactionMachine):
    store_class = ForgetfulStore


class Lies(Participants):
    """Passes on, but for what a subclass changes."""

    def __init__(self, truth: Participants) -> None:
        self.truth = truth

    def topic_id(self, namespace: str, topic: str, index: int) -> bytes:
        return self.truth.topic_id(namespace, topic, index)

    def topic_name(self, topic_id: bytes) -> str:
        return self.truth.topic_name(topic_id)

    def end_in_partition(
        self, topic_id: bytes, index: int, producer_id: int, epoch: int, commit: bool, coordinator_epoch: int
    ) -> None:
        self.truth.end_in_partition(topic_id, index, producer_id, epoch, commit, coordinator_epoch)

    def producers(self, namespace: str, topic: str, index: int) -> Producers | None:
        return self.truth.producers(namespace, topic, index)

    def end_in_groups(self, producer_id: int, commit: bool) -> None:
        self.truth.end_in_groups(producer_id, commit)


class CommitsAborted(Lies):
    def end_in_partition(
        self, topic_id: bytes, index: int, producer_id: int, epoch: int, commit: bool, coordinator_epoch: int
    ) -> None:
        self.truth.end_in_partition(topic_id, index, producer_id, epoch, True, coordinator_epoch)


class ForgetsPartition(Lies):
    def end_in_partition(
        self, topic_id: bytes, index: int, producer_id: int, epoch: int, commit: bool, coordinator_epoch: int
    ) -> None:
        if index == 0:
            super().end_in_partition(topic_id, index, producer_id, epoch, commit, coordinator_epoch)


class CommitsOffsetsAnyway(Lies):
    def end_in_groups(self, producer_id: int, commit: bool) -> None:
        self.truth.end_in_groups(producer_id, True)


@pytest.mark.parametrize("lies", [CommitsAborted, ForgetsPartition, CommitsOffsetsAnyway])
def test_planted_bugs_at_the_end_of_a_transaction_are_found(lies: type[Lies]) -> None:
    class Lying(TransactionMachine):
        def _opened(self) -> None:
            transactions = self.driver.broker.transactions
            transactions.participants = lies(transactions.participants)

    with pytest.raises(AssertionError):
        run(Lying, examples=200, shrink=False)


def test_a_lost_fact_is_found() -> None:
    with pytest.raises((AssertionError, KeyError)):
        run(Forgetful, examples=200, shrink=False)
