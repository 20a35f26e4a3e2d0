"""ShareAcknowledge: what a member says of records that it holds. Used by ShareFetch too, which can bring the same.

Spec: KIP-932, "ShareAcknowledge API" 1; KIP-1222 for version 2 (renewing locks).
"""

from typing import Final

from onemq.engine.access import Access
from onemq.engine.share.partition import GAP, REJECT, RENEW, Acknowledgement
from onemq.engine.share.sessions import LAST_EPOCH
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.errors import NONE, UNKNOWN_TOPIC_ID, code_of
from onemq.heads.kafka.messages.share_acknowledge import (
    AcknowledgePartition,
    PartitionData,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareAcknowledgeTopicResponse,
    read_share_acknowledge_request,
    write_share_acknowledge_response,
)
from onemq.model.refusal import Reason, Refusal

RENEWS: Final = 2
"""First version that can renew."""


def handle_share_acknowledge(call: Call) -> None:
    """API 79."""
    request = read_share_acknowledge_request(call.reader, call.version)
    access = call.session.access
    response = ShareAcknowledgeResponse()
    try:
        group, member = checked_names(request.group_id, request.member_id)
        access.shares.check_session(group, member, request.share_session_epoch)
        _acknowledge_all(access, group, member, request, response)
        if request.share_session_epoch == LAST_EPOCH:
            access.shares.close_session(group, member)
        response.acquisition_lock_timeout_ms = access.shares.lock_ms(group)
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = refusal.detail or refusal.reason.name
    writer = call.writer()
    write_share_acknowledge_response(writer, response, call.version)
    call.send(writer, access.position())


def _acknowledge_all(
    access: Access,
    group: str,
    member: str,
    request: ShareAcknowledgeRequest,
    response: ShareAcknowledgeResponse,
) -> None:
    for topic in request.topics:
        answer = ShareAcknowledgeTopicResponse(topic_id=topic.topic_id)
        response.responses.append(answer)
        for partition in topic.partitions:
            items = AcknowledgementList(request.is_renew_ack)
            _collect(items, partition)
            code, message = acknowledge(
                access, group, member, topic.topic_id, partition.partition_index, items
            )
            answer.partitions.append(
                PartitionData(
                    partition_index=partition.partition_index, error_code=code, error_message=message
                )
            )


def _collect(items: "AcknowledgementList", partition: AcknowledgePartition) -> None:
    for batch in partition.acknowledgement_batches:
        items.add(batch.first_offset, batch.last_offset, batch.acknowledge_types)


class AcknowledgementList:
    """A partition's acknowledgements, as the request has them. refusal: what is wrong with them."""

    def __init__(self, renews: bool) -> None:
        self.items: list[Acknowledgement] = []
        self.refusal: Refusal | None = None
        self._kind_max = RENEW if renews else REJECT

    def add(self, first: int, last: int, kinds: list[int]) -> None:
        wrong = ""
        if first > last:
            wrong = f"Invalid acknowledge batch: first offset {first} is greater than the last, {last}."
        elif not kinds:
            wrong = "Acknowledge types can't be empty."
        elif len(kinds) > 1 and len(kinds) != last - first + 1:
            wrong = "Acknowledge types are as many as the batch has offsets, or one."
        else:
            for kind in kinds:
                if kind < GAP or kind > self._kind_max:
                    wrong = f"Acknowledge type {kind} is invalid."
        if wrong:
            self.refusal = Refusal(Reason.INVALID, "request", "", wrong)
            return
        self.items.append(Acknowledgement(first, last, kinds))


def acknowledge(
    access: Access, group: str, member: str, topic_id: bytes, index: int, items: AcknowledgementList
) -> tuple[int, str | None]:
    """Error code and message of one partition's acknowledgements."""
    try:
        if items.refusal is not None:
            raise items.refusal
        share = access.shares.share(group, topic_id, index)
        access.shares.acknowledge(share, member, items.items)
    except Refusal as refusal:
        return place_code(refusal), refusal.detail or refusal.reason.name
    return NONE, None


def place_code(refusal: Refusal) -> int:
    """Of a partition that was named by its topic's id."""
    if refusal.reason == Reason.NOT_FOUND and refusal.entity_kind == "topic":
        return UNKNOWN_TOPIC_ID
    return code_of(refusal)


def checked_names(group: str | None, member: str | None) -> tuple[str, str]:
    """Refusal INVALID ("request")."""
    if not group:
        raise Refusal(Reason.INVALID, "request", "", "GroupId can't be empty.")
    if not member:
        raise Refusal(Reason.INVALID, "request", "", "MemberId can't be empty.")
    return group, member
