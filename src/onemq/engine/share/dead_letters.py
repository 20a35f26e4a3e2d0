"""Dead letters of share groups: copies of records in a topic, with headers that say why and where from.

Must not: change states of share partitions; their own commit holds both.
Spec: KIP-1191 for the headers' names and the copy's partition. Unlike there the record's own headers stay, and a topic that does not
exist yet is made, with as many partitions as the source has.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.catalog import Catalog
from onemq.engine.share.records import REJECTED
from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topic_access import check_topic_name
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import OWN_LEADER_EPOCH, CorruptBatch, leader_epoch
from onemq.model.record_codec import decode_batch
from onemq.model.refusal import Refusal
from onemq.model.reserved_header import AddressCache

HEADER_TOPIC: Final = "__dlq.errors.topic"
HEADER_PARTITION: Final = "__dlq.errors.partition"
HEADER_OFFSET: Final = "__dlq.errors.offset"
HEADER_GROUP: Final = "__dlq.errors.group"
HEADER_DELIVERIES: Final = "__dlq.errors.delivery.count"
HEADER_MESSAGE: Final = "__dlq.errors.message"
MESSAGE_REJECTED: Final = "rejected by a member of the share group"
MESSAGE_LIMIT: Final = "delivery limit reached"


class Grave:
    """Where records go and what is said of them."""

    __slots__ = ("cause", "deliveries", "group", "index", "source", "topic")

    def __init__(self, topic: str, group: str, source: str, index: int, deliveries: i64, cause: i64) -> None:
        self.topic = topic
        self.group = group
        self.source = source
        self.index = index
        self.deliveries: i64 = deliveries
        self.cause: i64 = cause

    def headers(self, offset: i64) -> list[tuple[str, bytes | None]]:
        message = MESSAGE_REJECTED if self.cause == REJECTED else MESSAGE_LIMIT
        return [
            (HEADER_TOPIC, self.source.encode()),
            (HEADER_PARTITION, str(self.index).encode()),
            (HEADER_OFFSET, str(offset).encode()),
            (HEADER_GROUP, self.group.encode("utf-8", "surrogateescape")),
            (HEADER_DELIVERIES, str(self.deliveries).encode()),
            (HEADER_MESSAGE, message.encode()),
        ]


class DeadLetters:
    """See the module. read_bytes: how much of a log is read at once.

    lost: records that could not be copied, because the topic's name is none or belongs to a queue that cannot be one.
    """

    def __init__(self, catalog: Catalog, read_bytes: int) -> None:
        self.read_bytes = read_bytes
        self.lost = 0
        self._catalog = catalog
        self._addresses = AddressCache()

    def bury(self, namespace: str, grave: Grave, data: bytes, start: i64, end: i64, partitions: int) -> None:
        """Copies the batch's records of [start, end); partitions: how many a topic gets that is not there yet."""
        try:
            if leader_epoch(data) == OWN_LEADER_EPOCH:
                data = self._catalog.natives.plain_batch(data)
            found = decode_batch(data, 0, self._addresses)
        except CorruptBatch:
            # Its producer wrote no records in it; there is nothing to keep.
            return
        topic = self._topic(namespace, grave.topic, partitions)
        for record in found:
            if record.offset < start or record.offset >= end:
                continue
            if topic is None:
                self.lost += 1
                continue
            copy = Record(record.value, NO_ADDRESS)
            copy.key = record.key
            copy.headers = [*(record.headers or []), *grave.headers(record.offset)]
            topic.partitions[grave.index % len(topic.partitions)].append(copy)

    def _topic(self, namespace: str, name: str, partitions: int) -> Topic | None:
        catalog = self._catalog
        space = catalog.namespaces[namespace]
        found = space.topics.get(name)
        if found is not None:
            return found
        try:
            check_topic_name(name)
            if name in space.queues:
                partitions = 1
            catalog.topics.check_queue(space, name)
            return catalog.topics.create(space, name, partitions, TopicConfig())
        except Refusal:
            return None
