"""Administration with confluent-kafka: topics, partitions, configurations, records, offsets, groups, cluster."""

from __future__ import annotations

import os
from typing import Any

import pytest
from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    ConsumerGroupType,
    ElectionType,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from clients.kafka_python.session import (
    BOOTSTRAP_VARIABLE,
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

# Kafka's documentation of topic configs; those of 4.x that every client's tools show.
TOPIC_DEFAULTS = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "delete.retention.ms": "86400000",
    "file.delete.delay.ms": "60000",
    "flush.messages": "9223372036854775807",
    "flush.ms": "9223372036854775807",
    "index.interval.bytes": "4096",
    "max.compaction.lag.ms": "9223372036854775807",
    "max.message.bytes": "1048588",
    "message.timestamp.after.max.ms": "3600000",
    "message.timestamp.before.max.ms": "9223372036854775807",
    "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "preallocate": "false",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
    "segment.index.bytes": "10485760",
    "segment.jitter.ms": "0",
    "segment.ms": "604800000",
    "unclean.leader.election.enable": "false",
}

# Where a value comes from that was not set on the topic.
NOT_THE_TOPICS = {
    ConfigSource.DEFAULT_CONFIG,
    ConfigSource.STATIC_BROKER_CONFIG,
    ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG,
    ConfigSource.DYNAMIC_BROKER_CONFIG,
}


@pytest.fixture
def admin(bootstrap: str) -> AdminClient:
    return admin_client(bootstrap)


def done(future: Any) -> Any:
    return future.result(WITHIN_SECONDS)


def create(admin: AdminClient, topic: NewTopic, **options: Any) -> None:
    done(admin.create_topics([topic], **options)[topic.topic])
    if not options and BOOTSTRAP_VARIABLE in os.environ:  # Kafka says so before its broker knows
        wait_until(lambda: topic.topic in admin.list_topics(timeout=10).topics)


def configs(admin: AdminClient, name: str, kind: ResourceType = ResourceType.TOPIC) -> dict[str, ConfigEntry]:
    resource = ConfigResource(kind, name)
    found: dict[str, ConfigEntry] = done(admin.describe_configs([resource])[resource])
    return found


def alter(
    admin: AdminClient,
    name: str,
    *entries: tuple[str, AlterConfigOpType, str | None],
    kind: ResourceType = ResourceType.TOPIC,
    **options: Any,
) -> None:
    resource = ConfigResource(
        kind,
        name,
        incremental_configs=[ConfigEntry(key, value, incremental_operation=op) for key, op, value in entries],
    )
    done(admin.incremental_alter_configs([resource], **options)[resource])


def test_create_describe_and_delete(admin: AdminClient, unique: Unique) -> None:
    name = unique("topic")
    create(admin, NewTopic(name, 3, 1))
    described = done(admin.describe_topics(TopicCollection([name]))[name])
    assert [partition.id for partition in described.partitions] == [0, 1, 2]
    assert not described.is_internal
    node = described.partitions[0].leader
    for partition in described.partitions:
        assert partition.leader.id == node.id
        assert [[replica.id for replica in nodes] for nodes in (partition.replicas, partition.isr)] == [
            [node.id]
        ] * 2
    done(admin.delete_topics([name])[name])
    wait_until(lambda: name not in admin.list_topics(timeout=10).topics)
    with kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART):
        done(admin.describe_topics(TopicCollection([name]))[name])


def test_a_recreated_topic_has_another_id(admin: AdminClient, unique: Unique) -> None:
    name = unique("topic")
    ids = []
    for _ in range(2):
        create(admin, NewTopic(name, 1, 1))
        ids.append(str(done(admin.describe_topics(TopicCollection([name]))[name]).topic_id))
        done(admin.delete_topics([name])[name])
        wait_until(lambda: name not in admin.list_topics(timeout=10).topics)
    assert ids[0] != ids[1]


