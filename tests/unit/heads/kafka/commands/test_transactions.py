"""Transactions as producers ask for them: every version, and every code that Kafka's coordinator gives."""

from __future__ import annotations

import pytest
from kafka.record.memory_records import MemoryRecords

from onemq.heads.kafka import errors
from transaction_driver import batch
from unit.heads.kafka.playbook import Peer, Stage
from unit.heads.kafka.requests import fetch, make_topic, produce
from unit.heads.kafka.transaction_requests import Producer, add_partitions, end, init, login

OLDEST = (0, 1)
"""Versions that do not know PRODUCER_FENCED."""


@pytest.fixture
def peer() -> Peer:
    peer = Stage().connect()
    make_topic(peer, "t")
    make_topic(peer, "u")
    return peer


@pytest.fixture
def producer(peer: Peer) -> Producer:
    producer = Producer(peer)
    assert producer.init() == errors.NONE
    return producer


def committed(peer: Peer, topic: str = "t") -> list[bytes]:
    """What a reader of committed records finds; aborted ones are left out by the client, so all of them are named."""
    part = peer.asks(fetch(11, topic, 0, isolation_level=1)).responses[0].partitions[0]
    assert part.error_code == errors.NONE
    if part.aborted_transactions:
        return []
    found: list[bytes] = []
    stored = MemoryRecords(part.records or b"")
    while (read := stored.next_batch()) is not None:
        if not read.is_control_batch:
            found.extend(bytes(record.value) for record in read)
    return found


class TestInitProducerId:
    @pytest.mark.parametrize("version", range(6))
    def test_idempotent_producers_get_numbers(self, peer: Peer, version: int) -> None:
        first = peer.asks(init(version, None))
        second = peer.asks(init(version, None))
        assert (first.error_code, first.producer_epoch) == (0, 0)
        assert second.producer_id == first.producer_id + 1

    @pytest.mark.parametrize("version", range(6))
    def test_transactional_producers_get_epochs(self, peer: Peer, version: int) -> None:
        answers = [peer.asks(init(version, "payments")) for _ in range(2)]
        assert [(answer.producer_id, answer.producer_epoch) for answer in answers] == [(0, 0), (0, 1)]

    @pytest.mark.parametrize("version", range(3, 6))
    def test_the_next_epoch_for_the_same_producer(self, peer: Peer, version: int) -> None:
        peer.asks(init(version, "payments"))
        answer = peer.asks(init(version, "payments", producer_id=0, epoch=0))
        assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (0, 0, 1)

    @pytest.mark.parametrize(
        ("version", "code"),
        [(3, errors.INVALID_PRODUCER_EPOCH), (4, errors.PRODUCER_FENCED), (5, errors.PRODUCER_FENCED)],
    )
    def test_who_was_replaced(self, peer: Peer, version: int, code: int) -> None:
        peer.asks(init(version, "payments"))
        peer.asks(init(version, "payments"))
        answer = peer.asks(init(version, "payments", producer_id=0, epoch=0))
        assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (code, -1, -1)

    def test_refusals(self, peer: Peer) -> None:
        assert peer.asks(init(4, "")).error_code == errors.INVALID_REQUEST
        assert peer.asks(init(4, "a", timeout_ms=900_001)).error_code == errors.INVALID_TRANSACTION_TIMEOUT
        assert peer.asks(init(4, "a", timeout_ms=0)).error_code == errors.INVALID_TRANSACTION_TIMEOUT
        assert peer.asks(init(4, "a", producer_id=3)).error_code == errors.INVALID_REQUEST
        assert peer.asks(init(4, None, epoch=3)).error_code == errors.INVALID_REQUEST

    def test_rights(self) -> None:
        stage = Stage(users=True)
        peer = stage.connect()
        login(peer, "reader")
        assert peer.asks(init(4, "open-1")).error_code == errors.NONE
        denied = peer.asks(init(4, "closed"))
        assert denied.error_code == errors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


