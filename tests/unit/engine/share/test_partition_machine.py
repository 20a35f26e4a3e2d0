"""A share partition against a model that has an entry for every record: any order of producing, fetching, answering, silence, lost
connections, deleted records and restarts, with the log partly on disk.

No record is held by two; nobody is given what is held, waits or is done with; deliveries are counted across restarts; what may be
given is given; what is rejected or at its limit is in the dead-letter topic, once. The last tests plant bugs, to show that the
machine finds them.
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

from onemq.engine.share.dead_letters import MESSAGE_LIMIT, MESSAGE_REJECTED
from onemq.engine.share.partition import ACCEPT, GAP, REJECT, RELEASE, RENEW, SharePartition
from onemq.engine.share.records import ACQUIRED, AVAILABLE, Run
from onemq.model.refusal import Reason, Refusal
from unit.engine.share.world import DEAD, LOCK_MS, World

pytestmark = pytest.mark.slow

MEMBERS = ["anna", "bert", "cleo"]
LIMIT = 3
LOCKS_MAX = 100
MEMBER = st.sampled_from(MEMBERS)


class Entry:
    """What the model knows of one record."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.holder = ""
        self.until_ms = 0
        self.done = False


class ShareMachine(RuleBasedStateMachine):
    """See the module."""

    world: World

    @initialize(delay_ms=st.sampled_from([0, 0, 7_000]), dead=st.booleans())
    def begin(self, delay_ms: int, dead: bool) -> None:
        config = {"onemq.delivery.limit": str(LIMIT), "onemq.retry.delay.ms": str(delay_ms)}
        if dead:
            config["onemq.dead.letter.topic"] = DEAD
        self.delay_ms = delay_ms
        self.dead = dead
        self.world = World(
            {**config, "onemq.retry.delay.max.ms": "10000"},
            {"share.partition.max.record.locks": str(LOCKS_MAX)},
            tail_bytes=600,
        )
        self.entries: list[Entry] = []
        self.start = 0
        self.expected_dead: list[tuple[int, int, str]] = []
        self.world.member(MEMBERS[0])
        self.world.settle_down()
        self.produce(12)
        self.fetch(MEMBERS[1], 5, False)

    # The model.

    def expire(self) -> None:
        """What time does: to be called after it has gone by, in steps smaller than any delay."""
        now = self.world.now_ms
        for offset, entry in enumerate(self.entries):
            if entry.holder and entry.until_ms <= now:
                self.come_back(offset, entry, entry.until_ms)

    def come_back(self, offset: int, entry: Entry, at_ms: int) -> None:
        entry.holder = ""
        if entry.deliveries >= LIMIT:
            self.die(offset, entry, MESSAGE_LIMIT)
        else:
            entry.until_ms = at_ms + min(self.delay_ms * entry.deliveries, 10_000) if self.delay_ms else 0

    def die(self, offset: int, entry: Entry, why: str) -> None:
        if self.dead:
            self.expected_dead.append((offset, entry.deliveries, why))
        entry.done = True
        entry.holder = ""

    def held_by(self, member: str) -> list[int]:
        return [
            offset
            for offset, entry in enumerate(self.entries)
            if entry.holder == member and offset >= self.start
        ]

    def window_end(self) -> int:
        """Behind the last offset that may be held now."""
        for offset in range(self.start, len(self.entries)):
            if not self.entries[offset].done:
                return offset + LOCKS_MAX
        return len(self.entries) + LOCKS_MAX

    def may_be_given(self) -> list[int]:
        end = self.window_end()
        return [
            offset
            for offset, entry in enumerate(self.entries)
            if self.start <= offset < end
            and not entry.done
            and not entry.holder
            and entry.until_ms <= self.world.now_ms
        ]

    # Rules.

    @rule(count=st.integers(1, 30))
    def produce(self, count: int) -> None:
        base = self.world.produce(*[b"value %d" % number for number in range(count)])
        assert base == len(self.entries)
        self.entries.extend(Entry() for _ in range(count))

    @rule(member=MEMBER, records_max=st.integers(1, 40), whole=st.booleans())
    def fetch(self, member: str, records_max: int, whole: bool) -> None:
        allowed = self.may_be_given()
        given = self.world.fetch(member, records_max, whole=whole).deliveries
        assert set(given) <= set(allowed), "given what is not to be given"
        assert bool(given) == bool(allowed), "nothing was given, though there is something"
        assert whole or len(given) <= records_max
        assert list(given) == allowed[: len(given)], "not the first ones"
        for offset, deliveries in given.items():
            entry = self.entries[offset]
            entry.deliveries += 1
            assert deliveries == entry.deliveries
            entry.holder = member
            entry.until_ms = self.world.now_ms + LOCK_MS

    @precondition(lambda self: any(entry.holder for entry in self.entries))
    @rule(
        data=st.data(),
        kinds=st.lists(st.sampled_from([GAP, ACCEPT, RELEASE, REJECT, RENEW]), min_size=1, max_size=8),
    )
    def answer(self, data: st.DataObject, kinds: list[int]) -> None:
        members = [member for member in MEMBERS if self.held_by(member)]
        if not members:
            return
        member = data.draw(st.sampled_from(members))
        held = self.held_by(member)
        first = data.draw(st.sampled_from(held))
        last = first
        while last + 1 in held and last + 1 - first < len(kinds):
            last += 1
        kinds = kinds[: last + 1 - first]
        if len(kinds) != last + 1 - first:
            kinds = kinds[:1]
        self.world.say(member, first, last, *kinds)
        for offset in range(first, last + 1):
            self.settle(offset, kinds[0] if len(kinds) == 1 else kinds[offset - first])

    def settle(self, offset: int, kind: int) -> None:
        entry = self.entries[offset]
        if kind == RELEASE:
            self.come_back(offset, entry, self.world.now_ms)
        elif kind == REJECT:
            self.die(offset, entry, MESSAGE_REJECTED)
        elif kind == RENEW:
            entry.until_ms = self.world.now_ms + LOCK_MS
        else:
            entry.holder = ""
            entry.done = True

    @rule(member=MEMBER, data=st.data(), length=st.integers(1, 5))
    def answer_for_another(self, member: str, data: st.DataObject, length: int) -> None:
        """One of the records is not the member's: all is refused, nothing changes."""
        if len(self.entries) <= self.start:
            return
        first = data.draw(st.integers(self.start, len(self.entries) - 1))
        last = first + length - 1
        held = self.held_by(member)
        if all(offset in held for offset in range(first, last + 1)):
            return
        front = next(
            (at for at in range(self.start, len(self.entries)) if not self.entries[at].done),
            len(self.entries),
        )
        if first < front:
            # What lies before the first open record is passed over in silence, as in Kafka.
            return
        with pytest.raises(Refusal) as refused:
            self.world.say(member, first, last, ACCEPT)
        assert refused.value.reason in (Reason.UNKNOWN_DELIVERY, Reason.INVALID)
        assert (refused.value.reason == Reason.INVALID) == (last >= self.world.share.records.end)

    @rule(milliseconds=st.sampled_from([1, 500, 3_000, 6_999, 20_000, LOCK_MS]))
    def wait(self, milliseconds: int) -> None:
        self.world.pass_time(milliseconds)
        self.expire()

    @rule(member=MEMBER, says_so=st.booleans())
    def leave(self, member: str, says_so: bool) -> None:
        """The session ends: closed, or with its connection."""
        if member not in self.world.accesses:
            return
        access = self.world.accesses.pop(member)
        if says_so:
            access.shares.close_session("g", member)
        access.close()
        self.world.settle_down()
        for offset in self.held_by(member):
            entry = self.entries[offset]
            if says_so:
                entry.deliveries -= 1
                entry.holder = ""
                entry.until_ms = 0
            else:
                self.come_back(offset, entry, self.world.now_ms)

    @rule(part=st.integers(1, 4))
    def delete_records(self, part: int) -> None:
        before = self.start + (len(self.entries) - self.start) * part // 8
        if before > self.start:
            self.world.access.topics.delete_records(self.world.topic(), 0, before)
            self.world.settle_down()
            self.start = before
            for entry in self.entries[:before]:
                entry.done = True
                entry.holder = ""

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        self.world.start_again(clean)
        for entry in self.entries:
            if entry.holder:
                entry.holder = ""
                entry.until_ms = 0
        for offset, entry in enumerate(self.entries):
            if offset >= self.start and not entry.done and entry.deliveries >= LIMIT:
                # Its last delivery ended with the process.
                self.die(offset, entry, MESSAGE_LIMIT)
        self.world.pass_time(1)
        self.expire()

    # What always holds.

    @invariant()
    def states_agree(self) -> None:
        if not hasattr(self, "entries"):
            return
        records = self.world.share.records
        runs = records.runs
        assert all(run.start < run.end for run in runs)
        assert [run.start for run in runs[1:]] == [run.end for run in runs[:-1]], "a hole"
        if runs:
            assert (runs[0].start, runs[-1].end) == (records.start, records.end)
        for run in runs:
            for offset in range(max(run.start, self.start), run.end):
                entry = self.entries[offset]
                assert (run.state == ACQUIRED) == bool(entry.holder), offset
                assert run.member == entry.holder
                assert run.is_over() == entry.done, offset
                if run.state == AVAILABLE:
                    assert run.deliveries == entry.deliveries
        for offset in range(self.start, int(records.start)):
            assert self.entries[offset].done, f"{offset} was passed over"

    @invariant()
    def dead_letters_agree(self) -> None:
        if hasattr(self, "entries") and self.dead:
            assert sorted(self.world.dead_letters()) == sorted(self.expected_dead)


