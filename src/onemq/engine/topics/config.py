"""The settings of one topic, ready to use: what was set, over the defaults, checked and computed once.

Job: check single settings and whole sets; give the engine plain numbers and truth values.
Must not: know who sets them, or store them.
Spec: Kafka documentation, "Topic Configs". The table is in config_table.py.
"""

import re
from typing import Final

from mypy_extensions import i64

from onemq.engine.topics.config_table import (
    BOOLEAN,
    DEAD_LETTER_TOPIC,
    DELIVERY_LIMIT,
    DOUBLE,
    INT,
    INT_MAX,
    INT_MIN,
    LIST,
    LONG,
    LONG_MAX,
    LONG_MIN,
    REPLICA_LISTS,
    RETRY_DELAY_MAX_MS,
    RETRY_DELAY_MS,
    SHORT,
    TOPIC_CONFIGS,
    TYPE_NAMES,
    ConfigEntry,
)
from onemq.model.refusal import Reason, Refusal

_SHORT_MAX: Final = 32767
_REPLICA: Final = re.compile(r"[0-9]+:[0-9]+")
NO_OVERRIDES: Final[dict[str, str]] = {}


def _bad(name: str, value: str, why: str) -> Refusal:
    return Refusal(
        Reason.INVALID, "config", name, f"Invalid value {value} for configuration {name}: {why}", wanted=value
    )


def validate(name: str, value: str) -> None:
    """Whether a topic takes the value. Refusal INVALID ("config"), worded as Kafka does."""
    entry = TOPIC_CONFIGS.get(name)
    if entry is None:
        raise Refusal(Reason.INVALID, "config", name, f"Unknown topic config name: {name}")
    check_value(entry, value)


def check_value(entry: ConfigEntry, value: str) -> None:
    """Type, bounds and words of one setting. Refusal INVALID ("config")."""
    kind = entry.kind
    if kind == BOOLEAN:
        if value.strip().lower() not in ("true", "false"):
            raise _bad(entry.name, value, "Expected value to be either true or false")
    elif kind == INT or kind == LONG or kind == SHORT:
        _check_whole(entry, value)
    elif kind == DOUBLE:
        _check_fraction(entry, value)
    elif kind == LIST:
        _check_list(entry, list_of(value))
    elif entry.words and value.strip() not in entry.words:
        raise _bad(entry.name, value.strip(), f"String must be one of: {', '.join(entry.words)}")


