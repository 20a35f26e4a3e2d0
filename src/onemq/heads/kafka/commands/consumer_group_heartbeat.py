"""ConsumerGroupHeartbeat: a member of a group with server-side assignment joins, is alive, says what it has, or leaves.

Spec: KIP-848, "ConsumerGroupHeartbeat API" 0-1.
"""

from typing import Final

from onemq.engine.groups.consumer_member import JOIN_EPOCH, LEAVE_EPOCH, LEAVE_STATIC_EPOCH, Beat, BeatAnswer
from onemq.engine.groups.settings import ASSIGNORS
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.join_group import client_host
from onemq.heads.kafka.errors import code_of
from onemq.heads.kafka.messages.consumer_group_heartbeat import (
    Assignment,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    ResponseTopicPartitions,
    read_consumer_group_heartbeat_request,
    write_consumer_group_heartbeat_response,
)
from onemq.model.refusal import Reason, Refusal

MEMBER_MAKES_ID: Final = 1


def handle_consumer_group_heartbeat(call: Call) -> None:
    """API 68."""
    request = read_consumer_group_heartbeat_request(call.reader, call.version)
    access = call.session.access
    response = ConsumerGroupHeartbeatResponse()
    try:
        _check(request, call.version)
        _fill(response, access.groups.consumer_heartbeat(request.group_id, _beat(call, request)))
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = refusal.detail or refusal.reason.name
    writer = call.writer()
    write_consumer_group_heartbeat_response(writer, response, call.version)
    call.send(writer, access.position())


def _check(request: ConsumerGroupHeartbeatRequest, version: int) -> None:
    """Raises Refusal INVALID ("request"), UNSUPPORTED_ASSIGNOR."""
    if not request.group_id.strip():
        raise _invalid("GroupId can't be empty.")
    if request.instance_id is not None and not request.instance_id.strip():
        raise _invalid("InstanceId can't be empty.")
    if request.rack_id is not None and not request.rack_id.strip():
        raise _invalid("RackId can't be empty.")
    epoch = request.member_epoch
    if not request.member_id.strip() and (version >= MEMBER_MAKES_ID or epoch != JOIN_EPOCH):
        raise _invalid("MemberId can't be empty.")
    if epoch < LEAVE_STATIC_EPOCH:
        raise _invalid("MemberEpoch is invalid.")
    if epoch == LEAVE_STATIC_EPOCH and request.instance_id is None:
        raise _invalid("InstanceId can't be null.")
    if epoch == JOIN_EPOCH:
        _check_join(request)
    if epoch > LEAVE_EPOCH and request.server_assignor is not None:
        if request.server_assignor not in ASSIGNORS:
            raise Refusal(
                Reason.UNSUPPORTED_ASSIGNOR,
                "assignor",
                request.server_assignor,
                f"ServerAssignor {request.server_assignor} is not supported. "
                f"Supported assignors: {', '.join(ASSIGNORS)}.",
            )


def _check_join(request: ConsumerGroupHeartbeatRequest) -> None:
    if request.rebalance_timeout_ms == -1:
        raise _invalid("RebalanceTimeoutMs must be provided in first request.")
    if request.topic_partitions is None or request.topic_partitions:
        raise _invalid("TopicPartitions must be empty when (re-)joining.")
    if request.subscribed_topic_names is None and request.subscribed_topic_regex is None:
        # Empty is right: a client that matches its pattern itself has found nothing yet.
        raise _invalid(
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
        )


def _invalid(text: str) -> Refusal:
    return Refusal(Reason.INVALID, "request", "", text)


def _beat(call: Call, request: ConsumerGroupHeartbeatRequest) -> Beat:
    beat = Beat(request.member_id, request.member_epoch, call.client_id, client_host(call))
    beat.instance_id = request.instance_id
    beat.rack_id = request.rack_id
    beat.rebalance_timeout_ms = request.rebalance_timeout_ms
    beat.topics = request.subscribed_topic_names
    beat.pattern = request.subscribed_topic_regex
    beat.assignor = request.server_assignor
    if request.topic_partitions is not None:
        owned: dict[bytes, set[int]] = {}
        for topic in request.topic_partitions:
            owned.setdefault(topic.topic_id, set()).update(topic.partitions)
        beat.owned = owned
    return beat


def _fill(response: ConsumerGroupHeartbeatResponse, answer: BeatAnswer) -> None:
    response.member_id = answer.member_id
    response.member_epoch = answer.epoch
    response.heartbeat_interval_ms = answer.interval_ms
    if answer.assigned is not None:
        assignment = Assignment()
        for topic_id in sorted(answer.assigned):
            assignment.topic_partitions.append(
                ResponseTopicPartitions(topic_id=topic_id, partitions=sorted(answer.assigned[topic_id]))
            )
        response.assignment = assignment
