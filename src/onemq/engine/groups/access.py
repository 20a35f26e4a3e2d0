"""Groups, as one principal may use them: the part of Access that speaks of members and committed offsets. It authorises.

Methods that can be denied raise Refusal; joins and syncs are answered through their waiters. What changes durably is safe
when `Access.position()` is durable.
Spec: Kafka documentation, "Operations and Resources on Protocols", the group APIs.
"""

from typing import Final

from onemq.engine.acls import CLUSTER, CLUSTER_NAME, DELETE, DESCRIBE, GROUP, READ, TOPIC
from onemq.engine.authority import Authority
from onemq.engine.groups.classic_member import Joined, JoinRequest, JoinWaiter, Synced, SyncWaiter
from onemq.engine.groups.consumer import ConsumerGroup
from onemq.engine.groups.consumer_member import Beat, BeatAnswer
from onemq.engine.groups.description import (
    ClassicView,
    ConsumerView,
    Listed,
    classic_view,
    consumer_view,
    listed,
)
from onemq.engine.groups.group import Membership
from onemq.engine.groups.groups import Groups, not_found
from onemq.engine.groups.offsets import Commit, Committed
from onemq.engine.groups.topic_book import Visibility
from onemq.model.refusal import Reason, Refusal

RESETS_TOLD: Final = 20
"""Of the offsets that are reset at once, so many are written down."""


