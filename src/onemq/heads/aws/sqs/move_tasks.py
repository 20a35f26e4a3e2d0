"""Message move tasks: dead letters go back, or elsewhere. The engine's redrives do it.

A task's handle is base64 of JSON: its id, and its source's ARN.
Spec: Amazon SQS API Reference: StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask.
"""

import base64
import binascii
from typing import Final

import msgspec

from onemq.engine.redrive_tasks import RUNNING, RedriveTask
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError, invalid_value
from onemq.heads.aws.sqs.errors import sqs_error
from onemq.heads.aws.sqs.names import arn_of, text_parameter
from onemq.heads.aws.sqs.queues import dead_letter_sources
from onemq.heads.aws.urls import arn_name
from onemq.model.refusal import Reason, Refusal

RATE_MAX: Final = 500
LISTED_MAX: Final = 10


def _missing(text: str) -> AwsError:
    return sqs_error("ResourceNotFoundException", text, 404, "ResourceNotFoundException")


def _existing(call: Call, parameter: str, arn: str) -> str:
    """Name of the queue. Raises AwsError."""
    name = arn_name(arn, "sqs")
    try:
        if name:
            call.access.queues.settings(name)
            return name
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
    raise _missing(f"The resource that you specified for the {parameter} parameter doesn't exist.")


def handle_start_message_move_task(call: Call) -> None:
    source = _existing(call, "SourceArn", text_parameter(call, "SourceArn"))
    destination: str | None = None
    arn = call.parameters.get("DestinationArn")
    if arn is not None:
        assert isinstance(arn, str)
        destination = _existing(call, "DestinationArn", arn)
    rate = call.parameters.get("MaxNumberOfMessagesPerSecond")
    per_second: int | None = None
    if rate is not None:
        assert isinstance(rate, int)
        if not 1 <= rate <= RATE_MAX:
            raise invalid_value(
                f"Value {rate} for parameter MaxNumberOfMessagesPerSecond is invalid. "
                f"Reason: Must be between 1 and {RATE_MAX}, if provided."
            )
        per_second = rate
    if not dead_letter_sources(call, source):
        raise invalid_value("Source queue must be configured as a Dead Letter Queue.")
    try:
        identifier = call.access.redrives.start(source, destination, per_second)
    except Refusal as refusal:
        if refusal.reason == Reason.IN_USE:
            raise invalid_value(
                "There is already a task running. "
                "Only one active task is allowed for a source queue arn at a given time."
            ) from None
        raise
    call.done({"TaskHandle": _write_handle(call, source, identifier)}, call.access.position())


def handle_list_message_move_tasks(call: Call) -> None:
    source = _existing(call, "SourceArn", text_parameter(call, "SourceArn"))
    count = call.parameters.get("MaxResults", 1)
    assert isinstance(count, int)
    if not 1 <= count <= LISTED_MAX:
        raise invalid_value(
            f"Value {count} for parameter MaxResults is invalid. Reason: Must be between 1 and {LISTED_MAX}."
        )
    tasks = call.access.redrives.list(source)[:count]
    call.done({"Results": [_shown(call, task) for task in tasks]})


def _shown(call: Call, task: RedriveTask) -> dict[str, object]:
    found: dict[str, object] = {
        "Status": task.state.upper(),
        "SourceArn": arn_of(call, task.source),
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": task.started_ms,
    }
    if task.state == RUNNING:
        found["TaskHandle"] = _write_handle(call, task.source, task.identifier)
    if task.destination is not None:
        found["DestinationArn"] = arn_of(call, task.destination)
    if task.per_second is not None:
        found["MaxNumberOfMessagesPerSecond"] = task.per_second
    if task.failure:
        found["FailureReason"] = f"AWS.SimpleQueueService.{task.failure}"
    return found


def handle_cancel_message_move_task(call: Call) -> None:
    identifier, arn = _read_handle(text_parameter(call, "TaskHandle"))
    source = _existing(call, "SourceArn", arn)
    try:
        task = call.access.redrives.cancel(identifier)
    except Refusal as refusal:
        if refusal.reason == Reason.NOT_FOUND:
            raise _missing("Task does not exist.") from None
        if refusal.reason == Reason.INVALID:
            raise _missing("Only active tasks can be cancelled.") from None
        raise
    if task.source != source:
        raise _missing("Task does not exist.")
    call.done({"ApproximateNumberOfMessagesMoved": task.moved}, call.access.position())


def _write_handle(call: Call, source: str, identifier: str) -> str:
    content = msgspec.json.encode({"taskId": identifier, "sourceArn": arn_of(call, source)})
    return base64.b64encode(content).decode("ascii")


def _read_handle(text: str) -> tuple[str, str]:
    """Task's id and its source's ARN. Raises AwsError."""
    try:
        found = msgspec.json.decode(base64.b64decode(text.encode("ascii"), validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        found = None
    if isinstance(found, dict):
        identifier = found.get("taskId")
        arn = found.get("sourceArn")
        if isinstance(identifier, str) and isinstance(arn, str):
            return identifier, arn
    raise invalid_value("Value for parameter TaskHandle is invalid.")
