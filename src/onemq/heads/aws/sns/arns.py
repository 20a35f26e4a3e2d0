"""ARNs of topics and subscriptions, and what SNS says of those that are none."""

from onemq.engine.notices.topic import NoticeTopic, Subscription
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.urls import topic_arn

TOPIC_ARN = "TopicArn"
"""Attribute of a topic: its ARN, with the region of whoever made it."""


def arn_of(topic: NoticeTopic) -> str:
    return topic.attributes.get(TOPIC_ARN) or topic_arn("us-east-1", topic.name)


def subscription_arn(subscription: Subscription) -> str:
    return f"{arn_of(subscription.topic)}:{subscription.id}"


def invalid(text: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {text}")


def topic_name(arn: str, parameter: str = TOPIC_ARN) -> str:
    """The name in a topic's ARN. Raises AwsError."""
    parts = arn.split(":")
    if len(parts) < 6:
        raise invalid(f"{parameter} Reason: An ARN must have at least 6 elements, not {len(parts)}")
    if parts[0] != "arn" or parts[2] != "sns" or len(parts) != 6 or not parts[5]:
        raise invalid(parameter)
    return parts[5]


def subscription_id(arn: str) -> str:
    """The id in a subscription's ARN. Raises AwsError."""
    parts = arn.split(":")
    if len(parts) < 6:
        raise invalid(f"SubscriptionArn Reason: An ARN must have at least 6 elements, not {len(parts)}")
    if len(parts) != 7 or parts[0] != "arn" or parts[2] != "sns":
        raise invalid("SubscriptionId")
    return parts[6]
