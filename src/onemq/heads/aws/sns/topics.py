"""Operations on topics, their attributes, tags and permissions.

Spec: Amazon SNS API Reference; recorded answers of SNS. Policies and permissions are kept and shown; rights are onemq's own.
"""

import json
from typing import Final

from onemq.engine.notices.topic import NoticeTopic
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.sns.arns import TOPIC_ARN, arn_of, invalid, topic_name
from onemq.heads.aws.sns.delivery_policy import check_policy, shown_policy
from onemq.heads.aws.sns.envelope import time_text
from onemq.heads.aws.sns.paging import PAGE, next_token, page_start
from onemq.heads.aws.sns.parameters import needed, tags_of, text_map, text_of, texts_of
from onemq.heads.aws.urls import ACCOUNT, topic_arn
from onemq.model.refusal import Reason, Refusal

FIFO_SUFFIX: Final = ".fifo"
NAME_MAX: Final = 256
TAGS_MAX: Final = 50
ARCHIVE_DAYS_MAX: Final = 365
DELETED: Final = "SubscriptionsDeleted"
ARCHIVE_BEGAN: Final = "BeginningArchiveTime"
_SETTABLE: Final = (
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DataProtectionPolicy",
    "DeliveryPolicy",
    "DisplayName",
    "FifoThroughputScope",
    "KmsMasterKeyId",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
)
_FEEDBACK: Final = ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
_FEEDBACK_OF: Final = ("HTTP", "SQS", "Lambda", "Application", "Firehose")
_FIFO_ONLY: Final = ("ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
ACTIONS: Final = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)


def is_fifo(topic: NoticeTopic) -> bool:
    return topic.name.endswith(FIFO_SUFFIX)


def deduplicates_by_content(topic: NoticeTopic) -> bool:
    return topic.attributes.get("ContentBasedDeduplication") == "true"


def _check_name(name: str, fifo: bool) -> None:
    stem = name[: -len(FIFO_SUFFIX)] if fifo and name.endswith(FIFO_SUFFIX) else name
    good = len(stem) > 0 and len(name) <= NAME_MAX
    for letter in stem:
        if not (letter.isascii() and (letter.isalnum() or letter in "-_")):
            good = False
    if fifo and not name.endswith(FIFO_SUFFIX):
        good = False
    if good:
        return
    if fifo:
        raise invalid(
            "Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase "
            "ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long."
        )
    raise invalid("Topic Name")


def _is_known(name: str) -> bool:
    if name in _SETTABLE:
        return True
    for service in _FEEDBACK_OF:
        if name.startswith(service) and name[len(service) :] in _FEEDBACK:
            return True
    return False


def _set_attribute(topic: NoticeTopic, name: str, value: str, now_ms: int, prefix: str) -> None:
    """Checks it, and puts it into the topic. `prefix`: before SNS's words. Raises AwsError."""
    if not _is_known(name) or (name in _FIFO_ONLY and not is_fifo(topic)):
        raise AwsError("InvalidParameter", f"{prefix}AttributeName")
    if name == "ArchivePolicy":
        _set_archive(topic, value, now_ms, prefix)
        return
    if name == "DeliveryPolicy" and value:
        check_policy(value, prefix, of_topic=True)
    elif name == "Policy" and value:
        try:
            decoded = json.loads(value)
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            raise AwsError("InvalidParameter", f"{prefix}Policy Error: null")
    elif name == "SignatureVersion" and value not in ("1", "2"):
        raise AwsError(
            "InvalidParameter", f"{prefix}SignatureVersion: Invalid value [{value}]. Must be 1 or 2."
        )
    elif name == "ContentBasedDeduplication":
        value = value.lower()
        if value not in ("true", "false"):
            raise AwsError(
                "InvalidParameter",
                f"{prefix}ContentBasedDeduplication: Invalid value [{value}]. Must be true or false.",
            )
    elif name == "FifoThroughputScope" and value not in ("Topic", "MessageGroup"):
        raise AwsError(
            "InvalidParameter",
            f"{prefix}FifoThroughputScope: Invalid value [{value}]. Must be Topic or MessageGroup.",
        )
    elif name == "TracingConfig" and value not in ("Active", "PassThrough"):
        raise AwsError("InvalidParameter", f"{prefix}TracingConfig: Invalid value [{value}].")
    elif name == "DisplayName" and len(value) > 100:
        raise AwsError("InvalidParameter", f"{prefix}DisplayName")
    if value:
        topic.attributes[name] = value
    else:
        topic.attributes.pop(name, None)


