"""Publish and PublishBatch: a request's message as a notice, checked as SNS checks it.

Spec: Amazon SNS API Reference, Publish, PublishBatch; Developer Guide, "Message attributes", "Message deduplication for FIFO topics";
recorded answers of SNS.
"""

import base64
import binascii
import hashlib
import json
from typing import Final

from onemq.engine.notices.notice import DEFAULT, Notice, NoticeAttribute
from onemq.engine.notices.topic import NoticeTopic
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.sns.arns import invalid, topic_name
from onemq.heads.aws.sns.envelope import sequence_text
from onemq.heads.aws.sns.parameters import origin_of, structures_of, text_of
from onemq.heads.aws.sns.renderer import SnsRenderer, needs_signature
from onemq.heads.aws.sns.topics import deduplicates_by_content, is_fifo
from onemq.model.refusal import Refusal

MESSAGE_BYTES_MAX: Final = 262_144
ENTRIES_MAX: Final = 10
ENTRY_ID_MAX: Final = 80
SUBJECT_MAX: Final = 100
ID_MAX: Final = 128
NAME_MAX: Final = 256
_SPECIAL: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Message:
    """One message as it was sent, its size counted."""

    __slots__ = ("attributes", "bytes", "values")

    def __init__(self, values: dict[str, object], position: int = 0) -> None:
        """position: in a batch, from 1. Raises AwsError."""
        self.values = values
        self.attributes = _attributes(values, position)
        size = len(text_of(values, "Message").encode("utf-8", "surrogatepass"))
        for each in self.attributes:
            octets = each.octets
            size += len(each.name.encode("utf-8")) + len(each.kind)
            size += len(each.text.encode("utf-8", "surrogatepass")) if octets is None else len(octets)
        self.bytes = size


def _bad_value(text: str) -> AwsError:
    return AwsError("ParameterValueInvalid", text)


def _attributes(values: dict[str, object], position: int) -> list[NoticeAttribute]:
    given = values.get("MessageAttributes")
    found: list[NoticeAttribute] = []
    if not isinstance(given, dict):
        return found
    for name, value in given.items():
        if isinstance(value, dict):
            found.append(_attribute(name, value, position))
    return found


def _attribute(name: str, value: dict[str, object], position: int) -> NoticeAttribute:
    _check_attribute_name(name)
    if "DataType" not in value:
        at = f"messageAttributes.{name}.member.dataType"
        if position:
            at = f"publishBatchRequestEntries.{position}.member.{at}"
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null",
        )
    kind = text_of(value, "DataType")
    base = kind.split(".", 1)[0]
    if base not in ("String", "Number", "Binary") or kind.endswith(".") or len(kind) > NAME_MAX:
        raise _bad_value(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type "
            "prefixes is Binary, Number, and String."
        )
    empty = (
        f"The message attribute '{name}' must contain non-empty message attribute value for message attribute "
        f"type '{kind}'."
    )
    if "StringValue" not in value and "BinaryValue" not in value:
        raise _bad_value(empty)
    field = "Binary" if base == "Binary" else "String"
    if f"{field}Value" not in value:
        raise _bad_value(f"The message attribute '{name}' with type '{kind}' must use field '{field}'.")
    text = text_of(value, f"{field}Value")
    if not text:
        raise _bad_value(empty)
    if base == "Binary":
        try:
            return NoticeAttribute(name, kind, "", base64.b64decode(text, validate=True))
        except binascii.Error:
            raise _bad_value(empty) from None
    if base == "Number":
        try:
            float(text)
        except ValueError:
            raise _bad_value(f"Could not cast message attribute '{name}' value to number.") from None
    return NoticeAttribute(name, kind, text)


def _check_attribute_name(name: str) -> None:
    if not name or len(name) > NAME_MAX:
        raise _bad_value("Length of message attribute name must be less than 256 bytes.")
    if name[0] == ".":
        raise _bad_value("Invalid message attribute name starting with character '.' was found.")
    if name[-1] == ".":
        raise _bad_value("Invalid message attribute name ending with character '.' was found.")
    for index in range(len(name)):
        letter = name[index]
        if not (letter.isascii() and (letter.isalnum() or letter in "_-.")):
            raise _bad_value(
                f"Invalid non-alphanumeric character '#x{ord(letter):X}' was found in the message attribute name. "
                "Can only include alphanumeric characters, hyphens, underscores, or dots."
            )
        if letter == "." and name[index - 1] == ".":
            raise _bad_value("Message attribute name can not have successive '.' character.")


def _is_identifier(text: str) -> bool:
    """Of a group or for deduplication."""
    if len(text) > ID_MAX:
        return False
    for letter in text:
        if not (letter.isascii() and (letter.isalnum() or letter in _SPECIAL)):
            return False
    return True


def _check_order(topic: NoticeTopic, values: dict[str, object]) -> tuple[str, str]:
    """Group and deduplication id, as far as they were given."""
    group = text_of(values, "MessageGroupId")
    identifier = text_of(values, "MessageDeduplicationId")
    if is_fifo(topic):
        if not group:
            raise invalid("The MessageGroupId parameter is required for FIFO topics")
        if not identifier and not deduplicates_by_content(topic):
            raise invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            )
    elif identifier:
        raise invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid "
            "for this topic type"
        )
    if not _is_identifier(group):
        raise invalid("MessageGroupId")
    if not _is_identifier(identifier):
        raise invalid("MessageDeduplicationId")
    return group, identifier


