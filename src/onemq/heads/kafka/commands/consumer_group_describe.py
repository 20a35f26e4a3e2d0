"""ConsumerGroupDescribe: groups with server-side assignment and their members.

Spec: KIP-848, "ConsumerGroupDescribe API" 0-1.
"""

from typing import Final

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import group_operations
from onemq.heads.kafka.errors import TOPIC_AUTHORIZATION_FAILED, code_of
from onemq.heads.kafka.messages.cold.consumer_group_describe import (
    Assignment,
    ConsumerGroupDescribeResponse,
    DescribedGroup,
    Member,
    TopicPartitions,
    read_consumer_group_describe_request,
    write_consumer_group_describe_response,
)
from onemq.model.refusal import Refusal

CONSUMER_MEMBER: Final = 1


def handle_consumer_group_describe(call: Call) -> None:
    """API 69."""
    request = read_consumer_group_describe_request(call.reader, call.version)
    response = ConsumerGroupDescribeResponse()
    for name in request.group_ids:
        response.groups.append(_group(call, name, request.include_authorized_operations))
    writer = call.writer()
    write_consumer_group_describe_response(writer, response, call.version)
    call.send(writer)


def _group(call: Call, name: str, with_operations: bool) -> DescribedGroup:
    access = call.session.access
    try:
        view = access.groups.describe_consumer(name)
    except Refusal as refusal:
        return DescribedGroup(group_id=name, error_code=code_of(refusal), error_message=refusal.detail)
    answer = DescribedGroup(
        group_id=name,
        group_state=view.state,
        group_epoch=view.epoch,
        assignment_epoch=view.target_epoch,
        assignor_name=view.assignor,
    )
    for member in view.members:
        for _, topic, _ in member.assigned + member.target:
            if not access.topics.may_describe(topic):
                return DescribedGroup(
                    group_id=name,
                    error_code=TOPIC_AUTHORIZATION_FAILED,
                    error_message="The described group uses topics that the client is not authorized to describe.",
                )
        answer.members.append(
            Member(
                member_id=member.member_id,
                instance_id=member.instance_id,
                rack_id=member.rack_id,
                member_epoch=member.epoch,
                client_id=member.client_id,
                client_host=member.client_host,
                subscribed_topic_names=member.topics,
                subscribed_topic_regex=member.pattern,
                assignment=_assignment(member.assigned),
                target_assignment=_assignment(member.target),
                member_type=CONSUMER_MEMBER,
            )
        )
    if with_operations:
        answer.authorized_operations = group_operations(access, name)
    return answer


def _assignment(rows: list[tuple[bytes, str, list[int]]]) -> Assignment:
    assignment = Assignment()
    for topic_id, name, partitions in rows:
        assignment.topic_partitions.append(
            TopicPartitions(topic_id=topic_id, topic_name=name, partitions=partitions)
        )
    return assignment
