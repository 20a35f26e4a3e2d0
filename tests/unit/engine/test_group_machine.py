"""Queues that group, beside the obvious: one list of records in order, searched from its beginning each time.

What is tried: sends (some delayed), receives of several, settling and changing by handle, a consumer with a window, single gets, rejecting
and releasing, purges, time, crashes and clean restarts, with all records in memory and with most of them spilled.
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

from engine_driver import Driver, RecordingSink
from onemq.engine.order_group import OrderGroup
from onemq.engine.order_groups import OrderGroups
from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.engine.redrive_selection import Selection
from onemq.engine.settings import EngineSettings
from onemq.model.entities import FAIR_GROUPS, STRICT_GROUPS, QueueSettings
from onemq.model.record import Record

KEYS = [None, b"a", b"b", b"c"]
READY, LEASED, HELD, LATER = "ready", "leased", "held", "later"


class Waiter(ReceiveWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Received] | None = None

    def received(self, found: list[Received]) -> None:
        self.found = found


class Row:
    """A record that is not settled. until: end of its lease, or when it is ready."""

    def __init__(self, value: bytes, key: bytes | None) -> None:
        self.value = value
        self.key = key
        self.state = READY
        self.until = 0
        self.attempts = 0

    def out(self) -> bool:
        return self.state in (LEASED, HELD)


class Naive:
    """The model."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.rows: list[Row] = []

    def outs(self, row: Row) -> int:
        if row.key is None:
            return 0
        return sum(1 for other in self.rows if other.key == row.key and other.out())

    def heads(self) -> list[Row]:
        """Of each group the first that may be given as far as its group is concerned."""
        found: list[Row] = []
        seen: set[bytes] = set()
        for row in self.rows:
            if row.key is not None and row.key in seen:
                continue
            if row.state == READY or (self.strict and row.state == LATER):
                if row.key is not None:
                    seen.add(row.key)
                if row.state == READY:
                    found.append(row)
        return found

    def behind_others(self, row: Row, taken: list[Row]) -> bool:
        """Strict: something of the group that stands before the row is with somebody else."""
        before = self.rows[: self.rows.index(row)]
        return any(each.out() and each.key == row.key and each not in taken for each in before)

    def movable(self, row: Row) -> bool:
        """Nothing of a strict group that stands before it is with somebody or put off."""
        if row.state != READY or row.key is None or not self.strict:
            return row.state == READY
        before = self.rows[: self.rows.index(row)]
        return not any(each.key == row.key and each.state != READY for each in before)

    def next(self, current: bytes | None = None, taken: list[Row] | None = None) -> Row | None:
        heads = self.heads()
        if self.strict:
            mine = taken or []
            heads = [row for row in heads if row.key is None or not self.behind_others(row, mine)]
            for row in heads:
                if row.key is not None and row.key == current:
                    return row
            # What this one receive has of another group counts as out, once it has gone on.
            heads = [row for row in heads if row.key is None or not self.behind_others(row, [])]
            return heads[0] if heads else None
        return min(heads, key=lambda row: (self.outs(row), self.rows.index(row)), default=None)

    def receive(self, count: int, until: int) -> list[Row]:
        taken: list[Row] = []
        current = None
        while len(taken) < count:
            row = self.next(current, taken)
            if row is None:
                break
            row.state, row.until = LEASED, until
            row.attempts += 1
            current = row.key
            taken.append(row)
        return taken

    def moments(self, end: int) -> list[int]:
        return sorted({row.until for row in self.rows if row.state in (LEASED, LATER) and row.until <= end})

    def ripen(self, now: int) -> None:
        for row in self.rows:
            if row.state in (LEASED, LATER) and row.until <= now:
                row.state = READY


