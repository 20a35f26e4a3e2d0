"""ListGroups: all groups, or those of some states and types.

Spec: Kafka protocol guide, "ListGroups API" 0-5; KIP-518 (states), KIP-848 (types).
"""

from typing import Final

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.messages.cold.list_groups import (
    ListedGroup,
    ListGroupsResponse,
    read_list_groups_request,
    write_list_groups_response,
)

SHARE: Final = "share"


def handle_list_groups(call: Call) -> None:
    """API 16."""
    request = read_list_groups_request(call.reader, call.version)
    states = [state.lower() for state in request.states_filter]
    kinds = [kind.lower() for kind in request.types_filter]
    response = ListGroupsResponse()
    for group in call.session.access.groups.list():
        if states and group.state.lower() not in states:
            continue
        if kinds and group.kind not in kinds:
            continue
        response.groups.append(
            ListedGroup(
                group_id=group.name,
                protocol_type=group.protocol_type,
                group_state=group.state,
                group_type=group.kind,
            )
        )
    for share in call.session.access.shares.groups():
        state = share.state_name()
        if (not states or state.lower() in states) and (not kinds or SHARE in kinds):
            response.groups.append(
                ListedGroup(group_id=share.key[1], protocol_type=SHARE, group_state=state, group_type=SHARE)
            )
    writer = call.writer()
    write_list_groups_response(writer, response, call.version)
    call.send(writer)