def _set_archive(topic: NoticeTopic, value: str, now_ms: int, prefix: str) -> None:
    days = 0
    try:
        decoded = json.loads(value) if value else {}
        if not isinstance(decoded, dict):
            raise ValueError(value)
        if decoded:
            period = decoded.get("MessageRetentionPeriod")
            if isinstance(period, str):
                period = int(period)
            if not isinstance(period, int) or isinstance(period, bool) or not 1 <= period <= ARCHIVE_DAYS_MAX:
                raise ValueError(value)
            days = period
    except (ValueError, TypeError, RecursionError):
        raise AwsError(
            "InvalidParameter",
            f"{prefix}ArchivePolicy: MessageRetentionPeriod must be between 1 and {ARCHIVE_DAYS_MAX} days",
        ) from None
    topic.archive_days = days
    if days == 0:
        topic.attributes.pop("ArchivePolicy", None)
        topic.attributes.pop(ARCHIVE_BEGAN, None)
        return
    topic.attributes["ArchivePolicy"] = value
    topic.attributes.setdefault(ARCHIVE_BEGAN, time_text(now_ms))


# Operations.


def handle_create_topic(call: Call) -> None:
    name = text_of(call.parameters, "Name")
    attributes = text_map(call.parameters, "Attributes")
    tags = tags_of(call.parameters)
    fifo = attributes.pop("FifoTopic", "false").lower() == "true"
    _check_name(name, fifo)
    if len(tags) > TAGS_MAX:
        raise AwsError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
    notices = call.access.notices
    existing = notices.find_topic(name)
    wanted = notices.new_topic(name, {TOPIC_ARN: topic_arn(call.region, name)}, tags)
    wanted.counted = fifo
    for each, value in attributes.items():
        _set_attribute(wanted, each, value, call.now_ms, "Invalid parameter: Attributes Reason: ")
    if existing is None:
        if fifo:
            wanted.attributes.setdefault("ContentBasedDeduplication", "false")
        notices.save_topic(wanted)
        call.done({TOPIC_ARN: arn_of(wanted)}, call.access.position())
        return
    for each in attributes:
        if existing.attributes.get(each) != wanted.attributes.get(each):
            raise invalid("Attributes Reason: Topic already exists with different attributes")
    for key, value in tags.items():
        if existing.tags.get(key) != value:
            raise invalid("Tags Reason: Topic already exists with different tags")
    call.done({TOPIC_ARN: arn_of(existing)}, call.access.position())


def handle_delete_topic(call: Call) -> None:
    name = topic_name(text_of(call.parameters, TOPIC_ARN))
    found = call.access.notices.find_topic(name)
    if found is not None and found.archive_days:
        raise AwsError(
            "InvalidState",
            "Invalid state: Cannot delete a topic with an ArchivePolicy. Deactivate its ArchivePolicy first.",
        )
    call.access.notices.remove_topic(name)
    call.done({}, call.access.position())


def handle_list_topics(call: Call) -> None:
    topics = call.access.notices.topics()
    keys = [topic.name for topic in topics]
    start = page_start(keys, text_of(call.parameters, "NextToken"))
    shown: list[object] = []
    for topic in topics[start : start + PAGE]:
        shown.append({TOPIC_ARN: arn_of(topic)})
    result: dict[str, object] = {"Topics": shown}
    token = next_token(keys, start + PAGE)
    if token is not None:
        result["NextToken"] = token
    call.done(result)


def handle_get_topic_attributes(call: Call) -> None:
    topic = call.access.notices.topic(topic_name(text_of(call.parameters, TOPIC_ARN)))
    confirmed = 0
    pending = 0
    for subscription in topic.subscriptions.values():
        if subscription.confirmed:
            confirmed += 1
        else:
            pending += 1
    shown = dict(topic.attributes)
    shown[TOPIC_ARN] = arn_of(topic)
    shown["Owner"] = ACCOUNT
    shown.setdefault("DisplayName", "")
    if "Policy" not in shown:
        shown["Policy"] = json.dumps(default_policy(arn_of(topic)), separators=(",", ":"))
    shown["EffectiveDeliveryPolicy"] = shown_policy(topic.attributes.get("DeliveryPolicy", ""))
    shown["SubscriptionsConfirmed"] = str(confirmed)
    shown["SubscriptionsPending"] = str(pending)
    shown.setdefault(DELETED, "0")
    if is_fifo(topic):
        shown["FifoTopic"] = "true"
    call.done({"Attributes": dict(sorted(shown.items()))})


