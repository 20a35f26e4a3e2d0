"""Share groups, as one principal may use them: the part of Access that speaks of shared records. It authorises.

Every method that can be denied raises Refusal. What it changes durably is safe when `Access.position()` is durable.
Spec: Kafka documentation, "Operations and Resources on Protocols", the share group APIs.
"""

from typing import Final

from onemq.engine.acls import CLUSTER, CLUSTER_NAME, DELETE, DESCRIBE, GROUP, READ, TOPIC
from onemq.engine.authority import Authority
from onemq.engine.counters import Tally
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.share.fetching import ShareAsk, ShareFetch, ShareFetchWaiter
from onemq.engine.share.group import ShareBeat, ShareBeatAnswer, ShareGroup
from onemq.engine.share.groups import ShareGroups
from onemq.engine.share.partition import Acknowledgement, SharePartition
from onemq.engine.share.sessions import FIRST_EPOCH, LAST_EPOCH, Place, ShareSession
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topic_access import TopicAccess
from onemq.model.refusal import Reason, Refusal

NOT_STARTED: Final = -1


class ShareAccess:
    """See the module. One for each connection: what its members hold is released with it."""

    def __init__(
        self, groups: ShareGroups, authority: Authority, topics: TopicAccess, namespace: str, tally: Tally
    ) -> None:
        groups.owners += 1
        self._owner = groups.owners
        self._groups = groups
        self._authority = authority
        self._tally = tally
        self._topics = topics
        self._namespace = namespace
        self._has_sessions = False

    def _key(self, group: str, operation: int) -> GroupKey:
        """Refusal ACCESS_DENIED."""
        self._authority.demand(GROUP, operation, group)
        return (self._namespace, group)

    def close(self) -> None:
        """The connection is gone."""
        if self._has_sessions:
            self._groups.close_owner(self._owner)

    # Members.

    def heartbeat(self, group: str, beat: ShareBeat) -> ShareBeatAnswer:
        """Refusal ACCESS_DENIED, and those of `ShareGroups.heartbeat`."""
        key = self._key(group, READ)
        for topic in beat.topics or []:
            self._authority.demand(TOPIC, DESCRIBE, topic)
        return self._groups.heartbeat(key, beat)

    # Sessions.

    def open_session(self, group: str, member: str, places: list[Place]) -> list[Place]:
        """Refusal ACCESS_DENIED, NOT_FOUND ("group"), SESSION_LIMIT."""
        key = self._key(group, READ)
        self._groups.find(key)
        session = self._groups.sessions.open(key, member, self._owner)
        self._has_sessions = True
        self._add(session, places)
        return list(session.places)

    def use_session(
        self, group: str, member: str, epoch: int, added: list[Place], forgotten: list[Place]
    ) -> list[Place]:
        """A further request: its partitions, another one first each time. Refusal ACCESS_DENIED, SESSION_UNKNOWN, SESSION_EPOCH."""
        session = self._groups.sessions.use(self._key(group, READ), member, epoch, self._owner)
        self._has_sessions = True
        self._add(session, added)
        for place in forgotten:
            session.places.pop(place, None)
        places = list(session.places)
        if len(places) > 1:
            first = epoch % len(places)
            places = places[first:] + places[:first]
        return places

    def _add(self, session: ShareSession, places: list[Place]) -> None:
        most = self._groups.settings.places_max
        if len(session.places) + len(places) > most:
            self._groups.close_session(session.key, session.member, True)
            raise Refusal(Reason.SESSION_LIMIT, "share session", session.member, f"{most} partitions")
        for place in places:
            session.places[place] = True

    def check_session(self, group: str, member: str, epoch: int) -> None:
        """Of an acknowledgement by itself. Refusal ACCESS_DENIED, SESSION_UNKNOWN, SESSION_EPOCH."""
        key = self._key(group, READ)
        if epoch == FIRST_EPOCH:
            raise Refusal(Reason.SESSION_EPOCH, "share session", member, wanted="0")
        if epoch == LAST_EPOCH:
            self._groups.sessions.find(key, member)
        else:
            self._groups.sessions.use(key, member, epoch, self._owner)

    def close_session(self, group: str, member: str) -> None:
        """The member is done: what it still holds was not delivered to anybody."""
        self._groups.close_session(self._key(group, READ), member, False)

    # Records.

    def share(self, group: str, topic_id: bytes, index: int) -> SharePartition:
        """Refusal ACCESS_DENIED, NOT_FOUND ("topic id", "partition", "group")."""
        key = self._key(group, READ)
        topic = self._topics.find_id(topic_id)
        self._authority.demand(TOPIC, READ, topic.name)
        self._topics.partition(topic, index)
        self._groups.find(key)
        return self._groups.share(key, topic, index)

    def fetch(self, shares: list[SharePartition], ask: ShareAsk, waiter: ShareFetchWaiter) -> ShareFetch:
        """Of share partitions that `share` gave. The waiter is answered now or later."""
        return self._groups.fetch(shares, ask, waiter, self._tally)

    def acknowledge(self, share: SharePartition, member: str, items: list[Acknowledgement]) -> None:
        """All of them or none. Refusal UNKNOWN_DELIVERY, INVALID."""
        accepted = share.acknowledge(member, items)
        self._tally.acknowledged("stream", accepted)

    def lock_ms(self, group: str) -> int:
        """For how long what is fetched now is kept from others."""
        return self._groups.share_terms(group).lock_ms()

    # Administration.

    def groups(self) -> list[ShareGroup]:
        """All that may be described."""
        authority = self._authority
        all_of_them = authority.allows(CLUSTER, DESCRIBE, CLUSTER_NAME)
        found: list[ShareGroup] = []
        for key, group in self._groups.groups.items():
            if key[0] == self._namespace and (all_of_them or authority.allows(GROUP, DESCRIBE, key[1])):
                found.append(group)
        return found

    def listed(self, group: str) -> ShareGroup | None:
        """One of `groups`."""
        found = self._groups.groups.get((self._namespace, group))
        authority = self._authority
        if found is None:
            return None
        if authority.allows(CLUSTER, DESCRIBE, CLUSTER_NAME) or authority.allows(GROUP, DESCRIBE, group):
            return found
        return None

    def describe(self, group: str) -> ShareGroup:
        """Not to be changed. Refusal ACCESS_DENIED, NOT_FOUND."""
        return self._groups.find(self._key(group, DESCRIBE))

    def has(self, group: str) -> bool:
        return (self._namespace, group) in self._groups.groups

    def delete(self, group: str) -> None:
        """Refusal ACCESS_DENIED, NOT_FOUND, GROUP_NOT_EMPTY."""
        with self._authority.audit.doing("delete", "share group", group):
            self._groups.delete(self._key(group, DELETE))

    def started(self, group: str) -> dict[str, list[int]]:
        """Where the group reads, of topics that may be described; a group that does not exist, nowhere. Refusal ACCESS_DENIED."""
        key = self._key(group, DESCRIBE)
        found: dict[str, list[int]] = {}
        for share in self._groups.shares.get(key, {}).values():
            if share.records.start >= 0 and self._topics.may_describe(share.topic.name):
                found.setdefault(share.topic.name, []).append(share.index)
        return found

    def progress(self, group: str, topic: Topic, index: int) -> tuple[int, int]:
        """First offset that is not done with, and how many records are not; NOT_STARTED twice for nothing. Refusal ACCESS_DENIED,
        NOT_FOUND (the partition)."""
        key = self._key(group, DESCRIBE)
        partition = self._topics.partition(topic, index)
        share = self._groups.shares.get(key, {}).get((topic.topic_id, index))
        if share is None or share.records.start < 0:
            return (NOT_STARTED, NOT_STARTED)
        start = int(max(share.records.start, partition.log.start_offset))
        return (start, max(int(partition.log.visible_end) - start - share.records.done_count(), 0))

    def check_forget(self, group: str) -> None:
        """Refusal ACCESS_DENIED, NOT_FOUND, GROUP_NOT_EMPTY."""
        self._groups.check_empty(self._groups.find(self._key(group, DELETE)))

    def check_reset(self, group: str) -> None:
        """Refusal ACCESS_DENIED, NOT_FOUND (a group of another type), GROUP_NOT_EMPTY."""
        self._groups.check_reset(self._key(group, READ))

    def reset(self, group: str, topic: Topic, index: int, offset: int) -> None:
        """The group reads from here; one that does not exist is made. Refusal ACCESS_DENIED, NOT_FOUND, GROUP_NOT_EMPTY, LIMIT."""
        detail = f"{topic.name}, partition {index}, to {offset}"
        with self._authority.audit.doing("reset offsets", "share group", group, detail):
            self._authority.demand(TOPIC, READ, topic.name)
            self._topics.partition(topic, index)
            self._groups.reset(self._key(group, READ), topic, index, offset)

    def forget(self, group: str, topic: Topic) -> bool:
        """As if it had never read the topic. False when it had not. Refusal ACCESS_DENIED, NOT_FOUND, GROUP_NOT_EMPTY."""
        with self._authority.audit.doing("delete offsets", "share group", group, topic.name):
            self._authority.demand(TOPIC, READ, topic.name)
            return self._groups.forget(self._key(group, DELETE), topic)
