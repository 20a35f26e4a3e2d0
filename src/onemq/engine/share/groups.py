"""Share groups by name: what members and administrators ask, brought to the group and the share partitions that it concerns.

Must not: authorise (ShareAccess does).
Spec: KIP-932.
"""

from mypy_extensions import i64

from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.counters import Tally
from onemq.engine.group_configs import SHARE_HEARTBEAT_INTERVAL_MS, SHARE_SESSION_TIMEOUT_MS
from onemq.engine.groups.group_store import GroupStore
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.topic_book import OtherGroups, TopicBook
from onemq.engine.share.fetching import ShareAsk, ShareFetch, ShareFetchWaiter
from onemq.engine.share.group import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    ShareBeat,
    ShareBeatAnswer,
    ShareClock,
    ShareGroup,
    ShareMember,
    ShareTimer,
)
from onemq.engine.share.group_store import ShareStore, member_change
from onemq.engine.share.partition import SharePartition
from onemq.engine.share.sessions import ShareSessions
from onemq.engine.share.settings import ShareSettings
from onemq.engine.share.terms import Terms
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topics import TopicListener
from onemq.model.refusal import Reason, Refusal


class ShareGroups(ShareStore):
    """See the module. others: groups of other types, which have their names from the same stock."""

    def __init__(
        self, core: Core, settings: ShareSettings, catalog: Catalog, topics: TopicBook, others: GroupStore
    ) -> None:
        super().__init__(core, settings, catalog, topics)
        self.sessions = ShareSessions(settings.sessions_max)
        self.owners = 0
        self._others = others
        self._timers: dict[GroupKey, ShareTimer] = {}
        self._clock = _Clock(self)

    def finish_recovery(self) -> None:
        for group in self.groups.values():
            group.restart()
            for member in group.members.values():
                self._expect(group, member)
        for places in self.shares.values():
            for share in places.values():
                share.restart()

    def find(self, key: GroupKey) -> ShareGroup:
        """Refusal NOT_FOUND."""
        group = self.groups.get(key)
        if group is None:
            raise Refusal(Reason.NOT_FOUND, "group", key[1], f"Group {key[1]} not found.")
        return group

    # Members.

    def heartbeat(self, key: GroupKey, beat: ShareBeat) -> ShareBeatAnswer:
        """Refusal NOT_FOUND ("group"), UNKNOWN_MEMBER, FENCED_EPOCH, GROUP_FULL, LIMIT."""
        if beat.epoch == LEAVE_EPOCH:
            group = self.find(key)
            group.find(beat.member_id)
            self._remove(group, [beat.member_id], True)
            return ShareBeatAnswer(LEAVE_EPOCH, 0, None)
        if len(beat.topics or []) > self.settings.topics_max:
            raise Refusal(Reason.LIMIT, "topics", key[1], f"{self.settings.topics_max} topics")
        group = self._group(key, beat.epoch == JOIN_EPOCH)
        member = group.members.get(beat.member_id)
        joins = member is None
        if member is None:
            if beat.epoch != JOIN_EPOCH:
                group.find(beat.member_id)
            if len(group.members) >= self.settings.members_max:
                raise Refusal(Reason.GROUP_FULL, "group", key[1], f"{self.settings.members_max} members")
            member = ShareMember(beat.member_id)
        else:
            group.check_epoch(member, beat.epoch)
        before = member.to_plain()
        changed = _update(member, beat)
        if joins:
            group.members[member.member_id] = member
        if group.refresh(changed or joins):
            self.change({"op": "epoch", "ns": key[0], "group": key[1], "epoch": group.epoch + 1})
            self._begin_reading(group)
        moved = member.epoch != group.epoch
        if moved:
            member.previous_epoch = member.epoch
            member.epoch = group.epoch
        if joins or member.to_plain() != before:
            self.core.note(self, member_change(key, member))
        self._expect(group, member)
        full = moved or beat.epoch == JOIN_EPOCH or beat.topics is not None or not member.informed
        if not member.informed:
            member.informed = True
            self._begin_reading(group)
        interval_ms = self.configs.whole(key[1], SHARE_HEARTBEAT_INTERVAL_MS)
        return ShareBeatAnswer(
            member.epoch, interval_ms, group.targets.get(member.member_id, {}) if full else None
        )

    def _group(self, key: GroupKey, make: bool) -> ShareGroup:
        """Refusal NOT_FOUND, LIMIT."""
        group = self.groups.get(key)
        if group is not None:
            return group
        self._check_name(key)
        if not make:
            return self.find(key)
        if len(self.groups) >= self.settings.groups_max:
            raise Refusal(Reason.LIMIT, "group", key[1], f"{self.settings.groups_max} share groups")
        group = ShareGroup(self.core, key, self.topics)
        self.groups[key] = group
        return group

    def _check_name(self, key: GroupKey) -> None:
        """Refusal NOT_FOUND when it is a group of another type."""
        if self._others.groups.get(key) is not None:
            raise Refusal(Reason.NOT_FOUND, "group", key[1], f"Group {key[1]} is not a share group.")

    def _begin_reading(self, group: ShareGroup) -> None:
        """Chooses where the group begins on partitions that it has not read yet."""
        space = self.catalog.namespaces[group.key[0]]
        for name in group.shapes:
            topic = space.topics[name]
            for index in range(len(topic.partitions)):
                self.share(group.key, topic, index).ensure_started()

    def _expect(self, group: ShareGroup, member: ShareMember) -> None:
        """The member has its whole time before it."""
        timeout_ms: i64 = self.configs.whole(group.key[1], SHARE_SESSION_TIMEOUT_MS)
        member.deadline_ms = self.core.now_ms + timeout_ms
        timer = self._timers.get(group.key)
        if timer is None:
            timer = ShareTimer(group, self._clock)
            self._timers[group.key] = timer
        self.core.schedule(timer, member.deadline_ms)

    def on_time(self, group: ShareGroup) -> None:
        """Members that have been silent for too long are out."""
        now = self.core.now_ms
        gone: list[str] = []
        earliest: i64 = 0
        for member in group.members.values():
            if member.deadline_ms <= now:
                gone.append(member.member_id)
            elif earliest == 0 or member.deadline_ms < earliest:
                earliest = member.deadline_ms
        if gone:
            self._remove(group, gone, True)
        if earliest > 0:
            self.core.schedule(self._timers[group.key], earliest)

    def _remove(self, group: ShareGroup, member_ids: list[str], delivered: bool) -> None:
        key = group.key
        for member_id in member_ids:
            self.change({"op": "member-", "ns": key[0], "group": key[1], "member": member_id})
            self.close_session(key, member_id, delivered)
        group.refresh(True)
        self.change({"op": "epoch", "ns": key[0], "group": key[1], "epoch": group.epoch + 1})
        self._begin_reading(group)

    # Records.

    def fetch(
        self,
        shares: list[SharePartition],
        ask: ShareAsk,
        waiter: ShareFetchWaiter,
        tally: Tally | None = None,
    ) -> ShareFetch:
        """Answers through the waiter. `shares`: one at least, of one group."""
        for share in shares:
            share.ensure_started()
        fetch = ShareFetch(self.core, shares, ask, waiter, tally)
        fetch.start()
        if not fetch.done:
            self.sessions.waits(shares[0].key, ask.member, fetch)
        return fetch

    def close_session(self, key: GroupKey, member_id: str, delivered: bool) -> None:
        """What the member holds is released; `delivered` False: as not delivered."""
        self.sessions.close(key, member_id)
        for share in self.shares.get(key, {}).values():
            share.release_all(member_id, delivered)

    def close_owner(self, owner: int) -> None:
        """A connection is gone. What its members held counts as delivered: a record that makes its readers crash has to come to
        its limit."""
        for session in self.sessions.of_owner(owner):
            self.close_session(session.key, session.member, True)

    def _close_sessions(self, key: GroupKey) -> None:
        """Of whoever reads without being a member."""
        for session in self.sessions.of_group(key):
            self.close_session(key, session.member, True)

    def share_terms(self, group: str) -> Terms:
        return Terms(self.configs, group)

    # Administration.

    def delete(self, key: GroupKey) -> None:
        """With its states. Refusal NOT_FOUND, GROUP_NOT_EMPTY."""
        self.check_empty(self.find(key))
        self._close_sessions(key)
        self._timers.pop(key, None)
        self.change({"op": "group-", "ns": key[0], "group": key[1]})

    def clear_namespace(self, name: str) -> None:
        for key in [*self.groups, *self.shares]:
            if key[0] == name:
                self.drop(key)

    def drop(self, key: GroupKey) -> None:
        """The group goes, whoever is in it: members that come back learn that they are unknown."""
        self._close_sessions(key)
        self._timers.pop(key, None)
        if key in self.groups or key in self.shares:
            self.change({"op": "group-", "ns": key[0], "group": key[1]})

    def check_empty(self, group: ShareGroup) -> None:
        """Refusal GROUP_NOT_EMPTY."""
        if group.members:
            raise Refusal(Reason.GROUP_NOT_EMPTY, "group", group.key[1], "the share group has members")

    def check_reset(self, key: GroupKey) -> None:
        """A group that does not exist may be reset: it is made then. Refusal NOT_FOUND (another type), GROUP_NOT_EMPTY."""
        group = self.groups.get(key)
        if group is None:
            self._check_name(key)
        else:
            self.check_empty(group)

    def reset(self, key: GroupKey, topic: Topic, index: int, offset: int) -> None:
        """The group reads the partition from `offset` on. Refusal NOT_FOUND (another type), GROUP_NOT_EMPTY, LIMIT."""
        group = self._group(key, True)
        self.check_empty(group)
        if group.epoch == 0:
            self.change({"op": "epoch", "ns": key[0], "group": key[1], "epoch": 1})
        log = topic.partitions[index].log
        start = log.start_offset if offset < log.start_offset else min(offset, log.visible_end)
        self.share(key, topic, index).start_at(start)

    def forget(self, key: GroupKey, topic: Topic) -> bool:
        """The group has never read the topic. False when that was so. Refusal NOT_FOUND, GROUP_NOT_EMPTY."""
        self.check_empty(self.find(key))
        self._close_sessions(key)
        found = False
        for index in range(len(topic.partitions)):
            if (topic.topic_id, index) in self.shares.get(key, {}):
                found = True
                self.change(
                    {
                        "op": "share-",
                        "ns": key[0],
                        "group": key[1],
                        "topic": topic.topic_id,
                        "partition": index,
                    }
                )
        return found


class _Clock(ShareClock):
    def __init__(self, groups: ShareGroups) -> None:
        self._groups = groups

    def on_time(self, group: ShareGroup) -> None:
        self._groups.on_time(group)


class TakenByShares(OtherGroups):
    """Other types of groups may not have the names of share groups."""

    def __init__(self, groups: ShareStore) -> None:
        self._groups = groups

    def has(self, key: GroupKey) -> bool:
        return key in self._groups.groups


class ForgetsShares(TopicListener):
    """With a topic go the states of its records."""

    def __init__(self, groups: ShareStore) -> None:
        self._groups = groups

    def topic_removed(self, topic: Topic) -> None:
        self._groups.topic_removed(topic)


def _update(member: ShareMember, beat: ShareBeat) -> bool:
    """Takes over what the heartbeat says. True when the member reads other topics now."""
    member.client_id = beat.client_id
    member.client_host = beat.client_host
    if beat.rack_id is not None:
        member.rack_id = beat.rack_id
    if beat.topics is None:
        return False
    topics = sorted(set(beat.topics))
    changed = topics != member.topics
    member.topics = topics
    return changed
