"""The receives of one queue: answered from what is ready, or kept until something is, or their time is over.

Must not: authorise, or know where a queue has its records from (`ReceiveSource`). docs/decisions/0008.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.core import Agenda, Core
from onemq.engine.counters import Counters, Tally
from onemq.engine.receive_attempts import ReceiveAttempts
from onemq.engine.receiving import Received, ReceiveWaiter

LOAD_MS_MAX: Final = 5_000
"""How long a receive that does not wait is kept for records that are on their way from the disk."""


@mypyc_attr(allow_interpreted_subclasses=True)
class ReceiveSource:
    """What gives records: a queue."""

    @abstractmethod
    def take(self, count: i64, until_ms: i64) -> list[Received]:
        """At most so many of those that are ready, leased."""

    @abstractmethod
    def renew(self, found: list[Received], until_ms: i64) -> bool:
        """Leases what was taken before until then; False, and nothing is changed, when not all of it is still leased."""

    @abstractmethod
    def is_loading(self) -> bool:
        """`take` may give more soon: records are on their way from the disk, or the turn has delivered what it may."""

    def counters(self) -> Counters:
        """Its own."""
        return Counters()

    def type_name(self) -> str:
        """As `QueueSettings.type_name`."""
        return "classic"

    def queue_name(self) -> str:
        """For who traces."""
        return ""


class _Waiting:
    __slots__ = ("attempt", "by_ms", "count", "tally", "visibility_ms", "waiter")

    def __init__(
        self,
        count: i64,
        visibility_ms: i64,
        by_ms: i64,
        waiter: ReceiveWaiter,
        attempt: str,
        tally: Tally | None,
    ) -> None:
        self.tally = tally
        self.attempt = attempt
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
        self._attempts: ReceiveAttempts | None = None

    def receive(
        self,
        count: i64,
        visibility_ms: i64,
        wait_ms: i64,
        waiter: ReceiveWaiter,
        attempt: str = "",
        tally: Tally | None = None,
    ) -> None:
        """attempt: as in `Receive`. tally: where it counts."""
        now = self._core.now_ms
        source = self._source
        if attempt and self._attempts is not None:
            before = self._attempts.find(attempt, now)
            if before and source.renew(before, now + visibility_ms):
                waiter.received(before)
                return
        if not self.waiting:
            found = source.take(count, now + visibility_ms)
            if found:
                self._note(attempt, found)
                self._count(tally, found)
                waiter.received(found)
                return
        if source.is_loading():
            wait_ms = max(wait_ms, LOAD_MS_MAX)
        if wait_ms <= 0:
            self._count(tally, [])
            waiter.received([])
            return
        self.waiting.append(_Waiting(count, visibility_ms, now + wait_ms, waiter, attempt, tally))
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
            self._note(first.attempt, found)
            self._count(first.tally, found)
            first.waiter.received(found)
        return taken

    def _note(self, attempt: str, found: list[Received]) -> None:
        if attempt:
            if self._attempts is None:
                settings = self._core.settings
                self._attempts = ReceiveAttempts(
                    settings.receive_attempts_max, settings.receive_attempt_bytes_max
                )
            self._attempts.remember(attempt, found, self._core.now_ms)

    def _count(self, tally: Tally | None, found: list[Received]) -> None:
        if tally is None:
            return
        if not found:
            tally.got_nothing()
            self._source.counters().get_empty += 1
            return
        tracer = self._core.tracer
        if tracer is not None:
            for each in found:
                name = self._source.queue_name()
                tracer.delivered(each.record, tally.protocol.name, name, each.log_id, True)
        size: i64 = 0
        redelivered: i64 = 0
        for each in found:
            size += each.record.body_bytes()
            if each.attempts > 1:
                redelivered += 1
        tally.delivered(self._source.type_name(), len(found), size, redelivered)

    def expire(self) -> None:
        """Answers those whose time is over, and sees to the next."""
        if not self.waiting:
            return
        now = self._core.now_ms
        over = [each for each in self.waiting if each.by_ms <= now]
        if over:
            self.waiting = [each for each in self.waiting if each.by_ms > now]
        for each in over:
            self._count(each.tally, [])
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
