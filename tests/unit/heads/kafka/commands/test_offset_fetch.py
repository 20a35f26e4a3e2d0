"""OffsetCommit, OffsetFetch and OffsetDelete, in every version, over the real engine."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.protocol.admin import DeleteTopicsRequest
from kafka.protocol.consumer import OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest

from unit.heads.kafka.playbook import Peer, Stage
from unit.heads.kafka.requests import make_topic

NONE, UNKNOWN_TOPIC, STALE, UNKNOWN_MEMBER_ID, TOPIC_DENIED, GROUP_DENIED = 0, 3, 22, 25, 29, 30
GROUP_ID_NOT_FOUND = 69


@pytest.fixture
def peer() -> Peer:
    made = Stage().connect()
    make_topic(made, "t")
    return made


def commit(version: int, *rows: tuple[str, int, int, str | None], group: str = "g", **more: Any) -> Any:
    topic = OffsetCommitRequest.OffsetCommitRequestTopic
    part = topic.OffsetCommitRequestPartition
    topics = [
        topic(
            version=version,
            name=name,
            partitions=[
                part(
                    version=version,
                    partition_index=index,
                    committed_offset=offset,
                    committed_leader_epoch=0,
                    committed_metadata=text,
                )
            ],
        )
        for name, index, offset, text in rows
    ]
    return OffsetCommitRequest[version](group_id=group, topics=topics, **more)


def codes(answer: Any) -> list[int]:
    return [one.error_code for topic in answer.topics for one in topic.partitions]


def fetch(
    version: int, names: list[str] | None, group: str = "g", index: int = 0, stable: bool = False
) -> Any:
    if version < 8:
        topic = OffsetFetchRequest.OffsetFetchRequestTopic
        topics = None
        if names is not None:
            topics = [topic(version=version, name=name, partition_indexes=[index]) for name in names]
        return OffsetFetchRequest[version](group_id=group, topics=topics, require_stable=stable)
    wanted = OffsetFetchRequest.OffsetFetchRequestGroup
    topic = wanted.OffsetFetchRequestTopics
    topics = None
    if names is not None:
        topics = [topic(version=version, name=name, partition_indexes=[index]) for name in names]
    groups = [wanted(version=version, group_id=group, topics=topics)]
    return OffsetFetchRequest[version](groups=groups, require_stable=stable)


def of_group(answer: Any, version: int) -> Any:
    return answer if version < 8 else answer.groups[0]


@pytest.mark.parametrize("version", range(2, 10))
def test_commit(peer: Peer, version: int) -> None:
    rows = [("t", 0, 7, "here"), ("t", 9, 1, None), ("none", 0, 1, None), ("t", 0, 8, "x" * 4097)]
    assert codes(peer.asks(commit(version, *rows))) == [NONE, UNKNOWN_TOPIC, UNKNOWN_TOPIC, 12]
    found = of_group(peer.asks(fetch(9, ["t"])), 9).topics[0].partitions[0]
    epoch = 0 if version >= 6 else -1
    assert (found.committed_offset, found.metadata, found.committed_leader_epoch) == (7, "here", epoch)


@pytest.mark.parametrize("version", range(2, 10))
def test_commits_of_members_that_there_are_not(peer: Peer, version: int) -> None:
    more: dict[str, Any] = {"generation_id_or_member_epoch": 1, "member_id": "m"}
    code = GROUP_ID_NOT_FOUND if version >= 9 else STALE
    assert codes(peer.asks(commit(version, ("t", 0, 7, None), **more))) == [code]


@pytest.mark.parametrize("version", range(1, 10))
def test_fetch(peer: Peer, version: int) -> None:
    peer.asks(commit(8, ("t", 0, 7, "here")))
    answer = of_group(peer.asks(fetch(version, ["t", "none"])), version)
    found = [
        (topic.name, one.committed_offset, one.metadata, one.error_code)
        for topic in answer.topics
        for one in topic.partitions
    ]
    assert found == [("t", 7, "here", NONE), ("none", -1, "", NONE)]
    if version >= 2:
        assert answer.error_code == NONE
        everything = of_group(peer.asks(fetch(version, None)), version)
        assert [(one.name, one.partitions[0].committed_offset) for one in everything.topics] == [("t", 7)]


def test_special_offsets_come_back_as_they_were(peer: Peer) -> None:
    assert codes(peer.asks(commit(5, ("t", 0, -2, None)))) == [NONE]
    found = peer.asks(fetch(4, ["t"])).topics[0].partitions[0]
    assert (found.committed_offset, found.metadata) == (-2, "")


@pytest.mark.parametrize("version", range(1, 10))
def test_rights(version: int) -> None:
    stage = Stage(users=True)
    guest = stage.connect().logs_in("guest")
    for name in ("open", "closed"):
        make_topic(guest, name)
        guest.asks(commit(8, (name, 0, 7, None), group="open"))
    peer = stage.connect().logs_in("reader")
    if version >= 2:
        rows = [("open", 0, 7, None), ("closed", 0, 7, None)]
        assert codes(peer.asks(commit(version, *rows, group="open"))) == [NONE, TOPIC_DENIED]
        assert codes(peer.asks(commit(version, *rows, group="closed"))) == [GROUP_DENIED, GROUP_DENIED]
        answer = of_group(peer.asks(fetch(version, None, group="open")), version)
        assert [one.name for one in answer.topics] == ["open"]
    answer = of_group(peer.asks(fetch(version, ["open", "closed"], group="open")), version)
    assert codes(answer) == [NONE, TOPIC_DENIED]
    answer = of_group(peer.asks(fetch(version, ["open"], group="closed")), version)
    if version >= 2:
        assert (answer.error_code, answer.topics) == (GROUP_DENIED, [])
    else:
        assert codes(answer) == [GROUP_DENIED]


def test_delete(peer: Peer) -> None:
    def delete(group: str, *names: str) -> Any:
        topic = OffsetDeleteRequest.OffsetDeleteRequestTopic
        part = topic.OffsetDeleteRequestPartition
        topics = [
            topic(version=0, name=name, partitions=[part(version=0, partition_index=0)]) for name in names
        ]
        return peer.asks(OffsetDeleteRequest[0](group_id=group, topics=topics))

    assert delete("g", "t").error_code == GROUP_ID_NOT_FOUND
    peer.asks(commit(8, ("t", 0, 7, None)))
    answer = delete("g", "t", "none")
    assert (answer.error_code, codes(answer)) == (NONE, [NONE, UNKNOWN_TOPIC])
    assert peer.asks(fetch(4, ["t"])).topics[0].partitions[0].committed_offset == -1


def test_with_a_topic_go_its_offsets(peer: Peer) -> None:
    peer.asks(commit(8, ("t", 0, 7, None)))
    peer.asks(DeleteTopicsRequest[3](topic_names=["t"], timeout_ms=1000))
    make_topic(peer, "t")
    assert peer.asks(fetch(4, ["t"])).topics[0].partitions[0].committed_offset == -1
