"""Every setting of a topic: name, type, default, what it takes, what it is for.

Job: Kafka's topic settings as of 4.x, and onemq's own (their names begin with "onemq."), as data.
Must not: hold any topic's settings; decide what a setting does.
Spec: Kafka documentation, "Topic Configs"; KIP-1030 for the bounds of 4.0.
"""

from typing import Final

BOOLEAN: Final = 1
STRING: Final = 2
INT: Final = 3
SHORT: Final = 4
LONG: Final = 5
DOUBLE: Final = 6
LIST: Final = 7
CLASS: Final = 8
PASSWORD: Final = 9
"""Types of settings, as DescribeConfigs numbers them."""

TYPE_NAMES: Final = {
    BOOLEAN: "BOOLEAN",
    STRING: "STRING",
    INT: "INT",
    SHORT: "SHORT",
    LONG: "LONG",
    DOUBLE: "DOUBLE",
    LIST: "LIST",
    CLASS: "CLASS",
    PASSWORD: "PASSWORD",
}

LONG_MAX: Final = 9223372036854775807
LONG_MIN: Final = -9223372036854775808
INT_MAX: Final = 2147483647
INT_MIN: Final = -2147483648

DEAD_LETTER_TOPIC: Final = "onemq.dead.letter.topic"
RETRY_DELAY_MS: Final = "onemq.retry.delay.ms"
RETRY_DELAY_MAX_MS: Final = "onemq.retry.delay.max.ms"
DELIVERY_LIMIT: Final = "onemq.delivery.limit"

REPLICA_LISTS: Final = ("follower.replication.throttled.replicas", "leader.replication.throttled.replicas")
"""They take "*" or parts of the form partition:broker."""


class ConfigEntry:
    """One setting.

    Attributes:
        kind: BOOLEAN ... PASSWORD. default: as text; None = none at all.
        low, high: bounds of numbers. words: what a text, or each part of a list, may be; empty = anything.
        also: a number that is taken besides those between the bounds (0 = none).
        synonyms: the server's settings that stand behind it, the strongest first.
        effective: whether it changes anything here. One node has no replicas and no second tier of storage: what is
            about those is taken, kept and shown, and does nothing.
    """

    __slots__ = (
        "also",
        "default",
        "documentation",
        "effective",
        "high",
        "kind",
        "low",
        "name",
        "synonyms",
        "words",
    )

    def __init__(
        self,
        name: str,
        kind: int,
        default: str | None,
        documentation: str,
        *,
        low: int = LONG_MIN,
        high: int = LONG_MAX,
        also: int = 0,
        words: tuple[str, ...] = (),
        synonyms: tuple[str, ...] = (),
        effective: bool = True,
    ) -> None:
        self.name = name
        self.kind = kind
        self.default = default
        self.documentation = documentation
        self.low = low
        self.high = high
        self.also = also
        self.words = words
        self.synonyms = synonyms
        self.effective = effective


COMPRESSIONS: Final = ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")

