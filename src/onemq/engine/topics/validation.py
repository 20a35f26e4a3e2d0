"""What a partition takes from a producer: one whole record batch of format v2, checked the way Kafka checks it.

Source: Apache Kafka, "LogValidator" and "UnifiedLog.append".
"""

from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.topics.config import TopicConfig
from onemq.model.compression import CODEC_NAMES
from onemq.model.record_batch import (
    CorruptBatch,
    attributes_of,
    base_offset,
    base_sequence,
    base_timestamp_ms,
    batch_bytes,
    check_batch,
    codec_of,
    end_offset,
    max_timestamp_ms,
    producer_epoch,
    producer_id,
    recompressed_batch,
    record_count,
    stamped_batch,
)
from onemq.model.record_walk import check_records
from onemq.model.refusal import Reason, Refusal

MAGIC_AT: Final = 16
NO_TIME: Final = -1


@mypyc_attr(native_class=False)
class BadRecords(Refusal):
    """Some records of a batch are not what the log takes. `indexes`: which."""

    def __init__(self, detail: str, indexes: list[int]) -> None:
        super().__init__(Reason.BAD_RECORDS, "batch", detail=detail)
        self.indexes = indexes


def validated(data: bytes, config: TopicConfig, now_ms: i64) -> bytes:
    """The batch as it is to be stored: the same bytes, unless the topic asks for another codec or the broker's time.

    Raises Refusal CORRUPT, OLD_FORMAT, BAD_RECORDS, BAD_TIMESTAMP, TOO_LARGE.
    """
    size: i64 = len(data)
    if size < 17:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail="no whole batch")
    length = batch_bytes(data, 0)
    if length < 26:
        raise Refusal(
            Reason.CORRUPT,
            "batch",
            detail=f"Record size {length - 12} is less than the minimum record overhead (14)",
        )
    if data[16] > 2:
        magic = data[16] - 256 if data[16] > 127 else data[16]
        raise Refusal(Reason.CORRUPT, "batch", detail=f"Invalid magic found in record: {magic}")
    if length > size or data[16] != 2:
        # The old formats' first fields are the same, so their magic stands in the same place.
        raise Refusal(
            Reason.BAD_RECORDS, "batch", detail=f"{size} of {length} bytes, magic {data[16]} (2 is taken)"
        )
    if length < 61:
        raise Refusal(Reason.CORRUPT, "batch", detail="shorter than a batch header")
    if size - length >= 17:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail="more than one batch")
    if size > length:
        data = data[:length]
        size = length
    _check_size(data, config)
    try:
        check_batch(data)
    except CorruptBatch as error:
        raise Refusal(Reason.CORRUPT, "batch", detail=str(error)) from None
    _check_header(data)
    try:
        keyless = check_records(data, config.compact)
        if keyless:
            raise BadRecords("Compacted topic cannot accept message without key", keyless)
        return _as_configured(data, config, now_ms)
    except CorruptBatch as error:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail=str(error)) from None


def _check_size(data: bytes, config: TopicConfig) -> None:
    most = config.message_bytes_max
    if len(data) > most:
        raise Refusal(Reason.TOO_LARGE, "batch", detail=f"{len(data)} bytes, max.message.bytes is {most}")


def _check_header(data: bytes) -> None:
    attributes = attributes_of(data)
    count = record_count(data)
    if attributes & 0x20:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail="clients are not allowed to write control records")
    if base_offset(data) != 0:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail=f"base offset {base_offset(data)}, not 0")
    if count <= 0 or end_offset(data) - base_offset(data) != count:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail=f"{count} records do not fit the last offset")
    if attributes & 7 > 4:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail=f"compression codec {attributes & 7} is unknown")
    if producer_id(data) >= 0:
        if producer_epoch(data) < 0 or base_sequence(data) < 0:
            raise Refusal(Reason.BAD_RECORDS, "batch", detail="producer id without epoch or sequence")
    elif attributes & 0x10:
        raise Refusal(Reason.BAD_RECORDS, "batch", detail="transactional without a producer id")


def _as_configured(data: bytes, config: TopicConfig, now_ms: i64) -> bytes:
    if config.compression_type != "producer":
        codec = CODEC_NAMES.index(
            "none" if config.compression_type == "uncompressed" else config.compression_type
        )
        if codec != codec_of(data):
            data = recompressed_batch(data, codec)
            _check_size(data, config)
    if attributes_of(data) & 8:
        raise Refusal(Reason.BAD_TIMESTAMP, "batch", detail="clients may not set the broker's time")
    if config.log_append_time:
        return stamped_batch(data, now_ms)
    oldest = base_timestamp_ms(data)
    newest = max_timestamp_ms(data)
    if newest != NO_TIME and (
        newest > now_ms + config.timestamp_after_max_ms or oldest < now_ms - config.timestamp_before_max_ms
    ):
        raise Refusal(
            Reason.BAD_TIMESTAMP,
            "batch",
            detail=f"times {oldest} to {newest} are outside what the topic takes at {now_ms}",
        )
    return data
