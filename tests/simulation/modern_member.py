"""Members of a consumer group with server-side assignment (KIP-848): they join, beat, give up what they are told to, commit, leave, or
say nothing any more; some come back after the broker's restart as who they were.

Checked: no partition has two owners; a commit is taken in the member's epoch and in no other; nobody who beats is thrown out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulation.checkers import check
from simulation.kafka_client import KafkaConnection
from simulation.modern_shadow import GROUP, JOIN, LEAVE, REBALANCE_MS, ROWS, ModernShadow, ModernState

if TYPE_CHECKING:
    from simulation.mixed_world import MixedWorld

NOTHING, UNKNOWN_MEMBER, FENCED_EPOCH, STALE_EPOCH = 0, 25, 110, 113


class ModernMember(KafkaConnection):
    def __init__(self, world: MixedWorld, name: str, state: ModernState) -> None:
        super().__init__(world, name)
        self.state = state
        state.taken = True
        self.joined = False

    @property
    def modern(self) -> ModernShadow:
        return self.shadow.modern

    def _position(self) -> int:
        return int(self.world.broker.core.position())

    def act(self) -> None:
        if self.open is not None:
            return
        dice = self.world.random.random()
        if self.state.epoch > 0 and dice < 0.4:
            self.commit()
        elif self.state.epoch > 0 and dice < 0.45:
            self.beat(LEAVE)
        else:
            self.beat(self.state.epoch)

    def _topic_ids(self) -> dict[str, bytes]:
        topics = self.world.broker.catalog.namespaces["/"].topics
        return {name: topics[name].topic_id for name in ("t1", "t2")}

    def beat(self, epoch: int) -> None:
        state = self.state
        ids = self._topic_ids()
        values: dict[str, Any] = {"group_id": GROUP, "member_id": state.member_id, "member_epoch": epoch}
        if epoch in (JOIN, LEAVE):
            # Whatever it had, it reads nothing more of it.
            state.rows, state.epoch = frozenset(), JOIN
        if epoch != LEAVE:
            values["topic_partitions"] = [
                {"topic_id": ids[topic], "partitions": [part for name, part in state.rows if name == topic]}
                for topic in sorted({name for name, _ in state.rows})
            ]
        if epoch == JOIN:
            values |= {"rebalance_timeout_ms": REBALANCE_MS, "subscribed_topic_names": list(ids)}
        now_ms = self.world.now_ms

        def seen(answer: Any) -> None:
            code = answer.error_code
            if code == NOTHING:
                state.decided.append((self._position(), answer.member_epoch))
                state.beaten_ms = now_ms
                return
            check(code in (UNKNOWN_MEMBER, FENCED_EPOCH), f"{self.name} beats in {epoch}: error {code}")
            if code == UNKNOWN_MEMBER:
                check(
                    state.may_be_gone(self.world.now_ms),
                    f"{state.member_id} is unknown, but beat at {state.beaten_ms}",
                )
                state.decided.append((self._position(), LEAVE))
            else:
                check(epoch != state.current, f"{state.member_id} is fenced in its epoch {epoch}")

        def told(answer: Any) -> None:
            if answer.error_code != NOTHING:
                self.world.count("modern members thrown out")
                state.rows, state.epoch = frozenset(), JOIN
                return
            check(
                answer.member_epoch >= epoch or epoch == LEAVE,
                f"{state.member_id} goes from epoch {epoch} to {answer.member_epoch}",
            )
            self.world.count("heartbeats of modern members")
            if epoch == LEAVE:
                self.world.count("modern members left")
                return
            state.epoch = answer.member_epoch
            if answer.assignment is not None:
                names = {topic_id: name for name, topic_id in ids.items()}
                rows = frozenset(
                    (names[bytes(topic.topic_id)], part)
                    for topic in answer.assignment.topic_partitions
                    for part in topic.partitions
                )
                self.modern.own(state, rows, self.world.now_ms)
                self.world.note(f"{state.member_id} has {sorted(rows)} in epoch {state.epoch}")

        self.says_shared("consumer_group_heartbeat", 1, values, told, seen)

    def commit(self) -> None:
        """Now and then in an epoch that is over."""
        random = self.world.random
        state = self.state
        topic, index = random.choice(sorted(state.rows) or list(ROWS))
        epoch = state.epoch - (1 if random.random() < 0.3 else 0)
        offset = random.randrange(1000)
        part = {"partition_index": index, "committed_offset": offset}
        values = {
            "group_id": GROUP,
            "member_id": state.member_id,
            "generation_id_or_member_epoch": epoch,
            "topics": [{"name": topic, "partitions": [part]}],
        }
        position = 0

        def seen(answer: Any) -> None:
            nonlocal position
            position = self._position()
            code = answer.topics[0].partitions[0].error_code
            if code == NOTHING:
                check(
                    epoch == state.current,
                    f"a commit of {state.member_id} in epoch {epoch} was taken in {state.current}",
                )
                self.shadow.topics.commit_offset(GROUP, topic, index, offset, position)
                self.world.count("commits of modern members")
            elif code == STALE_EPOCH:
                check(epoch != state.current, f"{state.member_id} may not commit in its epoch {epoch}")
                self.world.count("commits of stale epochs")
            else:
                gone = state.may_be_gone(self.world.now_ms)
                check(code == UNKNOWN_MEMBER and gone, f"{state.member_id} commits in {epoch}: error {code}")

        def told(answer: Any) -> None:
            if answer.topics[0].partitions[0].error_code == NOTHING:
                check(position <= self.shadow.durable, "an offset was committed before it was durable")

        self.says_shared("offset_commit", 9, values, told, seen)

    def leave(self) -> None:
        super().leave()
        self.state.taken = False
