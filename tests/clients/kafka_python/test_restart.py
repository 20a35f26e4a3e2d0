"""What was acknowledged is there after kill -9 and after an orderly stop: in order, once, with offsets, epochs and groups."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from clients.kafka_python.session import (
    WITHIN_SECONDS,
    Killable,
    Reports,
    consumer,
    crash,
    create_topic,
    flush,
    member,
    offsets,
    poll_messages,
    produce,
    producer,
    read_to_end,
    unique_name,
    values,
    wait_assigned,
    wait_until,
)
from clients.kafka_python.wire import Batch, Wire

pytestmark = pytest.mark.timeout(120)


def again(broker: Killable, how: str) -> None:
    if how == "kill":
        crash(broker)
    else:
        broker.restart()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_everything_that_was_acknowledged(own_broker: Killable, how: str) -> None:
    """Records of every codec, headers, times, committed offsets, configs, producer sequences."""
    bootstrap, topic, group = own_broker.bootstrap, unique_name("topic"), unique_name("group")
    create_topic(bootstrap, topic, 2, retention_ms="-1", max_message_bytes="500000")
    expected = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        sent = [b"%s %d" % (codec.encode(), number) for number in range(20)]
        produce(
            bootstrap,
            topic,
            *sent,
            compression_type=codec,
            headers=[("codec", codec)],
            timestamp=5_000,
            linger_ms=20,
        )
        expected += sent
    plain = consumer(bootstrap, group)
    plain.commit(offsets=[TopicPartition(topic, 0, 33, "note")], asynchronous=False)
    plain.close()
    wire = Wire(bootstrap)
    producer_id, epoch = wire.init_producer()
    batch = Batch(producer_id=producer_id, epoch=epoch, sequence=0)
    assert wire.produce(topic, batch, partition=1).error == 0
    wire.close()
    again(own_broker, how)
    messages = read_to_end(bootstrap, topic)
    assert values(messages) == expected and offsets(messages) == list(range(100))
    assert messages[99].headers() == [("codec", b"zstd")] and messages[0].timestamp()[1] == 5_000
    assert values(read_to_end(bootstrap, topic, start=57)) == expected[57:]
    client = consumer(bootstrap, group)
    (stored,) = client.committed([TopicPartition(topic, 0)], WITHIN_SECONDS)
    assert (stored.offset, stored.metadata) == (33, "note")
    (found,) = client.offsets_for_times([TopicPartition(topic, 0, 5_000)], WITHIN_SECONDS)
    assert found.offset == 0
    client.close()
    wire = Wire(bootstrap)
    assert wire.produce(topic, batch, partition=1).base_offset == 0  # known as a duplicate still
    next_batch = Batch(producer_id=producer_id, epoch=epoch, sequence=1)
    assert wire.produce(topic, next_batch, partition=1).base_offset == 1
    assert wire.init_producer()[0] != producer_id
    wire.close()


def wait_reported(reports: Reports, count: int) -> None:
    wait_until(lambda: len(reports.messages) > count, 40, "that the producer goes on")


def test_nothing_is_lost_or_doubled_when_killed_under_load(own_broker: Killable) -> None:
    """One idempotent producer and one group member live through three crashes."""
    bootstrap, topic, group = own_broker.bootstrap, unique_name("topic"), unique_name("group")
    create_topic(bootstrap, topic)
    client = producer(bootstrap, enable_idempotence=True, message_timeout_ms=90_000, socket_timeout_ms=10_000)
    reports = Reports()
    stop = threading.Event()
    sent = 0

    def run() -> None:
        nonlocal sent
        while not stop.wait(0.002):
            client.produce(topic, b"%d" % sent, partition=0, on_delivery=reports)
            sent += 1
            client.poll(0)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    reader = member(bootstrap, group)
    reader.subscribe([topic])
    got: list[int] = []
    for _ in range(3):
        wait_reported(reports, len(reports.messages) + 100)
        crash(own_broker)
    stop.set()
    thread.join(20)
    flush(client, 60)
    assert reports.errors == []
    assert [int(value) for value in values(read_to_end(bootstrap, topic))] == list(range(sent))
    assert reports.offsets == list(range(sent))

    def all_read() -> bool:
        for message in reader.consume(500, 0.1):
            if message.error() is None:
                got.append(int(message.value()))
        return bool(got) and got[-1] == sent - 1

    wait_until(all_read, 40)
    assert got == list(range(sent))
    reader.close()


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_an_open_transaction_lives_through_a_crash(own_broker: Killable, end: str) -> None:
    bootstrap, topic = own_broker.bootstrap, unique_name("topic")
    create_topic(bootstrap, topic)
    client = producer(bootstrap, transactional_id="id", transaction_timeout_ms=60_000)
    client.init_transactions(WITHIN_SECONDS)
    client.begin_transaction()
    client.produce(topic, b"before", partition=0)
    flush(client)
    crash(own_broker)
    produce(bootstrap, topic, b"another's")
    assert read_to_end(bootstrap, topic) == []
    if end == "commit":
        client.produce(topic, b"after", partition=0)
        client.commit_transaction(30)
        assert values(read_to_end(bootstrap, topic)) == [b"before", b"another's", b"after"]
    else:
        client.abort_transaction(30)
        assert values(read_to_end(bootstrap, topic)) == [b"another's"]


def test_aborted_ranges_and_fencing_are_remembered(own_broker: Killable) -> None:
    bootstrap, topic = own_broker.bootstrap, unique_name("topic")
    create_topic(bootstrap, topic)
    old = producer(bootstrap, transactional_id="id")
    old.init_transactions(WITHIN_SECONDS)
    for value, finish in ((b"aborted", old.abort_transaction), (b"committed", old.commit_transaction)):
        old.begin_transaction()
        old.produce(topic, value, partition=0)
        flush(old)
        finish(WITHIN_SECONDS)
    new = producer(bootstrap, transactional_id="id")
    new.init_transactions(WITHIN_SECONDS)
    crash(own_broker)
    assert values(read_to_end(bootstrap, topic)) == [b"committed"]
    old.begin_transaction()
    with pytest.raises(KafkaException) as caught:
        old.produce(topic, b"zombie", partition=0)
        old.flush(WITHIN_SECONDS)
        old.commit_transaction(WITHIN_SECONDS)
    assert caught.value.args[0].code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
    new.begin_transaction()
    new.produce(topic, b"new", partition=0)
    new.commit_transaction(30)
    assert values(read_to_end(bootstrap, topic)) == [b"committed", b"new"]


def test_topics_their_configs_and_deletions(own_broker: Killable, against_onemq: bool) -> None:
    from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, ResourceType

    bootstrap, kept, gone = own_broker.bootstrap, unique_name("kept"), unique_name("gone")
    create_topic(bootstrap, kept, 1, retention_ms="77000")
    create_topic(bootstrap, gone)
    produce(bootstrap, kept, *[b"%d" % number for number in range(10)])
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_partitions([NewPartitions(kept, 3)])[kept].result(WITHIN_SECONDS)
    partition = TopicPartition(kept, 0, 6)
    admin.delete_records([partition])[partition].result(WITHIN_SECONDS)
    admin.delete_topics([gone])[gone].result(WITHIN_SECONDS)
    crash(own_broker)
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    topics = admin.list_topics(timeout=WITHIN_SECONDS).topics
    assert gone not in topics and sorted(topics[kept].partitions) == [0, 1, 2]
    resource = ConfigResource(ResourceType.TOPIC, kept)
    found = admin.describe_configs([resource])[resource].result(WITHIN_SECONDS)
    assert found["retention.ms"].value == "77000"
    if against_onemq:  # Kafka writes the new start down once a minute, and forgets it in a crash
        assert offsets(read_to_end(bootstrap, kept)) == [6, 7, 8, 9]
    assert offsets(produce(bootstrap, kept, b"next")) == [10]


def test_a_group_goes_on_after_a_crash(own_broker: Killable) -> None:
    bootstrap, topic, group = own_broker.bootstrap, unique_name("topic"), unique_name("group")
    create_topic(bootstrap, topic, 2)
    client = member(bootstrap, group)
    client.subscribe([topic])
    wait_assigned(client, 2)
    produce(bootstrap, topic, b"a")
    assert values(poll_messages(client, 1)) == [b"a"]
    client.commit(asynchronous=False)
    crash(own_broker)
    produce(bootstrap, topic, b"b")
    produce(bootstrap, topic, b"c", partition=1)
    assert sorted(values(poll_messages(client, 2, 40))) == [b"b", b"c"]
    client.commit(asynchronous=False)
    client.close()
