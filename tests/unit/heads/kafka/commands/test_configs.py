"""Settings of topics, groups and the broker, over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from onemq.engine.topics.config_table import TOPIC_CONFIGS
from unit.heads.kafka.admin_requests import create, guest, log_in, made
from unit.heads.kafka.playbook import Peer, Stage

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3


def describes(peer: Peer, kind: int, name: str, keys: Any = None, version: int = 4, **more: bool) -> Any:
    resource = {"resource_type": kind, "resource_name": name, "configuration_keys": keys}
    return peer.asks(made("DescribeConfigs", version, resources=[resource], **more)).results[0]


def values(peer: Peer, kind: int, name: str, *keys: str) -> list[tuple[str | None, int]]:
    found = {config.name: config for config in describes(peer, kind, name, list(keys)).configs}
    return [(found[key].value, found[key].config_source) for key in keys]


def changes(
    peer: Peer, kind: int, name: str, *configs: tuple[str, int, str | None], check_only: bool = False
) -> int:
    wanted = [
        {"name": key, "config_operation": operation, "value": value} for key, operation, value in configs
    ]
    resource = {"resource_type": kind, "resource_name": name, "configs": wanted}
    answer = peer.asks(
        made("IncrementalAlterConfigs", 1, resources=[resource], validate_only=check_only)
    ).responses[0]
    assert (answer.resource_type, answer.resource_name) == (kind, name)
    assert bool(answer.error_message) == bool(answer.error_code)
    return int(answer.error_code)


@pytest.mark.parametrize("version", range(1, 5))
def test_every_setting_of_a_topic_is_described(version: int) -> None:
    peer = guest()
    create(peer, "t", retention_ms="7")
    more = {"include_synonyms": True}
    if version >= 3:
        more["include_documentation"] = True
    result = describes(peer, TOPIC, "t", version=version, **more)
    assert (result.error_code, result.error_message) == (0, "")
    assert [config.name for config in result.configs] == list(TOPIC_CONFIGS)
    found = {config.name: config for config in result.configs}
    own, default = found["retention.ms"], found["segment.bytes"]
    assert (own.value, own.config_source, own.read_only, own.is_sensitive) == ("7", 1, False, False)
    assert [(each.name, each.value, each.source) for each in own.synonyms] == [("retention.ms", "7", 1)]
    assert (default.value, default.config_source) == ("1073741824", 5)
    assert [(each.name, each.source) for each in default.synonyms] == [("log.segment.bytes", 5)]
    if version >= 3:
        assert own.config_type == 5 and own.documentation


def test_only_what_was_asked_for() -> None:
    peer = guest()
    create(peer, "t")
    result = describes(peer, TOPIC, "t", ["retention.ms", "nope"], include_documentation=False)
    assert [(config.name, config.synonyms, config.documentation) for config in result.configs] == [
        ("retention.ms", [], None)
    ]
    assert len(describes(peer, TOPIC, "t", []).configs) == len(TOPIC_CONFIGS)  # as if all had been asked for


def test_the_broker() -> None:
    peer = guest()
    configs = {config.name: config for config in describes(peer, BROKER, "1").configs}
    assert len(configs) > 100 and all(config.read_only for config in configs.values())
    assert configs["advertised.listeners"].value == "PLAINTEXT://127.0.0.1:9092"
    assert (configs["num.partitions"].value, configs["num.partitions"].config_source) == ("1", 4)
    assert configs["log.retention.hours"].config_source == 5
    assert describes(peer, BROKER, "").configs == []
    assert describes(peer, BROKER, "2").error_code == 42
    assert describes(peer, LOGGER, "1").error_code == 0 and describes(peer, METRICS, "x").error_code == 0
    assert describes(peer, 77, "x").error_code == 42
    assert describes(peer, TOPIC, "nope").error_code == 3


def test_single_changes_of_a_topic() -> None:
    peer = guest()
    create(peer, "t", retention_ms="7")
    assert changes(peer, TOPIC, "t", ("segment.ms", SET, "9"), ("retention.ms", DELETE, None)) == 0
    assert values(peer, TOPIC, "t", "retention.ms", "segment.ms") == [("604800000", 5), ("9", 1)]
    assert changes(peer, TOPIC, "t", ("cleanup.policy", APPEND, "compact")) == 0
    assert values(peer, TOPIC, "t", "cleanup.policy") == [("delete,compact", 1)]
    assert changes(peer, TOPIC, "t", ("cleanup.policy", SUBTRACT, "delete")) == 0
    assert values(peer, TOPIC, "t", "cleanup.policy", "segment.ms") == [("compact", 1), ("9", 1)]


@pytest.mark.parametrize(
    ("configs", "code"),
    [
        ([("retention.ms", SET, "x")], 40),
        ([("nope", SET, "x")], 40),
        ([("segment.ms", APPEND, "1")], 40),
        ([("cleanup.policy", APPEND, "")], 40),
        ([("retention.ms", SET, None)], 42),
        ([("retention.ms", 9, "1")], 42),
        ([("retention.ms", SET, "1"), ("retention.ms", SET, "2")], 42),
        ([("retention.ms", SET, "5"), ("segment.ms", SET, "-5")], 40),
    ],
)
def test_changes_that_are_refused_change_nothing(
    configs: list[tuple[str, int, str | None]], code: int
) -> None:
    peer = guest()
    create(peer, "t", retention_ms="7")
    assert changes(peer, TOPIC, "t", *configs) == code
    assert values(peer, TOPIC, "t", "retention.ms") == [("7", 1)]


def test_checked_only() -> None:
    peer = guest()
    create(peer, "t")
    assert changes(peer, TOPIC, "t", ("retention.ms", SET, "5"), check_only=True) == 0
    assert changes(peer, TOPIC, "t", ("retention.ms", SET, "x"), check_only=True) == 40
    assert values(peer, TOPIC, "t", "retention.ms") == [("604800000", 5)]


@pytest.mark.parametrize("version", range(3))
def test_a_new_set_replaces_the_old_one(version: int) -> None:
    peer = guest()
    create(peer, "t", retention_ms="7")
    resource = {
        "resource_type": TOPIC,
        "resource_name": "t",
        "configs": [{"name": "segment.ms", "value": "9"}],
    }
    answer = peer.asks(made("AlterConfigs", version, resources=[resource], validate_only=False))
    assert answer.responses[0].error_code == 0
    assert values(peer, TOPIC, "t", "retention.ms", "segment.ms") == [("604800000", 5), ("9", 1)]
    answer = peer.asks(made("AlterConfigs", version, resources=[resource, resource], validate_only=False))
    assert [each.error_code for each in answer.responses] == [42, 42]


def test_groups() -> None:
    peer = guest()
    limit = "share.delivery.count.limit"
    assert values(peer, GROUP, "g", limit) == [("5", 5)]
    assert changes(peer, GROUP, "g", (limit, SET, "7")) == 0
    assert values(peer, GROUP, "g", limit) == [("7", 8)]
    assert changes(peer, GROUP, "g", (limit, SET, "1")) == 40
    assert changes(peer, GROUP, "", (limit, SET, "7")) != 0
    assert describes(peer, GROUP, "").error_code == 42
    assert changes(peer, GROUP, "g", (limit, DELETE, None)) == 0
    assert values(peer, GROUP, "g", limit) == [("5", 5)]


@pytest.mark.parametrize(
    ("kind", "name", "code", "words"),
    [
        (TOPIC, "none", 3, "The topic 'none' does not exist."),
        (TOPIC, "", 42, "Default topic resources are not allowed."),
        (GROUP, "", 42, "Default group resources are not allowed."),
        (BROKER, "9", 42, "Unexpected broker id, expected 1, but received 9"),
        (BROKER, "x", 42, "Node id must be an integer, but it is: x"),
    ],
)
def test_resources_that_cannot_be_altered(kind: int, name: str, code: int, words: str) -> None:
    change = {"name": "retention.ms", "config_operation": SET, "value": "1"}
    resource = {"resource_type": kind, "resource_name": name, "configs": [change]}
    answer = guest().asks(made("IncrementalAlterConfigs", 1, resources=[resource], validate_only=False))
    assert (answer.responses[0].error_code, answer.responses[0].error_message) == (code, words)


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        (BROKER, "9", "Unexpected broker id, expected 1 or empty string, but received 9"),
        (BROKER, "x", "Broker id must be an integer, but it is: x"),
        (GROUP, "", "Group name must not be empty"),
        (METRICS, "", "Client metrics subscription name must not be empty"),
    ],
)
def test_resources_that_cannot_be_described(kind: int, name: str, words: str) -> None:
    described = describes(guest(), kind, name)
    assert (described.error_code, described.error_message) == (42, words)


def test_the_broker_cannot_be_changed() -> None:
    peer = guest()
    assert changes(peer, BROKER, "1", ("log.retention.ms", SET, "5")) == 42
    assert changes(peer, BROKER, "1", ("log.retention.ms", DELETE, None)) == 42
    assert changes(peer, BROKER, "9", ("log.retention.ms", SET, "5")) == 42
    assert changes(peer, LOGGER, "1", ("root", SET, "DEBUG")) == 42
    assert changes(peer, METRICS, "m", ("interval.ms", SET, "5")) == 35
    assert changes(peer, 77, "m", ("interval.ms", SET, "5")) == 42


def test_throttles_of_replication_are_deleted_but_not_set() -> None:
    """What kafka-reassign-partitions --verify asks for when a reassignment has ended."""
    peer = guest()
    names = [f"{who}.replication.throttled.rate" for who in ("leader", "follower")]
    names.append("replica.alter.log.dirs.io.max.bytes.per.second")
    assert changes(peer, BROKER, "1", *[(name, DELETE, "") for name in names]) == 0
    assert changes(peer, BROKER, "1", (names[0], SET, "5"), (names[1], DELETE, "")) == 42


def test_rights() -> None:
    stage = Stage(users=True)
    create(log_in(stage, "guest"), "open1")
    reader = log_in(stage, "reader")
    assert describes(reader, TOPIC, "open1").error_code == 0
    assert describes(reader, TOPIC, "closed").error_code == 29
    assert changes(reader, TOPIC, "open1", ("retention.ms", SET, "5")) == 29
    assert describes(reader, BROKER, "1").error_code == 31
    assert changes(reader, BROKER, "1", ("x", SET, "5")) == 31
    assert describes(reader, GROUP, "closed").error_code == 30
    assert changes(reader, GROUP, "open", ("share.delivery.count.limit", SET, "5")) == 30
    assert reader.asks(made("ListConfigResources", 1, resource_types=[])).error_code == 31


def test_resources_with_settings() -> None:
    peer = guest()
    create(peer, "t")
    changes(peer, GROUP, "g", ("share.delivery.count.limit", SET, "7"))

    def listed(*kinds: int) -> set[tuple[int, str]]:
        answer = peer.asks(made("ListConfigResources", 1, resource_types=list(kinds)))
        assert answer.error_code == 0
        return {(each.resource_type, each.resource_name) for each in answer.config_resources}

    assert listed() == {(TOPIC, "t"), (BROKER, "1"), (LOGGER, "1"), (GROUP, "g")}
    assert listed(GROUP) == {(GROUP, "g")}
    assert peer.asks(made("ListConfigResources", 1, resource_types=[77])).error_code == 35
    assert peer.asks(made("ListConfigResources", 0)).config_resources == []
