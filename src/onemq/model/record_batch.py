"""Record batches in Kafka's format v2 (magic 2): bytes to records and back, and the batch header's fields.

Source: Apache Kafka documentation, "Message format / Record Batch". All integers big-endian; varints zig-zag.
What the broker needs beyond Kafka's own fields travels in one reserved record header, `RESERVED_HEADER`
(docs/formats/record.md). A batch is the unit of the journal, of segments, and of a Kafka fetch.
"""

from typing import Final

import google_crc32c
from librt.strings import (
    BytesWriter,
    read_i16_be,
    read_i32_be,
    read_i64_be,
    write_i16_be,
    write_i32_be,
    write_i64_be,
)
from mypy_extensions import i64, u8

from onemq.model.compression import BadCompression, compress, decompress
from onemq.model.record import NO_ADDRESS, Address, Death, Deaths, Record

HEADER_BYTES: Final = 61
"""Length of a batch's header; the records follow."""
LENGTH_AT: Final = 8
LEADER_EPOCH_AT: Final = 12
CRC_AT: Final = 17
ATTRIBUTES_AT: Final = 21
LAST_OFFSET_DELTA_AT: Final = 23
BASE_TIMESTAMP_AT: Final = 27
MAX_TIMESTAMP_AT: Final = 35
PRODUCER_ID_AT: Final = 43
PRODUCER_EPOCH_AT: Final = 51
BASE_SEQUENCE_AT: Final = 53
RECORD_COUNT_AT: Final = 57
MAGIC: Final = 2

OWN_LEADER_EPOCH: Final = -1
"""Of batches that we encoded: records may carry the reserved header. Batches of Kafka producers have epoch 0, and every header is
theirs. The field is not covered by the CRC, so a producer's batch stays as it came."""
INFLATED_BYTES_MAX: Final = 256 << 20
"""What the records of one compressed batch may take when they are looked at."""

COMPRESSION_MASK: Final = 0x07
LOG_APPEND_TIME: Final = 0x08
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
VOLATILE: Final = 0x4000
"""Attribute bit of ours (Kafka leaves bits 7 to 15 unused): the batch does not outlive the process."""

RESERVED_HEADER: Final = "onemq"
RESERVED_KEY: Final = b"onemq"
_RESERVED_VERSION: Final = 1
_HAS_EXPIRY: Final = 1
_HAS_DELAY: Final = 2
_HAS_PRIORITY: Final = 4
_HAS_DEATHS: Final = 8
_HAS_ADDRESS: Final = 16
_HAS_NATIVE: Final = 32
_TRANSIENT: Final = 64
"""Not that something follows, but that the record's protocol called it transient: what the batch is says nothing of that,
since a queue may store transient records, or none at all."""


class CorruptBatch(Exception):
    """The bytes are not a whole, valid record batch."""


def batch_bytes(data: bytes, at: i64) -> i64:
    """Whole length in bytes of the batch that starts at `at` (needs its first 12 bytes)."""
    length: i64 = i64(read_i32_be(data, at + 8))
    return length + 12


def base_offset(data: bytes, at: i64 = 0) -> i64:
    return read_i64_be(data, at)


def end_offset(data: bytes, at: i64 = 0) -> i64:
    """Offset after the batch's last one (counting offsets that it leaves out)."""
    delta: i64 = i64(read_i32_be(data, at + 23))
    return read_i64_be(data, at) + delta + 1


def record_count(data: bytes, at: i64 = 0) -> i64:
    count: i64 = i64(read_i32_be(data, at + 57))
    return count


def max_timestamp_ms(data: bytes, at: i64 = 0) -> i64:
    return read_i64_be(data, at + 35)


def is_volatile(data: bytes, at: i64 = 0) -> bool:
    attributes: i64 = i64(read_i16_be(data, at + 21))
    return attributes & 0x4000 != 0


def attributes_of(data: bytes, at: i64 = 0) -> i64:
    """COMPRESSION_MASK, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL, VOLATILE."""
    return i64(read_i16_be(data, at + 21))


def codec_of(data: bytes, at: i64 = 0) -> int:
    """Number of the compression codec (compression.py)."""
    return int(i64(read_i16_be(data, at + 21)) & 7)


def leader_epoch(data: bytes, at: i64 = 0) -> i64:
    return i64(read_i32_be(data, at + 12))


