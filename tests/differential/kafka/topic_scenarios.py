"""What is asked of topics and settings: Metadata, CreateTopics, DeleteTopics, CreatePartitions, the configs of topics and groups."""

from __future__ import annotations

import uuid
from typing import Any, Final

from differential.kafka.asking import Side, is_of_one

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3


def wanted(
    name: str,
    partitions: int = 1,
    factor: int = 1,
    assignments: dict[int, list[int]] | None = None,
    configs: dict[str, str | None] | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": factor,
        "assignments": [
            {"partition_index": index, "broker_ids": brokers}
            for index, brokers in (assignments or {}).items()
        ],
        "configs": [{"name": key, "value": value} for key, value in (configs or {}).items()],
    }


def create(side: Side, version: int, *topics: dict[str, Any], check_only: bool = False) -> None:
    side.ask("CreateTopics", version, topics=list(topics), timeout_ms=10_000, validate_only=check_only)


def metadata(side: Side, version: int, *names: str, **more: Any) -> None:
    side.ask(
        "Metadata",
        version,
        topics=[{"name": name} for name in names],
        allow_auto_topic_creation=False,
        **more,
    )


def topics_made(side: Side) -> None:
    for version in range(2, 8):
        name = side.name(f"v{version}")
        create(side, version, wanted(name, 2, configs={"retention.ms": "1000"}))
        create(side, version, wanted(name))
        metadata(side, 9, name)
    create(side, 7, wanted(side.name("defaults"), -1, -1))
    create(side, 7, wanted(side.name("checked"), 3), check_only=True)
    metadata(side, 12, side.name("checked"))
    create(side, 7, wanted(side.name("two"), 3), wanted(side.name("three"), 0), wanted(side.name("two"), 3))
    create(side, 7)


def names(side: Side) -> None:
    dotted = side.name("a.b")
    create(side, 7, wanted(dotted))
    create(side, 7, wanted(side.name("a_b")))
    for bad in ("", ".", "..", "a b", "ä", "x" * 250, "a/b", "a:b", "__consumer_offsets_", "a\0b", "*"):
        create(side, 7, wanted(bad), check_only=True)
    create(side, 7, wanted("x" * 249), check_only=True)
    for bad in ("", ".", "a b", "x" * 250, side.name("missing")):
        metadata(side, 9, bad)
        side.ask("Metadata", 9, topics=[{"name": bad}], allow_auto_topic_creation=bad != side.name("missing"))


def counts(side: Side) -> None:
    name = side.name("t")
    for partitions, factor in (
        (0, 1),
        (-2, 1),
        (1, 0),
        (1, -2),
        (1, 2),
        (1, 3),
        (-1, 2),
        (0, 0),
        (20_000, 1),
    ):
        create(side, 7, wanted(name, partitions, factor), check_only=True)


def assignments(side: Side) -> None:
    name = side.name("t")
    placements: tuple[dict[int, list[int]], ...] = (
        {0: [1]},
        {0: [1], 1: [1]},
        {1: [1]},
        {0: [1], 2: [1]},
        {0: []},
        {0: [2]},
        {0: [1, 1]},
        {0: [1, 2]},
        {0: [-1]},
        {0: [1], 1: []},
        {-1: [1]},
        {0: [2, 2]},
    )
    for placed in placements:
        create(side, 7, wanted(name, -1, -1, placed), check_only=True)
    create(side, 7, wanted(name, 1, -1, {0: [1]}), check_only=True)
    create(side, 7, wanted(name, -1, 1, {0: [1]}), check_only=True)
    create(side, 7, wanted(name, 2, 1, {0: [1]}), check_only=True)


