"""SNS to queues with boto3: fan-out, envelopes as AWS has recorded them, raw delivery, filters, limits, batches, dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import Any

import pytest

from clients.aws_python.amqp_queues import AmqpQueues
from clients.aws_python.http_endpoint import verify
from clients.aws_python.session import (
    AwsBroker,
    Client,
    Start,
    Unique,
    aws_client,
    crash,
    refused,
)

Subscribe = Callable[..., str]


@pytest.fixture
def topic(sns: Client, unique: Unique) -> Generator[str, None, None]:
    arn: str = sns.create_topic(Name=unique("topic"))["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def queues(onemq: AwsBroker) -> Generator[AmqpQueues, None, None]:
    made = AmqpQueues(onemq)
    yield made
    made.close()


@pytest.fixture
def target(queues: AmqpQueues) -> str:
    return queues.make()


@pytest.fixture
def subscribe(sns: Client, topic: str) -> Subscribe:
    def make(target: str, **attributes: str) -> str:
        found: str = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target, Attributes=attributes)[
            "SubscriptionArn"
        ]
        return found

    return make


def test_a_publish_reaches_every_subscribed_queue(
    sns: Client, queues: AmqpQueues, topic: str, subscribe: Subscribe, endpoint: str
) -> None:
    first, second = queues.make(), queues.make()
    arns = [subscribe(first), subscribe(second)]
    published = sns.publish(
        TopicArn=topic,
        Message="text",
        Subject="subject",
        MessageAttributes={"attr1": {"DataType": "Number", "StringValue": "99.12"}},
    )
    for url, arn in zip((first, second), arns, strict=True):
        document = queues.documents(url)[0]
        assert list(document) == [
            "Type",
            "MessageId",
            "TopicArn",
            "Subject",
            "Message",
            "Timestamp",
            "SignatureVersion",
            "Signature",
            "SigningCertURL",
            "UnsubscribeURL",
            "MessageAttributes",
        ]
        assert document["MessageId"] == published["MessageId"] and document["TopicArn"] == topic
        assert document["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={arn}")
        assert document["MessageAttributes"] == {"attr1": {"Type": "Number", "Value": "99.12"}}
        verify(document, endpoint)


def test_a_subscription_as_it_is_shown(
    sns: Client, queues: AmqpQueues, topic: str, target: str, subscribe: Subscribe
) -> None:
    arn = subscribe(target)
    assert subscribe(target) == arn
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown.pop("SubscriptionPrincipal").startswith("arn:aws:iam::000000000000:user/")
    assert shown == {
        "ConfirmationWasAuthenticated": "true",
        "Endpoint": target,
        "Owner": "000000000000",
        "PendingConfirmation": "false",
        "Protocol": "sqs",
        "RawMessageDelivery": "false",
        "SubscriptionArn": arn,
        "TopicArn": topic,
    }
    text = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    with refused("InvalidParameter", text):
        subscribe(target, RawMessageDelivery="true")
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    with refused("NotFound", "Subscription does not exist", 404):
        sns.get_subscription_attributes(SubscriptionArn=arn)
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["SubscriptionsConfirmed"], attributes["SubscriptionsDeleted"]) == ("0", "1")


def test_raw_delivery_hands_over_the_text(
    sns: Client, queues: AmqpQueues, topic: str, target: str, subscribe: Subscribe
) -> None:
    subscribe(target, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="just this", Subject="not shown")
    assert queues.take(target) == ["just this"]


def test_a_structured_message_has_a_text_for_queues(
    sns: Client, queues: AmqpQueues, topic: str, target: str, subscribe: Subscribe
) -> None:
    subscribe(target)
    structured = {"default": "for all", "sqs": "for queues", "http": 1}
    sns.publish(TopicArn=topic, Message=json.dumps(structured), MessageStructure="json")
    sns.publish(TopicArn=topic, Message='{"default": "for all"}', MessageStructure="json")
    assert queues.texts(target, 2) == ["for queues", "for all"]
    prefix = "Invalid parameter: Message Structure - "
    with refused("InvalidParameter", f"{prefix}No default entry in JSON message body"):
        sns.publish(TopicArn=topic, Message='{"default": 1}', MessageStructure="json")
    with refused("InvalidParameter", f"{prefix}JSON message body failed to parse"):
        sns.publish(TopicArn=topic, Message="{", MessageStructure="json")


def test_filter_policies(
    sns: Client, queues: AmqpQueues, topic: str, target: str, subscribe: Subscribe
) -> None:
    arn = subscribe(target, FilterPolicy='{"attr1": [{"numeric": [">", 0, "<=", 100]}]}')
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown["FilterPolicyScope"] == "MessageAttributes"

    def publish(text: str, number: str | None = None) -> None:
        attributes = {} if number is None else {"attr1": {"DataType": "Number", "StringValue": number}}
        sns.publish(TopicArn=topic, Message=text, MessageAttributes=attributes)

    publish("99", "99")
    publish("111", "111")
    publish("none")
    publish("100", "100")
    assert queues.texts(target, 2) == ["99", "100"]
    sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageBody"
    )
    nested = '{"object": {"key": [{"prefix": "auto-"}]}}'
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=nested)
    publish('{"object": {"key": "home-1"}}')
    publish("no JSON")
    publish('{"object": {"key": "auto-1"}}')
    assert queues.texts(target, 1) == ['{"object": {"key": "auto-1"}}']
    text = "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"
    with refused("InvalidParameter", text):
        sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageAttributes"
        )
    assert (
        sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicyScope"]
        == "MessageBody"
    )
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="")
    assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    publish("no JSON")
    assert queues.texts(target, 1) == ["no JSON"]


def test_errors_of_filter_policies(sns: Client, target: str, subscribe: Subscribe) -> None:
    policy = '{"key":[{"suffix":100}]}'
    text = (
        "Invalid parameter: Attributes Reason: FilterPolicy: suffix match pattern must be a string\n"
        f' at [Source: (String)"{policy}"; line: 1, column: 22]'
    )
    with refused("InvalidParameter", text):
        subscribe(target, FilterPolicy=policy)
    with refused(
        "InvalidParameter", "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex"
    ):
        subscribe(target, FilterPolicy=json.dumps({"key": [str(number) for number in range(151)]}))
    arn = subscribe(target)
    with refused(
        "InvalidParameter", "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys"
    ):
        sns.set_subscription_attributes(
            SubscriptionArn=arn,
            AttributeName="FilterPolicy",
            AttributeValue=json.dumps({str(number): ["v"] for number in range(6)}),
        )


@pytest.mark.parametrize(
    ("protocol", "endpoint_name", "text"),
    [
        ("test-protocol", "x", "Amazon SNS does not support this protocol string: test-protocol"),
        ("sms", "+123123123", "Amazon SNS does not support this protocol string: sms"),
        ("email", "a@example.org", "Amazon SNS does not support this protocol string: email"),
        (
            "lambda",
            "arn:aws:lambda:r:1:function:f",
            "Amazon SNS does not support this protocol string: lambda",
        ),
        ("http", "https://localhost/", "Endpoint must match the specified protocol"),
        ("sqs", "http://localhost/000000000000/q", "SQS endpoint ARN"),
        (
            "sqs",
            "arn:aws:sqs:us-east-1:000000000000:q.fifo",
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
    ],
)
def test_endpoints_that_are_refused(
    sns: Client, topic: str, protocol: str, endpoint_name: str, text: str
) -> None:
    with refused("InvalidParameter", f"Invalid parameter: {text}"):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint_name)


@pytest.mark.parametrize("raw", [True, False])
def test_a_missing_queue_is_no_loss_with_dead_letters(
    sns: Client, queues: AmqpQueues, topic: str, subscribe: Subscribe, raw: bool
) -> None:
    gone, dead = queues.make("gone"), queues.make("dead")
    policy = json.dumps({"deadLetterTargetArn": dead})
    subscribe(gone, RedrivePolicy=policy, RawMessageDelivery=str(raw).lower())
    queues.delete(gone)
    given = {"attr1": {"DataType": "Number", "StringValue": "111"}}
    sns.publish(TopicArn=topic, Message="text", MessageAttributes=given)
    body = queues.take(dead)[0]
    if raw:
        assert body == "text"
    else:
        assert json.loads(body)["MessageAttributes"] == {"attr1": {"Type": "Number", "Value": "111"}}


@pytest.mark.parametrize(
    ("parameters", "code", "text"),
    [
        ({"Message": ""}, "InvalidParameter", "Invalid parameter: Empty message"),
        ({"Message": "x", "Subject": ""}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"Message": "x" * 262_145}, "InvalidParameter", "Invalid parameter: Message too long"),
        (
            {
                "Message": "x" * 262_140,
                "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}},
            },
            "InvalidParameter",
            "Invalid parameter: Message too long",
        ),
        (
            {"Message": "x", "MessageDeduplicationId": "1"},
            "InvalidParameter",
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that "
            "is not valid for this topic type",
        ),
        (
            {"Message": "x", "MessageAttributes": {"attr1": {"DataType": "String", "StringValue": ""}}},
            "ParameterValueInvalid",
            "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type "
            "'String'.",
        ),
    ],
)
def test_messages_that_are_refused(
    sns: Client, topic: str, parameters: dict[str, Any], code: str, text: str
) -> None:
    with refused(code, text):
        sns.publish(TopicArn=topic, **parameters)


def test_the_largest_message(
    sns: Client, queues: AmqpQueues, topic: str, target: str, subscribe: Subscribe
) -> None:
    subscribe(target, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="x" * 262_144)
    assert queues.take(target) == ["x" * 262_144]


def test_a_batch(sns: Client, queues: AmqpQueues, topic: str, target: str, subscribe: Subscribe) -> None:
    subscribe(target)
    entries: list[dict[str, Any]] = [
        {"Id": "1", "Message": "one", "Subject": "s"},
        {"Id": "b-2", "Message": '{"default": "d", "sqs": "two"}', "MessageStructure": "json"},
        {
            "Id": "c_3",
            "Message": "three",
            "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "1"}},
        },
    ]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["1", "b-2", "c_3"] and answer["Failed"] == []
    assert len({each["MessageId"] for each in answer["Successful"]}) == 3
    assert queues.texts(target, 3) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("entries", "code", "text"),
    [
        ([], "EmptyBatchRequest", "The batch request doesn't contain any entries."),
        (
            [{"Id": str(number), "Message": "x"} for number in range(11)],
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        ),
        (
            [{"Id": "1", "Message": "x"}, {"Id": "1", "Message": "y"}],
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ),
        (
            [{"Id": "a!", "Message": "x"}],
            "InvalidBatchEntryId",
            "The Id of a batch entry in the batch request contains an impermissible character: a!",
        ),
        (
            [{"Id": str(number), "Message": "x" * 150_000} for number in range(2)],
            "BatchRequestTooLong",
            "The length of all the messages put together is more than the limit.",
        ),
    ],
)
def test_batches_that_are_refused(
    sns: Client, topic: str, entries: list[dict[str, Any]], code: str, text: str
) -> None:
    with refused(code, text):
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)


def test_what_was_published_survives_a_crash(start: Start) -> None:
    own_broker = start()
    sns, queues = aws_client("sns", own_broker.endpoint), AmqpQueues(own_broker)
    topic = sns.create_topic(Name="topic")["TopicArn"]
    target = queues.make(name="kept")
    policy = '{"kind": ["a"]}'
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target, Attributes={"FilterPolicy": policy})[
        "SubscriptionArn"
    ]
    kind = {"kind": {"DataType": "String", "StringValue": "a"}}
    sns.publish(TopicArn=topic, Message="before", MessageAttributes=kind)
    crash(own_broker)
    sns, queues = aws_client("sns", own_broker.endpoint), AmqpQueues(own_broker)
    assert [each["SubscriptionArn"] for each in sns.list_subscriptions()["Subscriptions"]] == [arn]
    sns.publish(TopicArn=topic, Message="filtered")
    sns.publish(TopicArn=topic, Message="after", MessageAttributes=kind)
    assert queues.texts(target, 2) == ["before", "after"]
