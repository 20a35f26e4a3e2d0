"""kafka-python 3: the newest versions of the protocol that any client sends, and idempotence by default."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    NoOffsetForPartitionError,
    RebalanceInProgressError,
)

from clients.kafka_python.session import WITHIN_SECONDS, MakeTopic, Unique, wait_until
from clients.kafka_python.wire import CODECS, Wire


def producing(bootstrap: str, **settings: Any) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=bootstrap, **{"retry_backoff_ms": 20, "max_block_ms": 15_000, **settings}
    )


def consuming(bootstrap: str, *topics: str, **settings: Any) -> KafkaConsumer:
    return KafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
        **{
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "fetch_max_wait_ms": 100,
            "retry_backoff_ms": 20,
            "session_timeout_ms": 6000,
            "heartbeat_interval_ms": 100,
            "metadata_max_age_ms": 500,
            **settings,
        },
    )


def subscribed(bootstrap: str, topic: str, **settings: Any) -> KafkaConsumer:
    """A member that knows its topic before it joins: otherwise its first assignment is empty, and it may lose the race to
    the next one (against Kafka as well)."""
    client = consuming(bootstrap, **settings)
    assert client.partitions_for_topic(topic)
    client.subscribe([topic])
    return client


def send(
    client: KafkaProducer, topic: str, *values: bytes | None, partition: int = 0, **fields: Any
) -> list[Any]:
    futures = [client.send(topic, value, partition=partition, **fields) for value in values]
    return [future.get(WITHIN_SECONDS) for future in futures]


def take(client: KafkaConsumer, count: int, *others: KafkaConsumer) -> list[Any]:
    """So many records of one member, or of all of a group's: they are served in turns."""
    found: list[Any] = []
    deadline = time.monotonic() + WITHIN_SECONDS
    while len(found) < count:
        for reader in (client, *others):
            assert time.monotonic() < deadline, f"only {len(found)} of {count} records"
            for records in reader.poll(50, max_records=count - len(found) or 1).values():
                found.extend(records)
    return found


def everything(bootstrap: str, topic: str, partitions: Sequence[int] = (0,), **settings: Any) -> list[Any]:
    """All there is; with `isolation_level="read_committed"` up to the last stable offset."""
    assigned = [TopicPartition(topic, partition) for partition in partitions]
    found: list[Any] = []
    with closing(consuming(bootstrap, **settings)) as client:
        client.assign(assigned)
        ends = client.end_offsets(assigned)
        deadline = time.monotonic() + WITHIN_SECONDS
        while any(client.position(partition) < ends[partition] for partition in assigned):
            assert time.monotonic() < deadline, f"{len(found)} records before {ends}"
            for records in client.poll(100).values():
                found.extend(records)
    return found


@pytest.fixture
def client(bootstrap: str) -> Generator[KafkaProducer, None, None]:
    with closing(producing(bootstrap)) as made:
        yield made


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec(bootstrap: str, topic: str, wire: Wire, codec: str) -> None:
    sent = [b"compressible " * 20 + b"%d" % number for number in range(40)]
    with closing(
        producing(bootstrap, compression_type=None if codec == "none" else codec, linger_ms=50)
    ) as made:
        assert [report.offset for report in send(made, topic, *sent)] == list(range(40))
    assert [record.value for record in everything(bootstrap, topic)] == sent
    assert {CODECS[batch.compression_type] for batch in wire.fetch(topic).batches()} == {codec}


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_acks_headers_and_times(bootstrap: str, make_topic: MakeTopic, acks: int | str) -> None:
    topic = make_topic(retention_ms="-1")
    headers = [("b", b"1"), ("a", b""), ("b", b"2")]
    with closing(producing(bootstrap, acks=acks, enable_idempotence=acks == "all")) as made:
        send(made, topic, b"v", None, key=b"k", headers=headers, timestamp_ms=1_500_000_000_000)
    with closing(consuming(bootstrap, topic)) as reader:
        first, second = take(reader, 2)
    assert (first.key, first.value, first.timestamp, first.timestamp_type) == (
        b"k",
        b"v",
        1_500_000_000_000,
        0,
    )
    assert [tuple(header) for header in first.headers] == headers
    assert second.value is None


def test_it_is_idempotent_by_default(client: KafkaProducer, bootstrap: str, topic: str, wire: Wire) -> None:
    sent = [b"%d" % number for number in range(300)]
    send(client, topic, *sent)
    assert [record.value for record in everything(bootstrap, topic)] == sent
    batches = wire.fetch(topic).batches()
    assert len({batch.producer_id for batch in batches}) == 1 and batches[0].producer_id >= 0
    assert [batch.base_sequence for batch in batches] == [batch.base_offset for batch in batches]


