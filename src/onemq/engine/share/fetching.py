"""A share fetch: records of several share partitions for one member, waiting until there are some.

Nothing here looks at a record. Must not: know sessions; authorise.
Spec: KIP-932, "ShareFetch"; sizes as for a fetch (KIP-74).
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.core import Agenda, Core
from onemq.engine.counters import Tally
from onemq.engine.loads import LoadWaiter
from onemq.engine.share.partition import NOTHING, Acquired, SharePartition
from onemq.model.record_batch import base_offset

TRIES_MAX: Final = 16
"""Reads of one partition that may come to nothing (markers, aborted transactions) before it waits for its next turn."""


class ShareFetched:
    """What one share partition had: whole batches, and which of their records are the member's now."""

    __slots__ = ("acquired", "batches")

    def __init__(self) -> None:
        self.batches: list[bytes] = []
        self.acquired: list[Acquired] = []


class ShareAsk:
    """What a member wants. Sizes in bytes; records_max: at most so many, or when `whole` as many as are in whole batches."""

    __slots__ = ("bytes_max", "bytes_min", "member", "records_max", "wait_ms", "whole")

    def __init__(
        self, member: str, bytes_min: i64, bytes_max: i64, records_max: i64, wait_ms: i64, whole: bool
    ) -> None:
        self.member = member
        self.bytes_min: i64 = bytes_min
        self.bytes_max: i64 = bytes_max
        self.records_max: i64 = records_max
        self.wait_ms: i64 = wait_ms
        self.whole = whole


@mypyc_attr(allow_interpreted_subclasses=True)
class ShareFetchWaiter:
    """Waits for one share fetch."""

    @abstractmethod
    def share_fetched(self, results: list[ShareFetched]) -> None:
        """One result for each share partition, in order. Called once, perhaps at once; must not call the engine."""