class GroupAccess:
    """See the module. group: its name; "" is no group, but offsets may be kept under it."""

    def __init__(self, groups: Groups, authority: Authority, namespace: str) -> None:
        self._groups = groups
        self._authority = authority
        self._namespace = namespace
        self._visible = _Describable(authority)

    def _key(self, group: str) -> tuple[str, str]:
        return (self._namespace, group)

    def _named(self, group: str, operation: int) -> tuple[str, str]:
        """Raises Refusal ACCESS_DENIED, GROUP_ID."""
        self._authority.demand(GROUP, operation, group)
        if not group:
            raise Refusal(Reason.GROUP_ID, "group", group)
        return (self._namespace, group)

    # Members.

    def join(self, group: str, request: JoinRequest, waiter: JoinWaiter) -> None:
        try:
            key = self._named(group, READ)
        except Refusal as refusal:
            waiter.joined(Joined("", refusal))
            return
        self._groups.join(key, request, waiter)

    def sync(
        self,
        group: str,
        member: Membership,
        protocol_type: str | None,
        protocol_name: str | None,
        assignments: dict[str, bytes],
        waiter: SyncWaiter,
    ) -> None:
        try:
            key = self._named(group, READ)
        except Refusal as refusal:
            waiter.synced(Synced(refusal))
            return
        self._groups.sync(key, member, protocol_type, protocol_name, assignments, waiter)

    def heartbeat(self, group: str, member: Membership) -> None:
        """Raises Refusal UNKNOWN_MEMBER, FENCED_INSTANCE, STALE_GENERATION, REBALANCING."""
        self._groups.heartbeat(self._named(group, READ), member)

    def leave(self, group: str, members: list[Membership]) -> list[Refusal | None]:
        """One answer for each."""
        return self._groups.leave(self._named(group, READ), members)

    def consumer_heartbeat(self, group: str, beat: Beat) -> BeatAnswer:
        """Refusal FENCED_EPOCH, UNKNOWN_MEMBER, GROUP_FULL, NOT_FOUND, UNRELEASED_INSTANCE, INVALID_PATTERN, ..."""
        self._authority.demand(GROUP, READ, group)
        for topic in beat.topics or []:
            if not self._visible.sees(topic):
                raise Refusal(Reason.ACCESS_DENIED, "topic", topic, "describe")
        return self._groups.consumer_heartbeat(self._key(group), beat, self._visible)

    # Offsets.

    def commit(self, group: str, member: Membership, commits: list[Commit], modern: bool) -> None:
        """Those that have no `refused` yet. Raises Refusal for all; sets `refused` of single ones.

        modern: the request is one that members of groups with server-side assignment may use.
        """
        self._authority.demand(GROUP, READ, group)
        moved_back = "" if member.generation >= 0 else self._moved_back(group, commits)
        self._groups.commit(self._key(group), member, commits, modern)
        if moved_back:
            # Kafka has no request of its own for it: tools reset a group's offsets by such a commit.
            with self._authority.audit.doing("reset offsets", "group", group, moved_back):
                pass

    def reset(self, group: str, commits: list[Commit]) -> None:
        """The group, which must have no members, reads on from there. Refusal ACCESS_DENIED (read: group, topics), UNKNOWN_MEMBER, ...;
        nothing is changed then."""
        told = ", ".join(
            [f"{each.topic} {each.partition} to {each.offset}" for each in commits[:RESETS_TOLD]]
        )
        with self._authority.audit.doing("reset offsets", "group", group, told):
            self._authority.demand(GROUP, READ, group)
            for each in commits:
                self._authority.demand(TOPIC, READ, each.topic)
            self._groups.commit(self._key(group), Membership(), commits, True)
            for each in commits:
                if each.refused is not None:
                    raise each.refused

    def _moved_back(self, group: str, commits: list[Commit]) -> str:
        """Where a commit goes back behind what stands, for people."""
        found: list[str] = []
        for commit in commits:
            stands = self._groups.book.find(self._key(group), commit.topic, commit.partition)
            if stands is not None and commit.refused is None and commit.offset < stands.offset:
                found.append(f"{commit.topic} {commit.partition} from {stands.offset} to {commit.offset}")
        return ", ".join(found)

    def commit_transactional(
        self, group: str, producer_id: int, commits: list[Commit], member: Membership
    ) -> None:
        """As part of the producer's transaction."""
        self._groups.commit_transactional(
            self._namespace, self._named(group, READ)[1], producer_id, commits, member
        )

    def check_fetch(self, group: str, member_id: str, epoch: int) -> None:
        """Before `committed`: refuses all. "" and -1: no member in particular. Refusal STALE_EPOCH, UNKNOWN_MEMBER."""
        self._authority.demand(GROUP, DESCRIBE, group)
        self._groups.check_fetch(self._key(group), member_id, epoch)

    def committed(self, group: str, topic: str, partition: int, stable: bool) -> Committed | None:
        """stable: Refusal UNSTABLE_OFFSET while a transaction is open that would change it."""
        key = self._key(group)
        if stable and self._groups.book.is_pending(key, topic, partition):
            raise Refusal(Reason.UNSTABLE_OFFSET, "topic", topic)
        return self._groups.book.find(key, topic, partition)

    def committed_partitions(self, group: str) -> dict[str, list[int]]:
        """Where the group has offsets, of topics that this principal may know of."""
        found: dict[str, list[int]] = {}
        for topic, partitions in self._groups.book.table(self._key(group)).items():
            if self._visible.sees(topic):
                found[topic] = sorted(partitions)
        return found

    def delete_offsets(self, group: str, wanted: list[Commit]) -> None:
        """Sets `refused` of those that are not deleted. Refusal NOT_FOUND, GROUP_NOT_EMPTY."""
        topics = ", ".join(sorted({commit.topic for commit in wanted}))
        with self._authority.audit.doing("delete offsets", "group", group, topics):
            self._groups.delete_offsets(self._named(group, DELETE), wanted)

    # Administration.

    def check_describe(self, group: str) -> None:
        """Raises Refusal ACCESS_DENIED."""
        self._authority.demand(GROUP, DESCRIBE, group)

    def list(self) -> list[Listed]:
        """All that may be described."""
        authority = self._authority
        all_of_them = authority.allows(CLUSTER, DESCRIBE, CLUSTER_NAME)
        found: list[Listed] = []
        for key, group in self._groups.groups.items():
            if key[0] == self._namespace and (all_of_them or authority.allows(GROUP, DESCRIBE, key[1])):
                found.append(listed(group))
        return found

    def listed(self, group: str) -> Listed | None:
        """One of `list`."""
        found = self._groups.groups.get((self._namespace, group))
        authority = self._authority
        if found is None:
            return None
        if authority.allows(CLUSTER, DESCRIBE, CLUSTER_NAME) or authority.allows(GROUP, DESCRIBE, group):
            return listed(found)
        return None

    def describe_classic(self, group: str) -> ClassicView:
        """`found` False for none of that name and type."""
        self._authority.demand(GROUP, DESCRIBE, group)
        return classic_view(group, self._groups.groups.get(self._key(group)))

    def describe_consumer(self, group: str) -> ConsumerView:
        """Refusal NOT_FOUND for none of that name and type."""
        key = self._named(group, DESCRIBE)
        found = self._groups.find(key)
        if not isinstance(found, ConsumerGroup):
            raise not_found(key)
        return consumer_view(found)

    def delete(self, group: str) -> None:
        """With its offsets. Refusal NOT_FOUND, GROUP_NOT_EMPTY."""
        with self._authority.audit.doing("delete", "group", group):
            self._authority.demand(GROUP, DELETE, group)
            self._groups.delete(self._key(group))


class _Describable(Visibility):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def sees(self, topic: str) -> bool:
        return self._authority.allows(TOPIC, DESCRIBE, topic)