class GroupMachine(RuleBasedStateMachine):
    @initialize(
        grouping=st.sampled_from([STRICT_GROUPS, FAIR_GROUPS]), spilled=st.booleans(), old=st.booleans()
    )
    def begin(self, grouping: str, spilled: bool, old: bool) -> None:
        bounds = EngineSettings(tail_bytes_max=800, spill_bytes=800, load_bytes=300) if spilled else None
        self.spilled = spilled
        self.driver = Driver(bounds)
        chosen = QueueSettings()
        chosen.grouping = grouping
        if old:
            # Far off: what is oldest is looked at all the same.
            chosen.message_ttl_ms = 10**9
        self.driver.declare("q", chosen)
        self.driver.declare("to")
        self.driver.settle_down()
        self.model = Naive(grouping == STRICT_GROUPS)
        self.handles: list[tuple[Row, Received, int]] = []
        self.sink = RecordingSink()
        self.consuming = False
        self.room = 0
        self.got: list[tuple[Row, object]] = []
        self.number = 0

    # What a consumer takes by itself.

    def settle(self) -> None:
        self.driver.settle_down()
        self.model.ripen(self.driver.now_ms)
        self.dispatch()
        self.check_sink()

    def dispatch(self) -> None:
        while self.consuming and sum(1 for row, _ in self.got if row.state == HELD) < self.room:
            row = self.model.next()
            if row is None:
                return
            row.state = HELD
            self.got.append((row, None))

    def check_sink(self) -> None:
        expected = [row.value for row, delivery in self.got if delivery is None]
        assert self.sink.values == expected
        fresh = iter(self.sink.held)
        self.got = [(row, next(fresh) if delivery is None else delivery) for row, delivery in self.got]
        for row, delivery in self.got:
            assert delivery.attempts == row.attempts  # type: ignore[attr-defined]
        self.sink.values.clear()
        self.sink.held.clear()

    @rule(
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=6),
        delay=st.sampled_from([0, 0, 0, 50, 200]),
    )
    def send(self, keys: list[bytes | None], delay: int) -> None:
        driver = self.driver
        driver.broker.begin_turn(driver.now_ms)
        for key in keys:
            self.number += 1
            record = Record(b"%d" % self.number, driver.access.route("", "q").address)
            record.key = key
            record.headers = [("third", b"%d" % (self.number % 3))]
            row = Row(record.value or b"", key)
            if delay:
                record.not_before_ms = driver.now_ms + delay
                row.state, row.until = LATER, driver.now_ms + delay
            driver.access.publish(driver.access.route("", "q"), record)
            self.model.rows.append(row)
        self.settle()

    @precondition(lambda self: self.model.rows)
    @rule(count=st.integers(1, 5), visibility=st.sampled_from([100, 300, 1000]))
    def receive(self, count: int, visibility: int) -> None:
        driver = self.driver
        waiter = Waiter()
        driver.broker.begin_turn(driver.now_ms)
        until = driver.now_ms + visibility
        driver.access.leases.receive("q", Receive(count, visibility, 0), waiter)
        driver.settle_down()
        if waiter.found is None:
            # It waits for a load of something that a consumer took, or cannot be given.
            assert self.spilled and self.model.next() is None
            driver.access.leases.forget("q", waiter)
            return
        found = waiter.found
        if self.spilled:
            # It ends where a record has to be loaded.
            assert found or self.model.next() is None
            count = min(count, len(found))
        rows = self.model.receive(count, until)
        assert [each.record.value for each in found] == [row.value for row in rows]
        for row, each in zip(rows, found, strict=True):
            assert each.attempts == row.attempts
            self.handles.append((row, each, row.attempts))
        self.settle()

    def stands(self, row: Row, attempt: int) -> bool:
        return row in self.model.rows and row.state in (LEASED, READY) and row.attempts == attempt

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        row, each, attempt = self.handles.pop(data.draw(st.integers(0, len(self.handles) - 1)))
        stands = self.stands(row, attempt)
        assert self.driver.access.leases.settle("q", each.handle) == stands
        if stands:
            self.model.rows.remove(row)
        self.settle()

    @precondition(lambda self: self.model.rows and not self.consuming)
    @rule(data=st.data(), count=st.integers(1, 3))
    def settle_late(self, data: st.DataObject, count: int) -> None:
        """By the handle of what has come back by the clock."""
        before = len(self.handles)
        self.receive(count, 50)
        self.wait(50)
        late = self.handles[before:]
        if late:
            row, each, attempt = data.draw(st.sampled_from(late))
            stands = self.stands(row, attempt)
            assert self.driver.access.leases.settle("q", each.handle) == stands
            if stands:
                self.model.rows.remove(row)
        self.settle()

    @precondition(lambda self: self.handles)
    @rule(data=st.data(), visibility=st.sampled_from([0, 0, 50, 500]))
    def change(self, data: st.DataObject, visibility: int) -> None:
        row, each, attempt = data.draw(st.sampled_from(self.handles))
        if not (self.stands(row, attempt) and row.state == LEASED):
            return
        self.driver.access.leases.change("q", each.handle, visibility)
        row.until = self.driver.now_ms + visibility
        self.settle()

    @rule(milliseconds=st.sampled_from([1, 49, 50, 100, 250, 1000]))
    def wait(self, milliseconds: int) -> None:
        end = self.driver.now_ms + milliseconds
        for moment in self.model.moments(end):
            if moment > self.driver.now_ms:
                self.driver.pass_time(moment - self.driver.now_ms)
            self.settle()
        self.driver.pass_time(end - self.driver.now_ms)
        self.settle()

    @rule(room=st.integers(1, 3))
    def consume(self, room: int) -> None:
        if not self.consuming:
            self.driver.consume("q", self.sink, limit=room)
            self.consuming, self.room = True, room
            self.settle()

    @rule()
    def leave(self) -> None:
        """The consumer's channel ends: what it has goes back."""
        self.driver.access.close_sink(self.sink)
        self.lose_consumer()
        self.settle()

    def lose_consumer(self) -> None:
        for row, _ in self.got:
            if row.state == HELD:
                row.state = READY
                row.attempts += 1
        self.got = []
        self.consuming = False
        self.sink = RecordingSink()

    @precondition(lambda self: self.got)
    @rule(data=st.data(), how=st.sampled_from(["accept", "reject", "release"]))
    def answer(self, data: st.DataObject, how: str) -> None:
        at = data.draw(st.integers(0, len(self.got) - 1))
        row, delivery = self.got.pop(at)
        if how == "release":
            self.driver.access.release(delivery, False)  # type: ignore[arg-type]
            row.state = READY
            row.attempts += 1
        else:
            getattr(self.driver.access, how)(delivery)
            self.model.rows.remove(row)
        self.settle()

    @rule(third=st.sampled_from(["0", "1", "2"]), limit=st.sampled_from([0, 1, 3]))
    def move_some(self, third: str, limit: int) -> None:
        """A redrive of some takes them from wherever they stand."""
        fits = [row for row in self.model.rows if int(row.value) % 3 == int(third)]
        gone = [row for row in fits if self.model.movable(row)]
        if limit:
            gone = gone[:limit]
        self.driver.broker.begin_turn(self.driver.now_ms)
        self.driver.access.redrives.start("q", "to", None, Selection({"third": third}, 0, limit))
        self.driver.settle_down()
        assert self.driver.drain("to") == [row.value for row in gone]
        self.model.rows = [row for row in self.model.rows if row not in gone]
        self.settle()

    @rule(everything=st.booleans())
    def purge(self, everything: bool) -> None:
        states = (READY, LATER, LEASED) if everything else (READY,)
        gone = [row for row in self.model.rows if row.state in states]
        leases = self.driver.access.leases
        count = leases.purge("q") if everything else self.driver.access.queues.purge("q")
        assert count == len(gone)
        self.model.rows = [row for row in self.model.rows if row not in gone]
        self.settle()

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        if clean:
            # A stop takes turns in which consumers are served: its connections are closed before.
            self.driver.access.close_sink(self.sink)
            self.driver.restart()
            self.spilled = True
        else:
            self.driver.crash()
        # Leases whose time is over are so with the first look at the clock.
        self.driver.pass_time(1)
        self.lose_consumer()
        self.settle()

    @invariant()
    def counts(self) -> None:
        if not hasattr(self, "model"):
            return
        found = self.driver.access.leases.counts("q")
        rows = self.model.rows
        assert (int(found.ready), int(found.in_flight), int(found.delayed)) == (
            sum(1 for row in rows if row.state == READY),
            sum(1 for row in rows if row.out()),
            sum(1 for row in rows if row.state == LATER),
        )

    def teardown(self) -> None:
        """Everything can be had in the end, and nothing is left behind."""
        if not hasattr(self, "model"):
            return
        self.driver.access.close_sink(self.sink)
        self.lose_consumer()
        self.wait(2000)
        for _ in range(200):
            waiter = Waiter()
            self.driver.access.leases.receive("q", Receive(10, 10_000, 0), waiter)
            self.driver.settle_down()
            for each in waiter.found or []:
                rows = [row for row in self.model.rows if row.value == each.record.value]
                assert len(rows) == 1
                self.model.rows.remove(rows[0])
                self.driver.access.leases.settle("q", each.handle)
            if not self.model.rows:
                break
        assert self.model.rows == []
        self.driver.settle_down()
        ledger = self.driver.queue("q").ledger  # type: ignore[attr-defined]
        assert (int(ledger.ready_count), int(ledger.unsettled_bytes), dict(ledger.held)) == (0, 0, {})
        groups = ledger._groups
        assert (groups.by_key, groups.lent, groups.lapsed, groups.put_off) == ({}, {}, {}, {})


