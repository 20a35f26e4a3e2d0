"""DescribeTopicPartitions: topics and their partitions in pages.

Spec: KIP-966, "DescribeTopicPartitions".
"""

from typing import Final

from onemq.engine.topics.topic import Topic
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import topic_operations
from onemq.heads.kafka.errors import INVALID_REQUEST, code_of
from onemq.heads.kafka.messages.cold.describe_topic_partitions import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
    ResponseCursor,
    read_describe_topic_partitions_request,
    write_describe_topic_partitions_response,
)
from onemq.model.refusal import Refusal

PARTITIONS_MAX: Final = 2000
"""Kafka's max.request.partition.size.limit."""


def handle_describe_topic_partitions(call: Call) -> None:
    request = read_describe_topic_partitions_request(call.reader, call.version)
    response = DescribeTopicPartitionsResponse()
    names = _names(call, request)
    left = max(min(request.response_partition_limit, PARTITIONS_MAX), 1)
    cursor = request.cursor
    first = 0
    if cursor is not None:
        if cursor.partition_index < 0 or (request.topics and cursor.topic_name not in names):
            _refuse(call, names)
            return
        names = [name for name in names if name >= cursor.topic_name]
        if names and names[0] == cursor.topic_name:
            first = cursor.partition_index
    for name in names:
        if left == 0:
            response.next_cursor = ResponseCursor(topic_name=name, partition_index=0)
            break
        try:
            topic = call.session.access.topics.find(name)
        except Refusal as refusal:
            response.topics.append(
                DescribeTopicPartitionsResponseTopic(error_code=code_of(refusal), name=name)
            )
            continue
        count = len(topic.partitions)
        end = min(first + left, count)
        response.topics.append(_topic(call, topic, first, end))
        left -= max(end - first, 0)
        if end < count:
            response.next_cursor = ResponseCursor(topic_name=name, partition_index=end)
            break
        first = 0
    writer = call.writer()
    write_describe_topic_partitions_response(writer, response, call.version)
    call.send(writer)


def _names(call: Call, request: DescribeTopicPartitionsRequest) -> list[str]:
    if request.topics:
        return sorted({topic.name for topic in request.topics})
    return sorted(topic.name for topic in call.session.access.topics.topics())


def _refuse(call: Call, names: list[str]) -> None:
    """A cursor that no answer of ours can have had."""
    response = DescribeTopicPartitionsResponse(
        topics=[DescribeTopicPartitionsResponseTopic(error_code=INVALID_REQUEST, name=name) for name in names]
    )
    writer = call.writer()
    write_describe_topic_partitions_response(writer, response, call.version)
    call.send(writer)


def _topic(call: Call, topic: Topic, first: int, end: int) -> DescribeTopicPartitionsResponseTopic:
    here = [call.session.settings.broker_id]
    partitions = []
    for index in range(first, end):
        partitions.append(
            DescribeTopicPartitionsResponsePartition(
                partition_index=index,
                leader_id=here[0],
                leader_epoch=0,
                replica_nodes=here,
                isr_nodes=here,
                eligible_leader_replicas=[],
                last_known_elr=[],
            )
        )
    return DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        partitions=partitions,
        topic_authorized_operations=topic_operations(call.session.access, topic.name),
    )
