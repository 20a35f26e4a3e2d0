"""A classic group's members, votes, leader and state, without its rules of when what changes.

Must not: set deadlines, answer requests.
Spec: Kafka's consumer rebalance protocol (ClassicGroup).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.groups.classic_member import (
    ClassicMember,
    Joined,
    JoinedMember,
    JoinWaiter,
    Protocol,
    Synced,
    member_from_plain,
)
from onemq.engine.groups.group import (
    CLASSIC,
    EMPTY,
    STABLE,
    Group,
    Home,
    Membership,
    check_instance,
    unknown_member,
)
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.plain import as_int, as_list, as_text_or_none
from onemq.engine.groups.settings import GroupSettings
from onemq.engine.groups.subscription import CONSUMER_PROTOCOL, subscribed_topics
from onemq.model.refusal import Reason, Refusal

PREPARING: Final = "PreparingRebalance"
COMPLETING: Final = "CompletingRebalance"


class ClassicState(Group):
    """See the module. `pending`: ids handed out that have not joined yet, with their deadlines. `unsynced`: members of this
    generation that have not asked for their assignment."""

    kind = CLASSIC

    def __init__(self, core: Core, settings: GroupSettings, home: Home, key: GroupKey) -> None:
        super().__init__(core, settings, home, key)
        self.state = EMPTY
        self.previous = EMPTY
        self.generation: i64 = 0
        self.protocol_type: str | None = None
        self.protocol_name: str | None = None
        self.leader: str | None = None
        self.members: dict[str, ClassicMember] = {}
        self.statics: dict[str, str] = {}
        self.pending: dict[str, int] = {}
        self.unsynced: dict[str, bool] = {}
        self.subscribed: dict[str, bool] | None = None
        self.written: dict[str, object] | None = None
        """The last fact: what a restart brings back."""

    # Questions.

    def state_name(self) -> str:
        return self.state

    def is_empty(self) -> bool:
        return not self.members

    def is_simple(self) -> bool:
        """It never had members: its offsets are all there is."""
        return self.state == EMPTY and self.protocol_type is None

    def waiting_count(self) -> int:
        count = 0
        for member in self.members.values():
            if member.join_waiter is not None:
                count += 1
        return count

    def all_joined(self) -> bool:
        return not self.pending and self.waiting_count() == len(self.members)

    def rebalance_timeout_ms(self) -> i64:
        longest: i64 = 0
        for member in self.members.values():
            longest = max(longest, member.rebalance_timeout_ms)
        return longest

    def shared_protocols(self) -> dict[str, bool]:
        """Those that every member offers."""
        counts: dict[str, int] = {}
        for member in self.members.values():
            for name in {offered.name for offered in member.protocols}:
                counts[name] = counts.get(name, 0) + 1
        return {name: True for name, count in counts.items() if count == len(self.members)}

    def supports(self, protocol_type: str, protocols: list[Protocol]) -> bool:
        """A member with these could be in the group."""
        if self.state == EMPTY:
            return protocol_type != "" and len(protocols) > 0
        if protocol_type != self.protocol_type:
            return False
        shared = self.shared_protocols()
        for offered in protocols:
            if offered.name in shared:
                return True
        return False

    def select_protocol(self) -> str:
        """Each member votes for the first of its own that all can do."""
        shared = self.shared_protocols()
        votes: dict[str, int] = {}
        for member in self.members.values():
            for offered in member.protocols:
                if offered.name in shared:
                    votes[offered.name] = votes.get(offered.name, 0) + 1
                    break
        best = ""
        for name, count in votes.items():
            if best == "" or count > votes[best]:
                best = name
        return best

    def is_subscribed(self, topic: str) -> bool:
        if self.subscribed is None:
            return self.protocol_type == CONSUMER_PROTOCOL
        return topic in self.subscribed

    def find_subscribed(self) -> dict[str, bool] | None:
        """Topics of all members' subscriptions; None if unknown."""
        if self.protocol_type != CONSUMER_PROTOCOL:
            return None
        found: dict[str, bool] = {}
        if not self.members:
            return found
        if self.protocol_name is None:
            return None
        for member in self.members.values():
            topics = subscribed_topics(member.metadata(self.protocol_name))
            if topics is None:
                return None
            for topic in topics:
                found[topic] = True
        return found

    def described(self) -> list[JoinedMember]:
        name = self.protocol_name
        found: list[JoinedMember] = []
        for member in self.members.values():
            metadata = b"" if name is None else member.metadata(name)
            found.append(JoinedMember(member.member_id, member.instance_id, metadata))
        return found

    def check_member(self, member_id: str, instance_id: str | None) -> None:
        """Raises Refusal UNKNOWN_MEMBER, FENCED_INSTANCE."""
        check_instance(self.statics, member_id, instance_id)
        if member_id not in self.members:
            raise unknown_member(member_id)

    def check_generation(self, generation: int) -> None:
        if generation != self.generation:
            raise Refusal(
                Reason.STALE_GENERATION,
                "group",
                self.key[1],
                wanted=str(generation),
                actual=str(self.generation),
            )

    # Offsets.

    def check_commit(self, member: Membership, transactional: bool, modern: bool) -> None:
        if member.generation < 0 and self.state == EMPTY:
            return
        if member.generation >= 0 or member.member_id != "" or member.instance_id is not None:
            self.check_member(member.member_id, member.instance_id)
            self.check_generation(member.generation)
        elif not transactional:
            raise unknown_member(member.member_id)
        if not transactional and self.state == COMPLETING:
            raise Refusal(Reason.REBALANCING, "group", self.key[1])

    def check_fetch(self, member_id: str, epoch: int) -> None:
        return

    def check_offset_delete(self) -> None:
        if self.state != EMPTY and self.protocol_type != CONSUMER_PROTOCOL:
            raise Refusal(Reason.GROUP_NOT_EMPTY, "group", self.key[1])

    def expires_from(self, topic: str, committed_at_ms: i64) -> i64:
        if self.protocol_type is None:
            return committed_at_ms
        if self.state == EMPTY:
            return self.since_ms
        if self.state == STABLE and self.subscribed is not None and topic not in self.subscribed:
            return committed_at_ms
        return -1

    # Changes.

    def become(self, state: str) -> None:
        self.previous = self.state
        self.state = state
        self.since_ms = self.core.now_ms

    def add(self, member: ClassicMember, waiter: JoinWaiter | None) -> None:
        if not self.members:
            self.leader = None
        if self.leader is None:
            self.leader = member.member_id
        self.members[member.member_id] = member
        if member.instance_id is not None:
            self.statics[member.instance_id] = member.member_id
        member.join_waiter = waiter
        self.pending.pop(member.member_id, None)

    def remove(self, member_id: str) -> None:
        """A member or an id handed out. Whoever waits for it is told that it is unknown."""
        member = self.members.pop(member_id, None)
        if member is not None:
            member.tell_joined(Joined("", unknown_member(member_id)))
            member.tell_synced(Synced(unknown_member(member_id)))
            instance_id = member.instance_id
            if instance_id is not None and self.statics.get(instance_id) == member_id:
                del self.statics[instance_id]
        if self.leader == member_id:
            self.leader = None
            for other in self.members:
                self.leader = other
                break
        self.pending.pop(member_id, None)
        self.unsynced.pop(member_id, None)

    def replace(self, instance_id: str, new_id: str) -> ClassicMember:
        """A static member has come back under a new id: it takes the old one's place and assignment."""
        old_id = self.statics[instance_id]
        member = self.members.pop(old_id)
        fenced = Refusal(Reason.FENCED_INSTANCE, "member", old_id, instance_id)
        member.tell_joined(Joined(old_id, fenced))
        member.tell_synced(Synced(fenced))
        member.member_id = new_id
        self.members[new_id] = member
        self.statics[instance_id] = new_id
        self.unsynced.pop(old_id, None)
        if self.leader == old_id:
            self.leader = new_id
        return member

    def elect(self) -> bool:
        """Makes sure that the leader has joined. False if nobody has."""
        leader = self.leader
        if leader is None:
            return False
        if self.members[leader].join_waiter is not None:
            return True
        for member in self.members.values():
            if member.join_waiter is not None:
                self.leader = member.member_id
                return True
        return False

    def next_generation(self) -> None:
        self.generation += 1
        self.unsynced = {}
        if self.members:
            self.protocol_name = self.select_protocol()
            self.subscribed = self.find_subscribed()
            self.become(COMPLETING)
        else:
            self.protocol_name = None
            self.subscribed = self.find_subscribed()
            self.become(EMPTY)

    # Facts.

    def write(self) -> None:
        """What stands now is what a restart brings back."""
        members: list[object] = []
        for member in self.members.values():
            members.append(member.to_plain())
        self.written = {
            "op": "classic",
            "ns": self.key[0],
            "group": self.key[1],
            "generation": int(self.generation),
            "type": self.protocol_type,
            "protocol": self.protocol_name,
            "leader": self.leader,
            "since": int(self.since_ms),
            "members": members,
        }
        self.home.note(self.written)

    def durable(self) -> list[dict[str, object]]:
        return [] if self.written is None else [self.written]

    def read(self, change: dict[str, object]) -> None:
        """Takes a fact back in: a group with members is stable."""
        self.written = change
        self.generation = as_int(change["generation"])
        self.protocol_type = as_text_or_none(change["type"])
        self.protocol_name = as_text_or_none(change["protocol"])
        self.since_ms = as_int(change["since"])
        self.members = {}
        self.statics = {}
        for item in as_list(change["members"]):
            self.add(member_from_plain(item), None)
        self.leader = as_text_or_none(change["leader"])
        self.state = STABLE if self.members else EMPTY
        self.previous = EMPTY
        self.subscribed = self.find_subscribed()
