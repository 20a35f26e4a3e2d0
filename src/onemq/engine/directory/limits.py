"""Limits of users (connections, channels) and of namespaces (connections, queues), and who counts against them; the limits are durable.

Must not: decide who may set them (access.py).
Spec: RabbitMQ, "Virtual Hosts" (limits), "Per-User Resource Limits". A negative limit is none, 0 allows nothing.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.parts import PART_LIMITS, Part
from onemq.model.refusal import Reason, Refusal, Scope

MAX_CONNECTIONS: Final = "max-connections"
MAX_CHANNELS: Final = "max-channels"
MAX_QUEUES: Final = "max-queues"
USER_LIMITS: Final = (MAX_CONNECTIONS, MAX_CHANNELS)
NAMESPACE_LIMITS: Final = (MAX_CONNECTIONS, MAX_QUEUES)

OF_USER: Final = "user"
OF_NAMESPACE: Final = "namespace"


class Limits(Part):
    """See the module. `queue_counts`: filled in by who has the queues."""

    def __init__(self, core: Core) -> None:
        self.number = PART_LIMITS
        self._core = core
        self._limits: dict[tuple[str, str], dict[str, int]] = {}
        self._connections: dict[tuple[str, str], int] = {}
        self._channels: dict[str, int] = {}

    def of(self, kind: str, name: str) -> dict[str, int]:
        """kind: OF_USER or OF_NAMESPACE."""
        return dict(self._limits.get((kind, name), {}))

    def all(self, kind: str) -> dict[str, dict[str, int]]:
        """By name, those that have any."""
        names = sorted(key[1] for key in self._limits if key[0] == kind)
        return {name: self.of(kind, name) for name in names}

    def set(self, kind: str, name: str, limits: dict[str, int]) -> None:
        """All of them from now on."""
        change: dict[str, object] = {"of": kind, "name": name, "limits": limits}
        self._core.note(self, change)
        self.apply(change)

    def remove_user(self, name: str) -> None:
        if (OF_USER, name) in self._limits:
            self.set(OF_USER, name, {})

    def forget_namespace(self, name: str) -> None:
        """It has gone: no fact of its own."""
        self._limits.pop((OF_NAMESPACE, name), None)

    # Counting.

    def add_connection(self, user: str, namespace: str) -> None:
        """Refusal LIMIT ("namespace" or "user", of CONNECTION scope): there are as many as there may be; nothing was counted."""
        for kind, name in ((OF_NAMESPACE, namespace), (OF_USER, user)):
            limit = self._limit(kind, name, MAX_CONNECTIONS)
            if limit >= 0 and self._connections.get((kind, name), 0) >= limit:
                raise Refusal(
                    Reason.LIMIT, kind, name, MAX_CONNECTIONS, wanted=str(limit), scope=Scope.CONNECTION
                )
        for key in ((OF_NAMESPACE, namespace), (OF_USER, user)):
            self._connections[key] = self._connections.get(key, 0) + 1

    def drop_connection(self, user: str, namespace: str) -> None:
        """One that was added."""
        for key in ((OF_NAMESPACE, namespace), (OF_USER, user)):
            left = self._connections.get(key, 0) - 1
            if left > 0:
                self._connections[key] = left
            else:
                self._connections.pop(key, None)

    def connections(self, kind: str, name: str) -> int:
        """Counted at present."""
        return self._connections.get((kind, name), 0)

    def add_channel(self, user: str) -> None:
        """Refusal LIMIT ("user", of CONNECTION scope); nothing was counted."""
        limit = self._limit(OF_USER, user, MAX_CHANNELS)
        count = self._channels.get(user, 0)
        if limit >= 0 and count >= limit:
            raise Refusal(
                Reason.LIMIT, OF_USER, user, MAX_CHANNELS, wanted=str(limit), scope=Scope.CONNECTION
            )
        self._channels[user] = count + 1

    def drop_channels(self, user: str, count: i64) -> None:
        """Channels that were added."""
        left = self._channels.get(user, 0) - int(count)
        if left > 0:
            self._channels[user] = left
        else:
            self._channels.pop(user, None)

    def check_queues(self, namespace: str, queue: str, count: int) -> None:
        """Whether one more than `count` queues may be there. Refusal LIMIT ("queue")."""
        limit = self._limit(OF_NAMESPACE, namespace, MAX_QUEUES)
        if limit >= 0 and count >= limit:
            raise Refusal(Reason.LIMIT, "queue", queue, MAX_QUEUES, wanted=str(limit))

    def _limit(self, kind: str, name: str, limit: str) -> i64:
        """-1: none."""
        found = self._limits.get((kind, name))
        return -1 if found is None else found.get(limit, -1)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        kind = change["of"]
        name = change["name"]
        limits = change["limits"]
        assert isinstance(kind, str) and isinstance(name, str) and isinstance(limits, dict)
        if limits:
            self._limits[kind, name] = dict(limits)
        else:
            self._limits.pop((kind, name), None)

    def changes(self) -> list[dict[str, object]]:
        return [{"of": key[0], "name": key[1], "limits": found} for key, found in self._limits.items()]
