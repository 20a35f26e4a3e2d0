"""Topics' settings: texts that are refused, in Kafka's words, and what the engine gets."""

from __future__ import annotations

import re

import pytest

from onemq.engine.topics.config import TopicConfig, validate, validate_all
from onemq.model.refusal import Reason, Refusal


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("retention.m", "1", "Unknown topic config name: retention.m"),
        ("retention.ms", "abc", "Invalid value abc for configuration retention.ms: Not a number of type LONG"),
        ("retention.ms", "", "Not a number of type LONG"),
        ("retention.ms", "1_000", "Not a number of type LONG"),
        ("retention.ms", "9223372036854775808", "Not a number of type LONG"),
        ("retention.ms", "-2", "Value must be at least -1"),
        ("max.message.bytes", "2147483648", "Not a number of type INT"),
        ("compression.gzip.level", "0", "Value must be between 1 and 9 or equal to -1"),
        ("compression.gzip.level", "10", "Value must be between 1 and 9 or equal to -1"),
        ("cleanup.policy", "delete,", "Configuration 'cleanup.policy' values must not be empty."),
        ("follower.replication.throttled.replicas", "0:1,x", "Invalid value [0:1, x] for configuration"),
        ("leader.replication.throttled.replicas", "*,0:1", "must be the literal '*' or a list of replicas"),
        ("min.cleanable.dirty.ratio", "1.1", "Value must be no more than 1"),
        ("min.cleanable.dirty.ratio", "nan", "Not a number of type DOUBLE"),
        ("cleanup.policy", "compact,rot", "Invalid value rot for configuration cleanup.policy: String must be one of: compact, delete"),
        ("compression.type", "none", "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"),
        ("preallocate", "yes", "Expected value to be either true or false"),
    ],
)  # fmt: skip
def test_what_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(Refusal, match=re.escape(words)) as caught:
        validate(name, value)
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.INVALID, "config")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retention.ms", "-1"),
        ("retention.ms", " 5 "),
        ("compression.gzip.level", "-1"),
        ("cleanup.policy", "compact, delete"),
        ("preallocate", "TRUE"),
        ("min.cleanable.dirty.ratio", "0"),
        ("onemq.dead.letter.topic", "dead"),
    ],
)
def test_what_is_taken(name: str, value: str) -> None:
    validate(name, value)


def test_there_is_no_second_tier() -> None:
    validate_all({"remote.storage.enable": "False"})
    with pytest.raises(Refusal, match="Tiered Storage functionality is disabled"):
        validate_all({"remote.storage.enable": " True"})


def test_words_are_taken_with_spaces_around_them() -> None:
    texts = {"message.timestamp.type": " LogAppendTime", "compression.type": "gzip "}
    validate_all(texts)
    config = TopicConfig(texts)
    assert (config.log_append_time, config.compression_type) == (True, "gzip")


def test_settings_that_exclude_each_other() -> None:
    validate_all({"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "5"})
    with pytest.raises(Refusal, match="conflict topic config setting"):
        validate_all({"min.compaction.lag.ms": "6", "max.compaction.lag.ms": "5"})


def test_defaults() -> None:
    config = TopicConfig()
    assert (config.retention_ms, config.retention_bytes, config.segment_bytes) == (604_800_000, -1, 1 << 30)
    assert (config.compact, config.delete, config.compression_type) == (False, True, "producer")
    assert (config.log_append_time, config.message_bytes_max) == (False, 1_048_588)
    assert (config.timestamp_after_max_ms, config.min_cleanable_ratio) == (3_600_000, 0.5)
    assert (config.dead_letter_topic, config.delivery_limit) == ("", 0)


def test_overrides() -> None:
    config = TopicConfig(
        {
            "cleanup.policy": "compact",
            "compression.type": "uncompressed",
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": " 7 ",
            "onemq.delivery.limit": "3",
        }
    )
    assert (config.compact, config.delete, config.compression_type) == (True, False, "none")
    assert (config.log_append_time, config.retention_ms, config.delivery_limit) == (True, 7, 3)
    assert config.explicit("retention.ms") and not config.explicit("segment.ms")
    assert (config.value("cleanup.policy"), config.value("segment.ms"), config.value("x")) == (
        "compact",
        "604800000",
        "",
    )
