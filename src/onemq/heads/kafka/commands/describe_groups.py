"""DescribeGroups: classic groups and their members.

Spec: Kafka protocol guide, "DescribeGroups API" 0-6; KIP-430 (operations), KIP-1043 (an error for what is not there).
"""

from typing import Final

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import group_operations
from onemq.heads.kafka.errors import GROUP_ID_NOT_FOUND, code_of
from onemq.heads.kafka.messages.cold.describe_groups import (
    DescribedGroup,
    DescribedGroupMember,
    DescribeGroupsResponse,
    read_describe_groups_request,
    write_describe_groups_response,
)
from onemq.model.refusal import Refusal

KNOWS_NOT_FOUND: Final = 6


def handle_describe_groups(call: Call) -> None:
    """API 15."""
    request = read_describe_groups_request(call.reader, call.version)
    response = DescribeGroupsResponse()
    for name in request.groups:
        response.groups.append(_group(call, name, request.include_authorized_operations))
    writer = call.writer()
    write_describe_groups_response(writer, response, call.version)
    call.send(writer)


def _group(call: Call, name: str, with_operations: bool) -> DescribedGroup:
    answer = DescribedGroup(group_id=name)
    access = call.session.access
    try:
        view = access.groups.describe_classic(name)
    except Refusal as refusal:
        answer.error_code = code_of(refusal)
        return answer
    answer.group_state = view.state
    if not view.found and call.version >= KNOWS_NOT_FOUND:
        answer.error_code = GROUP_ID_NOT_FOUND
        answer.error_message = f"Group {name} not found."
        return answer
    answer.protocol_type = view.protocol_type
    answer.protocol_data = view.protocol
    for member in view.members:
        answer.members.append(
            DescribedGroupMember(
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                member_metadata=member.metadata,
                member_assignment=member.assignment,
            )
        )
    if with_operations:
        answer.authorized_operations = group_operations(access, name)
    return answer