def base_timestamp_ms(data: bytes, at: i64 = 0) -> i64:
    return read_i64_be(data, at + 27)


def producer_id(data: bytes, at: i64 = 0) -> i64:
    """-1: the producer is not idempotent."""
    return read_i64_be(data, at + 43)


def producer_epoch(data: bytes, at: i64 = 0) -> i64:
    return i64(read_i16_be(data, at + 51))


def base_sequence(data: bytes, at: i64 = 0) -> i64:
    return i64(read_i32_be(data, at + 53))


def placed_batch(data: bytes, base: i64) -> bytes:
    """A producer's batch at its place in the log: base offset and leader epoch are set, which the CRC does not cover."""
    head = BytesWriter()
    write_i64_be(head, base)
    head.write(data[8:12])
    write_i32_be(head, 0)
    return b"".join((head.getvalue(), memoryview(data)[16:]))


def stamped_batch(data: bytes, now_ms: i64) -> bytes:
    """The batch with the broker's time for all its records (message.timestamp.type LogAppendTime)."""
    checked = BytesWriter()
    write_i16_be(checked, int(attributes_of(data) | 8))
    checked.write(data[23:35])
    write_i64_be(checked, now_ms)
    checked.write(data[43:])
    return _with_crc(data[:17], checked.getvalue())


def _with_crc(start: bytes, checked: bytes) -> bytes:
    """`start`: a batch's first 17 bytes. The length field is set to what stands."""
    head = BytesWriter()
    head.write(start[:8])
    write_i32_be(head, len(checked) + 9)
    head.write(start[12:17])
    _write_u32(head, google_crc32c.value(checked))
    return head.getvalue() + checked


def records_section(data: bytes) -> bytes:
    """The batch's records, decompressed. Raises CorruptBatch."""
    section = data[61 : batch_bytes(data, 0)]
    codec = codec_of(data)
    if codec == 0:
        return section
    try:
        return decompress(codec, section, INFLATED_BYTES_MAX)
    except BadCompression as error:
        raise CorruptBatch(str(error)) from None


def recompressed_batch(data: bytes, codec: int) -> bytes:
    """The same records under another codec. Raises CorruptBatch."""
    return _rebuilt(data, codec, records_section(data), record_count(data), i64(read_i32_be(data, 23)))


def _rebuilt(data: bytes, codec: int, section: bytes, count: i64, last_delta: i64) -> bytes:
    checked = BytesWriter()
    write_i16_be(checked, int((attributes_of(data) & ~7) | codec))
    write_i32_be(checked, int(last_delta))
    checked.write(data[27:57])
    write_i32_be(checked, int(count))
    checked.write(compress(codec, section))
    return _with_crc(data[:17], checked.getvalue())


def control_batch(
    base: i64, now_ms: i64, producer: i64, epoch: i64, commit: bool, coordinator_epoch: i64
) -> bytes:
    """The marker that ends a producer's transaction in one log: key (version 0, type: 0 abort, 1 commit), value (version 0,
    coordinator epoch). Source: Apache Kafka documentation, "Control Batches"."""
    key = bytes([0, 0, 0, 1 if commit else 0])
    value = b"\x00\x00" + int(coordinator_epoch).to_bytes(4, "big", signed=True)
    record = BytesWriter()
    record.append(0)
    _write_varint(record, 0)
    _write_varint(record, 0)
    _write_varint(record, len(key))
    record.write(key)
    _write_varint(record, len(value))
    record.write(value)
    _write_varint(record, 0)
    body = record.getvalue()
    checked = BytesWriter()
    write_i16_be(checked, 0x30)
    write_i32_be(checked, 0)
    write_i64_be(checked, now_ms)
    write_i64_be(checked, now_ms)
    write_i64_be(checked, producer)
    write_i16_be(checked, int(epoch))
    write_i32_be(checked, -1)
    write_i32_be(checked, 1)
    _write_varint(checked, len(body))
    checked.write(body)
    head = BytesWriter()
    write_i64_be(head, base)
    write_i32_be(head, 0)
    write_i32_be(head, 0)
    head.append(2)
    return _with_crc(head.getvalue(), checked.getvalue())


