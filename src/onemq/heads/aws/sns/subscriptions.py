"""Operations on subscriptions: making them, proving that their endpoint agrees, ending them.

Spec: Amazon SNS API Reference; Developer Guide, "Subscribing HTTPS endpoints"; recorded answers of SNS. Endpoints by email, sms, lambda,
firehose and mobile push are refused (docs/decisions/0009).
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from onemq.engine.notices.topic import NoticeTopic, Subscription
from onemq.engine.routing.filter_policy.policy import MESSAGE_ATTRIBUTES
from onemq.engine.routing.filter_policy.tokens import PolicyError
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.sns.arns import arn_of, invalid, subscription_arn, subscription_id, topic_name
from onemq.heads.aws.sns.envelope import (
    SUBSCRIPTION_CONFIRMATION,
    UNSUBSCRIBE_CONFIRMATION,
    Confirmation,
)
from onemq.heads.aws.sns.paging import PAGE, next_token, page_start
from onemq.heads.aws.sns.parameters import needed, origin_of, text_map, text_of
from onemq.heads.aws.sns.renderer import SnsRenderer
from onemq.heads.aws.sns.subscription_attributes import (
    AUTHENTICATED,
    FILTER_POLICY,
    GUARDED,
    LEFT,
    NAMES,
    PRINCIPAL,
    ReplayWish,
    apply_wish,
    has_left,
    set_attribute,
    shown_attributes,
)
from onemq.heads.aws.sns.topics import DELETED, is_fifo
from onemq.heads.aws.urls import ACCOUNT, arn_name, user_arn

PENDING: Final = "PendingConfirmation"
ENDPOINT_MAX: Final = 2048
TOKEN_BYTES: Final = 32
OF_SUBSCRIBE: Final = "Invalid parameter: Attributes Reason: "
OF_SET: Final = "Invalid parameter: "


def _not_found() -> AwsError:
    return AwsError("NotFound", "Subscription does not exist", 404)


def _policy_error(error: PolicyError, prefix: str) -> AwsError:
    return AwsError("InvalidParameter", f"{prefix}{'FilterPolicy: ' if error.of_policy else ''}{error.text}")


def _check_url(protocol: str, endpoint: str) -> None:
    if not endpoint.startswith(f"{protocol}://"):
        raise invalid("Endpoint must match the specified protocol")
    try:
        parts = urlsplit(endpoint)
        good = bool(parts.hostname) and parts.port != 0 and len(endpoint) <= ENDPOINT_MAX
    except ValueError:
        good = False
    if not good or not endpoint.isascii() or " " in endpoint or not endpoint.isprintable():
        raise invalid("Unreachable Endpoint" if good else "HTTP(S) Endpoint")


class Subscriptions:
    """The operations' handlers. entropy: for ids and tokens, which nobody may guess."""

    def __init__(self, renderer: SnsRenderer, entropy: Callable[[int], bytes]) -> None:
        self._renderer = renderer
        self._entropy = entropy

    def _new_id(self) -> str:
        digits = self._entropy(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def _new_token(self) -> str:
        return self._entropy(TOKEN_BYTES).hex()

    # Subscribing.

    def subscribe(self, call: Call) -> None:
        parameters = call.parameters
        topic = call.access.notices.topic_to_change(topic_name(text_of(parameters, "TopicArn")))
        protocol = text_of(parameters, "Protocol")
        endpoint = text_of(parameters, "Endpoint")
        found = self._checked(topic, protocol, endpoint)
        found.scope = MESSAGE_ATTRIBUTES
        attributes = text_map(parameters, "Attributes")
        wish: ReplayWish | None = None
        for name, value in attributes.items():
            wish = set_attribute(found, name, value, OF_SUBSCRIBE) or wish
        existing = self._existing(topic, protocol, endpoint)
        if existing is not None:
            self._same(existing, found, attributes)
            if not existing.confirmed:
                self._ask(call, existing, SUBSCRIPTION_CONFIRMATION)
            self._answer(call, existing)
            return
        found.attributes[PRINCIPAL] = user_arn(call.access.principal.name)
        if found.queue:
            found.confirmed = True
            found.attributes[AUTHENTICATED] = "true"
        else:
            found.token = self._new_token()
        try:
            call.access.notices.save_subscription(found)
        except PolicyError as error:
            raise _policy_error(error, OF_SUBSCRIBE) from None
        apply_wish(call.access.notices, found, wish)
        if not found.confirmed:
            self._ask(call, found, SUBSCRIPTION_CONFIRMATION)
        self._answer(call, found)

    def _checked(self, topic: NoticeTopic, protocol: str, endpoint: str) -> Subscription:
        """The subscription that is asked for, with the queue that it names."""
        found = Subscription(self._new_id(), topic, protocol, endpoint)
        if protocol in ("http", "https"):
            if is_fifo(topic):
                raise invalid(f"Invalid protocol type: {protocol}")
            _check_url(protocol, endpoint)
        elif protocol == "sqs":
            found.queue = arn_name(endpoint, "sqs")
            if not found.queue:
                raise invalid("SQS endpoint ARN")
            if found.queue.endswith(".fifo") and not is_fifo(topic):
                raise invalid(
                    "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
                )
        else:
            raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
        return found

    def _existing(self, topic: NoticeTopic, protocol: str, endpoint: str) -> Subscription | None:
        for each in topic.subscriptions.values():
            if each.endpoint == endpoint and each.protocol == protocol and not has_left(each):
                return each
        return None

    def _same(self, existing: Subscription, wanted: Subscription, attributes: dict[str, str]) -> None:
        for name in NAMES:
            if name not in attributes:
                continue
            if name == FILTER_POLICY:
                differs = existing.policy_text != wanted.policy_text
            else:
                differs = existing.attributes.get(name) != wanted.attributes.get(name)
            if differs:
                raise invalid("Attributes Reason: Subscription already exists with different attributes")

    def _answer(self, call: Call, found: Subscription) -> None:
        shown = subscription_arn(found)
        if not found.confirmed and call.parameters.get("ReturnSubscriptionArn") is not True:
            shown = "pending confirmation"
        call.done({"SubscriptionArn": shown}, call.access.position())

    def _ask(self, call: Call, found: Subscription, kind: str) -> None:
        """Has its endpoint be sent what to confirm with."""
        notices = call.access.notices
        self._renderer.signer.prepare(notices, call.now_ms)
        confirmation = Confirmation(
            kind,
            arn_of(found.topic),
            subscription_arn(found),
            found.token,
            call.identifiers.next(),
            call.now_ms,
            origin_of(call),
        )
        record = self._renderer.confirmation(found, confirmation, origin_of(call))
        if kind == UNSUBSCRIBE_CONFIRMATION:
            notices.leave(found, record)
        else:
            notices.tell(found, record)

    def confirm(self, call: Call) -> None:
        topic_name(text_of(call.parameters, "TopicArn"), "Topic")
        found = call.access.notices.find_by_token(needed(call.parameters, "Token"))
        if found is None:
            raise invalid("Token")
        signed = call.access.principal.name != ""
        attributes = found.attributes
        attributes[AUTHENTICATED] = "true" if signed else "false"
        attributes.pop(LEFT, None)
        if text_of(call.parameters, "AuthenticateOnUnsubscribe").lower() == "true" and signed:
            attributes[GUARDED] = "true"
        call.access.notices.confirmed(found)
        call.done({"SubscriptionArn": subscription_arn(found)}, call.access.position())

    # Leaving.

    def unsubscribe(self, call: Call) -> None:
        identifier = subscription_id(needed(call.parameters, "SubscriptionArn"))
        notices = call.access.notices
        linked = notices.linked_subscription(identifier)
        if call.access.principal.name == "":
            # By the link in what was sent: it is not signed, the id in it is the proof.
            if linked is not None and not has_left(linked):
                self._leave(call, linked)
        elif linked is not None:
            topic = linked.topic
            notices.remove_subscription(identifier)
            topic.attributes[DELETED] = str(int(topic.attributes.get(DELETED, "0")) + 1)
            notices.save_topic(topic)
        call.done({}, call.access.position())

    def _leave(self, call: Call, found: Subscription) -> None:
        if GUARDED in found.attributes:
            raise AwsError("AuthorizationError", "Unsubscribe requires an authenticated request", 403)
        if found.outgoing is None:
            call.access.notices.leave(found, None)
            return
        found.token = self._new_token()
        found.attributes[LEFT] = "true"
        self._ask(call, found, UNSUBSCRIBE_CONFIRMATION)

    # Looking.

    def _shown(self, call: Call, subscriptions: list[Subscription]) -> None:
        found: dict[str, Subscription] = {}
        for each in subscriptions:
            if not has_left(each):
                found[f"{each.topic.name}:{each.id}"] = each
        keys = sorted(found)
        start = page_start(keys, text_of(call.parameters, "NextToken"))
        shown: list[object] = []
        for key in keys[start : start + PAGE]:
            each = found[key]
            shown.append(
                {
                    "SubscriptionArn": subscription_arn(each) if each.confirmed else PENDING,
                    "Owner": ACCOUNT,
                    "Protocol": each.protocol,
                    "Endpoint": each.endpoint,
                    "TopicArn": arn_of(each.topic),
                }
            )
        result: dict[str, object] = {"Subscriptions": shown}
        token = next_token(keys, start + PAGE)
        if token is not None:
            result["NextToken"] = token
        call.done(result)

    def list_all(self, call: Call) -> None:
        self._shown(call, call.access.notices.subscriptions())

    def list_of_topic(self, call: Call) -> None:
        topic = call.access.notices.topic(topic_name(text_of(call.parameters, "TopicArn")))
        self._shown(call, list_of(topic))

    def get_attributes(self, call: Call) -> None:
        found = call.access.notices.subscription(subscription_id(needed(call.parameters, "SubscriptionArn")))
        if has_left(found):
            raise _not_found()
        call.done({"Attributes": shown_attributes(found)})

    def set_attributes(self, call: Call) -> None:
        notices = call.access.notices
        found = notices.subscription_to_change(subscription_id(needed(call.parameters, "SubscriptionArn")))
        if has_left(found):
            raise _not_found()
        before = (dict(found.attributes), found.policy_text, found.scope, found.dead_letters)
        try:
            wish = set_attribute(
                found,
                needed(call.parameters, "AttributeName"),
                text_of(call.parameters, "AttributeValue"),
                OF_SET,
            )
            notices.save_subscription(found)
        except Exception as error:
            found.attributes, found.policy_text, found.scope, found.dead_letters = before
            if isinstance(error, PolicyError):
                raise _policy_error(error, OF_SET) from None
            raise
        apply_wish(notices, found, wish)
        call.done({}, call.access.position())


def list_of(topic: NoticeTopic) -> list[Subscription]:
    return list(topic.subscriptions.values())
