"""What is remembered of one transactional id, and how it stands in facts. Pure state: the coordinator decides."""

from typing import Final

EMPTY: Final = 0
ONGOING: Final = 1
COMMITTED: Final = 4
ABORTED: Final = 5
"""States, numbered as Kafka's log has them. Its other states last from one write to the next and never show here: an end is one commit."""

NO_PRODUCER_ID: Final = -1
NO_EPOCH: Final = -1
EPOCH_MAX: Final = 32767
"""Epochs are 16 bits on the wire; the last one is never given to a producer, so that it can still be fenced."""


def is_exhausted(epoch: int) -> bool:
    """No later epoch can be given to a producer."""
    return epoch >= EPOCH_MAX - 1


class Transaction:
    """One transactional id and its present or last transaction.

    Attributes:
        producer_id, epoch: who may use it now.
        last_producer_id, last_epoch: what the present producer had before its last bump (-1 = none): a repeated request is known by it.
        timeout_ms: how long a transaction may last.
        partitions: (topic id, index) of the partitions in the transaction, in the order they came.
        groups: groups whose offsets are in it.
        started_ms: when the present or last transaction began, -1 = none since the producer began.
        updated_ms: last change, for the expiry.
        forgotten: it is not the coordinator's any more.
    """

    __slots__ = (
        "epoch",
        "forgotten",
        "groups",
        "last_epoch",
        "last_producer_id",
        "namespace",
        "partitions",
        "producer_id",
        "started_ms",
        "state",
        "timeout_ms",
        "transactional_id",
        "updated_ms",
    )

    def __init__(self, namespace: str, transactional_id: str) -> None:
        self.namespace = namespace
        self.transactional_id = transactional_id
        self.producer_id = NO_PRODUCER_ID
        self.epoch = NO_EPOCH
        self.last_producer_id = NO_PRODUCER_ID
        self.last_epoch = NO_EPOCH
        self.timeout_ms = 0
        self.state = EMPTY
        self.partitions: dict[tuple[bytes, int], bool] = {}
        self.groups: dict[str, bool] = {}
        self.started_ms = -1
        self.updated_ms = 0
        self.forgotten = False

    def is_committed(self) -> bool:
        """The last transaction ended so."""
        return self.state == COMMITTED

    def begin_producer(self, change: dict[str, object]) -> None:
        """A producer has got this id, or a new epoch of it."""
        self.producer_id = number(change, "producer")
        self.epoch = number(change, "epoch")
        self.last_producer_id = number(change, "last_producer")
        self.last_epoch = number(change, "last_epoch")
        self.timeout_ms = number(change, "timeout")
        self.updated_ms = number(change, "now")
        self.state = EMPTY
        self.partitions = {}
        self.groups = {}
        self.started_ms = -1

    def join(self, change: dict[str, object]) -> None:
        """Partitions or groups are part of the transaction from now on; the first ones begin it."""
        self.updated_ms = number(change, "now")
        if self.state != ONGOING:
            self.state = ONGOING
            self.started_ms = self.updated_ms
        self.last_producer_id = NO_PRODUCER_ID
        self._add(change)

    def _add(self, change: dict[str, object]) -> None:
        partitions = change["partitions"]
        assert isinstance(partitions, list)
        for topic_id, index in partitions:
            self.partitions[(bytes(topic_id), int(index))] = True
        groups = change["groups"]
        assert isinstance(groups, list)
        for group in groups:
            self.groups[str(group)] = True

    def end(self, change: dict[str, object]) -> None:
        """The transaction is over; with another epoch when its producer was fenced."""
        self.state = COMMITTED if change["commit"] else ABORTED
        self.epoch = number(change, "epoch")
        self.last_epoch = number(change, "last_epoch")
        self.updated_ms = number(change, "now")
        self.partitions = {}
        self.groups = {}

    def to_change(self) -> dict[str, object]:
        """Everything, as one change of the snapshot."""
        partitions: list[list[object]] = []
        for topic_id, index in self.partitions:
            partitions.append([topic_id, index])
        return {
            "op": "state",
            "namespace": self.namespace,
            "id": self.transactional_id,
            "producer": self.producer_id,
            "epoch": self.epoch,
            "last_producer": self.last_producer_id,
            "last_epoch": self.last_epoch,
            "timeout": self.timeout_ms,
            "now": self.updated_ms,
            "started": self.started_ms,
            "state": self.state,
            "partitions": partitions,
            "groups": list(self.groups),
        }

    def restore(self, change: dict[str, object]) -> None:
        """The inverse of `to_change`."""
        self.begin_producer(change)
        self.state = number(change, "state")
        self.started_ms = number(change, "started")
        self._add(change)


def number(change: dict[str, object], key: str) -> int:
    """A whole number of a change."""
    value = change[key]
    assert isinstance(value, int)
    return value