class ShareFetch(Agenda):
    """One under way."""

    def __init__(
        self,
        core: Core,
        shares: list[SharePartition],
        ask: ShareAsk,
        waiter: ShareFetchWaiter,
        tally: Tally | None = None,
    ) -> None:
        super().__init__()
        self._tally = tally
        self.core = core
        self.done = False
        self._shares = shares
        self._ask = ask
        self._waiter: ShareFetchWaiter | None = waiter
        self._results = [ShareFetched() for _ in shares]
        # Who is content with no bytes has them at once.
        self._until_ms: i64 = core.now_ms + (max(ask.wait_ms, 0) if ask.bytes_min > 0 else 0)
        self._bytes_left: i64 = ask.bytes_max
        self._records_left: i64 = ask.records_max
        self._loads: dict[int, int] = {}
        self._load_from: dict[int, int] = {}
        self._watching = False
        self._load_waiter = _Loads(self)

    def start(self) -> None:
        """Answers now, or when there is enough, or when the time is over."""
        if self._records_left <= 0 or self._bytes_left <= 0:
            self._answer()
        elif self._is_late() or self._enough():
            self._gather()
        else:
            self._watch()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.done = True
        self._unwatch()
        self._give_back()
        self._let_go()

    def end(self) -> None:
        """The session that it came in is over: answers with nothing, for nobody would give back what it took from now on."""
        if self.done:
            return
        self._unwatch()
        self._give_back()
        self._results = [ShareFetched() for _ in self._shares]
        self._answer()

    # Agenda.

    def dispatch(self, budget: i64) -> i64:
        if not self.done and self._watching and self._enough():
            self._gather()
        return 1

    def on_deadline(self) -> None:
        if not self.done and self._watching:
            self._gather()

    def seal(self) -> None:
        return

    def write_facts(self) -> None:
        return

    def durable_up_to(self, position: i64) -> bool:
        return False

    # Inside.

    def _is_late(self) -> bool:
        return self.core.now_ms >= self._until_ms

    def _watch(self) -> None:
        self._watching = True
        for share in self._shares:
            if not share.topic.deleted:
                share.watchers[self] = True
                share.partition().watchers[self] = True
        self.core.schedule(self, self._until_ms)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self.core.unschedule(self)
            for share in self._shares:
                share.watchers.pop(self, None)
                share.partition().watchers.pop(self, None)

    def _enough(self) -> bool:
        size: i64 = 0
        for share in self._shares:
            if share.topic.deleted:
                return True
            end = share.readable_end()
            offset = share.next_available(end)
            if offset == NOTHING:
                continue
            size += share.partition().available(offset, end, max(self._ask.bytes_min - size, 1))
            if size >= self._ask.bytes_min and size > 0:
                return True
        return False

    def _gather(self) -> None:
        """Takes what is in memory, asks for what is not."""
        self._unwatch()
        self._bytes_left = max(min(self._bytes_left, self.core.fetch_bytes_left), 1)
        for index in range(len(self._shares)):
            if self._bytes_left <= 0 or self._records_left <= 0:
                break
            if not self._shares[index].topic.deleted:
                self._gather_from(index)
        self._settle()

    def _gather_from(self, index: int) -> None:
        share = self._shares[index]
        result = self._results[index]
        partition = share.partition()
        for _ in range(TRIES_MAX):
            end = share.readable_end()
            offset = share.next_available(end)
            if offset == NOTHING:
                return
            batches = partition.read(offset, self._bytes_left, end, True)
            if batches is None:
                ticket = partition.load(offset, max(self._bytes_left, 1), self._load_waiter)
                self._loads[ticket] = index
                self._load_from[ticket] = int(offset)
                return
            if not batches:
                share.pass_over(offset, end)
            elif self._take(share, result, batches, offset):
                return

    def _take(self, share: SharePartition, result: ShareFetched, batches: list[bytes], offset: i64) -> bool:
        ask = self._ask
        counters = share.partition().counters
        delivered = counters.delivered
        redelivered = counters.redelivered
        kept = share.take(ask.member, batches, offset, self._records_left, ask.whole, result.acquired)
        if not kept:
            return False
        result.batches.extend(kept)
        size: i64 = 0
        for data in kept:
            size += len(data)
        self._bytes_left -= size
        counters.delivered_bytes += size
        counters.delivered_batches += len(kept)
        if self._tally is not None:
            self._tally.delivered(
                "stream", counters.delivered - delivered, size, counters.redelivered - redelivered
            )
            tracer = self.core.tracer
            if tracer is not None:
                partition = share.partition()
                protocol = self._tally.protocol.name
                tracer.batches_delivered(kept, int(offset), protocol, partition.name, int(partition.index))
        self._records_left = ask.records_max
        for other in self._results:
            for run in other.acquired:
                self._records_left -= run.last + 1 - run.first
        return True

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        index = self._loads.pop(ticket, -1)
        if index < 0 or self.done:
            return
        offset = self._load_from.pop(ticket)
        share = self._shares[index]
        if not share.topic.deleted and self._records_left > 0:
            end = share.readable_end()
            wanted: list[bytes] = []
            for data in batches:
                if base_offset(data) < end:
                    wanted.append(data)
            if not wanted and next_offset > offset:
                share.pass_over(offset, min(next_offset, end))
            if not wanted or not self._take(share, self._results[index], wanted, offset):
                self._gather_from(index)
        self._settle()

    def _settle(self) -> None:
        """Answers, unless something is being loaded, or there is nothing and there is time."""
        if self._loads:
            return
        for result in self._results:
            if result.acquired:
                self._answer()
                return
        for share in self._shares:
            if share.topic.deleted:
                self._answer()
                return
        if self._is_late():
            self._answer()
        else:
            self._watch()
            if self._enough():
                # So many markers in a row that this turn was not enough.
                self.core.need_dispatch(self)

    def _give_back(self) -> None:
        """What it has taken while it waits for more from disk: nobody has been told of that."""
        for index in range(len(self._shares)):
            share = self._shares[index]
            if not share.topic.deleted:
                share.take_back(self._ask.member, self._results[index].acquired)

    def _answer(self) -> None:
        self.done = True
        results = self._results
        waiter = self._waiter
        self._let_go()
        if waiter is not None:
            waiter.share_fetched(results)

    def _let_go(self) -> None:
        """As topics/fetching.py does: this object stands in a circle with its side of loads, and must not keep the answer's batches
        nor the waiter until the garbage collector comes by."""
        self._results = []
        self._shares = []
        self._waiter = None


class _Loads(LoadWaiter):
    """A fetch's side as the one who waits for loads."""

    def __init__(self, fetch: ShareFetch) -> None:
        super().__init__()
        self._fetch = fetch

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        self._fetch.loaded(ticket, batches, next_offset)
