"""SQS's own errors, with the codes of its older protocol, and its words for the engine's refusals.

Spec: Amazon SQS API Reference, the "Errors" of each action; its error codes with the awsQueryError trait.
"""

from typing import Final

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError, access_denied, coral_error, internal_failure, invalid_value
from onemq.heads.aws.urls import queue_arn, user_arn
from onemq.model.refusal import Reason, Refusal

_PREFIX: Final = "AWS.SimpleQueueService."


def sqs_error(name: str, text: str, status: int = 400, query_code: str = "") -> AwsError:
    return AwsError(name, text, status, query_code=query_code or _PREFIX + name)


def no_such_queue() -> AwsError:
    text = "The specified queue does not exist."
    return AwsError(
        "QueueDoesNotExist",
        text,
        query_code=_PREFIX + "NonExistentQueue",
        query_text=f"{text[:-1]} for this wsdl version.",
    )


def queue_exists(attribute: str) -> AwsError:
    return sqs_error(
        "QueueNameExists",
        f"A queue already exists with the same name and a different value for attribute {attribute}",
        query_code="QueueAlreadyExists",
    )


def invalid_address(text: str) -> AwsError:
    return sqs_error("InvalidAddress", text, 404, "InvalidAddress")


def unsupported(text: str) -> AwsError:
    return sqs_error("UnsupportedOperation", text)


def invalid_attribute_name(name: str) -> AwsError:
    return sqs_error("InvalidAttributeName", f"Unknown Attribute {name}.", query_code="InvalidAttributeName")


def invalid_attribute_value(name: str, text: str = "") -> AwsError:
    return sqs_error(
        "InvalidAttributeValue",
        text or f"Invalid value for the parameter {name}.",
        query_code="InvalidAttributeValue",
    )


def invalid_handle(handle: str) -> AwsError:
    return sqs_error(
        "ReceiptHandleIsInvalid",
        f'The input receipt handle "{handle}" is not a valid receipt handle.',
        404,
        "ReceiptHandleIsInvalid",
    )


def sqs_refusal(call: Call, refusal: Refusal) -> AwsError:
    """What the engine's refusal is called here."""
    reason = refusal.reason
    if reason == Reason.NOT_FOUND:
        return no_such_queue()
    if reason == Reason.ACCESS_DENIED or reason == Reason.LOCKED or reason == Reason.RESERVED_NAME:
        return access_denied(
            user_arn(call.access.principal.name),
            f"sqs:{call.operation.lower()}",
            queue_arn(call.region, refusal.entity),
        )
    if reason == Reason.LIMIT:
        return sqs_error("OverLimit", refusal.detail or "Too many of them.", 403, "OverLimit")
    if reason == Reason.NOT_SUPPORTED or reason == Reason.EXISTS_OTHERWISE:
        return unsupported(
            f"The queue {refusal.entity} is of a kind that cannot do that. {refusal.detail}".strip()
        )
    if reason == Reason.TOO_LARGE or reason == Reason.INVALID:
        return invalid_value(f"{refusal.detail or refusal.entity} is invalid: {refusal.wanted}".strip())
    return internal_failure()


def invalid_batch_id() -> AwsError:
    return sqs_error(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long.",
    )


def throttled(text: str) -> AwsError:
    return coral_error("ThrottlingException", text, 400, "RequestThrottled")