VALUES: Final = (
    "",
    "0",
    "-1",
    "-2",
    "1",
    "abc",
    "1.5",
    "true",
    "True",
    "9223372036854775808",
    "2147483648",
    " 7 ",
)
MORE_VALUES: Final = {
    "cleanup.policy": (
        "delete",
        "compact",
        "compact,delete",
        "delete,delete",
        "Delete",
        "delete,",
        "none",
        " compact",
    ),
    "compression.type": ("gzip", "GZIP", "producer", "uncompressed", "none", "zstd", "lz4", "snappy"),
    "compression.gzip.level": ("9", "10", "-1", "0"),
    "compression.lz4.level": ("1", "17", "18", "0"),
    "compression.zstd.level": ("22", "23", "-131072", "-131073"),
    "message.timestamp.type": ("CreateTime", "LogAppendTime", "createtime"),
    "min.cleanable.dirty.ratio": ("0.5", "1.0", "1.1", "-0.1", "1e-1"),
    "follower.replication.throttled.replicas": ("*", "none", "0:1,1:1", "0:x", "0:1"),
    "leader.replication.throttled.replicas": ("*", "none", "0:1,1:1", "0:x"),
    "segment.bytes": ("1048576", "1048575", "14"),
    "segment.ms": ("10",),
    "local.retention.bytes": ("-2", "100"),
    "local.retention.ms": ("-2", "100"),
    "remote.storage.enable": ("true", "false"),
    "min.insync.replicas": ("2", "1"),
    "max.message.bytes": ("1000000",),
    "retention.ms": ("604800000",),
}
TOPIC_CONFIGS: Final = (
    "cleanup.policy", "compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level",
    "delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms", "follower.replication.throttled.replicas",
    "index.interval.bytes", "leader.replication.throttled.replicas", "local.retention.bytes", "local.retention.ms",
    "max.compaction.lag.ms", "max.message.bytes", "message.timestamp.after.max.ms", "message.timestamp.before.max.ms",
    "message.timestamp.type", "min.cleanable.dirty.ratio", "min.compaction.lag.ms", "min.insync.replicas", "preallocate",
    "remote.log.copy.disable", "remote.log.delete.on.disable", "remote.storage.enable", "retention.bytes", "retention.ms",
    "segment.bytes", "segment.index.bytes", "segment.jitter.ms", "segment.ms", "unclean.leader.election.enable",
    "message.format.version", "no.such.config", "", "message.downconversion.enable",
    "message.timestamp.difference.max.ms", "errors.deadletterqueue.group.enable",
)  # fmt: skip


def config_values(side: Side) -> None:
    """Every topic config with values right and wrong, on creation."""
    for name in TOPIC_CONFIGS:
        for value in (*VALUES, *MORE_VALUES.get(name, ())):
            if len(value) > 9 and name == "min.cleanable.dirty.ratio":
                continue  # Java and Python write large fractions in another way.
            create(side, 7, wanted(side.name("t"), configs={name: value}), check_only=True)
    create(side, 7, wanted(side.name("t"), configs={"retention.ms": None}), check_only=True)


def config_pairs(side: Side) -> None:
    """Settings that are right alone and wrong together."""
    for configs in (
        {"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"},
        {"retention.ms": "10", "local.retention.ms": "20"},
        {"retention.bytes": "10", "local.retention.bytes": "20"},
        {"remote.storage.enable": "true", "cleanup.policy": "compact"},
        {"remote.log.copy.disable": "true", "local.retention.ms": "20"},
        {"remote.log.delete.on.disable": "true"},
        {"cleanup.policy": "compact", "retention.ms": "1"},
        {"no.such": "1", "retention.ms": "x"},
        {"segment.bytes": "1048576", "max.message.bytes": "2000000"},
    ):
        create(side, 7, wanted(side.name("t"), configs=dict(configs)), check_only=True)


def describe(
    side: Side, version: int, kind: int, name: str, *keys: str, every: bool = False, **more: Any
) -> Any:
    return side.ask(
        "DescribeConfigs",
        version,
        resources=[
            {
                "resource_type": kind,
                "resource_name": name,
                "configuration_keys": None if every else list(keys),
            }
        ],
        **more,
    )


