"""What must be in the logs of topics: every batch that was appended, at which commit, and what became of its transaction.

It reads what a turn appended from the log itself, before it is durable, and compares with it what anybody reads later.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from onemq.engine.broker import Broker
from onemq.engine.topics.topic import Topic
from onemq.model.control_batch import is_commit_marker
from onemq.model.record_batch import attributes_of, base_offset, end_offset, producer_id
from onemq.model.record_codec import decode_batch
from onemq.model.reserved_header import AddressCache
from simulation.checkers import Shadow, check, number_of

TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
DAY_MS: Final = 86_400_000
OPEN, COMMITTED, ABORTED = "open", "committed", "aborted"


class Entry:
    """One offset of a partition. `number` -1: a marker. `body` None: a tombstone. `ends`: of its transaction, with the commits that
    said so. `since_ms`: when it came to be there for everybody."""

    key: bytes | None = None
    at_ms = 0
    since_ms = 0

    def __init__(self, position: int, number: int, body: bytes | None, producer: int) -> None:
        self.position = position
        self.number = number
        self.body = body
        self.producer = producer
        self.ends: list[tuple[int, str]] = []

    @property
    def state(self) -> str:
        if self.producer < 0:
            return COMMITTED
        return self.ends[-1][1] if self.ends else OPEN


class Cleaning(NamedTuple):
    """How a topic loses records. retention_ms: how old they may become, 0 = any age. compacted: a later record of its key takes a
    record's place. tombstone_ms: how long tombstones stay. lag_ms: how long nothing is taken away or superseded."""

    retention_ms: int = 0
    compacted: bool = False
    tombstone_ms: int = DAY_MS
    lag_ms: int = 0

    def configs(self) -> dict[str, str]:
        if not self.compacted:
            return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        configs = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"}
        if self.retention_ms:
            configs |= {"cleanup.policy": "compact,delete", "retention.ms": str(self.retention_ms)}
        if self.tombstone_ms != DAY_MS:
            configs |= {
                "delete.retention.ms": str(self.tombstone_ms),
                "min.compaction.lag.ms": str(self.lag_ms),
            }
        return configs


class PartitionShadow:
    """deleted: commits, and before which offset they deleted what there was. begins_at: as far as has been looked at.
    dropped: tombstones that a reader has seen to have gone for their age: what they deleted must have gone before."""

    def __init__(self, topic: str, index: int, cleaning: Cleaning) -> None:
        self.topic = topic
        self.index = index
        self.cleaning = cleaning
        self.dropped: frozenset[int] = frozenset()
        self.deleted: list[tuple[int, int]] = []
        self.begins_at = 0
        self.entries: list[Entry] = []

    def deleted_before(self, position: int) -> int:
        return max((before for at, before in self.deleted if at <= position), default=0)

    def may_have_gone(self, offset: int, now_ms: int) -> bool:
        """From the front of the log."""
        entry = self.entries[offset]
        too_old = 0 < self.cleaning.retention_ms < now_ms - entry.at_ms
        return too_old or entry.number < 0 or any(offset < before for _, before in self.deleted)

    def may_be_missing(self, offset: int, durable: int, now_ms: int) -> bool:
        """Compaction may have taken it."""
        entry = self.entries[offset]
        if entry.state == ABORTED or self.is_superseded(offset, durable, now_ms):
            return True
        return entry.body is None and self.cleaning.tombstone_ms < now_ms - entry.since_ms

    def is_superseded(self, offset: int, durable: int, now_ms: int) -> bool:
        """By a record of the same key, further back and for good."""
        entry = self.entries[offset]
        return self.cleaning.compacted and any(
            later.key == entry.key
            and later.position <= durable
            and later.state == COMMITTED
            and later.at_ms <= now_ms - self.cleaning.lag_ms
            for later in self.entries[offset + 1 :]
            if later.number >= 0
        )


