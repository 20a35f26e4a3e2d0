"""A share group: members, what they subscribe to, and which partitions they are to fetch from.

Partitions may be shared; nobody has to give one up before another member gets it, so that a heartbeat brings the newest
assignment at once. Must not: authorise; know share partitions.
Spec: KIP-932, "ShareGroupHeartbeat"; the assignor is Kafka's "simple" in its results for even spread, not in its details.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.core import Agenda, Core
from onemq.engine.groups.assignors import Partitions
from onemq.engine.groups.group import EMPTY, STABLE
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.plain import as_int, as_text, as_text_or_none, as_texts
from onemq.engine.groups.topic_book import TopicBook, TopicShape
from onemq.model.refusal import Reason, Refusal

ASSIGNOR: Final = "simple"
JOIN_EPOCH: Final = 0
LEAVE_EPOCH: Final = -1


class ShareBeat:
    """A heartbeat. topics None: as before."""

    __slots__ = ("client_host", "client_id", "epoch", "member_id", "rack_id", "topics")

    def __init__(
        self,
        member_id: str,
        epoch: int,
        topics: list[str] | None,
        rack_id: str | None = None,
        client_id: str = "",
        client_host: str = "",
    ) -> None:
        self.member_id = member_id
        self.epoch = epoch
        self.topics = topics
        self.rack_id = rack_id
        self.client_id = client_id
        self.client_host = client_host


class ShareBeatAnswer:
    """assigned None: nothing new."""

    __slots__ = ("assigned", "epoch", "interval_ms")

    def __init__(self, epoch: int, interval_ms: int, assigned: Partitions | None) -> None:
        self.epoch = epoch
        self.interval_ms = interval_ms
        self.assigned = assigned


class ShareMember:
    """epoch: of the group when it heard last; previous_epoch: before that. deadline_ms: silent until then, it is out.
    informed: has had an answer since the broker started, which may have found topics changed that it has to tell of."""

    __slots__ = (
        "client_host",
        "client_id",
        "deadline_ms",
        "epoch",
        "informed",
        "member_id",
        "previous_epoch",
        "rack_id",
        "topics",
    )

    def __init__(self, member_id: str) -> None:
        self.member_id = member_id
        self.epoch = 0
        self.previous_epoch = 0
        self.topics: list[str] = []
        self.rack_id: str | None = None
        self.client_id = ""
        self.client_host = ""
        self.deadline_ms: i64 = 0
        self.informed = False

    def to_plain(self) -> dict[str, object]:
        return {
            "member": self.member_id,
            "epoch": self.epoch,
            "previous": self.previous_epoch,
            "topics": list(self.topics),
            "rack": self.rack_id,
            "client": self.client_id,
            "host": self.client_host,
        }

    def read(self, change: dict[str, object]) -> None:
        self.epoch = as_int(change["epoch"])
        self.previous_epoch = as_int(change["previous"])
        self.topics = as_texts(change["topics"])
        self.rack_id = as_text_or_none(change["rack"])
        self.client_id = as_text(change["client"])
        self.client_host = as_text(change["host"])


class ShareGroup:
    """See the module. epoch: counts what may change the assignment. targets: what each member is to have at that epoch."""

    def __init__(self, core: Core, key: GroupKey, topics: TopicBook) -> None:
        self.core = core
        self.key = key
        self.epoch = 0
        self.members: dict[str, ShareMember] = {}
        self.targets: dict[str, Partitions] = {}
        self.shapes: dict[str, TopicShape] = {}
        self.dead = False
        self._topics = topics
        self._topics_seen = -1

    def state_name(self) -> str:
        return STABLE if self.members else EMPTY

    def find(self, member_id: str) -> ShareMember:
        """Refusal UNKNOWN_MEMBER."""
        member = self.members.get(member_id)
        if member is None:
            raise Refusal(Reason.UNKNOWN_MEMBER, "member", member_id, "not a member of the share group")
        return member

    def check_epoch(self, member: ShareMember, epoch: int) -> None:
        """Refusal FENCED_EPOCH. The answer with its newest epoch may have been lost."""
        if epoch in (JOIN_EPOCH, member.epoch, member.previous_epoch):
            return
        raise Refusal(
            Reason.FENCED_EPOCH,
            "member",
            member.member_id,
            "greater" if epoch > member.epoch else "smaller",
            wanted=str(epoch),
            actual=str(member.epoch),
        )

    # Assignment.

    def refresh(self, changed: bool) -> bool:
        """Looks at topics and members again; True when that is a new epoch (the caller has a fact to write)."""
        generation = self._topics.generation()
        if not changed and generation == self._topics_seen:
            return False
        self._topics_seen = generation
        shapes: dict[str, TopicShape] = {}
        for member in self.members.values():
            for name in member.topics:
                if name not in shapes:
                    shape = self._topics.find(self.key[0], name)
                    if shape is not None:
                        shapes[name] = shape
        if not changed and _same(shapes, self.shapes):
            return False
        self.shapes = shapes
        self._assign()
        return True

    def restart(self) -> None:
        """Everything was replayed: the assignment follows from members and topics."""
        self.refresh(True)

    def _assign(self) -> None:
        targets: dict[str, Partitions] = {member_id: {} for member_id in self.members}
        turn = 0
        for name in sorted(self.shapes):
            shape = self.shapes[name]
            readers = sorted([member.member_id for member in self.members.values() if name in member.topics])
            for at in range(max(len(readers), shape.partitions)):
                mine = targets[readers[(at + turn) % len(readers)]]
                mine.setdefault(shape.topic_id, set()).add(at % shape.partitions)
            turn += shape.partitions
        self.targets = targets

    def topic_names(self) -> dict[bytes, str]:
        return {shape.topic_id: name for name, shape in self.shapes.items()}


@mypyc_attr(allow_interpreted_subclasses=True)
class ShareClock:
    """Whom a group's timer tells."""

    @abstractmethod
    def on_time(self, group: ShareGroup) -> None: ...


class ShareTimer(Agenda):
    """A group's place in the list of deadlines."""

    def __init__(self, group: ShareGroup, clock: ShareClock) -> None:
        super().__init__()
        self._group = group
        self._clock = clock

    def seal(self) -> None:
        return

    def dispatch(self, budget: i64) -> i64:
        return 0

    def write_facts(self) -> None:
        return

    def durable_up_to(self, position: i64) -> bool:
        return False

    def on_deadline(self) -> None:
        if not self._group.dead:
            self._clock.on_time(self._group)


def _same(one: dict[str, TopicShape], other: dict[str, TopicShape]) -> bool:
    if len(one) != len(other):
        return False
    for name, shape in one.items():
        found = other.get(name)
        if found is None or found.topic_id != shape.topic_id or found.partitions != shape.partitions:
            return False
    return True
