"""Transactions with confluent-kafka: commit, abort, isolation, fencing, time-out, offsets."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

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
    offsets,
    poll_messages,
    produce,
    producer,
    read_to_end,
    values,
    wait_assigned,
    wait_until,
)

UNCOMMITTED: dict[str, Any] = {"isolation_level": "read_uncommitted"}
FENCED = (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED)


def transactional(bootstrap: str, name: str, **settings: Any) -> Producer:
    client = producer(bootstrap, transactional_id=name, **{"transaction_timeout_ms": 60_000, **settings})
    client.init_transactions(WITHIN_SECONDS)
    return client


def write(client: Producer, topic: str, *sent: bytes, partition: int = 0) -> None:
    """Produce within the open transaction and wait until it is stored."""
    for value in sent:
        client.produce(topic, value, partition=partition)
    flush(client)


def commit(client: Producer, topic: str, *sent: bytes, partition: int = 0) -> None:
    client.begin_transaction()
    write(client, topic, *sent, partition=partition)
    client.commit_transaction(WITHIN_SECONDS)


def abort(client: Producer, topic: str, *sent: bytes, partition: int = 0) -> None:
    client.begin_transaction()
    write(client, topic, *sent, partition=partition)
    client.abort_transaction(WITHIN_SECONDS)


def test_committed_is_read_and_aborted_is_not(bootstrap: str, topic: str, unique: Unique) -> None:
    client = transactional(bootstrap, unique("id"))
    commit(client, topic, b"a", b"b")
    abort(client, topic, b"c", b"d")
    commit(client, topic, b"e")
    messages = read_to_end(bootstrap, topic)
    assert values(messages) == [b"a", b"b", b"e"]
    # Each end of a transaction is a record of its own in the log.
    assert offsets(messages) == [0, 1, 6]
    everything = read_to_end(bootstrap, topic, **UNCOMMITTED)
    assert values(everything) == [b"a", b"b", b"c", b"d", b"e"]
    assert offsets(everything) == [0, 1, 3, 4, 6]


def test_an_aborted_range_between_others_of_the_same_producer(
    bootstrap: str, topic: str, unique: Unique
) -> None:
    """Every start inside the log gives exactly the committed records from there on."""
    first, second = transactional(bootstrap, unique("one")), transactional(bootstrap, unique("two"))
    first.begin_transaction()
    second.begin_transaction()
    write(first, topic, b"a1")
    write(second, topic, b"x1")
    write(first, topic, b"a2")
    second.commit_transaction(WITHIN_SECONDS)
    first.abort_transaction(WITHIN_SECONDS)
    commit(first, topic, b"b1")
    abort(second, topic, b"y1")
    commit(second, topic, b"z1")
    expected = [(1, b"x1"), (5, b"b1"), (9, b"z1")]
    for start in range(11):
        messages = read_to_end(bootstrap, topic, start=start)
        found = [(message.offset(), message.value()) for message in messages]
        assert found == [pair for pair in expected if pair[0] >= start], start


def test_an_open_transaction_holds_back_what_comes_after(bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, b"before")
    client = transactional(bootstrap, unique("id"))
    client.begin_transaction()
    write(client, topic, b"inside")
    produce(bootstrap, topic, b"after")
    commit(transactional(bootstrap, unique("other")), topic, b"other's")
    assert values(read_to_end(bootstrap, topic)) == [b"before"]
    assert values(read_to_end(bootstrap, topic, **UNCOMMITTED)) == [
        b"before",
        b"inside",
        b"after",
        b"other's",
    ]
    assert latest(bootstrap, topic, IsolationLevel.READ_COMMITTED) == 1
    assert latest(bootstrap, topic, IsolationLevel.READ_UNCOMMITTED) == 5
    client.commit_transaction(WITHIN_SECONDS)
    assert values(read_to_end(bootstrap, topic)) == [b"before", b"inside", b"after", b"other's"]
    assert latest(bootstrap, topic, IsolationLevel.READ_COMMITTED) == 6


def latest(bootstrap: str, topic: str, isolation: IsolationLevel) -> int:
    partition = TopicPartition(topic, 0)
    futures = admin_client(bootstrap).list_offsets(
        {partition: OffsetSpec.latest()}, isolation_level=isolation
    )
    return int(futures[partition].result(WITHIN_SECONDS).offset)


def test_a_waiting_reader_is_woken_by_the_commit(bootstrap: str, topic: str, unique: Unique) -> None:
    client = transactional(bootstrap, unique("id"))
    reader = consumer(bootstrap, fetch_wait_max_ms=300_000, socket_timeout_ms=300_000)
    reader.assign([TopicPartition(topic, 0, 0)])
    client.begin_transaction()
    write(client, topic, b"a")
    assert reader.poll(0.3) is None
    client.commit_transaction(WITHIN_SECONDS)
    assert values(poll_messages(reader, 1)) == [b"a"]
    reader.close()


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_many_partitions_end_together(
    bootstrap: str, make_topic: MakeTopic, unique: Unique, end: str
) -> None:
    one, two = make_topic(5), make_topic(3)
    client = transactional(bootstrap, unique("id"))
    client.begin_transaction()
    for partition in range(5):
        client.produce(one, b"m", partition=partition)
    for partition in range(3):
        client.produce(two, b"m", partition=partition)
    flush(client)
    if end == "commit":
        client.commit_transaction(WITHIN_SECONDS)
    else:
        client.abort_transaction(WITHIN_SECONDS)
    count = len(read_to_end(bootstrap, one, range(5))) + len(read_to_end(bootstrap, two, range(3)))
    assert count == (8 if end == "commit" else 0)


def test_an_empty_transaction(bootstrap: str, topic: str, unique: Unique) -> None:
    client = transactional(bootstrap, unique("id"))
    client.begin_transaction()
    client.commit_transaction(WITHIN_SECONDS)
    client.begin_transaction()
    client.abort_transaction(WITHIN_SECONDS)
    commit(client, topic, b"a")
    assert offsets(read_to_end(bootstrap, topic)) == [0]


@pytest.mark.parametrize("when", ["produce", "commit", "abort"])
def test_a_newer_producer_fences_the_older(bootstrap: str, topic: str, unique: Unique, when: str) -> None:
    name = unique("id")
    old = transactional(bootstrap, name)
    old.begin_transaction()
    write(old, topic, b"old")
    new = transactional(bootstrap, name)
    with pytest.raises(KafkaException) as caught:
        if when == "produce":
            old.produce(topic, b"late", partition=0)
            old.flush(WITHIN_SECONDS)
            old.commit_transaction(WITHIN_SECONDS)
        elif when == "commit":
            old.commit_transaction(WITHIN_SECONDS)
        else:
            old.abort_transaction(WITHIN_SECONDS)
    assert caught.value.args[0].code() in FENCED and caught.value.args[0].fatal()
    commit(new, topic, b"new")
    assert values(read_to_end(bootstrap, topic)) == [b"new"]
    assert b"late" not in values(read_to_end(bootstrap, topic, **UNCOMMITTED))


def test_a_new_producer_ends_what_a_dead_one_left_open(bootstrap: str, topic: str, unique: Unique) -> None:
    name = unique("id")
    dead = transactional(bootstrap, name)
    dead.begin_transaction()
    write(dead, topic, b"half")
    produce(bootstrap, topic, b"after")
    assert read_to_end(bootstrap, topic) == []
    transactional(bootstrap, name)
    assert values(read_to_end(bootstrap, topic)) == [b"after"]


def test_a_transaction_times_out(bootstrap: str, topic: str, unique: Unique) -> None:
    client = transactional(bootstrap, unique("id"), transaction_timeout_ms=1000, message_timeout_ms=1000)
    client.begin_transaction()
    write(client, topic, b"slow")
    produce(bootstrap, topic, b"after")
    # Kafka looks for them every ten seconds only.
    wait_until(lambda: values(read_to_end(bootstrap, topic)) == [b"after"], 25)
    with pytest.raises(KafkaException) as caught:
        client.commit_transaction(WITHIN_SECONDS)
    error = caught.value.args[0]
    assert error.fatal() or error.txn_requires_abort(), error
    assert values(read_to_end(bootstrap, topic)) == [b"after"]


def test_a_time_out_longer_than_the_broker_allows(bootstrap: str, unique: Unique) -> None:
    client = producer(bootstrap, transactional_id=unique("id"), transaction_timeout_ms=900_001)
    with kafka_error(KafkaError.INVALID_TRANSACTION_TIMEOUT):
        client.init_transactions(WITHIN_SECONDS)


def stored(bootstrap: str, group: str, topic: str) -> int:
    client = consumer(bootstrap, group)
    (found,) = client.committed([TopicPartition(topic, 0)], WITHIN_SECONDS)
    client.close()
    return int(found.offset)


def group_reader(bootstrap: str, group: str, topic: str, count: int) -> tuple[Consumer, list[Message]]:
    reader = member(bootstrap, group)
    reader.subscribe([topic])
    return reader, poll_messages(reader, count)


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_offsets_are_part_of_the_transaction(
    bootstrap: str, make_topic: MakeTopic, unique: Unique, end: str
) -> None:
    source, target, group = make_topic(), make_topic(), unique("group")
    produce(bootstrap, source, b"a", b"b", b"c")
    reader, read = group_reader(bootstrap, group, source, 3)
    client = transactional(bootstrap, unique("id"))
    client.begin_transaction()
    for message in read:
        client.produce(target, message.value().upper(), partition=0)
    client.send_offsets_to_transaction(
        reader.position([TopicPartition(source, 0)]), reader.consumer_group_metadata(), WITHIN_SECONDS
    )
    if end == "commit":
        client.commit_transaction(WITHIN_SECONDS)
    else:
        client.abort_transaction(WITHIN_SECONDS)
    assert stored(bootstrap, group, source) == (3 if end == "commit" else -1001)
    assert values(read_to_end(bootstrap, target)) == ([b"A", b"B", b"C"] if end == "commit" else [])
    reader.close()


def test_offsets_of_an_open_transaction_are_not_stable(bootstrap: str, topic: str, unique: Unique) -> None:
    group = unique("group")
    plain = consumer(bootstrap, group)
    plain.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    client = transactional(bootstrap, unique("id"))
    client.begin_transaction()
    client.send_offsets_to_transaction(
        [TopicPartition(topic, 0, 9)], plain.consumer_group_metadata(), WITHIN_SECONDS
    )
    # librdkafka asks again until the offsets are stable.
    with kafka_error(KafkaError._TIMED_OUT, KafkaError.UNSTABLE_OFFSET_COMMIT):
        plain.committed([TopicPartition(topic, 0)], 0.5)
    unstable = consumer(bootstrap, group, **UNCOMMITTED)
    assert unstable.committed([TopicPartition(topic, 0)], WITHIN_SECONDS)[0].offset == 1
    client.commit_transaction(WITHIN_SECONDS)
    assert plain.committed([TopicPartition(topic, 0)], WITHIN_SECONDS)[0].offset == 9
    plain.close()
    unstable.close()


def test_offsets_of_a_member_that_its_group_left_behind(
    bootstrap: str, make_topic: MakeTopic, unique: Unique
) -> None:
    """A zombie's transaction cannot commit, although its producer is not fenced."""
    source, target, group = make_topic(2), make_topic(), unique("group")
    for partition in range(2):
        produce(bootstrap, source, b"m", partition=partition)
    reader, _read = group_reader(bootstrap, group, source, 2)
    metadata = reader.consumer_group_metadata()
    other = member(bootstrap, group)
    other.subscribe([source])

    def shared() -> bool:
        reader.poll(POLL_SECONDS)
        other.poll(POLL_SECONDS)
        return len(reader.assignment()) == 1 and len(other.assignment()) == 1

    wait_until(shared)
    client = transactional(bootstrap, unique("id"))
    client.begin_transaction()
    write(client, target, b"zombie's")
    with pytest.raises(KafkaException) as caught:
        client.send_offsets_to_transaction([TopicPartition(source, 0, 1)], metadata, WITHIN_SECONDS)
    error = caught.value.args[0]
    assert error.txn_requires_abort() and error.code() == KafkaError.ILLEGAL_GENERATION
    client.abort_transaction(WITHIN_SECONDS)
    assert read_to_end(bootstrap, target) == []
    reader.close()
    other.close()


def test_a_group_reads_only_what_is_committed(bootstrap: str, topic: str, unique: Unique) -> None:
    client = transactional(bootstrap, unique("id"))
    for number in range(30):
        (abort if number % 3 == 0 else commit)(client, topic, b"%d" % number)
    reader = member(bootstrap, unique("group"))
    reader.subscribe([topic])
    wait_assigned(reader, 1)
    reader.seek(TopicPartition(topic, 0, 0))
    expected = [b"%d" % number for number in range(30) if number % 3]
    got: list[bytes] = []

    def all_there() -> bool:
        got.extend(message.value() for message in reader.consume(10, POLL_SECONDS))
        return got[-1:] == [expected[-1]]

    wait_until(all_there)
    assert got[-len(expected) :] == expected
    assert not {b"%d" % number for number in range(0, 30, 3)} & set(got)
    reader.close()
