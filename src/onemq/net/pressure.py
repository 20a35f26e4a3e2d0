"""Alarms: while memory or disk runs short, publishers are told (in their protocol's way) and not read from. Consumers go on.

Must not measure anything itself: turns.py reports what the engine holds and what the store says, and the free space comes
from an injected function.
"""

import logging
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.net.party import Party

MEMORY: Final = "low on memory"
DISK: Final = "low on disk"

QUIET_LOOKS: Final = 60
"""Looks (one a second) without a slow-down after which the next one is worth a line again."""

_log = logging.getLogger("onemq.pressure")


def _because(reason: str) -> dict[str, object]:
    """Of a log line, as ops/logs.py takes it."""
    return {"fields": {"reason": reason}}


class Pressure:
    """The alarms that are on, and the publishers that they hold up.

    memory_bytes_alarm: tracked bytes that raise the memory alarm, until they fall below nine tenths of it; 0 = never.
    free_bytes_min: free space on the data's file system below which the disk alarm is on; 0 = never.
    free_bytes: asks for that space; None where nothing is stored.
    alarms, alarm_ms: how often publishers were blocked, and for how long; slowdowns, slow_ms: the same of those not read from because
        the disk was slower than they were.
    pending_bytes_max: commits handed to the store but not written yet, above which publishers are not read from
        until it has caught up to half of it: a disk slower than the publishers is no alarm, but must not fill the
        memory. 0 = never.
    """

    def __init__(
        self,
        memory_bytes_alarm: int,
        free_bytes_min: int = 0,
        free_bytes: Callable[[], int] | None = None,
        pending_bytes_max: int = 0,
    ) -> None:
        self._pending_bytes_max: i64 = pending_bytes_max
        self._behind = False
        self._memory_bytes_alarm: i64 = memory_bytes_alarm
        self._memory_bytes_clear: i64 = memory_bytes_alarm - memory_bytes_alarm // 10
        self._free_bytes_min = free_bytes_min
        self._free_bytes = free_bytes
        self._memory_low = False
        self._disk_low = False
        self._store_stalled = False
        self._stalled_by = ""
        self._memory_bytes: i64 = 0
        self._free_bytes_seen = 0
        self._slowed = False
        self._quiet_looks = QUIET_LOOKS
        self._publishers: dict[Party, None] = {}
        self.alarms: i64 = 0
        self.alarm_ms: i64 = 0
        self.slowdowns: i64 = 0
        self.slow_ms: i64 = 0
        self._observed_ms: i64 = 0

    @property
    def memory_low(self) -> bool:
        return self._memory_low

    @property
    def disk_low(self) -> bool:
        """Too little space is left, or the store could not write for want of it."""
        return self._disk_low or self._store_stalled

    @property
    def memory_bytes_alarm(self) -> int:
        return int(self._memory_bytes_alarm)

    @property
    def free_bytes_min(self) -> int:
        return self._free_bytes_min

    def throttled(self) -> int:
        """Publishers that are held up now, by an alarm or because the disk is slower than they are."""
        return len(self._publishers) if self._behind or self.reason() else 0

    def observe_time(self, now_ms: i64) -> None:
        """Called once a turn, before the others: counts how long publishers were held up since the last one."""
        passed = now_ms - self._observed_ms
        if self._observed_ms and passed > 0:
            if self._memory_low or self._disk_low or self._store_stalled:
                self.alarm_ms += passed
            elif self._behind:
                self.slow_ms += passed
        self._observed_ms = now_ms

    def reason(self) -> str:
        """Why publishers are held up; "" when they are not."""
        if self._memory_low:
            return MEMORY
        return DISK if self._disk_low or self._store_stalled else ""

    def explanation(self) -> str:
        """What the alarm is about and what to do, for people; "" when there is none."""
        if self._memory_low:
            return (
                f"{MEMORY}: {self._memory_bytes} bytes of records are held, memory.alarm_bytes is {self._memory_bytes_alarm}; "
                "publishers are blocked until consumers have taken some: add consumers, purge what nobody needs, or raise it"
            )
        if self._store_stalled:
            return f"{DISK}: the store cannot write ({self._stalled_by}); nothing is confirmed until it can: make space"
        if self._disk_low:
            return (
                f"{DISK}: {self._free_bytes_seen} bytes are free, disk.free_bytes_min is {self._free_bytes_min}; publishers are "
                "blocked until there are more: make space"
            )
        return ""

    def add(self, publisher: Party) -> None:
        """A connection that has begun to publish: under an alarm it is held up at once."""
        self._publishers[publisher] = None
        reason = self.reason()
        if reason:
            publisher.hold(reason)
        if self._behind:
            publisher.slow_down(True)

    def remove(self, publisher: Party) -> None:
        self._publishers.pop(publisher, None)

    def observe_memory(self, tracked_bytes: i64) -> None:
        """Called once a turn."""
        self._memory_bytes = tracked_bytes
        if self._memory_low:
            if tracked_bytes < self._memory_bytes_clear:
                _log.warning(
                    "memory alarm is over: %d bytes of records are held",
                    tracked_bytes,
                    extra=_because("memory_alarm_over"),
                )
                before = self.reason()
                self._memory_low = False
                self._changed(before)
        elif self._memory_bytes_alarm != 0 and tracked_bytes >= self._memory_bytes_alarm:
            before = self.reason()
            self._memory_low = True
            _log.warning("memory alarm: %s", self.explanation(), extra=_because("memory_alarm"))
            self._changed(before)

    def observe_pending(self, pending_bytes: i64) -> None:
        """Called once a turn."""
        pending_bytes_max = self._pending_bytes_max
        if pending_bytes_max == 0:
            return
        behind = pending_bytes > (pending_bytes_max // 2 if self._behind else pending_bytes_max)
        if behind == self._behind:
            return
        self._behind = behind
        if behind:
            self.slowdowns += 1
        self._slowed = self._slowed or behind
        for publisher in list(self._publishers):
            publisher.slow_down(behind)

    def observe_disk(self) -> None:
        """Asks for the free space. Called once a second."""
        self._tell_slowed()
        if self._free_bytes is None or self._free_bytes_min == 0:
            return
        free_bytes = self._free_bytes()
        self._free_bytes_seen = free_bytes
        low = free_bytes < self._free_bytes_min
        if low == self._disk_low:
            return
        before = self.reason()
        self._disk_low = low
        if low:
            text = f"{free_bytes} bytes are free, disk.free_bytes_min is {self._free_bytes_min}"
            _log.warning(
                "disk alarm: %s; publishers are blocked until there are more: make space",
                text,
                extra=_because("disk_alarm"),
            )
        else:
            _log.warning(
                "disk alarm is over: %d bytes are free", free_bytes, extra=_because("disk_alarm_over")
            )
        self._changed(before)

    def _tell_slowed(self) -> None:
        """One line for a time in which publishers were slowed down again and again: it is over after a while without."""
        if not self._slowed:
            self._quiet_looks += 1
            return
        if self._quiet_looks >= QUIET_LOOKS:
            _log.info(
                "publishers are slowed down: more than %d bytes (storage.pending_bytes_max) waited for the disk; it is slower than "
                "they are",
                self._pending_bytes_max,
                extra=_because("slowed_down"),
            )
        self._quiet_looks = 0
        self._slowed = self._behind

    def store_stalled(self, detail: str) -> None:
        """The store cannot write and keeps trying."""
        self._stalled_by = detail
        _log.error(
            "disk alarm: the store cannot write, publishers are blocked and nothing is confirmed until it can: %s; make space",
            detail,
            extra=_because("store_stalled"),
        )
        before = self.reason()
        self._store_stalled = True
        self._changed(before)

    def store_resumed(self) -> None:
        _log.warning("the store writes again", extra=_because("store_resumed"))
        before = self.reason()
        self._store_stalled = False
        self._changed(before)

    def _changed(self, before: str) -> None:
        after = self.reason()
        if bool(before) == bool(after):
            return
        if after:
            self.alarms += 1
        for publisher in list(self._publishers):
            if after:
                publisher.hold(after)
            else:
                publisher.unhold()
