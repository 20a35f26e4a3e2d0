"""SNS to SQS, both with boto3: what a worker of a queue sees of what was published, raw and in envelopes, by FIFO topics too."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator

import pytest

from clients.aws_python.http_endpoint import Endpoint
from clients.aws_python.session import (
    Client,
    MakeQueue,
    Unique,
    arn_of,
    bodies,
    delete,
    receive,
    receive_exactly,
)

Subscribe = Callable[..., str]
COLOUR = {"colour": {"DataType": "String", "StringValue": "red"}}
PICTURE = {"picture": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}


@pytest.fixture
def topic(sns: Client, unique: Unique) -> Generator[str, None, None]:
    arn: str = sns.create_topic(Name=unique("topic"))["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def fifo_topic(sns: Client, unique: Unique) -> Generator[str, None, None]:
    settings = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    arn: str = sns.create_topic(Name=f"{unique('topic')}.fifo", Attributes=settings)["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def subscribe(sns: Client, topic: str, queue_arn: str, **settings: str) -> None:
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes=settings)


def test_raw_delivery_carries_the_attributes(
    sqs: Client, sns: Client, topic: str, make_queue: MakeQueue
) -> None:
    queue = make_queue()
    subscribe(sns, topic, arn_of(sqs, queue), RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="hello", MessageAttributes=COLOUR | PICTURE)
    [message] = receive_exactly(sqs, queue, 1, MessageAttributeNames=["All"])
    # boto3 has checked both digests.
    assert message["Body"] == "hello" and message["MessageAttributes"] == COLOUR | PICTURE


def test_an_envelope_is_a_body_without_attributes(
    sqs: Client, sns: Client, topic: str, make_queue: MakeQueue
) -> None:
    queue = make_queue()
    subscribe(sns, topic, arn_of(sqs, queue))
    published = sns.publish(TopicArn=topic, Message="hello", MessageAttributes=COLOUR)
    [message] = receive_exactly(sqs, queue, 1, MessageAttributeNames=["All"])
    document = json.loads(message["Body"])
    assert (document["Message"], document["MessageId"]) == ("hello", published["MessageId"])
    assert document["MessageAttributes"] == {"colour": {"Type": "String", "Value": "red"}}
    assert "MessageAttributes" not in message and message["MessageId"] != published["MessageId"]


def test_a_fan_out_is_filtered(sqs: Client, sns: Client, topic: str, make_queue: MakeQueue) -> None:
    red, all_of_them = make_queue("red"), make_queue("all")
    policy = json.dumps({"colour": ["red"]})
    subscribe(sns, topic, arn_of(sqs, red), RawMessageDelivery="true", FilterPolicy=policy)
    subscribe(sns, topic, arn_of(sqs, all_of_them), RawMessageDelivery="true")
    blue = {"colour": {"DataType": "String", "StringValue": "blue"}}
    for text, attributes in (("one", COLOUR), ("two", blue), ("three", COLOUR)):
        sns.publish(TopicArn=topic, Message=text, MessageAttributes=attributes)
    assert sorted(bodies(receive_exactly(sqs, all_of_them, 3))) == ["one", "three", "two"]
    assert sorted(bodies(receive_exactly(sqs, red, 2))) == ["one", "three"]
    assert receive(sqs, red) == []


def test_a_fifo_topic_fills_fifo_queues_in_order(
    sqs: Client, sns: Client, fifo_topic: str, fifo: str
) -> None:
    subscribe(sns, fifo_topic, arn_of(sqs, fifo), RawMessageDelivery="true")
    for text, group in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("a1", "a")):
        sns.publish(TopicArn=fifo_topic, Message=text, MessageGroupId=group)
    first = receive_exactly(sqs, fifo, 1, AttributeNames=["All"])
    assert bodies(first) == ["a1"] and first[0]["Attributes"]["MessageGroupId"] == "a"
    assert first[0]["Attributes"]["SequenceNumber"] and first[0]["Attributes"]["MessageDeduplicationId"]
    # The group waits for its first; the repeated text was no message.
    assert bodies(receive(sqs, fifo)) == ["b1"]
    delete(sqs, fifo, first)
    assert bodies(receive_exactly(sqs, fifo, 1)) == ["a2"]
    assert receive(sqs, fifo) == []


def test_what_a_gone_queue_missed_is_a_dead_letter(
    sqs: Client, sns: Client, topic: str, make_queue: MakeQueue
) -> None:
    gone, dead = make_queue("gone"), make_queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn_of(sqs, dead)})
    subscribe(sns, topic, arn_of(sqs, gone), RawMessageDelivery="true", RedrivePolicy=redrive)
    sqs.delete_queue(QueueUrl=gone)
    sns.publish(TopicArn=topic, Message="lost?")
    assert bodies(receive_exactly(sqs, dead, 1)) == ["lost?"]


def test_what_an_endpoint_refused_is_a_dead_letter_that_says_why(
    sqs: Client, sns: Client, topic: str, queue: str
) -> None:
    web = Endpoint()
    redrive = json.dumps({"deadLetterTargetArn": arn_of(sqs, queue)})
    settings = {"RawMessageDelivery": "true", "RedrivePolicy": redrive}
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=web.url, Attributes=settings)
    web.confirm()
    web.answer = lambda received: 404
    sns.publish(TopicArn=topic, Message="lost?")
    [letter] = receive_exactly(sqs, queue, 1, MessageAttributeNames=["All"])
    web.close()
    assert letter["Body"] == "lost?" and set(letter["MessageAttributes"]) == {"ErrorMessage", "RequestID"}
    assert "404" in letter["MessageAttributes"]["ErrorMessage"]["StringValue"]


def test_fifo_queues_look_for_duplicates_themselves(
    sqs: Client, sns: Client, fifo_topic: str, fifo: str, make_queue: MakeQueue
) -> None:
    """The topic lets an id pass once for each group; the queues have it once in all, or once for each group as well."""
    sns.set_topic_attributes(
        TopicArn=fifo_topic, AttributeName="FifoThroughputScope", AttributeValue="MessageGroup"
    )
    by_group = make_queue(
        "by-group.fifo", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId"
    )
    plain = make_queue("plain")
    for url in (fifo, by_group, plain):
        subscribe(sns, fifo_topic, arn_of(sqs, url), RawMessageDelivery="true")
    for text, group in (("first", "a"), ("second", "b"), ("third", "a")):
        sns.publish(TopicArn=fifo_topic, Message=text, MessageGroupId=group, MessageDeduplicationId="x")
    # Sent to the queue itself, the same id is a duplicate, too: one scope for SNS and SendMessage.
    sqs.send_message(QueueUrl=fifo, MessageBody="sent", MessageGroupId="c", MessageDeduplicationId="x")
    sqs.send_message(QueueUrl=by_group, MessageBody="sent", MessageGroupId="a", MessageDeduplicationId="x")
    [message] = receive_exactly(sqs, fifo, 1, AttributeNames=["All"])
    assert (message["Body"], message["Attributes"]["MessageDeduplicationId"]) == ("first", "x")
    assert receive(sqs, fifo) == []
    assert sorted(bodies(receive_exactly(sqs, by_group, 2))) == ["first", "second"]
    assert receive(sqs, by_group) == []
    messages = receive_exactly(sqs, plain, 2, AttributeNames=["All"])
    assert sorted(bodies(messages)) == ["first", "second"]
    # As SendMessage has it: no such id in a standard queue.
    assert not [each for each in messages if "MessageDeduplicationId" in each["Attributes"]]
