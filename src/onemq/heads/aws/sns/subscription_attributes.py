"""A subscription's attributes: what may be set, what it means to the engine, what is shown.

Spec: Amazon SNS API Reference, Subscribe, SetSubscriptionAttributes, GetSubscriptionAttributes; recorded answers of SNS.
"""

import json
from datetime import UTC, datetime
from typing import Final

from onemq.engine.notices.access import NoticeAccess
from onemq.engine.notices.topic import NOT_REPLAYING, Subscription
from onemq.engine.routing.filter_policy.policy import MESSAGE_ATTRIBUTES, MESSAGE_BODY
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.sns.arns import arn_of, subscription_arn
from onemq.heads.aws.sns.delivery_policy import check_policy, shown_subscription_policy
from onemq.heads.aws.sns.topics import is_fifo
from onemq.heads.aws.urls import ACCOUNT, arn_name, user_arn

RAW: Final = "RawMessageDelivery"
DELIVERY_POLICY: Final = "DeliveryPolicy"
FILTER_POLICY: Final = "FilterPolicy"
SCOPE: Final = "FilterPolicyScope"
REDRIVE_POLICY: Final = "RedrivePolicy"
REPLAY_POLICY: Final = "ReplayPolicy"
NAMES: Final = (
    DELIVERY_POLICY,
    FILTER_POLICY,
    SCOPE,
    RAW,
    REDRIVE_POLICY,
    REPLAY_POLICY,
    "SubscriptionRoleArn",
)

AUTHENTICATED: Final = "ConfirmationWasAuthenticated"
PRINCIPAL: Final = "SubscriptionPrincipal"
GUARDED: Final = "AuthenticateOnUnsubscribe"
"""Kept with the others, and not shown: only a signed request may unsubscribe."""
LEFT: Final = "Left"
"""Kept with the others, and not shown: it has unsubscribed by its link, and may come back by its token."""


class ReplayWish:
    """What a ReplayPolicy asks for. to_ms 0: no end."""

    __slots__ = ("from_ms", "to_ms")

    def __init__(self, from_ms: int, to_ms: int) -> None:
        self.from_ms = from_ms
        self.to_ms = to_ms


def is_raw(subscription: Subscription) -> bool:
    return subscription.attributes.get(RAW) == "true"


def has_left(subscription: Subscription) -> bool:
    return LEFT in subscription.attributes


def set_attribute(subscription: Subscription, name: str, value: str, prefix: str) -> ReplayWish | None:
    """Checks it, and puts it into the subscription, whose filter policy the engine checks. Raises AwsError. `prefix`: before SNS's words.

    Returns what is to be replayed (from_ms -1: nothing any more), None when that is not what was set."""
    if name not in NAMES:
        raise AwsError("InvalidParameter", f"{prefix}AttributeName")
    wish: ReplayWish | None = None
    if name == FILTER_POLICY:
        subscription.policy_text = "" if value.strip() == "{}" else value
        value = subscription.policy_text
    elif name == SCOPE:
        if value not in (MESSAGE_ATTRIBUTES, MESSAGE_BODY):
            raise AwsError(
                "InvalidParameter",
                f"{prefix}FilterPolicyScope: Invalid value [{value}]. "
                "Please use either MessageBody or MessageAttributes",
            )
        subscription.scope = value
    elif name == RAW:
        if value.lower() not in ("true", "false"):
            raise AwsError(
                "InvalidParameter",
                f"{prefix}RawMessageDelivery: Invalid value [{value}]. Must be true or false.",
            )
        value = value.lower()
    elif name == DELIVERY_POLICY:
        if value:
            check_policy(value, prefix, of_topic=False)
    elif name == REDRIVE_POLICY:
        subscription.dead_letters = _dead_letters(subscription, value, prefix) if value else ""
    elif name == REPLAY_POLICY:
        wish = _replay(subscription, value, prefix)
        if wish.from_ms < 0:
            value = ""
    if value:
        subscription.attributes[name] = value
    else:
        subscription.attributes.pop(name, None)
    return wish


