"""SyncGroup: a member of a classic group asks for its assignment; the leader brings all of them.

Answered when the leader has assigned and the assignment is durable.
Spec: Kafka protocol guide, "SyncGroup API" 0-5.
"""

from typing import Final

from onemq.engine.groups.classic_member import Synced, SyncWaiter
from onemq.engine.groups.group import Membership
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.join_group import Forgotten
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.sync_group import (
    SyncGroupResponse,
    read_sync_group_request,
    write_sync_group_response,
)
from onemq.model.refusal import Reason, Refusal

_NAMES_PROTOCOL: Final = 5
"""From this version on a member has to say what it takes to have been chosen (KIP-559)."""


class SyncAnswer(SyncWaiter):
    """Sends what the group says."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def synced(self, result: Synced) -> None:
        call = self._call
        if call.session.lost:
            return
        try:
            _send(call, result)
        except Exception as error:
            call.fail(error)


def handle_sync_group(call: Call) -> None:
    """API 14."""
    request = read_sync_group_request(call.reader, call.version)
    if call.version >= _NAMES_PROTOCOL and (request.protocol_type is None or request.protocol_name is None):
        _send(call, Synced(Refusal(Reason.INCONSISTENT_PROTOCOL, "group", request.group_id)))
        return
    assignments: dict[str, bytes] = {}
    for row in request.assignments:
        assignments[row.member_id] = row.assignment
    call.session.access.groups.sync(
        request.group_id,
        Membership(request.generation_id, request.member_id, request.group_instance_id),
        request.protocol_type,
        request.protocol_name,
        assignments,
        SyncAnswer(call),
    )
    if not call.answered:
        call.canceller = Forgotten()


def _send(call: Call, result: Synced) -> None:
    refusal = result.refusal
    response = SyncGroupResponse(
        error_code=NONE if refusal is None else code_of(refusal),
        protocol_type=result.protocol_type,
        protocol_name=result.protocol_name,
        assignment=result.assignment,
    )
    writer = call.writer()
    write_sync_group_response(writer, response, call.version)
    call.send(writer, 0 if refusal is not None else call.session.access.position())
