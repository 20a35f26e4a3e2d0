"""Queues' attributes: what they take, and where they stand in the engine's settings.

What the engine does by itself (visibility, delay, retention, receive limit, order groups) are settings; the rest, and every value as
it was given, is under the key "sqs" of the settings' own words.
Spec: Amazon SQS API Reference: CreateQueue, SetQueueAttributes, GetQueueAttributes.
"""

from typing import Final

import msgspec

from onemq.engine.settings_codec import queue_copy
from onemq.heads.aws.errors import invalid_value
from onemq.heads.aws.sqs.errors import invalid_attribute_name, invalid_attribute_value, sqs_error
from onemq.heads.aws.urls import arn_name
from onemq.model.entities import STRICT_GROUPS, QueueSettings

WORDS: Final = "sqs"
"""Key of the queue's attributes as they were given, in QueueSettings.attributes; CREATED, MODIFIED, PURGED, TAGS stand beside."""
CREATED: Final = "sqs.created_ms"
MODIFIED: Final = "sqs.modified_ms"
PURGED: Final = "sqs.purged_ms"
TAGS: Final = "sqs.tags"

MESSAGE_BYTES_MAX: Final = 1_048_576
RECEIVE_COUNT_MAX: Final = 1000

RANGES: Final[dict[str, tuple[int, int, int]]] = {
    "DelaySeconds": (0, 900, 0),
    "MaximumMessageSize": (1024, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX),
    "MessageRetentionPeriod": (60, 1_209_600, 345_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20, 0),
    "VisibilityTimeout": (0, 43_200, 30),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400, 300),
}
"""Lowest, highest, default."""
BOOLEANS: Final = ("SqsManagedSseEnabled", "ContentBasedDeduplication", "FifoQueue")
FIFO_ONLY: Final = ("ContentBasedDeduplication", "FifoQueue", "DeduplicationScope", "FifoThroughputLimit")
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
TEXTS: Final = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")
COUNTED: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
SHOWN: Final = (
    "QueueArn",
    *COUNTED,
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
)


def words(settings: QueueSettings) -> dict[str, str]:
    found = settings.attributes.get(WORDS)
    if isinstance(found, dict):
        return found
    return {}


def is_fifo(settings: QueueSettings) -> bool:
    return settings.grouping == STRICT_GROUPS


def check_attributes(given: dict[str, object], fifo: bool) -> dict[str, str]:
    """Raises AwsError."""
    found: dict[str, str] = {}
    for name, value in given.items():
        assert isinstance(value, str)
        if name in CHOICES and not fifo:
            text = f"You can specify the {name} only when FifoQueue is set to true."
            raise sqs_error("InvalidAttributeName", text, query_code="InvalidAttributeName")
        if name in RANGES:
            low, high, _ = RANGES[name]
            if (
                not value.isdecimal()
                or not value.isascii()
                or len(value) > 9
                or not low <= int(value) <= high
            ):
                raise invalid_attribute_value(name)
            value = str(int(value))
        elif name in BOOLEANS:
            value = value.lower()
            if value not in ("true", "false"):
                raise invalid_attribute_value(name)
        elif name in CHOICES:
            if value not in CHOICES[name]:
                raise invalid_attribute_value(name)
        elif name not in TEXTS:
            raise invalid_attribute_name(name)
        if name in FIFO_ONLY and not fifo:
            raise invalid_attribute_name(name)
        if name == "Policy" and value:
            try:
                msgspec.json.decode(value)
            except (msgspec.DecodeError, RecursionError):
                raise invalid_attribute_value(name) from None
        found[name] = value
    return found


def check_together(found: dict[str, str]) -> None:
    """What excludes each other. Raises AwsError."""
    if found.get("SqsManagedSseEnabled") == "true" and found.get("KmsMasterKeyId"):
        raise sqs_error(
            "InvalidAttributeName",
            "You can use one type of server-side encryption (SSE) at one time. "
            "You can either enable KMS SSE or SQS SSE.",
            query_code="InvalidAttributeName",
        )
    if (
        found.get("FifoThroughputLimit") == "perMessageGroupId"
        and found.get("DeduplicationScope") != "messageGroup"
    ):
        raise invalid_attribute_value(
            "FifoThroughputLimit",
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
        )


def redrive_policy(text: str) -> tuple[str, int]:
    """Name of the dead-letter queue, and how often a message may be received. Raises AwsError."""
    before = f"Value {text} for parameter RedrivePolicy is invalid. Reason: "
    try:
        policy = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        policy = None
    if not isinstance(policy, dict):
        raise invalid_value(f"{before}Redrive policy is not a valid JSON map.")
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in policy:
            raise invalid_value(f"{before}Redrive policy does not contain mandatory attribute: {name}.")
    arn = policy["deadLetterTargetArn"]
    name = arn_name(arn, "sqs") if isinstance(arn, str) else ""
    if not name:
        raise invalid_value(f"{before}Invalid value for deadLetterTargetArn.")
    count = policy["maxReceiveCount"]
    if isinstance(count, str) and count.isdecimal() and len(count) < 9:
        count = int(count)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= RECEIVE_COUNT_MAX:
        raise invalid_value(
            f"{before}Invalid value for maxReceiveCount: {count}, "
            f"valid values are from 1 to {RECEIVE_COUNT_MAX} both inclusive."
        )
    return name, count


