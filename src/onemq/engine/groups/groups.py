"""Groups by name: what members, committers and administrators of a group ask, brought to the group that it concerns.

Must not: authorise (GroupAccess does).
Spec: Kafka's group coordinator.
"""

from onemq.engine.groups.classic import ClassicGroup
from onemq.engine.groups.classic_member import Joined, JoinRequest, JoinWaiter, Synced, SyncWaiter
from onemq.engine.groups.consumer import ConsumerGroup
from onemq.engine.groups.consumer_member import JOIN_EPOCH, Beat, BeatAnswer
from onemq.engine.groups.group import Group, Membership, unknown_member
from onemq.engine.groups.group_store import GroupStore, offsets_change
from onemq.engine.groups.offsets import NO_PRODUCER, Commit, GroupKey, row
from onemq.engine.groups.pattern import TopicPattern
from onemq.engine.groups.topic_book import Visibility
from onemq.model.refusal import Reason, Refusal


class Groups(GroupStore):
    """See the module."""

    # Look-up.

    def find(self, key: GroupKey) -> Group:
        """Raises Refusal NOT_FOUND."""
        group = self.groups.get(key)
        if group is None:
            raise not_found(key)
        return group

    def _check_room(self, key: GroupKey) -> None:
        if self.others is not None and self.others.has(key):
            raise Refusal(Reason.NOT_FOUND, "group", key[1], f"Group {key[1]} is not a group of this type.")
        if key not in self.groups and len(self.groups) >= self.settings.groups_max:
            raise Refusal(Reason.LIMIT, "group", key[1], f"{self.settings.groups_max} groups")

    def _member_group(self, key: GroupKey) -> ClassicGroup:
        group = self.groups.get(key)
        if isinstance(group, ClassicGroup):
            return group
        raise unknown_member("")

    # Classic groups.

    def join(self, key: GroupKey, request: JoinRequest, waiter: JoinWaiter) -> None:
        """Answers through the waiter."""
        try:
            group = self._group_to_join(key, request)
        except Refusal as refusal:
            waiter.joined(Joined(request.member_id, refusal))
            return
        group.join(request, waiter)

    def _group_to_join(self, key: GroupKey, request: JoinRequest) -> ClassicGroup:
        timeout_ms = request.session_timeout_ms
        if (
            timeout_ms < self.settings.session_timeout_min_ms
            or timeout_ms > self.settings.session_timeout_max_ms
        ):
            raise Refusal(Reason.SESSION_TIMEOUT_RANGE, "group", key[1], str(timeout_ms))
        size = 0
        for offered in request.protocols:
            size += len(offered.name) + len(offered.metadata)
        if size > self.settings.member_metadata_bytes_max:
            raise Refusal(Reason.INVALID, "request", key[1], f"{size} bytes of metadata")
        group = self.groups.get(key)
        if isinstance(group, ClassicGroup):
            return group
        if group is not None and not group.is_empty():
            raise Refusal(Reason.INCONSISTENT_PROTOCOL, "group", key[1])
        if request.member_id != "":
            raise unknown_member(request.member_id)
        self._check_room(key)
        return self.new_classic(key)

    def sync(
        self,
        key: GroupKey,
        member: Membership,
        protocol_type: str | None,
        protocol_name: str | None,
        assignments: dict[str, bytes],
        waiter: SyncWaiter,
    ) -> None:
        """Answers through the waiter."""
        group = self.groups.get(key)
        if not isinstance(group, ClassicGroup):
            waiter.synced(Synced(unknown_member(member.member_id)))
            return
        group.sync(
            member.member_id,
            member.instance_id,
            member.generation,
            protocol_type,
            protocol_name,
            assignments,
            waiter,
        )

    def heartbeat(self, key: GroupKey, member: Membership) -> None:
        self._member_group(key).heartbeat(member.member_id, member.instance_id, member.generation)

    def leave(self, key: GroupKey, members: list[Membership]) -> list[Refusal | None]:
        return self._member_group(key).leave(members)

    # Groups with server-side assignment.

    def consumer_heartbeat(self, key: GroupKey, beat: Beat, visible: Visibility) -> BeatAnswer:
        if beat.epoch < JOIN_EPOCH:
            group = self.groups.get(key)
            if not isinstance(group, ConsumerGroup):
                raise not_found(key)
            return group.leave(beat.member_id, beat.instance_id, beat.epoch)
        return self._consumer_group(key, beat).heartbeat(beat, visible)

    def _consumer_group(self, key: GroupKey, beat: Beat) -> ConsumerGroup:
        group = self.groups.get(key)
        if isinstance(group, ConsumerGroup):
            return group
        if beat.epoch != JOIN_EPOCH or (group is not None and not group.is_empty()):
            raise not_found(key)
        if beat.pattern:
            # Raises before an empty classic group is given up for this one.
            TopicPattern(beat.pattern, self.settings.pattern_length_max)
        self._check_room(key)
        return self.new_consumer(key)

    # Offsets.

    def commit(self, key: GroupKey, member: Membership, commits: list[Commit], modern: bool) -> None:
        """Raises Refusal for all of them; sets `refused` of single ones."""
        group = self.groups.get(key)
        if group is None:
            if member.generation >= 0:
                if modern:
                    raise not_found(key)
                raise Refusal(Reason.STALE_GENERATION, "group", key[1])
            self._check_room(key)
        else:
            group.check_commit(member, False, modern)
        self._put(key, NO_PRODUCER, commits)
        if group is not None and member.generation >= 0:
            group.committed(member)

    def commit_transactional(
        self, namespace: str, name: str, producer_id: int, commits: list[Commit], member: Membership
    ) -> None:
        """As TxnOffsetCommit: they stand once the producer's transaction is committed. Raises Refusal for all of them; sets
        `refused` of single ones."""
        key = (namespace, name)
        group = self.groups.get(key)
        if group is None:
            if member.generation >= 0:
                raise Refusal(Reason.STALE_GENERATION, "group", name)
            self._check_room(key)
        else:
            try:
                group.check_commit(member, True, True)
            except Refusal as refusal:
                if refusal.reason == Reason.STALE_EPOCH:
                    raise Refusal(Reason.STALE_GENERATION, "group", name) from refusal
                raise
        self._put(key, producer_id, commits)

    def _put(self, key: GroupKey, producer_id: int, commits: list[Commit]) -> None:
        rows: list[object] = []
        number = int(self.book.number)
        for commit in commits:
            if commit.refused is not None:
                continue
            if len(commit.metadata) > self.settings.offset_metadata_bytes_max:
                commit.refused = Refusal(Reason.METADATA_TOO_LARGE, "topic", commit.topic)
                continue
            number += 1
            rows.append(
                row(
                    commit.topic,
                    commit.partition,
                    commit.offset,
                    commit.leader_epoch,
                    commit.metadata,
                    int(self.core.now_ms),
                    number,
                )
            )
        if rows:
            self.change(offsets_change(key, producer_id, rows))

    def end_transaction(self, producer_id: int, commit: bool) -> None:
        """The producer's pending offsets become committed, or vanish. Idempotent."""
        if producer_id in self.book.pending:
            self.change({"op": "transaction", "producer": producer_id, "commit": commit})

    def pending_producers(self) -> list[int]:
        """Producers with offsets in an open transaction."""
        return list(self.book.pending)

    def check_fetch(self, key: GroupKey, member_id: str, epoch: int) -> None:
        """Raises Refusal if this member may not be told offsets."""
        group = self.groups.get(key)
        if group is not None:
            group.check_fetch(member_id, epoch)

    def delete_offsets(self, key: GroupKey, wanted: list[Commit]) -> None:
        """Sets `refused` of those that are not deleted. Raises Refusal NOT_FOUND, GROUP_NOT_EMPTY."""
        group = self.find(key)
        group.check_offset_delete()
        rows: list[object] = []
        for item in wanted:
            if item.refused is not None:
                continue
            if group.is_subscribed(item.topic):
                item.refused = Refusal(Reason.GROUP_SUBSCRIBED, "topic", item.topic)
            elif self.book.find(key, item.topic, item.partition) is not None:
                rows.append([item.topic, item.partition])
        if rows:
            self.change({"op": "offsets-", "ns": key[0], "group": key[1], "rows": rows})

    # Administration.

    def delete(self, key: GroupKey) -> None:
        """With its offsets. Raises Refusal NOT_FOUND, GROUP_NOT_EMPTY."""
        if not self.find(key).is_empty():
            raise Refusal(Reason.GROUP_NOT_EMPTY, "group", key[1])
        self.change({"op": "group-", "ns": key[0], "group": key[1]})


def not_found(key: GroupKey) -> Refusal:
    return Refusal(Reason.NOT_FOUND, "group", key[1], f"Group {key[1]} not found.")
