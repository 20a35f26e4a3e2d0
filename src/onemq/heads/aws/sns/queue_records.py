"""What a queue gets, as SQS would have stored it if SNS had sent it there.

Must not: know topics.
"""

from typing import Final

from onemq.engine.notices.notice import Notice
from onemq.heads.aws.sqs.attributes import words
from onemq.heads.aws.sqs.mapping import Attributes, Message, make_record
from onemq.heads.aws.urls import ACCOUNT
from onemq.model.entities import STRICT_GROUPS, QueueSettings
from onemq.model.record import Record

ATTRIBUTES_MAX: Final = 10
"""Of a message in SQS: a raw delivery with more has none."""


def queue_record(
    message_id: str, body: str, notice: Notice, target: QueueSettings | None, raw: bool
) -> Record:
    attributes: Attributes = {}
    if raw and len(notice.attributes) <= ATTRIBUTES_MAX:
        for each in notice.attributes:
            octets = each.text.encode("utf-8", "surrogatepass") if each.octets is None else each.octets
            attributes[each.name] = (each.kind, octets)
    # Queues without strict groups take no such id from SendMessage either.
    strict = target is not None and target.grouping == STRICT_GROUPS
    identifier = notice.deduplication_id if strict else ""
    message = Message(message_id, ACCOUNT, notice.time_ms, attributes, identifier, notice.trace)
    return make_record(body.encode("utf-8", "surrogatepass"), notice.group, message, 0)


def queue_deduplication(target: QueueSettings, notice: Notice) -> tuple[str, str]:
    """Scope and id under which the queue looks for what it has already; no id: it does not. As SendMessage of SQS."""
    if target.grouping != STRICT_GROUPS:
        return ("", "")
    if words(target).get("DeduplicationScope") == "messageGroup":
        return (notice.group, notice.deduplication_id)
    return ("", notice.deduplication_id)


def dead_record(message_id: str, record: Record, reason: str, target: QueueSettings) -> Record:
    """Of what a courier could not deliver: with the reason as an attribute, as SNS adds it."""
    attributes: Attributes = {
        "ErrorMessage": ("String", reason.encode("utf-8", "replace")),
        "RequestID": ("String", message_id.encode("ascii")),
    }
    message = Message(message_id, ACCOUNT, int(record.timestamp_ms), attributes, "", "")
    return make_record(record.value or b"", "", message, 0)
