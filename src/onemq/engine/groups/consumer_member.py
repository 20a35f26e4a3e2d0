"""Members of groups with server-side assignment, what they say in a heartbeat, and what they are answered.

Must not: decide anything.
Spec: KIP-848, ConsumerGroupHeartbeat 0-1.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.groups.assignors import Partitions
from onemq.engine.groups.plain import (
    as_bytes,
    as_int,
    as_ints,
    as_list,
    as_map,
    as_text,
    as_text_or_none,
    as_texts,
)

JOIN_EPOCH: Final = 0
LEAVE_EPOCH: Final = -1
LEAVE_STATIC_EPOCH: Final = -2

SETTLED: Final = "stable"
REVOKING: Final = "unrevoked"
AWAITING: Final = "unreleased"
"""A member's states: has what it may have; has yet to give something up; waits for what others have yet to give up."""


class Beat:
    """A heartbeat. None: not said, so as before.

    Attributes:
        epoch: JOIN_EPOCH to join, LEAVE_EPOCH or LEAVE_STATIC_EPOCH to leave. owned: what the member still has.
        makes_id: the member may leave its id to us (version 0).
    """

    __slots__ = (
        "assignor",
        "client_host",
        "client_id",
        "epoch",
        "instance_id",
        "makes_id",
        "member_id",
        "owned",
        "pattern",
        "rack_id",
        "rebalance_timeout_ms",
        "topics",
    )

    def __init__(self, member_id: str, epoch: int, client_id: str = "", client_host: str = "") -> None:
        self.member_id = member_id
        self.epoch = epoch
        self.client_id = client_id
        self.client_host = client_host
        self.makes_id = False
        self.instance_id: str | None = None
        self.rack_id: str | None = None
        self.rebalance_timeout_ms = -1
        self.topics: list[str] | None = None
        self.pattern: str | None = None
        self.assignor: str | None = None
        self.owned: Partitions | None = None


class BeatAnswer:
    """`assigned` None: nothing new."""

    __slots__ = ("assigned", "epoch", "interval_ms", "member_id")

    def __init__(self, member_id: str, epoch: int, interval_ms: int) -> None:
        self.member_id = member_id
        self.epoch = epoch
        self.interval_ms = interval_ms
        self.assigned: Partitions | None = None


class ConsumerMember:
    """A member.

    Attributes:
        epoch, previous_epoch: of the assignment that it has, and the one before.
        assigned: what it has or may have. revoking: what it has yet to give up. They belong to nobody else.
        deadline_ms: when it counts as failed. rebalance_deadline_ms: when it must have given up; 0 = not running.
    """

    __slots__ = (
        "assigned",
        "assignor",
        "client_host",
        "client_id",
        "deadline_ms",
        "epoch",
        "instance_id",
        "member_id",
        "pattern",
        "previous_epoch",
        "rack_id",
        "rebalance_deadline_ms",
        "rebalance_timeout_ms",
        "revoking",
        "state",
        "topics",
    )

    def __init__(self, member_id: str) -> None:
        self.member_id = member_id
        self.instance_id: str | None = None
        self.rack_id: str | None = None
        self.client_id = ""
        self.client_host = ""
        self.rebalance_timeout_ms = -1
        self.assignor: str | None = None
        self.topics: list[str] = []
        self.pattern = ""
        self.epoch = 0
        self.previous_epoch = -1
        self.state = SETTLED
        self.assigned: Partitions = {}
        self.revoking: Partitions = {}
        self.deadline_ms: i64 = 0
        self.rebalance_deadline_ms: i64 = 0

    def settled_at(self, epoch: int) -> bool:
        return self.state == SETTLED and self.epoch == epoch

    def enter_epoch(self, epoch: int) -> None:
        self.previous_epoch = self.epoch
        self.epoch = epoch

    def to_plain(self) -> dict[str, object]:
        return {
            "id": self.member_id,
            "instance": self.instance_id,
            "rack": self.rack_id,
            "client": self.client_id,
            "host": self.client_host,
            "rebalance": self.rebalance_timeout_ms,
            "assignor": self.assignor,
            "topics": list(self.topics),
            "pattern": self.pattern,
            "epoch": self.epoch,
            "previous": self.previous_epoch,
            "state": self.state,
            "assigned": partitions_to_plain(self.assigned),
            "revoking": partitions_to_plain(self.revoking),
        }

    def read(self, value: object) -> None:
        """Takes plain values over; deadlines stay."""
        plain = as_map(value)
        self.member_id = as_text(plain["id"])
        self.instance_id = as_text_or_none(plain["instance"])
        self.rack_id = as_text_or_none(plain["rack"])
        self.client_id = as_text(plain["client"])
        self.client_host = as_text(plain["host"])
        self.rebalance_timeout_ms = as_int(plain["rebalance"])
        self.assignor = as_text_or_none(plain["assignor"])
        self.topics = as_texts(plain["topics"])
        self.pattern = as_text(plain["pattern"])
        self.epoch = as_int(plain["epoch"])
        self.previous_epoch = as_int(plain["previous"])
        self.state = as_text(plain["state"])
        self.assigned = partitions_from_plain(plain["assigned"])
        self.revoking = partitions_from_plain(plain["revoking"])

    def copy(self) -> "ConsumerMember":
        other = ConsumerMember(self.member_id)
        other.read(self.to_plain())
        return other


def partitions_to_plain(partitions: Partitions) -> list[object]:
    plain: list[object] = []
    for topic_id in sorted(partitions):
        numbers: list[object] = []
        numbers.extend(sorted(partitions[topic_id]))
        plain.append([topic_id, numbers])
    return plain


def partitions_from_plain(value: object) -> Partitions:
    found: Partitions = {}
    for item in as_list(value):
        pair = as_list(item)
        found[as_bytes(pair[0])] = set(as_ints(pair[1]))
    return found


def count_partitions(partitions: Partitions) -> int:
    count = 0
    for numbers in partitions.values():
        count += len(numbers)
    return count
