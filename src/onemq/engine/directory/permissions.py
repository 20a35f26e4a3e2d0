"""Who may do what in which namespace: three patterns over names, and two over the routing keys of topic exchanges; durable.

Job: keep them, and hold for each user and namespace one `Rights` that changes in place, so that a change concerns whoever is
connected already.
Must not: decide who may change them (access.py).
Spec: RabbitMQ, "Access Control" (permissions, topic authorisation).
"""

from typing import Final

from onemq.engine.core import Core
from onemq.engine.directory.records import PermissionRecord
from onemq.engine.parts import PART_PERMISSIONS, Part
from onemq.model.pattern_syntax import PatternError
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights, checked_pattern, no_rights

PERMISSIONS_MAX: Final = 1_000_000


class TopicPermissionRecord:
    """Patterns over routing keys, of one user at one exchange of a namespace; {vhost} and {username} in them are filled in.

    `exchange` "": RabbitMQ's tools call the default exchange so; it is no topic exchange, and nothing follows from it.
    """

    __slots__ = ("exchange", "namespace", "read", "read_pattern", "user", "write", "write_pattern")

    def __init__(self, user: str, namespace: str, exchange: str, write: str, read: str) -> None:
        """What an earlier version took and this one does not matches nothing: grant_topic has checked the others."""
        self.user = user
        self.namespace = namespace
        self.exchange = exchange
        self.write = write
        self.read = read
        self.write_pattern = _topic_pattern(write, user, namespace)
        self.read_pattern = _topic_pattern(read, user, namespace)


def _topic_pattern(source: str, user: str, namespace: str) -> NamePattern:
    """Over routing keys: the empty one is a key like any other."""
    return NamePattern(_filled_in(source, user, namespace), "", kept=True)


def _filled_in(pattern: str, user: str, namespace: str) -> str:
    return pattern.replace("{vhost}", namespace).replace("{username}", user)


class LiveRights:
    """What is granted now. `topics`: by exchange. `granted`: False when only somebody connected holds this object still."""

    __slots__ = ("granted", "record", "rights", "topics")

    def __init__(self, user: str, namespace: str) -> None:
        self.granted = False
        self.record = PermissionRecord(user, namespace, "", "", "")
        self.rights = no_rights()
        self.topics: dict[str, TopicPermissionRecord] = {}


