"""What the batch operations share: their entries' ids, and entries that failed.

Spec: Amazon SQS API Reference, "Errors" of SendMessageBatch.
"""

from typing import Final

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.sqs.errors import invalid_batch_id, sqs_error

ENTRIES_MAX: Final = 10
ID_CHARACTERS_MAX: Final = 80

Batch = list[tuple[str, dict[str, object]]]


def read_batch(call: Call, entry_name: str) -> Batch:
    """Ids and entries. Raises AwsError."""
    entries = call.parameters.get("Entries")
    if not isinstance(entries, list) or not entries:
        raise sqs_error("EmptyBatchRequest", f"There should be at least one {entry_name} in the request.")
    if len(entries) > ENTRIES_MAX:
        raise sqs_error(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {ENTRIES_MAX}. You have sent {len(entries)}.",
        )
    found: Batch = []
    seen: dict[str, bool] = {}
    for entry in entries:
        assert isinstance(entry, dict)
        identifier = entry.get("Id", "")
        assert isinstance(identifier, str)
        plain = identifier.replace("-", "a").replace("_", "a")
        if not plain.isalnum() or not plain.isascii() or len(identifier) > ID_CHARACTERS_MAX:
            raise invalid_batch_id()
        if identifier in seen:
            raise sqs_error("BatchEntryIdsNotDistinct", f"Id {identifier} repeated.")
        seen[identifier] = True
        found.append((identifier, entry))
    return found


def failed_entry(identifier: str, error: AwsError) -> dict[str, object]:
    return {
        "Id": identifier,
        "SenderFault": error.sender,
        "Code": error.query_code,
        "Message": error.text,
    }
