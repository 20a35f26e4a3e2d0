"""What the two kinds of group have in common: a name, a timer, a home for their facts.

Must not: know either kind.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.core import Agenda, Core
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.groups.settings import GroupSettings
from onemq.model.refusal import Reason, Refusal

CLASSIC: Final = "classic"
CONSUMER: Final = "consumer"
"""Types of groups: members assign among themselves, or the server assigns."""

EMPTY: Final = "Empty"
STABLE: Final = "Stable"
DEAD: Final = "Dead"
"""States that both types have."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Home:
    """What keeps a group's durable state: the groups' part."""

    @abstractmethod
    def note(self, change: dict[str, object]) -> None:
        """The change has been made already."""

    @abstractmethod
    def change(self, change: dict[str, object]) -> None:
        """Makes the change, with the code that replays it, and notes it."""


class Membership:
    """As whom somebody commits offsets. generation -1 and no member: as nobody (an administrator, a simple consumer)."""

    __slots__ = ("generation", "instance_id", "member_id")

    def __init__(self, generation: int = -1, member_id: str = "", instance_id: str | None = None) -> None:
        self.generation = generation
        self.member_id = member_id
        self.instance_id = instance_id


@mypyc_attr(allow_interpreted_subclasses=True)
class Group:
    """See the module. `since_ms`: when it came into its present state. `dead`: deleted, nothing may reach it any more."""

    kind: str = ""

    def __init__(self, core: Core, settings: GroupSettings, home: Home, key: GroupKey) -> None:
        self.core = core
        self.settings = settings
        self.home = home
        self.key = key
        self.dead = False
        self.since_ms: i64 = core.now_ms
        self.timer = GroupTimer(self)

    @abstractmethod
    def on_time(self) -> None:
        """A deadline has come, or may have. Sets the next."""

    @abstractmethod
    def state_name(self) -> str: ...

    @abstractmethod
    def is_empty(self) -> bool:
        """It has no members."""

    @abstractmethod
    def is_subscribed(self, topic: str) -> bool:
        """Its members read the topic, or may."""

    @abstractmethod
    def check_commit(self, member: Membership, transactional: bool, modern: bool) -> None:
        """Raises Refusal if such a member may not commit offsets now.

        modern: the request is one that members with epochs can use.
        """

    @abstractmethod
    def check_fetch(self, member_id: str, epoch: int) -> None:
        """Raises Refusal if such a member may not be told offsets. "" and -1: nobody in particular."""

    @abstractmethod
    def check_offset_delete(self) -> None:
        """Raises Refusal GROUP_NOT_EMPTY if no offset of it may be deleted now."""

    @abstractmethod
    def committed(self, member: Membership) -> None:
        """A member's commit was taken."""

    @abstractmethod
    def expires_from(self, topic: str, committed_at_ms: i64) -> i64:
        """From when on the retention of an offset counts; -1 = it is in use."""

    @abstractmethod
    def restart(self) -> None:
        """Everything was replayed: members have their whole time-outs before them."""

    @abstractmethod
    def durable(self) -> list[dict[str, object]]:
        """The changes that would make it."""

    def wake_at(self, at_ms: i64) -> None:
        self.core.schedule(self.timer, at_ms)


class GroupTimer(Agenda):
    """A group's place in the list of deadlines."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self._group = group

    def on_deadline(self) -> None:
        if not self._group.dead:
            self._group.on_time()


def unknown_member(member_id: str) -> Refusal:
    return Refusal(Reason.UNKNOWN_MEMBER, "member", member_id)


def check_instance(statics: dict[str, str], member_id: str, instance_id: str | None) -> None:
    """statics: member ids by instance id. Refusal UNKNOWN_MEMBER, FENCED_INSTANCE: another member has come for the instance."""
    if instance_id is not None:
        current = statics.get(instance_id)
        if current is None:
            raise unknown_member(member_id)
        if current != member_id:
            raise Refusal(Reason.FENCED_INSTANCE, "member", member_id, instance_id)