def described(side: Side) -> None:
    name = side.topic("t", retention_ms="1000", cleanup_policy="compact,delete")
    for version in range(1, 5):
        describe(
            side, version, TOPIC, name, "retention.ms", "cleanup.policy", "min.insync.replicas", "no.such"
        )
        describe(side, version, TOPIC, name, "retention.ms", "segment.ms", include_synonyms=True)
    for key in TOPIC_CONFIGS[:33]:
        describe(side, 4, TOPIC, name, key, include_synonyms=True, note=key)
    answer = side.quietly(
        "DescribeConfigs",
        4,
        resources=[{"resource_type": TOPIC, "resource_name": name, "configuration_keys": None}],
        include_documentation=True,
    )
    settings = answer.results[0].configs
    side.heard.append(
        ("names of all configs", sorted(config.name for config in settings if not is_of_one(config.name)))
    )
    side.heard.append(("all are documented", all(config.documentation for config in settings)))
    describe(side, 4, TOPIC, name)
    odd = side.topic(
        "odd",
        cleanup_policy=" compact , compact",
        min_cleanable_dirty_ratio="1",
        preallocate="TRUE ",
        retention_ms=" 7 ",
        message_timestamp_type=" CreateTime",
    )
    describe(side, 4, TOPIC, odd, include_synonyms=True)
    for bad in (side.name("missing"), "", "a b"):
        describe(side, 4, TOPIC, bad, "retention.ms")
    for bad in ("2", "x", "-1"):
        describe(side, 4, BROKER, bad, "log.retention.ms")
    for kind in (0, 1, 3, 64, -1):
        describe(side, 4, kind, "x", "y")
    describe(side, 4, CLIENT_METRICS, "", every=True)
    group = side.name("g")
    describe(side, 4, GROUP, "", every=True)
    for version in range(1, 5):
        describe(side, version, GROUP, group, every=True, include_synonyms=True)
    two = {"resource_type": TOPIC, "resource_name": name, "configuration_keys": ["retention.ms"]}
    side.ask("DescribeConfigs", 4, resources=[two, two])


def alter(
    side: Side,
    kind: int,
    name: str,
    *changes: tuple[str, int, str | None],
    version: int = 1,
    check_only: bool = False,
) -> None:
    side.ask(
        "IncrementalAlterConfigs",
        version,
        resources=[
            {
                "resource_type": kind,
                "resource_name": name,
                "configs": [
                    {"name": key, "config_operation": operation, "value": value}
                    for key, operation, value in changes
                ],
            }
        ],
        validate_only=check_only,
    )


def altered(side: Side) -> None:
    name = side.topic("t")
    for version in (0, 1):
        alter(side, TOPIC, name, ("retention.ms", SET, "1000"), version=version)
    describe(side, 4, TOPIC, name, "retention.ms", include_synonyms=True)
    alter(side, TOPIC, name, ("retention.ms", SET, "5000"), check_only=True)
    alter(side, TOPIC, name, ("retention.ms", DELETE, None))
    alter(side, TOPIC, name, ("retention.ms", DELETE, None))
    alter(side, TOPIC, name, ("retention.ms", DELETE, "x"))
    describe(side, 4, TOPIC, name, "retention.ms", include_synonyms=True)
    alter(side, TOPIC, name, ("retention.ms", SET, None))
    alter(side, TOPIC, name, ("retention.ms", SET, "x"))
    alter(side, TOPIC, name, ("retention.ms", SET, ""))
    alter(side, TOPIC, name, ("retention.ms", APPEND, "1"))
    alter(side, TOPIC, name, ("retention.ms", SUBTRACT, "1"))
    alter(side, TOPIC, name, ("retention.ms", 7, "1"))
    alter(side, TOPIC, name, ("no.such", SET, "1"))
    alter(side, TOPIC, name, ("no.such", DELETE, None))
    alter(side, TOPIC, name, ("no.such", APPEND, "1"))
    alter(side, TOPIC, name, ("", SET, "1"))
    alter(side, TOPIC, name, ("retention.ms", SET, "1"), ("retention.ms", SET, "2"))
    for operation, value in (
        (APPEND, "compact"), (APPEND, "compact"), (APPEND, "delete,compact"), (SUBTRACT, "delete"), (SUBTRACT, "none"),
        (SUBTRACT, "compact"), (APPEND, "x"), (SET, ""), (SET, "delete,delete"), (APPEND, None), (SUBTRACT, ""), (APPEND, ""),
    ):  # fmt: skip
        alter(side, TOPIC, name, ("cleanup.policy", operation, value))
        describe(side, 4, TOPIC, name, "cleanup.policy")
    alter(side, TOPIC, name, ("follower.replication.throttled.replicas", APPEND, "0:1"))
    alter(side, TOPIC, name, ("follower.replication.throttled.replicas", APPEND, "0:2"))
    describe(side, 4, TOPIC, name, "follower.replication.throttled.replicas", include_synonyms=True)
    alter(side, TOPIC, name, ("retention.ms", SET, "7"), ("segment.ms", SET, "x"))
    describe(side, 4, TOPIC, name, "retention.ms")
    alter(side, TOPIC, name)
    alter(side, TOPIC, side.name("missing"), ("retention.ms", SET, "1"))
    alter(side, TOPIC, "", ("retention.ms", SET, "1"))
    alter(side, TOPIC, "a b", ("retention.ms", SET, "1"))
    for kind in (0, 1, 3, 64):
        alter(side, kind, "x", ("retention.ms", SET, "1"))
    alter(side, BROKER, "2", ("log.retention.ms", SET, "1"))
    alter(side, BROKER, "x", ("log.retention.ms", SET, "1"))
    one = {"resource_type": TOPIC, "resource_name": name, "configs": []}
    side.ask("IncrementalAlterConfigs", 1, resources=[one, one], validate_only=False)


