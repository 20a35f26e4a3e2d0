"""Requests of transactional producers, as kafka-python's objects, and a producer that makes them all in one version."""

from __future__ import annotations

from typing import Any

from kafka.protocol.producer import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    TxnOffsetCommitRequest,
)
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from transaction_driver import batch
from unit.heads.kafka.playbook import Peer
from unit.heads.kafka.requests import produce

Row = tuple[str, int]
"""Topic and partition."""
Who = tuple[int, int]
"""Producer id and epoch."""


def init(
    version: int,
    transactional_id: str | None,
    timeout_ms: int = 60_000,
    producer_id: int = -1,
    epoch: int = -1,
) -> Any:
    return InitProducerIdRequest[version](
        transactional_id=transactional_id,
        transaction_timeout_ms=timeout_ms,
        producer_id=producer_id,
        producer_epoch=epoch,
    )


def add_partitions(version: int, transactional_id: str, who: Who, *rows: Row) -> Any:
    wanted = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
    topics = [wanted(version=version, name=topic, partitions=[index]) for topic, index in rows]
    return AddPartitionsToTxnRequest[version](
        v3_and_below_transactional_id=transactional_id,
        v3_and_below_producer_id=who[0],
        v3_and_below_producer_epoch=who[1],
        v3_and_below_topics=topics,
    )


def add_offsets(version: int, transactional_id: str, who: Who, group: str) -> Any:
    return AddOffsetsToTxnRequest[version](
        transactional_id=transactional_id, producer_id=who[0], producer_epoch=who[1], group_id=group
    )


def commit_offset(
    version: int, transactional_id: str, who: Who, group: str, offset: int, *rows: Row, **more: Any
) -> Any:
    wanted = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
    part = wanted.TxnOffsetCommitRequestPartition
    settings = {"generation_id": -1, "member_id": "", "group_instance_id": None}
    settings.update(more)
    return TxnOffsetCommitRequest[version](
        transactional_id=transactional_id,
        group_id=group,
        producer_id=who[0],
        producer_epoch=who[1],
        topics=[
            wanted(
                version=version,
                name=topic,
                partitions=[
                    part(
                        version=version,
                        partition_index=index,
                        committed_offset=offset,
                        committed_leader_epoch=-1,
                        committed_metadata="note",
                    )
                ],
            )
            for topic, index in rows
        ],
        **settings,
    )


def end(version: int, transactional_id: str, who: Who, commit: bool) -> Any:
    return EndTxnRequest[version](
        transactional_id=transactional_id, producer_id=who[0], producer_epoch=who[1], committed=commit
    )


class Producer:
    """A transactional producer; every call gives the error code (or the codes) of the answer."""

    def __init__(self, peer: Peer, transactional_id: str = "payments") -> None:
        self.peer = peer
        self.name = transactional_id
        self.who = (-1, -1)
        self.sequence = 0

    def init(self, version: int = 4, **more: Any) -> int:
        answer = self.peer.asks(init(version, self.name, **more))
        if answer.error_code == 0:
            self.who = (answer.producer_id, answer.producer_epoch)
            self.sequence = 0
        return int(answer.error_code)

    def add(self, *rows: Row, version: int = 3) -> list[int]:
        answer = self.peer.asks(add_partitions(version, self.name, self.who, *rows))
        return [
            row.partition_error_code
            for topic in answer.results_by_topic_v3_and_below
            for row in topic.results_by_partition
        ]

    def add_offsets(self, group: str, version: int = 3) -> int:
        return int(self.peer.asks(add_offsets(version, self.name, self.who, group)).error_code)

    def commit_offset(self, group: str, offset: int, *rows: Row, version: int = 3, **more: Any) -> list[int]:
        answer = self.peer.asks(commit_offset(version, self.name, self.who, group, offset, *rows, **more))
        return [row.error_code for topic in answer.topics for row in topic.partitions]

    def produce(
        self, topic: str, value: bytes, index: int = 0, version: int = 9, name: str | None = ""
    ) -> int:
        data = batch(
            [value],
            self.peer.stage.now_ms,
            producer=self.who[0],
            epoch=self.who[1],
            sequence=self.sequence,
            transactional=True,
        )
        request = produce(version, topic, data, index, transactional_id=self.name if name == "" else name)
        code = int(self.peer.asks(request).responses[0].partition_responses[0].error_code)
        if code == 0:
            self.sequence += 1
        return code

    def end(self, commit: bool, version: int = 3) -> int:
        return int(self.peer.asks(end(version, self.name, self.who, commit)).error_code)


def login(peer: Peer, user: str) -> None:
    assert peer.asks(SaslHandshakeRequest[1](mechanism="PLAIN")).error_code == 0
    token = b"\0" + user.encode() + b"\0guest"
    assert peer.asks(SaslAuthenticateRequest[1](auth_bytes=token)).error_code == 0