def is_commit_marker(data: bytes) -> bool:
    """Of a control batch: whether it commits. Raises CorruptBatch."""
    cursor = _Cursor(data, 61, batch_bytes(data, 0))
    cursor.varint()
    cursor.at += 1
    cursor.varint()
    cursor.varint()
    key = cursor.take(cursor.varint())
    return len(key) >= 4 and key[3] == 1


def check_batch(data: bytes, at: i64 = 0) -> None:
    """Checks magic, length and CRC-32C of the batch at `at`. Raises CorruptBatch."""
    size: i64 = len(data)
    if size - at < 61:
        raise CorruptBatch("shorter than a batch header")
    end: i64 = at + batch_bytes(data, at)
    if end > size or end < at + 61:
        raise CorruptBatch("length field reaches beyond the data")
    if data[at + 16] != 2:
        raise CorruptBatch(f"magic {data[at + 16]}, not 2")
    crc: i64 = i64(read_i32_be(data, at + 17))
    if google_crc32c.value(data[at + 21 : end]) != (crc & 0xFFFFFFFF):
        raise CorruptBatch("CRC-32C does not match")


# Writing.


def _varint_bytes(value: i64) -> i64:
    coded: i64 = (value << 1) ^ (value >> 63)
    size: i64 = 1
    while coded > 0x7F or coded < 0:
        coded = (coded >> 7) & 0x01FFFFFFFFFFFFFF
        size += 1
    return size


def _write_varint(out: BytesWriter, value: i64) -> None:
    # An i64 given to append() would become a boxed call: u8 is what compiles to a store.
    coded: i64 = (value << 1) ^ (value >> 63)
    while coded > 0x7F or coded < 0:
        out.append(u8((coded & 0x7F) | 0x80))
        coded = (coded >> 7) & 0x01FFFFFFFFFFFFFF
    out.append(u8(coded))


def _write_text(out: BytesWriter, text: str) -> None:
    raw = text.encode("utf-8", "surrogateescape")
    write_i32_be(out, len(raw))
    out.write(raw)


def _encode_deaths(deaths: Deaths) -> bytes:
    out = BytesWriter()
    for text in deaths.first + deaths.last:
        _write_text(out, text)
    write_i32_be(out, len(deaths.entries))
    for death in deaths.entries:
        _write_text(out, death.queue)
        _write_text(out, death.reason)
        _write_text(out, death.exchange)
        write_i32_be(out, len(death.routing_keys))
        for key in death.routing_keys:
            _write_text(out, key)
        write_i64_be(out, death.time_ms)
        write_i64_be(out, death.count)
        _write_text(out, death.expiration)
    return out.getvalue()


def _address_start(address: Address, native_kind: int) -> bytes:
    """The reserved header up to the native bytes, for a record that has nothing but an address and a native part."""
    out = BytesWriter()
    out.append(_RESERVED_VERSION)
    out.append(_HAS_ADDRESS | _HAS_NATIVE if native_kind else _HAS_ADDRESS)
    _write_address(out, address)
    if native_kind:
        out.append(native_kind)
    return out.getvalue()


def _write_address(out: BytesWriter, address: Address) -> None:
    exchange = address.exchange.encode("utf-8", "surrogateescape")
    routing_key = address.routing_key.encode("utf-8", "surrogateescape")
    write_i16_be(out, len(exchange))
    out.write(exchange)
    write_i32_be(out, len(routing_key))
    out.write(routing_key)


def _reserved_start(record: Record) -> bytes:
    """The reserved header's value up to the native bytes, b"" when the record needs none (docs/formats/record.md)."""
    address = record.address
    deaths = record.deaths
    if (
        not record.expires_at_ms
        and not record.not_before_ms
        and not record.priority
        and deaths is None
        and not record.volatile
    ):
        if address is NO_ADDRESS and not record.native_kind:
            return b""
        if address is not NO_ADDRESS:
            if address.reserved_kind != record.native_kind:
                address.reserved = _address_start(address, record.native_kind)
                address.reserved_kind = record.native_kind
            return address.reserved
    flags = 0
    if record.expires_at_ms:
        flags |= _HAS_EXPIRY
    if record.not_before_ms:
        flags |= _HAS_DELAY
    if record.priority:
        flags |= _HAS_PRIORITY
    if deaths is not None:
        flags |= _HAS_DEATHS
    if address is not NO_ADDRESS:
        flags |= _HAS_ADDRESS
    if record.native_kind:
        flags |= _HAS_NATIVE
    if record.volatile:
        flags |= _TRANSIENT
    out = BytesWriter()
    out.append(_RESERVED_VERSION)
    out.append(flags)
    if record.expires_at_ms:
        write_i64_be(out, record.expires_at_ms)
    if record.not_before_ms:
        write_i64_be(out, record.not_before_ms)
    if record.priority:
        out.append(record.priority)
    if deaths is not None:
        encoded = _encode_deaths(deaths)
        write_i32_be(out, len(encoded))
        out.write(encoded)
    if flags & _HAS_ADDRESS:
        _write_address(out, address)
    if record.native_kind:
        out.append(record.native_kind)
    return out.getvalue()