def test_the_brokers_default_for_partitions_and_replicas(admin: AdminClient, unique: Unique) -> None:
    name = unique("topic")
    create(admin, NewTopic(name, -1, -1))
    described = done(admin.describe_topics(TopicCollection([name]))[name])
    wanted = int(
        configs(admin, str(described.partitions[0].leader.id), ResourceType.BROKER)["num.partitions"].value
    )
    assert len(described.partitions) == wanted


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (NewTopic("bad name", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic("..", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic("x" * 250, 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic("test-no-partition", 0, 1), KafkaError.INVALID_PARTITIONS),
        (NewTopic("test-replicas", 1, 2), KafkaError.INVALID_REPLICATION_FACTOR),
        (NewTopic("test-config", 1, 1, config={"no.such.config": "1"}), KafkaError.INVALID_CONFIG),
        (NewTopic("test-value", 1, 1, config={"retention.ms": "soon"}), KafkaError.INVALID_CONFIG),
        (NewTopic("test-policy", 1, 1, config={"cleanup.policy": "burn"}), KafkaError.INVALID_CONFIG),
        (NewTopic("test-ratio", 1, 1, config={"min.cleanable.dirty.ratio": "2"}), KafkaError.INVALID_CONFIG),
        (NewTopic("test-replica", 1, replica_assignment=[[77]]), KafkaError.INVALID_REPLICA_ASSIGNMENT),
    ],
    ids=lambda value: value.topic[:12] if isinstance(value, NewTopic) else str(value),
)
def test_what_cannot_be_created(admin: AdminClient, topic: NewTopic, code: int) -> None:
    with kafka_error(code):
        create(admin, topic)
    assert topic.topic not in admin.list_topics(timeout=10).topics


def test_a_topic_that_is_there_already(admin: AdminClient, topic: str) -> None:
    with kafka_error(KafkaError.TOPIC_ALREADY_EXISTS):
        create(admin, NewTopic(topic, 1, 1))


def test_names_that_differ_in_dot_and_underscore_collide(admin: AdminClient, unique: Unique) -> None:
    name = unique("a.b")
    create(admin, NewTopic(name, 1, 1))
    with kafka_error(KafkaError.TOPIC_EXCEPTION):
        create(admin, NewTopic(name.replace(".", "_"), 1, 1))


def test_validate_only_creates_nothing(admin: AdminClient, unique: Unique) -> None:
    name = unique("topic")
    create(admin, NewTopic(name, 2, 1), validate_only=True)
    assert name not in admin.list_topics(timeout=10).topics


def test_deleting_what_is_not_there(admin: AdminClient, unique: Unique) -> None:
    name = unique("absent")
    with kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART):
        done(admin.delete_topics([name])[name])


def test_adding_partitions(admin: AdminClient, bootstrap: str, topic: str, unique: Unique) -> None:
    produce(bootstrap, topic, b"kept")
    done(admin.create_partitions([NewPartitions(topic, 2)], validate_only=True)[topic])
    done(admin.create_partitions([NewPartitions(topic, 4)])[topic])
    wait_until(lambda: len(admin.list_topics(timeout=10).topics[topic].partitions) == 4)
    produce(bootstrap, topic, b"new", partition=3)
    assert sorted(values(read_to_end(bootstrap, topic, range(4)))) == [b"kept", b"new"]
    for count in (4, 2):
        with kafka_error(KafkaError.INVALID_PARTITIONS):
            done(admin.create_partitions([NewPartitions(topic, count)])[topic])
    absent = unique("absent")
    with kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART):
        done(admin.create_partitions([NewPartitions(absent, 2)])[absent])


def test_every_topic_config_has_its_default_and_source(admin: AdminClient, topic: str) -> None:
    found = configs(admin, topic)
    assert {name: found[name].value for name in TOPIC_DEFAULTS if name in found} == TOPIC_DEFAULTS
    for name in TOPIC_DEFAULTS:
        assert ConfigSource(found[name].source) in NOT_THE_TOPICS, name
        assert not found[name].is_read_only and not found[name].is_sensitive


def test_configs_set_changed_and_deleted(admin: AdminClient, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="1000000")
    entry = configs(admin, topic)["retention.ms"]
    assert (entry.value, entry.source) == ("1000000", ConfigSource.DYNAMIC_TOPIC_CONFIG.value)
    alter(
        admin,
        topic,
        ("retention.ms", AlterConfigOpType.SET, "2000000"),
        ("max.message.bytes", AlterConfigOpType.SET, "5000"),
    )
    found = configs(admin, topic)
    assert (found["retention.ms"].value, found["max.message.bytes"].value) == ("2000000", "5000")
    alter(admin, topic, ("retention.ms", AlterConfigOpType.DELETE, None))
    entry = configs(admin, topic)["retention.ms"]
    assert entry.value == TOPIC_DEFAULTS["retention.ms"]
    assert entry.source != ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    assert configs(admin, topic)["max.message.bytes"].value == "5000"


