"""Walks over the records of a batch without making any: whether they are sound, which keys they have, which of them to keep.

Must not: read a header, the reserved one included.
"""

from librt.strings import BytesWriter, read_i32_be
from mypy_extensions import i64

from onemq.model.record_batch import (
    CorruptBatch,
    base_offset,
    batch_bytes,
    codec_of,
    rebuilt_batch,
    record_count,
    records_section,
)
from onemq.model.record_cursor import Cursor


def check_records(data: bytes, keyed: bool) -> list[int]:
    """Walks over a producer's records without making any. Returns the indexes of those that have no key, where they should be `keyed`.

    Raises CorruptBatch when they are not what the batch's header says: as many, with offsets one after the other, up to its end.
    """
    section = data
    start: i64 = 61
    size: i64 = min(len(data), batch_bytes(data, 0))
    if codec_of(data) != 0:
        section = records_section(data)
        start = 0
        size = len(section)
    cursor = Cursor(section, start, size)
    keyless: list[int] = []
    count = record_count(data)
    index: i64 = 0
    while index < count:
        end = cursor.enter_record()
        cursor.varint()
        if cursor.varint() != index:
            raise CorruptBatch("records' offsets do not follow each other")
        key_size = cursor.varint()
        if keyed and key_size < 0:
            keyless.append(int(index))
        cursor.skip(key_size, end)
        cursor.skip(cursor.varint(), end)
        headers = cursor.varint()
        if headers < 0:
            raise CorruptBatch("less than no headers")
        while headers > 0:
            name_size = cursor.varint()
            if name_size < 0:
                raise CorruptBatch("header without a name")
            cursor.skip(name_size, end)
            cursor.skip(cursor.varint(), end)
            headers -= 1
        if cursor.at != end:
            raise CorruptBatch("record's length does not match its fields")
        index += 1
    if cursor.at != size:
        raise CorruptBatch("more records than the batch's header says")
    return keyless


class KeyEntry:
    """What compaction looks at of a record."""

    __slots__ = ("has_value", "key", "offset")

    def __init__(self, offset: i64, key: bytes | None, has_value: bool) -> None:
        self.offset: i64 = offset
        self.key = key
        self.has_value = has_value


def decode_keys(data: bytes) -> list[KeyEntry]:
    """Offset and key of each record of a batch, and whether it has a value. Raises CorruptBatch."""
    section = records_section(data)
    cursor = Cursor(section, 0, len(section))
    base = base_offset(data)
    entries: list[KeyEntry] = []
    for _ in range(record_count(data)):
        record_end = cursor.enter_record()
        cursor.varint()
        delta = cursor.varint()
        key_size = cursor.varint()
        key: bytes | None = None if key_size < 0 else cursor.take(key_size)
        entries.append(KeyEntry(base + delta, key, cursor.varint() >= 0))
        cursor.at = record_end
    return entries


def keep_live(data: bytes, live: list[int], ends_earlier: bool = False) -> bytes:
    """The batch with only those records whose offset lies in `live`: flat [start, end) pairs, ascending.

    Returns b"" when none lives. Offsets, producer, times, codec and the records' own bytes stay as they are; so does the batch's
    last offset (a reader goes on behind it), unless it `ends_earlier`: with its last record that lives. Raises CorruptBatch.
    """
    section = records_section(data)
    cursor = Cursor(section, 0, len(section))
    base = base_offset(data)
    kept = BytesWriter()
    count: i64 = 0
    last_delta: i64 = 0
    index = 0
    for _ in range(record_count(data)):
        start = cursor.at
        record_end = cursor.enter_record()
        cursor.varint()
        delta = cursor.varint()
        cursor.at = record_end
        while index < len(live) and base + delta >= live[index + 1]:
            index += 2
        if index >= len(live):
            break
        if base + delta >= live[index]:
            kept.write(section[start:record_end])
            count += 1
            last_delta = delta
    if not count:
        return b""
    if not ends_earlier:
        last_delta = i64(read_i32_be(data, 23))
    return rebuilt_batch(data, codec_of(data), kept.getvalue(), count, last_delta)
