"""ReceiveMessage: leases with a time, and long polls.

Spec: Amazon SQS API Reference: ReceiveMessage; Developer Guide, "Amazon SQS short and long polling".
"""

import base64
from typing import Final

from librt.strings import BytesWriter

from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.heads.aws.call import Call, Canceller
from onemq.heads.aws.errors import AwsError, invalid_value
from onemq.heads.aws.json_protocol import json_of
from onemq.heads.aws.sqs.attributes import is_fifo, words
from onemq.heads.aws.sqs.digests import attributes_digest, body_digest
from onemq.heads.aws.sqs.errors import invalid_attribute_name
from onemq.heads.aws.sqs.handles import HandleWriter
from onemq.heads.aws.sqs.mapping import (
    Attributes,
    Message,
    plain_message_id,
    read_record,
    sequence_number,
    text_of,
)
from onemq.heads.aws.sqs.names import arn_of, check_identifier, named_queue, not_for_this_queue
from onemq.model.record import NATIVE_SQS

COUNT_MAX: Final = 10
VISIBILITY_SECONDS_MAX: Final = 43_200
WAIT_SECONDS_MAX: Final = 20
COUNT_REASON: Final = f"Must be between 1 and {COUNT_MAX}, if provided."
VISIBILITY_REASON: Final = f"Must be >= 0 and <= {VISIBILITY_SECONDS_MAX}, if provided."
WAIT_REASON: Final = f"Must be >= 0 and <= {WAIT_SECONDS_MAX}, if provided."
SYSTEM_NAMES: Final = (
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
)
OF_MESSAGE: Final = ("SenderId", "SentTimestamp", "MessageDeduplicationId", "AWSTraceHeader")
"""Those of them that stand in a record's native part."""


class Waiter(ReceiveWaiter):
    """Answers one call with what was received."""

    def __init__(self, call: Call, queue: str, system: list[str], attributes: list[str], fifo: bool) -> None:
        super().__init__()
        self.call = call
        self.queue = queue
        self._system = system
        self._attributes = attributes
        self._fifo = fifo
        self._handles = HandleWriter(queue)
        self._asks = len(system) + len(attributes) > 0
        self._wants_message = len(attributes) > 0
        for name in system:
            if name in OF_MESSAGE:
                self._wants_message = True

    def received(self, found: list[Received]) -> None:
        call = self.call
        try:
            if not found:
                # What died in this receive is with the dead letters when the answer is there.
                call.done({}, call.access.position())
            elif call.writes_json:
                call.done_in_json(self._json(found), call.access.position())
            else:
                call.done({"Messages": [self._shown(each) for each in found]}, call.access.position())
        except Exception as error:
            # The engine is at work: it is no error of its own.
            call.crash(error)

    def _json(self, found: list[Received]) -> bytes:
        """The result with these messages, as `_shown` has them."""
        out = BytesWriter()
        out.write(b'{"Messages":[')
        opening = b'{"MessageId":"'
        for received in found:
            message_id, body, message = self._read(received)
            out.write(opening)
            out.write(message_id)
            out.write(b'","ReceiptHandle":"')
            out.write(self._handle(received))
            out.write(b'","MD5OfBody":"')
            out.write(_digest(received, body).encode("ascii"))
            out.write(b'","Body":')
            out.write(json_of(body))
            rest = self._rest(received, message) if self._asks else None
            if rest:
                out.write(b",")
                out.write(json_of(rest)[1:])
            else:
                out.write(b"}")
            opening = b',{"MessageId":"'
        out.write(b"]}")
        return out.getvalue()

    def _shown(self, received: Received) -> dict[str, object]:
        message_id, body, message = self._read(received)
        shown: dict[str, object] = {
            "MessageId": message_id.decode("ascii"),
            "ReceiptHandle": self._handle(received).decode("ascii"),
            "MD5OfBody": _digest(received, body),
            "Body": body,
        }
        shown.update(self._rest(received, message))
        return shown

    def _read(self, received: Received) -> tuple[bytes, str, Message | None]:
        """Its id, in ASCII, and its body; the rest of what SQS shows of a record if somebody wants to see it."""
        record = received.record
        if record.native_kind == NATIVE_SQS and not self._wants_message:
            message_id = plain_message_id(record)
            if message_id:
                return message_id, text_of(record), None
        body, message = read_record(record, self.call.access.catalog.natives, received.log_id)
        return message.message_id.encode("ascii"), body, message

    def _handle(self, received: Received) -> bytes:
        return self._handles.write(received.log_id, received.offset, received.attempts, received.first_at_ms)

    def _rest(self, received: Received, message: Message | None) -> dict[str, object]:
        """What is shown only where it was asked for."""
        rest: dict[str, object] = {}
        if self._system:
            system: dict[str, object] = {}
            for name in self._system:
                value = self._system_value(name, received, message)
                if value:
                    system[name] = value
            if system:
                rest["Attributes"] = system
        if message is not None and self._attributes and message.attributes:
            chosen = _chosen(message.attributes, self._attributes)
            if chosen:
                rest["MD5OfMessageAttributes"] = attributes_digest(chosen)
                rest["MessageAttributes"] = _rendered(chosen)
        return rest

    def _system_value(self, name: str, received: Received, message: Message | None) -> str:
        record = received.record
        if name == "ApproximateReceiveCount":
            return str(int(received.attempts))
        if name == "ApproximateFirstReceiveTimestamp":
            return str(int(received.first_at_ms))
        if name == "MessageGroupId":
            return "" if record.key is None else record.key.decode("utf-8", "replace")
        if name == "SequenceNumber":
            return sequence_number(int(record.offset)) if self._fifo else ""
        if name == "DeadLetterQueueSourceArn":
            deaths = record.deaths
            return "" if deaths is None else arn_of(self.call, deaths.last[0])
        assert message is not None, "a message is read when something of it is asked for"
        if name == "SentTimestamp":
            return str(message.sent_ms)
        if name == "SenderId":
            return message.sender
        if name == "AWSTraceHeader":
            return message.trace
        assert name == "MessageDeduplicationId", name
        return message.deduplication_id