SETTINGS = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestGroups = GroupMachine.TestCase
TestGroups.settings = SETTINGS

SHORT = settings(SETTINGS, max_examples=200, phases=[Phase.generate], database=None, derandomize=True)


def to_the_end(self: OrderGroups, key: bytes, offset: int) -> None:
    """A planted bug: what is given back goes behind the others of its group."""
    group = self.group(key)
    group.append(offset)
    group.waiting += 1
    self._offer(group)


def never_out(self: OrderGroups, key: bytes, offset: int) -> None:
    """A planted bug: a group with a record out gives others."""
    self.lent[offset] = self.group(key)
    self._offer(self.group(key))
    self.group(key).out += 0


def forgets(self: OrderGroup, offset: int) -> None:
    """A planted bug: what is settled after its time is delivered again."""


@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [
        (OrderGroups, "give_back", to_the_end),
        (OrderGroups, "lend", never_out),
        (OrderGroup, "strike", forgets),
    ],
)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, bug: object) -> None:
    if not hasattr(getattr(owner, name), "__code__"):
        pytest.skip("compiled classes cannot be changed")
    monkeypatch.setattr(owner, name, bug)
    with pytest.raises(Exception):  # noqa: B017 - any failure is a finding
        run_state_machine_as_test(GroupMachine, settings=SHORT)
