"""Records to a record batch and back: Kafka's fields of each record; what is ours in it is reserved_header.py's.

Must not: check what a producer sent (record_walk.py, engine/topics/validation.py).
"""

from librt.strings import BytesWriter, read_i16_be, read_i64_be, write_i16_be, write_i32_be, write_i64_be
from mypy_extensions import i64, u8

from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import (
    CorruptBatch,
    batch_bytes,
    leader_epoch,
    max_timestamp_ms,
    record_count,
    records_section,
    write_crc,
)
from onemq.model.record_cursor import Cursor
from onemq.model.reserved_header import RESERVED_KEY, AddressCache, apply_reserved, reserved_start


def _varint_bytes(value: i64) -> i64:
    coded: i64 = (value << 1) ^ (value >> 63)
    size: i64 = 1
    while coded > 0x7F or coded < 0:
        coded = (coded >> 7) & 0x01FFFFFFFFFFFFFF
        size += 1
    return size


def write_varint(out: BytesWriter, value: i64) -> None:
    """Stands in the file of its hot callers: a C compiler inlines within a file only."""
    # An i64 given to append() would become a boxed call: u8 is what compiles to a store.
    coded: i64 = (value << 1) ^ (value >> 63)
    while coded > 0x7F or coded < 0:
        out.append(u8((coded & 0x7F) | 0x80))
        coded = (coded >> 7) & 0x01FFFFFFFFFFFFFF
    out.append(u8(coded))


def _write_record(out: BytesWriter, record: Record, base: i64, base_time_ms: i64) -> None:
    reserved = reserved_start(record)
    native = record.native if record.native_kind else b""
    key = record.key
    value = record.value
    headers = record.headers
    time_delta: i64 = record.timestamp_ms - base_time_ms
    offset_delta: i64 = record.offset - base
    key_size: i64 = -1 if key is None else len(key)
    value_size: i64 = -1 if value is None else len(value)
    header_count: i64 = 0 if headers is None else len(headers)
    size: i64 = 1 + _varint_bytes(time_delta) + _varint_bytes(offset_delta)
    size += _varint_bytes(key_size) + _varint_bytes(value_size)
    if key_size > 0:
        size += key_size
    if value_size > 0:
        size += value_size
    encoded_headers: list[tuple[bytes, bytes | None]] | None = None
    if headers is not None:
        encoded_headers = []
        for name, content in headers:
            raw_name = name.encode("utf-8", "surrogateescape")
            encoded_headers.append((raw_name, content))
            size += _varint_bytes(len(raw_name)) + len(raw_name)
            size += 1 if content is None else _varint_bytes(len(content)) + len(content)
    reserved_size: i64 = len(reserved) + len(native)
    if reserved_size:
        header_count += 1
        size += 6 + _varint_bytes(reserved_size) + reserved_size
    size += _varint_bytes(header_count)
    write_varint(out, size)
    out.append(0)
    write_varint(out, time_delta)
    write_varint(out, offset_delta)
    write_varint(out, key_size)
    if key is not None:
        out.write(key)
    write_varint(out, value_size)
    if value is not None:
        out.write(value)
    write_varint(out, header_count)
    if encoded_headers is not None:
        for raw_name, content in encoded_headers:
            write_varint(out, len(raw_name))
            out.write(raw_name)
            if content is None:
                write_varint(out, -1)
            else:
                write_varint(out, len(content))
                out.write(content)
    if reserved_size:
        write_varint(out, 5)
        out.write(RESERVED_KEY)
        write_varint(out, reserved_size)
        out.write(reserved)
        out.write(native)


def encode_batch(records: list[Record], volatile: bool = False) -> bytes:
    """One uncompressed batch of `records`, ordered by offset (offsets between may be missing).

    All must have an offset. At least one record. The volatile flag marks the whole batch.
    """
    first = records[0]
    base: i64 = first.offset
    base_time_ms: i64 = first.timestamp_ms
    max_time_ms: i64 = base_time_ms
    for record in records:
        if record.timestamp_ms > max_time_ms:
            max_time_ms = record.timestamp_ms
    checked = BytesWriter()
    write_i16_be(checked, 0x4000 if volatile else 0)
    last_delta: i64 = records[-1].offset - base
    write_i32_be(checked, int(last_delta))
    write_i64_be(checked, base_time_ms)
    write_i64_be(checked, max_time_ms)
    write_i64_be(checked, -1)  # producer id
    write_i16_be(checked, -1)  # producer epoch
    write_i32_be(checked, -1)  # base sequence
    write_i32_be(checked, len(records))
    for record in records:
        _write_record(checked, record, base, base_time_ms)
    tail = checked.getvalue()
    head = BytesWriter()
    write_i64_be(head, base)
    write_i32_be(head, len(tail) + 9)
    write_i32_be(head, -1)  # partition leader epoch
    head.append(2)
    write_crc(head, tail)
    return head.getvalue() + tail


def decode_batch(data: bytes, at: i64, addresses: AddressCache) -> list[Record]:
    """Records of the batch at `at`, in order of offset; none for a control batch. Raises CorruptBatch; does not check the CRC."""
    if len(data) - at < 61:
        raise CorruptBatch("shorter than a batch header")
    end: i64 = at + batch_bytes(data, at)
    if end > len(data):
        raise CorruptBatch("length field reaches beyond the data")
    attributes: i64 = i64(read_i16_be(data, at + 21))
    records: list[Record] = []
    if attributes & 0x20:
        return records
    base: i64 = read_i64_be(data, at)
    base_time_ms: i64 = read_i64_be(data, at + 27)
    append_time_ms: i64 = max_timestamp_ms(data, at) if attributes & 8 else -1
    ours = leader_epoch(data, at) == -1
    section = data
    start: i64 = at + 61
    if attributes & 7:
        section = records_section(data[at:end])
        start = 0
        end = len(section)
    cursor = Cursor(section, start, end)
    for _ in range(record_count(data, at)):
        record_end = cursor.enter_record()
        time_delta = cursor.varint()
        offset_delta = cursor.varint()
        key_size = cursor.varint()
        key: bytes | None = None if key_size < 0 else cursor.take(key_size)
        value_size = cursor.varint()
        value: bytes | None = None if value_size < 0 else cursor.take(value_size)
        record = Record(value, NO_ADDRESS)
        record.key = key
        record.offset = base + offset_delta
        record.timestamp_ms = base_time_ms + time_delta if append_time_ms < 0 else append_time_ms
        _read_headers(cursor, record, addresses, ours)
        if cursor.at != record_end:
            raise CorruptBatch("record's length does not match its fields")
        records.append(record)
    return records


def _read_headers(cursor: Cursor, record: Record, addresses: AddressCache, ours: bool) -> None:
    headers: list[tuple[str, bytes | None]] | None = None
    for _ in range(cursor.varint()):
        name = cursor.take(cursor.varint())
        size = cursor.varint()
        content: bytes | None = None if size < 0 else cursor.take(size)
        if ours and name == RESERVED_KEY and content is not None:
            apply_reserved(record, content, addresses)
            continue
        if headers is None:
            headers = []
        headers.append((name.decode("utf-8", "surrogateescape"), content))
    record.headers = headers
