"""What SQS's operations take and give, by name.

Spec: Amazon SQS API Reference, version 2012-11-05. Names of the Query protocol: that version's request and response samples.
"""

from typing import Final

from onemq.heads.aws.shapes import (
    Member,
    OperationShape,
    Shape,
    blob,
    boolean,
    integer,
    list_of,
    map_of,
    structure,
    text,
)

_QUEUE: Final = Member("QueueUrl", text)
_ATTRIBUTES: Final = Member("Attributes", map_of(text, "Name", "Value"), "Attribute")
_TAGS: Final = map_of(text, "Key", "Value")
_VALUE: Final = structure(
    Member("StringValue", text),
    Member("BinaryValue", blob),
    Member("StringListValues", list_of(text), "StringListValue"),
    Member("BinaryListValues", list_of(blob), "BinaryListValue"),
    Member("DataType", text),
)
_MESSAGE_ATTRIBUTES: Final = Member("MessageAttributes", map_of(_VALUE, "Name", "Value"), "MessageAttribute")
_MESSAGE: Final = (
    Member("MessageBody", text),
    Member("DelaySeconds", integer),
    _MESSAGE_ATTRIBUTES,
    Member("MessageSystemAttributes", map_of(_VALUE, "Name", "Value"), "MessageSystemAttribute"),
    Member("MessageDeduplicationId", text),
    Member("MessageGroupId", text),
)
_SENT: Final = (
    Member("MessageId", text),
    Member("MD5OfMessageBody", text),
    Member("MD5OfMessageAttributes", text),
    Member("MD5OfMessageSystemAttributes", text),
    Member("SequenceNumber", text),
)
_FAILED: Final = Member(
    "Failed",
    list_of(
        structure(
            Member("Id", text),
            Member("SenderFault", boolean),
            Member("Code", text),
            Member("Message", text),
        )
    ),
    "BatchResultErrorEntry",
)
_RECEIVED: Final = structure(
    Member("MessageId", text),
    Member("ReceiptHandle", text),
    Member("MD5OfBody", text),
    Member("Body", text),
    Member("Attributes", map_of(text, "Name", "Value"), "Attribute"),
    Member("MD5OfMessageAttributes", text),
    _MESSAGE_ATTRIBUTES,
)
_MOVE_TASK: Final = structure(
    Member("TaskHandle", text),
    Member("Status", text),
    Member("SourceArn", text),
    Member("DestinationArn", text),
    Member("MaxNumberOfMessagesPerSecond", integer),
    Member("ApproximateNumberOfMessagesMoved", integer),
    Member("ApproximateNumberOfMessagesToMove", integer),
    Member("FailureReason", text),
    Member("StartedTimestamp", integer),
)


def _entries(operation: str, *members: Member) -> Member:
    entry = structure(Member("Id", text), *members)
    return Member("Entries", list_of(entry), f"{operation}RequestEntry")


def _batch_result(operation: str, *members: Member) -> Shape:
    entry = structure(Member("Id", text), *members)
    return structure(Member("Successful", list_of(entry), f"{operation}ResultEntry"), _FAILED)


_SHAPES: Final = (
    OperationShape(
        "AddPermission",
        structure(
            _QUEUE,
            Member("Label", text),
            Member("AWSAccountIds", list_of(text), "AWSAccountId"),
            Member("Actions", list_of(text), "ActionName"),
        ),
    ),
    OperationShape(
        "CancelMessageMoveTask",
        structure(Member("TaskHandle", text)),
        structure(Member("ApproximateNumberOfMessagesMoved", integer)),
    ),
    OperationShape(
        "ChangeMessageVisibility",
        structure(_QUEUE, Member("ReceiptHandle", text), Member("VisibilityTimeout", integer)),
    ),
    OperationShape(
        "ChangeMessageVisibilityBatch",
        structure(
            _QUEUE,
            _entries(
                "ChangeMessageVisibilityBatch",
                Member("ReceiptHandle", text),
                Member("VisibilityTimeout", integer),
            ),
        ),
        _batch_result("ChangeMessageVisibilityBatch"),
    ),
    OperationShape(
        "CreateQueue",
        structure(Member("QueueName", text), _ATTRIBUTES, Member("tags", _TAGS, "Tag")),
        structure(_QUEUE),
    ),
    OperationShape("DeleteMessage", structure(_QUEUE, Member("ReceiptHandle", text))),
    OperationShape(
        "DeleteMessageBatch",
        structure(_QUEUE, _entries("DeleteMessageBatch", Member("ReceiptHandle", text))),
        _batch_result("DeleteMessageBatch"),
    ),
    OperationShape("DeleteQueue", structure(_QUEUE)),
    OperationShape(
        "GetQueueAttributes",
        structure(_QUEUE, Member("AttributeNames", list_of(text), "AttributeName")),
        structure(_ATTRIBUTES),
    ),
    OperationShape(
        "GetQueueUrl",
        structure(Member("QueueName", text), Member("QueueOwnerAWSAccountId", text)),
        structure(_QUEUE),
    ),
    OperationShape(
        "ListDeadLetterSourceQueues",
        structure(_QUEUE, Member("NextToken", text), Member("MaxResults", integer)),
        structure(Member("queueUrls", list_of(text), "QueueUrl"), Member("NextToken", text)),
    ),
    OperationShape(
        "ListMessageMoveTasks",
        structure(Member("SourceArn", text), Member("MaxResults", integer)),
        structure(Member("Results", list_of(_MOVE_TASK), "ListMessageMoveTasksResultEntry")),
    ),
    OperationShape("ListQueueTags", structure(_QUEUE), structure(Member("Tags", _TAGS, "Tag"))),
    OperationShape(
        "ListQueues",
        structure(Member("QueueNamePrefix", text), Member("NextToken", text), Member("MaxResults", integer)),
        structure(Member("QueueUrls", list_of(text), "QueueUrl"), Member("NextToken", text)),
    ),
    OperationShape("PurgeQueue", structure(_QUEUE)),
    OperationShape(
        "ReceiveMessage",
        structure(
            _QUEUE,
            Member("AttributeNames", list_of(text), "AttributeName"),
            Member("MessageSystemAttributeNames", list_of(text), "MessageSystemAttributeName"),
            Member("MessageAttributeNames", list_of(text), "MessageAttributeName"),
            Member("MaxNumberOfMessages", integer),
            Member("VisibilityTimeout", integer),
            Member("WaitTimeSeconds", integer),
            Member("ReceiveRequestAttemptId", text),
        ),
        structure(Member("Messages", list_of(_RECEIVED), "Message")),
    ),
    OperationShape("RemovePermission", structure(_QUEUE, Member("Label", text))),
    OperationShape("SendMessage", structure(_QUEUE, *_MESSAGE), structure(*_SENT)),
    OperationShape(
        "SendMessageBatch",
        structure(_QUEUE, _entries("SendMessageBatch", *_MESSAGE)),
        _batch_result("SendMessageBatch", *_SENT),
    ),
    OperationShape("SetQueueAttributes", structure(_QUEUE, _ATTRIBUTES)),
    OperationShape(
        "StartMessageMoveTask",
        structure(
            Member("SourceArn", text),
            Member("DestinationArn", text),
            Member("MaxNumberOfMessagesPerSecond", integer),
        ),
        structure(Member("TaskHandle", text)),
    ),
    OperationShape("TagQueue", structure(_QUEUE, Member("Tags", _TAGS, "Tag"))),
    OperationShape("UntagQueue", structure(_QUEUE, Member("TagKeys", list_of(text), "TagKey"))),
)

SHAPES: Final = {shape.name: shape for shape in _SHAPES}