def altered_the_old_way(side: Side) -> None:
    name = side.topic("t", retention_ms="5")

    def put(version: int, kind: int, resource: str, check_only: bool, **configs: str | None) -> None:
        listed = [{"name": key.replace("_", "."), "value": value} for key, value in configs.items()]
        entry = {"resource_type": kind, "resource_name": resource, "configs": listed}
        side.ask("AlterConfigs", version, resources=[entry], validate_only=check_only)

    for version in range(3):
        put(version, TOPIC, name, False, segment_ms=str(1000 + version))
        describe(side, 4, TOPIC, name, "retention.ms", "segment.ms")
    put(2, TOPIC, name, True, retention_ms="10")
    put(2, TOPIC, name, False, retention_ms=None)
    put(2, TOPIC, name, False, retention_ms="x")
    put(2, TOPIC, name, False, no_such="x")
    put(2, TOPIC, name, False)
    describe(side, 4, TOPIC, name, "retention.ms", "segment.ms")
    put(2, TOPIC, side.name("missing"), False, retention_ms="1")
    put(2, TOPIC, "", False, retention_ms="1")
    put(2, 64, "x", False, retention_ms="1")
    put(2, BROKER, "7", False, retention_ms="1")


GROUP_CONFIGS: Final = (
    "consumer.heartbeat.interval.ms", "consumer.session.timeout.ms", "share.auto.offset.reset", "share.heartbeat.interval.ms",
    "share.isolation.level", "share.record.lock.duration.ms", "share.session.timeout.ms", "share.delivery.count.limit",
    "share.partition.max.record.locks", "share.renew.acknowledge.enable", "consumer.assignment.interval.ms",
    "share.assignment.interval.ms", "no.such",
)  # fmt: skip
GROUP_VALUES: Final = (
    "", "0", "1", "-1", "x", "5000", "15000", "45000", "60000", "1000000", "earliest", "Latest", "by_duration:PT1H",
    "by_duration:x", "by_duration:-PT1H", "read_committed", "READ_COMMITTED", "true", "10", "100", "30000", "200",
)  # fmt: skip


def group_configs(side: Side) -> None:
    group = side.name("g")
    for key in GROUP_CONFIGS:
        for value in GROUP_VALUES:
            alter(side, GROUP, group, (key, SET, value), check_only=True)
    alter(side, GROUP, group, ("consumer.session.timeout.ms", SET, "50000"))
    describe(side, 4, GROUP, group, "consumer.session.timeout.ms", include_synonyms=True)
    alter(side, GROUP, group, ("consumer.session.timeout.ms", DELETE, None))
    alter(side, GROUP, "", ("consumer.session.timeout.ms", SET, "50000"))
    alter(side, GROUP, group, ("consumer.session.timeout.ms", APPEND, "1"))
    describe(side, 4, GROUP, group, "consumer.session.timeout.ms", include_synonyms=True)


def partitions_added(side: Side) -> None:
    name = side.topic("t", 2)

    def add(
        version: int, topic: str, count: int, placed: list[list[int]] | None = None, check_only: bool = False
    ) -> None:
        assigned = None if placed is None else [{"broker_ids": brokers} for brokers in placed]
        wish = {"name": topic, "count": count, "assignments": assigned}
        side.ask("CreatePartitions", version, topics=[wish], timeout_ms=5000, validate_only=check_only)

    for count in (0, -1, 1, 2):
        add(3, name, count)
    placements: tuple[list[list[int]], ...] = ([], [[1]], [[1], [1]], [[2]], [[]], [[1, 1]], [[1, 2]], [[-1]])
    for placed in placements:
        add(3, name, 3, placed, True)
    for version in range(4):
        add(version, name, 3 + version)
    add(3, name, 9, check_only=True)
    metadata(side, 9, name)
    add(3, side.name("missing"), 3)
    add(3, "", 3)
    add(3, "a b", 3)
    wish = {"name": name, "count": 10, "assignments": None}
    side.ask("CreatePartitions", 3, topics=[wish, wish], timeout_ms=5000, validate_only=False)