class DirectoryPermissions(Part):
    """See the module."""

    def __init__(self, core: Core) -> None:
        self.number = PART_PERMISSIONS
        self._core = core
        self._live: dict[tuple[str, str], LiveRights] = {}
        self._configured: dict[tuple[str, str], PermissionRecord] = {}

    def configure(self, permissions: list[PermissionRecord]) -> None:
        """Those of the settings. Once, before anybody asks."""
        self._configured = {(found.user, found.namespace): found for found in permissions}

    def live(self, user: str, namespace: str) -> LiveRights:
        """The rights of whoever is connected as this user: they change in place."""
        key = (user, namespace)
        found = self._live.get(key)
        if found is None:
            found = LiveRights(user, namespace)
            self._live[key] = found
        return found

    def rights(self, user: str, namespace: str) -> Rights | None:
        """None: this user may not enter."""
        found = self._live.get((user, namespace))
        return found.rights if found is not None and found.granted else None

    def find(self, user: str, namespace: str) -> PermissionRecord | None:
        configured = self._configured.get((user, namespace))
        if configured is not None:
            return configured
        found = self._live.get((user, namespace))
        return found.record if found is not None and found.granted else None

    def all(self) -> list[PermissionRecord]:
        """By namespace, then by user."""
        found: dict[tuple[str, str], PermissionRecord] = {}
        for record in self._configured.values():
            found[record.namespace, record.user] = record
        for live in self._live.values():
            key = (live.record.namespace, live.record.user)
            if live.granted and key not in found:
                found[key] = live.record
        return [found[key] for key in sorted(found)]

    def all_topics(self) -> list[TopicPermissionRecord]:
        """By namespace, user and exchange."""
        found: dict[tuple[str, str, str], TopicPermissionRecord] = {}
        for live in self._live.values():
            for record in live.topics.values():
                found[record.namespace, record.user, record.exchange] = record
        return [found[key] for key in sorted(found)]

    # Changes; the caller has asked whether they are allowed, and whether user and namespace exist.

    def grant(self, user: str, namespace: str, configure: str, write: str, read: str) -> None:
        """Refusal INVALID ("permission") for a bad pattern, LIMIT."""
        for pattern in (configure, write, read):
            check_pattern("permission", pattern)
        self._check_limit(user, namespace)
        self._note(
            {
                "op": "grant",
                "user": user,
                "ns": namespace,
                "configure": configure,
                "write": write,
                "read": read,
            }
        )

    def revoke(self, user: str, namespace: str) -> None:
        """One that is there."""
        self._note({"op": "grant-", "user": user, "ns": namespace})

    def grant_topic(self, user: str, namespace: str, exchange: str, write: str, read: str) -> None:
        """Refusal INVALID ("permission") for a bad pattern, LIMIT."""
        for pattern in (write, read):
            check_pattern("permission", pattern)
            check_pattern("permission", _filled_in(pattern, user, namespace))
        self._check_limit(user, namespace)
        self._note(
            {
                "op": "topic",
                "user": user,
                "ns": namespace,
                "exchange": exchange,
                "write": write,
                "read": read,
            }
        )

    def revoke_topic(self, user: str, namespace: str, exchange: str) -> None:
        """One that is there."""
        self._note({"op": "topic-", "user": user, "ns": namespace, "exchange": exchange})

    def remove_user(self, user: str) -> None:
        """Everything that was granted to this user; nothing is fine."""
        for key in self._live:
            if key[0] == user:
                self._note({"op": "user-", "user": user})
                return

    def forget_namespace(self, namespace: str) -> None:
        """It has gone: what was granted there follows, without a fact of its own."""
        for key, live in list(self._live.items()):
            if key[1] == namespace:
                _clear(live)
                del self._live[key]

    def _check_limit(self, user: str, namespace: str) -> None:
        if (user, namespace) not in self._live and len(self._live) >= PERMISSIONS_MAX:
            raise Refusal(Reason.LIMIT, "permission", user, f"there are {PERMISSIONS_MAX} already")

    def _note(self, change: dict[str, object]) -> None:
        self._core.note(self, change)
        self.apply(change)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        operation = change["op"]
        user = str(change["user"])
        if operation == "user-":
            for key, live in list(self._live.items()):
                if key[0] == user:
                    _clear(live)
                    del self._live[key]
            return
        namespace = str(change["ns"])
        live = self.live(user, namespace)
        if operation == "grant":
            record = PermissionRecord(
                user, namespace, str(change["configure"]), str(change["write"]), str(change["read"])
            )
            live.record = record
            live.granted = True
            live.rights.replace(
                NamePattern(record.configure, kept=True),
                NamePattern(record.write, kept=True),
                NamePattern(record.read, kept=True),
            )
        elif operation == "grant-":
            _withdraw(live)
        elif operation == "topic":
            exchange = str(change["exchange"])
            live.topics[exchange] = TopicPermissionRecord(
                user, namespace, exchange, str(change["write"]), str(change["read"])
            )
        else:
            live.topics.pop(str(change["exchange"]), None)

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for live in self._live.values():
            record = live.record
            if live.granted:
                found.append(
                    {
                        "op": "grant",
                        "user": record.user,
                        "ns": record.namespace,
                        "configure": record.configure,
                        "write": record.write,
                        "read": record.read,
                    }
                )
            for topic in live.topics.values():
                found.append(
                    {
                        "op": "topic",
                        "user": topic.user,
                        "ns": topic.namespace,
                        "exchange": topic.exchange,
                        "write": topic.write,
                        "read": topic.read,
                    }
                )
        return found


def _withdraw(live: LiveRights) -> None:
    live.granted = False
    nothing = NamePattern("")
    live.rights.replace(nothing, nothing, nothing)


def _clear(live: LiveRights) -> None:
    _withdraw(live)
    live.topics.clear()


def check_pattern(kind: str, pattern: str) -> None:
    """Refusal INVALID about `kind`: not a regular expression that we take."""
    try:
        checked_pattern(pattern)
    except PatternError as error:
        name = pattern[:40]
        raise Refusal(Reason.INVALID, kind, name, f"'{name}' is no regular expression: {error}") from None
