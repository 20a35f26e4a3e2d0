"""ListOffsets, OffsetForLeaderEpoch, DeleteRecords: where partitions begin and end."""

from __future__ import annotations

from typing import Any

import pytest

from onemq.heads.kafka import errors
from unit.heads.kafka.admin_requests import create
from unit.heads.kafka.playbook import Peer, Stage, batch, values
from unit.heads.kafka.requests import fetch, list_offsets, make_topic, produce

from kafka.protocol.admin import DeleteRecordsRequest  # isort: skip
from kafka.protocol.consumer import OffsetForLeaderEpochRequest  # isort: skip

BASE_MS = 1_700_000_000_000
LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED = -1, -2, -3, -4, -5


def filled() -> Peer:
    """Topic t: offsets 0 to 2 at BASE_MS and after, 3 a second later, 4 in between."""
    peer = Stage().connect()
    make_topic(peer, "t")
    peer.asks(produce(9, "t", batch(b"a", b"b", b"c", timestamp_ms=BASE_MS)))
    peer.asks(produce(9, "t", batch(b"d", timestamp_ms=BASE_MS + 1000)))
    peer.asks(produce(9, "t", batch(b"e", timestamp_ms=BASE_MS + 500)))
    return peer


def offsets(answer: Any) -> list[tuple[int, int, int]]:
    return [(part.error_code, part.offset, part.timestamp) for part in answer.topics[0].partitions]


@pytest.mark.parametrize("version", range(1, 11))
@pytest.mark.parametrize("isolation_level", [0, 1])
def test_ends_and_times(version: int, isolation_level: int) -> None:
    peer = filled()
    times = (LATEST, EARLIEST, 0, BASE_MS + 1, BASE_MS + 3, BASE_MS + 1001)
    answers = [
        peer.asks(list_offsets(version, "t", time_ms, isolation_level=isolation_level)) for time_ms in times
    ]
    assert [offsets(answer)[0] for answer in answers] == [
        (0, 5, -1),
        (0, 0, -1),
        (0, 0, BASE_MS),
        (0, 1, BASE_MS + 1),
        (0, 3, BASE_MS + 1000),
        (0, -1, -1),
    ]
    if version >= 4:
        epochs = [answer.topics[0].partitions[0].leader_epoch for answer in answers]
        assert epochs == [0, 0, 0, 0, 0, -1]


def test_a_partition_that_is_named_twice() -> None:
    assert offsets(filled().asks(list_offsets(10, "t", LATEST, EARLIEST))) == [
        (errors.INVALID_REQUEST, -1, -1)
    ]


def test_the_latest_time_needs_version_7() -> None:
    peer = filled()
    assert offsets(peer.asks(list_offsets(7, "t", MAX_TIMESTAMP))) == [(0, 3, BASE_MS + 1000)]
    assert offsets(peer.asks(list_offsets(6, "t", MAX_TIMESTAMP))) == [(errors.UNSUPPORTED_VERSION, -1, -1)]
    assert offsets(peer.asks(list_offsets(7, "t", -9))) == [(errors.UNSUPPORTED_VERSION, -1, -1)]


def test_there_is_one_tier_only() -> None:
    peer = filled()
    peer.asks(delete(2, "t", 2))
    assert offsets(peer.asks(list_offsets(8, "t", EARLIEST_LOCAL))) == [(0, 2, -1)]
    assert offsets(peer.asks(list_offsets(9, "t", LATEST_TIERED))) == [(0, -1, -1)]
    assert offsets(peer.asks(list_offsets(7, "t", EARLIEST_LOCAL))) == [(errors.UNSUPPORTED_VERSION, -1, -1)]
    assert offsets(peer.asks(list_offsets(8, "t", LATEST_TIERED))) == [(errors.UNSUPPORTED_VERSION, -1, -1)]


