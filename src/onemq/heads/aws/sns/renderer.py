"""Notices as records: what subscribers' queues and endpoints get.

Must not: call the engine (it is called while the engine publishes).
Spec: Amazon SNS Developer Guide, "Amazon SNS raw message delivery", "Parsing Amazon SNS message formats".
"""

from typing import Final

from onemq.engine.notices.notice import Notice
from onemq.engine.notices.rendering import Renderer
from onemq.engine.notices.topic import NoticeTopic, Subscription
from onemq.heads.aws.identifiers import Identifiers
from onemq.heads.aws.sns.arns import arn_of, subscription_arn
from onemq.heads.aws.sns.delivery_policy import effective_policy
from onemq.heads.aws.sns.envelope import (
    NOTIFICATION,
    Confirmation,
    document,
    notification_fields,
    notification_text,
    signed_fields,
)
from onemq.heads.aws.sns.queue_records import (
    dead_record,
    queue_deduplication,
    queue_record,
)
from onemq.heads.aws.sns.signing import Signer
from onemq.heads.aws.sns.subscription_attributes import DELIVERY_POLICY, is_raw
from onemq.heads.aws.sns.topics import is_fifo
from onemq.model.entities import QueueSettings
from onemq.model.record import NO_ADDRESS, Record

MESSAGE_TYPE: Final = "x-amz-sns-message-type"
AGENT: Final = "Amazon Simple Notification Service Agent"


def signature_version(topic: NoticeTopic) -> str:
    return topic.attributes.get("SignatureVersion", "1")


def needs_signature(topic: NoticeTopic) -> bool:
    """Whether somebody gets a signed document. FIFO topics sign nothing."""
    if is_fifo(topic):
        return False
    for subscription in topic.subscriptions.values():
        if subscription.confirmed and not is_raw(subscription):
            return True
    return False


class SnsRenderer(Renderer):
    """See the module."""

    def __init__(self, signer: Signer, identifiers: Identifiers) -> None:
        super().__init__()
        self.signer = signer
        self._identifiers = identifiers

    def render(
        self,
        topic: NoticeTopic,
        subscription: Subscription,
        notice: Notice,
        target: QueueSettings | None,
        replayed: bool,
    ) -> Record:
        raw = is_raw(subscription)
        text = notice.text_for(subscription.protocol)
        body = text if raw else self._document(topic, subscription, notice, text, replayed)
        if subscription.outgoing is not None:
            return self._call_record(
                subscription, NOTIFICATION, notice.message_id, body.encode("utf-8", "surrogatepass"), raw
            )
        return queue_record(self._identifiers.next(), body, notice, target, raw)

    def _document(
        self, topic: NoticeTopic, subscription: Subscription, notice: Notice, text: str, replayed: bool
    ) -> str:
        arn = arn_of(topic)
        fields = notification_fields(arn, notice, text, replayed)
        if not is_fifo(topic):
            version = signature_version(topic)
            signature = notice.signatures.get(text)
            if signature is None:
                signature = self.signer.sign(notification_text(arn, notice, text), version)
                notice.signatures[text] = signature
            fields.extend(signed_fields(version, signature, self.signer.certificate_url(notice.origin)))
        link = f"{notice.origin}/?Action=Unsubscribe&SubscriptionArn={subscription_arn(subscription)}"
        fields.append(("UnsubscribeURL", link))
        return document(fields, notice.attributes)

    def confirmation(self, subscription: Subscription, confirmation: Confirmation, origin: str) -> Record:
        """For a courier."""
        version = signature_version(subscription.topic)
        fields = confirmation.fields()
        signature = self.signer.sign(confirmation.text(), version)
        fields.extend(signed_fields(version, signature, self.signer.certificate_url(origin)))
        body = document(fields, []).encode("utf-8", "surrogatepass")
        return self._call_record(subscription, confirmation.kind, confirmation.message_id, body, False)

    def _call_record(
        self, subscription: Subscription, kind: str, message_id: str, body: bytes, raw: bool
    ) -> Record:
        """A record of a subscription's own queue: its headers are those of the call."""
        topic = subscription.topic
        policy = effective_policy(
            topic.attributes.get(DELIVERY_POLICY, ""), subscription.attributes.get(DELIVERY_POLICY, "")
        )
        headers = [
            (MESSAGE_TYPE, kind),
            ("x-amz-sns-message-id", message_id),
            ("x-amz-sns-topic-arn", arn_of(topic)),
        ]
        if kind == NOTIFICATION:
            headers.append(("x-amz-sns-subscription-arn", subscription_arn(subscription)))
        if raw:
            headers.append(("x-amz-sns-rawdelivery", "true"))
        headers.append(("Content-Type", policy.content_type))
        headers.append(("User-Agent", AGENT))
        headers.append(("Accept-Encoding", "gzip,deflate"))
        record = Record(body, NO_ADDRESS)
        record.headers = [(name, value.encode("latin-1", "replace")) for name, value in headers]
        return record

    def deduplication(self, target: QueueSettings, notice: Notice) -> tuple[str, str]:
        return queue_deduplication(target, notice)

    def dead(self, subscription: Subscription, record: Record, reason: str, target: QueueSettings) -> Record:
        if subscription.outgoing is None:
            return record
        return dead_record(self._identifiers.next(), record, reason, target)