def test_lists_are_appended_to_and_subtracted_from(admin: AdminClient, topic: str) -> None:
    alter(admin, topic, ("cleanup.policy", AlterConfigOpType.APPEND, "compact"))
    assert set(configs(admin, topic)["cleanup.policy"].value.split(",")) == {"delete", "compact"}
    alter(admin, topic, ("cleanup.policy", AlterConfigOpType.SUBTRACT, "delete"))
    assert configs(admin, topic)["cleanup.policy"].value == "compact"
    with kafka_error(KafkaError.INVALID_CONFIG):
        alter(admin, topic, ("retention.ms", AlterConfigOpType.APPEND, "5"))


def test_alterations_that_are_refused_change_nothing(admin: AdminClient, topic: str, unique: Unique) -> None:
    for name, value in (("retention.ms", "x"), ("no.such.config", "1"), ("max.message.bytes", "-5")):
        with kafka_error(KafkaError.INVALID_CONFIG):
            alter(
                admin,
                topic,
                ("segment.ms", AlterConfigOpType.SET, "5000"),
                (name, AlterConfigOpType.SET, value),
            )
    alter(admin, topic, ("segment.ms", AlterConfigOpType.SET, "5000"), validate_only=True)
    assert configs(admin, topic)["segment.ms"].value == TOPIC_DEFAULTS["segment.ms"]
    with kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART):
        alter(admin, unique("absent"), ("segment.ms", AlterConfigOpType.SET, "5000"))
    with kafka_error(KafkaError.UNKNOWN_TOPIC_OR_PART):
        configs(admin, unique("absent"))


def test_the_old_way_to_alter_replaces_everything(admin: AdminClient, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="1000000", max_message_bytes="5000")
    resource = ConfigResource(ResourceType.TOPIC, topic, set_config={"segment.ms": "60000"})
    done(admin.alter_configs([resource])[resource])
    found = configs(admin, topic)
    assert found["segment.ms"].value == "60000"
    assert found["retention.ms"].value == TOPIC_DEFAULTS["retention.ms"]
    assert found["max.message.bytes"].value == TOPIC_DEFAULTS["max.message.bytes"]


def test_the_brokers_configs(admin: AdminClient) -> None:
    broker_id = str(done(admin.describe_cluster()).nodes[0].id)
    found = configs(admin, broker_id, ResourceType.BROKER)
    assert found["log.retention.ms"].name and found["auto.create.topics.enable"].value == "true"
    assert found["offsets.retention.minutes"].value == "10080"
    assert found["transaction.max.timeout.ms"].value == "900000"
    assert found["group.initial.rebalance.delay.ms"].value is not None


def test_the_cluster(admin: AdminClient, bootstrap: str) -> None:
    described = done(admin.describe_cluster(include_authorized_operations=True))
    (node,) = described.nodes
    assert described.controller.id == node.id
    assert node.port == int(bootstrap.rpartition(":")[2])
    assert described.cluster_id and described.cluster_id == admin.list_topics(timeout=10).cluster_id
    assert described.authorized_operations is not None


def test_records_are_deleted_up_to_an_offset(admin: AdminClient, bootstrap: str, topic: str) -> None:
    produce(bootstrap, topic, *(b"%d" % number for number in range(10)))
    partition = TopicPartition(topic, 0, 4)
    assert done(admin.delete_records([partition])[partition]).low_watermark == 4
    assert offsets(read_to_end(bootstrap, topic)) == [4, 5, 6, 7, 8, 9]
    assert done(admin.list_offsets({partition: OffsetSpec.earliest()})[partition]).offset == 4
    partition = TopicPartition(topic, 0, 2)  # less than before: nothing happens
    assert done(admin.delete_records([partition])[partition]).low_watermark == 4
    partition = TopicPartition(topic, 0, 11)
    with kafka_error(KafkaError.OFFSET_OUT_OF_RANGE):
        done(admin.delete_records([partition])[partition])
    partition = TopicPartition(topic, 0, -1)  # all
    assert done(admin.delete_records([partition])[partition]).low_watermark == 10
    assert read_to_end(bootstrap, topic) == []
    assert offsets(produce(bootstrap, topic, b"next")) == [10]


