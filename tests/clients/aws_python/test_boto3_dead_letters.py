"""Dead letters: messages received too often go to another queue; policies and who may use it; going back as move tasks."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from clients.aws_python.session import (
    ACCOUNT,
    REGION,
    Client,
    MakeQueue,
    arn_of,
    attributes,
    bodies,
    counts,
    delete,
    drain,
    receive,
    receive_exactly,
    refused,
    send,
    wait_until,
)

FIFO: dict[str, Any] = {"ContentBasedDeduplication": "true"}


def policy(target: str, count: int = 1) -> str:
    return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count})


def pair(
    sqs: Client, make_queue: MakeQueue, count: int = 1, suffix: str = "", **settings: Any
) -> tuple[str, str]:
    """A source and its dead-letter queue."""
    dead = make_queue("dead" + suffix, **settings)
    source = make_queue("source" + suffix, RedrivePolicy=policy(arn_of(sqs, dead), count), **settings)
    return source, dead


def die(sqs: Client, source: str, *labels: str, **parameters: Any) -> None:
    """Sent, received once and given back; the next receive would be one too many, and finds nothing."""
    send(sqs, source, *labels, **parameters)
    for _ in labels:
        receive(sqs, source, 1, VisibilityTimeout=0)
    assert receive(sqs, source) == []


def test_a_message_received_too_often_is_a_dead_letter(either: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(either, make_queue, 2, VisibilityTimeout=0)
    trace = {
        "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    }
    mine = {"MyAttribute": {"DataType": "String", "StringValue": "foobar"}}
    sent = either.send_message(
        QueueUrl=source, MessageBody="hello", MessageAttributes=mine, MessageSystemAttributes=trace
    )
    [first] = receive(either, source, AttributeNames=["All"])
    assert len(receive(either, source)) == 1
    assert receive(either, source) == [] and counts(either, source) == (0, 0, 0)
    [letter] = receive_exactly(either, dead, 1, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert letter["MessageId"] == sent["MessageId"] and letter["MessageAttributes"] == mine
    found = letter["Attributes"]
    assert found["DeadLetterQueueSourceArn"] == arn_of(either, source)
    assert found["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    # The time it was sent stays. (SQS goes on counting receives; here they are counted anew.)
    assert found["SentTimestamp"] == first["Attributes"]["SentTimestamp"]


def test_what_is_deleted_in_time_is_no_dead_letter(sqs: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(sqs, make_queue)
    send(sqs, source, "good", "bad")
    good, bad = receive_exactly(sqs, source, 2)
    delete(sqs, source, [good])
    sqs.change_message_visibility(QueueUrl=source, ReceiptHandle=bad["ReceiptHandle"], VisibilityTimeout=0)
    assert receive(sqs, source) == []
    assert bodies(receive_exactly(sqs, dead, 1)) == ["bad"]


def test_the_end_of_a_lease_counts(sqs: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(sqs, make_queue, VisibilityTimeout=1)
    send(sqs, source, "hello")
    assert len(receive(sqs, source)) == 1
    # It may wait here: a dead letter is made when it would have been received.
    wait_until(
        lambda: receive(sqs, source) == [] and counts(sqs, dead) == (1, 0, 0), what="the dead letter is there"
    )
    assert counts(sqs, source) == (0, 0, 0)


def test_a_dead_letter_makes_room_in_its_group(either: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(either, make_queue, suffix=".fifo", **FIFO)
    send(either, source, "one", "two", MessageGroupId="g")
    assert bodies(receive(either, source, 1, VisibilityTimeout=0)) == ["one"]
    [second] = receive_exactly(either, source, 1)
    assert second["Body"] == "two"
    [letter] = receive_exactly(either, dead, 1, AttributeNames=["All"])
    assert letter["Body"] == "one" and letter["Attributes"]["MessageGroupId"] == "g"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(either, source)


def test_fifo_dead_letters_keep_their_order(sqs: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(sqs, make_queue, suffix=".fifo", **FIFO)
    die(sqs, source, "1", "2", "3", MessageGroupId="g")
    assert bodies(receive_exactly(sqs, dead, 3)) == ["1", "2", "3"]


def test_a_policy_is_set_read_and_taken_away(either: Client, make_queue: MakeQueue) -> None:
    source, dead = make_queue("source"), make_queue("dead")
    wanted = {"deadLetterTargetArn": arn_of(either, dead), "maxReceiveCount": 5}
    either.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": json.dumps(wanted)})
    assert json.loads(attributes(either, source, "RedrivePolicy")["RedrivePolicy"]) == wanted
    assert either.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [source]
    either.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": ""})
    assert attributes(either, source, "RedrivePolicy") == {}
    # The Query protocol has no words for an empty list.
    assert either.list_dead_letter_source_queues(QueueUrl=dead).get("queueUrls", []) == []


def test_sources_are_listed_in_pages(sqs: Client, make_queue: MakeQueue) -> None:
    dead = make_queue("dead")
    sources = sorted(make_queue("source", RedrivePolicy=policy(arn_of(sqs, dead))) for _ in range(5))
    first = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=3)
    rest = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=3, NextToken=first["NextToken"])
    assert len(first["queueUrls"]) == 3 and "NextToken" not in rest
    assert sorted(first["queueUrls"] + rest["queueUrls"]) == sources


def nowhere(region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:sqs:{region}:{account}:there-is-no-such-queue"


@pytest.mark.parametrize(
    "bad",
    [
        policy("dummy", 42),
        policy(nowhere(), 0),
        policy(nowhere(), 1001),
        policy(nowhere()),
        json.dumps({"maxReceiveCount": 1}),
        json.dumps({"deadLetterTargetArn": nowhere()}),
        json.dumps({"deadLetterTargetArn": nowhere(), "maxReceiveCount": "many"}),
        "no json",
    ],
)
def test_bad_policies_are_refused(sqs: Client, queue: str, bad: str) -> None:
    with refused("InvalidParameterValue") as told:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": bad})
    if "dummy" in bad:
        assert told.message == (
            f"Value {bad} for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn."
        )
    assert attributes(sqs, queue, "RedrivePolicy") == {}


def test_a_count_may_be_a_text(sqs: Client, make_queue: MakeQueue) -> None:
    dead = make_queue("dead")
    text = json.dumps({"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": "3"})
    source = make_queue("source", RedrivePolicy=text)
    found = json.loads(attributes(sqs, source, "RedrivePolicy")["RedrivePolicy"])
    assert int(found["maxReceiveCount"]) == 3


def test_fifo_queues_have_fifo_dead_letter_queues(
    sqs: Client, queue: str, fifo: str, make_queue: MakeQueue
) -> None:
    with refused("InvalidParameterValue"):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy(arn_of(sqs, fifo))})
    with refused("InvalidParameterValue"):
        sqs.set_queue_attributes(QueueUrl=fifo, Attributes={"RedrivePolicy": policy(arn_of(sqs, queue))})


def test_a_dead_letter_queue_says_whose_it_is(sqs: Client, make_queue: MakeQueue) -> None:
    dead, friend, stranger = make_queue("dead"), make_queue("friend"), make_queue("stranger")
    wanted = {"RedrivePolicy": policy(arn_of(sqs, dead))}

    def allow(**given: Any) -> None:
        sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(given)})

    allow(redrivePermission="denyAll")
    with refused("InvalidParameterValue"):
        sqs.set_queue_attributes(QueueUrl=friend, Attributes=wanted)
    allow(redrivePermission="byQueue", sourceQueueArns=[arn_of(sqs, friend)])
    sqs.set_queue_attributes(QueueUrl=friend, Attributes=wanted)
    with refused("InvalidParameterValue"):
        sqs.set_queue_attributes(QueueUrl=stranger, Attributes=wanted)
    allow(redrivePermission="allowAll")
    sqs.set_queue_attributes(QueueUrl=stranger, Attributes=wanted)
    found = json.loads(attributes(sqs, dead, "RedriveAllowPolicy")["RedriveAllowPolicy"])
    assert found == {"redrivePermission": "allowAll"}


@pytest.mark.parametrize(
    "bad",
    [
        {"redrivePermission": "sometimes"},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "byQueue", "sourceQueueArns": ["nonsense"]},
        {"redrivePermission": "allowAll", "sourceQueueArns": [nowhere()]},
        {"redrivePermission": "byQueue", "sourceQueueArns": [f"{nowhere()}{number}" for number in range(11)]},
        {"sourceQueueArns": [nowhere()]},
    ],
)
def test_bad_allow_policies_are_refused(sqs: Client, queue: str, bad: dict[str, Any]) -> None:
    with refused("InvalidParameterValue"):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedriveAllowPolicy": json.dumps(bad)})


def tasks(sqs: Client, dead: str, count: int = 10) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sqs.list_message_move_tasks(SourceArn=arn_of(sqs, dead), MaxResults=count)[
        "Results"
    ]
    return found


def ended(sqs: Client, dead: str) -> dict[str, Any]:
    wait_until(lambda: tasks(sqs, dead)[0]["Status"] != "RUNNING", what="the task has ended")
    return tasks(sqs, dead)[0]


def test_dead_letters_are_moved_to_where_they_are_sent(either: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(either, make_queue)
    elsewhere = make_queue("elsewhere")
    die(either, source, "one", "two")
    assert counts(either, dead) == (2, 0, 0)
    before = int(time.time() * 1000)
    started = either.start_message_move_task(
        SourceArn=arn_of(either, dead), DestinationArn=arn_of(either, elsewhere)
    )
    assert started["TaskHandle"]
    found = ended(either, dead)
    assert before - 60_000 < found.pop("StartedTimestamp") < before + 60_000
    assert found == {
        "Status": "COMPLETED",
        "SourceArn": arn_of(either, dead),
        "DestinationArn": arn_of(either, elsewhere),
        "ApproximateNumberOfMessagesMoved": 2,
        "ApproximateNumberOfMessagesToMove": 2,
    }
    assert counts(either, dead) == (0, 0, 0)
    # AWS: a message that was moved is as a new one; it has another id, and has not been received.
    moved = receive_exactly(either, elsewhere, 2, AttributeNames=["All"])
    assert sorted(bodies(moved)) == ["one", "two"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in moved} == {"1"}


def test_without_a_destination_letters_go_home(either: Client, make_queue: MakeQueue) -> None:
    dead = make_queue("dead")
    homes = [make_queue("source", RedrivePolicy=policy(arn_of(either, dead))) for _ in range(2)]
    for number, home in enumerate(homes):
        die(either, home, f"{number}-1", f"{number}-2")
    either.start_message_move_task(SourceArn=arn_of(either, dead))
    found = ended(either, dead)
    assert found["Status"] == "COMPLETED" and "DestinationArn" not in found
    assert found["ApproximateNumberOfMessagesMoved"] == 4
    for number, home in enumerate(homes):
        assert sorted(drain(either, home)) == [f"{number}-1", f"{number}-2"]


def test_a_task_has_a_rate_and_can_be_cancelled(either: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(either, make_queue)
    die(either, source, *map(str, range(10)))
    started = either.start_message_move_task(SourceArn=arn_of(either, dead), MaxNumberOfMessagesPerSecond=1)
    [found] = tasks(either, dead)
    assert found["Status"] == "RUNNING" and found["TaskHandle"] == started["TaskHandle"]
    assert found["MaxNumberOfMessagesPerSecond"] == 1 and found["ApproximateNumberOfMessagesToMove"] == 10
    with refused(
        "InvalidParameterValue",
        "There is already a task running."
        " Only one active task is allowed for a source queue arn at a given time.",
    ):
        either.start_message_move_task(SourceArn=arn_of(either, dead))
    moved = either.cancel_message_move_task(TaskHandle=started["TaskHandle"])[
        "ApproximateNumberOfMessagesMoved"
    ]
    found = ended(either, dead)
    assert found["Status"] == "CANCELLED" and "TaskHandle" not in found
    assert 0 <= moved <= found["ApproximateNumberOfMessagesMoved"] < 10
    kept, back = counts(either, dead)[0], counts(either, source)[0]
    assert kept + back == 10 and back == found["ApproximateNumberOfMessagesMoved"]
    with refused("ResourceNotFoundException", status=404):
        either.cancel_message_move_task(TaskHandle=started["TaskHandle"])


def test_a_task_whose_destination_goes_fails(sqs: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(sqs, make_queue)
    elsewhere = make_queue("elsewhere")
    die(sqs, source, *map(str, range(5)))
    sqs.start_message_move_task(
        SourceArn=arn_of(sqs, dead), DestinationArn=arn_of(sqs, elsewhere), MaxNumberOfMessagesPerSecond=1
    )
    sqs.delete_queue(QueueUrl=elsewhere)
    found = ended(sqs, dead)
    assert found["Status"] == "FAILED"
    assert found["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert counts(sqs, dead)[0] == 5 - found["ApproximateNumberOfMessagesMoved"]


def test_tasks_that_cannot_be_are_refused(either: Client, queue: str, make_queue: MakeQueue) -> None:
    with refused("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."):
        either.start_message_move_task(SourceArn=arn_of(either, queue))
    with refused(
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
        404,
    ):
        either.start_message_move_task(SourceArn=nowhere())
    _, dead = pair(either, make_queue)
    with refused(
        "ResourceNotFoundException",
        "The resource that you specified for the DestinationArn parameter doesn't exist.",
        404,
    ):
        either.start_message_move_task(SourceArn=arn_of(either, dead), DestinationArn=nowhere())
    for rate in (0, 501):
        with refused("InvalidParameterValue"):
            either.start_message_move_task(SourceArn=arn_of(either, dead), MaxNumberOfMessagesPerSecond=rate)
    with refused("InvalidParameterValue", "Value for parameter TaskHandle is invalid."):
        either.cancel_message_move_task(TaskHandle="foobared")
    # A handle is base64 of JSON, as recorded of AWS.
    unknown = {"taskId": "10f1c49e-ff3c-4f1c-8d2e-9c4b6dbb6c38", "sourceArn": arn_of(either, dead)}
    with refused("ResourceNotFoundException", "Task does not exist.", 404):
        either.cancel_message_move_task(TaskHandle=base64.b64encode(json.dumps(unknown).encode()).decode())
    unknown["sourceArn"] = nowhere()
    with refused(
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
        404,
    ):
        either.cancel_message_move_task(TaskHandle=base64.b64encode(json.dumps(unknown).encode()).decode())


def test_the_latest_tasks_are_listed_first(sqs: Client, make_queue: MakeQueue) -> None:
    source, dead = pair(sqs, make_queue)
    for number in range(2):
        die(sqs, source, str(number))
        sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))
        ended(sqs, dead)
        drain(sqs, source)
    found = tasks(sqs, dead)
    assert len(found) == 2 and found[0]["StartedTimestamp"] >= found[1]["StartedTimestamp"]
    assert len(tasks(sqs, dead, 1)) == 1
    assert len(sqs.list_message_move_tasks(SourceArn=arn_of(sqs, dead))["Results"]) == 1
