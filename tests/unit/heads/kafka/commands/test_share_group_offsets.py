"""DescribeShareGroupOffsets, AlterShareGroupOffsets and DeleteShareGroupOffsets over the real engine."""

from __future__ import annotations

import pytest

from unit.heads.kafka.commands.test_share_fetch import Table, place, values
from unit.heads.kafka.share_requests import SharePeer, Told

NONE, UNKNOWN_PARTITION, NON_EMPTY, GROUP_NOT_FOUND = 0, 3, 68, 69


@pytest.fixture
def table() -> Table:
    made = Table()
    made.produce(b"a", b"b", b"c")
    return made


@pytest.fixture
def peer(table: Table) -> SharePeer:
    """It has accepted the first record and holds the others."""
    made = table.member()
    table.fetch(made, 0)
    assert place(table.fetch(made, 1, (0, 0, [1]))).acknowledge_error_code == NONE
    return made


def leave(peer: SharePeer) -> None:
    assert (
        peer.asks("share_group_heartbeat", 1, group_id="g", member_id="m", member_epoch=-1).error_code == NONE
    )


def described(
    peer: SharePeer, version: int, topics: list[dict[str, object]] | None, group: str = "g"
) -> Told:
    answer = peer.asks(
        "describe_share_group_offsets", version, groups=[{"group_id": group, "topics": topics}]
    )
    (found,) = answer.groups
    assert isinstance(found, Told)
    return found


@pytest.mark.parametrize("version", [0, 1])
def test_describe(peer: SharePeer, version: int) -> None:
    named: list[dict[str, object]] = [{"topic_name": "t", "partitions": [0]}]
    for topics in (None, named):
        found = described(peer, version, topics)
        assert (found.error_code, found.topics[0].topic_name) == (NONE, "t")
        (row,) = found.topics[0].partitions
        assert (row.partition_index, row.start_offset, row.error_code) == (0, 1, NONE)
        if version == 1:
            assert row.lag == 2


@pytest.mark.parametrize("version", [0, 1])
def test_what_is_not_read_has_no_offset(peer: SharePeer, version: int) -> None:
    for topic, group in (("none", "g"), ("t", "nobody")):
        (row,) = (
            described(peer, version, [{"topic_name": topic, "partitions": [0]}], group).topics[0].partitions
        )
        assert (row.start_offset, row.error_code) == (-1, NONE)
    nobody = described(peer, version, None, "nobody")
    assert (nobody.error_code, nobody.topics) == (NONE, [])


def alter(peer: SharePeer, offset: int, topic: str = "t", group: str = "g") -> Told:
    partitions = [{"partition_index": 0, "start_offset": offset}]
    return peer.asks(
        "alter_share_group_offsets",
        0,
        group_id=group,
        topics=[{"topic_name": topic, "partitions": partitions}],
    )


def test_alter(table: Table, peer: SharePeer) -> None:
    assert alter(peer, 0).error_code == NON_EMPTY
    leave(peer)
    (topic,) = alter(peer, 0, "none").responses
    assert topic.partitions[0].error_code == UNKNOWN_PARTITION
    (topic,) = alter(peer, 0).responses
    assert (topic.topic_id, topic.partitions[0].error_code) == (table.topic_id, NONE)
    assert values(table.fetch(table.member(), 0)) == [b"a", b"b", b"c"]


def test_alter_makes_the_group(peer: SharePeer) -> None:
    assert alter(peer, 0, "none", "new").responses[0].partitions[0].error_code == UNKNOWN_PARTITION
    assert delete(peer, group="new").error_code == GROUP_NOT_FOUND
    assert alter(peer, 2, group="new").responses[0].partitions[0].error_code == NONE
    (row,) = described(peer, 0, None, "new").topics[0].partitions
    assert row.start_offset == 2


def delete(peer: SharePeer, topic: str = "t", group: str = "g") -> Told:
    return peer.asks("delete_share_group_offsets", 0, group_id=group, topics=[{"topic_name": topic}])


def test_delete(table: Table, peer: SharePeer) -> None:
    assert delete(peer).error_code == NON_EMPTY
    assert delete(peer, group="nobody").error_code == GROUP_NOT_FOUND
    leave(peer)
    assert delete(peer, "none").responses[0].error_code == UNKNOWN_PARTITION
    assert delete(peer).responses[0].error_code == NONE
    assert delete(peer).responses[0].error_code == UNKNOWN_PARTITION
    assert described(peer, 0, None).topics == []
