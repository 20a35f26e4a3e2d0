"""Where share groups read: DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets.

Spec: KIP-932, APIs 90 (0-1), 91 and 92; KIP-1226 for the lag.
"""

from onemq.engine.access import Access
from onemq.engine.topics.topic import Topic
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.errors import UNKNOWN_TOPIC_OR_PARTITION, code_of
from onemq.heads.kafka.messages.cold.alter_share_group_offsets import (
    AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition,
    AlterShareGroupOffsetsResponseTopic,
    read_alter_share_group_offsets_request,
    write_alter_share_group_offsets_response,
)
from onemq.heads.kafka.messages.cold.delete_share_group_offsets import (
    DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
    read_delete_share_group_offsets_request,
    write_delete_share_group_offsets_response,
)
from onemq.heads.kafka.messages.cold.describe_share_group_offsets import (
    DescribeShareGroupOffsetsRequestGroup,
    DescribeShareGroupOffsetsResponse,
    DescribeShareGroupOffsetsResponseGroup,
    DescribeShareGroupOffsetsResponsePartition,
    DescribeShareGroupOffsetsResponseTopic,
    read_describe_share_group_offsets_request,
    write_describe_share_group_offsets_response,
)
from onemq.model.refusal import Reason, Refusal


def handle_describe_share_group_offsets(call: Call) -> None:
    """API 90."""
    request = read_describe_share_group_offsets_request(call.reader, call.version)
    response = DescribeShareGroupOffsetsResponse()
    for group in request.groups:
        response.groups.append(_described(call.session.access, group))
    writer = call.writer()
    write_describe_share_group_offsets_response(writer, response, call.version)
    call.send(writer)


def _described(
    access: Access, group: DescribeShareGroupOffsetsRequestGroup
) -> DescribeShareGroupOffsetsResponseGroup:
    answer = DescribeShareGroupOffsetsResponseGroup(group_id=group.group_id)
    try:
        wanted = access.shares.started(group.group_id)
    except Refusal as refusal:
        answer.error_code = code_of(refusal)
        answer.error_message = refusal.detail or refusal.reason.name
        return answer
    if group.topics is not None:
        wanted = {topic.topic_name: topic.partitions for topic in group.topics}
    for name, indexes in wanted.items():
        row = DescribeShareGroupOffsetsResponseTopic(topic_name=name)
        answer.topics.append(row)
        for index in sorted(indexes):
            place = DescribeShareGroupOffsetsResponsePartition(partition_index=index, start_offset=-1)
            row.partitions.append(place)
            try:
                topic = access.topics.find(name)
                row.topic_id = topic.topic_id
                place.start_offset, place.lag = access.shares.progress(group.group_id, topic, index)
            except Refusal as refusal:
                if refusal.reason != Reason.NOT_FOUND:  # what does not exist is not read, which is no error
                    place.error_code = topic_code(refusal)
                    place.error_message = refusal.detail or refusal.reason.name
    return answer


def handle_alter_share_group_offsets(call: Call) -> None:
    """API 91."""
    request = read_alter_share_group_offsets_request(call.reader, call.version)
    access = call.session.access
    response = AlterShareGroupOffsetsResponse()
    try:
        access.shares.check_reset(request.group_id)
        for wanted in request.topics:
            row = AlterShareGroupOffsetsResponseTopic(topic_name=wanted.topic_name)
            response.responses.append(row)
            for partition in wanted.partitions:
                place = AlterShareGroupOffsetsResponsePartition(partition_index=partition.partition_index)
                row.partitions.append(place)
                try:
                    topic = access.topics.find(wanted.topic_name)
                    row.topic_id = topic.topic_id
                    access.shares.reset(
                        request.group_id, topic, partition.partition_index, partition.start_offset
                    )
                except Refusal as refusal:
                    place.error_code = topic_code(refusal)
                    place.error_message = refusal.detail or refusal.reason.name
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = refusal.detail or refusal.reason.name
    writer = call.writer()
    write_alter_share_group_offsets_response(writer, response, call.version)
    call.send(writer, access.position())


def handle_delete_share_group_offsets(call: Call) -> None:
    """API 92."""
    request = read_delete_share_group_offsets_request(call.reader, call.version)
    access = call.session.access
    response = DeleteShareGroupOffsetsResponse()
    try:
        access.shares.check_forget(request.group_id)
        for wanted in request.topics:
            response.responses.append(_deleted(access, request.group_id, wanted.topic_name))
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = refusal.detail or refusal.reason.name
    writer = call.writer()
    write_delete_share_group_offsets_response(writer, response, call.version)
    call.send(writer, access.position())


def _deleted(access: Access, group: str, name: str) -> DeleteShareGroupOffsetsResponseTopic:
    row = DeleteShareGroupOffsetsResponseTopic(topic_name=name)
    try:
        topic: Topic = access.topics.find(name)
        row.topic_id = topic.topic_id
        if not access.shares.forget(group, topic):
            row.error_code = UNKNOWN_TOPIC_OR_PARTITION
            row.error_message = "There is no offset information to delete."
    except Refusal as refusal:
        row.error_code = topic_code(refusal)
        row.error_message = refusal.detail or refusal.reason.name
    return row
