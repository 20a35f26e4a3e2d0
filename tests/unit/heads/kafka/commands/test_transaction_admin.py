"""What administrators see of transactions, and how they end a hanging one."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.protocol.admin import (
    DescribeProducersRequest,
    DescribeTransactionsRequest,
    ListTransactionsRequest,
)
from kafka.protocol.producer import WriteTxnMarkersRequest

from onemq.heads.kafka import errors
from unit.heads.kafka.playbook import Peer, Stage
from unit.heads.kafka.requests import fetch, make_topic
from unit.heads.kafka.transaction_requests import Producer, login


@pytest.fixture
def peer() -> Peer:
    peer = Stage().connect()
    make_topic(peer, "t")
    return peer


@pytest.fixture
def producer(peer: Peer) -> Producer:
    producer = Producer(peer)
    producer.init()
    producer.add(("t", 0))
    producer.produce("t", b"a")
    return producer


def describe_producers(peer: Peer, topic: str, index: int) -> Any:
    wanted = DescribeProducersRequest.TopicRequest
    request = DescribeProducersRequest[0](topics=[wanted(version=0, name=topic, partition_indexes=[index])])
    return peer.asks(request).topics[0].partitions[0]


def listed(peer: Peer, version: int = 0, **filters: Any) -> Any:
    settings: dict[str, Any] = {"state_filters": [], "producer_id_filters": [], "duration_filter": -1}
    settings["transactional_id_pattern"] = None
    settings.update(filters)
    return peer.asks(ListTransactionsRequest[version](**settings))


def names(answer: Any) -> list[str]:
    assert answer.error_code == errors.NONE
    return [state.transactional_id for state in answer.transaction_states]


def write_marker(peer: Peer, version: int, topic: str, index: int, who: tuple[int, int], commit: bool) -> int:
    marker = WriteTxnMarkersRequest.WritableTxnMarker
    wanted = marker.WritableTxnMarkerTopic
    request = WriteTxnMarkersRequest[version](
        markers=[
            marker(
                version=version,
                producer_id=who[0],
                producer_epoch=who[1],
                transaction_result=commit,
                topics=[wanted(version=version, name=topic, partition_indexes=[index])],
                coordinator_epoch=0,
                transaction_version=0,
            )
        ]
    )
    answer = peer.asks(request)
    assert answer.markers[0].producer_id == who[0]
    return int(answer.markers[0].topics[0].partitions[0].error_code)


def test_producers_of_a_partition(producer: Producer) -> None:
    found = describe_producers(producer.peer, "t", 0)
    assert found.error_code == errors.NONE
    state = found.active_producers[0]
    assert (state.producer_id, state.producer_epoch, state.last_sequence) == (0, 0, 0)
    assert (state.current_txn_start_offset, state.last_timestamp) == (0, producer.peer.stage.now_ms)
    producer.end(True)
    assert describe_producers(producer.peer, "t", 0).active_producers[0].current_txn_start_offset == -1
    assert describe_producers(producer.peer, "t", 99).error_code == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert describe_producers(producer.peer, "nothing", 0).error_code == errors.UNKNOWN_TOPIC_OR_PARTITION


def test_a_transaction_is_described(producer: Producer) -> None:
    request = DescribeTransactionsRequest[0](transactional_ids=["payments", "nobody", ""])
    states = producer.peer.asks(request).transaction_states
    assert [state.error_code for state in states] == [
        errors.NONE,
        errors.TRANSACTIONAL_ID_NOT_FOUND,
        errors.INVALID_REQUEST,
    ]
    found = states[0]
    assert (found.transactional_id, found.transaction_state) == ("payments", "Ongoing")
    assert (found.producer_id, found.producer_epoch, found.transaction_timeout_ms) == (0, 0, 60_000)
    assert found.transaction_start_time_ms == producer.peer.stage.now_ms
    assert [(topic.topic, topic.partitions) for topic in found.topics] == [("t", [0])]
    producer.end(False)
    again = producer.peer.asks(DescribeTransactionsRequest[0](transactional_ids=["payments"]))
    assert again.transaction_states[0].transaction_state == "CompleteAbort"
    assert again.transaction_states[0].topics == []


@pytest.mark.parametrize("version", range(3))
def test_transactions_are_listed_by_state_and_producer(producer: Producer, version: int) -> None:
    peer = producer.peer
    other = Producer(peer, "refunds")
    other.init()
    assert names(listed(peer, version)) == ["payments", "refunds"]
    assert names(listed(peer, version, state_filters=["Ongoing"])) == ["payments"]
    assert names(listed(peer, version, producer_id_filters=[other.who[0]])) == ["refunds"]
    strange = listed(peer, version, state_filters=["Ongoing", "Nonsense", "PrepareCommit"])
    assert names(strange) == ["payments"]
    assert strange.unknown_state_filters == ["Nonsense"]
    assert [state.transaction_state for state in listed(peer, version).transaction_states] == [
        "Ongoing",
        "Empty",
    ]


def test_transactions_are_listed_by_how_long_they_last(producer: Producer) -> None:
    peer = producer.peer
    peer.stage.wait(1000)
    assert names(listed(peer, 1, duration_filter=999)) == ["payments"]
    assert names(listed(peer, 1, duration_filter=1000)) == []


def test_transactions_are_listed_by_pattern(producer: Producer) -> None:
    peer = producer.peer
    assert names(listed(peer, 2, transactional_id_pattern="pay.*")) == ["payments"]
    assert names(listed(peer, 2, transactional_id_pattern="pay")) == []
    assert listed(peer, 2, transactional_id_pattern="(").error_code == errors.INVALID_REGULAR_EXPRESSION


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("commit", [True, False])
def test_an_administrator_ends_a_transaction(producer: Producer, version: int, commit: bool) -> None:
    peer = producer.peer
    assert write_marker(peer, version, "t", 0, producer.who, commit) == errors.NONE
    part = peer.asks(fetch(11, "t", 0, isolation_level=1)).responses[0].partitions[0]
    assert part.last_stable_offset == part.high_watermark == 2
    assert bool(part.aborted_transactions) == (not commit)


def test_a_marker_of_an_old_epoch_or_for_nothing(producer: Producer) -> None:
    peer = producer.peer
    producer.init()
    producer.add(("t", 0))
    producer.produce("t", b"b")
    assert write_marker(peer, 1, "t", 0, (0, 0), False) == errors.INVALID_PRODUCER_EPOCH
    assert write_marker(peer, 1, "t", 99, (0, 0), False) == errors.UNKNOWN_TOPIC_OR_PARTITION


def test_only_administrators_end_transactions_of_others() -> None:
    stage = Stage(users=True)
    peer = stage.connect()
    login(peer, "reader")
    assert write_marker(peer, 1, "open", 0, (0, 0), False) == errors.CLUSTER_AUTHORIZATION_FAILED
    assert listed(peer).transaction_states == []
    assert describe_producers(peer, "closed", 0).error_code == errors.TOPIC_AUTHORIZATION_FAILED
