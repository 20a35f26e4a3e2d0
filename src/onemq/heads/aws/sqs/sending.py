"""SendMessage and SendMessageBatch.

Spec: Amazon SQS API Reference: SendMessage, SendMessageBatch; Developer Guide, "Amazon SQS message quotas", "Exactly-once processing".
"""

import base64
import binascii
from hashlib import sha256
from typing import Final

from onemq.engine.enqueueing import REFUSED, ROUTED
from onemq.engine.routes import Route
from onemq.engine.settings_codec import queue_copy
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError, invalid_value, missing_parameter
from onemq.heads.aws.sqs.attributes import MESSAGE_BYTES_MAX, is_fifo, shown, words
from onemq.heads.aws.sqs.batches import Batch, failed_entry, read_batch
from onemq.heads.aws.sqs.digests import attributes_digest, body_digest
from onemq.heads.aws.sqs.errors import no_such_queue, sqs_error, sqs_refusal
from onemq.heads.aws.sqs.mapping import (
    TRACE_HEADER,
    Attributes,
    Message,
    is_legal_text,
    make_record,
    sequence_number,
)
from onemq.heads.aws.sqs.names import check_identifier, named_queue, not_for_this_queue
from onemq.heads.aws.urls import ACCOUNT
from onemq.model.entities import FAIR_GROUPS, UNGROUPED, QueueSettings
from onemq.model.refusal import Refusal

ATTRIBUTES_MAX: Final = 10
WHOLE_BATCH: Final = (
    "The request must contain the parameter MessageGroupId.",
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
)
"""What an entry of a FIFO queue lacks, and the whole batch is refused for."""
TOO_LONG: Final = "One or more parameters are invalid. Reason: Message must be shorter"
_KINDS: Final = ("String", "Number", "Binary")


class Destination:
    """The queue that a request sends to."""

    __slots__ = ("bytes_max", "fifo", "name", "route", "settings")

    def __init__(self, call: Call) -> None:
        name = named_queue(call)
        self.name = name
        self.route: Route = call.access.queue_route(name)
        self.settings: QueueSettings = call.access.queues.settings(name)
        self.fifo = is_fifo(self.settings)
        given = words(self.settings).get("MaximumMessageSize")
        self.bytes_max = MESSAGE_BYTES_MAX if given is None else int(given)


class Draft:
    """One message, checked."""

    __slots__ = ("attributes", "body", "deduplication_id", "group_id", "not_before_ms", "size", "trace")

    def __init__(self, call: Call, to: Destination, given: dict[str, object]) -> None:
        """Raises AwsError."""
        text = given.get("MessageBody")
        if not isinstance(text, str) or not text:
            raise missing_parameter("MessageBody")
        if not is_legal_text(text):
            raise sqs_error(
                "InvalidMessageContents",
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
                "#xE000 to #xFFFD | #x10000 to #x10FFFF",
                query_code="InvalidMessageContents",
            )
        self.body = text.encode("utf-8")
        self.attributes = _read_attributes(given.get("MessageAttributes"), "message attribute")
        system = _read_attributes(given.get("MessageSystemAttributes"), "message system attribute")
        self.trace = ""
        for name, pair in system.items():
            if name != TRACE_HEADER or pair[0] != "String":
                raise invalid_value(
                    f"Message system attribute name '{name}' is invalid. Message system attribute must be "
                    f"{TRACE_HEADER} of type String."
                )
            self.trace = pair[1].decode("utf-8")
        self.size = len(self.body)
        for name, pair in self.attributes.items():
            self.size += len(name.encode("utf-8")) + len(pair[0]) + len(pair[1])
        if self.size > to.bytes_max:
            call.session.tell_too_large(call.operation, self.size, to.bytes_max, f"queue {to.name}")
            raise invalid_value(
                f"One or more parameters are invalid. Reason: Message must be shorter than {to.bytes_max} bytes."
            )
        self.group_id = _identifier(given, "MessageGroupId")
        self.deduplication_id = _identifier(given, "MessageDeduplicationId")
        self._check_kind(to)
        self.not_before_ms = _not_before_ms(call, to, given)

    def _check_kind(self, to: Destination) -> None:
        if not to.fifo:
            if self.deduplication_id:
                raise not_for_this_queue(self.deduplication_id, "MessageDeduplicationId")
            return
        if not self.group_id:
            raise missing_parameter("MessageGroupId")
        if not self.deduplication_id:
            if shown(to.settings, "ContentBasedDeduplication") != "true":
                raise invalid_value(WHOLE_BATCH[1])
            self.deduplication_id = sha256(self.body).hexdigest()


