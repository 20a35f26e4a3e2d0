"""Making, growing and deleting topics, over the wire."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from onemq.engine.quotas import CONTROLLER_MUTATION_RATE, entity_of
from onemq.heads.kafka.settings import KafkaSettings
from unit.heads.kafka.admin_requests import create, guest, log_in, made
from unit.heads.kafka.playbook import Peer, Stage
from unit.heads.kafka.requests import metadata


def creates(peer: Peer, version: int = 7, check_only: bool = False, **topic: Any) -> Any:
    whole = {
        "name": "t",
        "num_partitions": -1,
        "replication_factor": -1,
        "assignments": [],
        "configs": [],
        **topic,
    }
    request = made("CreateTopics", version, topics=[whole], timeout_ms=1000, validate_only=check_only)
    return peer.asks(request).topics[0]


def all_topics(peer: Peer) -> dict[str, int]:
    from kafka.protocol.metadata import MetadataRequest

    answer = peer.asks(MetadataRequest[12](topics=None, allow_auto_topic_creation=False))
    return {topic.name: len(topic.partitions) for topic in answer.topics}


@pytest.mark.parametrize("version", range(2, 8))
def test_a_topic_is_made(version: int) -> None:
    peer = guest()
    made_topic = creates(peer, version, num_partitions=3, configs=[{"name": "retention.ms", "value": "5"}])
    assert (made_topic.error_code, made_topic.error_message) == (0, None)
    assert all_topics(peer) == {"t": 3}
    if version >= 5:
        assert (made_topic.num_partitions, made_topic.replication_factor) == (3, 1)
        configs = {config.name: (config.value, config.config_source) for config in made_topic.configs}
        assert configs["retention.ms"] == ("5", 1) and configs["segment.ms"] == ("604800000", 5)
    if version >= 7:
        assert made_topic.topic_id.int != 0


def test_checked_only_is_not_made() -> None:
    peer = guest()
    answer = creates(peer, check_only=True, num_partitions=3)
    assert (answer.error_code, answer.num_partitions, answer.topic_id) == (0, 3, None)
    assert all_topics(peer) == {}
    assert creates(peer, check_only=True, num_partitions=0).error_code == 37


def test_defaults_and_assignments() -> None:
    peer = guest(settings=KafkaSettings(partitions_default=4))
    assert creates(peer, name="d").num_partitions == 4
    both = [{"partition_index": index, "broker_ids": [1]} for index in (1, 0)]
    assert creates(peer, name="a", assignments=both).num_partitions == 2


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ({"name": "a b"}, 17),
        ({"name": ""}, 17),
        ({"name": ".."}, 17),
        ({"name": "x" * 250}, 17),
        ({"num_partitions": 0}, 37),
        ({"num_partitions": -2}, 37),
        ({"num_partitions": 10_001}, 44),
        ({"replication_factor": 2}, 38),
        ({"replication_factor": 0}, 38),
        ({"configs": [{"name": "x", "value": "1"}]}, 40),
        ({"configs": [{"name": "retention.ms", "value": "x"}]}, 40),
        ({"configs": [{"name": "retention.ms", "value": None}]}, 40),
        ({"assignments": [{"partition_index": 0, "broker_ids": [2]}]}, 39),
        ({"assignments": [{"partition_index": 0, "broker_ids": [1, 1]}]}, 39),
        ({"assignments": [{"partition_index": 0, "broker_ids": []}]}, 39),
        ({"assignments": [{"partition_index": 1, "broker_ids": [1]}]}, 39),
        ({"assignments": [{"partition_index": 0, "broker_ids": [1]}], "num_partitions": 1}, 42),
        ({"assignments": [{"partition_index": 0, "broker_ids": [1]}], "replication_factor": 1}, 42),
    ],
)
def test_what_is_refused(topic: dict[str, Any], code: int) -> None:
    peer = guest()
    answer = creates(peer, **topic)
    assert answer.error_code == code and answer.error_message
    assert all_topics(peer) == {}


def test_one_of_a_name() -> None:
    peer = guest()
    create(peer, "t")
    assert creates(peer).error_code == 36
    topic = {"name": "d", "num_partitions": 1, "replication_factor": 1, "assignments": [], "configs": []}
    answer = peer.asks(made("CreateTopics", 7, topics=[topic, topic], timeout_ms=1, validate_only=False))
    assert [(each.name, each.error_code) for each in answer.topics] == [("d", 42)]


@pytest.mark.parametrize("version", range(1, 6))
def test_topics_are_deleted_by_name(version: int) -> None:
    peer = guest()
    create(peer, "t")
    create(peer, "u")
    answer = peer.asks(made("DeleteTopics", version, topic_names=["t", "nope"], timeout_ms=1))
    assert [(each.name, each.error_code) for each in answer.responses] == [("t", 0), ("nope", 3)]
    assert all_topics(peer) == {"u": 1}


def test_topics_are_deleted_by_id() -> None:
    peer = guest()
    topic_id = create(peer, "t").topic_id
    nobody = uuid.UUID(int=0)

    def deletes(**state: Any) -> tuple[str | None, int]:
        whole = {"name": None, "topic_id": nobody, **state}
        found = peer.asks(made("DeleteTopics", 6, topics=[whole], timeout_ms=1)).responses[0]
        return found.name, found.error_code

    assert deletes(topic_id=uuid.UUID(int=5)) == (None, 100)
    assert deletes() == (None, 42)
    assert deletes(name="t", topic_id=topic_id) == ("t", 42)
    assert deletes(topic_id=topic_id) == ("t", 0)
    assert deletes(topic_id=topic_id) == (None, 100)


def test_what_is_to_be_deleted_twice_stays() -> None:
    peer = guest()
    topic_id = create(peer, "t").topic_id
    for state, words in (
        ({"name": "t", "topic_id": uuid.UUID(int=0)}, "Duplicate topic name."),
        ({"name": None, "topic_id": topic_id}, "Duplicate topic id."),
    ):
        (refused,) = peer.asks(made("DeleteTopics", 6, topics=[state, state], timeout_ms=1)).responses
        assert (refused.error_code, refused.error_message) == (42, words)
    assert all_topics(peer) == {"t": 1}


def test_under_a_name_that_is_none_there_is_nothing() -> None:
    peer = guest()
    answer = peer.asks(made("DeleteTopics", 5, topic_names=["a b", ""], timeout_ms=1))
    assert [each.error_code for each in answer.responses] == [3, 3]
    topic = {"name": "a b", "count": 2, "assignments": None}
    answer = peer.asks(made("CreatePartitions", 3, topics=[topic], timeout_ms=1, validate_only=False))
    assert [each.error_code for each in answer.results] == [3]


@pytest.mark.parametrize("version", range(4))
def test_partitions_are_added(version: int) -> None:
    peer = guest()
    create(peer, "t", 2)

    def adds(count: int, assignments: Any = None, check_only: bool = False, name: str = "t") -> int:
        topic = {"name": name, "count": count, "assignments": assignments}
        request = made("CreatePartitions", version, topics=[topic], timeout_ms=1, validate_only=check_only)
        return int(peer.asks(request).results[0].error_code)

    assert (adds(2), adds(1), adds(0), adds(-1)) == (37, 37, 37, 37)
    assert adds(5, check_only=True) == 0 and all_topics(peer) == {"t": 2}
    assert adds(4, [{"broker_ids": [1]}]) == 39
    assert adds(3, [{"broker_ids": [2]}]) == 39
    assert adds(3, [{"broker_ids": [1]}]) == 0
    assert adds(5) == 0 and all_topics(peer) == {"t": 5}
    assert adds(5, name="nope") == 3
    assert adds(20_000) == 44


def test_rights() -> None:
    stage = Stage(users=True)
    guest_peer = log_in(stage, "guest")
    create(guest_peer, "open1")
    create(guest_peer, "closed")
    reader = log_in(stage, "reader")
    assert creates(reader, name="mine").error_code == 29
    answer = reader.asks(made("DeleteTopics", 5, topic_names=["open1", "closed", "none"], timeout_ms=1))
    assert [each.error_code for each in answer.responses] == [29, 29, 29]
    topic = {"name": "open1", "count": 3, "assignments": None}
    answer = reader.asks(made("CreatePartitions", 3, topics=[topic], timeout_ms=1, validate_only=False))
    assert answer.results[0].error_code == 29
    assert all_topics(guest_peer) == {"open1": 1, "closed": 1}


def test_the_name_behind_an_id_is_not_told_to_those_who_may_not_see_it() -> None:
    stage = Stage(users=True)
    topic_id = create(log_in(stage, "guest"), "closed").topic_id
    state = {"name": None, "topic_id": topic_id}
    found = log_in(stage, "reader").asks(made("DeleteTopics", 6, topics=[state], timeout_ms=1)).responses[0]
    assert (found.name, found.error_code) == (None, 29)


def test_the_quota_of_changes() -> None:
    stage = Stage()
    peer = stage.connect()
    quotas = stage.broker.catalog.administration.quotas
    quotas.alter(entity_of([("user", "guest")]), CONTROLLER_MUTATION_RATE, 1.0)
    assert creates(peer, name="a", num_partitions=20).error_code == 0
    topic = {"name": "b", "num_partitions": 1, "replication_factor": 1, "assignments": [], "configs": []}
    refused = peer.asks(made("CreateTopics", 7, topics=[topic], timeout_ms=1, validate_only=False))
    assert (refused.topics[0].error_code, refused.throttle_time_ms) == (89, 9001)
    stage.wait(refused.throttle_time_ms - 1)
    topic = {"name": "a", "count": 21, "assignments": None}
    peer.says(made("CreatePartitions", 3, topics=[topic], timeout_ms=1, validate_only=False))
    peer.hears_nothing()
    stage.wait(1)
    assert peer.hears()[0].results[0].error_code == 0
    # A client that does not know that error is held up instead.
    deleted = peer.asks(made("DeleteTopics", 4, topic_names=["a"], timeout_ms=1))
    assert deleted.responses[0].error_code == 0 and deleted.throttle_time_ms > 0
    peer.says(metadata(4, "t"))
    peer.hears_nothing()
    stage.wait(deleted.throttle_time_ms)
    assert len(peer.hears()) == 1