class TopicShadow:
    """All partitions. `groups`: by group, topic and partition, committed offsets with the commits that said so."""

    def __init__(self) -> None:
        self.partitions: dict[tuple[str, int], PartitionShadow] = {}
        self.numbers: dict[tuple[str, int], tuple[int, int]] = {}
        self.groups: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
        self.read = 0
        self.compacted = 0
        self.tombstones_gone = 0
        self.gone = 0

    def add(self, topic: str, partitions: int, cleaning: Cleaning | None = None) -> None:
        for index in range(partitions):
            self.partitions[(topic, index)] = PartitionShadow(topic, index, cleaning or Cleaning())

    def grow(self, broker: Broker, shadow: Shadow, position: int) -> None:
        """Takes over what has been appended since the last call, in a commit that is `position` at the earliest."""
        for topic in broker.catalog.namespaces["/"].topics.values():
            self._grow_topic(topic, shadow, position)

    def _grow_topic(self, topic: Topic, shadow: Shadow, position: int) -> None:
        for partition in topic.partitions:
            known = self.partitions[(topic.name, int(partition.index))]
            log = partition.log
            for batch in [*log.tail, *log.pending, *log._sealed]:
                if batch.base < len(known.entries):
                    continue
                check(
                    batch.base == len(known.entries),
                    f"{topic.name}/{partition.index}: a batch at {batch.base} after {len(known.entries)}",
                )
                if batch.data is not None:
                    self._take_batch(known, bytes(batch.data), shadow, position)
                else:
                    assert batch.records is not None
                    for record in batch.records:
                        assert record is not None and record.value is not None
                        number = number_of(record.value)
                        self._take_record(known, position, number, record.value, -1, shadow)

    def _take_batch(self, known: PartitionShadow, data: bytes, shadow: Shadow, position: int) -> None:
        attributes = attributes_of(data)
        producer = int(producer_id(data))
        if attributes & CONTROL:
            state = COMMITTED if is_commit_marker(data) else ABORTED
            known.entries.append(Entry(position, -1, b"", -1))
            self._end(known, producer, state, shadow, position)
            return
        transactional = bool(attributes & TRANSACTIONAL)
        check(base_offset(data) == len(known.entries), f"{known.topic}: base {base_offset(data)}")
        for record in decode_batch(data, 0, AddressCache()):
            assert record is not None
            body = record.value
            number = number_of(body) if body is not None else int(dict(record.headers or [])["n"] or b"")
            self._take_record(known, position, number, body, producer if transactional else -1, shadow)
            known.entries[-1].key, known.entries[-1].at_ms = record.key, int(record.timestamp_ms)
        check(end_offset(data) == len(known.entries), f"{known.topic}: end {end_offset(data)}")

    def _take_record(
        self,
        known: PartitionShadow,
        position: int,
        number: int,
        body: bytes | None,
        producer: int,
        shadow: Shadow,
    ) -> None:
        place = (known.index, len(known.entries))
        before = self.numbers.get((known.topic, number))
        check(before is None, f"{number} is in {known.topic} at {before} and at {place}: appended twice")
        self.numbers[(known.topic, number)] = place
        known.entries.append(Entry(position, number, body, producer))
        known.entries[-1].since_ms = shadow.now_ms
        if producer < 0 and body is not None:
            self._show(known, number, body, place[1], shadow, position)

    def _end(self, known: PartitionShadow, producer: int, state: str, shadow: Shadow, position: int) -> None:
        for offset, entry in enumerate(known.entries):
            if entry.producer == producer and entry.state == OPEN:
                entry.ends.append((position, state))
                entry.since_ms = shadow.now_ms
                if state == COMMITTED and entry.body is not None:
                    self._show(known, entry.number, entry.body, offset, shadow, position)

    def _show(
        self, known: PartitionShadow, number: int, body: bytes, offset: int, shadow: Shadow, position: int
    ) -> None:
        """The queue of that name has it, too, if there is one."""
        queue = shadow.queues.get(known.topic)
        if queue is None:
            return
        token = shadow.tokens.get((number, known.topic))
        if token is None:
            token = shadow.publish(number, body, queue, position, False)
        token.group = (known.index,)
        token.rank = offset

    # Readers.

    def check_read(
        self,
        topic: str,
        index: int,
        start: int,
        found: dict[int, bytes | None],
        end: int,
        committed: bool,
        now_ms: int,
        durable: int,
    ) -> None:
        """A reader from `start` has come to `end` and was given these. Nothing else, nothing less, nothing too early."""
        known_part = self.partitions[(topic, index)]
        known = known_part.entries
        check(end <= len(known), f"{topic}/{index} was read up to {end}; it ends at {len(known)}")
        for offset in range(start, end):
            entry = known[offset]
            check(entry.position <= durable, f"{topic}/{index}@{offset} is visible, but durable is {durable}")
            wanted = entry.number >= 0 and (not committed or entry.state == COMMITTED)
            if committed:
                check(
                    entry.state != OPEN,
                    f"{topic}/{index}@{offset} of an open transaction was passed by a reader",
                )
            got = found.get(offset)
            if offset not in found and wanted and known_part.cleaning.compacted:
                check(
                    known_part.may_be_missing(offset, durable, now_ms),
                    f"{topic}/{index}@{offset} was compacted away; it is the last of {entry.key!r}, there since "
                    f"{entry.since_ms}, now {now_ms}",
                )
                self.compacted += 1
                self._note_dropped(known_part, offset, durable, now_ms)
            elif wanted:
                check(
                    offset in found and got == entry.body,
                    f"{topic}/{index}@{offset}: {got and got[:20]!r}, not {entry.body and entry.body[:20]!r}",
                )
                self.read += 1
            else:
                check(
                    offset not in found,
                    f"{topic}/{index}@{offset} came, of a transaction that was {entry.state}",
                )
        check(
            all(start <= offset < end for offset in found),
            f"{topic}/{index}: {list(found)} of {start} to {end}",
        )

    def _note_dropped(self, known: PartitionShadow, offset: int, durable: int, now_ms: int) -> None:
        entry = known.entries[offset]
        aborted = entry.state == ABORTED
        if entry.body is None and not aborted and not known.is_superseded(offset, durable, now_ms):
            self.tombstones_gone += 1
            known.dropped |= {offset}

    def check_deleted(
        self, topic: str, index: int, found: dict[int, bytes | None], dropped: frozenset[int]
    ) -> None:
        """Of these, which a reader got, none was deleted by a tombstone that had gone before it asked."""
        known = self.partitions[(topic, index)]
        for tombstone in dropped:
            for offset in found:
                check(
                    offset > tombstone or known.entries[offset].key != known.entries[tombstone].key,
                    f"{topic}/{index}@{offset} is there, its tombstone at {tombstone} has gone",
                )

    def check_gone(self, topic: str, index: int, start: int, now_ms: int) -> None:
        """The log begins at `start`: what lay before was too old, or was deleted."""
        known = self.partitions[(topic, index)]
        for offset in range(known.begins_at, start):
            check(
                known.may_have_gone(offset, now_ms),
                f"{topic}/{index} begins at {start}; {offset} is of {known.entries[offset].at_ms}, now {now_ms}",
            )
        self.gone += max(start - known.begins_at, 0)
        known.begins_at = max(start, known.begins_at)

    def delete_before(self, topic: str, index: int, before: int, position: int) -> None:
        self.partitions[(topic, index)].deleted.append((position, before))

    def commit_offset(self, group: str, topic: str, index: int, offset: int, position: int) -> None:
        self.groups.setdefault((group, topic, index), []).append((position, offset))

    def committed(self, group: str, topic: str, index: int) -> int:
        said = self.groups.get((group, topic, index))
        return said[-1][1] if said else -1

    # Restart.

    def restart(self, position: int) -> None:
        for known in self.partitions.values():
            kept = [entry for entry in known.entries if entry.position <= position]
            check(kept == known.entries[: len(kept)], f"{known.topic}: commits out of order")
            known.entries = kept
            known.begins_at = 0
            known.dropped = frozenset()
            known.deleted = [one for one in known.deleted if one[0] <= position]
            for entry in kept:
                entry.ends = [end for end in entry.ends if end[0] <= position]
        self.numbers = {
            (known.topic, entry.number): (known.index, offset)
            for known in self.partitions.values()
            for offset, entry in enumerate(known.entries)
            if entry.number >= 0
        }
        for key, said in list(self.groups.items()):
            self.groups[key] = [one for one in said if one[0] <= position]
