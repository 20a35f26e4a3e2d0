"""The driver with topics, groups and transactions, and what a Kafka client does itself: building batches, reading committed ones."""

from __future__ import annotations

from collections.abc import Sequence

import google_crc32c

from engine_driver import Driver, FakeStore
from onemq.engine.topics.fetching import Fetched, FetchWaiter
from onemq.engine.topics.topic import Topic
from onemq.model.control_batch import is_commit_marker
from onemq.model.record_batch import attributes_of, base_offset, end_offset, producer_id
from onemq.model.record_codec import decode_batch
from onemq.model.reserved_header import AddressCache

CONTROL = 0x20
TRANSACTIONAL = 0x10
SPACE = "/"


def _varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(
    values: Sequence[bytes | None],
    now_ms: int,
    *,
    producer: int = -1,
    epoch: int = -1,
    sequence: int = -1,
    transactional: bool = False,
    keys: list[bytes] | None = None,
    numbers: list[int] | None = None,
) -> bytes:
    """A record batch as a producer makes it. numbers: of each record, in a header; a value None is a tombstone."""
    records = bytearray()
    for delta, value in enumerate(values):
        key = _varint(-1) if keys is None else _varint(len(keys[delta])) + keys[delta]
        headers = _varint(0)
        if numbers is not None:
            number = b"%d" % numbers[delta]
            headers = _varint(1) + _varint(1) + b"n" + _varint(len(number)) + number
        content = _varint(-1) if value is None else _varint(len(value)) + value
        body = b"\0" + _varint(0) + _varint(delta) + key + content + headers
        records += _varint(len(body)) + body
    checked = b"".join(
        (
            (TRANSACTIONAL if transactional else 0).to_bytes(2, "big"),
            (len(values) - 1).to_bytes(4, "big"),
            now_ms.to_bytes(8, "big"),
            now_ms.to_bytes(8, "big"),
            producer.to_bytes(8, "big", signed=True),
            epoch.to_bytes(2, "big", signed=True),
            sequence.to_bytes(4, "big", signed=True),
            len(values).to_bytes(4, "big"),
            bytes(records),
        )
    )
    head = bytes(8) + (len(checked) + 9).to_bytes(4, "big") + bytes(4) + b"\x02"
    crc: int = google_crc32c.value(checked)
    return head + crc.to_bytes(4, "big") + checked


class Remembering(FetchWaiter):
    def __init__(self) -> None:
        self.results: list[Fetched] | None = None

    def fetched(self, results: list[Fetched]) -> None:
        assert self.results is None, "answered twice"
        self.results = results


class TransactionDriver(Driver):
    """See the module. Read only when everything is durable."""

    def _open(self, store: FakeStore) -> None:
        super()._open(store)
        self.topics = self.access.topics
        self.transactions = self.access.transactions
        self.groups = self.access.groups

    def make_topic(self, name: str, partitions: int) -> Topic:
        topic = self.topics.create(name, partitions, {})
        assert topic is not None
        return topic

    def _fetch(self, topic: str, index: int, offset: int, committed: bool) -> Fetched:
        waiter = Remembering()
        part = self.topics.fetch_part(self.topics.find(topic), index, offset, 1 << 20)
        self.topics.fetch([part], 1, 1 << 20, 0, committed, waiter)
        self.settle_down()
        assert waiter.results is not None, "a fetch without waiting time was not answered"
        assert waiter.results[0].refused is None
        return waiter.results[0]

    def read(self, topic: str, index: int, committed: bool) -> list[bytes]:
        """All values, as a consumer of that isolation level gets them."""
        values: list[bytes] = []
        offset = 0
        while True:
            found = self._fetch(topic, index, offset, committed)
            if not found.batches:
                return values
            values.extend(self._shown(found, offset))
            offset = int(end_offset(found.batches[-1]))

    def _shown(self, found: Fetched, offset: int) -> list[bytes]:
        """What Kafka's consumer makes of an answer: the broker names aborted transactions, the client leaves their records out."""
        begun = sorted((int(entry.first), int(entry.producer_id)) for entry in found.aborted or [])
        dropped: set[int] = set()
        values: list[bytes] = []
        for data in found.batches:
            while begun and begun[0][0] < end_offset(data):
                dropped.add(begun.pop(0)[1])
            attributes = attributes_of(data)
            if attributes & CONTROL:
                if not is_commit_marker(data):
                    dropped.discard(int(producer_id(data)))
            elif not (attributes & TRANSACTIONAL and producer_id(data) in dropped):
                assert end_offset(data) > offset >= 0 and base_offset(data) >= 0
                values.extend(record.value or b"" for record in decode_batch(data, 0, AddressCache()))
        return values
