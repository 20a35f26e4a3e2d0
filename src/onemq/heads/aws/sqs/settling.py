"""DeleteMessage, ChangeMessageVisibility, and their batches: what is done with a receipt handle.

Spec: Amazon SQS API Reference: DeleteMessage(Batch), ChangeMessageVisibility(Batch); for FIFO queues a handle ends with its time.
"""

from onemq.engine.leasing import LAPSED, LEASED, TAKEN
from onemq.engine.receiving import LeaseHandle
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError, invalid_value, missing_parameter
from onemq.heads.aws.sqs.attributes import is_fifo
from onemq.heads.aws.sqs.batches import failed_entry, read_batch
from onemq.heads.aws.sqs.errors import invalid_handle, sqs_refusal
from onemq.heads.aws.sqs.handles import read_handle
from onemq.heads.aws.sqs.names import named_queue
from onemq.heads.aws.sqs.receiving import VISIBILITY_SECONDS_MAX, out_of_range
from onemq.model.refusal import Refusal


def handle_delete_message(call: Call) -> None:
    _delete(call, named_queue(call), call.parameters)
    call.done({}, call.access.position())


def handle_change_message_visibility(call: Call) -> None:
    _change(call, named_queue(call), call.parameters)
    call.done({}, call.access.position())


def handle_delete_message_batch(call: Call) -> None:
    _batch(call, "DeleteMessageBatchRequestEntry", True)


def handle_change_message_visibility_batch(call: Call) -> None:
    _batch(call, "ChangeMessageVisibilityBatchRequestEntry", False)


def _batch(call: Call, entry_name: str, delete: bool) -> None:
    queue = named_queue(call)
    call.access.queues.settings(queue)
    successful: list[object] = []
    failed: list[object] = []
    for identifier, entry in read_batch(call, entry_name):
        try:
            if delete:
                _delete(call, queue, entry)
            else:
                _change(call, queue, entry)
        except AwsError as error:
            failed.append(failed_entry(identifier, error))
        except Refusal as refusal:
            failed.append(failed_entry(identifier, sqs_refusal(call, refusal)))
        else:
            successful.append({"Id": identifier})
    result: dict[str, object] = {"Successful": successful}
    if failed:
        result["Failed"] = failed
    call.done(result, call.access.position())


def _handle(queue: str, given: dict[str, object]) -> tuple[str, LeaseHandle]:
    text = given.get("ReceiptHandle")
    if not isinstance(text, str) or not text:
        raise missing_parameter("ReceiptHandle")
    handle = read_handle(queue, text)
    if handle is None:
        raise invalid_handle(text)
    return text, handle


def _expired(text: str) -> AwsError:
    return invalid_value(
        f"Value {text} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )


def _delete(call: Call, queue: str, given: dict[str, object]) -> None:
    settings = call.access.queues.settings(queue)
    text, handle = _handle(queue, given)
    leases = call.access.leases
    if is_fifo(settings) and leases.state(queue, handle) in (LAPSED, TAKEN):
        raise _expired(text)
    # What somebody else has by now, or what is gone, is passed over, as SQS does.
    leases.settle(queue, handle)


def _change(call: Call, queue: str, given: dict[str, object]) -> None:
    settings = call.access.queues.settings(queue)
    seconds = given.get("VisibilityTimeout")
    if not isinstance(seconds, int):
        raise missing_parameter("VisibilityTimeout")
    if not 0 <= seconds <= VISIBILITY_SECONDS_MAX:
        reason = f"VisibilityTimeout must be an integer between 0 and {VISIBILITY_SECONDS_MAX}."
        raise out_of_range(seconds, "VisibilityTimeout", reason)
    text, handle = _handle(queue, given)
    leases = call.access.leases
    state = leases.state(queue, handle)
    if state == LEASED or (state == LAPSED and not is_fifo(settings)):
        # Also after its end, while nobody else has the message: recorded of SQS, whose documentation says MessageNotInflight.
        leases.change(queue, handle, seconds * 1000)
        return
    if is_fifo(settings) and state in (LAPSED, TAKEN):
        raise _expired(text)
    raise invalid_value(
        f"Value {text} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )
