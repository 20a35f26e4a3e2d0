"""What a cluster has, asked of one node."""

from __future__ import annotations

from typing import Any

import pytest

from unit.heads.kafka.admin_requests import create, guest, log_in, made
from unit.heads.kafka.playbook import Stage, batch
from unit.heads.kafka.requests import produce


@pytest.mark.parametrize("version", range(1, 5))
def test_log_directories(version: int) -> None:
    peer = guest()
    create(peer, "t", 2)
    create(peer, "u")
    data = batch(bytes(1000))
    peer.asks(produce(9, "t", data, 1))

    def sizes(topics: Any) -> dict[tuple[str, int], int]:
        answer = peer.asks(made("DescribeLogDirs", version, topics=topics))
        (directory,) = answer.results
        assert directory.error_code == 0
        return {
            (topic.name, partition.partition_index): partition.partition_size
            for topic in directory.topics
            for partition in topic.partitions
        }

    assert sizes(None) == {("t", 0): 0, ("t", 1): len(data), ("u", 0): 0}
    assert sizes([{"topic": "t", "partitions": [1, 9]}]) == {("t", 1): len(data)}


@pytest.mark.parametrize("version", range(3))
def test_elections_are_not_needed(version: int) -> None:
    peer = guest()
    create(peer, "t")
    asked = [{"topic": "t", "partitions": [0, 5]}, {"topic": "nope", "partitions": [0]}]
    answer = peer.asks(made("ElectLeaders", version, topic_partitions=asked, timeout_ms=1))
    found = [
        (result.topic, each.partition_id, each.error_code)
        for result in answer.replica_election_results
        for each in result.partition_result
    ]
    assert found == [("t", 0, 84), ("t", 5, 3), ("nope", 0, 3)]
    everywhere = peer.asks(made("ElectLeaders", version, topic_partitions=None, timeout_ms=1))
    assert everywhere.replica_election_results == []


@pytest.mark.parametrize(
    ("index", "replicas", "code"),
    [(0, [1], 0), (0, [2], 39), (0, [1, 2], 39), (0, [1, 1], 39), (0, [], 39), (0, None, 85), (7, [1], 3)],
)
def test_reassignments(index: int, replicas: Any, code: int) -> None:
    peer = guest()
    create(peer, "t")
    topic = {"name": "t", "partitions": [{"partition_index": index, "replicas": replicas}]}
    answer = peer.asks(made("AlterPartitionReassignments", 0, topics=[topic], timeout_ms=1))
    assert answer.error_code == 0
    assert answer.responses[0].partitions[0].error_code == code
    listed = peer.asks(made("ListPartitionReassignments", 0, topics=None, timeout_ms=1))
    assert (listed.error_code, listed.topics) == (0, [])


def test_rights() -> None:
    stage = Stage(users=True)
    reader = log_in(stage, "reader")
    asked = [{"topic": "open", "partitions": [0]}]
    topic = {"name": "open", "partitions": [{"partition_index": 0, "replicas": [1]}]}
    for request in (
        made("DescribeLogDirs", 3, topics=None),
        made("ElectLeaders", 2, topic_partitions=asked, timeout_ms=1),
        made("AlterPartitionReassignments", 0, topics=[topic], timeout_ms=1),
        made("ListPartitionReassignments", 0, topics=None, timeout_ms=1),
    ):
        assert reader.asks(request).error_code == 31
