"""Groups with server-side assignment: what a heartbeat brings about.

Must not: authorise.
Spec: KIP-848, ConsumerGroupHeartbeat 0-1; KIP-345 for static members.
"""

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.group_configs import GroupConfigs
from onemq.engine.groups.assignors import Partitions, Subscriber, assign
from onemq.engine.groups.classic import new_id
from onemq.engine.groups.consumer_member import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    Beat,
    BeatAnswer,
    ConsumerMember,
)
from onemq.engine.groups.consumer_state import ConsumerState, Metadata
from onemq.engine.groups.group import Home
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.pattern import TopicPattern
from onemq.engine.groups.reconciliation import reconcile
from onemq.engine.groups.settings import ASSIGNORS, GroupSettings
from onemq.engine.groups.topic_book import TopicBook, Visibility
from onemq.model.refusal import Reason, Refusal


class ConsumerGroup(ConsumerState):
    """See the module. `resolved`: the topics that each member's expression finds; made anew when topics come or go."""

    def __init__(
        self,
        core: Core,
        settings: GroupSettings,
        home: Home,
        key: GroupKey,
        configs: GroupConfigs,
        topics: TopicBook,
    ) -> None:
        super().__init__(core, settings, home, key, configs)
        self.topics = topics
        self.resolved: dict[str, list[str]] = {}
        self._topics_seen = -1

    # Heartbeats.

    def heartbeat(self, beat: Beat, visible: Visibility) -> BeatAnswer:
        """A member that is there, or joins. Raises Refusal."""
        if len(self.members) >= self.settings.members_max and beat.member_id not in self.members:
            raise Refusal(Reason.GROUP_FULL, "group", self.key[1])
        if beat.pattern:
            # Before anything is changed.
            TopicPattern(beat.pattern, self.settings.pattern_length_max)
        known = self._admitted(beat)
        assigned_before = known.assigned
        member = known.copy()
        subscription_changed = self._update(member, beat)
        if known.member_id not in self.members or member.to_plain() != known.to_plain():
            self.home.change(self.member_change(member))
        self._refresh(subscription_changed, visible)
        if self.epoch > self.target_epoch:
            self._assign()
        self._reconcile(member, beat.owned, subscription_changed)
        current = self.members[member.member_id]
        self.expect(current)
        answer = BeatAnswer(member.member_id, current.epoch, self.heartbeat_interval_ms())
        if _is_full(beat) or current.assigned != assigned_before:
            answer.assigned = current.assigned
        return answer

    def _admitted(self, beat: Beat) -> ConsumerMember:
        """The member that beats; a new one is not in the group yet."""
        member_id = beat.member_id or new_id(self.core, "")[1:]
        joins = beat.epoch == JOIN_EPOCH
        if beat.instance_id is None:
            found = self.members.get(member_id)
            if found is None:
                if not joins:
                    raise self._unknown(member_id)
                return ConsumerMember(member_id)
            self._check_epoch_of(found, beat)
            return found
        current = self.statics.get(beat.instance_id)
        if not joins:
            found = self.find_member(member_id, beat.instance_id)
            self._check_epoch_of(found, beat)
            return found
        if current is None:
            return ConsumerMember(member_id)
        if self.members[current].epoch != LEAVE_STATIC_EPOCH:
            raise Refusal(Reason.UNRELEASED_INSTANCE, "member", member_id, beat.instance_id)
        return self._replaced(self.members[current], member_id)

    def _unknown(self, member_id: str) -> Refusal:
        return Refusal(Reason.UNKNOWN_MEMBER, "member", member_id, "not a member of the group")

    def _check_epoch_of(self, member: ConsumerMember, beat: Beat) -> None:
        """A member may have missed the answer that told it of its epoch, but no more than that."""
        if beat.epoch == JOIN_EPOCH or beat.epoch == member.epoch:
            return
        if (
            beat.epoch < member.epoch
            and beat.epoch == member.previous_epoch
            and _is_within(beat.owned, member.assigned)
        ):
            return
        raise Refusal(
            Reason.FENCED_EPOCH,
            "member",
            member.member_id,
            "greater" if beat.epoch > member.epoch else "smaller",
            wanted=str(beat.epoch),
            actual=str(member.epoch),
        )

    def _replaced(self, old: ConsumerMember, member_id: str) -> ConsumerMember:
        """A static member that had left for a while is back: it has what it had, under its new id."""
        member = old.copy()
        member.member_id = member_id
        member.epoch = 0
        member.previous_epoch = 0
        target = self.targets.get(old.member_id, {})
        self.home.change(self.removal_change(old.member_id))
        self.home.change(self.member_change(member))
        self.home.change(self.target_change(self.target_epoch, self.assignor, {member_id: target}))
        return self.members[member_id]

    def _update(self, member: ConsumerMember, beat: Beat) -> bool:
        """Takes over what the heartbeat says. True when the member reads other topics now."""
        if beat.instance_id is not None:
            member.instance_id = beat.instance_id
        if beat.rack_id is not None:
            member.rack_id = beat.rack_id
        if beat.rebalance_timeout_ms != -1:
            member.rebalance_timeout_ms = beat.rebalance_timeout_ms
        if beat.assignor is not None:
            member.assignor = beat.assignor
        member.client_id = beat.client_id
        member.client_host = beat.client_host
        changed = False
        if beat.topics is not None:
            topics = sorted(set(beat.topics))
            changed = topics != member.topics
            member.topics = topics
        if beat.pattern is not None and beat.pattern != member.pattern:
            changed = True
            member.pattern = beat.pattern
        return changed

    # Topics.

    def _refresh(self, subscription_changed: bool, visible: Visibility) -> None:
        """Looks at the topics again if they or the subscriptions may be others; a difference is a new epoch."""
        generation = self.topics.generation()
        if not subscription_changed and self.epoch > 0 and generation == self._topics_seen:
            return
        if generation != self._topics_seen:
            self.resolved = {}
            self._topics_seen = generation
        self._resolve(visible)
        metadata = self._subscribed_metadata()
        if subscription_changed or self.epoch == 0 or metadata != self.metadata:
            self.home.change(self.epoch_change(self.epoch + 1, metadata))

    def _resolve(self, visible: Visibility) -> None:
        patterns: dict[str, bool] = {}
        for member in self.members.values():
            if member.pattern:
                patterns[member.pattern] = True
        for source in list(self.resolved):
            if source not in patterns:
                del self.resolved[source]
        for source in patterns:
            if source in self.resolved:
                continue
            pattern = TopicPattern(source, self.settings.pattern_length_max)
            found: list[str] = []
            for name in self.topics.names(self.key[0]):
                if pattern.matches(name) and visible.sees(name):
                    found.append(name)
            self.resolved[source] = found

    def _names(self, member: ConsumerMember) -> list[str]:
        if not member.pattern:
            return member.topics
        return member.topics + self.resolved.get(member.pattern, [])

    def _subscribed_metadata(self) -> Metadata:
        found: Metadata = {}
        for member in self.members.values():
            for name in self._names(member):
                if name not in found:
                    shape = self.topics.find(self.key[0], name)
                    if shape is not None:
                        found[name] = (shape.topic_id, shape.partitions)
        return found

    def subscribed_ids(self, member: ConsumerMember) -> dict[bytes, bool]:
        found: dict[bytes, bool] = {}
        for name in self._names(member):
            known = self.metadata.get(name)
            if known is not None:
                found[known[0]] = True
        return found

    # Assignment.

    def preferred_assignor(self) -> str:
        """What most members ask for."""
        votes: dict[str, int] = {}
        for member in self.members.values():
            if member.assignor is not None:
                votes[member.assignor] = votes.get(member.assignor, 0) + 1
        best = ""
        for name, count in votes.items():
            if best == "" or count > votes[best]:
                best = name
        return best or ASSIGNORS[0]

    def _assign(self) -> None:
        subscribers: list[Subscriber] = []
        for member in self.members.values():
            subscribers.append(
                Subscriber(
                    member.member_id,
                    member.instance_id,
                    list(self.subscribed_ids(member)),
                    self.targets.get(member.member_id, {}),
                )
            )
        counts: dict[bytes, int] = {}
        for topic_id, count in self.metadata.values():
            counts[topic_id] = count
        assignor = self.preferred_assignor()
        changed: dict[str, Partitions] = {}
        for member_id, partitions in assign(assignor, subscribers, counts).items():
            if self.targets.get(member_id) != partitions:
                changed[member_id] = partitions
        self.home.change(self.target_change(self.epoch, assignor, changed))

    def _reconcile(
        self, member: ConsumerMember, owned: Partitions | None, subscription_changed: bool
    ) -> None:
        if member.settled_at(self.target_epoch) and not subscription_changed:
            return
        before = member.to_plain()
        reconcile(
            member,
            self.targets.get(member.member_id, {}),
            self.target_epoch,
            owned,
            self.subscribed_ids(member),
            self.owners,
            subscription_changed,
        )
        if member.to_plain() != before:
            self.home.change(self.member_change(member))
            self.expect_revocation(self.members[member.member_id])

    # Leaving, and being thrown out.

    def leave(self, member_id: str, instance_id: str | None, epoch: int) -> BeatAnswer:
        """epoch: LEAVE_EPOCH, or LEAVE_STATIC_EPOCH of a member that will be back. Raises Refusal."""
        member = self.find_member(member_id, instance_id)
        if instance_id is not None and epoch == LEAVE_STATIC_EPOCH:
            away = member.copy()
            away.epoch = LEAVE_STATIC_EPOCH
            away.revoking = {}
            self.home.change(self.member_change(away))
            self.members[member_id].rebalance_deadline_ms = 0
        else:
            self.fence([member_id])
        return BeatAnswer(member_id, epoch if instance_id is not None else LEAVE_EPOCH, 0)

    def fence(self, member_ids: list[str]) -> None:
        """They are members no more, and what they had is free."""
        for member_id in member_ids:
            self.home.change(self.removal_change(member_id))
        self.home.change(self.epoch_change(self.epoch + 1, self._subscribed_metadata()))

    def on_time(self) -> None:
        now_ms = self.core.now_ms
        failed: list[str] = []
        for member in self.members.values():
            if 0 < member.deadline_ms <= now_ms or 0 < member.rebalance_deadline_ms <= now_ms:
                failed.append(member.member_id)
        if failed:
            self.fence(failed)
        earliest: i64 = 0
        for member in self.members.values():
            if earliest == 0 or member.deadline_ms < earliest:
                earliest = member.deadline_ms
            if 0 < member.rebalance_deadline_ms < earliest:
                earliest = member.rebalance_deadline_ms
        if earliest > 0:
            self.wake_at(earliest)


def _is_full(beat: Beat) -> bool:
    """The member has said everything: it does not know what it has."""
    if beat.epoch == JOIN_EPOCH:
        return True
    return (
        beat.rebalance_timeout_ms != -1
        and (beat.topics is not None or beat.pattern is not None)
        and beat.owned is not None
    )


def _is_within(owned: Partitions | None, assigned: Partitions) -> bool:
    if owned is None:
        return False
    for topic_id, partitions in owned.items():
        if not partitions <= assigned.get(topic_id, set()):
            return False
    return True
