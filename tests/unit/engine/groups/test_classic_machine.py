"""Classic groups under any order of joining, leaving, falling asleep, time passing and restarts.

In a generation a partition has one owner; whom the broker takes for a member of a stable group is of its generation; nobody
who does what a member has to is lost; every join that waits is answered. The last tests plant bugs, to show that the
machine finds them.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from onemq.engine.groups.group import Membership
from onemq.engine.groups.settings import GroupSettings
from onemq.model.refusal import Reason
from unit.engine.groups.world import KEY, JoinEnd, SyncEnd, World

pytestmark = pytest.mark.slow

PARTITIONS = 5
RARELY = st.integers(0, 3).map(lambda chance: chance == 3)
STEP_MS = 2000
OUT, JOINING, JOINED, SYNCING, MEMBER = "out", "joining", "joined", "syncing", "member"


class Client:
    """A consumer as real ones are: it does what the answers say."""

    def __init__(self, machine: ClassicMachine, name: str, instance: str | None) -> None:
        self.machine = machine
        self.name = name
        self.instance = instance
        self.member_id = ""
        self.generation = -1
        self.state = OUT
        self.asleep = False
        self.excused = True
        """It may be told that it is unknown: it slept, or the broker has forgotten a join that was not complete."""
        self.metadata = b"0"
        self.join: JoinEnd | None = None
        self.sync: SyncEnd | None = None
        self.plan: dict[str, bytes] = {}

    def step(self) -> None:
        """One thing that it has to do now."""
        if self.state == OUT:
            self._send_join()
        elif self.state == JOINING:
            self._read_join()
        elif self.state == JOINED:
            self.sync = self.machine.world.sync(
                self.member_id, self.generation, self.plan, instance=self.instance
            )
            self.state = SYNCING
        elif self.state == SYNCING:
            self._read_sync()
        else:
            self._heartbeat()

    def _send_join(self) -> None:
        self.join = self.machine.world.join(
            self.member_id,
            instance=self.instance,
            protocols=[("range", self.metadata), ("sticky", b"")],
            two_steps=self.instance is None,
        )
        self.state = JOINING
        if self.member_id == "":
            self.excused = False

    def _read_join(self) -> None:
        assert self.join is not None
        if self.join.result is None:
            return
        result, reason = self.join.result, self.join.reason
        self.join = None
        self.state = OUT
        if reason == Reason.MEMBER_ID_REQUIRED:
            self.member_id = result.member_id
        elif reason is not None:
            self._refused(reason)
        else:
            self.member_id = result.member_id
            self.generation = int(result.generation)
            self.state = JOINED
            self.plan = {}
            if result.leader == self.member_id and not result.skip_assignment:
                ids = sorted(one.member_id for one in result.members)
                assert self.member_id in ids, "a leader that is no member"
                for index, member_id in enumerate(ids):
                    self.plan[member_id] = bytes(range(index, PARTITIONS, len(ids)))

    def _read_sync(self) -> None:
        assert self.sync is not None
        if self.sync.result is None:
            # Real consumers send heartbeats meanwhile.
            self._heartbeat()
            return
        result, reason = self.sync.result, self.sync.reason
        self.sync = None
        if reason is not None:
            self._refused(reason)
            return
        self.state = MEMBER
        self.machine.owns(self.generation, self.instance or self.member_id, set(result.assignment))

    def _heartbeat(self) -> None:
        reason = self.machine.world.heartbeat(self.member_id, self.generation, self.instance)
        if reason is None:
            group = self.machine.world.classic()
            assert group.generation == self.generation, (
                "a member of another generation is taken for one of this"
            )
            assert self.member_id in group.members
        elif self.state == MEMBER:
            self._refused(reason)
        elif reason == Reason.UNKNOWN_MEMBER:
            assert self.excused, f"{self.name} was forgotten while it waited"

    def _refused(self, reason: Reason) -> None:
        self.state = OUT
        self.sync = None
        if reason in (Reason.UNKNOWN_MEMBER, Reason.FENCED_INSTANCE):
            assert self.excused, f"{self.name} was lost: {reason.name}"
            self.member_id = ""
        elif reason == Reason.STALE_GENERATION:
            assert self.excused, f"{self.name} has a generation that is not the group's"
        else:
            assert reason == Reason.REBALANCING, reason

    def disconnected(self) -> None:
        """The broker has restarted: what was sent will not be answered."""
        self.join = None
        self.sync = None
        self.excused = True
        if self.state != MEMBER:
            self.state = OUT


class ClassicMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(GroupSettings())
        self.clients = [
            Client(self, name, "static" if name == "s" else None) for name in ("a", "b", "c", "d", "s")
        ]
        self.running: list[Client] = []
        self.owners: dict[int, dict[int, str]] = {}

    def owns(self, generation: int, who: str, partitions: set[int]) -> None:
        owners = self.owners.setdefault(generation, {})
        for partition in partitions:
            known = owners.setdefault(partition, who)
            assert known == who, f"{who} and {known} both own {partition} in generation {generation}"

    @initialize(delay=st.sampled_from([0, 3000]), count=st.integers(2, 5))
    def begin(self, delay: int, count: int) -> None:
        self.world.settings.initial_rebalance_delay_ms = delay
        self.running = self.clients[-count:]

    @rule(data=st.data())
    @precondition(lambda self: len(self.running) < len(self.clients))
    def start(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from([one for one in self.clients if one not in self.running]))
        # A static one finds its place again, a dynamic one is new.
        client.member_id = ""
        client.state = OUT
        client.asleep = False
        client.excused = True
        self.running.append(client)

    @rule(data=st.data(), steps=st.integers(1, 4))
    @precondition(lambda self: any(not one.asleep for one in self.running))
    def act(self, data: st.DataObject, steps: int) -> None:
        client = data.draw(st.sampled_from([one for one in self.running if not one.asleep]))
        for _ in range(steps):
            client.step()
        self.world.turn()

    @rule(data=st.data())
    @precondition(lambda self: any(one.state == MEMBER for one in self.running))
    def subscribe_otherwise(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from([one for one in self.running if one.state == MEMBER]))
        client.metadata = bytes([client.metadata[0] + 1])
        client.state = OUT

    @rule(data=st.data(), tells=st.booleans(), really=RARELY)
    @precondition(lambda self: self.running)
    def stop(self, data: st.DataObject, tells: bool, really: bool) -> None:
        if not really:
            return
        client = data.draw(st.sampled_from(self.running))
        self.running.remove(client)
        if tells and client.member_id and client.join is None and KEY in self.world.groups.groups:
            self.world.groups.leave(KEY, [Membership(-1, client.member_id, client.instance)])
            self.world.turn()
        client.join = None
        client.sync = None

    @rule(data=st.data())
    @precondition(lambda self: self.running)
    def fall_asleep_or_wake(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.running))
        client.asleep = not client.asleep
        client.excused = True

    @rule(steps=st.integers(1, 20))
    def pass_time(self, steps: int) -> None:
        for _ in range(steps):
            for client in self.running:
                if not client.asleep:
                    client.step()
            self.world.pass_time(STEP_MS)

    @rule(snapshot=st.booleans(), torn=st.booleans(), data=st.data())
    def restart(self, snapshot: bool, torn: bool, data: st.DataObject) -> None:
        if torn and self.running:
            # What it asks and what comes of it is not committed any more, and nobody is answered.
            client = data.draw(st.sampled_from(self.running))
            if client.state in (OUT, JOINED):
                client.step()
        self.world.restart(snapshot=snapshot)
        for client in self.running:
            client.disconnected()

    def teardown(self) -> None:
        """Left alone, all who run come to own everything between them."""
        for client in self.running:
            client.asleep = False
            client.excused = True
        for _ in range(200):
            for client in self.running:
                client.step()
            self.world.pass_time(STEP_MS)
        if not self.running:
            assert KEY not in self.world.groups.groups or self.world.classic().is_empty()
            return
        group = self.world.classic()
        assert group.state == "Stable"
        assert len(group.members) == len(self.running)
        for client in self.running:
            assert client.state == MEMBER and client.generation == group.generation
        assert set(self.owners[int(group.generation)]) == set(range(PARTITIONS))


COMMON = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
PLANTED = settings(
    max_examples=3000,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

ClassicMachine.TestCase.settings = COMMON
TestClassicMachine = ClassicMachine.TestCase


class LosesAWaiter(ClassicMachine):
    """A join that waits is never answered."""

    @rule()
    def lose(self) -> None:
        group = self.world.groups.groups.get(KEY)
        if group is not None:
            for member in self.world.classic().members.values():
                if member.join_waiter is not None:
                    member.join_waiter = None
                    return

    def teardown(self) -> None:
        for client in self.running:
            if client.join is not None and client.join.result is None:
                client.asleep = False
        super().teardown()


class CountsBack(ClassicMachine):
    """A generation has the number of one that was before it."""

    @rule()
    def count_back(self) -> None:
        if KEY in self.world.groups.groups:
            group = self.world.classic()
            if group.state == "PreparingRebalance" and group.generation > 1:
                group.generation -= 1


class ForgetsMembers(ClassicMachine):
    """What a commit says of the group is lost."""

    @rule()
    def forget(self) -> None:
        if self.world.commits:
            self.world.commits.pop()
            self.world.restart()
            for client in self.running:
                client.join = client.sync = None
                if client.state != MEMBER:
                    client.state = OUT
                    client.excused = True


class DropsTheWaiting(ClassicMachine):
    """Who waits for an answer is taken for silent."""

    @rule()
    def drop(self) -> None:
        if KEY in self.world.groups.groups:
            group = self.world.classic()
            for member in list(group.members.values()):
                if member.sync_waiter is not None:
                    group.remove(member.member_id)
                    group.after_removal()
                    return


@pytest.mark.parametrize("machine", [LosesAWaiter, CountsBack, ForgetsMembers, DropsTheWaiting])
def test_finds_a_planted_bug(machine: type[ClassicMachine]) -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=PLANTED)
