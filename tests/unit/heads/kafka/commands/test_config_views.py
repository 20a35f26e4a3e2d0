"""Sources and synonyms."""

from __future__ import annotations

import pytest

from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.config_table import BOOLEAN, DOUBLE, LIST, LONG, STRING
from onemq.heads.kafka.commands.config_views import (
    SOURCE_TOPIC,
    ConfigView,
    as_parsed,
    group_views,
    server_views,
    topic_views,
)
from onemq.heads.kafka.server_configs import SOURCE_STATIC, ServerConfig


def shown(views: list[ConfigView], name: str) -> tuple[str | None, int, list[tuple[str, str | None, int]]]:
    view = next(view for view in views if view.name == name)
    return view.value, view.source, [(each.name, each.value, each.source) for each in view.synonyms]


def test_the_strongest_synonym_stands_first() -> None:
    server = {"log.retention.ms": ServerConfig("log.retention.ms", LONG, "5", SOURCE_STATIC)}
    views = topic_views(TopicConfig({"retention.ms": "7"}), server)
    assert shown(views, "retention.ms") == (
        "7",
        1,
        [("retention.ms", "7", 1), ("log.retention.ms", "5", 4), ("log.retention.hours", "168", 5)],
    )


def test_without_a_value_of_the_strongest_none_is_shown() -> None:
    assert shown(topic_views(TopicConfig(), {}), "retention.ms") == ("604800000", 5, [])
    assert shown(topic_views(TopicConfig(), {}), "segment.bytes")[2] == [
        ("log.segment.bytes", "1073741824", 5)
    ]


def test_only_a_groups_setting_without_a_synonym_stands_for_itself() -> None:
    assert shown(topic_views(TopicConfig(), {}), "onemq.delivery.limit") == ("0", 5, [])
    views = group_views({}, {})
    assert shown(views, "share.isolation.level")[2] == [("share.isolation.level", "read_uncommitted", 5)]


@pytest.mark.parametrize(
    ("kind", "text", "written"),
    [
        (LIST, " compact , delete,compact", "compact,delete"),
        (BOOLEAN, "TRUE ", "true"),
        (LONG, " 07 ", "7"),
        (DOUBLE, "1", "1.0"),
        (STRING, " gzip", "gzip"),
        (STRING, None, None),
    ],
)
def test_what_was_set_is_shown_as_it_was_read(kind: int, text: str | None, written: str | None) -> None:
    assert as_parsed(kind, text, SOURCE_TOPIC) == written
    assert as_parsed(kind, text, SOURCE_STATIC) == text


def test_groups_have_a_source_of_their_own() -> None:
    views = group_views({"share.session.timeout.ms": "50000"}, {})
    assert shown(views, "share.session.timeout.ms") == (
        "50000",
        8,
        [("share.session.timeout.ms", "50000", 8), ("group.share.session.timeout.ms", "45000", 5)],
    )
    assert shown(views, "share.record.lock.duration.ms")[:2] == ("30000", 5)


def test_the_server_shows_what_it_has() -> None:
    (view, bare) = server_views(
        [ServerConfig("a", LONG, "5", SOURCE_STATIC), ServerConfig("b", LONG, None, SOURCE_STATIC)]
    )
    assert (view.read_only, view.value, len(view.synonyms)) == (True, "5", 1)
    assert (bare.value, bare.synonyms) == (None, [])