def _not_before_ms(call: Call, to: Destination, given: dict[str, object]) -> int:
    delay = given.get("DelaySeconds")
    if not isinstance(delay, int):
        return 0
    if not 0 <= delay <= 900:
        raise invalid_value(
            f"Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        )
    if to.fifo:
        if delay:
            raise not_for_this_queue(delay, "DelaySeconds")
        return 0
    # Said and 0: at once, whatever the queue's own delay is.
    return call.now_ms + delay * 1000


def _identifier(given: dict[str, object], name: str) -> str:
    found = given.get(name)
    if found is None:
        return ""
    assert isinstance(found, str)
    check_identifier(found, name)
    return found


def _read_attributes(given: object, what: str) -> Attributes:
    """Raises AwsError."""
    found: Attributes = {}
    if not isinstance(given, dict):
        return found
    if len(given) > ATTRIBUTES_MAX:
        raise invalid_value(
            f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        )
    for name, value in given.items():
        _check_attribute_name(name)
        data_type = value.get("DataType", "")
        kind = data_type.partition(".")[0]
        if kind not in _KINDS or len(data_type) > 256:
            raise invalid_value(
                f"The {what} '{name}' has an invalid message attribute type, the set of supported type prefixes is "
                "Binary, Number, and String."
            )
        found[name] = (data_type, _attribute_value(name, kind, value, what))
    return found


def _attribute_value(name: str, kind: str, value: dict[str, object], what: str) -> bytes:
    field = "BinaryValue" if kind == "Binary" else "StringValue"
    text = value.get(field)
    if not isinstance(text, str) or not text:
        raise invalid_value(
            f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        )
    if kind == "Binary":
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise invalid_value(f"The {what} '{name}' has a value that is not base64.") from None
    if not is_legal_text(text):
        raise invalid_value(f"The {what} '{name}' contains characters that are not allowed.")
    if kind == "Number":
        try:
            float(text)
        except ValueError:
            raise invalid_value(f"Can't cast the value of {what} '{name}' to a number.") from None
    return text.encode("utf-8")


def _check_attribute_name(name: str) -> None:
    lower = name.lower()
    plain = name.replace("_", "a").replace("-", "a").replace(".", "a")
    if (
        not plain.isalnum()
        or not plain.isascii()
        or len(name) > 256
        or name.startswith(".")
        or name.endswith(".")
        or ".." in name
        or lower.startswith(("aws.", "amazon."))
    ):
        raise invalid_value(
            f"Message (user) attribute name '{name}' is invalid: it can contain the characters A-Z, a-z, 0-9, underscore, hyphen "
            "and period, must not start or end with a period, nor start with AWS. or Amazon."
        )


def handle_send_message(call: Call) -> None:
    call.session.publishes()
    to = Destination(call)
    result = send(call, to, Draft(call, to, call.parameters))
    call.done(result, call.access.position())


def handle_send_message_batch(call: Call) -> None:
    call.session.publishes()
    to = Destination(call)
    batch: Batch = read_batch(call, "SendMessageBatchRequestEntry")
    drafts: list[tuple[str, Draft]] = []
    failed: list[object] = []
    size = 0
    for identifier, entry in batch:
        try:
            draft = Draft(call, to, entry)
        except AwsError as error:
            if to.fifo and error.text in WHOLE_BATCH:
                raise invalid_value(error.text) from None
            if error.text.startswith(TOO_LONG):
                error.text = error.text.replace("are invalid", "cannot be validated")
            body = entry.get("MessageBody")
            size += len(body.encode("utf-8", "replace")) if isinstance(body, str) else 0
            failed.append(failed_entry(identifier, error))
            continue
        size += draft.size
        drafts.append((identifier, draft))
    if size > MESSAGE_BYTES_MAX:
        call.session.tell_too_large(call.operation, size, MESSAGE_BYTES_MAX, f"queue {to.name}")
        raise sqs_error(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {size} bytes.",
        )
    successful: list[object] = []
    for identifier, draft in drafts:
        try:
            sent = send(call, to, draft)
        except AwsError as error:
            failed.append(failed_entry(identifier, error))
            continue
        except Refusal as refusal:
            failed.append(failed_entry(identifier, sqs_refusal(call, refusal)))
            continue
        sent["Id"] = identifier
        successful.append(sent)
    result: dict[str, object] = {"Successful": successful}
    if failed:
        result["Failed"] = failed
    call.done(result, call.access.position())


def _serve_fairly(call: Call, to: Destination) -> None:
    """The first message with a group makes a standard queue a fair one: before, groups would cost memory for nothing."""
    settings = queue_copy(to.settings)
    settings.grouping = FAIR_GROUPS
    try:
        call.access.queues.alter(to.name, settings)
    except Refusal:
        # Who only sends may not change the queue: its messages are served in their order.
        return
    to.settings = call.access.queues.settings(to.name)


def send(call: Call, to: Destination, draft: Draft) -> dict[str, object]:
    """Publishes it, unless it has been. Returns the result. Raises AwsError, Refusal."""
    access = call.access
    result: dict[str, object] = {"MD5OfMessageBody": body_digest(draft.body)}
    if draft.attributes:
        result["MD5OfMessageAttributes"] = attributes_digest(draft.attributes)
    if draft.trace:
        trace = {TRACE_HEADER: ("String", draft.trace.encode("utf-8"))}
        result["MD5OfMessageSystemAttributes"] = attributes_digest(trace)
    scope = ""
    if to.fifo:
        if shown(to.settings, "DeduplicationScope") == "messageGroup":
            scope = draft.group_id
        known = access.deduplication.find(to.name, scope, draft.deduplication_id)
        if known is not None:
            result["MessageId"] = known.message_id
            result["SequenceNumber"] = sequence_number(int(known.offset))
            return result
    elif draft.group_id and to.settings.grouping == UNGROUPED:
        _serve_fairly(call, to)
    message_id = call.identifiers.next()
    sender = access.principal.name if call.session.signed else ACCOUNT
    # As in SQS, the HTTP header counts when the request has no system attribute; only the latter has a digest in the answer.
    traced = draft.trace or call.session.trace_header()
    message = Message(message_id, sender, call.now_ms, draft.attributes, draft.deduplication_id, traced)
    record = make_record(draft.body, draft.group_id, message, draft.not_before_ms)
    outcome = access.publish(to.route, record)
    if not outcome & ROUTED:
        raise no_such_queue()
    if outcome & REFUSED:
        raise sqs_error("OverLimit", "The queue is full.", 403, "OverLimit")
    result["MessageId"] = message_id
    if to.fifo:
        access.deduplication.remember(to.name, scope, draft.deduplication_id, message_id, record.offset)
        result["SequenceNumber"] = sequence_number(int(record.offset))
    return result