def _dead_letters(subscription: Subscription, value: str, prefix: str) -> str:
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        raise AwsError("InvalidParameter", f"{prefix}RedrivePolicy: failed to parse JSON.") from None
    arn = decoded.get("deadLetterTargetArn") if isinstance(decoded, dict) else None
    if decoded == {}:
        return ""
    parts = arn.split(":") if isinstance(arn, str) else []
    if len(parts) < 6 or parts[0] != "arn":
        raise AwsError("InvalidParameter", f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    name = arn_name(str(arn), "sqs")
    if is_fifo(subscription.topic) and subscription.queue.endswith(".fifo") and not name.endswith(".fifo"):
        raise AwsError(
            "InvalidParameter",
            f"{prefix}RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        )
    if not name:
        raise AwsError("InvalidParameter", f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    return name


def _replay(subscription: Subscription, value: str, prefix: str) -> ReplayWish:
    bad = f"{prefix}ReplayPolicy: "
    if not is_fifo(subscription.topic):
        raise AwsError("InvalidParameter", f"{prefix}AttributeName")
    try:
        decoded = json.loads(value) if value else {}
    except (ValueError, RecursionError):
        raise AwsError("InvalidParameter", f"{bad}failed to parse JSON.") from None
    if not isinstance(decoded, dict):
        raise AwsError("InvalidParameter", f"{bad}failed to parse JSON.")
    if not decoded:
        return ReplayWish(-1, 0)
    if decoded.get("PointType") != "Timestamp":
        raise AwsError("InvalidParameter", f"{bad}PointType: Must be Timestamp.")
    start = _time_ms(decoded.get("StartingPoint"))
    end = 0
    if "EndingPoint" in decoded:
        end = _time_ms(decoded["EndingPoint"])
    if start < 0 or end < 0:
        raise AwsError("InvalidParameter", f"{bad}StartingPoint and EndingPoint must be ISO 8601 timestamps.")
    if end and end <= start:
        raise AwsError("InvalidParameter", f"{bad}EndingPoint must be after StartingPoint.")
    if subscription.topic.archive is None:
        raise AwsError("InvalidParameter", f"{bad}The topic has no active ArchivePolicy.")
    return ReplayWish(start, end)


def _time_ms(value: object) -> int:
    """-1: it is no time."""
    if not isinstance(value, str):
        return -1
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return -1
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return max(int(found.timestamp() * 1000), 0)


def apply_wish(access: NoticeAccess, subscription: Subscription, wish: ReplayWish | None) -> None:
    if wish is None:
        return
    if wish.from_ms < 0:
        access.end_replay(subscription)
    else:
        access.replay(subscription, wish.from_ms, wish.to_ms)


def shown_attributes(subscription: Subscription) -> dict[str, str]:
    """As GetSubscriptionAttributes shows them."""
    topic = subscription.topic
    kept = subscription.attributes
    shown: dict[str, str] = {
        "SubscriptionArn": subscription_arn(subscription),
        "TopicArn": arn_of(topic),
        "Owner": ACCOUNT,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "PendingConfirmation": "false" if subscription.confirmed else "true",
        AUTHENTICATED: kept.get(AUTHENTICATED, "false"),
        RAW: kept.get(RAW, "false"),
        PRINCIPAL: kept.get(PRINCIPAL, user_arn("")),
    }
    for name in (DELIVERY_POLICY, REDRIVE_POLICY, REPLAY_POLICY, "SubscriptionRoleArn"):
        if name in kept:
            shown[name] = kept[name]
    if subscription.policy_text:
        shown[FILTER_POLICY] = subscription.policy_text
        shown[SCOPE] = subscription.scope
    if subscription.outgoing is not None:
        shown["EffectiveDeliveryPolicy"] = shown_subscription_policy(
            topic.attributes.get(DELIVERY_POLICY, ""), kept.get(DELIVERY_POLICY, "")
        )
    if REPLAY_POLICY in kept:
        running = subscription.replay_next != NOT_REPLAYING
        shown["ReplayStatus"] = "In progress" if running else "Completed"
    return dict(sorted(shown.items()))
