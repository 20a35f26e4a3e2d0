"""FIFO queues: order in a group, groups that wait for what is invisible, deduplication and its scopes, retried receives."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clients.aws_python.session import (
    Client,
    MakeQueue,
    bodies,
    counts,
    delete,
    receive,
    receive_exactly,
    refused,
    send,
)


def put(sqs: Client, url: str, *labels: str, **parameters: Any) -> list[dict[str, Any]]:
    """`a1` is a message of group a."""
    return [
        sqs.send_message(QueueUrl=url, MessageBody=label, **{"MessageGroupId": label[0], **parameters})
        for label in labels
    ]


def test_groups_are_in_order_and_one_receive_takes_several_of_a_group(either: Client, fifo: str) -> None:
    sent = put(either, fifo, "a1", "a2", "a3")
    assert bodies(receive(either, fifo, 2)) == ["a1", "a2"]
    numbers = [int(answer["SequenceNumber"]) for answer in sent]
    assert numbers == sorted(numbers) and len(set(numbers)) == 3
    # As many digits as AWS gives: they compare as text, too.
    assert {len(answer["SequenceNumber"]) for answer in sent} == {20}


def test_a_group_waits_for_its_invisible_messages(either: Client, fifo: str) -> None:
    put(either, fifo, "a1", "a2", "b1", "a3")
    [first] = receive(either, fifo, 1)
    assert first["Body"] == "a1"
    assert bodies(receive(either, fifo)) == ["b1"]
    assert receive(either, fifo) == []
    delete(either, fifo, [first])
    assert bodies(receive(either, fifo)) == ["a2", "a3"]


def test_all_attributes_are_shown(either: Client, fifo: str) -> None:
    [sent] = put(either, fifo, "a1", MessageDeduplicationId="dedup-1")
    [message] = receive(either, fifo, AttributeNames=["All"])
    found = message["Attributes"]
    assert found["MessageGroupId"] == "a" and found["MessageDeduplicationId"] == "dedup-1"
    assert found["SequenceNumber"] == sent["SequenceNumber"]
    assert set(found) == {
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    }


def test_what_comes_back_goes_first(either: Client, fifo: str) -> None:
    put(either, fifo, "a1", "a2", "a3")
    [first] = receive(either, fifo, 1)
    either.change_message_visibility(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(receive(either, fifo)) == ["a1", "a2", "a3"]


@pytest.mark.parametrize(("given_back", "again"), [(0, []), (1, ["foo"]), (2, ["foo", "bar"])])
def test_a_receive_stops_at_the_first_invisible_message_of_a_group(
    either: Client, fifo: str, given_back: int, again: list[str]
) -> None:
    # As recorded of AWS: of three that were received together, the first are made visible again.
    for body in ("foo", "bar", "baz"):
        either.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g")
    taken = receive(either, fifo, 10)
    assert bodies(taken) == ["foo", "bar", "baz"]
    for message in taken[:given_back]:
        either.change_message_visibility(
            QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    assert bodies(receive(either, fifo, 10)) == again


def test_the_end_of_a_lease_opens_the_group(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue("queue.fifo", ContentBasedDeduplication="true", VisibilityTimeout=1)
    put(sqs, url, "a1", "a2")
    asked = time.monotonic()
    assert bodies(receive(sqs, url, 1)) == ["a1"]
    assert receive(sqs, url) == []
    assert bodies(receive_exactly(sqs, url, 2)) == ["a1", "a2"]
    assert time.monotonic() - asked >= 1


def test_an_expired_handle_deletes_nothing(either: Client, fifo: str) -> None:
    put(either, fifo, "a1", "a2")
    [message] = receive(either, fifo, 1, VisibilityTimeout=0)
    handle = message["ReceiptHandle"]
    with refused(
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    ):
        either.delete_message(QueueUrl=fifo, ReceiptHandle=handle)
    assert bodies(receive(either, fifo)) == ["a1", "a2"]
    failed = either.delete_message_batch(QueueUrl=fifo, Entries=[{"Id": "x", "ReceiptHandle": handle}])[
        "Failed"
    ]
    assert [entry["Code"] for entry in failed] == ["InvalidParameterValue"]


def test_deleting_twice_is_no_error(sqs: Client, fifo: str) -> None:
    put(sqs, fifo, "a1")
    [message] = receive(sqs, fifo)
    delete(sqs, fifo, [message, message])
    assert counts(sqs, fifo) == (0, 0, 0)


def test_a_group_id_is_needed(either: Client, fifo: str) -> None:
    with refused("MissingParameter", "The request must contain the parameter MessageGroupId."):
        send(either, fifo, "hello")
    # In a batch AWS refuses all of it, and with another code.
    with refused("InvalidParameterValue", "The request must contain the parameter MessageGroupId."):
        either.send_message_batch(QueueUrl=fifo, Entries=[{"Id": "1", "MessageBody": "x"}])


def test_a_deduplication_id_is_needed(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue("queue.fifo")
    message = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    with refused("InvalidParameterValue", message):
        put(either, url, "a1")
    with refused("InvalidParameterValue", message):
        either.send_message_batch(
            QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x", "MessageGroupId": "g"}]
        )


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["", "a" * 129, "group 123", "ümlaut", "tab\t"])
def test_ids_are_of_128_letters_digits_and_punctuation(
    either: Client, fifo: str, name: str, value: str
) -> None:
    with refused(
        "InvalidParameterValue",
        f"Value {value} for parameter {name} is invalid. Reason: {name} can only include"
        " alphanumeric and punctuation characters. 1 to 128 in length.",
    ):
        put(either, fifo, "a1", **{name: value})


def test_every_punctuation_is_good(sqs: Client, fifo: str) -> None:
    every = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~azAZ09"
    put(sqs, fifo, "a1", MessageGroupId=every, MessageDeduplicationId=every)
    put(sqs, fifo, "a1", MessageGroupId="a" * 128, MessageDeduplicationId="b" * 128)
    found = [message["Attributes"] for message in receive(sqs, fifo, AttributeNames=["All"])]
    assert {attributes["MessageGroupId"] for attributes in found} == {every, "a" * 128}
    assert {attributes["MessageDeduplicationId"] for attributes in found} == {every, "b" * 128}


def test_a_delay_is_the_queues_own(either: Client, fifo: str, make_queue: MakeQueue) -> None:
    with refused(
        "InvalidParameterValue",
        "Value 2 for parameter DelaySeconds is invalid."
        " Reason: The request include parameter that is not valid for this queue type.",
    ):
        put(either, fifo, "a1", DelaySeconds=2)
    delayed = make_queue("late.fifo", ContentBasedDeduplication="true", DelaySeconds=60)
    # Recorded of AWS: 0 means the queue's.
    put(either, delayed, "a1", DelaySeconds=0)
    assert receive(either, delayed) == [] and counts(either, delayed) == (0, 0, 1)


def test_a_repeated_id_is_accepted_and_not_delivered(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue("queue.fifo")
    first, second = put(either, url, "a1", "a2", MessageDeduplicationId="same")
    assert (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])
    [message] = receive(either, url)
    assert message["Body"] == "a1"
    delete(either, url, [message])
    # Deleting does not end the window, and another group is no other scope.
    put(either, url, "a3", "b3", MessageDeduplicationId="same")
    assert receive(either, url) == [] and counts(either, url) == (0, 0, 0)
    put(either, url, "a4", MessageDeduplicationId="other")
    assert bodies(receive(either, url)) == ["a4"]


def test_equal_contents_are_repeated(either: Client, fifo: str) -> None:
    first, second = put(either, fifo, "a1", "a1")
    assert first["MessageId"] == second["MessageId"]
    # Attributes are no part of it, and an id that is given goes before the content.
    put(either, fifo, "a1", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
    put(either, fifo, "a1", MessageDeduplicationId="given")
    put(either, fifo, "a2")
    found = receive(either, fifo, AttributeNames=["MessageDeduplicationId"])
    assert bodies(found) == ["a1", "a1", "a2"]
    assert found[1]["Attributes"] == {"MessageDeduplicationId": "given"}
    # Without a given id it is the SHA-256 of the body.
    assert found[0]["Attributes"]["MessageDeduplicationId"] == (
        "f55ff16f66f43360266b95db6f8fec01d76031054306ae4a4b380598f6cfd114"
    )


def test_entries_of_a_batch_are_deduplicated(either: Client, fifo: str) -> None:
    entries = [
        {"Id": str(number), "MessageBody": body, "MessageGroupId": "g"}
        for number, body in enumerate(["one", "two", "one"])
    ]
    found = either.send_message_batch(QueueUrl=fifo, Entries=entries)["Successful"]
    assert found[0]["MessageId"] == found[2]["MessageId"] != found[1]["MessageId"]
    assert found[0]["SequenceNumber"] == found[2]["SequenceNumber"] < found[1]["SequenceNumber"]
    assert bodies(receive(either, fifo)) == ["one", "two"]


def test_in_high_throughput_mode_each_group_has_its_own_ids(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue("queue.fifo", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    put(either, url, "a1", "b1", "a2", MessageDeduplicationId="same")
    assert bodies(receive_exactly(either, url, 2)) == ["a1", "b1"]
    assert receive(either, url) == [] and counts(either, url) == (0, 2, 0)


def test_the_scope_is_enough_for_that(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue("queue.fifo", DeduplicationScope="messageGroup")
    put(sqs, url, "a1", "b1", MessageDeduplicationId="same")
    assert bodies(receive_exactly(sqs, url, 2)) == ["a1", "b1"]


def test_high_throughput_needs_the_scope(either: Client, make_queue: MakeQueue, fifo: str) -> None:
    with refused("InvalidAttributeValue"):
        make_queue("queue.fifo", FifoThroughputLimit="perMessageGroupId", DeduplicationScope="queue")
    for name in ("DeduplicationScope", "FifoThroughputLimit", "ContentBasedDeduplication"):
        with refused("InvalidAttributeValue"):
            either.set_queue_attributes(QueueUrl=fifo, Attributes={name: "sometimes"})


def test_a_queue_can_be_set_to_high_throughput(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue("queue.fifo")
    put(sqs, url, "a1", "b1", MessageDeduplicationId="one")
    assert counts(sqs, url) == (1, 0, 0)
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"},
    )
    put(sqs, url, "a2", "b2", MessageDeduplicationId="two")
    assert counts(sqs, url) == (3, 0, 0)


def test_a_receive_with_the_same_attempt_id_gives_the_same_again(either: Client, fifo: str) -> None:
    put(either, fifo, "a1", "a2", "b1")
    first = receive(either, fifo, 2, ReceiveRequestAttemptId="attempt-1")
    again = receive(either, fifo, 2, ReceiveRequestAttemptId="attempt-1")
    assert bodies(first) == bodies(again) == ["a1", "a2"]
    assert [message["MessageId"] for message in first] == [message["MessageId"] for message in again]
    # The later handles are good.
    delete(either, fifo, again)
    assert bodies(receive(either, fifo, 2, ReceiveRequestAttemptId="attempt-2")) == ["b1"]


def test_attempt_ids_are_for_fifo_queues(sqs: Client, queue: str, fifo: str) -> None:
    with refused("InvalidParameterValue"):
        receive(sqs, queue, ReceiveRequestAttemptId="attempt")
    with refused("InvalidParameterValue"):
        receive(sqs, fifo, ReceiveRequestAttemptId="not good")


def test_many_groups_are_taken_by_many_in_order(sqs: Client, fifo: str) -> None:
    groups, each = 5, 6
    for number in range(each):
        sqs.send_message_batch(
            QueueUrl=fifo,
            Entries=[
                {"Id": str(group), "MessageBody": f"{group}-{number}", "MessageGroupId": str(group)}
                for group in range(groups)
            ],
        )
    seen: dict[str, list[str]] = {}
    held: list[list[dict[str, Any]]] = []
    while sum(map(len, seen.values())) < groups * each:
        taken = receive(sqs, fifo, 3)
        for message in taken:
            group, number = message["Body"].split("-")
            seen.setdefault(group, []).append(number)
        held.append(taken)
        # Several are out at once, and end in another order than they began.
        if len(held) == 3 or not taken:
            delete(sqs, fifo, [message for messages in reversed(held) for message in messages])
            held = []
    assert seen == {str(group): [str(number) for number in range(each)] for group in range(groups)}
