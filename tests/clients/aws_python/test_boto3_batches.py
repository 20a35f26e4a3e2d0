"""Batches: up to ten entries, each with its own outcome; what is wrong with the batch itself refuses all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from clients.aws_python.session import (
    Client,
    MakeQueue,
    bodies,
    counts,
    receive,
    receive_exactly,
    refused,
    send,
)


def entries(count: int, **parameters: Any) -> list[dict[str, Any]]:
    return [{"Id": f"id-{number}", "MessageBody": f"m{number}", **parameters} for number in range(count)]


def test_ten_are_sent_received_changed_and_deleted(either: Client, queue: str) -> None:
    sent = either.send_message_batch(QueueUrl=queue, Entries=entries(10))
    assert [entry["Id"] for entry in sent["Successful"]] == [f"id-{number}" for number in range(10)]
    assert sent["Successful"][3]["MD5OfMessageBody"] == hashlib.md5(b"m3").hexdigest()
    assert not sent.get("Failed")
    taken = receive_exactly(either, queue, 10)
    assert bodies(taken) == [f"m{number}" for number in range(10)]
    assert [message["MessageId"] for message in taken] == [entry["MessageId"] for entry in sent["Successful"]]
    handles = [
        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(taken)
    ]
    changed = either.change_message_visibility_batch(
        QueueUrl=queue, Entries=[{**entry, "VisibilityTimeout": 0} for entry in handles[:4]]
    )
    assert [entry["Id"] for entry in changed["Successful"]] == ["0", "1", "2", "3"]
    assert counts(either, queue) == (4, 6, 0)
    deleted = either.delete_message_batch(QueueUrl=queue, Entries=handles[4:])
    assert [entry["Id"] for entry in deleted["Successful"]] == ["4", "5", "6", "7", "8", "9"]
    assert counts(either, queue) == (4, 0, 0)


def test_entries_fail_one_by_one(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue(MaximumMessageSize=1024)
    found = either.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "a" * 1024},
            {"Id": "long", "MessageBody": "a" * 1025},
            {"Id": "late", "MessageBody": "a", "DelaySeconds": 901},
            {
                "Id": "fine",
                "MessageBody": "b",
                "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}},
            },
        ],
    )
    assert [entry["Id"] for entry in found["Successful"]] == ["good", "fine"]
    assert "MD5OfMessageAttributes" in found["Successful"][1]
    failed = {entry["Id"]: entry for entry in found["Failed"]}
    assert failed["long"] == {
        "Id": "long",
        "SenderFault": True,
        "Code": "InvalidParameterValue",
        "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
    }
    assert failed["late"]["Code"] == "InvalidParameterValue" and failed["late"]["SenderFault"] is True
    assert sorted(bodies(receive_exactly(either, url, 2))) == ["a" * 1024, "b"]


def test_handles_fail_one_by_one(either: Client, queue: str) -> None:
    send(either, queue, "one", "two")
    one, two = receive_exactly(either, queue, 2)
    wrong = {"Id": "wrong", "ReceiptHandle": "nonsense"}
    changed = either.change_message_visibility_batch(
        QueueUrl=queue,
        Entries=[
            {"Id": "one", "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": 60},
            {**wrong, "VisibilityTimeout": 60},
            {"Id": "long", "ReceiptHandle": two["ReceiptHandle"], "VisibilityTimeout": 43201},
        ],
    )
    assert [entry["Id"] for entry in changed["Successful"]] == ["one"]
    assert {entry["Id"]: entry["Code"] for entry in changed["Failed"]} == {
        "wrong": "ReceiptHandleIsInvalid",
        "long": "InvalidParameterValue",
    }
    deleted = either.delete_message_batch(
        QueueUrl=queue, Entries=[{"Id": "one", "ReceiptHandle": one["ReceiptHandle"]}, wrong]
    )
    assert [entry["Id"] for entry in deleted["Successful"]] == ["one"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in deleted["Failed"]] == [
        ("wrong", "ReceiptHandleIsInvalid", True)
    ]


Batch = Callable[[Client, str, list[dict[str, Any]]], Any]
OPERATIONS: dict[str, tuple[Batch, dict[str, Any]]] = {
    "send": (
        lambda sqs, url, given: sqs.send_message_batch(QueueUrl=url, Entries=given),
        {"MessageBody": "x"},
    ),
    "delete": (
        lambda sqs, url, given: sqs.delete_message_batch(QueueUrl=url, Entries=given),
        {"ReceiptHandle": "x"},
    ),
    "change": (
        lambda sqs, url, given: sqs.change_message_visibility_batch(QueueUrl=url, Entries=given),
        {"ReceiptHandle": "x", "VisibilityTimeout": 1},
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_batch_with_a_mistake_is_refused_whole(either: Client, queue: str, operation: str) -> None:
    call, entry = OPERATIONS[operation]
    prefix = "AWS.SimpleQueueService"
    with refused(
        f"{prefix}.TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 20.",
    ):
        call(either, queue, [{"Id": str(number), **entry} for number in range(20)])
    for bad in ("", "invalid:id", "testLongId" * 10, "ümlaut"):
        with refused(
            f"{prefix}.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
            " It can be at most 80 letters long.",
        ):
            call(either, queue, [{"Id": bad, **entry}])
    with refused(f"{prefix}.BatchEntryIdsNotDistinct", "Id same repeated."):
        call(either, queue, [{"Id": "same", **entry}, {"Id": "same", **entry}])
    with refused(f"{prefix}.EmptyBatchRequest"):
        call(either, queue, [])
    with refused(f"{prefix}.NonExistentQueue"):
        call(either, queue + "-not", [{"Id": "one", **entry}])
    assert counts(either, queue) == (0, 0, 0)


def test_a_batch_is_a_mebibyte_at_most(either: Client, queue: str) -> None:
    half = "a" * (512 * 1024)
    found = either.send_message_batch(
        QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": half}, {"Id": "2", "MessageBody": half}]
    )
    assert len(found["Successful"]) == 2
    with refused(
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    ):
        either.send_message_batch(
            QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": half}, {"Id": "2", "MessageBody": half + "a"}]
        )
    assert counts(either, queue) == (2, 0, 0)


def test_entries_have_delays_of_their_own(sqs: Client, queue: str) -> None:
    sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[
            {"Id": "now", "MessageBody": "now"},
            {"Id": "later", "MessageBody": "later", "DelaySeconds": 60},
        ],
    )
    assert bodies(receive(sqs, queue)) == ["now"]
    assert counts(sqs, queue) == (0, 1, 1)
