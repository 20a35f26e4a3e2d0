"""LeaveGroup: members of a classic group leave, or an administrator removes them.

Spec: Kafka protocol guide, "LeaveGroup API" 0-5; KIP-345 (several at once, static members).
"""

from typing import Final

from onemq.engine.groups.group import Membership
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.leave_group import (
    LeaveGroupResponse,
    MemberResponse,
    read_leave_group_request,
    write_leave_group_response,
)
from onemq.model.refusal import Reason, Refusal

KNOWS_SEVERAL: Final = 3


def handle_leave_group(call: Call) -> None:
    """API 13."""
    request = read_leave_group_request(call.reader, call.version)
    members: list[Membership] = []
    if call.version < KNOWS_SEVERAL:
        members.append(Membership(-1, request.member_id))
    for member in request.members:
        members.append(Membership(-1, member.member_id, member.group_instance_id))
    response = LeaveGroupResponse()
    access = call.session.access
    try:
        answers = access.groups.leave(request.group_id, members)
        _fill(call, response, members, answers)
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        if refusal.reason == Reason.UNKNOWN_MEMBER and call.version >= KNOWS_SEVERAL:
            # There is no such group; that is each member's answer, not that of the whole.
            response.error_code = NONE
            _fill(call, response, members, [refusal] * len(members))
    writer = call.writer()
    write_leave_group_response(writer, response, call.version)
    call.send(writer, access.position())


def _fill(
    call: Call, response: LeaveGroupResponse, members: list[Membership], answers: list[Refusal | None]
) -> None:
    for index in range(len(members)):
        refusal = answers[index]
        code = NONE if refusal is None else code_of(refusal)
        if call.version < KNOWS_SEVERAL:
            response.error_code = code
        else:
            member = members[index]
            response.members.append(
                MemberResponse(
                    member_id=member.member_id, group_instance_id=member.instance_id, error_code=code
                )
            )
