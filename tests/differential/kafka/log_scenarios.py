"""What is asked of logs: Produce with batches right and wrong, ListOffsets, Fetch, DeleteRecords, OffsetForLeaderEpoch."""

from __future__ import annotations

import uuid
from typing import Any, Final

from clients.kafka_python.wire import CONTROL, Batch, compressed_batch
from differential.kafka.asking import Side

T0: Final = 1_500_000_000_000
LOG_APPEND_TIME: Final = 0x08
NOTHING: Final = uuid.UUID(int=0)


def batch(*values: bytes | None, **fields: Any) -> Batch:
    return Batch(values or (b"value",), **{"timestamp": T0, **fields})


def produce(
    side: Side,
    topic: str,
    data: Batch | bytes | None,
    *,
    version: int = 9,
    partition: int = 0,
    acks: int = -1,
    transactional_id: str | None = None,
    note: str = "",
) -> None:
    side.ask(
        "Produce",
        version,
        note=f"{note or data!r} partition {partition} acks {acks}"[:300],
        transactional_id=transactional_id,
        acks=acks,
        timeout_ms=5000,
        topic_data=[{"name": topic, "partition_data": [{"index": partition, "records": data}]}],
    )


def list_offsets(
    side: Side,
    topic: str,
    timestamp: int,
    version: int = 10,
    partition: int = 0,
    epoch: int = -1,
    isolation: int = 0,
) -> None:
    one = {"partition_index": partition, "current_leader_epoch": epoch, "timestamp": timestamp}
    more: dict[str, Any] = {} if version < 10 else {"timeout_ms": 5000}
    side.ask(
        "ListOffsets",
        version,
        replica_id=-1,
        isolation_level=isolation,
        topics=[{"name": topic, "partitions": [one]}],
        **more,
    )


def fetch(
    side: Side,
    topic: str,
    offset: int,
    *,
    version: int = 11,
    partition: int = 0,
    epoch: int = -1,
    last_epoch: int = -1,
    bytes_max: int = 1 << 20,
    partition_bytes_max: int = 1 << 20,
    bytes_min: int = 0,
    wait_ms: int = 0,
    isolation: int = 0,
    topic_id: uuid.UUID | None = None,
) -> None:
    one: dict[str, Any] = {
        "partition": partition,
        "current_leader_epoch": epoch,
        "fetch_offset": offset,
        "log_start_offset": -1,
        "partition_max_bytes": partition_bytes_max,
    }
    if version >= 12:
        one["last_fetched_epoch"] = last_epoch
    if version < 13:
        named: dict[str, Any] = {"topic": topic}
    else:
        named = {"topic_id": side.topic_id(topic) if topic_id is None else topic_id}
    side.ask(
        "Fetch",
        version,
        note=f"offset {offset} partition {partition} epochs {epoch} {last_epoch} bytes {bytes_min} {bytes_max} "
        f"{partition_bytes_max} isolation {isolation}",
        max_wait_ms=wait_ms,
        min_bytes=bytes_min,
        max_bytes=bytes_max,
        isolation_level=isolation,
        session_id=0,
        session_epoch=-1,
        topics=[{**named, "partitions": [one]}],
    )


def produced(side: Side) -> None:
    topic = side.topic("t", 2)
    for version in range(3, 12):
        produce(side, topic, batch(b"a", b"b"), version=version)
        produce(side, topic, batch(b"a", crc=7), version=version)
        produce(side, topic, batch(b"a"), version=version, partition=9)
        produce(side, side.name("none"), batch(b"a"), version=version)
    for acks in (1, 0, -1, 2, -2, 3):
        produce(side, topic, batch(b"a"), acks=acks) if acks else None
    for bad in ("", "a b", "."):
        produce(side, bad, batch(b"a"))
    produce(side, topic, batch(b"a"), partition=-1)
    produce(side, topic, batch(b"a"), transactional_id="never-seen")
    list_offsets(side, topic, -1)
    for version in range(4, 13):
        fetch(side, topic, 0, version=version)


