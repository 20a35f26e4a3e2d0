"""Committed offsets: per group, topic and partition; those of open transactions wait beside them.

Applies changes and answers; decides nothing about members or expiry's base time, and writes no facts.
Spec: Kafka, "Consumer Offset Tracking"; KIP-98 (transactional offsets), KIP-447 (stable offsets).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.groups.plain import as_int, as_list, as_text
from onemq.model.refusal import Refusal

NO_PRODUCER: Final = -1
GroupKey = tuple[str, str]
"""Namespace and name of a group."""


class Commit:
    """An offset that somebody wants to commit. `refused` says why it was not taken."""

    __slots__ = ("leader_epoch", "metadata", "offset", "partition", "refused", "topic")

    def __init__(
        self, topic: str, partition: int, offset: int, leader_epoch: int = -1, metadata: str = ""
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.leader_epoch = leader_epoch
        self.metadata = metadata
        self.refused: Refusal | None = None


class Committed:
    """An offset as it stands. `number` counts commits: a transaction that ends late must not undo a later commit."""

    __slots__ = ("at_ms", "leader_epoch", "metadata", "number", "offset")

    def __init__(self, offset: i64, leader_epoch: i64, metadata: str, at_ms: i64, number: i64) -> None:
        self.offset = offset
        self.leader_epoch = leader_epoch
        self.metadata = metadata
        self.at_ms = at_ms
        self.number = number


Table = dict[str, dict[int, Committed]]
"""Topic and partition to what stands."""


class OffsetBook:
    """See the module."""

    def __init__(self) -> None:
        self.groups: dict[GroupKey, Table] = {}
        self.pending: dict[int, dict[GroupKey, Table]] = {}
        self.number: i64 = 0

    # Questions.

    def find(self, key: GroupKey, topic: str, partition: int) -> Committed | None:
        topics = self.groups.get(key)
        if topics is None:
            return None
        partitions = topics.get(topic)
        return None if partitions is None else partitions.get(partition)

    def table(self, key: GroupKey) -> Table:
        """Everything committed by the group; not to be changed."""
        return self.groups.get(key, {})

    def is_pending(self, key: GroupKey, topic: str, partition: int) -> bool:
        """A transaction that is open would change this offset."""
        for tables in self.pending.values():
            partitions = tables.get(key, {}).get(topic)
            if partitions is not None and partition in partitions:
                return True
        return False

    def has_any(self, key: GroupKey) -> bool:
        """The group has offsets, if only those of open transactions."""
        if key in self.groups:
            return True
        for tables in self.pending.values():
            if key in tables:
                return True
        return False

    # Changes, live and replayed.

    def put(self, key: GroupKey, producer_id: int, rows: list[object]) -> None:
        """Rows as `row` makes them. With a producer they wait for the end of its transaction."""
        if producer_id == NO_PRODUCER:
            table = self.groups.setdefault(key, {})
        else:
            table = self.pending.setdefault(producer_id, {}).setdefault(key, {})
        for item in rows:
            values = as_list(item)
            number = as_int(values[6])
            self.number = max(self.number, number)
            committed = Committed(
                as_int(values[2]), as_int(values[3]), as_text(values[4]), as_int(values[5]), number
            )
            table.setdefault(as_text(values[0]), {})[as_int(values[1])] = committed

    def remove(self, key: GroupKey, rows: list[object]) -> None:
        """Rows are pairs of topic and partition. Pending ones stay."""
        table = self.groups.get(key)
        if table is None:
            return
        for item in rows:
            values = as_list(item)
            _remove_one(table, as_text(values[0]), as_int(values[1]))
        if not table:
            del self.groups[key]

    def remove_group(self, key: GroupKey) -> None:
        """With what open transactions would have committed for it."""
        self.groups.pop(key, None)
        for producer_id in list(self.pending):
            tables = self.pending[producer_id]
            tables.pop(key, None)
            if not tables:
                del self.pending[producer_id]

    def remove_topic(self, namespace: str, topic: str) -> None:
        """The topic is gone, for committed and for pending offsets."""
        _remove_topic(self.groups, namespace, topic)
        for producer_id in list(self.pending):
            tables = self.pending[producer_id]
            _remove_topic(tables, namespace, topic)
            if not tables:
                del self.pending[producer_id]

    def end(self, producer_id: int, commit: bool) -> None:
        """A producer's transaction has ended: its pending offsets become committed, or vanish."""
        tables = self.pending.pop(producer_id, None)
        if tables is None or not commit:
            return
        for key, waiting in tables.items():
            table = self.groups.setdefault(key, {})
            for topic, partitions in waiting.items():
                standing = table.setdefault(topic, {})
                for partition, committed in partitions.items():
                    known = standing.get(partition)
                    if known is None or known.number < committed.number:
                        standing[partition] = committed

    # Facts.

    def rows(self, table: Table) -> list[object]:
        rows: list[object] = []
        for topic, partitions in table.items():
            for partition, committed in partitions.items():
                rows.append(
                    row(
                        topic,
                        partition,
                        int(committed.offset),
                        int(committed.leader_epoch),
                        committed.metadata,
                        int(committed.at_ms),
                        int(committed.number),
                    )
                )
        return rows


def row(
    topic: str, partition: int, offset: int, leader_epoch: int, metadata: str, at_ms: int, number: int
) -> list[object]:
    return [topic, partition, offset, leader_epoch, metadata, at_ms, number]


def _remove_one(table: Table, topic: str, partition: int) -> None:
    partitions = table.get(topic)
    if partitions is None:
        return
    partitions.pop(partition, None)
    if not partitions:
        del table[topic]


def _remove_topic(groups: dict[GroupKey, Table], namespace: str, topic: str) -> None:
    for key in list(groups):
        if key[0] == namespace:
            table = groups[key]
            table.pop(topic, None)
            if not table:
                del groups[key]
