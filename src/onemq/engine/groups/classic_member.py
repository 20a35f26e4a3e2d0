"""Members of classic groups, what they ask, and what they are answered.

Must not: decide anything about their group.
Spec: Kafka JoinGroup 0-9, SyncGroup 0-5; KIP-345 (static members), KIP-394 (member ids), KIP-814 (skipped assignment).
"""

from abc import abstractmethod

from mypy_extensions import i64, mypyc_attr

from onemq.engine.groups.plain import as_bytes, as_int, as_list, as_map, as_text, as_text_or_none
from onemq.model.refusal import Refusal


class Protocol:
    """A way of assigning that a member can take part in, with metadata that only members understand."""

    __slots__ = ("metadata", "name")

    def __init__(self, name: str, metadata: bytes) -> None:
        self.name = name
        self.metadata = metadata


class JoinRequest:
    """A member wants to be in the next generation.

    Attributes:
        member_id: "" = a new one. instance_id: name of a static member. client_id, client_host: for descriptions.
        needs_member_id: a new member is first given its id only. may_skip_assignment: it understands that answer.
    """

    __slots__ = (
        "client_host",
        "client_id",
        "instance_id",
        "may_skip_assignment",
        "member_id",
        "needs_member_id",
        "protocol_type",
        "protocols",
        "rebalance_timeout_ms",
        "session_timeout_ms",
    )

    def __init__(
        self,
        member_id: str,
        instance_id: str | None,
        client_id: str,
        client_host: str,
        session_timeout_ms: int,
        rebalance_timeout_ms: int,
        protocol_type: str,
        protocols: list[Protocol],
        needs_member_id: bool = True,
        may_skip_assignment: bool = True,
    ) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.client_id = client_id
        self.client_host = client_host
        self.session_timeout_ms = session_timeout_ms
        self.rebalance_timeout_ms = rebalance_timeout_ms
        self.protocol_type = protocol_type
        self.protocols = protocols
        self.needs_member_id = needs_member_id
        self.may_skip_assignment = may_skip_assignment


class JoinedMember:
    """A member as the leader is told of it."""

    __slots__ = ("instance_id", "member_id", "metadata")

    def __init__(self, member_id: str, instance_id: str | None, metadata: bytes) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.metadata = metadata


class Joined:
    """The answer to a JoinRequest. `members` is for the leader only."""

    __slots__ = (
        "generation",
        "leader",
        "member_id",
        "members",
        "protocol_name",
        "protocol_type",
        "refusal",
        "skip_assignment",
    )

    def __init__(self, member_id: str, refusal: Refusal | None = None) -> None:
        self.member_id = member_id
        self.refusal = refusal
        self.generation: i64 = -1
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.leader = ""
        self.skip_assignment = False
        self.members: list[JoinedMember] = []


class Synced:
    """The answer to a member that waits for its assignment."""

    __slots__ = ("assignment", "protocol_name", "protocol_type", "refusal")

    def __init__(self, refusal: Refusal | None = None) -> None:
        self.refusal = refusal
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.assignment = b""


@mypyc_attr(allow_interpreted_subclasses=True)
class JoinWaiter:
    """Is told once. May be told during the call that hands it over. Must not call the engine."""

    @abstractmethod
    def joined(self, result: Joined) -> None: ...


@mypyc_attr(allow_interpreted_subclasses=True)
class SyncWaiter:
    """Is told once, as above. What it is told is true once the turn's commit is durable."""

    @abstractmethod
    def synced(self, result: Synced) -> None: ...


class ClassicMember:
    """A member. `deadline_ms`: when it counts as failed, unless it waits for an answer; 0 = not at present."""

    __slots__ = (
        "assignment",
        "client_host",
        "client_id",
        "deadline_ms",
        "instance_id",
        "is_new",
        "join_waiter",
        "member_id",
        "protocols",
        "rebalance_timeout_ms",
        "session_timeout_ms",
        "sync_waiter",
    )

    def __init__(self, member_id: str, instance_id: str | None, client_id: str, client_host: str) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.client_id = client_id
        self.client_host = client_host
        self.session_timeout_ms: i64 = 0
        self.rebalance_timeout_ms: i64 = 0
        self.protocols: list[Protocol] = []
        self.assignment = b""
        self.is_new = False
        self.deadline_ms: i64 = 0
        self.join_waiter: JoinWaiter | None = None
        self.sync_waiter: SyncWaiter | None = None

    def metadata(self, protocol: str) -> bytes:
        for offered in self.protocols:
            if offered.name == protocol:
                return offered.metadata
        return b""

    def matches(self, protocols: list[Protocol]) -> bool:
        """It offers just these, in this order."""
        if len(protocols) != len(self.protocols):
            return False
        for index in range(len(protocols)):
            own = self.protocols[index]
            if own.name != protocols[index].name or own.metadata != protocols[index].metadata:
                return False
        return True

    def tell_joined(self, result: Joined) -> None:
        waiter = self.join_waiter
        self.join_waiter = None
        if waiter is not None:
            waiter.joined(result)

    def tell_synced(self, result: Synced) -> bool:
        waiter = self.sync_waiter
        self.sync_waiter = None
        if waiter is None:
            return False
        waiter.synced(result)
        return True

    def to_plain(self) -> dict[str, object]:
        protocols: list[object] = []
        for offered in self.protocols:
            protocols.append([offered.name, offered.metadata])
        return {
            "id": self.member_id,
            "instance": self.instance_id,
            "client": self.client_id,
            "host": self.client_host,
            "session": int(self.session_timeout_ms),
            "rebalance": int(self.rebalance_timeout_ms),
            "protocols": protocols,
            "assignment": self.assignment,
        }


def member_from_plain(value: object) -> ClassicMember:
    plain = as_map(value)
    member = ClassicMember(
        as_text(plain["id"]),
        as_text_or_none(plain["instance"]),
        as_text(plain["client"]),
        as_text(plain["host"]),
    )
    member.session_timeout_ms = as_int(plain["session"])
    member.rebalance_timeout_ms = as_int(plain["rebalance"])
    for item in as_list(plain["protocols"]):
        pair = as_list(item)
        member.protocols.append(Protocol(as_text(pair[0]), as_bytes(pair[1])))
    member.assignment = as_bytes(plain["assignment"])
    return member
