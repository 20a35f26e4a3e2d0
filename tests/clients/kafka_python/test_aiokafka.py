"""aiokafka: the older, non-flexible versions of the protocol, over asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    ProducerFenced,
    TopicAlreadyExistsError,
)
from aiokafka.structs import OffsetAndMetadata

from clients.kafka_python.session import WITHIN_SECONDS, MakeTopic, Unique
from clients.kafka_python.wire import CODECS, Wire


@asynccontextmanager
async def producing(bootstrap: str, **settings: Any) -> AsyncGenerator[AIOKafkaProducer, None]:
    client = AIOKafkaProducer(bootstrap_servers=bootstrap, retry_backoff_ms=20, **settings)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def consuming(bootstrap: str, *topics: str, **settings: Any) -> AsyncGenerator[AIOKafkaConsumer, None]:
    client = AIOKafkaConsumer(
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
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def take(client: AIOKafkaConsumer, count: int) -> list[Any]:
    async def collect() -> list[Any]:
        return [await client.getone() for _ in range(count)]

    return await asyncio.wait_for(collect(), WITHIN_SECONDS)


async def everything(
    bootstrap: str, topic: str, partitions: Sequence[int] = (0,), **settings: Any
) -> list[Any]:
    """All there is, in the order of each partition."""
    found: list[Any] = []
    async with consuming(bootstrap, **settings) as client:
        for partition in (TopicPartition(topic, index) for index in partitions):
            client.assign([partition])
            await client.seek_to_beginning(partition)
            end = (await client.end_offsets([partition]))[partition]
            deadline = asyncio.get_running_loop().time() + WITHIN_SECONDS
            while await client.position(partition) < end:
                assert asyncio.get_running_loop().time() < deadline, f"{len(found)} records before {end}"
                for records in (await client.getmany(timeout_ms=100)).values():
                    found.extend(records)
    return found


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec(bootstrap: str, topic: str, wire: Wire, codec: str) -> None:
    sent = [b"compressible " * 20 + b"%d" % number for number in range(40)]

    async def main() -> None:
        compression = None if codec == "none" else codec
        async with producing(bootstrap, compression_type=compression, linger_ms=50) as client:
            reports = await asyncio.gather(*[await client.send(topic, value, partition=0) for value in sent])
        assert [report.offset for report in reports] == list(range(40))
        assert [record.value for record in await everything(bootstrap, topic)] == sent

    asyncio.run(main())
    assert {CODECS[batch.compression_type] for batch in wire.fetch(topic).batches()} == {codec}


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_acks_headers_keys_and_times(bootstrap: str, make_topic: MakeTopic, acks: int | str) -> None:
    topic = make_topic(retention_ms="-1")

    async def main() -> None:
        headers = [("b", b"1"), ("a", b""), ("b", b"2")]
        async with producing(bootstrap, acks=acks) as client:
            await client.send(
                topic, b"v", key=b"k", partition=0, headers=headers, timestamp_ms=1_500_000_000_000
            )
            await client.send(topic, None, key=b"k", partition=0, timestamp_ms=1_500_000_000_001)
        async with consuming(bootstrap, topic, group_id=None) as client:
            first, second = await take(client, 2)
        assert (first.key, first.value, first.timestamp, first.timestamp_type) == (
            b"k",
            b"v",
            1_500_000_000_000,
            0,
        )
        assert list(first.headers) == headers
        assert (second.value, list(second.headers)) == (None, [])

    asyncio.run(main())


def test_an_idempotent_producer(bootstrap: str, topic: str) -> None:
    async def main() -> None:
        async with producing(bootstrap, enable_idempotence=True, max_batch_size=200) as client:
            futures = [await client.send(topic, b"%d" % number, partition=0) for number in range(500)]
            reports = await asyncio.gather(*futures)
        assert [report.offset for report in reports] == list(range(500))
        assert [int(record.value) for record in await everything(bootstrap, topic)] == list(range(500))

    asyncio.run(main())


def test_too_large_for_the_topic(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(max_message_bytes="2000")

    async def main() -> None:
        async with producing(bootstrap) as client:
            with pytest.raises(MessageSizeTooLargeError):
                await client.send_and_wait(topic, bytes(3000), partition=0)
            await client.send_and_wait(topic, bytes(1000), partition=0)

    asyncio.run(main())


def test_offsets_by_time_and_by_name(bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="-1")

    async def main() -> None:
        partition = TopicPartition(topic, 0)
        async with producing(bootstrap) as client:
            for timestamp in (1000, 2000, 3000):
                await client.send_and_wait(topic, b"%d" % timestamp, partition=0, timestamp_ms=timestamp)
        async with consuming(bootstrap, group_id=None) as client:
            client.assign([partition])
            found = await client.offsets_for_times({partition: 1500})
            assert (found[partition].offset, found[partition].timestamp) == (1, 2000)
            assert await client.offsets_for_times({partition: 3001}) == {partition: None}
            assert await client.beginning_offsets([partition]) == {partition: 0}
            assert await client.end_offsets([partition]) == {partition: 3}
            client.seek(partition, 2)
            assert [record.value for record in await take(client, 1)] == [b"3000"]
            await client.seek_to_beginning(partition)
            assert [record.offset for record in await take(client, 3)] == [0, 1, 2]

    asyncio.run(main())


def test_out_of_range_without_a_reset(bootstrap: str, topic: str) -> None:
    async def main() -> None:
        async with consuming(bootstrap, group_id=None, auto_offset_reset="none") as client:
            client.assign([TopicPartition(topic, 0)])
            client.seek(TopicPartition(topic, 0), 77)
            with pytest.raises(OffsetOutOfRangeError):
                await take(client, 1)

    asyncio.run(main())


class Assignments(ConsumerRebalanceListener):
    def __init__(self) -> None:
        self.held: set[tuple[str, int]] = set()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self.held = set()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self.held = {(partition.topic, partition.partition) for partition in assigned}


async def until(condition: Any, within_seconds: float = WITHIN_SECONDS) -> None:
    deadline = asyncio.get_running_loop().time() + within_seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it does not come true"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "assignor", [RoundRobinPartitionAssignor, StickyPartitionAssignor], ids=["roundrobin", "sticky"]
)
def test_members_share_and_take_over(
    bootstrap: str, make_topic: MakeTopic, unique: Unique, assignor: type[Any]
) -> None:
    topic, group = make_topic(4), unique("group")

    async def main() -> None:
        settings = {"group_id": group, "partition_assignment_strategy": [assignor]}
        one, two = Assignments(), Assignments()
        async with consuming(bootstrap, **settings) as first:
            first.subscribe([topic], listener=one)
            await until(lambda: len(one.held) == 4)
            async with consuming(bootstrap, **settings) as second:
                second.subscribe([topic], listener=two)
                await until(lambda: len(one.held) == len(two.held) == 2)
                assert not one.held & two.held
                async with producing(bootstrap) as client:
                    for partition in range(4):
                        await client.send_and_wait(topic, b"%d" % partition, partition=partition)
                got = await take(first, 2) + await take(second, 2)
                assert sorted(record.value for record in got) == [b"0", b"1", b"2", b"3"]
                await first.commit()
                await second.commit()
            await until(lambda: len(one.held) == 4)
            assert {(await first.committed(TopicPartition(topic, partition))) for partition in range(4)} == {
                1
            }

    asyncio.run(main())


def test_committed_offsets_with_metadata(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")

    async def main() -> None:
        partition = TopicPartition(topic, 0)
        async with producing(bootstrap) as client:
            for number in range(4):
                await client.send_and_wait(topic, b"%d" % number, partition=0)
        async with consuming(bootstrap, topic, group_id=group) as client:
            await take(client, 2)
            await client.commit({partition: OffsetAndMetadata(2, "note")})
        async with consuming(bootstrap, topic, group_id=group) as client:
            assert [record.value for record in await take(client, 2)] == [b"2", b"3"]
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        found = await admin.list_consumer_group_offsets(group)
        assert found == {partition: OffsetAndMetadata(2, "note")}
        assert (group, "consumer") in await admin.list_consumer_groups()
        await admin.close()

    asyncio.run(main())


def test_transactions(bootstrap: str, topic: str, unique: Unique) -> None:
    name, group = unique("id"), unique("group")

    async def main() -> None:
        partition = TopicPartition(topic, 0)
        async with producing(bootstrap, transactional_id=name) as client:
            async with client.transaction():
                await client.send_and_wait(topic, b"a", partition=0)
                await client.send_offsets_to_transaction({partition: 1}, group)
            with pytest.raises(ZeroDivisionError):
                async with client.transaction():
                    await client.send_and_wait(topic, b"b", partition=0)
                    await client.send_offsets_to_transaction({partition: 2}, group)
                    raise ZeroDivisionError
            async with client.transaction():
                await client.send_and_wait(topic, b"c", partition=0)
        committed = await everything(bootstrap, topic, isolation_level="read_committed")
        assert [record.value for record in committed] == [b"a", b"c"]
        uncommitted = await everything(bootstrap, topic, isolation_level="read_uncommitted")
        assert [record.value for record in uncommitted] == [b"a", b"b", b"c"]
        async with consuming(bootstrap, group_id=group) as client:
            client.assign([partition])
            assert await client.committed(partition) == 1

    asyncio.run(main())


def test_a_newer_producer_fences_the_older(bootstrap: str, topic: str, unique: Unique) -> None:
    name = unique("id")

    async def main() -> None:
        old = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=name)
        await old.start()
        await old.begin_transaction()
        await old.send_and_wait(topic, b"old", partition=0)
        async with producing(bootstrap, transactional_id=name) as new:
            async with new.transaction():
                await new.send_and_wait(topic, b"new", partition=0)
            with pytest.raises((ProducerFenced, InvalidProducerEpoch)):
                await old.commit_transaction()
        with suppress(KafkaError):  # it is fenced
            await old.stop()
        committed = await everything(bootstrap, topic, isolation_level="read_committed")
        assert [record.value for record in committed] == [b"new"]

    asyncio.run(main())


def test_administration(bootstrap: str, unique: Unique) -> None:
    name = unique("topic")

    async def main() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, 2, 1, topic_configs={"retention.ms": "50000"})])
            answer = await admin.create_topics([NewTopic(name, 2, 1)])
            assert answer.topic_errors[0][1] == TopicAlreadyExistsError.errno
            await admin.create_partitions({name: NewPartitions(3)})
            deadline = asyncio.get_running_loop().time() + WITHIN_SECONDS
            while True:
                (described,) = await admin.describe_topics([name])
                if len(described["partitions"]) == 3:
                    break
                assert asyncio.get_running_loop().time() < deadline
            resource = ConfigResource(ConfigResourceType.TOPIC, name)
            (answer,) = await admin.describe_configs([resource])
            found = {entry[0]: entry[1] for entry in answer.resources[0][4]}
            assert found["retention.ms"] == "50000" and found["cleanup.policy"] == "delete"
            assert len((await admin.describe_cluster())["brokers"]) == 1
            assert name in await admin.list_topics()
            await admin.delete_topics([name])
        finally:
            await admin.close()

    asyncio.run(main())
