"""Members of a classic consumer group in the simulation: they join, are assigned partitions by their leader, commit, and are thrown out.

Checked: one leader a generation; each is told what the leader gave it; a commit of a generation that is over is not taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kafka.protocol.consumer import HeartbeatRequest, JoinGroupRequest, OffsetCommitRequest, SyncGroupRequest

from simulation.checkers import check
from simulation.kafka_client import KafkaConnection

if TYPE_CHECKING:
    from simulation.mixed_world import MixedWorld

GROUP = "members"
MEMBER_ID_REQUIRED, UNKNOWN_MEMBER, ILLEGAL_GENERATION, REBALANCING = 79, 25, 22, 27
REJOIN = (UNKNOWN_MEMBER, ILLEGAL_GENERATION, REBALANCING)
ROWS = (("t1", 0), ("t2", 0), ("t2", 1))


class GroupShadow:
    """The group since the broker's last start. `plans`: what the leader of a generation gave to whom."""

    def __init__(self) -> None:
        self.newest = -1
        self.leaders: dict[int, str] = {}
        self.plans: dict[int, dict[str, bytes]] = {}
        self.told = 0


def plan_of(members: list[str]) -> dict[str, bytes]:
    """Each partition to one."""
    shares: dict[str, list[str]] = {member: [] for member in members}
    for number, (topic, index) in enumerate(ROWS):
        shares[members[number % len(members)]].append(f"{topic}:{index}")
    return {member: ",".join(rows).encode() for member, rows in shares.items()}


class KafkaMember(KafkaConnection):
    def __init__(self, world: MixedWorld, name: str) -> None:
        super().__init__(world, name)
        self.member_id = ""
        self.generation = -1
        self.plan: dict[str, bytes] = {}
        self.rows: list[tuple[str, int]] | None = None

    @property
    def group(self) -> GroupShadow:
        return self.mixed.group

    def act(self) -> None:
        if self.open is not None:
            return
        if self.generation < 0:
            self.join()
        elif self.rows is None:
            self.sync()
        elif self.rows and self.world.random.random() < 0.5:
            self.commit()
        else:
            self.heartbeat()

    def join(self) -> None:
        protocol = JoinGroupRequest.JoinGroupRequestProtocol(version=5, name="range", metadata=b"m")
        request = JoinGroupRequest[5](
            group_id=GROUP,
            session_timeout_ms=10_000,
            rebalance_timeout_ms=10_000,
            member_id=self.member_id,
            group_instance_id=None,
            protocol_type="consumer",
            protocols=[protocol],
        )

        def seen(answer: Any) -> None:
            if answer.error_code != 0:
                return
            group, generation = self.group, answer.generation_id
            check(generation >= group.newest, f"{self.name} joins {generation} after {group.newest}")
            group.newest = generation
            leader = group.leaders.setdefault(generation, answer.leader)
            check(leader == answer.leader, f"two leaders of {generation}: {leader} and {answer.leader}")
            if leader == answer.member_id:
                self.plan = plan_of([member.member_id for member in answer.members])

        def told(answer: Any) -> None:
            if answer.error_code == MEMBER_ID_REQUIRED:
                self.member_id = answer.member_id
            elif answer.error_code == UNKNOWN_MEMBER:
                self.member_id = ""
            elif answer.error_code == 0:
                self.member_id, self.generation = answer.member_id, answer.generation_id
                self.rows = None

        self.says(request, told, seen)

    def sync(self) -> None:
        plan = self.plan if self.group.leaders.get(self.generation) == self.member_id else {}
        if plan:
            self.group.plans[self.generation] = plan
        rows = [
            SyncGroupRequest.SyncGroupRequestAssignment(version=3, member_id=member, assignment=data)
            for member, data in plan.items()
        ]
        request = SyncGroupRequest[3](
            group_id=GROUP,
            generation_id=self.generation,
            member_id=self.member_id,
            group_instance_id=None,
            assignments=rows,
        )
        generation = self.generation

        def told(answer: Any) -> None:
            if answer.error_code != 0:
                self._lost(answer.error_code)
                return
            given = self.group.plans[generation].get(self.member_id)
            check(
                given == answer.assignment,
                f"{self.name} is told {answer.assignment!r}, it was given {given!r}",
            )
            self.rows = [
                (row.partition(":")[0], int(row.partition(":")[2]))
                for row in bytes(answer.assignment).decode().split(",")
                if row
            ]
            self.group.told += 1
            self.world.note(f"{self.name} has {self.rows} in generation {generation}")

        self.says(request, told)

    def heartbeat(self) -> None:
        request = HeartbeatRequest[3](
            group_id=GROUP, generation_id=self.generation, member_id=self.member_id, group_instance_id=None
        )

        def told(answer: Any) -> None:
            if answer.error_code != 0:
                self._lost(answer.error_code)

        self.says(request, told)

    def commit(self) -> None:
        assert self.rows
        topic, index = self.world.random.choice(self.rows)
        offset = self.world.random.randrange(1000)
        wanted = OffsetCommitRequest.OffsetCommitRequestTopic
        part = wanted.OffsetCommitRequestPartition(
            version=7,
            partition_index=index,
            committed_offset=offset,
            committed_leader_epoch=-1,
            committed_metadata="",
        )
        request = OffsetCommitRequest[7](
            group_id=GROUP,
            generation_id_or_member_epoch=self.generation,
            member_id=self.member_id,
            group_instance_id=None,
            topics=[wanted(version=7, name=topic, partitions=[part])],
        )
        generation = self.generation

        def seen(answer: Any) -> None:
            if answer.topics[0].partitions[0].error_code == 0:
                newest = self.group.newest
                check(generation == newest, f"a commit of generation {generation} was taken in {newest}")
                position = int(self.world.broker.core.position())
                self.shadow.topics.commit_offset(GROUP, topic, index, offset, position)
                self.world.count("commits of members")

        def told(answer: Any) -> None:
            code = answer.topics[0].partitions[0].error_code
            if code != 0:
                self.world.count("commits refused")
                self._lost(code)

        self.says(request, told, seen)

    def _lost(self, code: int) -> None:
        check(code in REJOIN, f"{self.name}: error {code}")
        self.generation, self.rows = -1, None
        if code == UNKNOWN_MEMBER:
            self.member_id = ""
