"""FIFO topics with boto3: order, groups, deduplication, sequence numbers; archives and replays."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import pytest

from clients.aws_python.amqp_queues import AmqpQueues
from clients.aws_python.session import (
    AwsBroker,
    Client,
    Start,
    Unique,
    aws_client,
    crash,
    refused,
    wait_until,
)


@pytest.fixture
def topic(sns: Client, unique: Unique) -> Generator[str, None, None]:
    arn: str = sns.create_topic(Name=unique("topic.fifo"), Attributes={"FifoTopic": "true"})["TopicArn"]
    yield arn
    sns.set_topic_attributes(TopicArn=arn, AttributeName="ArchivePolicy", AttributeValue="{}")
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def queues(onemq: AwsBroker) -> Generator[AmqpQueues, None, None]:
    made = AmqpQueues(onemq)
    yield made
    made.close()


def subscribe(sns: Client, topic: str, target: str, **attributes: str) -> str:
    found: str = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target, Attributes=attributes)[
        "SubscriptionArn"
    ]
    return found


def publish(sns: Client, topic: str, text: str, group: str = "g", **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = sns.publish(
        TopicArn=topic,
        Message=text,
        MessageGroupId=group,
        **{"MessageDeduplicationId": text.replace(" ", "-"), **parameters},
    )
    return found


def test_order_is_handed_on(sns: Client, topic: str, queues: AmqpQueues) -> None:
    ordered, plain = queues.make("ordered.fifo"), queues.make("plain")
    subscribe(sns, topic, ordered)
    subscribe(sns, topic, plain)
    answers = [publish(sns, topic, f"{number}", f"g{number % 3}") for number in range(30)]
    numbers = [answer["SequenceNumber"] for answer in answers]
    assert numbers == sorted(numbers) and len(set(numbers)) == 30 and {len(each) for each in numbers} == {20}
    for target in (ordered, plain):
        documents = queues.documents(target, 30)
        assert list(documents[0]) == [
            "Type",
            "MessageId",
            "SequenceNumber",
            "TopicArn",
            "Message",
            "Timestamp",
            "UnsubscribeURL",
        ]
        assert [document["Message"] for document in documents] == [f"{number}" for number in range(30)]
        assert [document["SequenceNumber"] for document in documents] == numbers


def test_deduplication_by_id(sns: Client, topic: str, queues: AmqpQueues) -> None:
    url = queues.make("queue.fifo")
    subscribe(sns, topic, url, RawMessageDelivery="true")
    first = publish(sns, topic, "1", MessageDeduplicationId="x")
    again = publish(sns, topic, "2", "other-group", MessageDeduplicationId="x")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    publish(sns, topic, "3", MessageDeduplicationId="y")
    assert queues.take(url, 2) == ["1", "3"]


def test_deduplication_by_group(sns: Client, topic: str, queues: AmqpQueues) -> None:
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="FifoThroughputScope", AttributeValue="MessageGroup"
    )
    assert (
        publish(sns, topic, "1", "a", MessageDeduplicationId="x")["MessageId"]
        != publish(sns, topic, "1", "b", MessageDeduplicationId="x")["MessageId"]
    )
    first = publish(sns, topic, "1", "a", MessageDeduplicationId="x")
    assert first["MessageId"] == publish(sns, topic, "2", "a", MessageDeduplicationId="x")["MessageId"]


def test_deduplication_by_content(sns: Client, topic: str, queues: AmqpQueues) -> None:
    text = (
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or "
        "MessageDeduplicationId provided explicitly"
    )
    with refused("InvalidParameter", text):
        sns.publish(TopicArn=topic, Message="x", MessageGroupId="g")
    with refused(
        "InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    ):
        sns.publish(TopicArn=topic, Message="x", MessageDeduplicationId="1")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    url = queues.make("queue.fifo")
    subscribe(sns, topic, url, RawMessageDelivery="true")
    for body in ("a", "b", "a", "c"):
        sns.publish(TopicArn=topic, Message=body, MessageGroupId="g")
    assert queues.take(url, 3) == ["a", "b", "c"]


def test_a_batch_has_sequence_numbers(sns: Client, topic: str) -> None:
    entries = [
        {"Id": str(number), "Message": "x", "MessageGroupId": "g", "MessageDeduplicationId": str(number % 2)}
        for number in range(4)
    ]
    found = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"]
    assert found[0]["SequenceNumber"] == found[2]["SequenceNumber"] < found[1]["SequenceNumber"]
    assert found[1]["MessageId"] == found[3]["MessageId"]


def test_fifo_topics_take_queues_only(sns: Client, topic: str) -> None:
    with refused("InvalidParameter", "Invalid parameter: Invalid protocol type: http"):
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://localhost/")


def test_deduplication_survives_a_crash(start: Start) -> None:
    own_broker = start()
    sns = aws_client("sns", own_broker.endpoint)
    topic = sns.create_topic(Name="topic.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    first = publish(sns, topic, "1", MessageDeduplicationId="x")
    crash(own_broker)
    sns = aws_client("sns", own_broker.endpoint)
    again = publish(sns, topic, "2", MessageDeduplicationId="x")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert publish(sns, topic, "3")["SequenceNumber"] > first["SequenceNumber"]


# Archives.


def archive(sns: Client, topic: str) -> None:
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue='{"MessageRetentionPeriod": "30"}'
    )


def replay(sns: Client, subscription: str, **points: str) -> None:
    policy = json.dumps({"PointType": "Timestamp", **points})
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="ReplayPolicy", AttributeValue=policy
    )


def test_a_new_subscriber_gets_what_was_published_before(sns: Client, topic: str, queues: AmqpQueues) -> None:
    archive(sns, topic)
    shown = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert json.loads(shown["ArchivePolicy"]) == {"MessageRetentionPeriod": "30"}
    began = shown["BeginningArchiveTime"]
    for number in range(250):
        publish(sns, topic, f"old {number}")
    url = queues.make("queue.fifo")
    arn = subscribe(sns, topic, url)
    replay(sns, arn, StartingPoint=began)
    publish(sns, topic, "new")
    found = queues.documents(url, 251)
    assert [document["Message"] for document in found] == [*(f"old {number}" for number in range(250)), "new"]
    assert {document.get("Replayed") for document in found[:250]} == {"true"}
    wait_until(
        lambda: (
            sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["ReplayStatus"] == "Completed"
        )
    )
    publish(sns, topic, "live")
    assert "Replayed" not in queues.documents(url)[0]


def test_a_replay_goes_through_the_filter_and_ends(sns: Client, topic: str, queues: AmqpQueues) -> None:
    archive(sns, topic)
    for number in range(6):
        kind = {"kind": {"DataType": "Number", "StringValue": str(number % 2)}}
        publish(sns, topic, f"{number}", MessageAttributes=kind)
    url = queues.make("queue.fifo")
    arn = subscribe(sns, topic, url, FilterPolicy='{"kind": [1]}', RawMessageDelivery="true")
    now = datetime.now(UTC)
    replay(sns, arn, StartingPoint="2020-01-01T00:00:00Z", EndingPoint=now.isoformat())
    assert queues.take(url, 3) == ["1", "3", "5"]


def test_archives_and_replays_survive_a_crash(start: Start) -> None:
    own_broker = start()
    sns, queues = aws_client("sns", own_broker.endpoint), AmqpQueues(own_broker)
    topic = sns.create_topic(
        Name="topic.fifo",
        Attributes={"FifoTopic": "true", "ArchivePolicy": '{"MessageRetentionPeriod":"1"}'},
    )["TopicArn"]
    for number in range(20):
        publish(sns, topic, f"{number}")
    crash(own_broker)
    sns, queues = aws_client("sns", own_broker.endpoint), AmqpQueues(own_broker)
    url = queues.make(name="queue.fifo")
    arn = subscribe(sns, topic, url, RawMessageDelivery="true")
    replay(sns, arn, StartingPoint="2020-01-01T00:00:00Z")
    crash(own_broker)
    queues = AmqpQueues(own_broker)
    assert queues.take(url, 20) == [f"{number}" for number in range(20)]


def test_errors_of_archives_and_replays(sns: Client, topic: str, queues: AmqpQueues, unique: Unique) -> None:
    arn = subscribe(sns, topic, queues.make("queue.fifo"))
    with refused("InvalidParameter"):
        replay(sns, arn, StartingPoint="2020-01-01T00:00:00Z")
    with refused("InvalidParameter"):
        sns.set_topic_attributes(
            TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue='{"MessageRetentionPeriod":"366"}'
        )
    standard = sns.create_topic(Name=unique("standard"))["TopicArn"]
    with refused("InvalidParameter", "Invalid parameter: AttributeName"):
        archive(sns, standard)
    sns.delete_topic(TopicArn=standard)
    archive(sns, topic)
    with refused("InvalidState"):
        sns.delete_topic(TopicArn=topic)
