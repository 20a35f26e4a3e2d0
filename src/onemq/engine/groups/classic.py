"""Classic groups: members assign among themselves, the broker keeps order. What members ask, answered.

Must not: authorise; understand metadata and assignments.
Spec: Kafka JoinGroup, SyncGroup, Heartbeat, LeaveGroup; KIP-345, KIP-394, KIP-559, KIP-814.
"""

from onemq.engine.core import Core
from onemq.engine.groups.classic_member import (
    ClassicMember,
    Joined,
    JoinRequest,
    JoinWaiter,
    Synced,
    SyncWaiter,
)
from onemq.engine.groups.classic_rebalance import ClassicRebalance
from onemq.engine.groups.classic_state import COMPLETING, PREPARING
from onemq.engine.groups.group import EMPTY, STABLE, Membership, unknown_member
from onemq.model.refusal import Reason, Refusal


class ClassicGroup(ClassicRebalance):
    """See the module."""

    # Join.

    def join(self, request: JoinRequest, waiter: JoinWaiter) -> None:
        """Answers through the waiter, at once or when the generation is complete."""
        if not self._accepts(request.member_id):
            self.remove(request.member_id)
            waiter.joined(Joined("", Refusal(Reason.GROUP_FULL, "group", self.key[1])))
            self.complete_if_joined()
            return
        try:
            if not self.supports(request.protocol_type, request.protocols):
                raise Refusal(Reason.INCONSISTENT_PROTOCOL, "group", self.key[1])
            if request.member_id == "":
                self._join_new(request, waiter)
            else:
                self._join_known(request, waiter)
        except Refusal as refusal:
            waiter.joined(Joined(request.member_id, refusal))

    def _accepts(self, member_id: str) -> bool:
        limit = self.settings.members_max
        if self.state == EMPTY:
            # Ids that were handed out take room as well.
            return member_id != "" or len(self.pending) < limit
        known = self.members.get(member_id)
        if self.state == PREPARING:
            return (known is not None and known.join_waiter is not None) or self.waiting_count() < limit
        return (
            known is not None
            or len(self.members) + (0 if member_id in self.pending else len(self.pending)) < limit
        )

    def _join_new(self, request: JoinRequest, waiter: JoinWaiter) -> None:
        instance_id = request.instance_id
        if instance_id is not None:
            member_id = new_id(self.core, instance_id)
            if instance_id in self.statics:
                self._come_back(request, instance_id, member_id, waiter)
            else:
                self.admit(request, member_id, waiter)
            return
        member_id = new_id(self.core, request.client_id)
        if request.needs_member_id:
            self.expect_id(member_id, request.session_timeout_ms)
            waiter.joined(Joined(member_id, Refusal(Reason.MEMBER_ID_REQUIRED, "member", member_id)))
        else:
            self.admit(request, member_id, waiter)

    def _come_back(self, request: JoinRequest, instance_id: str, member_id: str, waiter: JoinWaiter) -> None:
        """A static member without its id: it gets a new one, and its place. A stable group stays so."""
        old_leader = self.leader or ""
        member = self.replace(instance_id, member_id)
        self.update(member, request, waiter)
        self.expect(member, member.session_timeout_ms)
        if self.state == COMPLETING:
            # The leader assigns to the id that it was told: all have to start over.
            self.prepare()
        elif self.state != STABLE:
            self.complete_if_joined()
        elif self.select_protocol() != self.protocol_name:
            self.prepare()
        else:
            self.write()
            result = self.joined(member)
            if not request.may_skip_assignment:
                # It would take itself for a leader that has to assign: the old id keeps it from that.
                result.leader = old_leader
                result.members = []
            elif result.leader == member_id:
                result.skip_assignment = True
            member.tell_joined(result)

    def _join_known(self, request: JoinRequest, waiter: JoinWaiter) -> None:
        member_id = request.member_id
        if member_id in self.pending:
            if request.instance_id is not None:
                raise unknown_member(member_id)
            self.admit(request, member_id, waiter)
            return
        self.check_member(member_id, request.instance_id)
        member = self.members[member_id]
        if self.state == EMPTY:
            raise unknown_member(member_id)
        same = member.matches(request.protocols)
        if (self.state == COMPLETING and same) or (
            self.state == STABLE and same and self.leader != member_id
        ):
            waiter.joined(self.joined(member))
        else:
            self.update(member, request, waiter)
            self.rebalance()

    # Sync.

    def sync(
        self,
        member_id: str,
        instance_id: str | None,
        generation: int,
        protocol_type: str | None,
        protocol_name: str | None,
        assignments: dict[str, bytes],
        waiter: SyncWaiter,
    ) -> None:
        """Answers through the waiter, at once or when the leader has assigned."""
        try:
            self._check_sync(member_id, instance_id, generation, protocol_type, protocol_name)
        except Refusal as refusal:
            waiter.synced(Synced(refusal))
            return
        member = self.members[member_id]
        self.has_synced(member_id)
        if self.state == STABLE:
            waiter.synced(self.synced(member))
            return
        member.tell_synced(Synced(Refusal(Reason.REBALANCING, "group", self.key[1], "asked again elsewhere")))
        member.sync_waiter = waiter
        if self.leader == member_id:
            self.assign(assignments)

    def _check_sync(
        self,
        member_id: str,
        instance_id: str | None,
        generation: int,
        protocol_type: str | None,
        protocol_name: str | None,
    ) -> None:
        if self.state == EMPTY:
            raise unknown_member(member_id)
        self.check_member(member_id, instance_id)
        self.check_generation(generation)
        if protocol_type is not None and protocol_type != self.protocol_type:
            raise Refusal(Reason.INCONSISTENT_PROTOCOL, "group", self.key[1], protocol_type)
        if protocol_name is not None and protocol_name != self.protocol_name:
            raise Refusal(Reason.INCONSISTENT_PROTOCOL, "group", self.key[1], protocol_name)
        if self.state == PREPARING:
            raise Refusal(Reason.REBALANCING, "group", self.key[1])

    # Heartbeat and leave.

    def heartbeat(self, member_id: str, instance_id: str | None, generation: int) -> None:
        """Raises Refusal UNKNOWN_MEMBER, FENCED_INSTANCE, STALE_GENERATION, REBALANCING."""
        self.check_member(member_id, instance_id)
        self.check_generation(generation)
        member = self.members[member_id]
        self.expect(member, member.session_timeout_ms)
        if self.state == PREPARING:
            raise Refusal(Reason.REBALANCING, "group", self.key[1])

    def leave(self, members: list[Membership]) -> list[Refusal | None]:
        """One answer for each. "" with an instance id: an administrator removes that static member."""
        answers: list[Refusal | None] = []
        left = False
        for member in members:
            try:
                self._leave_one(member)
                answers.append(None)
                left = True
            except Refusal as refusal:
                answers.append(refusal)
        if left:
            self.after_removal()
        return answers

    def _leave_one(self, member: Membership) -> None:
        member_id = member.member_id
        if member_id == "":
            current = None if member.instance_id is None else self.statics.get(member.instance_id)
            if current is None:
                raise unknown_member(member_id)
            self.remove(current)
        elif member_id in self.pending:
            self.remove(member_id)
        else:
            self.check_member(member_id, member.instance_id)
            self.remove(member_id)

    def committed(self, member: Membership) -> None:
        """Commits keep a member alive."""
        found: ClassicMember | None = self.members.get(member.member_id)
        if found is not None and (self.state == STABLE or self.state == PREPARING):
            self.expect(found, found.session_timeout_ms)


def new_id(core: Core, prefix: str) -> str:
    """An id for a member: the prefix, and a random UUID."""
    number = bytearray(core.entropy(16))
    number[6] = (number[6] & 0x0F) | 0x40
    number[8] = (number[8] & 0x3F) | 0x80
    digits = number.hex()
    return "-".join([prefix, digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