class TestAddPartitions:
    @pytest.mark.parametrize("version", range(4))
    def test_all_versions(self, producer: Producer, version: int) -> None:
        assert producer.add(("t", 0), ("u", 0), version=version) == [0, 0]
        assert producer.produce("t", b"a") == errors.NONE

    @pytest.mark.parametrize("version", range(4))
    def test_one_bad_partition_stops_all(self, producer: Producer, version: int) -> None:
        codes = producer.add(("t", 0), ("t", 999), ("nothing", 0), version=version)
        assert codes == [
            errors.OPERATION_NOT_ATTEMPTED,
            errors.UNKNOWN_TOPIC_OR_PARTITION,
            errors.UNKNOWN_TOPIC_OR_PARTITION,
        ]
        assert producer.end(True) == errors.INVALID_TXN_STATE

    @pytest.mark.parametrize("version", range(4))
    def test_fenced(self, producer: Producer, version: int) -> None:
        Producer(producer.peer).init()
        code = errors.INVALID_PRODUCER_EPOCH if version in OLDEST else errors.PRODUCER_FENCED
        assert producer.add(("t", 0), ("u", 0), version=version) == [code, code]

    def test_unknown(self, producer: Producer) -> None:
        producer.who = (producer.who[0] + 1, 0)
        assert producer.add(("t", 0)) == [errors.INVALID_PRODUCER_ID_MAPPING]
        assert producer.add_offsets("g") == errors.INVALID_PRODUCER_ID_MAPPING
        assert producer.end(True) == errors.INVALID_PRODUCER_ID_MAPPING
        assert producer.produce("t", b"a") == errors.INVALID_PRODUCER_ID_MAPPING
        producer.name = "stranger"
        assert producer.add(("t", 0)) == [errors.INVALID_PRODUCER_ID_MAPPING]

    def test_an_empty_id(self, peer: Peer) -> None:
        answer = peer.asks(add_partitions(3, "", (0, 0), ("t", 0)))
        row = answer.results_by_topic_v3_and_below[0].results_by_partition[0]
        assert row.partition_error_code == errors.INVALID_REQUEST
        assert peer.asks(end(3, "", (0, 0), True)).error_code == errors.INVALID_REQUEST


class TestProduce:
    def test_a_partition_that_was_not_added(self, producer: Producer) -> None:
        assert producer.produce("t", b"a") == errors.INVALID_TXN_STATE
        producer.add(("u", 0))
        assert producer.produce("t", b"a", version=10) == errors.INVALID_TXN_STATE
        assert producer.produce("t", b"a", version=11) == errors.TRANSACTION_ABORTABLE
        assert producer.produce("u", b"a") == errors.NONE

    @pytest.mark.parametrize("newer", [0, 5])
    def test_a_batch_outside_of_the_open_transaction(self, producer: Producer, newer: int) -> None:
        producer.add(("t", 0))
        producer.produce("t", b"a")
        number, epoch = producer.who
        plain = batch(
            [b"b"],
            producer.peer.stage.now_ms,
            producer=number,
            epoch=epoch + newer,
            sequence=0 if newer else 1,
        )
        answer = producer.peer.asks(produce(9, "t", plain))
        assert answer.responses[0].partition_responses[0].error_code == errors.INVALID_TXN_STATE
        assert producer.end(True) == errors.NONE
        assert committed(producer.peer) == [b"a"]

    def test_an_old_epoch(self, producer: Producer) -> None:
        producer.add(("t", 0))
        Producer(producer.peer).init()
        assert producer.produce("t", b"a") == errors.INVALID_PRODUCER_EPOCH

    def test_no_transactional_id(self, producer: Producer) -> None:
        producer.add(("t", 0))
        assert producer.produce("t", b"a", name=None) == errors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        producer.name = ""
        assert producer.produce("t", b"a") == errors.INVALID_REQUEST


