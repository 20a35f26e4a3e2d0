"""Requests that many playbooks make, as kafka-python's objects; only what a test cares about is said."""

from __future__ import annotations

from typing import Any

from kafka.protocol.consumer import FetchRequest, ListOffsetsRequest
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.producer import ProduceRequest

from unit.heads.kafka.playbook import Peer


def metadata(version: int, *names: str, create: bool = True, **more: Any) -> Any:
    topic = MetadataRequest.MetadataRequestTopic
    topics = [topic(version=version, name=name) for name in names]
    return MetadataRequest[version](topics=topics, allow_auto_topic_creation=create, **more)


def make_topic(peer: Peer, name: str) -> Any:
    """Makes a topic of as many partitions as the settings say; the topic's part of the answer."""
    answer = peer.asks(metadata(12, name))
    assert answer.topics[0].error_code == 0
    return answer.topics[0]


def produce(
    version: int,
    topic: str,
    records: bytes | None,
    partition: int = 0,
    acks: int = -1,
    transactional_id: str | None = None,
) -> Any:
    request = ProduceRequest
    data = request.TopicProduceData
    part = data.PartitionProduceData(version=version, index=partition, records=records)
    return request[version](
        transactional_id=transactional_id,
        acks=acks,
        timeout_ms=1000,
        topic_data=[data(version=version, name=topic, partition_data=[part])],
    )


def fetch(
    version: int,
    topic: str,
    offset: int,
    partition: int = 0,
    topic_id: Any = None,
    partition_max_bytes: int = 1 << 20,
    epoch: int = -1,
    **more: Any,
) -> Any:
    wanted = FetchRequest.FetchTopic
    part = wanted.FetchPartition(
        version=version,
        partition=partition,
        fetch_offset=offset,
        partition_max_bytes=partition_max_bytes,
        current_leader_epoch=epoch,
        last_fetched_epoch=-1,
        log_start_offset=-1,
    )
    named = {"topic": topic} if topic_id is None else {"topic_id": topic_id}
    settings = {"max_wait_ms": 0, "min_bytes": 1, "max_bytes": 1 << 20, "isolation_level": 0}
    settings.update(session_id=0, session_epoch=-1)
    settings.update(more)
    return FetchRequest[version](
        replica_id=-1,
        topics=[wanted(version=version, partitions=[part], **named)],
        forgotten_topics_data=[],
        rack_id="",
        **settings,
    )


def list_offsets(version: int, topic: str, *times: int, epoch: int = -1, isolation_level: int = 0) -> Any:
    """The same partition 0 for each of the times."""
    wanted = ListOffsetsRequest.ListOffsetsTopic
    parts = [
        wanted.ListOffsetsPartition(
            version=version, partition_index=0, timestamp=time, current_leader_epoch=epoch
        )
        for time in times
    ]
    return ListOffsetsRequest[version](
        replica_id=-1,
        isolation_level=isolation_level,
        topics=[wanted(version=version, name=topic, partitions=parts)],
        timeout_ms=1000,
    )
