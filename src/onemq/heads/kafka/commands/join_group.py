"""JoinGroup: a member of a classic group wants to be in the next generation. Answered when that is complete.

Spec: Kafka protocol guide, "JoinGroup API" 0-9.
"""

from typing import Final

from onemq.engine.groups.classic_member import Joined, JoinRequest, JoinWaiter, Protocol
from onemq.heads.kafka.call import Call, Canceller
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.join_group import (
    JoinGroupResponse,
    JoinGroupResponseMember,
    read_join_group_request,
    write_join_group_response,
)

KNOWS_REBALANCE_TIMEOUT: Final = 1
KNOWS_MEMBER_ID_REQUIRED: Final = 4
KNOWS_NO_PROTOCOL: Final = 7
KNOWS_SKIPPED_ASSIGNMENT: Final = 9


class JoinAnswer(JoinWaiter):
    """Sends what the group says."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def joined(self, result: Joined) -> None:
        call = self._call
        if call.session.lost:
            return
        try:
            _send(call, result)
        except Exception as error:
            call.fail(error)


class Forgotten(Canceller):
    """The group goes on with the member, as with any that is silent: its session time-out decides."""

    def cancel(self) -> None:
        return


def handle_join_group(call: Call) -> None:
    """API 11."""
    version = call.version
    request = read_join_group_request(call.reader, version)
    session = call.session
    protocols: list[Protocol] = []
    for offered in request.protocols:
        protocols.append(Protocol(offered.name, offered.metadata))
    rebalance_timeout_ms = request.rebalance_timeout_ms
    if version < KNOWS_REBALANCE_TIMEOUT:
        rebalance_timeout_ms = request.session_timeout_ms
    join = JoinRequest(
        request.member_id,
        request.group_instance_id,
        call.client_id,
        client_host(call),
        request.session_timeout_ms,
        rebalance_timeout_ms,
        request.protocol_type,
        protocols,
        version >= KNOWS_MEMBER_ID_REQUIRED,
        version >= KNOWS_SKIPPED_ASSIGNMENT,
    )
    session.access.groups.join(request.group_id, join, JoinAnswer(call))
    if not call.answered:
        call.canceller = Forgotten()


def client_host(call: Call) -> str:
    """As Kafka writes addresses of clients."""
    return "/" + call.session.peer.host


def _send(call: Call, result: Joined) -> None:
    refusal = result.refusal
    name = result.protocol_name
    if name is None and call.version < KNOWS_NO_PROTOCOL:
        name = ""
    response = JoinGroupResponse(
        error_code=NONE if refusal is None else code_of(refusal),
        generation_id=int(result.generation),
        protocol_type=result.protocol_type,
        protocol_name=name,
        leader=result.leader,
        skip_assignment=result.skip_assignment,
        member_id=result.member_id,
    )
    for member in result.members:
        response.members.append(
            JoinGroupResponseMember(
                member_id=member.member_id, group_instance_id=member.instance_id, metadata=member.metadata
            )
        )
    writer = call.writer()
    write_join_group_response(writer, response, call.version)
    call.send(writer, 0 if refusal is not None else call.session.access.position())
