"""Control batches: the marker that ends a producer's transaction in one log. Must not: know who coordinates it.

Source: Apache Kafka documentation, "Control Batches".
"""

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be
from mypy_extensions import i64

from onemq.model.record_batch import batch_bytes, with_crc
from onemq.model.record_codec import write_varint
from onemq.model.record_cursor import Cursor


def control_batch(
    base: i64, now_ms: i64, producer: i64, epoch: i64, commit: bool, coordinator_epoch: i64
) -> bytes:
    """The marker: key (version 0, type: 0 abort, 1 commit), value (version 0, coordinator epoch)."""
    key = bytes([0, 0, 0, 1 if commit else 0])
    value = b"\x00\x00" + int(coordinator_epoch).to_bytes(4, "big", signed=True)
    record = BytesWriter()
    record.append(0)
    write_varint(record, 0)
    write_varint(record, 0)
    write_varint(record, len(key))
    record.write(key)
    write_varint(record, len(value))
    record.write(value)
    write_varint(record, 0)
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
    write_varint(checked, len(body))
    checked.write(body)
    head = BytesWriter()
    write_i64_be(head, base)
    write_i32_be(head, 0)
    write_i32_be(head, 0)
    head.append(2)
    return with_crc(head.getvalue(), checked.getvalue())


def is_commit_marker(data: bytes) -> bool:
    """Of a control batch: whether it commits. Raises CorruptBatch."""
    cursor = Cursor(data, 61, batch_bytes(data, 0))
    cursor.enter_record()
    cursor.varint()
    cursor.varint()
    key = cursor.take(cursor.varint())
    return len(key) >= 4 and key[3] == 1
