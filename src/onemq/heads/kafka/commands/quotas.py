"""DescribeClientQuotas, AlterClientQuotas.

Must not: authorise, or know what a quota does (the engine does).
Spec: Kafka protocol guide; KIP-546.
"""

from onemq.engine.quotas import FilterPart, entity_of
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.wording import words_of
from onemq.heads.kafka.errors import UNSUPPORTED_VERSION, code_of
from onemq.heads.kafka.messages.cold.alter_client_quotas import (
    AlterClientQuotasResponse,
    RequestEntryData,
    ResponseEntityData,
    ResponseEntryData,
    read_alter_client_quotas_request,
    write_alter_client_quotas_response,
)
from onemq.heads.kafka.messages.cold.describe_client_quotas import (
    DescribeClientQuotasResponse,
    EntityData,
    EntryData,
    ValueData,
    read_describe_client_quotas_request,
    write_describe_client_quotas_response,
)
from onemq.model.refusal import Reason, Refusal


def _code(refusal: Refusal) -> int:
    return UNSUPPORTED_VERSION if refusal.reason == Reason.NOT_SUPPORTED else code_of(refusal)


def handle_describe_client_quotas(call: Call) -> None:
    request = read_describe_client_quotas_request(call.reader, call.version)
    response = DescribeClientQuotasResponse(error_message=None)
    parts = [FilterPart(part.entity_type, part.match_type, part.match) for part in request.components]
    try:
        entries: list[EntryData] = []
        for entity, values in call.session.access.admin.quotas(parts, request.strict):
            entries.append(
                EntryData(
                    entity=[EntityData(entity_type=kind, entity_name=name) for kind, name in entity],
                    values=[ValueData(key=key, value=value) for key, value in values.items()],
                )
            )
        response.entries = entries
    except Refusal as refusal:
        response.error_code = _code(refusal)
        response.error_message = words_of(refusal)
        response.entries = None
    writer = call.writer()
    write_describe_client_quotas_response(writer, response, call.version)
    call.send(writer, call.session.access.position())


def handle_alter_client_quotas(call: Call) -> None:
    request = read_alter_client_quotas_request(call.reader, call.version)
    entries: list[ResponseEntryData] = []
    for entry in request.entries:
        result = ResponseEntryData(
            error_message=None,
            entity=[
                ResponseEntityData(entity_type=part.entity_type, entity_name=part.entity_name)
                for part in entry.entity
            ],
        )
        try:
            _alter(call, entry, request.validate_only)
        except Refusal as refusal:
            result.error_code = _code(refusal)
            result.error_message = words_of(refusal)
        entries.append(result)
    writer = call.writer()
    write_alter_client_quotas_response(writer, AlterClientQuotasResponse(entries=entries), call.version)
    call.send(writer, call.session.access.position())


def _alter(call: Call, entry: RequestEntryData, check_only: bool) -> None:
    """Raises Refusal."""
    entity = entity_of([(part.entity_type, part.entity_name) for part in entry.entity])
    changes: list[tuple[str, float | None]] = []
    for change in entry.ops:
        changes.append((change.key, None if change.remove else change.value))
    call.session.access.admin.alter_quota(entity, changes, check_only)
