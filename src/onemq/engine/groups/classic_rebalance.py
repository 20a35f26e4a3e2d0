"""How a classic group comes from one generation to the next: who is waited for, how long, and who is dropped.

Must not: read requests.
Spec: Kafka's consumer rebalance protocol; KIP-134 (delay of the first rebalance), KIP-345 (static members stay).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.groups.classic_member import ClassicMember, Joined, JoinRequest, JoinWaiter, Synced
from onemq.engine.groups.classic_state import COMPLETING, PREPARING, ClassicState
from onemq.engine.groups.group import EMPTY, STABLE, Home
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.settings import GroupSettings
from onemq.model.refusal import Reason, Refusal

NEVER: Final = 0


class ClassicRebalance(ClassicState):
    """See the module.

    Attributes:
        join_deadline_ms: when the members that have joined go on without the others. sync_deadline_ms: when those that
            have not asked for their assignment are dropped. NEVER = not running.
    """

    def __init__(self, core: Core, settings: GroupSettings, home: Home, key: GroupKey) -> None:
        super().__init__(core, settings, home, key)
        self.join_deadline_ms: i64 = NEVER
        self.sync_deadline_ms: i64 = NEVER
        self._initial = False
        self._initial_delay_ms: i64 = 0
        self._initial_left_ms: i64 = 0
        self._newcomers = False

    # Deadlines.

    def expect(self, member: ClassicMember, timeout_ms: i64) -> None:
        """The member has to be heard of within that time."""
        member.deadline_ms = self.core.now_ms + timeout_ms
        self.wake_at(member.deadline_ms)

    def expect_id(self, member_id: str, timeout_ms: i64) -> None:
        """An id was handed out: it has to be used within that time."""
        at_ms = self.core.now_ms + timeout_ms
        self.pending[member_id] = int(at_ms)
        self.wake_at(at_ms)

    def _wait_for_joins(self, timeout_ms: i64) -> None:
        self.join_deadline_ms = self.core.now_ms + timeout_ms
        self.wake_at(self.join_deadline_ms)

    def on_time(self) -> None:
        now_ms = self.core.now_ms
        for member in list(self.members.values()):
            if 0 < member.deadline_ms <= now_ms:
                self._member_silent(member)
        for member_id in list(self.pending):
            at_ms = self.pending.get(member_id, 0)
            if 0 < at_ms <= now_ms:
                self.remove(member_id)
                self.complete_if_joined()
        if 0 < self.sync_deadline_ms <= now_ms:
            self._drop_unsynced()
        if 0 < self.join_deadline_ms <= now_ms:
            if self._initial:
                self._initial_over()
            else:
                self.complete_join()
        self._set_timer()

    def _set_timer(self) -> None:
        earliest: i64 = 0
        if self.join_deadline_ms > 0:
            earliest = self.join_deadline_ms
        if self.sync_deadline_ms > 0 and (earliest == 0 or self.sync_deadline_ms < earliest):
            earliest = self.sync_deadline_ms
        for member in self.members.values():
            if member.deadline_ms > 0 and (earliest == 0 or member.deadline_ms < earliest):
                earliest = member.deadline_ms
        for at in self.pending.values():
            at_ms: i64 = at
            if earliest == 0 or at_ms < earliest:
                earliest = at_ms
        if earliest > 0:
            self.wake_at(earliest)

    def _member_silent(self, member: ClassicMember) -> None:
        if self.members.get(member.member_id) is not member:
            return
        if not member.is_new and (member.join_waiter is not None or member.sync_waiter is not None):
            # It waits for us. Its time runs again from when it is answered.
            member.deadline_ms = NEVER
            return
        self.remove(member.member_id)
        self.after_removal()

    def after_removal(self) -> None:
        if self.state == STABLE or self.state == COMPLETING:
            self.prepare()
        else:
            self.complete_if_joined()

    # From one generation to the next.

    def rebalance(self) -> None:
        """A member is new, has changed or wants it: begins, or ends if all are there."""
        if self.state == PREPARING:
            if self.previous != EMPTY:
                self.complete_if_joined()
        else:
            self.prepare()

    def prepare(self) -> None:
        """All members have to join again."""
        if self.state == COMPLETING:
            self._propagate(Refusal(Reason.REBALANCING, "group", self.key[1]))
        self.unsynced = {}
        self.sync_deadline_ms = NEVER
        initial = self.state == EMPTY
        self.become(PREPARING)
        if initial:
            delay_ms: i64 = self.settings.initial_rebalance_delay_ms
            self._begin_initial(delay_ms, max(self.rebalance_timeout_ms() - delay_ms, 0))
            return
        self._initial = False
        if self.all_joined():
            self.complete_join()
        else:
            self._wait_for_joins(self.rebalance_timeout_ms())

    def _begin_initial(self, delay_ms: i64, left_ms: i64) -> None:
        self._initial = True
        self._initial_delay_ms = delay_ms
        self._initial_left_ms = left_ms
        if delay_ms <= 0:
            self.complete_join()
        else:
            self._wait_for_joins(delay_ms)

    def _initial_over(self) -> None:
        if self._newcomers and self._initial_left_ms != 0:
            self._newcomers = False
            delay_ms = min(i64(self.settings.initial_rebalance_delay_ms), self._initial_left_ms)
            self._begin_initial(delay_ms, max(self._initial_left_ms - self._initial_delay_ms, 0))
        else:
            self.complete_join()

    def complete_if_joined(self) -> None:
        if self.state == PREPARING and self.previous != EMPTY and self.all_joined():
            self.complete_join()

    def complete_join(self) -> None:
        """Who has joined makes the next generation. Static members that have not stay in it."""
        self.join_deadline_ms = NEVER
        for member in list(self.members.values()):
            if member.join_waiter is None and member.instance_id is None:
                self.remove(member.member_id)
        if self.members and not self.elect():
            self._initial = False
            self._wait_for_joins(self.rebalance_timeout_ms())
            return
        self._initial = False
        self._newcomers = False
        self.next_generation()
        if self.state == EMPTY:
            self.write()
            return
        self.sync_deadline_ms = self.core.now_ms + self.rebalance_timeout_ms()
        self.wake_at(self.sync_deadline_ms)
        for member in list(self.members.values()):
            self.unsynced[member.member_id] = True
            member.is_new = False
            self.expect(member, member.session_timeout_ms)
            member.tell_joined(self.joined(member))

    def joined(self, member: ClassicMember) -> Joined:
        """What the member is told of the present generation."""
        result = Joined(member.member_id)
        result.generation = self.generation
        result.protocol_type = self.protocol_type
        result.protocol_name = self.protocol_name
        result.leader = self.leader or ""
        if self.leader == member.member_id:
            result.members = self.described()
        return result

    # Assignment.

    def synced(self, member: ClassicMember) -> Synced:
        result = Synced()
        result.protocol_type = self.protocol_type
        result.protocol_name = self.protocol_name
        result.assignment = member.assignment
        return result

    def assign(self, assignments: dict[str, bytes]) -> None:
        """The leader has decided: everybody who waits is told, and the group is stable."""
        for member in self.members.values():
            member.assignment = assignments.get(member.member_id, b"")
        self.become(STABLE)
        self.write()
        self._propagate(None)

    def _propagate(self, refusal: Refusal | None) -> None:
        for member in list(self.members.values()):
            if refusal is not None:
                member.assignment = b""
                told = member.tell_synced(Synced(refusal))
            else:
                told = member.tell_synced(self.synced(member))
            if told:
                self.expect(member, member.session_timeout_ms)

    def has_synced(self, member_id: str) -> None:
        self.unsynced.pop(member_id, None)
        if not self.unsynced:
            self.sync_deadline_ms = NEVER

    def _drop_unsynced(self) -> None:
        self.sync_deadline_ms = NEVER
        if not self.unsynced or (self.state != COMPLETING and self.state != STABLE):
            return
        for member_id in list(self.unsynced):
            self.remove(member_id)
        self.prepare()

    # Members.

    def admit(self, request: JoinRequest, member_id: str, waiter: JoinWaiter) -> None:
        """A new member."""
        member = ClassicMember(member_id, request.instance_id, request.client_id, request.client_host)
        member.session_timeout_ms = request.session_timeout_ms
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.protocols = request.protocols
        member.is_new = True
        if self.state == PREPARING and self.previous == EMPTY:
            self._newcomers = True
        if not self.members:
            self.protocol_type = request.protocol_type
        self.add(member, waiter)
        self.expect(member, self.settings.new_member_join_timeout_ms)
        self.rebalance()

    def update(self, member: ClassicMember, request: JoinRequest, waiter: JoinWaiter) -> None:
        """A member joins again. If it waits already, its earlier connection hears that it has to join again."""
        member.tell_joined(
            Joined(
                member.member_id, Refusal(Reason.REBALANCING, "group", self.key[1], "joined again elsewhere")
            )
        )
        member.session_timeout_ms = request.session_timeout_ms
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.protocols = request.protocols
        member.join_waiter = waiter

    def restart(self) -> None:
        for member in self.members.values():
            self.expect(member, member.session_timeout_ms)
        if len(self.members) > self.settings.members_max:
            self.prepare()
