"""Consumer groups of the classic protocol with confluent-kafka: assignors, joining and leaving under load, static members."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, KafkaError, TopicPartition

from clients.kafka_python.group_members import Member, Ownership, wait_shares
from clients.kafka_python.session import (
    POLL_SECONDS,
    WITHIN_SECONDS,
    MakeTopic,
    Unique,
    admin_client,
    consumer,
    flush,
    kafka_error,
    member,
    poll_messages,
    produce,
    producer,
    values,
    wait_assigned,
    wait_until,
)

ASSIGNORS = ("range", "roundrobin", "cooperative-sticky")


class Load:
    """Produces numbered records to all partitions, in a thread, until it is stopped."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self.count = 0
        self._bootstrap = bootstrap
        self._topic = topic
        self._partitions = partitions
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Returns how many records were acknowledged."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.count

    def _run(self) -> None:
        client = producer(self._bootstrap)
        while not self._stop.wait(0.005):
            for _ in range(3):
                client.produce(self._topic, b"%d" % self.count, partition=self.count % self._partitions)
                self.count += 1
            client.poll(0)
        flush(client)


@pytest.mark.parametrize("assignor", ASSIGNORS)
def test_joining_and_leaving_under_load(
    bootstrap: str, make_topic: MakeTopic, unique: Unique, assignor: str
) -> None:
    """No record is lost, none processed twice, no partition has two owners at a time."""
    topic, group = make_topic(6), unique("group")
    ownership = Ownership()

    def joined(name: str) -> Member:
        return Member(
            name,
            lambda: member(bootstrap, group, partition_assignment_strategy=assignor, client_id=name),
            [topic],
            ownership,
        ).start()

    load = Load(bootstrap, topic, 6)
    first = joined("first")
    wait_shares(ownership, 6)
    second = joined("second")
    wait_shares(ownership, 3, 3)
    third = joined("third")
    wait_shares(ownership, 2, 2, 2)
    wait_until(lambda: set(ownership.processed_by) == {"first", "second", "third"})
    first.stop()
    wait_shares(ownership, 3, 3)
    second.stop()
    wait_shares(ownership, 6)
    sent = load.stop()
    wait_until(lambda: ownership.total() == sent)
    third.stop()
    assert ownership.faults == []
    assert set(ownership.processed) == {b"%d" % number for number in range(sent)}
    assert set(ownership.processed.values()) == {1}


