"""Fair queues: message groups on a standard queue. Nothing is blocked; a noisy group does not hold up the quiet ones."""

from __future__ import annotations

import pytest

from clients.aws_python.session import Client, bodies, counts, delete, receive, refused, send


def test_a_group_is_shown_and_there_is_no_sequence_number(either: Client, queue: str) -> None:
    sent = either.send_message(QueueUrl=queue, MessageBody="message", MessageGroupId="test")
    assert "SequenceNumber" not in sent
    [message] = receive(either, queue, AttributeNames=["All"])
    assert message["Attributes"]["MessageGroupId"] == "test"
    assert "SequenceNumber" not in message["Attributes"]


def test_a_group_is_not_blocked_by_what_is_in_flight(sqs: Client, queue: str) -> None:
    send(sqs, queue, "a1", "a2", "a3", MessageGroupId="a")
    assert [bodies(receive(sqs, queue, 1)) for _ in range(3)] == [["a1"], ["a2"], ["a3"]]


def test_quiet_groups_are_served_before_a_noisy_one(sqs: Client, queue: str) -> None:
    # What SQS calls dwell time: the quiet tenant's messages do not stand behind the backlog.
    send(sqs, queue, *(f"noisy{number}" for number in range(40)), MessageGroupId="noisy")
    taken = [message for _ in range(2) for message in receive(sqs, queue, 10)]
    assert len(taken) == 20
    send(sqs, queue, "quiet1", "quiet2", MessageGroupId="quiet")
    following = [message for _ in range(2) for message in receive(sqs, queue, 1)]
    assert bodies(following) == ["quiet1", "quiet2"]
    delete(sqs, queue, taken + following)
    assert counts(sqs, queue) == (20, 0, 0)


def test_messages_without_a_group_go_on(sqs: Client, queue: str) -> None:
    send(sqs, queue, "g1", MessageGroupId="g")
    send(sqs, queue, "plain1", "plain2")
    send(sqs, queue, "g2", MessageGroupId="g")
    assert sorted(bodies(receive(sqs, queue, 10))) == ["g1", "g2", "plain1", "plain2"]


@pytest.mark.parametrize("group", ["", "a" * 129, "group 123"])
def test_bad_groups_are_refused(either: Client, queue: str, group: str) -> None:
    with refused(
        "InvalidParameterValue",
        f"Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include"
        " alphanumeric and punctuation characters. 1 to 128 in length.",
    ):
        send(either, queue, "hello", MessageGroupId=group)


def test_a_deduplication_id_is_for_fifo_queues(either: Client, queue: str) -> None:
    with refused("InvalidParameterValue") as told:
        send(either, queue, "hello", MessageDeduplicationId="id")
    assert "The request include parameter that is not valid for this queue type" in told.message
