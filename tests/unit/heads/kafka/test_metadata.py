"""Metadata, DescribeCluster, DescribeTopicPartitions: who and what there is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from onemq.heads.kafka import errors
from onemq.heads.kafka.commands.metadata import CREATED_MAX
from onemq.heads.kafka.settings import KafkaSettings
from unit.heads.kafka.playbook import LOCAL_HOST, LOCAL_PORT, Stage
from unit.heads.kafka.requests import make_topic, metadata

from kafka.protocol.admin import (  # isort: skip
    DeleteTopicsRequest,
    DescribeClusterRequest,
    DescribeTopicPartitionsRequest,
)
from kafka.protocol.metadata import MetadataRequest  # isort: skip


def names(answer: Any) -> list[str]:
    return sorted(topic.name for topic in answer.topics)


@pytest.mark.parametrize("version", range(13))
def test_a_topic_is_described_in_every_version(version: int) -> None:
    peer = Stage(KafkaSettings(partitions_default=3, rack="r1")).connect()
    make_topic(peer, "t")
    answer = peer.asks(metadata(version, "t", create=False))
    (topic,) = answer.topics
    assert (topic.error_code, topic.name) == (errors.NONE, "t")
    parts = sorted(topic.partitions, key=lambda part: part.partition_index)
    assert [part.partition_index for part in parts] == [0, 1, 2]
    for part in parts:
        assert (part.leader_id, list(part.replica_nodes), list(part.isr_nodes)) == (1, [1], [1])
        assert version < 7 or part.leader_epoch == 0
        assert version < 5 or list(part.offline_replicas) == []
    (broker,) = answer.brokers
    assert (broker.node_id, broker.host, broker.port) == (1, LOCAL_HOST, LOCAL_PORT)
    if version >= 1:
        assert (broker.rack, answer.controller_id, topic.is_internal) == ("r1", 1, False)
    if version >= 2:
        assert len(answer.cluster_id) == 22
    if version >= 10:
        assert topic.topic_id != UUID(int=0)


def test_all_topics_or_none() -> None:
    peer = Stage().connect()
    for name in ("b", "a"):
        make_topic(peer, name)
    assert names(peer.asks(MetadataRequest[0](topics=[]))) == ["a", "b"]
    assert names(peer.asks(MetadataRequest[1](topics=None))) == ["a", "b"]
    assert names(peer.asks(MetadataRequest[1](topics=[]))) == []
    assert names(peer.asks(MetadataRequest[12](topics=None, allow_auto_topic_creation=False))) == ["a", "b"]


def test_topics_are_made_only_if_both_sides_want_it() -> None:
    peer = Stage().connect()
    assert peer.asks(metadata(4, "t", create=False)).topics[0].error_code == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert peer.asks(metadata(4, "t")).topics[0].error_code == errors.NONE
    assert peer.asks(metadata(1, "old")).topics[0].error_code == errors.NONE, (
        "version 3 and before always want"
    )
    stubborn = Stage(KafkaSettings(auto_create_topics=False)).connect()
    assert stubborn.asks(metadata(4, "t")).topics[0].error_code == errors.UNKNOWN_TOPIC_OR_PARTITION


def test_one_request_makes_so_many_topics_and_the_next_the_others() -> None:
    peer = Stage().connect()
    wanted = [f"t{index}" for index in range(CREATED_MAX + 10)]
    made = [topic.error_code for topic in peer.asks(metadata(4, *wanted)).topics]
    assert made == [errors.NONE] * CREATED_MAX + [errors.UNKNOWN_TOPIC_OR_PARTITION] * 10
    assert {topic.error_code for topic in peer.asks(metadata(4, *wanted)).topics} == {errors.NONE}


def test_names_that_differ_in_dots_only_are_found_whatever_came_and_went() -> None:
    peer = Stage().connect()

    def code(name: str) -> int:
        return int(peer.asks(metadata(4, name)).topics[0].error_code)

    assert code("a.b_c") == errors.NONE
    assert code("a_b.c") == errors.INVALID_TOPIC_EXCEPTION
    assert code("a.b_c") == errors.NONE
    peer.asks(DeleteTopicsRequest[3](topic_names=["a.b_c"], timeout_ms=1000))
    assert code("a_b.c") == errors.NONE
    assert code("a.b_c") == errors.INVALID_TOPIC_EXCEPTION


def test_bad_names_are_told() -> None:
    peer = Stage().connect()
    for name in ("a b", "..", "x" * 250, ""):
        assert peer.asks(metadata(4, name)).topics[0].error_code == errors.INVALID_TOPIC_EXCEPTION


def test_a_name_asked_twice_is_answered_once() -> None:
    peer = Stage().connect()
    assert names(peer.asks(metadata(4, "t", "t"))) == ["t"]


def test_topics_by_id() -> None:
    peer = Stage().connect()
    topic_id = make_topic(peer, "t").topic_id
    wanted = MetadataRequest.MetadataRequestTopic
    topics = [wanted(version=12, name=None, topic_id=each) for each in (topic_id, UUID(int=77))]
    known, unknown = peer.asks(MetadataRequest[12](topics=topics)).topics
    assert (known.name, known.error_code) == ("t", errors.NONE)
    assert (unknown.name, unknown.topic_id, unknown.error_code) == (
        None,
        UUID(int=77),
        errors.UNKNOWN_TOPIC_ID,
    )


@pytest.mark.parametrize("version", (10, 11, 12))
def test_what_names_nothing_is_refused_whole(version: int) -> None:
    """Ids have a place in versions 10 and 11 and are no way to ask there."""
    peer = Stage().connect()
    topic_id = UUID(int=0) if version == 12 else make_topic(peer, "t").topic_id
    wanted = MetadataRequest.MetadataRequestTopic(version=version, name=None, topic_id=topic_id)
    answer = peer.asks(MetadataRequest[version](topics=[wanted]))
    assert (answer.brokers, answer.cluster_id, answer.controller_id) == ([], None, -1)
    (topic,) = answer.topics
    assert (topic.error_code, topic.name) == (errors.INVALID_REQUEST, None if version == 12 else "")


def test_the_advertised_address_goes_before_the_local_one() -> None:
    settings = KafkaSettings(advertised_host="kafka.example", advertised_port=1234)
    (broker,) = Stage(settings).connect().asks(metadata(12)).brokers
    assert (broker.host, broker.port) == ("kafka.example", 1234)


def test_operations_are_told_to_those_who_ask() -> None:
    stage = Stage(users=True)
    owner = stage.connect().logs_in("guest")
    reader = stage.connect("10.0.0.1").logs_in("reader")
    for name in ("open", "read-only", "secret"):
        make_topic(owner, name)
    ask = {"include_topic_authorized_operations": True, "create": False}
    for name, operations in (("open", {3, 4, 8, 10}), ("read-only", {3, 8, 10})):
        (topic,) = reader.asks(metadata(8, name, **ask)).topics
        found = topic.authorized_operations
        assert {int(each) for each in found} == operations, name
    (secret,) = reader.asks(metadata(8, "secret", **ask)).topics
    assert secret.error_code == errors.TOPIC_AUTHORIZATION_FAILED
    assert names(reader.asks(MetadataRequest[1](topics=None))) == ["open", "read-only"]
    assert reader.asks(metadata(8, "opening")).topics[0].error_code == errors.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("version", range(2))
def test_the_cluster_is_this_broker(version: int) -> None:
    peer = Stage().connect()
    answer = peer.asks(
        DescribeClusterRequest[version](include_cluster_authorized_operations=True, endpoint_type=1)
    )
    assert (answer.error_code, answer.controller_id) == (errors.NONE, 1)
    assert [(each.broker_id, each.host, each.port) for each in answer.brokers] == [
        (1, LOCAL_HOST, LOCAL_PORT)
    ]
    if version == 1:
        wrong = peer.asks(
            DescribeClusterRequest[1](include_cluster_authorized_operations=False, endpoint_type=2)
        )
        assert (wrong.error_code, wrong.cluster_id) == (errors.MISMATCHED_ENDPOINT_TYPE, "")


def pages(limit: int, *wanted: str) -> list[list[tuple[str, list[int]]]]:
    """All pages of partitions of topics a and c (3 partitions each)."""
    peer = Stage(KafkaSettings(partitions_default=3)).connect()
    for name in ("c", "a"):
        make_topic(peer, name)
    request = DescribeTopicPartitionsRequest
    found = []
    cursor = None
    while True:
        answer = peer.asks(
            request[0](
                topics=[request.TopicRequest(version=0, name=name) for name in wanted],
                response_partition_limit=limit,
                cursor=cursor,
            )
        )
        found.append(
            [(topic.name, [part.partition_index for part in topic.partitions]) for topic in answer.topics]
        )
        if answer.next_cursor is None:
            return found
        cursor = request.Cursor(
            version=0,
            topic_name=answer.next_cursor.topic_name,
            partition_index=answer.next_cursor.partition_index,
        )


def test_partitions_come_in_pages() -> None:
    every = [0, 1, 2]
    assert pages(2000) == [[("a", every), ("c", every)]]
    assert pages(3) == [[("a", every)], [("c", every)]]
    assert pages(2) == [[("a", [0, 1])], [("a", [2]), ("c", [0])], [("c", [1, 2])]]
    assert pages(2000, "c") == [[("c", every)]]
    peer = Stage().connect()
    request = DescribeTopicPartitionsRequest
    at = request.Cursor(version=0, topic_name="z", partition_index=0)
    asked = [request.TopicRequest(version=0, name="a")]
    answer = peer.asks(request[0](topics=asked, response_partition_limit=9, cursor=at))
    assert [topic.error_code for topic in answer.topics] == [errors.INVALID_REQUEST]
    assert pages(2000, "c", "b") == [[("b", []), ("c", every)]]