def test_too_large_for_the_topic(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(max_message_bytes="2000")
    with closing(producing(bootstrap)) as made, pytest.raises(MessageSizeTooLargeError):
        send(made, topic, bytes(3000))
    with closing(producing(bootstrap)) as made:
        send(made, topic, bytes(1000))


def test_an_unknown_topic_is_created(client: KafkaProducer, bootstrap: str, unique: Unique) -> None:
    name = unique("auto")
    send(client, name, b"first")
    assert [record.value for record in everything(bootstrap, name)] == [b"first"]


def test_offsets_by_time_and_by_name(client: KafkaProducer, bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="-1")
    for timestamp in (1000, 2000, 3000):
        send(client, topic, b"%d" % timestamp, timestamp_ms=timestamp)
    partition = TopicPartition(topic, 0)
    with closing(consuming(bootstrap)) as reader:
        reader.assign([partition])
        found = reader.offsets_for_times({partition: 1500})[partition]
        assert (found.offset, found.timestamp) == (1, 2000)
        assert reader.offsets_for_times({partition: 3001})[partition] is None
        assert (reader.beginning_offsets([partition]), reader.end_offsets([partition])) == (
            {partition: 0},
            {partition: 3},
        )
        reader.seek(partition, 2)
        assert [record.value for record in take(reader, 1)] == [b"3000"]
        reader.seek_to_beginning(partition)
        assert [record.offset for record in take(reader, 3)] == [0, 1, 2]


def test_no_reset_no_offset(bootstrap: str, topic: str, unique: Unique) -> None:
    with closing(consuming(bootstrap, group_id=unique("group"), auto_offset_reset="none")) as reader:
        reader.assign([TopicPartition(topic, 0)])
        with pytest.raises(NoOffsetForPartitionError):
            take(reader, 1)


def test_fetch_sessions_are_declined(client: KafkaProducer, bootstrap: str, make_topic: MakeTopic) -> None:
    """The consumer asks for incremental fetches; it must read all the same, partition after partition."""
    topic = make_topic(6)
    with closing(consuming(bootstrap, topic, enable_incremental_fetch_sessions=True)) as reader:
        for turn in range(3):
            for partition in range(6):
                send(client, topic, b"%d-%d" % (turn, partition), partition=partition)
            got = sorted(record.value for record in take(reader, 6))
            assert got == [b"%d-%d" % (turn, partition) for partition in range(6)]


@pytest.mark.parametrize(
    "assignor", [RangePartitionAssignor, RoundRobinPartitionAssignor, CooperativeStickyAssignor]
)
def test_members_share_and_take_over(
    client: KafkaProducer, bootstrap: str, make_topic: MakeTopic, unique: Unique, assignor: type[Any]
) -> None:
    topic, group = make_topic(4), unique("group")
    settings = {"group_id": group, "partition_assignment_strategy": (assignor,)}
    first, second = subscribed(bootstrap, topic, **settings), subscribed(bootstrap, topic, **settings)
    members = [first]

    def held(*counts: int) -> bool:
        for reader in members:
            reader.poll(20)
        return [len(reader.assignment()) for reader in members] == list(counts)

    wait_until(lambda: held(4))
    members.append(second)
    wait_until(lambda: held(2, 2))
    assert not first.assignment() & second.assignment()
    for partition in range(4):
        send(client, topic, b"%d" % partition, partition=partition)
    got = take(first, 4, second)
    assert sorted(record.value for record in got) == [b"0", b"1", b"2", b"3"]

    def committed() -> bool:
        for reader in members:
            reader.poll(20)
        try:
            for reader in members:
                reader.commit()
        except RebalanceInProgressError:  # a cooperative rebalance has a second round
            return False
        return True

    wait_until(committed)
    members.remove(second)
    second.close()
    wait_until(lambda: held(4))
    assert {first.committed(TopicPartition(topic, partition)) for partition in range(4)} == {1}
    first.close()


def test_committed_offsets_with_metadata(
    client: KafkaProducer, bootstrap: str, topic: str, unique: Unique
) -> None:
    group, partition = unique("group"), TopicPartition(topic, 0)
    send(client, topic, b"0", b"1", b"2", b"3")
    with closing(subscribed(bootstrap, topic, group_id=group)) as reader:
        take(reader, 2)
        reader.commit({partition: OffsetAndMetadata(2, "note", -1)})
    with closing(subscribed(bootstrap, topic, group_id=group)) as reader:
        assert [record.value for record in take(reader, 2)] == [b"2", b"3"]
        found = reader.committed(partition, metadata=True)
        assert (found.offset, found.metadata) == (2, "note")


def test_transactions_and_their_offsets(bootstrap: str, topic: str, unique: Unique) -> None:
    partition = TopicPartition(topic, 0)
    with (
        closing(subscribed(bootstrap, topic, group_id=unique("group"))) as reader,
        closing(producing(bootstrap, transactional_id=unique("id"))) as made,
    ):
        made.init_transactions()
        wait_until(lambda: reader.poll(20) is not None and len(reader.assignment()) == 1)
        for value, end in ((b"a", made.commit_transaction), (b"b", made.abort_transaction)):
            made.begin_transaction()
            send(made, topic, value)
            offsets = {partition: OffsetAndMetadata(ord(value), "", -1)}
            made.send_offsets_to_transaction(offsets, reader.group_metadata())
            end()
        assert reader.committed(partition) == ord("a")
    committed = everything(bootstrap, topic, isolation_level="read_committed")
    assert [record.value for record in committed] == [b"a"]
    assert [record.value for record in everything(bootstrap, topic)] == [b"a", b"b"]


def test_a_newer_producer_fences_the_older(bootstrap: str, topic: str, unique: Unique) -> None:
    name = unique("id")
    old = producing(bootstrap, transactional_id=name)
    old.init_transactions()
    old.begin_transaction()
    send(old, topic, b"old")
    with closing(producing(bootstrap, transactional_id=name)) as new:
        new.init_transactions()
        with pytest.raises(KafkaError):
            old.commit_transaction()
        new.begin_transaction()
        send(new, topic, b"new")
        new.commit_transaction()
    old.close(timeout=1)
    committed = everything(bootstrap, topic, isolation_level="read_committed")
    assert [record.value for record in committed] == [b"new"]
