"""Purge, tags, permissions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clients.aws_python.session import (
    Client,
    MakeQueue,
    arn_of,
    attributes,
    bodies,
    counts,
    receive,
    refused,
    send,
)


def test_purge_takes_everything(either: Client, queue: str) -> None:
    send(either, queue, "in flight", "ready")
    send(either, queue, "delayed", DelaySeconds=60)
    [taken] = receive(either, queue, 1)
    assert counts(either, queue) == (1, 1, 1)
    either.purge_queue(QueueUrl=queue)
    assert counts(either, queue) == (0, 0, 0) and receive(either, queue) == []
    either.delete_message(QueueUrl=queue, ReceiptHandle=taken["ReceiptHandle"])
    send(either, queue, "after")
    assert bodies(receive(either, queue)) == ["after"]
    name = queue.rsplit("/", 1)[1]
    with refused(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.",
        403,
    ):
        either.purge_queue(QueueUrl=queue)


def test_purge_opens_the_groups_of_a_fifo_queue(sqs: Client, fifo: str) -> None:
    send(sqs, fifo, "one", "two", MessageGroupId="g")
    assert len(receive(sqs, fifo, 1)) == 1
    sqs.purge_queue(QueueUrl=fifo)
    send(sqs, fifo, "three", MessageGroupId="g")
    assert bodies(receive(sqs, fifo)) == ["three"]
    # What was sent before is still a repetition.
    send(sqs, fifo, "one", MessageGroupId="g")
    assert counts(sqs, fifo) == (0, 1, 0)


def test_tags_are_set_read_and_taken_away(either: Client, queue: str) -> None:
    assert "Tags" not in either.list_queue_tags(QueueUrl=queue)
    either.tag_queue(QueueUrl=queue, Tags={"tag1": "value1", "tag2": "value2", "tag3": ""})
    assert either.list_queue_tags(QueueUrl=queue)["Tags"] == {"tag1": "value1", "tag2": "value2", "tag3": ""}
    either.tag_queue(QueueUrl=queue, Tags={"tag2": "other", "ümlaut & <b>": "wörd"})
    either.untag_queue(QueueUrl=queue, TagKeys=["tag1", "tag3", "never"])
    assert either.list_queue_tags(QueueUrl=queue)["Tags"] == {"tag2": "other", "ümlaut & <b>": "wörd"}
    either.untag_queue(QueueUrl=queue, TagKeys=["tag2", "ümlaut & <b>"])
    assert "Tags" not in either.list_queue_tags(QueueUrl=queue)


def test_a_queue_has_fifty_tags_at_most(sqs: Client, queue: str) -> None:
    sqs.tag_queue(QueueUrl=queue, Tags={f"tag{number}": "x" for number in range(50)})
    with refused("InvalidParameterValue"):
        sqs.tag_queue(QueueUrl=queue, Tags={"one more": "x"})
    assert len(sqs.list_queue_tags(QueueUrl=queue)["Tags"]) == 50


def statements(sqs: Client, url: str) -> list[dict[str, Any]]:
    found = attributes(sqs, url, "Policy")
    if not found:
        return []
    policy: dict[str, Any] = json.loads(found["Policy"])
    assert policy["Version"] == "2008-10-17"
    assert policy["Id"] == arn_of(sqs, url) + "/SQSDefaultPolicy"
    statement: list[dict[str, Any]] = policy["Statement"]
    return statement


def test_permissions_are_statements_of_the_policy(either: Client, queue: str) -> None:
    def add(label: str, *accounts: str, actions: tuple[str, ...] = ("ReceiveMessage",)) -> None:
        either.add_permission(QueueUrl=queue, Label=label, AWSAccountIds=[*accounts], Actions=[*actions])

    add("crossaccount", "668614515564", "111111111111")
    assert statements(either, queue) == [
        {
            "Sid": "crossaccount",
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::668614515564:root", "arn:aws:iam::111111111111:root"]},
            "Action": "SQS:ReceiveMessage",
            "Resource": arn_of(either, queue),
        }
    ]
    either.remove_permission(QueueUrl=queue, Label="crossaccount")
    assert statements(either, queue) == []
    add("crossaccount", "111111111111")
    assert statements(either, queue)[0]["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    with refused(
        "InvalidParameterValue", "Value crossaccount for parameter Label is invalid. Reason: Already exists."
    ):
        add("crossaccount", "668614515564")
    add("second", "111111111111", actions=("SendMessage", "DeleteMessage"))
    assert [statement["Action"] for statement in statements(either, queue)] == [
        "SQS:ReceiveMessage",
        ["SQS:SendMessage", "SQS:DeleteMessage"],
    ]
    either.remove_permission(QueueUrl=queue, Label="crossaccount")
    assert [statement["Sid"] for statement in statements(either, queue)] == ["second"]
    with refused(
        "InvalidParameterValue",
        "Value crossaccount for parameter Label is invalid. Reason: can't find label.",
    ):
        either.remove_permission(QueueUrl=queue, Label="crossaccount")


@pytest.mark.parametrize(
    ("label", "accounts", "actions"),
    [
        ("bad label", ["111111111111"], ["SendMessage"]),
        ("a" * 81, ["111111111111"], ["SendMessage"]),
        ("label", ["111111111111"], ["Dance"]),
        ("label", ["111111111111"], ["CreateQueue"]),
        ("label", ["somebody"], ["SendMessage"]),
    ],
)
def test_bad_permissions_are_refused(
    either: Client, queue: str, label: str, accounts: list[str], actions: list[str]
) -> None:
    with refused("InvalidParameterValue"):
        either.add_permission(QueueUrl=queue, Label=label, AWSAccountIds=accounts, Actions=actions)
    assert statements(either, queue) == []


def test_seven_actions_are_the_most(sqs: Client, make_queue: MakeQueue) -> None:
    actions = [
        *("SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"),
        *("GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue"),
    ]
    with refused("OverLimit", "8 Actions were found, maximum allowed is 7.", 403):
        sqs.add_permission(
            QueueUrl=make_queue(), Label="label", AWSAccountIds=["111111111111"], Actions=actions
        )