def _check_subject(values: dict[str, object]) -> str | None:
    if "Subject" not in values:
        return None
    subject = text_of(values, "Subject")
    if not subject or len(subject) > SUBJECT_MAX or not subject.isprintable():
        raise invalid("Subject")
    return subject


def _structured(text: str) -> dict[str, str]:
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid("Message Structure - JSON message body failed to parse") from None
    found: dict[str, str] = {}
    if isinstance(decoded, dict):
        for protocol, each in decoded.items():
            if isinstance(each, str):
                found[protocol] = each
    if DEFAULT not in found:
        raise invalid("Message Structure - No default entry in JSON message body")
    return found


def make_notice(call: Call, topic: NoticeTopic, message: Message) -> Notice:
    """Raises AwsError."""
    values = message.values
    text = text_of(values, "Message")
    if not text:
        raise invalid("Empty message")
    subject = _check_subject(values)
    group, identifier = _check_order(topic, values)
    structure = text_of(values, "MessageStructure")
    notice = Notice(call.identifiers.next(), text, call.now_ms, origin_of(call))
    if structure == "json":
        notice.structured = _structured(text)
        notice.text = notice.structured[DEFAULT]
    elif structure:
        raise invalid("MessageStructure")
    notice.subject = subject
    notice.attributes = message.attributes
    notice.trace = call.session.trace_header()
    notice.group = group
    if is_fifo(topic):
        if not identifier:
            identifier = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        notice.deduplication_id = identifier
    return notice


class Publishing:
    """The operations' handlers."""

    def __init__(self, renderer: SnsRenderer) -> None:
        self._renderer = renderer

    def publish(self, call: Call) -> None:
        parameters = call.parameters
        call.session.publishes()
        if "PhoneNumber" in parameters:
            number = text_of(parameters, "PhoneNumber")
            raise invalid(f"PhoneNumber Reason: {number} is not valid to publish to")
        parameter = "TopicArn" if "TopicArn" in parameters else "TargetArn"
        if parameter not in parameters:
            raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
        arn = text_of(parameters, parameter)
        if ":endpoint/" in arn:
            raise invalid("TargetArn Reason: No endpoint found for the target arn specified")
        _check_subject(parameters)
        if not text_of(parameters, "Message"):
            raise invalid("Empty message")
        message = Message(parameters)
        if message.bytes > MESSAGE_BYTES_MAX:
            call.session.tell_too_large(call.operation, message.bytes, MESSAGE_BYTES_MAX)
            raise invalid("Message too long")
        topic = call.access.notices.topic_to_fill(topic_name(arn, parameter))
        notice = make_notice(call, topic, message)
        call.done(self._take(call, topic, notice), call.access.position())

    def _take(self, call: Call, topic: NoticeTopic, notice: Notice) -> dict[str, object]:
        notices = call.access.notices
        if needs_signature(topic):
            self._renderer.signer.prepare(notices, call.now_ms)
        scope = ""
        if topic.attributes.get("FifoThroughputScope") == "MessageGroup":
            scope = notice.group
        published = notices.publish(topic, notice, scope)
        result: dict[str, object] = {"MessageId": published.message_id}
        if published.sequence:
            result["SequenceNumber"] = sequence_text(published.sequence)
        return result

    def publish_batch(self, call: Call) -> None:
        call.session.publishes()
        entries = structures_of(call.parameters, "PublishBatchRequestEntries")
        if not entries:
            raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
        if len(entries) > ENTRIES_MAX:
            raise AwsError(
                "TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible."
            )
        topic = call.access.notices.topic_to_fill(topic_name(text_of(call.parameters, "TopicArn")))
        _check_entry_ids(entries)
        messages: list[Message] = []
        size = 0
        for entry in entries:
            message = Message(entry, len(messages) + 1)
            size += message.bytes
            messages.append(message)
        if size > MESSAGE_BYTES_MAX:
            call.session.tell_too_large(call.operation, size, MESSAGE_BYTES_MAX)
            raise AwsError(
                "BatchRequestTooLong", "The length of all the messages put together is more than the limit."
            )
        # As SNS does: a message that is none fails them all, before the first is taken.
        made = [make_notice(call, topic, message) for message in messages]
        successful: list[object] = []
        failed: list[object] = []
        for index in range(len(made)):
            identifier = text_of(entries[index], "Id")
            try:
                result = self._take(call, topic, made[index])
            except Refusal as refusal:
                failed.append(
                    {
                        "Id": identifier,
                        "Code": "InternalError",
                        "Message": refusal.detail or refusal.reason.name,
                        "SenderFault": False,
                    }
                )
                continue
            result["Id"] = identifier
            successful.append(result)
        call.done({"Successful": successful, "Failed": failed}, call.access.position())


def _check_entry_ids(entries: list[dict[str, object]]) -> None:
    seen: dict[str, bool] = {}
    for entry in entries:
        identifier = text_of(entry, "Id")
        if identifier in seen:
            raise AwsError(
                "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."
            )
        seen[identifier] = True
    for identifier in seen:
        if len(identifier) > ENTRY_ID_MAX:
            raise AwsError(
                "InvalidBatchEntryId",
                f"The Id of a batch entry in the batch request is too long: {identifier}",
            )
        good = bool(identifier)
        for letter in identifier:
            if not (letter.isascii() and (letter.isalnum() or letter in "-_")):
                good = False
        if not good:
            raise AwsError(
                "InvalidBatchEntryId",
                f"The Id of a batch entry in the batch request contains an impermissible character: {identifier}",
            )
