"""The groups' part over a store in memory, with clients' ends of joins and syncs, a clock, and restarts.

Answers count as given when the commit of their turn is durable, as the head parks them.
"""

from __future__ import annotations

from engine_driver import START_MS, Disk, FakeStore
from onemq.engine.core import Core
from onemq.engine.facts import PART, FactReader, unpack
from onemq.engine.group_configs import GroupConfigs
from onemq.engine.groups.classic import ClassicGroup
from onemq.engine.groups.classic_member import Joined, JoinRequest, JoinWaiter, Protocol, Synced, SyncWaiter
from onemq.engine.groups.consumer import ConsumerGroup
from onemq.engine.groups.consumer_member import Beat, BeatAnswer
from onemq.engine.groups.group import Membership
from onemq.engine.groups.groups import Groups
from onemq.engine.groups.settings import GroupSettings
from onemq.engine.groups.topic_book import SeesAll, TopicBook, TopicShape
from onemq.engine.parts import PART_GROUPS
from onemq.engine.settings import EngineSettings
from onemq.model.refusal import Reason, Refusal

KEY = ("/", "g")
SESSION_MS = 10_000
REBALANCE_MS = 30_000


class TopicTable(TopicBook):
    """Topics by name."""

    def __init__(self) -> None:
        self.topics: dict[str, TopicShape] = {}
        self.changes = 0

    def put(self, name: str, partitions: int) -> bytes:
        known = self.topics.get(name)
        self.changes += 1
        topic_id = self.changes.to_bytes(16, "big") if known is None else known.topic_id
        self.topics[name] = TopicShape(topic_id, name, partitions)
        return topic_id

    def drop(self, name: str) -> None:
        self.changes += 1
        del self.topics[name]

    def generation(self) -> int:
        return self.changes

    def find(self, namespace: str, name: str) -> TopicShape | None:
        return self.topics.get(name)

    def names(self, namespace: str) -> list[str]:
        return list(self.topics)


class JoinEnd(JoinWaiter):
    """The client's end of a join."""

    def __init__(self) -> None:
        super().__init__()
        self.result: Joined | None = None

    def joined(self, result: Joined) -> None:
        assert self.result is None, "a join was answered twice"
        self.result = result

    @property
    def reason(self) -> Reason | None:
        assert self.result is not None, "not answered"
        return None if self.result.refusal is None else self.result.refusal.reason

    @property
    def answer(self) -> Joined:
        assert self.result is not None, "not answered"
        assert self.result.refusal is None, self.result.refusal
        return self.result


class SyncEnd(SyncWaiter):
    """The client's end of a sync."""

    def __init__(self) -> None:
        super().__init__()
        self.result: Synced | None = None

    def synced(self, result: Synced) -> None:
        assert self.result is None, "a sync was answered twice"
        self.result = result

    @property
    def reason(self) -> Reason | None:
        assert self.result is not None, "not answered"
        return None if self.result.refusal is None else self.result.refusal.reason


