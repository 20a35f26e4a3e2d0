"""Leases: how long a received message stays hidden, and what its receipt handle is good for before and after."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from clients.aws_python.session import (
    Client,
    MakeQueue,
    aws_client,
    bodies,
    counts,
    receive,
    receive_exactly,
    refused,
    send,
)


def test_a_message_comes_back_after_its_time_and_no_sooner(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue(VisibilityTimeout=1)
    send(sqs, url, "hello")
    asked = time.monotonic()
    [first] = receive(sqs, url, AttributeNames=["All"])
    assert counts(sqs, url) == (0, 1, 0) and receive(sqs, url) == []
    [second] = receive_exactly(sqs, url, 1, AttributeNames=["All"])
    assert time.monotonic() - asked >= 1
    assert second["MessageId"] == first["MessageId"] and second["ReceiptHandle"] != first["ReceiptHandle"]
    received = (first["Attributes"], second["Attributes"])
    assert [found["ApproximateReceiveCount"] for found in received] == ["1", "2"]
    assert len({found["ApproximateFirstReceiveTimestamp"] for found in received}) == 1
    assert len({found["SentTimestamp"] for found in received}) == 1


def test_a_receive_has_a_time_of_its_own(sqs: Client, queue: str) -> None:
    send(sqs, queue, "short", "none")
    asked = time.monotonic()
    assert bodies(receive(sqs, queue, 1, VisibilityTimeout=1)) == ["short"]
    assert bodies(receive(sqs, queue, 1, VisibilityTimeout=0)) == ["none"]
    assert bodies(receive(sqs, queue, 2)) == ["none"]
    assert bodies(receive_exactly(sqs, queue, 1)) == ["short"]
    assert time.monotonic() - asked >= 1


def test_a_lease_can_be_prolonged_and_shortened(either: Client, queue: str) -> None:
    send(either, queue, "prolonged", "given back")
    asked = time.monotonic()
    prolonged, given_back = receive_exactly(either, queue, 2, VisibilityTimeout=1)
    either.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=prolonged["ReceiptHandle"], VisibilityTimeout=2
    )
    either.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=given_back["ReceiptHandle"], VisibilityTimeout=0
    )
    [again] = receive(either, queue, AttributeNames=["ApproximateReceiveCount"])
    assert again["Body"] == "given back" and again["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert bodies(receive_exactly(either, queue, 1)) == ["prolonged"]
    assert time.monotonic() - asked >= 2


def test_a_prolonged_lease_is_still_good_after_its_first_time(sqs: Client, fifo: str, queue: str) -> None:
    groups: list[tuple[str, dict[str, str]]] = [(queue, {}), (fifo, {"MessageGroupId": "g"})]
    for url, group in groups:
        send(sqs, url, "hello", **group)
    taken = {url: receive(sqs, url, VisibilityTimeout=1)[0]["ReceiptHandle"] for url in (queue, fifo)}
    for url, handle in taken.items():
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=20)
    time.sleep(1.2)
    for url, handle in taken.items():
        assert counts(sqs, url) == (0, 1, 0)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        assert counts(sqs, url) == (0, 0, 0)


def test_a_late_delete_works_while_nobody_else_has_the_message(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue(VisibilityTimeout=0)
    send(either, url, "hello")
    [message] = receive(either, url)
    assert counts(either, url) == (1, 0, 0)
    either.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(either, url) == (0, 0, 0) and receive(either, url) == []


def test_the_handle_of_a_later_receive_deletes_for_all(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue(VisibilityTimeout=0)
    send(sqs, url, "hello")
    [first] = receive(sqs, url)
    [second] = receive(sqs, url, VisibilityTimeout=30)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)


def test_what_is_deleted_is_not_in_flight(either: Client, queue: str) -> None:
    send(either, queue, "hello")
    [message] = receive(either, queue)
    either.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    # Documented: MessageNotInflight; AWS itself answers InvalidParameterValue.
    with refused("InvalidParameterValue") as told:
        either.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=10
        )
    assert "Reason: Message does not exist or is not available for visibility timeout change." in told.message


def test_a_late_change_is_accepted(sqs: Client, queue: str) -> None:
    # Recorded of AWS: no error, while nobody else has the message.
    send(sqs, queue, "hello")
    [message] = receive(sqs, queue, VisibilityTimeout=0)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=2)


@pytest.mark.parametrize("seconds", [-1, 43201])
def test_twelve_hours_are_the_longest(either: Client, queue: str, seconds: int) -> None:
    send(either, queue, "hello")
    with refused("InvalidParameterValue"):
        receive(either, queue, VisibilityTimeout=seconds)
    [message] = receive(either, queue)
    with refused("InvalidParameterValue"):
        either.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )
    either.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=43199
    )
    assert counts(either, queue) == (0, 1, 0)


@pytest.mark.parametrize(
    "handle", ["nonsense", "AQEB+/=", "a" * 1024, "00000000-0000-0000-0000-000000000000"]
)
def test_a_handle_of_nobody_is_invalid(either: Client, queue: str, handle: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: either.delete_message(QueueUrl=queue, ReceiptHandle=handle),
        lambda: either.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=1),
    ]
    for call in calls:
        with refused(
            "ReceiptHandleIsInvalid",
            f'The input receipt handle "{handle}" is not a valid receipt handle.',
            404,
        ):
            call()


def test_a_handle_is_of_its_queue(sqs: Client, queue: str, make_queue: MakeQueue) -> None:
    send(sqs, queue, "hello")
    [message] = receive(sqs, queue)
    other = make_queue()
    with refused("ReceiptHandleIsInvalid", status=404):
        sqs.delete_message(QueueUrl=other, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, queue) == (0, 1, 0)


def test_a_lease_outlives_its_connection(endpoint: str, sqs: Client, queue: str) -> None:
    send(sqs, queue, "hello")
    passing = aws_client("sqs", endpoint)
    [message] = receive(passing, queue)
    passing.close()
    assert receive(sqs, queue) == [] and counts(sqs, queue) == (0, 1, 0)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, queue) == (0, 0, 0)