def _digest(received: Received, body: str) -> str:
    """Of the body as it is shown: base64 or with U+FFFD where the value is no text."""
    value = received.record.value
    if value is not None and len(value) == len(body) and body.isascii():
        return body_digest(value)
    return body_digest(body.encode("utf-8"))


def _chosen(attributes: Attributes, patterns: list[str]) -> Attributes:
    found: Attributes = {}
    for name, pair in attributes.items():
        for pattern in patterns:
            if (
                pattern == name
                or pattern == "All"
                or pattern == "*"
                or (pattern.endswith(".*") and name.startswith(pattern[:-2]))
            ):
                found[name] = pair
                break
    return found


def _rendered(attributes: Attributes) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, (data_type, value) in attributes.items():
        if data_type.startswith("Binary"):
            found[name] = {"BinaryValue": base64.b64encode(value).decode("ascii"), "DataType": data_type}
        else:
            found[name] = {"StringValue": value.decode("utf-8", "replace"), "DataType": data_type}
    return found


class EndPoll(Canceller):
    """Ends a long poll before its time."""

    def __init__(self, waiter: Waiter) -> None:
        super().__init__()
        self._waiter = waiter

    def cancel(self) -> None:
        waiter = self._waiter
        waiter.call.access.leases.forget(waiter.queue, waiter)

    def hurry(self) -> None:
        self.cancel()
        self._waiter.received([])


def handle_receive_message(call: Call) -> None:
    queue = named_queue(call)
    settings = call.access.queues.settings(queue)
    count = _bounded(call, "MaxNumberOfMessages", 1, COUNT_MAX, 1, COUNT_REASON)
    visibility = _bounded(call, "VisibilityTimeout", 0, VISIBILITY_SECONDS_MAX, -1, VISIBILITY_REASON)
    queues_wait = words(settings).get("ReceiveMessageWaitTimeSeconds")
    default_wait = 0 if queues_wait is None else int(queues_wait)
    wait = _bounded(call, "WaitTimeSeconds", 0, WAIT_SECONDS_MAX, default_wait, WAIT_REASON)
    patterns = call.parameters.get("MessageAttributeNames")
    names: list[str] = []
    if isinstance(patterns, list):
        for pattern in patterns:
            assert isinstance(pattern, str)
            names.append(pattern)
    fifo = is_fifo(settings)
    attempt = _attempt_id(call, fifo)
    waiter = Waiter(call, queue, _system_names(call), names, fifo)
    wanted = Receive(count, -1 if visibility < 0 else visibility * 1000, wait * 1000, attempt)
    call.access.leases.receive(queue, wanted, waiter)
    if not call.answered:
        call.canceller = EndPoll(waiter)


def _attempt_id(call: Call, fifo: bool) -> str:
    """ "The id, or an empty text. Raises AwsError."""
    given = call.parameters.get("ReceiveRequestAttemptId")
    if given is None:
        return ""
    assert isinstance(given, str)
    if not fifo:
        raise not_for_this_queue(given, "ReceiveRequestAttemptId")
    check_identifier(given, "ReceiveRequestAttemptId")
    return given


def _bounded(call: Call, name: str, low: int, high: int, default: int, reason: str) -> int:
    value = call.parameters.get(name)
    if value is None:
        return default
    assert isinstance(value, int)
    if not low <= value <= high:
        raise out_of_range(value, name, reason)
    return value


def out_of_range(value: int, name: str, reason: str) -> AwsError:
    return invalid_value(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def _system_names(call: Call) -> list[str]:
    """Of both parameters, the older and the newer one. Raises AwsError."""
    found: list[str] = []
    for parameter in ("AttributeNames", "MessageSystemAttributeNames"):
        given = call.parameters.get(parameter)
        if not isinstance(given, list):
            continue
        for name in given:
            assert isinstance(name, str)
            if name == "All":
                return list(SYSTEM_NAMES)
            if name in SYSTEM_NAMES:
                if name not in found:
                    found.append(name)
            elif parameter == "MessageSystemAttributeNames":
                raise invalid_attribute_name(name)
    return found
