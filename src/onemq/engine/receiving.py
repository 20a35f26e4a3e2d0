"""Receiving, as heads see it: some records now, or the first that come within a time, each leased until a time.

Job: what a receive asks for and gets, and the receives of one queue that wait. Must not: authorise (leasing.py does), or know where a
queue has its records from (`ReceiveSource`). Part of the engine's public face; docs/decisions/0008.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.core import Agenda, Core
from onemq.model.record import Record

QUEUES_VISIBILITY: Final = -1
"""As `visibility_ms`: what the queue's settings say."""
LOAD_MS_MAX: Final = 5_000
"""How long a receive that does not wait is kept for records that are on their way from the disk."""


class Receive:
    """What is wanted: at most `count` records, leased for `visibility_ms` each; when there is none, wait up to `wait_ms` for the first."""

    __slots__ = ("count", "visibility_ms", "wait_ms")

    def __init__(self, count: int = 1, visibility_ms: int = QUEUES_VISIBILITY, wait_ms: int = 0) -> None:
        self.count: i64 = count
        self.visibility_ms: i64 = visibility_ms
        self.wait_ms: i64 = wait_ms


class LeaseHandle:
    """Names one giving of one record: what its receiver settles it by. attempt: as in `Received.attempts`."""

    __slots__ = ("attempt", "log_id", "offset")

    def __init__(self, log_id: int, offset: i64, attempt: i64) -> None:
        self.log_id = log_id
        self.offset: i64 = offset
        self.attempt: i64 = attempt


class Received:
    """One record leased until `until_ms`. attempts: how often it has been given to somebody, this time included.
    first_at_ms: when somebody received it first."""

    __slots__ = ("attempts", "first_at_ms", "handle", "record", "until_ms")

    def __init__(
        self, record: Record, handle: LeaseHandle, attempts: i64, first_at_ms: i64, until_ms: i64
    ) -> None:
        self.record = record
        self.handle = handle
        self.attempts: i64 = attempts
        self.first_at_ms: i64 = first_at_ms
        self.until_ms: i64 = until_ms


@mypyc_attr(allow_interpreted_subclasses=True)
class ReceiveWaiter:
    """Waits for the answer to one receive."""

    @abstractmethod
    def received(self, found: list[Received]) -> None:
        """What was received; nothing when none came in time, or the queue has gone. Called once, perhaps within `receive`.

        The leases are durable at `Access.position()`, which may be asked for here; nothing else of the engine may be called.
        """


@mypyc_attr(allow_interpreted_subclasses=True)
class ReceiveSource:
    """What gives records: a queue."""

    @abstractmethod
    def take(self, count: i64, until_ms: i64) -> list[Received]:
        """At most so many of those that are ready, leased."""

    @abstractmethod
    def is_loading(self) -> bool:
        """`take` may give more soon: records are on their way from the disk, or the turn has delivered what it may."""


class _Waiting:
    __slots__ = ("by_ms", "count", "visibility_ms", "waiter")

    def __init__(self, count: i64, visibility_ms: i64, by_ms: i64, waiter: ReceiveWaiter) -> None:
        self.count: i64 = count
        self.visibility_ms: i64 = visibility_ms
        self.by_ms: i64 = by_ms
        self.waiter = waiter


class Receivers:
    """The receives of one queue, in the order in which they came. `agenda`: the queue's, for its deadlines."""

    def __init__(self, core: Core, agenda: Agenda, source: ReceiveSource) -> None:
        self.waiting: list[_Waiting] = []
        self._core = core
        self._agenda = agenda
        self._source = source

    def receive(self, count: i64, visibility_ms: i64, wait_ms: i64, waiter: ReceiveWaiter) -> None:
        now = self._core.now_ms
        source = self._source
        if not self.waiting:
            found = source.take(count, now + visibility_ms)
            if found:
                waiter.received(found)
                return
        if source.is_loading():
            wait_ms = max(wait_ms, LOAD_MS_MAX)
        if wait_ms <= 0:
            waiter.received([])
            return
        self.waiting.append(_Waiting(count, visibility_ms, now + wait_ms, waiter))
        self._core.schedule(self._agenda, now + wait_ms)
        self._core.need_dispatch(self._agenda)

    def serve(self) -> i64:
        """Something may have become ready. Returns how many records were taken."""
        taken: i64 = 0
        while self.waiting:
            first = self.waiting[0]
            found = self._source.take(first.count, self._core.now_ms + first.visibility_ms)
            if not found:
                break
            del self.waiting[0]
            taken += len(found)
            first.waiter.received(found)
        return taken

    def expire(self) -> None:
        """Answers those whose time is over, and sees to the next."""
        if not self.waiting:
            return
        now = self._core.now_ms
        over = [each for each in self.waiting if each.by_ms <= now]
        if over:
            self.waiting = [each for each in self.waiting if each.by_ms > now]
        for each in over:
            each.waiter.received([])
        next_ms: i64 = 0
        for each in self.waiting:
            if next_ms == 0 or each.by_ms < next_ms:
                next_ms = each.by_ms
        if next_ms:
            self._core.schedule(self._agenda, next_ms)

    def forget(self, waiter: ReceiveWaiter) -> None:
        """Its peer has gone: it is not answered any more."""
        self.waiting = [each for each in self.waiting if each.waiter is not waiter]

    def end(self) -> None:
        """The queue has gone."""
        waiting = self.waiting
        self.waiting = []
        for each in waiting:
            each.waiter.received([])
