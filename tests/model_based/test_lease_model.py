"""A queue with leases by time beside the obvious: one list of records, searched from its beginning each time.

What is tried: sends (transient, delayed, with priorities), receives of several, settling and changing in time and late, a consumer that
accepts, rejects, releases and goes, single gets, purges, time, crashes and clean restarts, with all records in memory and with most of
them spilled. The last test plants bugs that must be found.
"""

from __future__ import annotations

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
from librt.strings import BytesWriter

from engine_driver import Driver, RecordingSink
from onemq.engine.consumption import Consumer, Delivery
from onemq.engine.leasing import GONE, LAPSED, LEASED, TAKEN
from onemq.engine.ledger import Ledger
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.receiving import LeaseHandle, Receive, Received, ReceiveWaiter
from onemq.engine.settings import EngineSettings
from onemq.engine.timed_leases import TimedLeases
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Refusal

READY, OUT, HELD, LATER = "ready", "out", "held", "later"
OPERATIONS = settings(
    max_examples=250,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

PLANTED = settings(OPERATIONS, max_examples=1000, derandomize=True, database=None, phases=[Phase.generate])


class Waiter(ReceiveWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.answers: list[list[Received]] = []

    def received(self, found: list[Received]) -> None:
        self.answers.append(found)


class Row:
    """A record that is not settled. until: end of its lease, or when it is ready."""

    def __init__(self, value: bytes, priority: int, durable: bool) -> None:
        self.value = value
        self.priority = priority
        self.durable = durable
        self.state = READY
        self.until = 0
        self.attempts = 0
        self.handle: LeaseHandle | None = None
        """Of the last one who got it, when that was with a time."""


class LeaseMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.handles: list[tuple[Row, LeaseHandle]] = []
        self.held: list[tuple[Row, Delivery, RecordingSink]] = []
        self.names = 0
        self.priority_max = 0
        self.topic = False
        self.sink: RecordingSink | None = None
        self.consumer: Consumer | None = None
        self.seen = 0
        self.driver = Driver()

    @initialize(spilled=st.booleans(), priorities=st.booleans(), topic=st.booleans())
    def begin(self, spilled: bool, priorities: bool, topic: bool) -> None:
        """topic: one of the queue's name has taken over the log, which keeps everything."""
        if spilled:
            self.driver = Driver(
                EngineSettings(tail_bytes_max=200, journal_bytes_max=2500, spill_bytes=100, load_bytes=200)
            )
        wanted = QueueSettings()
        self.priority_max = 2 if priorities else 0
        wanted.priority_max = self.priority_max
        self.driver.declare("q", wanted)
        self.topic = topic
        if topic:
            self.driver.access.topics.find("q")
        self.driver.settle_down()

    # The model.

    def ready(self) -> list[Row]:
        """In the order in which they are given."""
        rows = [row for row in self.rows if row.state == READY]
        return sorted(rows, key=lambda row: -min(row.priority, self.priority_max))

    def give(self, row: Row, handle: LeaseHandle | None, until: int) -> None:
        row.state = HELD if handle is None else OUT
        row.handle = handle
        row.until = until
        row.attempts += 1

    def clock(self) -> None:
        """What is due is ready."""
        for row in self.rows:
            if row.state in (OUT, LATER) and row.until <= self.driver.now_ms:
                row.state = READY

    def gone(self, row: Row) -> None:
        self.rows.remove(row)

    def serve(self) -> None:
        """The broker comes to rest: its consumer has been given what the model says."""
        self.driver.settle_down()
        self.clock()
        sink = self.sink
        if sink is None:
            return
        while self.seen < len(sink.values):
            ready = self.ready()
            assert ready, f"{sink.values[self.seen]!r} delivered, and nothing is ready"
            row = ready[0]
            assert sink.values[self.seen] == row.value
            assert sink.attempts[self.seen] == row.attempts
            delivery = sink.held[self.seen]
            self.give(row, None, 0)
            self.held.append((row, delivery, sink))
            self.seen += 1
        if self.consumer is not None and sum(held[2] is sink for held in self.held) < 2:
            assert not self.ready(), "a consumer with room is not given what is ready"

    # What clients do.

    @rule(
        priorities=st.lists(st.integers(0, 3), min_size=1, max_size=4),
        transient=st.booleans(),
        delay_ms=st.sampled_from([0, 0, 0, 40]),
    )
    def send(self, priorities: list[int], transient: bool, delay_ms: int) -> None:
        for priority in priorities:
            self.names += 1
            row = Row(b"%d " % self.names + bytes(60), priority, self.topic or not transient)
            self.driver.publish("q", row.value, volatile=transient, priority=priority, delay_ms=delay_ms)
            if delay_ms:
                row.state = LATER
                row.until = self.driver.now_ms + delay_ms
            self.rows.append(row)
        self.serve()

    @rule(count=st.integers(1, 4), visibility_ms=st.sampled_from([0, 30, 30, 100]))
    def receive(self, count: int, visibility_ms: int) -> None:
        waiter = Waiter()
        self.driver.broker.begin_turn(self.driver.now_ms)
        self.driver.access.leases.receive("q", Receive(count, visibility_ms), waiter)
        self.driver.settle_down()
        (found,) = waiter.answers
        ready = self.ready()
        if ready:
            assert found, "nothing was received, and something is ready"
        for each, row in zip(found, ready, strict=False):
            assert each.record.value == row.value
            handle = each.handle
            self.give(row, handle, self.driver.now_ms + visibility_ms)
            assert each.attempts == row.attempts
            self.handles.append((row, handle))
        assert len(found) <= min(count, len(ready))
        self.serve()

    def holds(self, row: Row, handle: LeaseHandle) -> bool:
        return row in self.rows and row.handle is handle

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        row, handle = data.draw(st.sampled_from(self.handles))
        holds = self.holds(row, handle)
        self.driver.broker.begin_turn(self.driver.now_ms)
        assert self.driver.access.leases.settle("q", handle) is holds
        assert not self.driver.access.leases.settle("q", handle)
        if holds:
            self.gone(row)
        self.serve()

    @precondition(lambda self: self.handles)
    @rule(data=st.data(), visibility_ms=st.sampled_from([0, 20, 200]))
    def change(self, data: st.DataObject, visibility_ms: int) -> None:
        row, handle = data.draw(st.sampled_from(self.handles))
        self.driver.broker.begin_turn(self.driver.now_ms)
        if not self.holds(row, handle):
            with pytest.raises(Refusal):
                self.driver.access.leases.change("q", handle, visibility_ms)
            return
        self.driver.access.leases.change("q", handle, visibility_ms)
        row.state = OUT
        row.until = self.driver.now_ms + visibility_ms
        self.serve()

    @precondition(lambda self: self.consumer is None)
    @rule()
    def consume(self) -> None:
        self.sink = RecordingSink()
        self.seen = 0
        self.consumer = self.driver.consume("q", self.sink, limit=2)
        self.serve()

    @precondition(lambda self: self.consumer is not None)
    @rule(closes=st.booleans())
    def leave(self, closes: bool) -> None:
        """The consumer is cancelled, and perhaps its channel goes as well."""
        assert self.consumer is not None and self.sink is not None
        self.driver.access.cancel(self.consumer)
        sink = self.sink
        self.consumer = self.sink = None
        if closes:
            self.driver.access.close_sink(sink)
            for row, _, _ in [held for held in self.held if held[2] is sink]:
                row.state = READY
            self.held = [held for held in self.held if held[2] is not sink]
        self.serve()

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["accept", "reject", "release", "failed"]))
    def end(self, data: st.DataObject, how: str) -> None:
        place = data.draw(st.integers(0, len(self.held) - 1))
        row, delivery, _ = self.held.pop(place)
        self.driver.broker.begin_turn(self.driver.now_ms)
        access = self.driver.access
        if how == "accept":
            access.accept(delivery)
        elif how == "reject":
            access.reject(delivery)
        else:
            access.release(delivery, how == "failed")
        if how in ("accept", "reject"):
            self.gone(row)
        else:
            row.state = READY
        self.serve()

    @rule(no_ack=st.booleans())
    def get(self, no_ack: bool) -> None:
        sink = RecordingSink()
        waiter = self.driver.get("q", sink, no_ack=no_ack)
        self.driver.settle_down()
        ready = self.ready()
        result = waiter.result
        if not ready:
            assert result is None
            return
        assert result is not None and result.record.value == ready[0].value
        assert result.attempts == ready[0].attempts
        if no_ack:
            self.gone(ready[0])
        else:
            assert result.delivery is not None
            self.give(ready[0], None, 0)
            self.held.append((ready[0], result.delivery, sink))
        self.serve()

    @rule(chance=st.integers(0, 3))
    def purge(self, chance: int) -> None:
        if chance:
            return
        self.driver.broker.begin_turn(self.driver.now_ms)
        gone = [row for row in self.rows if row.state != HELD]
        assert self.driver.access.leases.purge("q") == len(gone)
        for row in gone:
            self.gone(row)
        self.serve()

    @rule(milliseconds=st.sampled_from([1, 10, 30, 100, 300]))
    def wait(self, milliseconds: int) -> None:
        """A deadline at a time, so that the consumer's order is known."""
        end = self.driver.now_ms + milliseconds
        while True:
            dues = [row.until for row in self.rows if row.state in (OUT, LATER) and row.until <= end]
            self.driver.pass_time((min(dues) if dues else end) - self.driver.now_ms)
            self.serve()
            if not dues:
                return

    @rule(clean=st.booleans(), chance=st.integers(0, 1))
    def stop(self, clean: bool, chance: int) -> None:
        if chance:
            return
        self.consumer = self.sink = None
        for row, _, _ in self.held:
            row.state = READY
        self.held = []
        if clean:
            self.driver.restart()
        else:
            self.driver.crash()
        # Handles of before and after a stop must not be of one and the same time.
        self.driver.now_ms += 1
        for row in [row for row in self.rows if not row.durable]:
            self.gone(row)
        self.wait(2)

    # What holds at any time.

    @invariant()
    def counts(self) -> None:
        counts = self.driver.access.leases.counts("q")
        wanted = [
            sum(row.state in states for row in self.rows) for states in ((READY,), (OUT, HELD), (LATER,))
        ]
        assert [counts.ready, counts.in_flight, counts.delayed] == wanted

    @invariant()
    def handles_say_what_they_are(self) -> None:
        for row, handle in self.handles:
            state = self.driver.access.leases.state("q", handle)
            if not self.holds(row, handle):
                assert state in (TAKEN, GONE)
            else:
                assert state == (LEASED if row.state == OUT else LAPSED)

    @invariant()
    def sums(self) -> None:
        queue = self.driver.queue("q")
        assert isinstance(queue, LedgerQueue)
        ledger = queue.ledger
        assert len(ledger.returns) <= len(self.rows)
        if self.topic:
            # Of what waits only averages are known.
            return
        assert ledger.unsettled_bytes == sum(len(row.value) for row in self.rows)
        assert ledger.ready_bytes() == sum(len(row.value) for row in self.rows if row.state == READY)


@pytest.mark.slow
def test_leases_are_as_the_model_says() -> None:
    run_state_machine_as_test(LeaseMachine, settings=OPERATIONS)


def written_nowhere(self: TimedLeases, facts: BytesWriter, log_id: int) -> None:
    """A planted bug: a crash ends leases."""


def handle_stays(self: TimedLeases, pairs: list[int]) -> None:
    """A planted bug: what a consumer got after a lease's time is leased after a crash."""


def still_there(self: Ledger, offset: int) -> None:
    """A planted bug: what is settled after its time is delivered again."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [
        (TimedLeases, "write_facts", written_nowhere),
        (TimedLeases, "replay_taken", handle_stays),
        (Ledger, "_strike", still_there),
    ],
)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, bug: object) -> None:
    if not hasattr(getattr(owner, name), "__code__"):
        pytest.skip("compiled classes cannot be changed")
    monkeypatch.setattr(owner, name, bug)
    with pytest.raises((AssertionError, KeyError, Refusal)):
        run_state_machine_as_test(LeaseMachine, settings=PLANTED)
