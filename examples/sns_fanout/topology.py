"""The topic, and for each service a queue with its own dead letters and its own filter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .settings import RECEIVES_MAX, TOPIC


@dataclass(frozen=True)
class Subscription:
    """What one service wants. `scope` says what the filter looks at: the message's attributes, or its body."""

    service: str
    filter_policy: Mapping[str, Any] = field(default_factory=dict)
    scope: str = "MessageAttributes"


SUBSCRIPTIONS = (
    Subscription("driver-matcher", {"event": ["ride.created"]}),
    Subscription("payment-authorizer", {"event": ["ride.created"], "payment": [{"anything-but": "cash"}]}),
    Subscription("notification", {"event": [{"prefix": "ride."}]}),
    Subscription("premium-desk", {"fare_cents": [{"numeric": [">=", 10000]}]}, scope="MessageBody"),
    Subscription("analytics"),
)


def queue_name(service: str) -> str:
    return f"rides-{service}"


def create_queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> tuple[str, str]:
    """(URL, ARN)"""
    url = sqs.create_queue(QueueName=name, Attributes=dict(attributes))["QueueUrl"]
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(url), str(shown["Attributes"]["QueueArn"])


def create(sns: Any, sqs: Any) -> tuple[str, dict[str, str]]:
    """(ARN of the topic, URL of each service's queue). Creating them again changes nothing."""
    topic_arn = str(sns.create_topic(Name=TOPIC)["TopicArn"])
    urls = {}
    for subscription in SUBSCRIPTIONS:
        name = queue_name(subscription.service)
        _, dead_arn = create_queue(sqs, f"{name}-dead", {})
        redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": RECEIVES_MAX}
        url, arn = create_queue(sqs, name, {"RedrivePolicy": json.dumps(redrive)})
        attributes = {"RawMessageDelivery": "true"}
        if subscription.filter_policy:
            attributes["FilterPolicy"] = json.dumps(subscription.filter_policy)
            attributes["FilterPolicyScope"] = subscription.scope
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        urls[subscription.service] = url
    return topic_arn, urls
