"""Groups as administrators see them.

Must not: change anything.
Spec: Kafka DescribeGroups, ConsumerGroupDescribe, ListGroups.
"""

from onemq.engine.groups.assignors import Partitions
from onemq.engine.groups.classic import ClassicGroup
from onemq.engine.groups.consumer import ConsumerGroup
from onemq.engine.groups.group import DEAD, STABLE, Group
from onemq.engine.groups.subscription import CONSUMER_PROTOCOL


class Listed:
    """A group in a list."""

    __slots__ = ("kind", "name", "protocol_type", "state")

    def __init__(self, name: str, protocol_type: str, state: str, kind: str) -> None:
        self.name = name
        self.protocol_type = protocol_type
        self.state = state
        self.kind = kind


class ClassicMemberView:
    """A member; metadata and assignment are b"" unless the group is stable."""

    __slots__ = ("assignment", "client_host", "client_id", "instance_id", "member_id", "metadata")

    def __init__(
        self,
        member_id: str,
        instance_id: str | None,
        client_id: str,
        client_host: str,
        metadata: bytes,
        assignment: bytes,
    ) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.client_id = client_id
        self.client_host = client_host
        self.metadata = metadata
        self.assignment = assignment


class ClassicView:
    """A classic group; `found` False: there is none of that name."""

    __slots__ = ("found", "members", "name", "protocol", "protocol_type", "state")

    def __init__(self, name: str) -> None:
        self.name = name
        self.found = False
        self.state = DEAD
        self.protocol_type = ""
        self.protocol = ""
        self.members: list[ClassicMemberView] = []


class ConsumerMemberView:
    """Assignments are lists of (topic id, topic, partitions)."""

    __slots__ = (
        "assigned",
        "client_host",
        "client_id",
        "epoch",
        "instance_id",
        "member_id",
        "pattern",
        "rack_id",
        "target",
        "topics",
    )

    def __init__(self, member_id: str) -> None:
        self.member_id = member_id
        self.instance_id: str | None = None
        self.rack_id: str | None = None
        self.epoch = 0
        self.client_id = ""
        self.client_host = ""
        self.topics: list[str] = []
        self.pattern = ""
        self.assigned: list[tuple[bytes, str, list[int]]] = []
        self.target: list[tuple[bytes, str, list[int]]] = []


class ConsumerView:
    """A group with server-side assignment."""

    __slots__ = ("assignor", "epoch", "members", "name", "state", "target_epoch")

    def __init__(self, name: str, state: str, epoch: int, target_epoch: int, assignor: str) -> None:
        self.name = name
        self.state = state
        self.epoch = epoch
        self.target_epoch = target_epoch
        self.assignor = assignor
        self.members: list[ConsumerMemberView] = []


def listed(group: Group) -> Listed:
    protocol_type = CONSUMER_PROTOCOL
    if isinstance(group, ClassicGroup):
        protocol_type = group.protocol_type or ""
    return Listed(group.key[1], protocol_type, group.state_name(), group.kind)


def classic_view(name: str, group: Group | None) -> ClassicView:
    view = ClassicView(name)
    if not isinstance(group, ClassicGroup):
        return view
    view.found = True
    view.state = group.state
    view.protocol_type = group.protocol_type or ""
    stable = group.state == STABLE
    protocol = group.protocol_name or "" if stable else ""
    view.protocol = protocol
    for member in group.members.values():
        view.members.append(
            ClassicMemberView(
                member.member_id,
                member.instance_id,
                member.client_id,
                member.client_host,
                member.metadata(protocol) if stable else b"",
                member.assignment if stable else b"",
            )
        )
    return view


def consumer_view(group: ConsumerGroup) -> ConsumerView:
    view = ConsumerView(
        group.key[1],
        group.state_name(),
        group.epoch,
        group.target_epoch,
        group.assignor or group.preferred_assignor(),
    )
    names: dict[bytes, str] = {}
    for name, known in group.metadata.items():
        names[known[0]] = name
    for member in group.members.values():
        shown = ConsumerMemberView(member.member_id)
        shown.instance_id = member.instance_id
        shown.rack_id = member.rack_id
        shown.epoch = member.epoch
        shown.client_id = member.client_id
        shown.client_host = member.client_host
        shown.topics = member.topics
        shown.pattern = member.pattern
        shown.assigned = _named(member.assigned, names)
        shown.target = _named(group.targets.get(member.member_id, {}), names)
        view.members.append(shown)
    return view


def _named(partitions: Partitions, names: dict[bytes, str]) -> list[tuple[bytes, str, list[int]]]:
    """Topics that have gone are left out."""
    found: list[tuple[bytes, str, list[int]]] = []
    for topic_id in sorted(partitions):
        name = names.get(topic_id)
        if name is not None:
            found.append((topic_id, name, sorted(partitions[topic_id])))
    return found