def test_offsets_by_specification(admin: AdminClient, bootstrap: str, make_topic: MakeTopic) -> None:
    topic = make_topic(retention_ms="-1")
    for timestamp in (5_000, 9_000, 7_000):
        produce(bootstrap, topic, b"m", timestamp=timestamp)
    partition = TopicPartition(topic, 0)

    def found(spec: OffsetSpec) -> tuple[int, int]:
        result = done(admin.list_offsets({partition: spec})[partition])
        return result.offset, result.timestamp

    assert found(OffsetSpec.earliest()) == (0, -1)
    assert found(OffsetSpec.latest()) == (3, -1)
    assert found(OffsetSpec.max_timestamp()) == (1, 9_000)
    assert found(OffsetSpec.for_timestamp(6_000)) == (1, 9_000)
    assert found(OffsetSpec.for_timestamp(1)) == (0, 5_000)
    assert found(OffsetSpec.for_timestamp(9_001)) == (-1, -1)


def test_the_greatest_time_of_an_empty_partition(admin: AdminClient, topic: str) -> None:
    partition = TopicPartition(topic, 0)
    result = done(admin.list_offsets({partition: OffsetSpec.max_timestamp()})[partition])
    assert (result.offset, result.timestamp) == (-1, -1)


def test_electing_leaders(admin: AdminClient, topic: str, unique: Unique) -> None:
    partition, absent = TopicPartition(topic, 0), TopicPartition(unique("absent"), 0)
    results = done(admin.elect_leaders(ElectionType.PREFERRED, [partition, absent]))
    assert results[partition].code() == KafkaError.ELECTION_NOT_NEEDED
    assert results[absent].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def stored(admin: AdminClient, group: str, *partitions: TopicPartition) -> dict[int, int]:
    asked = ConsumerGroupTopicPartitions(group, list(partitions) or None)
    result = done(admin.list_consumer_group_offsets([asked])[group])
    return {partition.partition: partition.offset for partition in result.topic_partitions}


def test_offsets_of_a_group_are_listed_and_altered(
    admin: AdminClient, bootstrap: str, make_topic: MakeTopic, unique: Unique
) -> None:
    topic, group = make_topic(3), unique("group")
    wanted = [TopicPartition(topic, 0, 5), TopicPartition(topic, 2, 7)]
    done(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group])
    assert stored(admin, group) == {0: 5, 2: 7}
    assert stored(admin, group, TopicPartition(topic, 1), TopicPartition(topic, 2)) == {1: -1001, 2: 7}
    client = member(bootstrap, group)
    client.subscribe([topic])
    wait_assigned(client, 3)
    altered = done(
        admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 1)])]
        )[group]
    )
    assert [part.error.code() for part in altered.topic_partitions] == [KafkaError.UNKNOWN_MEMBER_ID]
    client.close()
    assert stored(admin, group)[0] == 5


@pytest.mark.parametrize("target", ["earliest", "latest", "time"])
def test_a_group_is_reset(
    admin: AdminClient, bootstrap: str, make_topic: MakeTopic, unique: Unique, target: str
) -> None:
    topic, group = make_topic(retention_ms="-1"), unique("group")
    for timestamp in (1_000, 2_000, 3_000):
        produce(bootstrap, topic, b"%d" % timestamp, timestamp=timestamp)
    client = consumer(bootstrap, group)
    client.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    client.close()
    specs = {
        "earliest": OffsetSpec.earliest(),
        "latest": OffsetSpec.latest(),
        "time": OffsetSpec.for_timestamp(1_500),
    }
    partition = TopicPartition(topic, 0)
    partition.offset = done(admin.list_offsets({TopicPartition(topic, 0): specs[target]})[partition]).offset
    done(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [partition])])[group])
    produce(bootstrap, topic, b"new")
    again = member(bootstrap, group)
    again.subscribe([topic])
    expected = {
        "earliest": [b"1000", b"2000", b"3000", b"new"],
        "latest": [b"new"],
        "time": [b"2000", b"3000", b"new"],
    }[target]
    assert values(poll_messages(again, len(expected))) == expected
    again.close()


