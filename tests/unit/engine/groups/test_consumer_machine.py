"""Groups with server-side assignment under any order of joining, leaving, sleeping, subscribing, topics and restarts.

No partition is owned by two who could be at work on it, nobody who does what a member has to is fenced, and left alone all
come to their target. The last test plants bugs, to show that the machine finds them.
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

from onemq.engine.groups.assignors import Partitions
from onemq.model.refusal import Refusal
from unit.engine.groups.world import KEY, REBALANCE_MS, World

pytestmark = pytest.mark.slow

NAMES = ("t", "u", "v")
SUBSCRIPTIONS: st.SearchStrategy[tuple[list[str], str]] = st.one_of(
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(lambda names: (names, "")),
    st.sampled_from(["t|u", ".*", "[uv]"]).map(lambda pattern: ([], pattern)),
)
STEP_MS = 5000
SESSION_MS = 45_000
RARELY = st.integers(0, 3).map(lambda chance: chance == 3)


class Member:
    """A consumer as real ones are. What it was told counts once it is durable."""

    def __init__(self, machine: ConsumerMachine, name: str, subscription: tuple[list[str], str]) -> None:
        self.machine = machine
        self.name = name
        self.topics, self.pattern = subscription
        self.said = False
        self.epoch = 0
        self.owned: Partitions = {}
        self.said_owned: Partitions = {}
        self.told: Partitions | None = None
        self.took = False
        self.asleep = False
        self.woke_ms = -SESSION_MS
        self.excused = False

    def wake(self) -> None:
        """It may have too little time left to give up what it has to."""
        if self.asleep:
            self.asleep = False
            self.woke_ms = self.machine.world.now_ms

    def beat(self, lose_answer: bool = False) -> None:
        world = self.machine.world
        full = self.epoch == 0 or not self.said
        if full:
            # The group hears that it has not taken it: what counts is the answer.
            self.told = None
        # Real ones say what they have when it is another than they have said, and after each assignment that they have taken (Java's
        # LocalAssignment counts them), if it comes to the same; while they take what they were told, nothing.
        owned = {topic: set(numbers) for topic, numbers in self.owned.items()}
        says = full or self.took or owned != self.said_owned
        self.said_owned = owned
        self.took = False
        try:
            answer = world.beat(
                self.name,
                self.epoch,
                owned if says else None,
                topics=self.topics if full else None,
                pattern=self.pattern if full else None,
                rebalance_ms=REBALANCE_MS if full else -1,
            )
        except Refusal as refusal:
            assert self.excused, f"{self.name} was fenced: {refusal}"
            self.epoch = 0
            self.owned = {}
            self.told = None
            self.excused = False
            return
        if lose_answer:
            # A real one sends everything after that. Who misses two epochs in a row is fenced, as in Kafka.
            self.excused = self.excused or not self.said
            self.said = False
            return
        self.said = True
        self.epoch = answer.epoch
        if answer.assigned is not None:
            self.told = {topic: set(numbers) for topic, numbers in answer.assigned.items()}

    def obey(self) -> None:
        """Gives up, and takes, what it was told."""
        if self.told is not None:
            self.owned = self.told
            self.told = None
            self.took = True


class ConsumerMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.members: list[Member] = []
        self.made = 0

    @initialize(counts=st.lists(st.integers(1, 4), min_size=2, max_size=2), count=st.integers(1, 3))
    def begin(self, counts: list[int], count: int) -> None:
        for name, partitions in zip(NAMES, counts, strict=False):
            self.world.topics.put(name, partitions)
        for _ in range(count):
            self._start((list(NAMES), ""))

    def _start(self, subscription: tuple[list[str], str]) -> None:
        self.made += 1
        self.members.append(Member(self, f"m{self.made}", subscription))

    @rule(subscription=SUBSCRIPTIONS)
    @precondition(lambda self: len(self.members) < 4)
    def start(self, subscription: tuple[list[str], str]) -> None:
        self._start(subscription)

    @rule(data=st.data(), lost=RARELY, obeys=st.booleans())
    @precondition(lambda self: self.members)
    def beat(self, data: st.DataObject, lost: bool, obeys: bool) -> None:
        member = data.draw(st.sampled_from(self.members))
        member.beat(lost)
        self.world.turn()
        if obeys:
            member.obey()

    @rule(data=st.data())
    @precondition(lambda self: any(one.told is not None for one in self.members))
    def obey(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from([one for one in self.members if one.told is not None])).obey()

    @rule(data=st.data(), subscription=SUBSCRIPTIONS)
    @precondition(lambda self: self.members)
    def subscribe(self, data: st.DataObject, subscription: tuple[list[str], str]) -> None:
        member = data.draw(st.sampled_from(self.members))
        member.topics, member.pattern = subscription
        member.said = False

    @rule(data=st.data(), tells=st.booleans(), really=RARELY)
    @precondition(lambda self: self.members)
    def stop(self, data: st.DataObject, tells: bool, really: bool) -> None:
        if not really:
            return
        member = data.draw(st.sampled_from(self.members))
        self.members.remove(member)
        if tells and member.epoch > 0 and member.name in self.world.consumer().members:
            self.world.beat(member.name, -1)
            self.world.turn()

    @rule(data=st.data())
    @precondition(lambda self: self.members)
    def sleep(self, data: st.DataObject) -> None:
        """It gives its partitions up for itself when it has not reached us for a session: it knows that it is fenced."""
        member = data.draw(st.sampled_from(self.members))
        if member.asleep:
            member.wake()
        else:
            member.asleep = True

    @rule(name=st.sampled_from(NAMES), more=st.integers(1, 2))
    def change_topic(self, name: str, more: int) -> None:
        shape = self.world.topics.topics.get(name)
        self.world.topics.put(name, more if shape is None else min(shape.partitions + more, 6))

    @rule(name=st.sampled_from(NAMES), really=RARELY)
    def drop_topic(self, name: str, really: bool) -> None:
        if really and name in self.world.topics.topics:
            self.world.topics.drop(name)

    @rule(steps=st.integers(1, 12))
    def pass_time(self, steps: int) -> None:
        for _ in range(steps):
            for member in self.members:
                if not member.asleep:
                    member.beat()
                    self.world.turn()
                    member.obey()
            self.world.pass_time(STEP_MS)
            self._notice_fencing()

    def _notice_fencing(self) -> None:
        group = self.world.groups.groups.get(KEY)
        known = self.world.consumer().members if group is not None else {}
        for member in self.members:
            if member.epoch > 0 and member.name not in known:
                late = self.world.now_ms - member.woke_ms < SESSION_MS
                assert member.asleep or late, f"{member.name} was thrown out though it did what it had to"
                member.excused = True
                member.owned = {}
                member.told = None

    @rule(snapshot=st.booleans())
    def restart(self, snapshot: bool) -> None:
        self.world.restart(snapshot=snapshot)

    @invariant()
    def nothing_is_owned_twice(self) -> None:
        owners: dict[tuple[bytes, int], str] = {}
        for member in self.members:
            for topic_id, numbers in member.owned.items():
                for number in numbers:
                    known = owners.setdefault((topic_id, number), member.name)
                    assert known == member.name, f"{known} and {member.name} both own partition {number}"

    def teardown(self) -> None:
        """Left alone, everything is owned by one who reads it, evenly or not, and nothing changes any more."""
        for member in self.members:
            member.wake()
        for _ in range(30):
            for member in self.members:
                member.beat()
                self.world.turn()
                member.obey()
            self.world.pass_time(STEP_MS)
            self._notice_fencing()
            self.nothing_is_owned_twice()
        if not self.members:
            return
        group = self.world.consumer()
        assert group.state_name() == "Stable"
        wanted: set[tuple[bytes, int]] = set()
        for shape in self.world.topics.topics.values():
            if any(self._reads(member, shape.name) for member in self.members):
                wanted |= {(shape.topic_id, number) for number in range(shape.partitions)}
        owned = {
            (topic_id, number)
            for member in self.members
            for topic_id, numbers in member.owned.items()
            for number in numbers
        }
        assert owned == wanted

    def _reads(self, member: Member, name: str) -> bool:
        found = {"": [], "t|u": ["t", "u"], ".*": list(NAMES), "[uv]": ["u", "v"]}
        return name in member.topics or name in found[member.pattern]


COMMON = settings(
    max_examples=30,
    stateful_step_count=30,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
PLANTED = settings(
    max_examples=300,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ConsumerMachine.TestCase.settings = COMMON
TestConsumerMachine = ConsumerMachine.TestCase


class ForgetsOwners(ConsumerMachine):
    """What is to be given up counts as free."""

    @rule()
    def forget(self) -> None:
        if KEY in self.world.groups.groups:
            self.world.consumer().owners.clear()


class LosesCommits(ConsumerMachine):
    """A commit that was reported durable is not there after a restart."""

    @rule()
    def lose(self) -> None:
        if self.world.commits:
            self.world.commits.pop()
            self.world.restart()


@pytest.mark.parametrize("machine", [ForgetsOwners, LosesCommits])
def test_finds_a_planted_bug(machine: type[ConsumerMachine]) -> None:
    with pytest.raises((AssertionError, Refusal)):
        run_state_machine_as_test(machine, settings=PLANTED)
