"""ShareGroupHeartbeat: a member of a share group joins, is alive, or leaves. ShareGroupDescribe: groups and their members.

Spec: KIP-932, "ShareGroupHeartbeat API" 1, "ShareGroupDescribe API" 1.
"""

from onemq.engine.share.group import ASSIGNOR, JOIN_EPOCH, LEAVE_EPOCH, ShareBeat
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import group_operations
from onemq.heads.kafka.commands.join_group import client_host
from onemq.heads.kafka.errors import TOPIC_AUTHORIZATION_FAILED, code_of
from onemq.heads.kafka.messages.cold.share_group_describe import (
    Assignment as DescribedAssignment,
)
from onemq.heads.kafka.messages.cold.share_group_describe import (
    DescribedGroup,
    Member,
    ShareGroupDescribeResponse,
    read_share_group_describe_request,
    write_share_group_describe_response,
)
from onemq.heads.kafka.messages.cold.share_group_describe import (
    TopicPartitions as DescribedTopicPartitions,
)
from onemq.heads.kafka.messages.share_group_heartbeat import (
    Assignment,
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
    TopicPartitions,
    read_share_group_heartbeat_request,
    write_share_group_heartbeat_response,
)
from onemq.model.refusal import Reason, Refusal


def handle_share_group_heartbeat(call: Call) -> None:
    """API 76."""
    request = read_share_group_heartbeat_request(call.reader, call.version)
    access = call.session.access
    response = ShareGroupHeartbeatResponse()
    try:
        _check(request)
        beat = ShareBeat(
            request.member_id,
            request.member_epoch,
            request.subscribed_topic_names,
            request.rack_id,
            call.client_id,
            client_host(call),
        )
        answer = access.shares.heartbeat(request.group_id, beat)
        response.member_id = request.member_id
        response.member_epoch = answer.epoch
        response.heartbeat_interval_ms = answer.interval_ms
        assigned = answer.assigned
        if assigned is not None:
            response.assignment = Assignment(
                topic_partitions=[
                    TopicPartitions(topic_id=topic_id, partitions=sorted(assigned[topic_id]))
                    for topic_id in sorted(assigned)
                ]
            )
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = refusal.detail or refusal.reason.name
    writer = call.writer()
    write_share_group_heartbeat_response(writer, response, call.version)
    call.send(writer, access.position())


def _check(request: ShareGroupHeartbeatRequest) -> None:
    """Refusal INVALID ("request")."""
    if not request.group_id.strip():
        raise _invalid("GroupId can't be empty.")
    if not request.member_id.strip():
        raise _invalid("MemberId can't be empty.")
    if request.rack_id is not None and not request.rack_id.strip():
        raise _invalid("RackId can't be empty.")
    if request.member_epoch < LEAVE_EPOCH:
        raise _invalid("MemberEpoch is invalid.")
    if request.member_epoch == JOIN_EPOCH and not request.subscribed_topic_names:
        raise _invalid("SubscribedTopicNames must be set in first request.")


def _invalid(text: str) -> Refusal:
    return Refusal(Reason.INVALID, "request", "", text)


def handle_share_group_describe(call: Call) -> None:
    """API 77."""
    request = read_share_group_describe_request(call.reader, call.version)
    response = ShareGroupDescribeResponse()
    for name in request.group_ids:
        response.groups.append(_described(call, name, request.include_authorized_operations))
    writer = call.writer()
    write_share_group_describe_response(writer, response, call.version)
    call.send(writer)


def _described(call: Call, name: str, with_operations: bool) -> DescribedGroup:
    access = call.session.access
    try:
        group = access.shares.describe(name)
    except Refusal as refusal:
        return DescribedGroup(group_id=name, error_code=code_of(refusal), error_message=refusal.detail)
    answer = DescribedGroup(
        group_id=name,
        group_state=group.state_name(),
        group_epoch=group.epoch,
        assignment_epoch=group.epoch,
        assignor_name=ASSIGNOR,
    )
    names = group.topic_names()
    for topic in names.values():
        if not access.topics.may_describe(topic):
            return DescribedGroup(
                group_id=name,
                error_code=TOPIC_AUTHORIZATION_FAILED,
                error_message="The described group uses topics that the client is not authorized to describe.",
            )
    for member in group.members.values():
        assignment = DescribedAssignment()
        target = group.targets.get(member.member_id, {})
        for topic_id in sorted(target):
            assignment.topic_partitions.append(
                DescribedTopicPartitions(
                    topic_id=topic_id, topic_name=names[topic_id], partitions=sorted(target[topic_id])
                )
            )
        answer.members.append(
            Member(
                member_id=member.member_id,
                rack_id=member.rack_id,
                member_epoch=member.epoch,
                client_id=member.client_id,
                client_host=member.client_host,
                subscribed_topic_names=list(member.topics),
                assignment=assignment,
            )
        )
    if with_operations:
        answer.authorized_operations = group_operations(access, name)
    return answer