def _write_record(out: BytesWriter, record: Record, base: i64, base_time_ms: i64) -> None:
    reserved = _reserved_start(record)
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
    _write_varint(out, size)
    out.append(0)
    _write_varint(out, time_delta)
    _write_varint(out, offset_delta)
    _write_varint(out, key_size)
    if key is not None:
        out.write(key)
    _write_varint(out, value_size)
    if value is not None:
        out.write(value)
    _write_varint(out, header_count)
    if encoded_headers is not None:
        for raw_name, content in encoded_headers:
            _write_varint(out, len(raw_name))
            out.write(raw_name)
            if content is None:
                _write_varint(out, -1)
            else:
                _write_varint(out, len(content))
                out.write(content)
    if reserved_size:
        _write_varint(out, 5)
        out.write(RESERVED_KEY)
        _write_varint(out, reserved_size)
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
    _write_u32(head, google_crc32c.value(tail))
    return head.getvalue() + tail


def _write_u32(out: BytesWriter, value: int) -> None:
    out.append((value >> 24) & 0xFF)
    out.append((value >> 16) & 0xFF)
    out.append((value >> 8) & 0xFF)
    out.append(value & 0xFF)


# Reading.


class _Cursor:
    """A place in bytes; raises CorruptBatch instead of reading beyond `end`."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: i64, end: i64) -> None:
        self.data = data
        self.at: i64 = at
        self.end: i64 = end

    def varint(self) -> i64:
        value: i64 = 0
        shift: i64 = 0
        at: i64 = self.at
        data = self.data
        while True:
            if at >= self.end or shift > 63:
                raise CorruptBatch("varint reaches beyond the record")
            octet: i64 = data[at]
            at += 1
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                break
            shift += 7
        self.at = at
        return ((value >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1)

    def take(self, size: i64) -> bytes:
        at: i64 = self.at
        if size < 0 or size > self.end - at:
            raise CorruptBatch("field reaches beyond the record")
        self.at = at + size
        return self.data[at : at + size]

    def skip(self, size: i64, end: i64) -> None:
        """Passes over a field of the record that ends at `end`; a negative size is a field that is null."""
        if self.at > end or size > end - self.at:
            raise CorruptBatch("field reaches beyond its record")
        if size > 0:
            self.at += size

    def int16(self) -> i64:
        self._need(2)
        value: i64 = i64(read_i16_be(self.data, self.at))
        self.at += 2
        return value

    def int32(self) -> i64:
        self._need(4)
        value: i64 = i64(read_i32_be(self.data, self.at))
        self.at += 4
        return value

    def int64(self) -> i64:
        self._need(8)
        value = read_i64_be(self.data, self.at)
        self.at += 8
        return value

    def octet(self) -> int:
        self._need(1)
        value = self.data[self.at]
        self.at += 1
        return value

    def text(self) -> str:
        return self.take(self.int32()).decode("utf-8", "surrogateescape")

    def _need(self, size: i64) -> None:
        if size > self.end - self.at:
            raise CorruptBatch("field reaches beyond the record")


class AddressCache:
    """Interns addresses read from disk, so that a million records of one queue share one object."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Address] = {}

    def get(self, exchange: str, routing_key: str) -> Address:
        names = (exchange, routing_key)
        address = self._known.get(names)
        if address is None:
            if len(self._known) >= 4096:
                self._known.clear()
            address = Address(exchange, routing_key)
            self._known[names] = address
        return address