def _check_list(entry: ConfigEntry, parts: list[str]) -> None:
    name = entry.name
    if "" in parts:
        raise Refusal(Reason.INVALID, "config", name, f"Configuration '{name}' values must not be empty.")
    for part in parts:
        if entry.words and part not in entry.words:
            raise _bad(name, part, f"String must be one of: {', '.join(entry.words)}")
    if name in REPLICA_LISTS and parts != ["*"]:
        for part in parts:
            if _REPLICA.fullmatch(part) is None:
                raise _bad(
                    name,
                    f"[{', '.join(parts)}]",
                    f"{name} must be the literal '*' or a list of replicas in the following format: "
                    "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                )


def _check_whole(entry: ConfigEntry, value: str) -> None:
    kind = entry.kind
    try:
        number = int(value.strip()) if "_" not in value else None
    except ValueError:
        number = None
    smallest = INT_MIN if kind == INT else -_SHORT_MAX - 1 if kind == SHORT else LONG_MIN
    largest = INT_MAX if kind == INT else _SHORT_MAX if kind == SHORT else LONG_MAX
    if number is None or number < smallest or number > largest:
        raise _bad(entry.name, value, f"Not a number of type {TYPE_NAMES[kind]}")
    if entry.also != 0:
        if number != entry.also and (number < entry.low or number > entry.high):
            raise _bad(
                entry.name,
                str(number),
                f"Value must be between {entry.low} and {entry.high} or equal to {entry.also}",
            )
    elif number < entry.low:
        raise _bad(entry.name, str(number), f"Value must be at least {entry.low}")
    elif number > entry.high:
        raise _bad(entry.name, str(number), f"Value must be no more than {entry.high}")


def _check_fraction(entry: ConfigEntry, value: str) -> None:
    try:
        number = float(value.strip())
    except ValueError:
        number = float("nan")
    if number != number:
        raise _bad(entry.name, value, "Not a number of type DOUBLE")
    if entry.low != LONG_MIN and number < entry.low:
        raise _bad(entry.name, str(number), f"Value must be at least {entry.low}")
    if entry.high != LONG_MAX and number > entry.high:
        raise _bad(entry.name, str(number), f"Value must be no more than {entry.high}")


def list_of(value: str) -> list[str]:
    """A list setting's parts, as Kafka takes its text apart."""
    text = value.strip()
    return [part.strip() for part in text.split(",")] if text else []


def validate_all(overrides: dict[str, str]) -> None:
    """A whole set: each setting, and what they say together. Refusal INVALID ("config")."""
    for name, value in overrides.items():
        validate(name, value)
    if overrides.get("remote.storage.enable", "false").strip().lower() == "true":
        raise Refusal(
            Reason.INVALID,
            "config",
            "remote.storage.enable",
            "Tiered Storage functionality is disabled in the broker. "
            "Topic cannot be configured with remote log storage.",
        )
    config = TopicConfig(overrides)
    if config.min_compaction_lag_ms > config.max_compaction_lag_ms:
        raise Refusal(
            Reason.INVALID,
            "config",
            "max.compaction.lag.ms",
            "conflict topic config setting min.compaction.lag.ms "
            f"({config.min_compaction_lag_ms}) > max.compaction.lag.ms ({config.max_compaction_lag_ms})",
        )


class TopicConfig:
    """See the module. The overrides must have been checked; unknown names among them are kept and do nothing.

    Attributes:
        overrides: what was set for this topic.
        retention_ms, retention_bytes: -1 = without end. segment_ms, segment_bytes: where a segment ends.
        compact, delete: the cleanup policy. compression_type: producer, none, gzip, snappy, lz4 or zstd.
        gzip_level (-1 = the codec's default), lz4_level, zstd_level.
        log_append_time: records carry the broker's time. timestamp_before_max_ms, timestamp_after_max_ms: how far a
            producer's time may be off. message_bytes_max: of a batch.
        delete_retention_ms: of tombstones. min_compaction_lag_ms, max_compaction_lag_ms, min_cleanable_ratio.
        dead_letter_topic: "" = none. delivery_limit: 0 = the group's. retry_delay_ms, retry_delay_max_ms (0 = a day).
    """

    __slots__ = (
        "compact",
        "compression_type",
        "dead_letter_topic",
        "delete",
        "delete_retention_ms",
        "delivery_limit",
        "gzip_level",
        "log_append_time",
        "lz4_level",
        "max_compaction_lag_ms",
        "message_bytes_max",
        "min_cleanable_ratio",
        "min_compaction_lag_ms",
        "overrides",
        "retention_bytes",
        "retention_ms",
        "retry_delay_max_ms",
        "retry_delay_ms",
        "segment_bytes",
        "segment_ms",
        "timestamp_after_max_ms",
        "timestamp_before_max_ms",
        "zstd_level",
    )

    def __init__(self, overrides: dict[str, str] = NO_OVERRIDES) -> None:
        self.overrides = dict(overrides)
        self.retention_ms: i64 = self._number("retention.ms")
        self.retention_bytes: i64 = self._number("retention.bytes")
        self.segment_bytes: i64 = self._number("segment.bytes")
        self.segment_ms: i64 = self._number("segment.ms")
        policies = list_of(self.value("cleanup.policy"))
        self.compact = "compact" in policies
        self.delete = "delete" in policies
        compression = self.value("compression.type").strip()
        self.compression_type = "none" if compression == "uncompressed" else compression
        self.gzip_level: i64 = self._number("compression.gzip.level")
        self.lz4_level: i64 = self._number("compression.lz4.level")
        self.zstd_level: i64 = self._number("compression.zstd.level")
        self.log_append_time = self.value("message.timestamp.type").strip() == "LogAppendTime"
        self.timestamp_before_max_ms: i64 = self._number("message.timestamp.before.max.ms")
        self.timestamp_after_max_ms: i64 = self._number("message.timestamp.after.max.ms")
        self.message_bytes_max: i64 = self._number("max.message.bytes")
        self.delete_retention_ms: i64 = self._number("delete.retention.ms")
        self.min_compaction_lag_ms: i64 = self._number("min.compaction.lag.ms")
        self.max_compaction_lag_ms: i64 = self._number("max.compaction.lag.ms")
        self.min_cleanable_ratio = float(self.value("min.cleanable.dirty.ratio"))
        self.dead_letter_topic = self.value(DEAD_LETTER_TOPIC)
        self.delivery_limit: i64 = self._number(DELIVERY_LIMIT)
        self.retry_delay_ms: i64 = self._number(RETRY_DELAY_MS)
        self.retry_delay_max_ms: i64 = self._number(RETRY_DELAY_MAX_MS)

    def explicit(self, name: str) -> bool:
        """Whether this topic's own value is set."""
        return name in self.overrides

    def value(self, name: str) -> str:
        """The text of a setting, its default when it is not set; "" for one that does not exist."""
        found = self.overrides.get(name)
        if found is not None:
            return found
        entry = TOPIC_CONFIGS.get(name)
        if entry is None or entry.default is None:
            return ""
        return entry.default

    def _number(self, name: str) -> int:
        return int(self.value(name))