def test_codes_of_refusals() -> None:
    peer = filled()
    unknown = errors.UNKNOWN_TOPIC_OR_PARTITION
    assert offsets(peer.asks(list_offsets(5, "none", LATEST))) == [(unknown, -1, -1)]
    assert offsets(peer.asks(list_offsets(5, "t", LATEST, epoch=3))) == [
        (errors.UNKNOWN_LEADER_EPOCH, -1, -1)
    ]
    request = list_offsets(5, "t", LATEST)
    request.topics[0].partitions[0].partition_index = 9
    assert offsets(peer.asks(request)) == [(unknown, -1, -1)]


def delete(version: int, topic: str, offset: int, partition: int = 0) -> Any:
    wanted = DeleteRecordsRequest.DeleteRecordsTopic
    part = wanted.DeleteRecordsPartition(version=version, partition_index=partition, offset=offset)
    return DeleteRecordsRequest[version](
        topics=[wanted(version=version, name=topic, partitions=[part])], timeout_ms=1000
    )


def deleted(answer: Any) -> tuple[int, int]:
    part = answer.topics[0].partitions[0]
    return part.error_code, part.low_watermark


@pytest.mark.parametrize("version", range(3))
def test_records_are_deleted_from_the_front(version: int) -> None:
    peer = filled()
    assert deleted(peer.asks(delete(version, "t", 3))) == (0, 3)
    assert deleted(peer.asks(delete(version, "t", 1))) == (0, 3), "it never goes back"
    assert offsets(peer.asks(list_offsets(5, "t", EARLIEST)))[0][1] == 3
    read = peer.asks(fetch(11, "t", 2)).responses[0].partitions[0]
    assert (read.error_code, read.log_start_offset) == (errors.OFFSET_OUT_OF_RANGE, -1)
    assert values(peer.asks(fetch(11, "t", 3)).responses[0].partitions[0].records) == [b"d", b"e"]
    assert deleted(peer.asks(delete(version, "t", -1))) == (0, 5)


def test_records_of_compacted_topics_are_not_deleted() -> None:
    peer = Stage().connect()
    create(peer, "c", cleanup_policy="compact")
    create(peer, "d", cleanup_policy="compact,delete")
    assert deleted(peer.asks(delete(2, "c", 0))) == (errors.POLICY_VIOLATION, -1)
    assert deleted(peer.asks(delete(2, "d", 0))) == (errors.NONE, 0)


def test_deleting_what_is_not_there() -> None:
    peer = filled()
    assert deleted(peer.asks(delete(2, "t", 6))) == (errors.OFFSET_OUT_OF_RANGE, -1)
    assert deleted(peer.asks(delete(2, "none", 0))) == (errors.UNKNOWN_TOPIC_OR_PARTITION, -1)
    assert deleted(peer.asks(delete(2, "t", 0, partition=4))) == (errors.UNKNOWN_TOPIC_OR_PARTITION, -1)


def epoch_end(version: int, topic: str, epoch: int, current: int = 0) -> Any:
    wanted = OffsetForLeaderEpochRequest.OffsetForLeaderTopic
    part = wanted.OffsetForLeaderPartition(
        version=version, partition=0, current_leader_epoch=current, leader_epoch=epoch
    )
    return OffsetForLeaderEpochRequest[version](
        replica_id=-1, topics=[wanted(version=version, topic=topic, partitions=[part])]
    )


@pytest.mark.parametrize("version", range(2, 5))
def test_epoch_0_has_not_ended(version: int) -> None:
    peer = filled()

    def end(epoch: int, current: int = 0, topic: str = "t") -> tuple[int, int, int]:
        part = peer.asks(epoch_end(version, topic, epoch, current)).topics[0].partitions[0]
        return part.error_code, part.leader_epoch, part.end_offset

    assert end(0) == (0, 0, 5)
    assert end(4) == (0, -1, -1)
    assert end(0, current=2) == (errors.UNKNOWN_LEADER_EPOCH, -1, -1)
    assert end(0, topic="none") == (errors.UNKNOWN_TOPIC_OR_PARTITION, -1, -1)