def handle_set_topic_attributes(call: Call) -> None:
    name = topic_name(text_of(call.parameters, TOPIC_ARN))
    topic = call.access.notices.topic_to_change(name)
    attribute = needed(call.parameters, "AttributeName")
    _set_attribute(
        topic, attribute, text_of(call.parameters, "AttributeValue"), call.now_ms, "Invalid parameter: "
    )
    call.access.notices.save_topic(topic)
    call.done({}, call.access.position())


# Tags.


def _tagged(call: Call, change: bool) -> NoticeTopic:
    name = topic_name(needed(call.parameters, "ResourceArn"), "ResourceArn")
    notices = call.access.notices
    try:
        return notices.topic_to_change(name) if change else notices.topic(name)
    except Refusal as refusal:
        if refusal.reason == Reason.NOT_FOUND:
            raise AwsError("ResourceNotFound", "Resource does not exist", 404) from None
        raise


def handle_tag_resource(call: Call) -> None:
    topic = _tagged(call, True)
    merged = dict(topic.tags)
    merged.update(tags_of(call.parameters))
    if len(merged) > TAGS_MAX:
        raise AwsError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
    topic.tags = merged
    call.access.notices.save_topic(topic)
    call.done({}, call.access.position())


def handle_untag_resource(call: Call) -> None:
    topic = _tagged(call, True)
    kept = dict(topic.tags)
    for key in texts_of(call.parameters, "TagKeys"):
        kept.pop(key, None)
    topic.tags = kept
    call.access.notices.save_topic(topic)
    call.done({}, call.access.position())


def handle_list_tags(call: Call) -> None:
    topic = _tagged(call, False)
    shown: list[object] = []
    for key, value in topic.tags.items():
        shown.append({"Key": key, "Value": value})
    call.done({"Tags": shown})


# Permissions.


def default_policy(arn: str) -> dict[str, object]:
    actions: list[object] = []
    for action in ACTIONS:
        actions.append(f"SNS:{action}")
    statement: dict[str, object] = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": actions,
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


def _statements(topic: NoticeTopic) -> tuple[dict[str, object], list[object]]:
    """The topic's policy, and the list of statements in it."""
    text = topic.attributes.get("Policy", "")
    policy = json.loads(text) if text else default_policy(arn_of(topic))
    statements = policy.get("Statement")
    if not isinstance(statements, list):
        statements = [] if statements is None else [statements]
        policy["Statement"] = statements
    return policy, statements


def _one_or_list(values: list[str]) -> object:
    return values[0] if len(values) == 1 else values


def handle_add_permission(call: Call) -> None:
    topic = call.access.notices.topic_to_change(topic_name(text_of(call.parameters, TOPIC_ARN)))
    label = needed(call.parameters, "Label")
    actions: list[str] = []
    for action in texts_of(call.parameters, "ActionName"):
        if action not in ACTIONS:
            raise invalid("Policy statement action out of service scope!")
        actions.append(f"SNS:{action}")
    accounts: list[str] = []
    for account in texts_of(call.parameters, "AWSAccountId"):
        accounts.append(f"arn:aws:iam::{account}:root")
    if not actions or not accounts:
        raise invalid(
            f"{'ActionName' if accounts else 'AWSAccountId'} Reason: no value for required parameter"
        )
    policy, statements = _statements(topic)
    for each in statements:
        if isinstance(each, dict) and each.get("Sid") == label:
            raise invalid("Statement already exists")
    statements.append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_list(accounts)},
            "Action": _one_or_list(actions),
            "Resource": arn_of(topic),
        }
    )
    topic.attributes["Policy"] = json.dumps(policy, separators=(",", ":"))
    call.access.notices.save_topic(topic)
    call.done({}, call.access.position())


def handle_remove_permission(call: Call) -> None:
    topic = call.access.notices.topic_to_change(topic_name(text_of(call.parameters, TOPIC_ARN)))
    label = needed(call.parameters, "Label")
    policy, statements = _statements(topic)
    kept: list[object] = []
    for each in statements:
        if not (isinstance(each, dict) and each.get("Sid") == label):
            kept.append(each)
    policy["Statement"] = kept
    topic.attributes["Policy"] = json.dumps(policy, separators=(",", ":"))
    call.access.notices.save_topic(topic)
    call.done({}, call.access.position())
