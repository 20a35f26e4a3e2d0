"""Groups that the broker assigns: the next generation protocol (KIP-848) and share groups (KIP-932), with confluent-kafka."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import (
    AcknowledgeType,
    Consumer,
    ConsumerGroupState,
    ConsumerGroupType,
    Message,
    ShareConsumer,
    TopicPartition,
)
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from clients.kafka_python.group_members import Member, Ownership, wait_shares
from clients.kafka_python.session import (
    WITHIN_SECONDS,
    MakeTopic,
    Unique,
    admin_client,
    consumer,
    flush,
    poll_messages,
    produce,
    producer,
    values,
    wait_assigned,
    wait_until,
)


def next_member(bootstrap: str, group: str, **settings: Any) -> Consumer:
    return consumer(
        bootstrap, group, group_protocol="consumer", topic_metadata_refresh_interval_ms=500, **settings
    )


def test_a_member_reads_commits_and_goes_on(bootstrap: str, make_topic: MakeTopic, unique: Unique) -> None:
    topic, group = make_topic(2), unique("group")
    produce(bootstrap, topic, b"a", b"b")
    first = next_member(bootstrap, group)
    first.subscribe([topic])
    assert values(poll_messages(first, 2)) == [b"a", b"b"]
    first.commit(asynchronous=False)
    described = admin_client(bootstrap).describe_consumer_groups([group])[group].result(WITHIN_SECONDS)
    assert described.type == ConsumerGroupType.CONSUMER and described.state == ConsumerGroupState.STABLE
    (entry,) = described.members
    assert len(entry.assignment.topic_partitions) == 2
    first.close()
    produce(bootstrap, topic, b"c")
    second = next_member(bootstrap, group)
    second.subscribe([topic])
    assert values(poll_messages(second, 1)) == [b"c"]
    second.close()


@pytest.mark.parametrize("assignor", ["uniform", "range"])
def test_members_join_and_leave_under_load(
    bootstrap: str, make_topic: MakeTopic, unique: Unique, assignor: str
) -> None:
    topic, group = make_topic(4), unique("group")
    ownership = Ownership()

    def joined(name: str) -> Member:
        return Member(
            name, lambda: next_member(bootstrap, group, group_remote_assignor=assignor), [topic], ownership
        ).start()

    first = joined("first")
    wait_shares(ownership, 4)
    client = producer(bootstrap)
    for number in range(200):
        client.produce(topic, b"%d" % number, partition=number % 4)
    second = joined("second")
    wait_shares(ownership, 2, 2)
    for number in range(200, 400):
        client.produce(topic, b"%d" % number, partition=number % 4)
    flush(client)
    first.stop()
    wait_shares(ownership, 4)
    for number in range(400, 600):
        client.produce(topic, b"%d" % number, partition=number % 4)
    flush(client)
    wait_until(lambda: ownership.total() == 600)
    second.stop()
    assert ownership.faults == []
    assert set(ownership.processed.values()) == {1}


def test_a_pattern_is_resolved_by_the_broker(bootstrap: str, make_topic: MakeTopic, unique: Unique) -> None:
    topic = make_topic(2)
    client = next_member(bootstrap, unique("group"))
    client.subscribe([f"^{topic[:15]}.*$"])
    assert wait_assigned(client, 2) == [(topic, 0), (topic, 1)]
    client.close()


def test_a_classic_group_is_taken_over_with_its_offsets(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")
    produce(bootstrap, topic, b"a", b"b", b"c")
    classic = consumer(bootstrap, group)
    classic.commit(offsets=[TopicPartition(topic, 0, 2)], asynchronous=False)
    classic.close()
    client = next_member(bootstrap, group)
    client.subscribe([topic])
    assert values(poll_messages(client, 1)) == [b"c"]
    client.close()


def share_consumer(bootstrap: str, group: str, **settings: Any) -> ShareConsumer:
    dotted = {name.replace("_", "."): value for name, value in settings.items()}
    return ShareConsumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0, **dotted})


def set_group_config(bootstrap: str, group: str, **config: str) -> None:
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in config.items()
    ]
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=entries)
    admin_client(bootstrap).incremental_alter_configs([resource])[resource].result(WITHIN_SECONDS)


@pytest.fixture
def share_group(bootstrap: str, unique: Unique) -> str:
    """A share group that starts at the beginning of its topics."""
    group = unique("share")
    set_group_config(bootstrap, group, share_auto_offset_reset="earliest")
    return group


def share_poll(
    client: ShareConsumer,
    count: int,
    take: Callable[[Message], None] | None = None,
    within_seconds: float = 20.0,
) -> list[Message]:
    """Poll until so many records came; `take` acknowledges each."""
    found: list[Message] = []
    deadline = time.monotonic() + within_seconds
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count} records"
        for message in client.poll(0.2):
            assert message.error() is None, message.error()
            found.append(message)
            if take is not None:
                take(message)
    return found


def test_a_share_group_spreads_one_partition_over_its_members(
    bootstrap: str, topic: str, share_group: str
) -> None:
    clients = [share_consumer(bootstrap, share_group) for _ in range(2)]
    for client in clients:
        client.subscribe([topic])
    counts = [0, 0]
    got: list[bytes] = []
    sender = producer(bootstrap)
    deadline = time.monotonic() + 30
    sent = 0
    while min(counts) == 0 or len(got) < sent:
        assert time.monotonic() < deadline, f"{counts} of {sent}"
        if min(counts) == 0:
            for _ in range(10):
                sender.produce(topic, b"%d" % sent, partition=0)
                sent += 1
            flush(sender)
        for index, client in enumerate(clients):
            for message in client.poll(0.1):
                assert message.error() is None
                counts[index] += 1
                got.append(message.value())
    for client in clients:
        client.close()
    assert sorted(map(int, got)) == list(range(sent))


def test_accept_release_and_reject(bootstrap: str, topic: str, share_group: str) -> None:
    produce(bootstrap, topic, b"accept", b"release", b"reject")
    client = share_consumer(bootstrap, share_group, share_acknowledgement_mode="explicit")
    client.subscribe([topic])
    words = {
        b"accept": AcknowledgeType.ACCEPT,
        b"release": AcknowledgeType.RELEASE,
        b"reject": AcknowledgeType.REJECT,
    }
    first = share_poll(client, 3, lambda message: client.acknowledge(message, words[message.value()]))
    assert [(message.value(), message.delivery_count()) for message in first] == [
        (b"accept", 1),
        (b"release", 1),
        (b"reject", 1),
    ]
    again = share_poll(client, 1, lambda message: client.acknowledge(message, AcknowledgeType.ACCEPT))
    assert [(message.value(), message.delivery_count()) for message in again] == [(b"release", 2)]
    client.commit_sync(10)
    produce(bootstrap, topic, b"accept")
    last = share_poll(client, 1, lambda message: client.acknowledge(message, AcknowledgeType.ACCEPT))
    assert [message.offset() for message in last] == [3]
    client.close()


def test_the_delivery_limit_of_a_share_group(bootstrap: str, topic: str, share_group: str) -> None:
    produce(bootstrap, topic, b"poison", b"good")
    client = share_consumer(bootstrap, share_group, share_acknowledgement_mode="explicit")
    client.subscribe([topic])
    counts: list[int] = []

    def take(message: Message) -> None:
        poison = message.value() == b"poison"
        if poison:
            counts.append(message.delivery_count())
        client.acknowledge(message, AcknowledgeType.RELEASE if poison else AcknowledgeType.ACCEPT)

    deadline = time.monotonic() + 20
    while len(counts) < 5:
        assert time.monotonic() < deadline, counts
        share_poll(client, 1, take)
    client.commit_sync(10)
    produce(bootstrap, topic, b"good")
    assert [message.offset() for message in share_poll(client, 1, take)] == [2]
    assert counts == [1, 2, 3, 4, 5]
    client.close()


def test_records_of_a_share_member_that_leaves_go_to_another(
    bootstrap: str, topic: str, share_group: str
) -> None:
    produce(bootstrap, topic, b"a", b"b")
    first = share_consumer(bootstrap, share_group, share_acknowledgement_mode="explicit")
    first.subscribe([topic])
    assert values(share_poll(first, 2)) == [b"a", b"b"]
    first.close()
    second = share_consumer(bootstrap, share_group)
    second.subscribe([topic])
    messages = share_poll(second, 2)
    assert values(messages) == [b"a", b"b"]
    second.close()
