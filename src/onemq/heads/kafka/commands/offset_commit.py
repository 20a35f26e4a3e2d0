"""OffsetCommit: where a group will go on. Answered when that is durable.

Spec: Kafka protocol guide, "OffsetCommit API" 2-9. The retention time of versions 2-4 is passed over: the group's counts.
"""

from typing import Final

from onemq.engine.access import Access
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import topic_code
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.offset_commit import (
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
    read_offset_commit_request,
    write_offset_commit_response,
)
from onemq.model.refusal import Reason, Refusal

KNOWS_MEMBER_EPOCHS: Final = 9


def handle_offset_commit(call: Call) -> None:
    """API 8."""
    request = read_offset_commit_request(call.reader, call.version)
    access = call.session.access
    commits: list[Commit] = []
    for topic in request.topics:
        for partition in topic.partitions:
            commit = Commit(
                topic.name,
                partition.partition_index,
                partition.committed_offset,
                partition.committed_leader_epoch,
                partition.committed_metadata or "",
            )
            commit.refused = unreadable(access, topic.name, partition.partition_index)
            commits.append(commit)
    member = Membership(request.generation_id_or_member_epoch, request.member_id, request.group_instance_id)
    code = NONE
    try:
        access.groups.commit(request.group_id, member, commits, call.version >= KNOWS_MEMBER_EPOCHS)
    except Refusal as refusal:
        code = code_of(refusal)
        if refusal.reason == Reason.ACCESS_DENIED:
            for commit in commits:
                commit.refused = refusal
    response = OffsetCommitResponse()
    at = 0
    for topic in request.topics:
        answer = OffsetCommitResponseTopic(name=topic.name)
        response.topics.append(answer)
        for partition in topic.partitions:
            refused = commits[at].refused
            at += 1
            answer.partitions.append(
                OffsetCommitResponsePartition(
                    partition_index=partition.partition_index,
                    error_code=code if refused is None else topic_code(refused),
                )
            )
    writer = call.writer()
    write_offset_commit_response(writer, response, call.version)
    call.send(writer, access.position())


def unreadable(access: Access, name: str, index: int) -> Refusal | None:
    """Why offsets of this partition are not this principal's business; None if they are."""
    topics = access.topics
    if not topics.may_read(name):
        return Refusal(Reason.ACCESS_DENIED, "topic", name, "read")
    try:
        topics.partition(topics.find(name), index)
    except Refusal as refusal:
        return refusal
    return None