def check_allow_policy(text: str) -> None:
    """Raises AwsError."""
    before = f"Value {text} for parameter RedriveAllowPolicy is invalid. Reason: "
    try:
        policy = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        policy = None
    if not isinstance(policy, dict):
        raise invalid_value(f"{before}Redrive allow policy is not a valid JSON map.")
    permission = policy.get("redrivePermission")
    if permission not in ("allowAll", "denyAll", "byQueue"):
        raise invalid_value(f"{before}Value for redrivePermission must be one of allowAll, denyAll, byQueue.")
    arns = policy.get("sourceQueueArns")
    named = False
    if isinstance(arns, list):
        named = 1 <= len(arns) <= 10 and all(isinstance(arn, str) and arn_name(arn, "sqs") for arn in arns)
    if named != (permission == "byQueue") or (arns is not None and permission != "byQueue"):
        raise invalid_value(
            f"{before}sourceQueueArns takes 1 to 10 queues, with redrivePermission byQueue only."
        )


def may_redrive(target: QueueSettings, source_arn: str) -> bool:
    """Whether a queue's RedriveAllowPolicy lets that queue use it for its dead letters."""
    text = words(target).get("RedriveAllowPolicy", "")
    if not text:
        return True
    policy = msgspec.json.decode(text)
    if policy["redrivePermission"] == "byQueue":
        return source_arn in policy["sourceQueueArns"]
    return bool(policy["redrivePermission"] == "allowAll")


def merged(base: QueueSettings, found: dict[str, str], now_ms: int) -> QueueSettings:
    """The settings with these attributes, all of them checked, in place of what they were; "" takes one away."""
    settings = queue_copy(base)
    kept = dict(words(base))
    for name, value in found.items():
        if value == "":
            kept.pop(name, None)
        else:
            kept[name] = value
    check_together(kept)
    if kept.get("KmsMasterKeyId"):
        # SQS's own encryption goes off with it, and stays off.
        kept["SqsManagedSseEnabled"] = "false"
    settings.attributes[WORDS] = kept
    settings.attributes[MODIFIED] = now_ms
    if "VisibilityTimeout" in found:
        settings.visibility_ms = _milliseconds(found, "VisibilityTimeout")
    if "DelaySeconds" in found:
        settings.delay_ms = _milliseconds(found, "DelaySeconds")
    if "MessageRetentionPeriod" in found:
        settings.message_ttl_ms = _milliseconds(found, "MessageRetentionPeriod")
    if "RedrivePolicy" in found:
        text = found["RedrivePolicy"]
        if text:
            target, count = redrive_policy(text)
            settings.dead_letter_exchange = ""
            settings.dead_letter_routing_key = target
            settings.receive_limit = count
        else:
            settings.dead_letter_exchange = None
            settings.dead_letter_routing_key = None
            settings.receive_limit = None
    if found.get("RedriveAllowPolicy"):
        check_allow_policy(found["RedriveAllowPolicy"])
    return settings


def _milliseconds(found: dict[str, str], name: str) -> int:
    text = found[name]
    return (int(text) if text else RANGES[name][2]) * 1000


def new_settings(found: dict[str, str], tags: dict[str, str], fifo: bool, now_ms: int) -> QueueSettings:
    base = QueueSettings()
    base.persists_all = True
    base.dead_letter_expired = False
    base.message_ttl_ms = RANGES["MessageRetentionPeriod"][2] * 1000
    if fifo:
        base.grouping = STRICT_GROUPS
    base.attributes = {CREATED: now_ms, TAGS: tags}
    return merged(base, found, now_ms)


def shown(settings: QueueSettings, name: str) -> str:
    """The value of an attribute that is not counted; "" = the queue has none."""
    given = words(settings)
    if name == "CreatedTimestamp" or name == "LastModifiedTimestamp":
        at = settings.attributes.get(CREATED if name == "CreatedTimestamp" else MODIFIED, 0)
        assert isinstance(at, int)
        return str(at // 1000)
    if name == "VisibilityTimeout":
        return str(settings.visibility_ms // 1000)
    if name == "DelaySeconds":
        return str(settings.delay_ms // 1000)
    if name == "MessageRetentionPeriod" and settings.message_ttl_ms is not None:
        return str(settings.message_ttl_ms // 1000)
    if name == "KmsDataKeyReusePeriodSeconds" and "KmsMasterKeyId" not in given:
        return ""
    if name in given:
        return given[name]
    if name in RANGES:
        return str(RANGES[name][2])
    if name == "SqsManagedSseEnabled":
        return "false" if "KmsMasterKeyId" in given else "true"
    if not is_fifo(settings):
        return ""
    if name == "FifoQueue":
        return "true"
    if name == "ContentBasedDeduplication":
        return "false"
    if name in CHOICES:
        return CHOICES[name][0]
    return ""