def wrong_batches(side: Side) -> None:
    topic = side.topic("t")
    for name, data in (
        ("empty", b""),
        ("three bytes", b"abc"),
        ("cut", batch(b"abcdef").encode()[:-3]),
        ("cut in the header", batch(b"abcdef").encode()[:30]),
        ("two", batch(b"a").encode() + batch(b"b").encode()),
        ("trailing", batch(b"a").encode() + b"xyz"),
        ("crc", batch(b"a", crc=1)),
        ("magic 0", batch(b"a", magic=0)),
        ("magic 1", batch(b"a", magic=1)),
        ("magic 3", batch(b"a", magic=3)),
        ("magic -1", batch(b"a", magic=-1)),
        ("base offset", batch(b"a", base_offset=17)),
        ("count 2", batch(b"a", count=2)),
        ("count 0", batch(b"a", count=0)),
        ("count -1", batch(b"a", count=-1)),
        ("last delta 5", batch(b"a", last_delta=5)),
        ("last delta -1", batch(b"a", last_delta=-1)),
        ("no records", batch(b"a", payload=b"", count=0, last_delta=0)),
        ("no records, delta -1", batch(b"a", payload=b"", count=0, last_delta=-1)),
        ("length 1", batch(b"a", length=1)),
        ("length too long", batch(b"a", length=500)),
        ("length 48", batch(b"a", length=48)),
        ("length negative", batch(b"a", length=-5)),
        ("control", batch(b"a", attributes=CONTROL)),
        ("codec 5", batch(b"a", attributes=5)),
        ("codec 7", batch(b"a", attributes=7)),
        ("gzip that is none", batch(b"a", attributes=1)),
        ("unused attributes", batch(b"a", attributes=0x100)),
        ("junk records", batch(b"a", payload=b"\x0a\0\0\0junk")),
        ("more after the records", batch(b"a", payload=b"\x0e\0\0\0\x01\x02a\0zzz")),
        ("sequence without a producer", batch(b"a", sequence=4)),
        ("producer without a sequence", batch(b"a", producer_id=4000)),
        ("time -1", batch(b"a", timestamp=-1)),
        ("time -2", batch(b"a", timestamp=-2)),
        ("time 0", batch(b"a", timestamp=0)),
        ("far future", batch(b"a", timestamp=1 << 61)),
        ("big", batch(b"x" * 1_048_588)),
        ("null value", batch(None)),
    ):  # fmt: skip
        produce(side, topic, data, note=name)
        produce(side, topic, data, note=name, version=7)
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        for version in (3, 6, 7, 9):
            produce(side, topic, compressed_batch(codec, [b"a", b"b"], [T0, T0]), note=codec, version=version)
    list_offsets(side, topic, -1)


def sequences(side: Side) -> None:
    topic = side.topic("t")

    def one(producer: int, epoch: int, sequence: int, *values: bytes) -> None:
        data = batch(*(values or (b"a",)), producer_id=producer, epoch=epoch, sequence=sequence)
        produce(
            side,
            topic,
            data,
            note=f"producer {producer} epoch {epoch} sequence {sequence} {len(values) or 1}",
        )

    one(900, 0, 5)
    one(901, 0, 0)
    one(901, 0, 0)
    one(901, 0, 2)
    one(901, 0, 1, b"a", b"b", b"c")
    one(901, 0, 2)
    one(901, 0, 1)
    one(901, 0, 1, b"a", b"b", b"c")
    one(901, 0, 1, b"a", b"b", b"c", b"d")
    for sequence in range(4, 10):
        one(901, 0, sequence)
    one(901, 0, 4)
    one(901, 0, 5)
    one(901, 0, 0)
    one(901, 1, 3)
    one(901, 1, 0)
    one(901, 0, 10)
    one(901, 0, 0)
    one(901, 3, 0)
    one(901, 2, 0)
    one(902, 5, 3)
    one(902, 5, 0)
    one(903, 0, 2147483647)
    one(904, 32767, 0)
    one(905, 0, -1)
    one(906, 0, 0, b"a", b"b")
    one(906, 0, 2147483647)
    for partition in (0, 1):
        side.ask(
            "DescribeProducers",
            0,
            topics=[{"name": topic, "partition_indexes": [partition]}],
            note=f"partition {partition}",
        )
    side.ask("DescribeProducers", 0, topics=[{"name": side.name("none"), "partition_indexes": [0]}])


def times(side: Side) -> None:
    created = side.topic(
        "created", message_timestamp_before_max_ms="1000", message_timestamp_after_max_ms="1000"
    )
    produce(side, created, batch(b"old"))
    produce(side, created, batch(b"future", timestamp=T0 * 10))
    appended = side.topic("appended", message_timestamp_type="LogAppendTime")
    produce(side, appended, batch(b"old"))
    produce(side, appended, batch(b"old", attributes=LOG_APPEND_TIME))
    small = side.topic("small", max_message_bytes="100")
    produce(side, small, batch(b"x" * 20))
    produce(side, small, batch(b"x" * 60))
    produce(side, small, compressed_batch("gzip", [b"x" * 400], [T0]), note="gzip")
    plain = side.topic("plain", compression_type="gzip")
    produce(side, plain, batch(b"x" * 50, b"y"))
    compact = side.topic("compact", cleanup_policy="compact")
    produce(side, compact, batch(b"x"))
    produce(side, compact, batch(b"x", b"y", key=b"k"))
    produce(side, compact, batch(None, key=b"k"))
    produce(side, compact, batch(b"x", key=b""))
    for topic in (created, small, plain, compact):
        list_offsets(side, topic, -1)


