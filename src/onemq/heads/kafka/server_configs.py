"""The server's settings under Kafka's names: what DescribeConfigs says of a broker, and what stands behind topics' defaults.

Job: one table; the values that this broker really has over Kafka's defaults.
Must not: change a setting: all are read-only here (onemq.toml has the settings).
Spec: Kafka documentation, "Broker Configs", 4.x. What tools and clients look at is listed; a name of Kafka's that is not is unknown.
"""

from typing import Final

from onemq.engine.groups.settings import GroupSettings
from onemq.engine.topics.config_table import BOOLEAN, DOUBLE, INT, LIST, LONG, SHORT, STRING
from onemq.heads.kafka.settings import KafkaSettings

SOURCE_STATIC: Final = 4
SOURCE_DEFAULT: Final = 5
"""As DescribeConfigs numbers where a value comes from."""

NO_EFFECT: Final = "Kafka's default, shown for tools: it changes nothing here."

_DEFAULTS: Final[list[tuple[str, int, str | None]]] = [
    ("auto.leader.rebalance.enable", BOOLEAN, "true"),
    ("background.threads", INT, "10"),
    ("compression.gzip.level", INT, "-1"),
    ("compression.lz4.level", INT, "9"),
    ("compression.type", STRING, "producer"),
    ("compression.zstd.level", INT, "3"),
    ("connections.max.idle.ms", LONG, "600000"),
    ("connections.max.reauth.ms", LONG, "0"),
    ("controlled.shutdown.enable", BOOLEAN, "true"),
    ("default.replication.factor", INT, "1"),
    ("delete.records.purgatory.purge.interval.requests", INT, "1"),
    ("delete.topic.enable", BOOLEAN, "true"),
    ("fetch.max.bytes", INT, "57671680"),
    ("fetch.purgatory.purge.interval.requests", INT, "1000"),
    ("group.consumer.assignment.interval.ms", INT, "1000"),
    ("group.consumer.assignors", LIST, "uniform,range"),
    ("group.consumer.heartbeat.interval.ms", INT, "5000"),
    ("group.consumer.max.assignment.interval.ms", INT, "15000"),
    ("group.consumer.max.heartbeat.interval.ms", INT, "15000"),
    ("group.consumer.max.session.timeout.ms", INT, "60000"),
    ("group.consumer.max.size", INT, "2147483647"),
    ("group.consumer.migration.policy", STRING, "bidirectional"),
    ("group.consumer.min.assignment.interval.ms", INT, "0"),
    ("group.consumer.min.heartbeat.interval.ms", INT, "5000"),
    ("group.consumer.min.session.timeout.ms", INT, "45000"),
    ("group.consumer.session.timeout.ms", INT, "45000"),
    ("group.initial.rebalance.delay.ms", INT, "3000"),
    ("group.max.session.timeout.ms", INT, "1800000"),
    ("group.max.size", INT, "2147483647"),
    ("group.min.session.timeout.ms", INT, "6000"),
    ("group.share.assignment.interval.ms", INT, "1000"),
    ("group.share.assignors", LIST, "simple"),
    ("group.share.delivery.count.limit", INT, "5"),
    ("group.share.heartbeat.interval.ms", INT, "5000"),
    ("group.share.max.assignment.interval.ms", INT, "15000"),
    ("group.share.max.delivery.count.limit", INT, "10"),
    ("group.share.max.heartbeat.interval.ms", INT, "15000"),
    ("group.share.max.partition.max.record.locks", INT, "4000"),
    ("group.share.max.record.lock.duration.ms", INT, "60000"),
    ("group.share.max.session.timeout.ms", INT, "60000"),
    ("group.share.max.share.sessions", INT, "2000"),
    ("group.share.max.size", INT, "200"),
    ("group.share.min.assignment.interval.ms", INT, "0"),
    ("group.share.min.delivery.count.limit", INT, "2"),
    ("group.share.min.heartbeat.interval.ms", INT, "5000"),
    ("group.share.min.partition.max.record.locks", INT, "100"),
    ("group.share.min.record.lock.duration.ms", INT, "15000"),
    ("group.share.min.session.timeout.ms", INT, "45000"),
    ("group.share.partition.max.record.locks", INT, "2000"),
    ("group.share.record.lock.duration.ms", INT, "30000"),
    ("group.share.session.timeout.ms", INT, "45000"),
    ("leader.imbalance.check.interval.seconds", LONG, "300"),
    ("log.cleaner.delete.retention.ms", LONG, "86400000"),
    ("log.cleaner.enable", BOOLEAN, "true"),
    ("log.cleaner.max.compaction.lag.ms", LONG, "9223372036854775807"),
    ("log.cleaner.min.cleanable.ratio", DOUBLE, "0.5"),
    ("log.cleaner.min.compaction.lag.ms", LONG, "0"),
    ("log.cleaner.threads", INT, "1"),
    ("log.cleanup.policy", LIST, "delete"),
    ("log.flush.interval.messages", LONG, "9223372036854775807"),
    ("log.flush.interval.ms", LONG, None),
    ("log.flush.scheduler.interval.ms", LONG, "9223372036854775807"),
    ("log.index.interval.bytes", INT, "4096"),
    ("log.index.size.max.bytes", INT, "10485760"),
    ("log.local.retention.bytes", LONG, "-2"),
    ("log.local.retention.ms", LONG, "-2"),
    ("log.message.timestamp.after.max.ms", LONG, "3600000"),
    ("log.message.timestamp.before.max.ms", LONG, "9223372036854775807"),
    ("log.message.timestamp.type", STRING, "CreateTime"),
    ("log.preallocate", BOOLEAN, "false"),
    ("log.retention.bytes", LONG, "-1"),
    ("log.retention.check.interval.ms", LONG, "300000"),
    ("log.retention.hours", INT, "168"),
    ("log.retention.minutes", INT, None),
    ("log.retention.ms", LONG, None),
    ("log.roll.hours", INT, "168"),
    ("log.roll.jitter.hours", INT, "0"),
    ("log.roll.jitter.ms", LONG, None),
    ("log.roll.ms", LONG, None),
    ("log.segment.bytes", INT, "1073741824"),
    ("log.segment.delete.delay.ms", LONG, "60000"),
    ("max.connection.creation.rate", INT, "2147483647"),
    ("max.connections", INT, "2147483647"),
    ("max.connections.per.ip", INT, "2147483647"),
    ("max.connections.per.ip.overrides", STRING, ""),
    ("message.max.bytes", INT, "1048588"),
    ("min.insync.replicas", INT, "1"),
    ("num.io.threads", INT, "8"),
    ("num.network.threads", INT, "3"),
    ("num.recovery.threads.per.data.dir", INT, "2"),
    ("num.replica.alter.log.dirs.threads", INT, None),
    ("num.replica.fetchers", INT, "1"),
    ("offset.metadata.max.bytes", INT, "4096"),
    ("offsets.commit.timeout.ms", INT, "5000"),
    ("offsets.load.buffer.size", INT, "5242880"),
    ("offsets.retention.check.interval.ms", LONG, "600000"),
    ("offsets.retention.minutes", INT, "10080"),
    ("offsets.topic.compression.codec", INT, "0"),
    ("offsets.topic.num.partitions", INT, "50"),
    ("offsets.topic.replication.factor", SHORT, "3"),
    ("offsets.topic.segment.bytes", INT, "104857600"),
    ("producer.id.expiration.ms", INT, "86400000"),
    ("producer.purgatory.purge.interval.requests", INT, "1000"),
    ("quota.window.num", INT, "11"),
    ("quota.window.size.seconds", INT, "1"),
    ("replication.quota.window.num", INT, "11"),
    ("replication.quota.window.size.seconds", INT, "1"),
    ("request.timeout.ms", INT, "30000"),
    ("share.fetch.purgatory.purge.interval.requests", INT, "1000"),
    ("socket.listen.backlog.size", INT, "50"),
    ("socket.receive.buffer.bytes", INT, "102400"),
    ("socket.request.max.bytes", INT, "104857600"),
    ("socket.send.buffer.bytes", INT, "102400"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", INT, "10000"),
    ("transaction.max.timeout.ms", INT, "900000"),
    ("transaction.remove.expired.transaction.cleanup.interval.ms", INT, "3600000"),
    ("transaction.state.log.load.buffer.size", INT, "5242880"),
    ("transaction.state.log.min.isr", INT, "2"),
    ("transaction.state.log.num.partitions", INT, "50"),
    ("transaction.state.log.replication.factor", SHORT, "3"),
    ("transaction.state.log.segment.bytes", INT, "104857600"),
    ("transaction.two.phase.commit.enable", BOOLEAN, "false"),
    ("transactional.id.expiration.ms", INT, "604800000"),
    ("unclean.leader.election.enable", BOOLEAN, "false"),
]

_DOCUMENTATION: Final = {
    "auto.create.topics.enable": "Whether a topic is made when a producer or consumer asks for it [kafka.auto_create_topics].",
    "num.partitions": "Partitions of a topic made without a number [kafka.partitions].",
    "node.id": "The broker's number.",
    "broker.id": "The broker's number.",
    "socket.request.max.bytes": "The largest request [kafka.request_bytes_max].",
    "connections.max.idle.ms": "A connection without requests for so long is closed [kafka.idle_seconds].",
    "advertised.listeners": "The address that clients are told [kafka.advertised_host, kafka.advertised_port].",
    "transaction.max.timeout.ms": "The longest time-out that a transactional producer may ask for.",
    "offset.metadata.max.bytes": "The longest text beside a committed offset.",
    "offsets.retention.minutes": "How long a group without members keeps its offsets.",
    "group.initial.rebalance.delay.ms": "How long a new group waits for more members.",
    "group.min.session.timeout.ms": "The shortest session that a classic member may ask for.",
    "group.max.session.timeout.ms": "The longest session that a classic member may ask for.",
    "sasl.enabled.mechanisms": "What clients can log in with.",
    "message.max.bytes": "The largest batch of a topic that has no max.message.bytes of its own.",
}


class ServerConfig:
    """One of them. source: SOURCE_STATIC where it is not Kafka's default."""

    __slots__ = ("documentation", "kind", "name", "source", "value")

    def __init__(self, name: str, kind: int, value: str | None, source: int) -> None:
        self.name = name
        self.kind = kind
        self.value = value
        self.source = source
        self.documentation = _DOCUMENTATION.get(name, NO_EFFECT)


def default_of(name: str) -> str | None:
    """Kafka's default, None when it has none; for the synonyms of topics' and groups' settings."""
    for row in _DEFAULTS:
        if row[0] == name:
            return row[2]
    return None


def server_configs(settings: KafkaSettings, address: str) -> list[ServerConfig]:
    """All, by name. address: host:port at which clients reach this broker."""
    own: dict[str, tuple[int, str | None]] = {
        "advertised.listeners": (LIST, f"PLAINTEXT://{address}"),
        "authorizer.class.name": (STRING, "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        "auto.create.topics.enable": (BOOLEAN, "true" if settings.auto_create_topics else "false"),
        "broker.id": (INT, str(settings.broker_id)),
        "broker.rack": (STRING, settings.rack),
        "connections.max.idle.ms": (LONG, str(settings.idle_ms or -1)),
        "group.initial.rebalance.delay.ms": (INT, "0"),
        "group.max.size": (INT, str(GroupSettings().members_max)),
        "listeners": (LIST, f"PLAINTEXT://{address}"),
        "log.dirs": (LIST, LOG_DIRECTORY),
        "node.id": (INT, str(settings.broker_id)),
        "num.partitions": (INT, str(settings.partitions_default)),
        "offsets.topic.replication.factor": (SHORT, "1"),
        "process.roles": (LIST, "broker,controller"),
        "sasl.enabled.mechanisms": (LIST, "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
        "socket.request.max.bytes": (INT, str(settings.request_bytes_max)),
        "super.users": (STRING, ""),
        "transaction.state.log.min.isr": (INT, "1"),
        "transaction.state.log.replication.factor": (SHORT, "1"),
    }
    found: dict[str, ServerConfig] = {}
    for name, kind, value in _DEFAULTS:
        found[name] = ServerConfig(name, kind, value, SOURCE_DEFAULT)
    for name, (kind, value) in own.items():
        found[name] = ServerConfig(name, kind, value, SOURCE_STATIC)
    return [found[name] for name in sorted(found)]


LOG_DIRECTORY: Final = "onemq"
"""How answers call the one store: where it lies is nobody's business outside."""
