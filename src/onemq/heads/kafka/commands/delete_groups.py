"""DeleteGroups: groups without members, with their offsets.

Spec: KIP-229, "DeleteGroups API" 0-2.
"""

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.errors import NONE, code_of
from onemq.heads.kafka.messages.cold.delete_groups import (
    DeletableGroupResult,
    DeleteGroupsResponse,
    read_delete_groups_request,
    write_delete_groups_response,
)
from onemq.model.refusal import Refusal


def handle_delete_groups(call: Call) -> None:
    """API 42."""
    request = read_delete_groups_request(call.reader, call.version)
    access = call.session.access
    response = DeleteGroupsResponse()
    for name in dict.fromkeys(request.groups_names):
        code = NONE
        try:
            if access.shares.has(name):
                access.shares.delete(name)
            else:
                access.groups.delete(name)
        except Refusal as refusal:
            code = code_of(refusal)
        response.results.append(DeletableGroupResult(group_id=name, error_code=code))
    writer = call.writer()
    write_delete_groups_response(writer, response, call.version)
    call.send(writer, access.position())
