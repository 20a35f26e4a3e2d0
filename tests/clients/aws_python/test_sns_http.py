"""SNS to http endpoints: confirmation, headers, signatures as the SDKs verify them, raw delivery, back-off, dead letters, kill -9."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator

import pytest
from cryptography.exceptions import InvalidSignature

from clients.aws_python.amqp_queues import AmqpQueues
from clients.aws_python.http_endpoint import Endpoint, Received, verify, visit
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

FAST = {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2, "numNoDelayRetries": 2}


@pytest.fixture
def web() -> Generator[Endpoint, None, None]:
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def topic(sns: Client, unique: Unique) -> Generator[str, None, None]:
    arn: str = sns.create_topic(Name=unique("topic"))["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def subscribe(sns: Client, topic: str, web: Endpoint, **attributes: str) -> str:
    """A confirmed subscription."""
    arn: str = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=web.url, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    web.confirm()
    return arn


def test_an_endpoint_confirms_and_is_told_and_leaves(
    sns: Client, topic: str, web: Endpoint, endpoint: str
) -> None:
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=web.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [each["SubscriptionArn"] for each in listed] == ["PendingConfirmation"]
    sns.publish(TopicArn=topic, Message="too early")
    asked = web.wait_for("SubscriptionConfirmation")[0]
    assert list(asked.document) == [
        "Type",
        "MessageId",
        "Token",
        "TopicArn",
        "Message",
        "SubscribeURL",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
    ]
    verify(asked.document, endpoint)
    assert "<ConfirmSubscriptionResult>" in web.confirm()
    arn = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"
    assert attributes["ConfirmationWasAuthenticated"] == "false"

    published = sns.publish(
        TopicArn=topic,
        Message='"ünïcode"\n',
        Subject="subject",
        MessageAttributes={
            "text": {"DataType": "String", "StringValue": "v"},
            "octets": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
        },
    )
    told = web.wait_for("Notification")[0]
    assert {name: told.headers[name] for name in told.headers if name.startswith("x-amz")} == {
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": published["MessageId"],
        "x-amz-sns-topic-arn": topic,
        "x-amz-sns-subscription-arn": arn,
    }
    assert told.headers["content-type"] == "text/plain; charset=UTF-8"
    assert told.headers["user-agent"] == "Amazon Simple Notification Service Agent"
    document = told.document
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
    assert document["Message"] == '"ünïcode"\n' and document["Subject"] == "subject"
    assert document["MessageAttributes"] == {
        "text": {"Type": "String", "Value": "v"},
        "octets": {"Type": "Binary", "Value": "AgME"},
    }
    verify(document, endpoint)
    with pytest.raises(InvalidSignature):
        verify({**document, "Message": "forged"}, endpoint)

    visit(document["UnsubscribeURL"])
    sns.publish(TopicArn=topic, Message="too late")
    asked = web.wait_for("UnsubscribeConfirmation")[0]
    verify(asked.document, endpoint)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    # It may think better of it.
    visit(asked.document["SubscribeURL"])
    sns.publish(TopicArn=topic, Message="again")
    assert [each.document["Message"] for each in web.wait_for("Notification", 2)][1:] == ["again"]


def test_signature_version_2(sns: Client, topic: str, web: Endpoint, endpoint: str) -> None:
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    subscribe(sns, topic, web)
    sns.publish(TopicArn=topic, Message="text")
    document = web.wait_for("Notification")[0].document
    assert document["SignatureVersion"] == "2"
    verify(document, endpoint)


def test_raw_delivery(sns: Client, topic: str, web: Endpoint) -> None:
    subscribe(sns, topic, web, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="just this")
    told = web.wait_for("Notification")[0]
    assert told.body == b"just this" and told.headers["x-amz-sns-rawdelivery"] == "true"


def test_a_confirmation_by_the_operation_can_guard_the_subscription(
    sns: Client, topic: str, web: Endpoint
) -> None:
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=web.url)
    token = web.wait_for("SubscriptionConfirmation")[0].document["Token"]
    with refused("InvalidParameter", "Invalid parameter: Token"):
        sns.confirm_subscription(TopicArn=topic, Token="0" * 64)
    arn = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")[
        "SubscriptionArn"
    ]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["ConfirmationWasAuthenticated"] == "true"
    sns.publish(TopicArn=topic, Message="text")
    with pytest.raises(OSError):
        visit(web.wait_for("Notification")[0].document["UnsubscribeURL"])
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def failing(times: int, status: int) -> Callable[[Received], int]:
    """Answers the first notifications with that status."""
    seen: list[Received] = []

    def answer(received: Received) -> int:
        if received.kind != "Notification":
            return 200
        seen.append(received)
        return status if len(seen) <= times else 200

    return answer


@pytest.mark.parametrize("status", [500, 503, 429])
def test_what_fails_is_tried_again(sns: Client, topic: str, web: Endpoint, status: int) -> None:
    subscribe(sns, topic, web, DeliveryPolicy=json.dumps({"healthyRetryPolicy": FAST}))
    web.answer = failing(2, status)
    sns.publish(TopicArn=topic, Message="text")
    tries = web.wait_for("Notification", 3)
    assert len({found.document["MessageId"] for found in tries}) == 1 and len(tries) == 3


def test_the_back_off_is_waited_for(sns: Client, topic: str, web: Endpoint) -> None:
    """The order of events shows it: what is published after the failure arrives before the next try."""
    policy = {"healthyRetryPolicy": {"minDelayTarget": 2, "maxDelayTarget": 2, "numRetries": 1}}
    subscribe(sns, topic, web, DeliveryPolicy=json.dumps(policy))
    web.answer = failing(1, 500)
    sns.publish(TopicArn=topic, Message="fails")
    web.wait_for("Notification", 1)
    sns.publish(TopicArn=topic, Message="overtakes")
    texts = [found.document["Message"] for found in web.wait_for("Notification", 3)]
    assert texts == ["fails", "overtakes", "fails"]


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (404, 1)])
def test_what_cannot_be_delivered_goes_to_the_dead_letters(
    sns: Client, onemq: AwsBroker, topic: str, web: Endpoint, status: int, tries: int
) -> None:
    queues = AmqpQueues(onemq)
    dead = queues.make("dead")
    subscribe(
        sns,
        topic,
        web,
        DeliveryPolicy=json.dumps({"healthyRetryPolicy": FAST}),
        RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}),
    )
    web.answer = failing(100, status)
    sns.publish(TopicArn=topic, Message="text")
    assert queues.texts(dead) == ["text"]
    assert len(web.of_kind("Notification")) == tries


def test_a_closed_endpoint_is_tried_again_after_a_crash(start: Start, web: Endpoint) -> None:
    """kill -9 in the middle of retries: nothing is lost, attempts stay counted, and no try comes before its time is over."""
    own_broker = start()
    sns = aws_client("sns", own_broker.endpoint)
    topic = sns.create_topic(Name="topic")["TopicArn"]
    policy = {"healthyRetryPolicy": {"minDelayTarget": 3, "maxDelayTarget": 3, "numRetries": 1}}
    subscribe(sns, topic, web, DeliveryPolicy=json.dumps(policy))
    web.answer = failing(1, 500)
    sns.publish(TopicArn=topic, Message="text")
    web.wait_for("Notification", 1)
    # The failure has reached the broker, and is durable: what is published behind it has been confirmed.
    sns.publish(TopicArn=topic, Message="other")
    web.wait_for("Notification", 2)
    crash(own_broker)
    wait_until(lambda: len([f for f in web.of_kind("Notification") if f.document["Message"] == "text"]) == 2)
    sns = aws_client("sns", own_broker.endpoint)
    # Links that were sent before still work, and what is signed now has the same certificate.
    sns.publish(TopicArn=topic, Message="after")
    wait_until(lambda: web.of_kind("Notification")[-1].document["Message"] == "after")
    first, last = web.of_kind("Notification")[0].document, web.of_kind("Notification")[-1].document
    assert first["SigningCertURL"].rsplit("/", 1)[1] == last["SigningCertURL"].rsplit("/", 1)[1]
    verify(last, own_broker.endpoint)


def test_retries_that_are_used_up_stay_so_after_a_crash(start: Start, web: Endpoint) -> None:
    own_broker = start()
    sns = aws_client("sns", own_broker.endpoint)
    topic = sns.create_topic(Name="topic")["TopicArn"]
    policy = {"healthyRetryPolicy": {"minDelayTarget": 2, "maxDelayTarget": 2, "numRetries": 1}}
    subscribe(sns, topic, web, DeliveryPolicy=json.dumps(policy))
    web.answer = lambda found: 500 if found.kind == "Notification" else 200
    sns.publish(TopicArn=topic, Message="text")
    web.wait_for("Notification", 1)
    crash(own_broker)
    web.wait_for("Notification", 2)
    sns = aws_client("sns", own_broker.endpoint)
    web.answer = lambda found: 200
    sns.publish(TopicArn=topic, Message="next")
    wait_until(lambda: web.of_kind("Notification")[-1].document["Message"] == "next")
    texts = [found.document["Message"] for found in web.of_kind("Notification")]
    assert texts in (["text", "text", "next"], ["text", "text", "text", "next"])


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("{", "failed to parse JSON."),
        (
            {"healthyRetryPolicy": {"numRetries": 101}},
            "healthyRetryPolicy.numRetries must be less than or equal to 100",
        ),
        (
            {"healthyRetryPolicy": {"minDelayTarget": 5, "maxDelayTarget": 4}},
            "healthyRetryPolicy.minDelayTarget must",
        ),
        (
            {"healthyRetryPolicy": {"backoffFunction": "cubic"}},
            "healthyRetryPolicy.backoffFunction must be one of",
        ),
        ({"other": {}}, "Unexpected JSON member: other"),
    ],
)
def test_bad_delivery_policies(sns: Client, topic: str, web: Endpoint, policy: object, text: str) -> None:
    given = policy if isinstance(policy, str) else json.dumps(policy)
    with refused("InvalidParameter") as told:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=web.url, Attributes={"DeliveryPolicy": given})
    assert told.message.startswith(f"Invalid parameter: Attributes Reason: DeliveryPolicy: {text}")
