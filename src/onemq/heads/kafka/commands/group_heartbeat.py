"""Heartbeat: a member of a classic group is alive, and hears when it has to join again.

Spec: Kafka protocol guide, "Heartbeat API" 0-4.
"""

from onemq.engine.groups.group import Membership
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.heartbeat import (
    HeartbeatResponse,
    read_heartbeat_request,
    write_heartbeat_response,
)
from onemq.model.refusal import Refusal


def handle_heartbeat(call: Call) -> None:
    """API 12."""
    request = read_heartbeat_request(call.reader, call.version)
    code = NONE
    try:
        call.session.access.groups.heartbeat(
            request.group_id, Membership(request.generation_id, request.member_id, request.group_instance_id)
        )
    except Refusal as refusal:
        code = code_of(refusal)
    writer = call.writer()
    write_heartbeat_response(writer, HeartbeatResponse(error_code=code), call.version)
    call.send(writer)
