"""OffsetFetch: where a group goes on.

Spec: Kafka protocol guide, "OffsetFetch API" 1-9; KIP-447 (stable offsets), KIP-709 (several groups).
"""

from typing import Final

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.errors import NONE, TOPIC_AUTHORIZATION_FAILED, code_of
from onemq.heads.kafka.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
    read_offset_fetch_request,
    write_offset_fetch_response,
)
from onemq.model.refusal import Refusal

NO_OFFSET: Final = -1
KNOWS_GROUP_ERRORS: Final = 2
KNOWS_SEVERAL_GROUPS: Final = 8


def handle_offset_fetch(call: Call) -> None:
    """API 9."""
    request = read_offset_fetch_request(call.reader, call.version)
    response = OffsetFetchResponse()
    if call.version >= KNOWS_SEVERAL_GROUPS:
        for wanted in request.groups:
            response.groups.append(_group(call, wanted, request.require_stable))
    else:
        _fill_single(response, _group(call, _single(request), request.require_stable), request, call.version)
    writer = call.writer()
    write_offset_fetch_response(writer, response, call.version)
    # What is told here must not be lost: a consumer would go back.
    call.send(writer, call.session.access.position())


def _single(request: OffsetFetchRequest) -> OffsetFetchRequestGroup:
    topics: list[OffsetFetchRequestTopics] | None = None
    if request.topics is not None:
        topics = []
        for topic in request.topics:
            topics.append(
                OffsetFetchRequestTopics(name=topic.name, partition_indexes=topic.partition_indexes)
            )
    return OffsetFetchRequestGroup(group_id=request.group_id, topics=topics)


def _fill_single(
    response: OffsetFetchResponse, group: OffsetFetchResponseGroup, request: OffsetFetchRequest, version: int
) -> None:
    response.error_code = group.error_code
    if group.error_code != NONE and version < KNOWS_GROUP_ERRORS:
        for wanted in request.topics or []:
            refused = OffsetFetchResponseTopics(name=wanted.name)
            for index in wanted.partition_indexes:
                refused.partitions.append(_nothing(index, group.error_code))
            group.topics.append(refused)
    for topic in group.topics:
        answer = OffsetFetchResponseTopic(name=topic.name)
        response.topics.append(answer)
        for partition in topic.partitions:
            answer.partitions.append(
                OffsetFetchResponsePartition(
                    partition_index=partition.partition_index,
                    committed_offset=partition.committed_offset,
                    committed_leader_epoch=partition.committed_leader_epoch,
                    metadata=partition.metadata,
                    error_code=partition.error_code,
                )
            )


def _group(call: Call, wanted: OffsetFetchRequestGroup, stable: bool) -> OffsetFetchResponseGroup:
    answer = OffsetFetchResponseGroup(group_id=wanted.group_id)
    groups = call.session.access.groups
    try:
        groups.check_fetch(wanted.group_id, wanted.member_id or "", wanted.member_epoch)
    except Refusal as refusal:
        answer.error_code = code_of(refusal)
        return answer
    if wanted.topics is None:
        for name, partitions in groups.committed_partitions(wanted.group_id).items():
            answer.topics.append(_topic(call, wanted.group_id, name, partitions, stable))
    else:
        for topic in wanted.topics:
            answer.topics.append(_topic(call, wanted.group_id, topic.name, topic.partition_indexes, stable))
    return answer


def _topic(
    call: Call, group: str, name: str, partitions: list[int], stable: bool
) -> OffsetFetchResponseTopics:
    answer = OffsetFetchResponseTopics(name=name)
    access = call.session.access
    allowed = access.topics.may_describe(name)
    for index in partitions:
        if not allowed:
            answer.partitions.append(_nothing(index, TOPIC_AUTHORIZATION_FAILED))
            continue
        try:
            committed = access.groups.committed(group, name, index, stable)
        except Refusal as refusal:
            answer.partitions.append(_nothing(index, code_of(refusal)))
            continue
        if committed is None:
            answer.partitions.append(_nothing(index, NONE))
        else:
            answer.partitions.append(
                OffsetFetchResponsePartitions(
                    partition_index=index,
                    committed_offset=int(committed.offset),
                    committed_leader_epoch=int(committed.leader_epoch),
                    metadata=committed.metadata,
                )
            )
    return answer


def _nothing(index: int, code: int) -> OffsetFetchResponsePartitions:
    return OffsetFetchResponsePartitions(
        partition_index=index, committed_offset=NO_OFFSET, metadata="", error_code=code
    )
