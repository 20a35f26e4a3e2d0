"""FindCoordinator: who keeps a group's or a transactional id's state. That is always this broker.

Spec: Kafka protocol guide, "FindCoordinator API" 0-6; KIP-699 (several keys), KIP-932 (share groups).
"""

from typing import Final

from onemq.engine.acls import CLUSTER, CLUSTER_ACTION, CLUSTER_NAME, DESCRIBE, TRANSACTIONAL_ID
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import advertised_host, advertised_port
from onemq.heads.kafka.errors import INVALID_REQUEST, NONE, code_of
from onemq.heads.kafka.messages.find_coordinator import (
    Coordinator,
    FindCoordinatorResponse,
    read_find_coordinator_request,
    write_find_coordinator_response,
)
from onemq.model.refusal import Reason, Refusal

GROUP_KEY: Final = 0
TRANSACTION_KEY: Final = 1
SHARE_KEY: Final = 2
KNOWS_SEVERAL_KEYS: Final = 4
KNOWS_SHARE_KEYS: Final = 6
NOBODY: Final = -1


def handle_find_coordinator(call: Call) -> None:
    """API 10."""
    request = read_find_coordinator_request(call.reader, call.version)
    response = FindCoordinatorResponse()
    if call.version >= KNOWS_SEVERAL_KEYS:
        for key in request.coordinator_keys:
            response.coordinators.append(_coordinator(call, request.key_type, key))
    else:
        found = _coordinator(call, request.key_type, request.key)
        response.error_code = found.error_code
        response.error_message = found.error_message or "NONE"
        response.node_id = found.node_id
        response.host = found.host
        response.port = found.port
    writer = call.writer()
    write_find_coordinator_response(writer, response, call.version)
    call.send(writer)


def _coordinator(call: Call, key_type: int, key: str) -> Coordinator:
    session = call.session
    try:
        _check(call, key_type, key)
    except Refusal as refusal:
        code = code_of(refusal) if refusal.reason == Reason.ACCESS_DENIED else INVALID_REQUEST
        return Coordinator(
            key=key, node_id=NOBODY, host="", port=NOBODY, error_code=code, error_message=refusal.detail
        )
    return Coordinator(
        key=key,
        node_id=session.settings.broker_id,
        host=advertised_host(session),
        port=advertised_port(session),
        error_code=NONE,
        error_message="",
    )


def _check(call: Call, key_type: int, key: str) -> None:
    access = call.session.access
    if key_type == GROUP_KEY:
        access.groups.check_describe(key)
    elif key_type == TRANSACTION_KEY:
        access.authority.demand(TRANSACTIONAL_ID, DESCRIBE, key)
    elif key_type == SHARE_KEY and call.version >= KNOWS_SHARE_KEYS:
        # Between brokers only; there is no other.
        access.authority.demand(CLUSTER, CLUSTER_ACTION, CLUSTER_NAME)
        if key.count(":") < 2:
            raise Refusal(Reason.INVALID, "request", key, "not a share coordinator key")
    else:
        raise Refusal(Reason.INVALID, "request", key, f"unknown key type {key_type}")