def offsets_listed(side: Side) -> None:
    topic = side.topic("t", 2)
    list_offsets(side, topic, -1)
    for timestamp in (-1, -2, -3, -4, -5, -6, -7, 0, T0):
        list_offsets(side, topic, timestamp)
    for index, offset in enumerate((0, 10, 5, 20, 20)):
        produce(side, topic, batch(b"%d" % index, b"x", timestamp=T0 + offset))
    for version in range(1, 11):
        for timestamp in (-1, -2, -3, -4, -5, T0 + 5, T0 + 11):
            list_offsets(side, topic, timestamp, version)
    for timestamp in (-6, -7, -100, 0, T0 - 1, T0, T0 + 1, T0 + 6, T0 + 10, T0 + 20, T0 + 21):
        list_offsets(side, topic, timestamp)
        list_offsets(side, topic, timestamp, isolation=1)
    for epoch in (0, 1, 7):
        list_offsets(side, topic, -1, epoch=epoch)
    list_offsets(side, topic, -1, partition=5)
    list_offsets(side, topic, -1, partition=-1)
    list_offsets(side, side.name("none"), -1)
    list_offsets(side, "a b", -1)
    list_offsets(side, topic, -1, isolation=3)
    twice = {"partition_index": 0, "current_leader_epoch": -1, "timestamp": -1}
    side.ask(
        "ListOffsets",
        10,
        replica_id=-1,
        isolation_level=0,
        topics=[{"name": topic, "partitions": [twice, twice]}],
        timeout_ms=5000,
    )


def fetched(side: Side) -> None:
    topic = side.topic("t", 2)
    for version in range(4, 17):
        fetch(side, topic, 0, version=version)
    for value in (b"a" * 100, b"b" * 200, b"c" * 50):
        produce(side, topic, batch(value))
    for version in range(4, 17):
        fetch(side, topic, 1, version=version)
        fetch(side, topic, 3, version=version)
        fetch(side, topic, 4, version=version)
        fetch(side, topic, -1, version=version)
    for limit in (0, 1, 100, 168, 169, 170, 400, 500, -1):
        fetch(side, topic, 0, partition_bytes_max=limit)
        fetch(side, topic, 0, bytes_max=limit)
    fetch(side, topic, 0, bytes_min=-1)
    fetch(side, topic, 0, wait_ms=-1, bytes_min=1)
    for epoch in (0, 1):
        fetch(side, topic, 0, epoch=epoch)
    fetch(side, topic, 0, version=12, last_epoch=0)
    fetch(side, topic, 3, version=12, last_epoch=0)
    for isolation in (1, 2, -1):
        fetch(side, topic, 0, isolation=isolation)
    fetch(side, topic, 0, partition=7)
    fetch(side, topic, 0, partition=-1)
    fetch(side, side.name("none"), 0)
    fetch(side, "a b", 0)
    fetch(side, topic, 0, version=13, topic_id=uuid.UUID(int=99))
    fetch(side, topic, 0, version=13, topic_id=NOTHING)
    fetch(side, topic, 0, version=13, partition=5)


def records_deleted(side: Side) -> None:
    topic = side.topic("t", 2)
    for index in range(5):
        produce(side, topic, batch(b"%d" % index, timestamp=T0 + index))

    def delete(offset: int, partition: int = 0, name: str = topic, version: int = 2) -> None:
        one = {"partition_index": partition, "offset": offset}
        side.ask("DeleteRecords", version, topics=[{"name": name, "partitions": [one]}], timeout_ms=5000)

    delete(6)
    delete(-2)
    delete(0)
    for version in range(3):
        delete(1 + version, version=version)
    delete(1)
    list_offsets(side, topic, -2)
    fetch(side, topic, 0)
    fetch(side, topic, 3)
    delete(-1)
    delete(-1)
    list_offsets(side, topic, -2)
    list_offsets(side, topic, T0)
    delete(0, 1)
    delete(-1, 1)
    delete(0, 7)
    delete(0, 0, side.name("none"))
    delete(0, 0, "a b")
    compact = side.topic("compact", cleanup_policy="compact")
    produce(side, compact, batch(b"x", key=b"k"))
    delete(1, 0, compact)


def epochs(side: Side) -> None:
    topic = side.topic("t")

    def ask(epoch: int, current: int = -1, version: int = 4, partition: int = 0, name: str = topic) -> None:
        one = {"partition": partition, "current_leader_epoch": current, "leader_epoch": epoch}
        more: dict[str, Any] = {} if version < 3 else {"replica_id": -1}
        side.ask("OffsetForLeaderEpoch", version, topics=[{"topic": name, "partitions": [one]}], **more)

    ask(0)
    produce(side, topic, batch(b"a", b"b"))
    for version in (2, 3, 4):
        for epoch in (0, 1, -1, 7):
            ask(epoch, version=version)
    for current in (0, 1):
        ask(0, current)
    ask(0, partition=5)
    ask(0, name=side.name("none"))
    ask(0, name="a b")


SCENARIOS: Final = (
    produced, wrong_batches, sequences, times, offsets_listed, fetched, records_deleted, epochs,
)  # fmt: skip