SETTINGS = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestShare = ShareMachine.TestCase
TestShare.settings = SETTINGS

SHORT = settings(SETTINGS, max_examples=300, phases=[Phase.generate], database=None, derandomize=True)


def forgets_deliveries(self: Run) -> list[object]:
    """A planted bug: what was delivered is new after a restart."""
    row: list[object] = [self.start, self.end, self.state, self.deliveries, self.until_ms, self.cause]
    if self.state == ACQUIRED:
        row[2] = AVAILABLE
        row[3] = self.deliveries - 1
        row[4] = 0
    return row


def believes_everybody(self: SharePartition, member: str, item: object) -> None:
    """A planted bug: who answers is not looked at."""


def releases_early(self: SharePartition) -> None:
    """A planted bug: at any deadline all locks end."""
    for run in self.records.within(self.records.start, self.records.end):
        if run.state == ACQUIRED:
            self._transitions.release(run)
    self._finish()


@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [
        (Run, "row", forgets_deliveries),
        (SharePartition, "_check_held", believes_everybody),
        (SharePartition, "on_deadline", releases_early),
    ],
)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, bug: object) -> None:
    if not hasattr(getattr(owner, name), "__code__"):
        pytest.skip("compiled classes cannot be changed")
    monkeypatch.setattr(owner, name, bug)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_state_machine_as_test(ShareMachine, settings=SHORT)
