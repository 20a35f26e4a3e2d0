"""A share partition: one group's reading of one partition, record by record. Members acquire records for a time, and accept,
release or reject them; what nobody may be given any more is archived, with a copy in the dead-letter topic if there is one.

Must not: know members beyond their ids, or sessions; authorise; make copies (burial.py does).
Spec: KIP-932, "Share-partition".
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Agenda, Core
from onemq.engine.groups.offsets import GroupKey
from onemq.engine.loads import LoadWaiter
from onemq.engine.parts import Part
from onemq.engine.share.burial import Burial
from onemq.engine.share.dead_letters import DeadLetters
from onemq.engine.share.records import (
    ACKNOWLEDGED,
    ACQUIRED,
    ARCHIVED,
    ARCHIVING,
    AVAILABLE,
    DELIVERY_LIMIT,
    NO_CAUSE,
    REJECTED,
    Run,
)
from onemq.engine.share.terms import FROM_EARLIEST, FROM_LATEST, Terms
from onemq.engine.share.transitions import Transitions
from onemq.engine.topics.lookup import Lookup, LookupWaiter
from onemq.engine.topics.partition import Partition
from onemq.engine.topics.producers import Aborted
from onemq.engine.topics.topic import Topic
from onemq.model.record_batch import CONTROL, attributes_of, base_offset, end_offset, producer_id
from onemq.model.refusal import Reason, Refusal

GAP: Final = 0
ACCEPT: Final = 1
RELEASE: Final = 2
REJECT: Final = 3
RENEW: Final = 4
"""What a member says of a record; GAP: there is none at that offset."""
NOTHING: Final = -1


class Acquired:
    """Records [first, last] that a member has been given, for the so-and-so-manieth time."""

    __slots__ = ("deliveries", "first", "last")

    def __init__(self, first: i64, last: i64, deliveries: i64) -> None:
        self.first: i64 = first
        self.last: i64 = last
        self.deliveries: i64 = deliveries


class Acknowledgement:
    """What a member says of [first, last]: one word for all, or one for each."""

    __slots__ = ("first", "kinds", "last")

    def __init__(self, first: i64, last: i64, kinds: list[int]) -> None:
        self.first: i64 = first
        self.last: i64 = last
        self.kinds = kinds


class SharePartition(Agenda):
    """See the module.

    Attributes:
        records: the states. watchers: told (dispatched) when something may have become available.
    """

    def __init__(
        self,
        core: Core,
        part: Part,
        key: GroupKey,
        topic: Topic,
        index: int,
        terms: Terms,
        dead_letters: DeadLetters,
    ) -> None:
        super().__init__()
        self.core = core
        self.key = key
        self.topic = topic
        self.index = index
        self.terms = terms
        self._transitions = Transitions(core, self, topic, index, terms)
        self.records = self._transitions.records
        self.watchers: dict[Agenda, bool] = {}
        self._part = part
        self._burial = Burial(self._transitions, dead_letters, key, topic, index, terms, _Waits(self))
        self._looking = False
        self._begins = _Begins(self)

    def partition(self) -> Partition:
        return self.topic.partitions[self.index]

    def readable_end(self) -> i64:
        """What lies at or behind it cannot be read yet."""
        partition = self.partition()
        return partition.stable_end if self.terms.committed_only() else partition.log.visible_end

    # Where it begins.

    def ensure_started(self) -> None:
        """Chooses the first offset, unless that has been done."""
        if self.records.start >= 0 or self._looking:
            return
        log = self.partition().log
        time_ms = self.terms.first_time_ms(self.core.now_ms)
        if time_ms == FROM_LATEST:
            self.start_at(log.visible_end)
        elif time_ms == FROM_EARLIEST:
            self.start_at(log.start_offset)
        else:
            self._looking = True
            Lookup(self.partition(), log.visible_end, self._begins).by_time(time_ms)

    def found_start(self, offset: i64) -> None:
        """The look-up's answer; -1: no record is that young."""
        self._looking = False
        if self.records.start < 0 and not self.topic.deleted:
            self.start_at(offset if offset >= 0 else self.partition().log.visible_end)

    def start_at(self, offset: i64) -> None:
        """Forgets all states: the group reads from here."""
        self.records.begin(offset)
        self.core.note(self._part, self._change("start", {"start": int(offset)}))
        self._wake()

    def _cut(self) -> None:
        """What has left the log is forgotten. No fact: the log has one."""
        self.records.cut_before(self.partition().log.start_offset)

    # Taking records.

    def next_available(self, end: i64) -> i64:
        """The first offset before `end` that somebody may be given now; NOTHING when there is none."""
        records = self.records
        if records.start < 0:
            return NOTHING
        self._cut()
        now = self.core.now_ms
        for run in records.runs:
            if run.state == AVAILABLE and run.until_ms <= now:
                return run.start if run.start < end else NOTHING
        if records.end < end and records.end < records.start + self.terms.locks_max():
            return records.end
        return NOTHING

    def take(
        self,
        member: str,
        batches: list[bytes],
        position: i64,
        room: i64,
        whole: bool,
        acquired: list[Acquired],
    ) -> list[bytes]:
        """Gives the member what is available of the batches, read from `position` on: at most `room` records, or when `whole`
        whole batches until there are as many. Adds to `acquired`; returns the batches that hold them."""
        kept: list[bytes] = []
        end = self.readable_end()
        limit = self.terms.delivery_limit(self.topic.config)
        until_ms = self.core.now_ms + self.terms.lock_ms()
        locked_end = self.records.start + self.terms.locks_max()
        aborted: list[Aborted] = []
        if batches and self.terms.committed_only():
            aborted = self.partition().aborted_in(position, end_offset(batches[-1]))
        left = room
        for data in batches:
            base = base_offset(data)
            if left <= 0 or base >= end:
                break
            behind = end_offset(data)
            self._transitions.void(position, base)
            position = max(position, behind)
            if attributes_of(data) & CONTROL or _is_aborted(data, base, aborted):
                self._transitions.void(base, behind)
                continue
            taken = self._acquire(
                member, base, behind, behind - base if whole else left, limit, until_ms, locked_end, acquired
            )
            if taken:
                kept.append(data)
                left -= taken
        if kept:
            self.core.schedule(self, until_ms)
        self._finish()
        return kept

    def pass_over(self, start: i64, end: i64) -> None:
        """The log holds nothing there."""
        self._transitions.void(start, end)
        self._finish()

    def _acquire(
        self,
        member: str,
        start: i64,
        end: i64,
        room: i64,
        limit: i64,
        until_ms: i64,
        locked_end: i64,
        acquired: list[Acquired],
    ) -> i64:
        left = room
        touched = self.records.end
        for run in self.records.within(start, end):
            if left <= 0:
                break
            if run.state != AVAILABLE or run.until_ms > self.core.now_ms:
                continue
            if run.deliveries >= limit:
                self._transitions.archive(run, DELIVERY_LIMIT)
                continue
            count = min(run.end - run.start, left)
            self._give(member, run.start, run.start + count, run.deliveries + 1, until_ms, acquired)
            left -= count
        first = max(start, touched)
        last = min(end, first + left, locked_end)
        if first < last:
            self._give(member, first, last, 1, until_ms, acquired)
            left -= last - first
        return room - left

    def _give(
        self, member: str, start: i64, end: i64, deliveries: i64, until_ms: i64, acquired: list[Acquired]
    ) -> None:
        self._transitions.set(start, end, ACQUIRED, deliveries, until_ms, member, NO_CAUSE)
        counters = self.partition().counters
        counters.delivered += end - start
        if deliveries > 1:
            counters.redelivered += end - start
        if acquired and acquired[-1].last + 1 == start and acquired[-1].deliveries == deliveries:
            acquired[-1].last = end - 1
        else:
            acquired.append(Acquired(start, end - 1, deliveries))

    # Giving them back.

    def acknowledge(self, member: str, items: list[Acknowledgement]) -> i64:
        """All of them or none. Returns how many were accepted. Raises Refusal UNKNOWN_DELIVERY: the member does not hold one of the
        records, or says two things of it; INVALID ("request")."""
        records = self.records
        self._cut()
        items = sorted(items, key=_first_of)
        answered: i64 = -1
        for item in items:
            if item.first <= answered:
                raise Refusal(
                    Reason.UNKNOWN_DELIVERY, "record", str(item.first), "it is acknowledged twice at once"
                )
            answered = item.last
            self._check_held(member, item)
            if RENEW in item.kinds and not self.terms.may_renew():
                raise Refusal(
                    Reason.INVALID, "request", self.topic.name, "locks are not renewed in this group"
                )
        counters = self.partition().counters
        before = counters.acknowledged
        for item in items:
            start = item.first
            at = 0
            while start <= item.last:
                end = item.last + 1
                kind = item.kinds[at]
                if len(item.kinds) > 1:
                    end = start
                    while end <= item.last and item.kinds[at] == kind:
                        end += 1
                        at += 1
                        if at == len(item.kinds):
                            break
                for run in records.within(start, end):
                    self._settle(run, kind)
                start = end
        self._finish()
        self._wake()
        return counters.acknowledged - before

    def _check_held(self, member: str, item: Acknowledgement) -> None:
        records = self.records
        if records.start >= 0 and item.last < records.start:
            # Its records have left the log meanwhile.
            return
        if records.start < 0 or item.last >= records.end:
            raise Refusal(
                Reason.INVALID, "request", str(item.last), "nothing so far behind has been delivered"
            )
        for run in records.within(item.first, item.last + 1):
            if run.state != ACQUIRED or run.member != member:
                raise Refusal(
                    Reason.UNKNOWN_DELIVERY, "record", str(run.start), "the member has not acquired it"
                )

    def _settle(self, run: Run, kind: int) -> None:
        if kind == ACCEPT:
            self.partition().counters.acknowledged += run.end - run.start
            self._transitions.set(run.start, run.end, ACKNOWLEDGED, 0, 0, "", NO_CAUSE)
        elif kind == RELEASE:
            self.partition().counters.requeued += run.end - run.start
            self._transitions.release(run)
        elif kind == REJECT:
            self._transitions.archive(run, REJECTED)
        elif kind == GAP:
            self._transitions.set(run.start, run.end, ARCHIVED, 0, 0, "", NO_CAUSE)
        else:
            until_ms = self.core.now_ms + self.terms.lock_ms()
            # No fact: a restart ends all locks.
            self.records.put(run.start, run.end, ACQUIRED, run.deliveries, until_ms, run.member, NO_CAUSE)
            self.core.schedule(self, until_ms)

    def release_all(self, member: str, delivered: bool) -> None:
        """The member holds nothing any more. `delivered` False: it says itself that it has not looked at what it still holds, so
        that does not count."""
        self._cut()
        found = False
        for run in self.records.within(self.records.start, self.records.end):
            if run.state != ACQUIRED or run.member != member:
                continue
            found = True
            if delivered:
                self._transitions.release(run)
            else:
                self._transitions.undo(run)
        if found:
            self._finish()
            self._wake()

    def take_back(self, member: str, runs: list[Acquired]) -> None:
        """The member will not hear of what it was given, as far as it still has it."""
        if not runs:
            return
        self._cut()
        for given in runs:
            for run in self.records.within(given.first, given.last + 1):
                if run.state == ACQUIRED and run.member == member and run.deliveries == given.deliveries:
                    self._transitions.undo(run)
        self._finish()
        self._wake()

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        """What dead letters needed from the store."""
        if self._burial.loaded(ticket, batches, next_offset):
            self._finish()
            self._wake()

    # Facts.

    def _change(self, operation: str, more: dict[str, object]) -> dict[str, object]:
        change: dict[str, object] = {
            "op": operation,
            "ns": self.key[0],
            "group": self.key[1],
            "topic": self.topic.topic_id,
            "partition": self.index,
        }
        change.update(more)
        return change

    def _finish(self) -> None:
        """Ends every operation: dead letters, and the fact of it all."""
        if self._transitions.dying:
            self._burial.go_on()
        rows = self._transitions.take_rows()
        if rows:
            self.core.note(self._part, self._change("records", {"rows": rows}))

    def changes(self) -> list[dict[str, object]]:
        """The changes that would make it."""
        if self.records.start < 0:
            return []
        found = [self._change("start", {"start": int(self.records.start)})]
        rows = self.records.rows()
        if rows:
            found.append(self._change("records", {"rows": rows}))
        return found

    def restart(self) -> None:
        """Everything was replayed: nobody holds anything."""
        if self.records.runs:
            self.core.schedule(self, self.core.now_ms + 1)
        for run in self.records.runs:
            if run.state == ARCHIVING:
                self._transitions.dying = True

    # Time.

    def _wake(self) -> None:
        for watcher in self.watchers:
            self.core.need_dispatch(watcher)

    def on_deadline(self) -> None:
        """Locks and delays that are over end."""
        if self.topic.deleted:
            return
        self._cut()
        now = self.core.now_ms
        records = self.records
        limit = self.terms.delivery_limit(self.topic.config)
        earliest: i64 = 0
        for run in records.within(records.start, records.end):
            if run.state == AVAILABLE and run.deliveries >= limit:
                # Its last delivery ended with the process.
                self._transitions.archive(run, DELIVERY_LIMIT)
            elif run.until_ms == 0:
                continue
            elif run.until_ms > now:
                if earliest == 0 or run.until_ms < earliest:
                    earliest = run.until_ms
            elif run.state == ACQUIRED:
                self._transitions.release(run)
            else:
                records.put(run.start, run.end, run.state, run.deliveries, 0, "", run.cause)
        if earliest > 0:
            self.core.schedule(self, earliest)
        self._finish()
        self._wake()

    def seal(self) -> None:
        return

    def dispatch(self, budget: i64) -> i64:
        return 0

    def write_facts(self) -> None:
        return

    def durable_up_to(self, position: i64) -> bool:
        return False


class _Waits(LoadWaiter):
    def __init__(self, share: SharePartition) -> None:
        super().__init__()
        self._share = share

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        self._share.loaded(ticket, batches, next_offset)


class _Begins(LookupWaiter):
    def __init__(self, share: SharePartition) -> None:
        super().__init__()
        self._share = share

    def looked_up(self, offset: int, time_ms: int) -> None:
        self._share.found_start(offset)


def _first_of(item: Acknowledgement) -> int:
    return int(item.first)


def _is_aborted(data: bytes, base: i64, aborted: list[Aborted]) -> bool:
    if not aborted:
        return False
    producer = producer_id(data)
    for transaction in aborted:
        if transaction.producer_id == producer and transaction.first <= base < transaction.marker:
            return True
    return False
