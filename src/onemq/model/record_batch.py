"""The record batch as a whole, in Kafka's format v2 (magic 2): its header's fields, its checksum, its place in a log, its codec.

Source: Apache Kafka documentation, "Message format / Record Batch". All integers big-endian. A batch is the unit of the journal, of
segments, and of a Kafka fetch. Must not: know what a record is made of (record_codec.py, record_walk.py).
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
from mypy_extensions import i64

from onemq.model.checksum import checksum_from
from onemq.model.compression import BadCompression, compress, decompress

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
    return with_crc(data[:17], checked.getvalue())


def with_crc(start: bytes, checked: bytes) -> bytes:
    """A whole batch. `start`: its first 17 bytes, of which the length is set anew; `checked`: all behind the checksum."""
    head = BytesWriter()
    head.write(start[:8])
    write_i32_be(head, len(checked) + 9)
    head.write(start[12:17])
    write_crc(head, checked)
    return head.getvalue() + checked


def write_crc(out: BytesWriter, checked: bytes) -> None:
    crc: int = google_crc32c.value(checked)
    out.append((crc >> 24) & 0xFF)
    out.append((crc >> 16) & 0xFF)
    out.append((crc >> 8) & 0xFF)
    out.append(crc & 0xFF)


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
    return rebuilt_batch(data, codec, records_section(data), record_count(data), i64(read_i32_be(data, 23)))


def rebuilt_batch(data: bytes, codec: int, section: bytes, count: i64, last_delta: i64) -> bytes:
    """The batch with other records, given as they stand in it uncompressed. Its producer and times stay."""
    checked = BytesWriter()
    write_i16_be(checked, int((attributes_of(data) & ~7) | codec))
    write_i32_be(checked, int(last_delta))
    checked.write(data[27:57])
    write_i32_be(checked, int(count))
    checked.write(compress(codec, section))
    return with_crc(data[:17], checked.getvalue())


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
    # To cut out a few kilobytes takes no longer than the steps back over the header.
    uncut = at == 0 and end == size and size > 8192
    checksum = checksum_from(data, 21) if uncut else google_crc32c.value(data[at + 21 : end])
    if checksum != (crc & 0xFFFFFFFF):
        raise CorruptBatch("CRC-32C does not match")
