"""Receives that can be asked for again: what was given under an attempt's name is given once more while all of it is still leased.

Job: remember, for one queue, by name and for a while. Must not: decide whether the leases stand; who asks does.
Spec: Amazon SQS API Reference, ReceiveMessage, "ReceiveRequestAttemptId". It is a help against answers lost on their way, not a promise
that has to survive a restart.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.receiving import Received

REMEMBERED_MS: Final = 300_000


class _Attempt:
    __slots__ = ("found", "size", "until_ms")

    def __init__(self, found: list[Received], size: i64, until_ms: i64) -> None:
        self.found = found
        self.size: i64 = size
        self.until_ms: i64 = until_ms


class ReceiveAttempts:
    """See the module. count_max, bytes_max (of values): of one queue; the oldest are forgotten first."""

    def __init__(self, count_max: i64, bytes_max: i64) -> None:
        self._count_max: i64 = count_max
        self._bytes_max: i64 = bytes_max
        self._attempts: dict[str, _Attempt] = {}
        self._bytes: i64 = 0

    def find(self, name: str, now_ms: i64) -> list[Received]:
        """What was given under that name; nothing if that is not known (any more)."""
        attempt = self._attempts.get(name)
        if attempt is None:
            return []
        if attempt.until_ms <= now_ms:
            self.forget(name)
            return []
        return attempt.found

    def remember(self, name: str, found: list[Received], now_ms: i64) -> None:
        self.forget(name)
        size: i64 = 0
        for each in found:
            size += each.record.body_bytes()
        self._attempts[name] = _Attempt(found, size, now_ms + REMEMBERED_MS)
        self._bytes += size
        while len(self._attempts) > self._count_max or self._bytes > self._bytes_max or self._is_old(now_ms):
            self.forget(next(iter(self._attempts)))

    def _is_old(self, now_ms: i64) -> bool:
        for attempt in self._attempts.values():
            return attempt.until_ms <= now_ms
        return False

    def forget(self, name: str) -> None:
        attempt = self._attempts.pop(name, None)
        if attempt is not None:
            self._bytes -= attempt.size
