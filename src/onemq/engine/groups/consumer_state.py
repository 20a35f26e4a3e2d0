"""A group with server-side assignment: members, epochs, target, owners; the changes that make it.

Must not: answer heartbeats, decide who is assigned what.
Spec: KIP-848, "Group" and "Member" data model.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.group_configs import (
    CONSUMER_HEARTBEAT_INTERVAL_MS,
    CONSUMER_SESSION_TIMEOUT_MS,
    GroupConfigs,
)
from onemq.engine.groups.assignors import Partitions
from onemq.engine.groups.consumer_member import (
    REVOKING,
    ConsumerMember,
    partitions_from_plain,
    partitions_to_plain,
)
from onemq.engine.groups.group import (
    CONSUMER,
    EMPTY,
    STABLE,
    Group,
    Home,
    Membership,
    check_instance,
    unknown_member,
)
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.plain import as_bytes, as_int, as_list, as_map, as_text
from onemq.engine.groups.reconciliation import Owners
from onemq.engine.groups.settings import GroupSettings
from onemq.model.refusal import Reason, Refusal

ASSIGNING: Final = "Assigning"
RECONCILING: Final = "Reconciling"

Metadata = dict[str, tuple[bytes, int]]
"""Topic that somebody reads to its id and number of partitions."""


class ConsumerState(Group):
    """See the module.

    Attributes:
        epoch: counts what may change the assignment. target_epoch: the epoch that `targets` was made for.
        metadata: topics that were there to be assigned at `epoch`.
    """

    kind = CONSUMER

    def __init__(
        self, core: Core, settings: GroupSettings, home: Home, key: GroupKey, configs: GroupConfigs
    ) -> None:
        super().__init__(core, settings, home, key)
        self.configs = configs
        self.epoch = 0
        self.target_epoch = 0
        self.assignor = ""
        self.metadata: Metadata = {}
        self.members: dict[str, ConsumerMember] = {}
        self.statics: dict[str, str] = {}
        self.targets: dict[str, Partitions] = {}
        self.owners: Owners = {}

    # Questions.

    def state_name(self) -> str:
        if not self.members:
            return EMPTY
        if self.epoch > self.target_epoch:
            return ASSIGNING
        for member in self.members.values():
            if not member.settled_at(self.target_epoch):
                return RECONCILING
        return STABLE

    def is_empty(self) -> bool:
        return not self.members

    def is_subscribed(self, topic: str) -> bool:
        if topic in self.metadata:
            return True
        for member in self.members.values():
            if topic in member.topics:
                return True
        return False

    def find_member(self, member_id: str, instance_id: str | None) -> ConsumerMember:
        """Raises Refusal UNKNOWN_MEMBER, FENCED_INSTANCE."""
        check_instance(self.statics, member_id, instance_id)
        member = self.members.get(member_id)
        if member is None:
            raise unknown_member(member_id)
        return member

    def session_timeout_ms(self) -> i64:
        return self.configs.whole(self.key[1], CONSUMER_SESSION_TIMEOUT_MS)

    def heartbeat_interval_ms(self) -> int:
        return self.configs.whole(self.key[1], CONSUMER_HEARTBEAT_INTERVAL_MS)

    # Offsets.

    def check_commit(self, member: Membership, transactional: bool, modern: bool) -> None:
        if member.generation < 0 and not self.members:
            return
        if transactional and member.generation < 0 and member.member_id == "" and member.instance_id is None:
            return
        found = self.members.get(member.member_id)
        if found is None:
            raise unknown_member(member.member_id)
        if not transactional and not modern:
            raise Refusal(Reason.OLD_PROTOCOL, "group", self.key[1])
        self._check_epoch(found, member.generation)

    def check_fetch(self, member_id: str, epoch: int) -> None:
        if member_id == "" and epoch < 0:
            return
        found = self.members.get(member_id)
        if found is None:
            raise unknown_member(member_id)
        self._check_epoch(found, epoch)

    def _check_epoch(self, member: ConsumerMember, epoch: int) -> None:
        if epoch != member.epoch:
            raise Refusal(
                Reason.STALE_EPOCH, "member", member.member_id, wanted=str(epoch), actual=str(member.epoch)
            )

    def check_offset_delete(self) -> None:
        return

    def committed(self, member: Membership) -> None:
        return

    def expires_from(self, topic: str, committed_at_ms: i64) -> i64:
        if self.members and self.is_subscribed(topic):
            return -1
        return committed_at_ms

    # Changes: made by the same code when they are replayed.

    def _change(self, operation: str, more: dict[str, object]) -> dict[str, object]:
        change: dict[str, object] = {"op": operation, "ns": self.key[0], "group": self.key[1]}
        change.update(more)
        return change

    def epoch_change(self, epoch: int, metadata: Metadata) -> dict[str, object]:
        rows: list[object] = []
        for name in sorted(metadata):
            topic_id, count = metadata[name]
            rows.append([name, topic_id, count])
        return self._change("epoch", {"epoch": epoch, "topics": rows})

    def read_epoch(self, change: dict[str, object]) -> None:
        self.epoch = as_int(change["epoch"])
        self.metadata = {}
        for item in as_list(change["topics"]):
            row = as_list(item)
            self.metadata[as_text(row[0])] = (as_bytes(row[1]), as_int(row[2]))

    def target_change(self, epoch: int, assignor: str, targets: dict[str, Partitions]) -> dict[str, object]:
        """targets: of the members whose target is another than before."""
        plain: dict[str, object] = {}
        for member_id, partitions in targets.items():
            plain[member_id] = partitions_to_plain(partitions)
        return self._change("target", {"epoch": epoch, "assignor": assignor, "targets": plain})

    def read_target(self, change: dict[str, object]) -> None:
        self.target_epoch = as_int(change["epoch"])
        self.assignor = as_text(change["assignor"])
        for member_id, partitions in as_map(change["targets"]).items():
            self.targets[as_text(member_id)] = partitions_from_plain(partitions)

    def member_change(self, member: ConsumerMember) -> dict[str, object]:
        return self._change("member", {"member": member.to_plain()})

    def read_member(self, change: dict[str, object]) -> None:
        plain = as_map(change["member"])
        member_id = as_text(plain["id"])
        if not self.members:
            self.since_ms = self.core.now_ms
        member = self.members.get(member_id)
        if member is None:
            member = ConsumerMember(member_id)
            self.members[member_id] = member
        else:
            self._disown(member)
        member.read(plain)
        if member.instance_id is not None:
            self.statics[member.instance_id] = member_id
        self._own(member, member.revoking)
        self._own(member, member.assigned)

    def removal_change(self, member_id: str) -> dict[str, object]:
        return self._change("member-", {"member": member_id})

    def read_removal(self, change: dict[str, object]) -> None:
        member_id = as_text(change["member"])
        member = self.members.pop(member_id, None)
        self.targets.pop(member_id, None)
        if member is None:
            return
        self._disown(member)
        if member.instance_id is not None and self.statics.get(member.instance_id) == member_id:
            del self.statics[member.instance_id]
        if not self.members:
            self.since_ms = self.core.now_ms

    def _own(self, member: ConsumerMember, partitions: Partitions) -> None:
        for topic_id, numbers in partitions.items():
            for partition in numbers:
                self.owners[(topic_id, partition)] = member.member_id

    def _disown(self, member: ConsumerMember) -> None:
        for partitions in (member.assigned, member.revoking):
            for topic_id, numbers in partitions.items():
                for partition in numbers:
                    if self.owners.get((topic_id, partition)) == member.member_id:
                        del self.owners[(topic_id, partition)]

    def durable(self) -> list[dict[str, object]]:
        changes = [self.epoch_change(self.epoch, self.metadata)]
        for member in self.members.values():
            changes.append(self.member_change(member))
        changes.append(self.target_change(self.target_epoch, self.assignor, self.targets))
        return changes

    # Deadlines.

    def expect(self, member: ConsumerMember) -> None:
        """It has to be heard of within the session time-out."""
        member.deadline_ms = self.core.now_ms + self.session_timeout_ms()
        self.wake_at(member.deadline_ms)

    def expect_revocation(self, member: ConsumerMember) -> None:
        """It has to have given up within its rebalance time-out; or nothing is to be given up any more."""
        if member.state == REVOKING:
            member.rebalance_deadline_ms = self.core.now_ms + max(member.rebalance_timeout_ms, 0)
            self.wake_at(member.rebalance_deadline_ms)
        else:
            member.rebalance_deadline_ms = 0

    def restart(self) -> None:
        for member in self.members.values():
            self.expect(member)
            self.expect_revocation(member)