def _decode_deaths(data: bytes) -> Deaths:
    cursor = _Cursor(data, 0, len(data))
    first = (cursor.text(), cursor.text(), cursor.text())
    last = (cursor.text(), cursor.text(), cursor.text())
    entries: list[Death] = []
    for _ in range(cursor.int32()):
        queue = cursor.text()
        reason = cursor.text()
        exchange = cursor.text()
        keys: list[str] = []
        for _ in range(cursor.int32()):
            keys.append(cursor.text())
        time_ms = cursor.int64()
        count = cursor.int64()
        entries.append(Death(queue, reason, exchange, keys, time_ms, count, cursor.text()))
    return Deaths(entries, first, last)


def _apply_reserved(record: Record, data: bytes, addresses: AddressCache) -> None:
    cursor = _Cursor(data, 0, len(data))
    version = cursor.octet()
    if version != _RESERVED_VERSION:
        raise CorruptBatch(f"reserved header of version {version}, this broker knows {_RESERVED_VERSION}")
    flags = cursor.octet()
    record.volatile = flags & _TRANSIENT != 0
    if flags & _HAS_EXPIRY:
        record.expires_at_ms = cursor.int64()
    if flags & _HAS_DELAY:
        record.not_before_ms = cursor.int64()
    if flags & _HAS_PRIORITY:
        record.priority = cursor.octet()
    if flags & _HAS_DEATHS:
        record.deaths = _decode_deaths(cursor.take(cursor.int32()))
    if flags & _HAS_ADDRESS:
        exchange = cursor.take(cursor.int16()).decode("utf-8", "surrogateescape")
        routing_key = cursor.take(cursor.int32()).decode("utf-8", "surrogateescape")
        record.address = addresses.get(exchange, routing_key)
    if flags & _HAS_NATIVE:
        record.native_kind = cursor.octet()
        record.native = cursor.take(cursor.end - cursor.at)


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
    cursor = _Cursor(section, start, end)
    for _ in range(record_count(data, at)):
        size = cursor.varint()
        record_end: i64 = cursor.at + size
        if size < 0 or record_end > end:
            raise CorruptBatch("record reaches beyond its batch")
        cursor.at += 1
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


def _read_headers(cursor: _Cursor, record: Record, addresses: AddressCache, ours: bool) -> None:
    headers: list[tuple[str, bytes | None]] | None = None
    for _ in range(cursor.varint()):
        name = cursor.take(cursor.varint())
        size = cursor.varint()
        content: bytes | None = None if size < 0 else cursor.take(size)
        if ours and name == b"onemq" and content is not None:
            _apply_reserved(record, content, addresses)
            continue
        if headers is None:
            headers = []
        headers.append((name.decode("utf-8", "surrogateescape"), content))
    record.headers = headers


def check_records(data: bytes) -> list[int]:
    """Walks over a producer's records without making any. Returns the indexes of those that have no key.

    Raises CorruptBatch when they are not what the batch's header says: as many, with offsets one after the other, up to its end.
    """
    section = data
    start: i64 = 61
    size: i64 = min(len(data), batch_bytes(data, 0))
    if codec_of(data) != 0:
        section = records_section(data)
        start = 0
        size = len(section)
    cursor = _Cursor(section, start, size)
    keyless: list[int] = []
    count = record_count(data)
    index: i64 = 0
    while index < count:
        length = cursor.varint()
        end = cursor.at + length
        if length < 0 or end > size:
            raise CorruptBatch("record reaches beyond its batch")
        cursor.at += 1
        cursor.varint()
        if cursor.varint() != index:
            raise CorruptBatch("records' offsets do not follow each other")
        key_size = cursor.varint()
        if key_size < 0:
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
    cursor = _Cursor(section, 0, len(section))
    base = base_offset(data)
    entries: list[KeyEntry] = []
    for _ in range(record_count(data)):
        size = cursor.varint()
        record_end: i64 = cursor.at + size
        if size < 0 or record_end > len(section):
            raise CorruptBatch("record reaches beyond its batch")
        cursor.at += 1
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
    cursor = _Cursor(section, 0, len(section))
    base = base_offset(data)
    kept = BytesWriter()
    count: i64 = 0
    last_delta: i64 = 0
    index = 0
    for _ in range(record_count(data)):
        start = cursor.at
        size = cursor.varint()
        record_end: i64 = cursor.at + size
        if size < 0 or record_end > len(section):
            raise CorruptBatch("record reaches beyond its batch")
        cursor.at += 1
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
    return _rebuilt(data, codec_of(data), kept.getvalue(), count, last_delta)
