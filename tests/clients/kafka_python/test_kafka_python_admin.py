"""What only kafka-python's admin client asks: ACLs, SCRAM credentials, log directories, reassignments, members, transactions."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaAdminClient, OffsetAndMetadata, OffsetSpec, TopicPartition
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import (
    GroupIdNotFoundError,
    GroupSubscribedToTopicError,
    NoError,
    UnknownTopicOrPartitionError,
)
from kafka.protocol.admin import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)

from clients.kafka_python.session import (
    MakeTopic,
    Unique,
    consumer,
    flush,
    member,
    produce,
    producer,
    wait_assigned,
    wait_until,
)
from clients.kafka_python.wire import Wire


@pytest.fixture
def admin(bootstrap: str) -> Generator[KafkaAdminClient, None, None]:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as client:
        yield client


def allow(principal: str, name: str, operation: ACLOperation, prefixed: bool = False) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if prefixed else ACLResourcePatternType.LITERAL
    return ACL(
        principal, "*", operation, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, name, pattern)
    )


def of(principal: str, name: str | None = None) -> ACLFilter:
    pattern = ResourcePatternFilter(ResourceType.ANY, name, ACLResourcePatternType.ANY)
    return ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY, pattern)


def test_acls_are_created_described_and_deleted(admin: KafkaAdminClient, unique: Unique) -> None:
    principal, one, two = f"User:{unique('user')}", unique("one"), unique("two")
    wanted = [
        allow(principal, one, ACLOperation.READ),
        allow(principal, one, ACLOperation.WRITE),
        allow(principal, two, ACLOperation.READ, prefixed=True),
    ]
    result = admin.create_acls(wanted)
    assert (sorted(map(hash, result["succeeded"])), result["failed"]) == (sorted(map(hash, wanted)), [])

    def described(chosen: ACLFilter) -> set[Any]:
        found, error = admin.describe_acls(chosen)
        assert error is NoError
        return set(found)

    wait_until(lambda: described(of(principal)) == set(wanted))
    assert described(of(principal, one)) == set(wanted[:2])
    match = ResourcePatternFilter(ResourceType.TOPIC, two + "-more", ACLResourcePatternType.MATCH)
    matching = ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY, match)
    assert described(matching) == {wanted[2]}
    assert described(of("User:nobody")) == set()
    ((_filter, deleted, error),) = admin.delete_acls([of(principal, one)])
    assert error is NoError and set(deleted) == set(wanted[:2])
    wait_until(lambda: described(of(principal)) == {wanted[2]})
    admin.delete_acls([of(principal)])
    wait_until(lambda: described(of(principal)) == set())


def test_scram_credentials(admin: KafkaAdminClient, unique: Unique) -> None:
    user = unique("user")
    for mechanism, iterations in (("SCRAM-SHA-256", 5000), ("SCRAM-SHA-512", 4096)):
        upsertion = UserScramCredentialUpsertion(user, mechanism, "secret", iterations=iterations)
        assert admin.alter_user_scram_credentials([upsertion]) == {user: None}

    def found() -> dict[str, int]:
        described = admin.describe_user_scram_credentials([user])[user]
        return {entry["mechanism"].name: entry["iterations"] for entry in described["credential_infos"]}

    wait_until(lambda: found() == {"SCRAM_SHA_256": 5000, "SCRAM_SHA_512": 4096})
    admin.alter_user_scram_credentials([UserScramCredentialDeletion(user, "SCRAM-SHA-256")])
    wait_until(lambda: found() == {"SCRAM_SHA_512": 4096})


def alter_quota(wire: Wire, user: str, key: str, value: float, remove: bool = False) -> int:
    entry = AlterClientQuotasRequest.EntryData
    request = AlterClientQuotasRequest(
        version=1,
        entries=[
            entry(
                version=1,
                entity=[entry.EntityData(version=1, entity_type="user", entity_name=user)],
                ops=[entry.OpData(version=1, key=key, value=value, remove=remove)],
            )
        ],
        validate_only=False,
    )
    return int(wire.call(request, AlterClientQuotasResponse, 1).entries[0].error_code)


def quotas_of(wire: Wire, user: str) -> dict[str, float]:
    component = DescribeClientQuotasRequest.ComponentData(
        version=1, entity_type="user", match_type=0, match=user
    )
    request = DescribeClientQuotasRequest(version=1, components=[component], strict=True)
    answer = wire.call(request, DescribeClientQuotasResponse, 1)
    assert answer.error_code == 0
    return {value.key: value.value for entry in answer.entries or [] for value in entry.values}


def test_client_quotas(wire: Wire, unique: Unique) -> None:
    user = unique("user")
    assert quotas_of(wire, user) == {}
    assert alter_quota(wire, user, "producer_byte_rate", 2048.0) == 0
    assert alter_quota(wire, user, "consumer_byte_rate", 1e6) == 0
    wait_until(lambda: quotas_of(wire, user) == {"producer_byte_rate": 2048.0, "consumer_byte_rate": 1e6})
    assert alter_quota(wire, user, "producer_byte_rate", 0, remove=True) == 0
    wait_until(lambda: quotas_of(wire, user) == {"consumer_byte_rate": 1e6})
    assert alter_quota(wire, user, "no_such_rate", 5) == 42
    assert alter_quota(wire, user, "consumer_byte_rate", 0, remove=True) == 0
    wait_until(lambda: quotas_of(wire, user) == {})


def test_log_directories(admin: KafkaAdminClient, bootstrap: str, topic: str) -> None:
    produce(bootstrap, topic, bytes(50_000))
    (broker,) = admin.describe_log_dirs({topic: [0]})
    (directory,) = broker["log_dirs"]
    assert directory["error_code"] == 0
    ((partition,),) = [entry["partitions"] for entry in directory["topics"] if entry["name"] == topic]
    assert partition["partition_index"] == 0 and partition["partition_size"] >= 50_000


def test_no_reassignment_is_going_on(admin: KafkaAdminClient, topic: str) -> None:
    assert admin.list_partition_reassignments() == {}


def test_partitions_page_by_page(admin: KafkaAdminClient, make_topic: MakeTopic) -> None:
    topic = make_topic(5)
    first = admin.describe_topic_partitions([topic], response_partition_limit=3)
    assert len(first["topics"][0]["partitions"]) == 3
    cursor = first["next_cursor"]
    assert (cursor["topic_name"], cursor["partition_index"]) == (topic, 3)
    second = admin.describe_topic_partitions([topic], response_partition_limit=3, cursor=cursor)
    assert [part["partition_index"] for part in second["topics"][0]["partitions"]] == [3, 4]
    assert second["next_cursor"] is None


def test_topics_are_described_and_deleted_by_id(admin: KafkaAdminClient, topic: str, wire: Wire) -> None:
    topic_id = wire.topic_id(topic)
    (described,) = admin.describe_topics([topic_id])
    assert described["name"] == topic
    admin.delete_topics([topic_id])
    wait_until(lambda: topic not in admin.list_topics())


def test_configs_with_synonyms(admin: KafkaAdminClient, make_topic: MakeTopic) -> None:
    topic = make_topic(max_message_bytes="5000")
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    found = admin.describe_configs([resource], include_synonyms=True, config_filter="all")["topic"][topic]
    entry = found["max.message.bytes"]
    assert (entry["value"], entry["config_source"], entry["config_type"]) == (
        "5000",
        "DYNAMIC_TOPIC_CONFIG",
        "INT",
    )
    assert [(synonym["name"], synonym["value"], synonym["source"]) for synonym in entry["synonyms"]] == [
        ("max.message.bytes", "5000", "DYNAMIC_TOPIC_CONFIG"),
        ("message.max.bytes", "1048588", "DEFAULT_CONFIG"),
    ]
    modified = admin.describe_configs([resource], config_filter="modified")["topic"][topic]
    assert modified["max.message.bytes"]["value"] == "5000" and "segment.ms" not in modified


def test_the_configs_of_a_group(admin: KafkaAdminClient, unique: Unique) -> None:
    group = unique("group")
    resource = ConfigResource(ConfigResourceType.GROUP, group, {"consumer.session.timeout.ms": "50000"})
    assert admin.alter_configs([resource])["group"][group] == "OK"

    def value() -> Any:
        asked = [ConfigResource(ConfigResourceType.GROUP, group)]
        return admin.describe_configs(asked, config_filter="all")["group"][group][
            "consumer.session.timeout.ms"
        ]["value"]

    wait_until(lambda: bool(value() == "50000"))


def test_offsets_of_a_group_are_reset_and_deleted(
    admin: KafkaAdminClient, bootstrap: str, make_topic: MakeTopic, unique: Unique
) -> None:
    topic, group = make_topic(2), unique("group")
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    produce(bootstrap, topic, b"a", b"b", b"c")
    admin.alter_group_offsets(group, {zero: OffsetAndMetadata(1, "m", -1), one: OffsetAndMetadata(0, "", -1)})
    found = admin.list_group_offsets([group])[group]
    assert {part: (entry.offset, entry.metadata) for part, entry in found.items()} == {
        zero: (1, "m"),
        one: (0, ""),
    }
    assert admin.reset_group_offsets(group, {zero: OffsetSpec.LATEST})[zero]["offset"] == 3
    assert admin.list_group_offsets([group])[group][zero].offset == 3
    assert admin.delete_group_offsets(group, [one]) == {one: NoError}
    assert set(admin.list_group_offsets([group])[group]) == {zero}
    client = member(bootstrap, group)
    client.subscribe([topic])
    wait_assigned(client, 2)
    assert admin.delete_group_offsets(group, [zero]) == {zero: GroupSubscribedToTopicError}
    client.close()
    with pytest.raises(GroupIdNotFoundError):
        admin.delete_group_offsets(unique("absent"), [zero])


def test_members_are_removed(admin: KafkaAdminClient, bootstrap: str, topic: str, unique: Unique) -> None:
    from kafka.admin import MemberToRemove

    group = unique("group")
    client = member(bootstrap, group, group_instance_id="static", session_timeout_ms=30_000)
    client.subscribe([topic])
    wait_assigned(client, 1)
    client.close()  # a static member does not leave by that
    described = admin.describe_groups([group])[group]
    assert [entry["group_instance_id"] for entry in described["members"]] == ["static"]
    result = admin.remove_group_members(group, [MemberToRemove(group_instance_id="static")])
    assert list(result.values()) == [NoError]
    assert admin.describe_groups([group])[group]["members"] == []


def test_producers_and_transactions_are_described(
    admin: KafkaAdminClient, bootstrap: str, topic: str, unique: Unique
) -> None:
    name = unique("id")
    client = producer(bootstrap, transactional_id=name, transaction_timeout_ms=50_000)
    client.init_transactions(10)
    client.begin_transaction()
    client.produce(topic, b"m", partition=0)
    flush(client)
    described = admin.describe_transactions([name])[name]
    text = str(described)
    assert "Ongoing" in text and topic in text and "50000" in text
    assert name in str(admin.list_transactions())
    (state,) = admin.describe_producers([TopicPartition(topic, 0)]).values()
    assert "current_txn_start_offset" in str(state) or "current_transaction_start_offset" in str(state)
    client.commit_transaction(10)
    wait_until(lambda: "CompleteCommit" in str(admin.describe_transactions([name])[name]))


def test_records_are_deleted(admin: KafkaAdminClient, bootstrap: str, topic: str) -> None:
    partition = TopicPartition(topic, 0)
    produce(bootstrap, topic, b"a", b"b", b"c")
    assert admin.delete_records({partition: 2})[partition]["low_watermark"] == 2
    with pytest.raises(UnknownTopicOrPartitionError):
        admin.delete_records({TopicPartition(topic, 9): 1})


def test_features_and_the_cluster(admin: KafkaAdminClient, against_onemq: bool) -> None:
    described = admin.describe_cluster()
    assert len(described["brokers"]) == 1 and described["cluster_id"]
    if against_onemq:
        # Clients then use the first version of transactions.
        assert "transaction.version" not in str(admin.describe_features())


def test_groups_are_listed_by_state_and_type(
    admin: KafkaAdminClient, bootstrap: str, topic: str, unique: Unique
) -> None:
    group, empty = unique("group"), unique("empty")
    client = member(bootstrap, group)
    client.subscribe([topic])
    wait_assigned(client, 1)
    plain = consumer(bootstrap, empty)
    from confluent_kafka import TopicPartition as Partition

    plain.commit(offsets=[Partition(topic, 0, 1)], asynchronous=False)

    def listed(**filters: Any) -> set[str]:
        return {entry["group_id"] for entry in admin.list_groups(**filters)}

    assert {group, empty} <= listed()
    assert group in listed(states_filter=["Stable"]) and empty not in listed(states_filter=["Stable"])
    assert {group, empty} <= listed(types_filter=["classic"])
    assert not {group, empty} & listed(types_filter=["consumer"])
    client.close()
    plain.close()