def test_a_member_without_a_partition_takes_over(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")
    first, second = member(bootstrap, group), member(bootstrap, group)
    first.subscribe([topic])
    wait_assigned(first, 1)
    second.subscribe([topic])
    both = (first, second)

    def settled() -> bool:
        for client in both:
            client.poll(POLL_SECONDS)
        described = admin_client(bootstrap).describe_consumer_groups([group])[group].result(WITHIN_SECONDS)
        return described.state == ConsumerGroupState.STABLE and len(described.members) == 2

    wait_until(settled)
    holder, other = both if len(first.assignment()) == 1 else (second, first)
    holder.close()
    wait_assigned(other, 1)
    produce(bootstrap, topic, b"m")
    assert values(poll_messages(other, 1)) == [b"m"]
    other.close()


def test_two_topics_with_different_subscribers(bootstrap: str, make_topic: MakeTopic, unique: Unique) -> None:
    one, two, group = make_topic(2), make_topic(2), unique("group")
    ownership = Ownership()
    settings = {"partition_assignment_strategy": "roundrobin"}
    only_one = Member("one", lambda: member(bootstrap, group, **settings), [one], ownership).start()
    wait_shares(ownership, 2)
    both = Member("both", lambda: member(bootstrap, group, **settings), [one, two], ownership).start()
    wait_until(lambda: sum(ownership.held().values()) == 4 and ownership.held().get("both", 0) >= 2)
    only_one.stop()
    wait_shares(ownership, 4)
    both.stop()
    assert ownership.faults == []


def test_members_without_a_common_assignor(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")
    first = member(bootstrap, group, partition_assignment_strategy="range")
    first.subscribe([topic])
    wait_assigned(first, 1)
    second = member(bootstrap, group, partition_assignment_strategy="roundrobin")
    second.subscribe([topic])
    with kafka_error(KafkaError.INCONSISTENT_GROUP_PROTOCOL):
        poll_messages(second, 1)
    first.close()
    second.close()


def test_a_static_member_that_returns_causes_no_rebalance(
    bootstrap: str, make_topic: MakeTopic, unique: Unique
) -> None:
    topic, group = make_topic(4), unique("group")
    ownership = Ownership()

    def static(name: str) -> Member:
        return Member(
            name,
            lambda: member(bootstrap, group, group_instance_id=name, session_timeout_ms=30_000),
            [topic],
            ownership,
        ).start()

    first, second = static("first"), static("second")
    wait_shares(ownership, 2, 2)
    before = first.revocations
    second.stop()
    assert ownership.held() == {"first": 2}
    second = static("second")
    wait_shares(ownership, 2, 2)
    assert first.revocations == before
    described = admin_client(bootstrap).describe_consumer_groups([group])[group].result(WITHIN_SECONDS)
    assert {entry.group_instance_id for entry in described.members} == {"first", "second"}
    first.stop()
    second.stop()
    assert ownership.faults == []


def test_a_static_member_is_fenced_by_a_newer_one(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")
    old = member(bootstrap, group, group_instance_id="one")
    old.subscribe([topic])
    wait_assigned(old, 1)
    new = member(bootstrap, group, group_instance_id="one")
    new.subscribe([topic])
    wait_assigned(new, 1)
    with kafka_error(KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL):
        poll_messages(old, 1)
    produce(bootstrap, topic, b"m")
    assert values(poll_messages(new, 1)) == [b"m"]
    new.close()
    old.close()


def committed(client: Consumer, topic: str, *partitions: int) -> list[tuple[int, str | None]]:
    asked = [TopicPartition(topic, partition) for partition in partitions]
    return [(found.offset, found.metadata) for found in client.committed(asked, WITHIN_SECONDS)]


def test_committed_offsets_and_their_metadata(bootstrap: str, make_topic: MakeTopic, unique: Unique) -> None:
    topic, group = make_topic(3), unique("group")
    client = consumer(bootstrap, group)
    assert committed(client, topic, 0, 1) == [(-1001, None), (-1001, None)]
    stored = client.commit(
        offsets=[TopicPartition(topic, 0, 5, "note é"), TopicPartition(topic, 1, 7)], asynchronous=False
    )
    assert [partition.error for partition in stored] == [None, None]
    other = consumer(bootstrap, group)
    assert committed(other, topic, 0, 1, 2) == [(5, "note é"), (7, None), (-1001, None)]
    client.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)  # back is allowed
    assert committed(other, topic, 0) == [(3, None)]
    client.close()
    other.close()


def test_metadata_of_an_offset_may_be_4096_bytes(bootstrap: str, topic: str, unique: Unique) -> None:
    """librdkafka adds a byte of its own."""
    client = consumer(bootstrap, unique("group"))
    client.commit(offsets=[TopicPartition(topic, 0, 1, "x" * 4095)], asynchronous=False)
    with kafka_error(KafkaError.OFFSET_METADATA_TOO_LARGE):
        client.commit(offsets=[TopicPartition(topic, 0, 2, "x" * 4096)], asynchronous=False)
    assert committed(client, topic, 0) == [(1, "x" * 4095)]
    client.close()


def test_a_group_goes_on_where_it_committed(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")
    produce(bootstrap, topic, b"a", b"b", b"c", b"d")
    first = member(bootstrap, group)
    first.subscribe([topic])
    read = poll_messages(first, 2)
    first.commit(message=read[1], asynchronous=False)
    first.close()
    second = member(bootstrap, group)
    second.subscribe([topic])
    assert values(poll_messages(second, 2)) == [b"c", b"d"]
    second.close()


def test_automatic_commits(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")
    produce(bootstrap, topic, b"a", b"b")
    client = member(bootstrap, group, enable_auto_commit=True, auto_commit_interval_ms=100)
    client.subscribe([topic])
    poll_messages(client, 2)
    other = consumer(bootstrap, group)

    def stored() -> bool:
        client.poll(POLL_SECONDS)
        return committed(other, topic, 0)[0][0] == 2

    wait_until(stored)
    client.close()
    other.close()
