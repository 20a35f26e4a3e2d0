"""Share sessions: which partitions a member fetches from, and that its requests come one after the other.

They die with the process and with their connections; what the member holds is released with its session. A fetch that waits when
its session ends, or when the member begins another, ends with it: what it took later would be nobody's until its lock runs out.
Must not: touch share partitions.
Spec: KIP-932, "Share sessions".
"""

from typing import Final

from onemq.engine.groups.offsets import GroupKey
from onemq.engine.share.fetching import ShareFetch
from onemq.model.refusal import Reason, Refusal

FIRST_EPOCH: Final = 0
LAST_EPOCH: Final = -1
_EPOCH_MAX: Final = 0x7FFFFFFF
Place = tuple[bytes, int]
"""Topic id and partition."""


class ShareSession:
    """epoch: of the member's next request. owner: the connection's number. places: in the order in which they were named."""

    __slots__ = ("_fetches", "epoch", "key", "member", "owner", "places")

    def __init__(self, key: GroupKey, member: str, owner: int) -> None:
        self.key = key
        self.member = member
        self.owner = owner
        self.epoch = 1
        self.places: dict[Place, bool] = {}
        self._fetches: list[ShareFetch] = []

    def waits(self, fetch: ShareFetch) -> None:
        """One of its fetches is not answered yet."""
        self._fetches = [other for other in self._fetches if not other.done]
        self._fetches.append(fetch)

    def end_fetches(self) -> None:
        fetches = self._fetches
        self._fetches = []
        for fetch in fetches:
            fetch.end()


class ShareSessions:
    """See the module."""

    def __init__(self, sessions_max: int) -> None:
        self._sessions_max = sessions_max
        self._sessions: dict[tuple[GroupKey, str], ShareSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, key: GroupKey, member: str) -> ShareSession:
        """Refusal SESSION_UNKNOWN."""
        found = self._sessions.get((key, member))
        if found is None:
            raise Refusal(Reason.SESSION_UNKNOWN, "share session", member)
        return found

    def open(self, key: GroupKey, member: str, owner: int) -> ShareSession:
        """A new one, in the place of the member's last one. Refusal SESSION_LIMIT."""
        before = self._sessions.get((key, member))
        if before is not None:
            before.end_fetches()
        elif len(self._sessions) >= self._sessions_max:
            raise Refusal(
                Reason.SESSION_LIMIT, "share session", member, f"{self._sessions_max} share sessions"
            )
        session = ShareSession(key, member, owner)
        self._sessions[(key, member)] = session
        return session

    def use(self, key: GroupKey, member: str, epoch: int, owner: int) -> ShareSession:
        """A further request. Refusal SESSION_UNKNOWN, SESSION_EPOCH."""
        session = self.find(key, member)
        if epoch != session.epoch:
            raise Refusal(
                Reason.SESSION_EPOCH, "share session", member, wanted=str(epoch), actual=str(session.epoch)
            )
        session.owner = owner
        session.epoch = 1 if session.epoch == _EPOCH_MAX else session.epoch + 1
        return session

    def waits(self, key: GroupKey, member: str, fetch: ShareFetch) -> None:
        """A fetch of the member is not answered yet."""
        session = self._sessions.get((key, member))
        if session is not None:
            session.waits(fetch)

    def close(self, key: GroupKey, member: str) -> bool:
        """True when there was one."""
        session = self._sessions.pop((key, member), None)
        if session is None:
            return False
        session.end_fetches()
        return True

    def of_owner(self, owner: int) -> list[ShareSession]:
        return [session for session in self._sessions.values() if session.owner == owner]

    def of_group(self, key: GroupKey) -> list[ShareSession]:
        return [session for session in self._sessions.values() if session.key == key]