def test_groups_are_listed_and_described(
    admin: AdminClient, bootstrap: str, make_topic: MakeTopic, unique: Unique
) -> None:
    topic, group, simple = make_topic(2), unique("group"), unique("simple")
    client = member(bootstrap, group, client_id="my-client", partition_assignment_strategy="roundrobin")
    client.subscribe([topic])
    wait_assigned(client, 2)
    other = consumer(bootstrap, simple)
    other.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    listed = {entry.group_id: entry for entry in done(admin.list_consumer_groups()).valid}
    assert (listed[group].state, listed[group].is_simple_consumer_group) == (ConsumerGroupState.STABLE, False)
    assert (listed[simple].state, listed[simple].is_simple_consumer_group) == (ConsumerGroupState.EMPTY, True)
    assert listed[group].type == ConsumerGroupType.CLASSIC
    stable = done(admin.list_consumer_groups(states={ConsumerGroupState.STABLE})).valid
    assert group in {entry.group_id for entry in stable}
    assert simple not in {entry.group_id for entry in stable}
    described = done(admin.describe_consumer_groups([group], include_authorized_operations=True)[group])
    assert described.state == ConsumerGroupState.STABLE and described.partition_assignor == "roundrobin"
    (entry,) = described.members
    assert (entry.client_id, entry.host.lstrip("/")) == ("my-client", "127.0.0.1")
    assert entry.member_id.startswith("my-client-")
    held = sorted((part.topic, part.partition) for part in entry.assignment.topic_partitions)
    assert held == [(topic, 0), (topic, 1)]
    assert described.authorized_operations
    client.close()
    other.close()
    described = done(admin.describe_consumer_groups([group])[group])
    assert (described.state, described.members) == (ConsumerGroupState.EMPTY, [])


def test_a_group_that_is_not_there(admin: AdminClient, unique: Unique) -> None:
    group = unique("absent")
    assert done(admin.describe_consumer_groups([group])[group]).state == ConsumerGroupState.DEAD
    with kafka_error(KafkaError.GROUP_ID_NOT_FOUND):
        done(admin.delete_consumer_groups([group])[group])


def test_a_group_is_deleted_when_it_is_empty(
    admin: AdminClient, bootstrap: str, topic: str, unique: Unique
) -> None:
    group = unique("group")
    produce(bootstrap, topic, b"a", b"b")
    client = member(bootstrap, group)
    client.subscribe([topic])
    poll_messages(client, 2)
    client.commit(asynchronous=False)
    with kafka_error(KafkaError.NON_EMPTY_GROUP):
        done(admin.delete_consumer_groups([group])[group])
    client.close()
    done(admin.delete_consumer_groups([group])[group])
    assert group not in {entry.group_id for entry in done(admin.list_consumer_groups()).valid}
    again = member(bootstrap, group)
    again.subscribe([topic])
    assert values(poll_messages(again, 2)) == [b"a", b"b"]
    again.close()


def test_offsets_of_a_deleted_topic_are_gone(
    admin: AdminClient, bootstrap: str, topic: str, unique: Unique
) -> None:
    group = unique("group")
    done(
        admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 5)])]
        )[group]
    )
    done(admin.delete_topics([topic])[topic])

    def gone() -> bool:
        try:
            return stored(admin, group) == {}
        except KafkaException as error:
            return bool(error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)

    wait_until(gone)


def test_hundreds_of_partitions_in_one_topic(admin: AdminClient, bootstrap: str, unique: Unique) -> None:
    name = unique("wide")
    create(admin, NewTopic(name, 300, 1))
    client = producer(bootstrap)
    for partition in range(0, 300, 13):
        client.produce(name, b"m", partition=partition)
    flush(client)
    listed = admin.list_topics(name, timeout=10).topics[name]
    assert sorted(listed.partitions) == list(range(300))
    done(admin.delete_topics([name])[name])