def topics_deleted(side: Side) -> None:
    nothing = uuid.UUID(int=0)
    for version in range(1, 6):
        name = side.topic(f"v{version}")
        side.ask("DeleteTopics", version, topic_names=[name], timeout_ms=5000)
        side.ask(
            "DeleteTopics", version, topic_names=[name, side.name("missing"), "a b", ""], timeout_ms=5000
        )
    name = side.topic("v6")
    topic_id = side.topic_id(name)

    def delete(*topics: tuple[str | None, uuid.UUID]) -> None:
        listed = [{"name": each, "topic_id": topic_id} for each, topic_id in topics]
        side.ask("DeleteTopics", 6, topics=listed, timeout_ms=5000, note=f"{len(listed)} topics")

    delete((None, nothing))
    delete((name, topic_id))
    delete((name, nothing), (name, nothing))
    delete((None, topic_id), (None, topic_id))
    delete((None, uuid.UUID(int=77)))
    delete((side.name("missing"), nothing))
    delete((None, side.topic_id(side.topic("byid"))))
    metadata(side, 12, side.name("byid"))
    delete()


def metadata_asked(side: Side) -> None:
    name = side.topic("t", 3)
    for version in range(1, 13):
        metadata(side, version, name, side.name("missing"))
    metadata(
        side, 10, name, include_topic_authorized_operations=True, include_cluster_authorized_operations=True
    )
    metadata(side, 12, name, include_topic_authorized_operations=True)
    metadata(side, 12)
    metadata(side, 12, name, name)
    topic_id = side.topic_id(name)
    for version in (10, 11, 12):
        for given in (topic_id, uuid.UUID(int=55), uuid.UUID(int=0)):
            side.ask(
                "Metadata",
                version,
                topics=[{"topic_id": given, "name": None}],
                allow_auto_topic_creation=False,
                note=f"id {given.int % 1000 if given.int < 1000 else ''}",
            )
    side.ask("Metadata", 4, topics=[{"name": side.name("auto")}], allow_auto_topic_creation=True)
    metadata(side, 9, side.name("auto"))
    for version in (1, 8):
        side.ask(
            "Metadata",
            version,
            topics=[{"name": side.name("auto.")}, {"name": "a b"}],
            allow_auto_topic_creation=True,
        )


def topic_partitions(side: Side) -> None:
    first, second = side.topic("a", 3), side.topic("b", 2)

    def ask(*names: str, limit: int = 100, cursor: tuple[str, int] | None = None) -> None:
        at = None if cursor is None else {"topic_name": cursor[0], "partition_index": cursor[1]}
        side.ask(
            "DescribeTopicPartitions",
            0,
            topics=[{"name": name} for name in names],
            response_partition_limit=limit,
            cursor=at,
        )

    ask(second, first)
    ask(first, second, limit=2)
    ask(first, second, limit=2, cursor=(first, 2))
    ask(first, second, limit=2, cursor=(second, 1))
    ask(first, second, limit=0)
    ask(first, second, limit=-1)
    ask(first, second, cursor=(first, -1))
    ask(first, second, cursor=(first, 9))
    ask(first, second, cursor=(side.name("missing"), 0))
    ask(first, second, cursor=("zzz", 0))
    ask(side.name("missing"), first, "a b", "")
    ask(first, first)


def cluster(side: Side) -> None:
    for version in range(3):
        side.ask("DescribeCluster", version, include_cluster_authorized_operations=True)
        side.ask("DescribeCluster", version, include_cluster_authorized_operations=False)
    for kind in (0, 2, 3):
        side.ask("DescribeCluster", 2, endpoint_type=kind)
    side.ask("DescribeCluster", 2, include_fenced_brokers=True)


SCENARIOS: Final = (
    topics_made, names, counts, assignments, config_values, config_pairs, described, altered, altered_the_old_way, group_configs,
    partitions_added, topics_deleted, metadata_asked, topic_partitions, cluster,
)  # fmt: skip