_ENTRIES: Final = [
    ConfigEntry(
        "cleanup.policy",
        LIST,
        "delete",
        "What becomes of old records: delete (retention by time and size), compact (the newest of each key is kept), or both.",
        words=("compact", "delete"),
        synonyms=("log.cleanup.policy",),
    ),
    ConfigEntry(
        "compression.gzip.level",
        INT,
        "-1",
        "Level of gzip when the broker compresses; -1 is the codec's own default.",
        low=1,
        high=9,
        also=-1,
        synonyms=("compression.gzip.level",),
    ),
    ConfigEntry(
        "compression.lz4.level",
        INT,
        "9",
        "Level of lz4 when the broker compresses.",
        low=1,
        high=17,
        synonyms=("compression.lz4.level",),
    ),
    ConfigEntry(
        "compression.type",
        STRING,
        "producer",
        "The codec of stored batches. producer: as they came, untouched.",
        words=COMPRESSIONS,
        synonyms=("compression.type",),
    ),
    ConfigEntry(
        "compression.zstd.level",
        INT,
        "3",
        "Level of zstd when the broker compresses.",
        low=-131072,
        high=22,
        synonyms=("compression.zstd.level",),
    ),
    ConfigEntry(
        "delete.retention.ms",
        LONG,
        "86400000",
        "How long a compacted topic keeps the tombstone of a deleted key, in milliseconds.",
        low=0,
        synonyms=("log.cleaner.delete.retention.ms",),
    ),
    ConfigEntry(
        "file.delete.delay.ms",
        LONG,
        "60000",
        "Milliseconds between the end of a segment and the removal of its file. Files go at once here.",
        low=0,
        synonyms=("log.segment.delete.delay.ms",),
        effective=False,
    ),
    ConfigEntry(
        "flush.messages",
        LONG,
        str(LONG_MAX),
        "Records between two syncs. Here storage.sync decides for all logs alike.",
        low=1,
        synonyms=("log.flush.interval.messages",),
        effective=False,
    ),
    ConfigEntry(
        "flush.ms",
        LONG,
        str(LONG_MAX),
        "Milliseconds between two syncs. Here storage.sync decides for all logs alike.",
        low=0,
        synonyms=("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
        effective=False,
    ),
    ConfigEntry(
        "follower.replication.throttled.replicas",
        LIST,
        "",
        "Replicas whose replication is slowed down on the follower. There are no followers here.",
        effective=False,
    ),
    ConfigEntry(
        "index.interval.bytes",
        INT,
        "4096",
        "Bytes between two entries of the offset index. The store chooses here.",
        low=0,
        synonyms=("log.index.interval.bytes",),
        effective=False,
    ),
    ConfigEntry(
        "leader.replication.throttled.replicas",
        LIST,
        "",
        "Replicas whose replication is slowed down on the leader. There are no followers here.",
        effective=False,
    ),
    ConfigEntry(
        "local.retention.bytes",
        LONG,
        "-2",
        "Bytes kept locally once they are in the remote tier. There is no remote tier here.",
        low=-2,
        synonyms=("log.local.retention.bytes",),
        effective=False,
    ),
    ConfigEntry(
        "local.retention.ms",
        LONG,
        "-2",
        "Milliseconds kept locally once in the remote tier. There is no remote tier here.",
        low=-2,
        synonyms=("log.local.retention.ms",),
        effective=False,
    ),
    ConfigEntry(
        "max.compaction.lag.ms",
        LONG,
        str(LONG_MAX),
        "A record waits at most this many milliseconds until compaction looks at it.",
        low=1,
        synonyms=("log.cleaner.max.compaction.lag.ms",),
    ),
    ConfigEntry(
        "max.message.bytes",
        INT,
        "1048588",
        "The largest batch taken, in bytes as it arrives (compressed, if it is).",
        low=0,
        synonyms=("message.max.bytes",),
    ),
    ConfigEntry(
        "message.timestamp.after.max.ms",
        LONG,
        "3600000",
        "How far a record's own time may lie ahead of the broker's, in milliseconds (CreateTime only).",
        low=0,
        synonyms=("log.message.timestamp.after.max.ms",),
    ),
    ConfigEntry(
        "message.timestamp.before.max.ms",
        LONG,
        str(LONG_MAX),
        "How far a record's own time may lie behind the broker's, in milliseconds (CreateTime only).",
        low=0,
        synonyms=("log.message.timestamp.before.max.ms",),
    ),
    ConfigEntry(
        "message.timestamp.type",
        STRING,
        "CreateTime",
        "Whose time a record carries: its producer's (CreateTime) or the broker's at arrival (LogAppendTime).",
        words=("CreateTime", "LogAppendTime"),
        synonyms=("log.message.timestamp.type",),
    ),
    ConfigEntry(
        "min.cleanable.dirty.ratio",
        DOUBLE,
        "0.5",
        "Compaction starts when this part of the log has not been compacted yet.",
        low=0,
        high=1,
        synonyms=("log.cleaner.min.cleanable.ratio",),
    ),
    ConfigEntry(
        "min.compaction.lag.ms",
        LONG,
        "0",
        "A record is left alone by compaction for at least this many milliseconds.",
        low=0,
        synonyms=("log.cleaner.min.compaction.lag.ms",),
    ),
    ConfigEntry(
        "min.insync.replicas",
        INT,
        "1",
        "Replicas that must have a record before acks=all is answered. There is one here; it counts as enough.",
        low=1,
        synonyms=("min.insync.replicas",),
        effective=False,
    ),
    ConfigEntry(
        "preallocate",
        BOOLEAN,
        "false",
        "Whether a segment's file is made at full size. The store chooses here.",
        synonyms=("log.preallocate",),
        effective=False,
    ),
    ConfigEntry(
        "remote.log.copy.disable",
        BOOLEAN,
        "false",
        "Whether tiered data is only read. There is no remote tier here.",
        effective=False,
    ),
    ConfigEntry(
        "remote.log.delete.on.disable",
        BOOLEAN,
        "false",
        "Whether tiered data goes when tiering ends. There is no remote tier here.",
        effective=False,
    ),
    ConfigEntry(
        "remote.storage.enable",
        BOOLEAN,
        "false",
        "Whether the topic is tiered. There is no remote tier here.",
        effective=False,
    ),
    ConfigEntry(
        "retention.bytes",
        LONG,
        "-1",
        "A partition larger than this loses its oldest records (cleanup.policy delete); -1 is no limit.",
        synonyms=("log.retention.bytes",),
    ),
    ConfigEntry(
        "retention.ms",
        LONG,
        "604800000",
        "Records older than this many milliseconds go (cleanup.policy delete); -1 is for ever.",
        low=-1,
        synonyms=("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    ),
    ConfigEntry(
        "segment.bytes",
        INT,
        "1073741824",
        "Size at which a new segment begins: retention and compaction leave the newest segment alone.",
        low=1048576,
        synonyms=("log.segment.bytes",),
    ),
    ConfigEntry(
        "segment.index.bytes",
        INT,
        "10485760",
        "Largest size of an index. The store chooses here.",
        low=4,
        synonyms=("log.index.size.max.bytes",),
        effective=False,
    ),
    ConfigEntry(
        "segment.jitter.ms",
        LONG,
        "0",
        "Random milliseconds taken off segment.ms, so that segments do not all end at once. Nothing is taken off here.",
        low=0,
        synonyms=("log.roll.jitter.ms", "log.roll.jitter.hours"),
        effective=False,
    ),
    ConfigEntry(
        "segment.ms",
        LONG,
        "604800000",
        "Milliseconds after which a new segment begins even if the old one is not full.",
        low=1,
        synonyms=("log.roll.ms", "log.roll.hours"),
    ),
    ConfigEntry(
        "unclean.leader.election.enable",
        BOOLEAN,
        "false",
        "Whether a replica that lags behind may lead. There is one replica here, and it does not lag.",
        synonyms=("unclean.leader.election.enable",),
        effective=False,
    ),
    ConfigEntry(
        DEAD_LETTER_TOPIC,
        STRING,
        "",
        "onemq: where records go that a share group rejects or that reach the delivery limit; empty: nowhere.",
    ),
    ConfigEntry(
        DELIVERY_LIMIT,
        INT,
        "0",
        "onemq: how often a share group delivers a record at most; 0: as the group's or the server's setting says.",
        low=0,
    ),
    ConfigEntry(
        RETRY_DELAY_MS,
        LONG,
        "0",
        "onemq: milliseconds that a record released by a share group waits, times the number of its deliveries.",
        low=0,
    ),
    ConfigEntry(
        RETRY_DELAY_MAX_MS,
        LONG,
        "0",
        "onemq: the longest such wait in milliseconds; 0: no limit but a day.",
        low=0,
    ),
]

TOPIC_CONFIGS: Final[dict[str, ConfigEntry]] = {entry.name: entry for entry in _ENTRIES}
"""By name, in the order of names; onemq's own last."""