class TestEnd:
    @pytest.mark.parametrize("version", range(5))
    @pytest.mark.parametrize("commit", [True, False])
    def test_all_versions(self, producer: Producer, version: int, commit: bool) -> None:
        producer.add(("t", 0))
        producer.produce("t", b"a")
        assert committed(producer.peer) == []
        assert producer.end(commit, version) == errors.NONE
        assert committed(producer.peer) == ([b"a"] if commit else [])
        assert producer.end(commit, version) == errors.NONE
        assert producer.end(not commit, version) == errors.INVALID_TXN_STATE

    @pytest.mark.parametrize("version", range(5))
    def test_fenced(self, producer: Producer, version: int) -> None:
        producer.add(("t", 0))
        producer.produce("t", b"a")
        Producer(producer.peer).init()
        code = errors.INVALID_PRODUCER_EPOCH if version in OLDEST else errors.PRODUCER_FENCED
        assert producer.end(True, version) == code
        assert committed(producer.peer) == []

    @pytest.mark.parametrize("version", range(5))
    def test_nothing_to_end(self, producer: Producer, version: int) -> None:
        assert producer.end(True, version) == errors.INVALID_TXN_STATE
        assert producer.end(False, version) == errors.INVALID_TXN_STATE

    def test_out_of_time(self, producer: Producer) -> None:
        producer.add(("t", 0))
        producer.produce("t", b"a")
        producer.peer.stage.wait(60_000)
        assert producer.end(True) == errors.PRODUCER_FENCED
        assert producer.produce("t", b"b") == errors.INVALID_PRODUCER_EPOCH
        part = producer.peer.asks(fetch(11, "t", 0, isolation_level=1)).responses[0].partitions[0]
        assert part.last_stable_offset == part.high_watermark == 2


class TestOffsets:
    @pytest.mark.parametrize("version", range(5))
    @pytest.mark.parametrize("commit", [True, False])
    def test_they_appear_with_the_commit(self, producer: Producer, version: int, commit: bool) -> None:
        assert producer.add_offsets("g", min(version, 4)) == errors.NONE
        assert producer.commit_offset("g", 7, ("t", 0), version=version) == [errors.NONE]
        producer.end(commit)
        found = producer.peer.stage.broker.groups.book.find(("/", "g"), "t", 0)
        assert (None if found is None else found.offset) == (7 if commit else None)

    @pytest.mark.parametrize(
        ("version", "code"),
        [(0, errors.INVALID_TXN_STATE), (3, errors.INVALID_TXN_STATE), (4, errors.TRANSACTION_ABORTABLE)],
    )
    def test_a_group_that_was_not_added(self, producer: Producer, version: int, code: int) -> None:
        assert producer.commit_offset("g", 7, ("t", 0), version=version) == [code]

    @pytest.mark.parametrize("version", range(5))
    def test_fenced(self, producer: Producer, version: int) -> None:
        producer.add_offsets("g")
        Producer(producer.peer).init()
        codes = producer.commit_offset("g", 7, ("t", 0), version=version)
        assert codes == [errors.INVALID_PRODUCER_EPOCH]
        old = errors.INVALID_PRODUCER_EPOCH if version in OLDEST else errors.PRODUCER_FENCED
        assert producer.add_offsets("g", version) == old

    def test_unknown_partitions_are_refused_alone(self, producer: Producer) -> None:
        producer.add_offsets("g")
        codes = producer.commit_offset("g", 7, ("t", 0), ("t", 99), ("nothing", 0))
        assert codes == [0, errors.UNKNOWN_TOPIC_OR_PARTITION, errors.UNKNOWN_TOPIC_OR_PARTITION]

    def test_a_generation_that_is_not_the_groups(self, producer: Producer) -> None:
        producer.add_offsets("g")
        codes = producer.commit_offset("g", 7, ("t", 0), generation_id=3, member_id="m")
        assert codes == [errors.ILLEGAL_GENERATION]
