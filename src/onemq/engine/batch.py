"""Consecutive records of a log in memory, decoded or as stored, and finding an offset among them.

Must not: know the log, or when it is stored.
"""

from mypy_extensions import i64

from onemq.model.record import Record
from onemq.model.record_batch import CorruptBatch, base_timestamp_ms, leader_epoch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache


class Batch:
    """Consecutive records of a log in memory: decoded (`records`) or as stored (`data`) until somebody looks.

    Attributes:
        base, end: offsets [base, end). live: records not yet released. position: commit that makes it durable.
        volatile: never stored durably. special: some record has a priority, a delay or an expiry.
        value_bytes: sum of the values' lengths. cost: estimated bytes in memory of what is still there.
        keeps_data: somebody reads the batch as stored, so that looking at its records must not drop `data`.
    """

    __slots__ = (
        "base",
        "cost",
        "data",
        "end",
        "keeps_data",
        "live",
        "position",
        "records",
        "sparse",
        "special",
        "value_bytes",
        "volatile",
    )

    def __init__(self, base: i64, end: i64, records: list[Record | None] | None, data: bytes | None) -> None:
        self.base: i64 = base
        self.end: i64 = end
        self.records = records
        self.data = data
        self.live: i64 = end - base
        self.position: i64 = 0
        self.volatile = False
        self.special = False
        self.sparse = False
        self.keeps_data = False
        self.value_bytes: i64 = 0
        self.cost: i64 = 0

    def decoded(self, addresses: AddressCache) -> list[Record | None]:
        records = self.records
        if records is None:
            data = self.data
            assert data is not None, "batch without records or data"
            found: list[Record] = []
            try:
                found = decode_batch(data, 0, addresses)
            except CorruptBatch:
                # What a producer put into its records is its own affair: there is nothing in them for us.
                if leader_epoch(data) == -1:
                    raise
            records = []
            for record in found:
                records.append(record)
            if self.keeps_data:
                return records
            self.records = records
            self.data = None
            self.sparse = len(records) != self.end - self.base
        return records

    def next_after(self, offset: i64) -> i64:
        """Of an offset that is not there: the next one that is, or the batch's end. The batch must be decoded."""
        records = self.records
        if not self.sparse or records is None:
            return offset + 1
        low: i64 = 0
        high: i64 = len(records)
        while low < high:
            middle = (low + high) >> 1
            record = records[middle]
            assert record is not None, "sparse batches are not released record by record"
            if record.offset <= offset:
                low = middle + 1
            else:
                high = middle
        if low < len(records):
            record = records[low]
            if record is not None:
                return record.offset
        return max(self.end, offset + 1)

    def index_of(self, offset: i64) -> i64:
        """Index of the offset in `records`, -1 when it is not there. The batch must be decoded."""
        if not self.sparse:
            return offset - self.base
        records = self.records
        assert records is not None
        low: i64 = 0
        high: i64 = len(records)
        while low < high:
            middle = (low + high) >> 1
            record = records[middle]
            assert record is not None, "sparse batches are not released record by record"
            if record.offset < offset:
                low = middle + 1
            else:
                high = middle
        if low < len(records):
            record = records[low]
            if record is not None and record.offset == offset:
                return low
        return -1

    def encoded(self) -> bytes:
        """As stored."""
        data = self.data
        if data is not None:
            return data
        records: list[Record] = []
        for record in self.records or []:
            if record is not None:
                records.append(record)
        return encode_batch(records)

    def time_at(self, offset: i64) -> i64:
        """Of the record at the offset, or of the batch's first if that is all that is known without decoding."""
        records = self.records
        if records is not None:
            at: i64 = -1
            if not self.sparse:
                at = offset - self.base
            for index in range(max(at, 0), len(records)):
                record = records[index]
                if record is not None:
                    return record.timestamp_ms
        data = self.data
        return 0 if data is None else base_timestamp_ms(data)


def find_batch(batches: list[Batch], start: i64, offset: i64) -> i64:
    """Index (at least `start`) of the first batch whose end lies behind `offset`; len(batches) if there is none."""
    low: i64 = start
    high: i64 = len(batches)
    while low < high:
        middle = (low + high) >> 1
        if batches[middle].end <= offset:
            low = middle + 1
        else:
            high = middle
    return low
