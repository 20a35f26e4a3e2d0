"""The JSON documents that SNS sends: notifications and confirmations, written as SNS writes them, and the texts that are signed.

Spec: Amazon SNS Developer Guide, "Parsing Amazon SNS message formats", "Verifying the signatures of Amazon SNS messages".
"""

import base64
import json
from datetime import UTC, datetime
from typing import Final

from onemq.engine.notices.notice import Notice, NoticeAttribute

NOTIFICATION: Final = "Notification"
SUBSCRIPTION_CONFIRMATION: Final = "SubscriptionConfirmation"
UNSUBSCRIBE_CONFIRMATION: Final = "UnsubscribeConfirmation"


def time_text(time_ms: int) -> str:
    """ "2026-11-28T04:00:00.000Z"."""
    return (
        datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"
    )


def sequence_text(sequence: int) -> str:
    """Twenty digits, as SNS's sequence numbers have."""
    return f"1{sequence:016d}000"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def attribute_value(attribute: NoticeAttribute) -> str:
    octets = attribute.octets
    return attribute.text if octets is None else base64.b64encode(octets).decode("ascii")


def document(fields: list[tuple[str, str]], attributes: list[NoticeAttribute]) -> str:
    """Fields in their order, one a line."""
    lines: list[str] = []
    for name, value in fields:
        lines.append(f"  {_quoted(name)} : {_quoted(value)}")
    if attributes:
        inner: list[str] = []
        for each in attributes:
            inner.append(
                f'    {_quoted(each.name)} : {{"Type":{_quoted(each.kind)},'
                f'"Value":{_quoted(attribute_value(each))}}}'
            )
        lines.append('  "MessageAttributes" : {\n' + ",\n".join(inner) + "\n  }")
    return "{\n" + ",\n".join(lines) + "\n}"


def notification_text(topic_arn: str, notice: Notice, text: str) -> str:
    """What a notification's signature covers."""
    parts = ["Message", text, "MessageId", notice.message_id]
    if notice.subject is not None:
        parts.extend(("Subject", notice.subject))
    parts.extend(("Timestamp", time_text(notice.time_ms), "TopicArn", topic_arn, "Type", NOTIFICATION))
    return "\n".join(parts) + "\n"


def notification_fields(topic_arn: str, notice: Notice, text: str, replayed: bool) -> list[tuple[str, str]]:
    """Up to the signature."""
    fields = [("Type", NOTIFICATION), ("MessageId", notice.message_id)]
    if notice.sequence:
        fields.append(("SequenceNumber", sequence_text(notice.sequence)))
    fields.append(("TopicArn", topic_arn))
    if notice.subject is not None:
        fields.append(("Subject", notice.subject))
    fields.append(("Message", text))
    fields.append(("Timestamp", time_text(notice.time_ms)))
    if replayed:
        fields.append(("Replayed", "true"))
    return fields


class Confirmation:
    """What asks an endpoint whether it wants to be subscribed, or to stay so."""

    __slots__ = ("kind", "message", "message_id", "subscribe_url", "time_ms", "token", "topic_arn")

    def __init__(
        self,
        kind: str,
        topic_arn: str,
        subscription_arn: str,
        token: str,
        message_id: str,
        time_ms: int,
        origin: str,
    ) -> None:
        self.kind = kind
        self.topic_arn = topic_arn
        self.token = token
        self.message_id = message_id
        self.time_ms = time_ms
        self.subscribe_url = f"{origin}/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={token}"
        if kind == SUBSCRIPTION_CONFIRMATION:
            self.message = (
                f"You have chosen to subscribe to the topic {topic_arn}.\n"
                "To confirm the subscription, visit the SubscribeURL included in this message."
            )
        else:
            self.message = (
                f"You have chosen to deactivate subscription {subscription_arn}.\n"
                "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
            )

    def text(self) -> str:
        """What its signature covers."""
        parts = (
            *("Message", self.message),
            *("MessageId", self.message_id),
            *("SubscribeURL", self.subscribe_url),
            *("Timestamp", time_text(self.time_ms)),
            *("Token", self.token),
            *("TopicArn", self.topic_arn),
            *("Type", self.kind),
        )
        return "\n".join(parts) + "\n"

    def fields(self) -> list[tuple[str, str]]:
        return [
            ("Type", self.kind),
            ("MessageId", self.message_id),
            ("Token", self.token),
            ("TopicArn", self.topic_arn),
            ("Message", self.message),
            ("SubscribeURL", self.subscribe_url),
            ("Timestamp", time_text(self.time_ms)),
        ]


def signed_fields(version: str, signature: str, certificate_url: str) -> list[tuple[str, str]]:
    return [
        ("SignatureVersion", version),
        ("Signature", signature),
        ("SigningCertURL", certificate_url),
    ]