class World:
    """See the module."""

    def __init__(self, settings: GroupSettings | None = None) -> None:
        self.settings = settings or GroupSettings()
        self.topics = TopicTable()
        self.now_ms = START_MS
        self.entropy_count = 0
        self.commits: list[bytes] = []
        self.open()

    def _entropy(self, size: int) -> bytes:
        self.entropy_count += 1
        return self.entropy_count.to_bytes(size, "big")

    def open(self) -> None:
        self.store = FakeStore(Disk())
        self.core = Core(self.store, EngineSettings(), self._entropy)
        self.core.now_ms = self.now_ms
        self.configs = GroupConfigs(self.core)
        self.groups = Groups(self.core, self.settings, self.topics, self.configs)

    def turn(self) -> None:
        """Deadlines, and the commit."""
        self.core.now_ms = self.now_ms
        self.core.run_deadlines()
        self.core.commit()
        for position in sorted(self.store.in_memory):
            self.commits.append(self.store.in_memory.pop(position))

    def pass_time(self, milliseconds: int) -> None:
        end = self.now_ms + milliseconds
        self.turn()
        while True:
            due = self.core.next_deadline_ms()
            if not due or due > end:
                break
            self.now_ms = max(self.now_ms, due)
            self.turn()
        self.now_ms = end
        self.turn()

    def restart(self, *, snapshot: bool = False) -> None:
        """What was not committed yet is lost. snapshot: a checkpoint had been made of the rest."""
        commits = self.commits
        self.open()
        for facts in commits:
            reader = FactReader(facts)
            while reader.next():
                assert reader.kind == PART
                if reader.body()[0] == PART_GROUPS:
                    self.groups.apply(unpack(reader.body(1)))
        if snapshot:
            changes = self.groups.changes()
            self.open()
            self.commits = []
            for change in changes:
                self.groups.apply(change)
                self.core.note(self.groups, change)
        self.groups.finish_recovery()
        self.turn()

    # What members do.

    def classic(self, name: str = "g") -> ClassicGroup:
        group = self.groups.groups[("/", name)]
        assert isinstance(group, ClassicGroup)
        return group

    def consumer(self, name: str = "g") -> ConsumerGroup:
        group = self.groups.groups[("/", name)]
        assert isinstance(group, ConsumerGroup)
        return group

    def join(
        self,
        member_id: str = "",
        *,
        instance: str | None = None,
        protocols: list[tuple[str, bytes]] | None = None,
        kind: str = "consumer",
        session_ms: int = SESSION_MS,
        rebalance_ms: int = REBALANCE_MS,
        two_steps: bool = False,
        may_skip: bool = True,
        name: str = "g",
    ) -> JoinEnd:
        end = JoinEnd()
        offered = [Protocol(one, data) for one, data in (protocols or [("range", b"m")])]
        request = JoinRequest(
            member_id,
            instance,
            "client",
            "/127.0.0.1",
            session_ms,
            rebalance_ms,
            kind,
            offered,
            two_steps,
            may_skip,
        )
        self.groups.join(("/", name), request, end)
        return end

    def sync(
        self,
        member_id: str,
        generation: int,
        assignments: dict[str, bytes] | None = None,
        *,
        instance: str | None = None,
        kind: str | None = None,
        protocol: str | None = None,
    ) -> SyncEnd:
        end = SyncEnd()
        self.groups.sync(
            KEY, Membership(generation, member_id, instance), kind, protocol, assignments or {}, end
        )
        return end

    def heartbeat(self, member_id: str, generation: int, instance: str | None = None) -> Reason | None:
        return refused(lambda: self.groups.heartbeat(KEY, Membership(generation, member_id, instance)))

    def stable(self, count: int, **more: object) -> list[str]:
        """A stable group of that many members; their ids, the leader's first."""
        joins = [self.join() for _ in range(count)]
        while len({end.answer.generation if end.result else -1 for end in joins}) > 1 or not joins[-1].result:
            known = [end.answer.member_id for end in joins if end.result]
            joins = [end for end in joins if not end.result] + [self.join(one) for one in known]
        leader = joins[0].answer.leader
        ids = [leader] + [end.answer.member_id for end in joins if end.answer.member_id != leader]
        generation = int(joins[0].answer.generation)
        for member_id in ids[1:]:
            self.sync(member_id, generation)
        self.sync(leader, generation, {one: f"for {one}".encode() for one in ids})
        self.turn()
        assert self.classic().state == "Stable"
        return ids

    def beat(
        self,
        member_id: str,
        epoch: int,
        owned: dict[bytes, set[int]] | None = None,
        *,
        topics: list[str] | None = None,
        pattern: str | None = None,
        instance: str | None = None,
        assignor: str | None = None,
        rebalance_ms: int = -1,
    ) -> BeatAnswer:
        beat = Beat(member_id, epoch, "client", "/127.0.0.1")
        beat.topics = topics
        beat.pattern = pattern
        beat.instance_id = instance
        beat.assignor = assignor
        beat.owned = {} if epoch == 0 else owned
        beat.rebalance_timeout_ms = REBALANCE_MS if epoch == 0 else rebalance_ms
        return self.groups.consumer_heartbeat(KEY, beat, SeesAll())


def refused(work: object) -> Reason | None:
    """The reason of the refusal, None when it was done."""
    assert callable(work)
    try:
        work()
    except Refusal as refusal:
        return refusal.reason
    return None
