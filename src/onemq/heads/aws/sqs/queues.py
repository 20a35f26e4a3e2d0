"""Queues as such: made, found, listed, described, changed, emptied, deleted.

Spec: Amazon SQS API Reference: CreateQueue, DeleteQueue, GetQueueUrl, ListQueues, GetQueueAttributes, SetQueueAttributes, PurgeQueue,
ListDeadLetterSourceQueues.
"""

import base64
import binascii
from typing import Final

from onemq.engine.settings_codec import queue_copy
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import invalid_value
from onemq.heads.aws.sqs.attributes import (
    COUNTED,
    PURGED,
    RANGES,
    SHOWN,
    TEXTS,
    check_attributes,
    is_fifo,
    may_redrive,
    merged,
    new_settings,
    shown,
)
from onemq.heads.aws.sqs.errors import (
    invalid_attribute_name,
    invalid_attribute_value,
    queue_exists,
    sqs_error,
)
from onemq.heads.aws.sqs.names import arn_of, named_queue, text_parameter, url_of
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason, Refusal

LISTED_MAX: Final = 1000
NAME_CHARACTERS_MAX: Final = 80
PURGE_MS: Final = 60_000
FIFO_SUFFIX: Final = ".fifo"


def handle_create_queue(call: Call) -> None:
    name = text_parameter(call, "QueueName")
    given = call.parameters.get("Attributes", {})
    tags = call.parameters.get("tags", {})
    assert isinstance(given, dict) and isinstance(tags, dict)
    fifo = given.get("FifoQueue", "false").lower() == "true"
    existing = _settings(call, name)
    if existing is not None:
        found = check_attributes(given, fifo or is_fifo(existing))
        for each, value in found.items():
            if shown(existing, each) != value:
                raise queue_exists(each)
        call.done({"QueueUrl": url_of(call, name)}, call.access.position())
        return
    _check_name(name, fifo)
    found = check_attributes(given, fifo)
    settings = new_settings(found, tags, fifo, call.now_ms)
    if settings.receive_limit is not None:
        _check_dead_letter_target(call, name, settings, found["RedrivePolicy"])
    access = call.access
    access.queues.declare(name, settings)
    call.done({"QueueUrl": url_of(call, name)}, access.position())


def _settings(call: Call, name: str) -> QueueSettings | None:
    try:
        return call.access.queues.settings(name)
    except Refusal as refusal:
        if refusal.reason == Reason.NOT_FOUND:
            return None
        raise


def _check_name(name: str, fifo: bool) -> None:
    stem = name.removesuffix(FIFO_SUFFIX) if fifo else name
    legal = 1 <= len(name) <= NAME_CHARACTERS_MAX and stem.isascii()
    if fifo and (stem == name or not legal or not _is_plain(stem)):
        raise invalid_value(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
            "must end with .fifo suffix and be 1 to 80 in length."
        )
    if not fifo and (not legal or not _is_plain(stem)):
        raise invalid_value(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def _is_plain(text: str) -> bool:
    return text.replace("-", "a").replace("_", "a").isalnum()


def _check_dead_letter_target(call: Call, name: str, settings: QueueSettings, text: str) -> None:
    """The queue for dead letters exists, is of the same kind, and takes them. Raises AwsError."""
    before = f"Value {text} for parameter RedrivePolicy is invalid. Reason: "
    target = settings.dead_letter_routing_key
    assert target is not None
    found = _settings(call, target)
    if found is None:
        raise invalid_value(f"{before}Dead letter target does not exist.")
    if is_fifo(found) != is_fifo(settings):
        raise invalid_value(f"{before}Dead-letter queue must be same type of queue as the source.")
    if not may_redrive(found, arn_of(call, name)):
        raise invalid_value(f"{before}Queue is not allowed by the target's RedriveAllowPolicy.")


def handle_delete_queue(call: Call) -> None:
    name = named_queue(call)
    access = call.access
    access.queues.check(name)
    access.queues.delete(name)
    call.done({}, access.position())


def handle_get_queue_url(call: Call) -> None:
    name = text_parameter(call, "QueueName")
    call.access.queues.settings(name)
    call.done({"QueueUrl": url_of(call, name)})


def handle_get_queue_attributes(call: Call) -> None:
    name = named_queue(call)
    settings = call.access.queues.settings(name)
    wanted = call.parameters.get("AttributeNames")
    names: list[str] = []
    if isinstance(wanted, list):
        for each in wanted:
            assert isinstance(each, str)
            if each == "All":
                names = list(SHOWN)
                break
            if each not in SHOWN:
                raise invalid_attribute_name(each)
            names.append(each)
    found: dict[str, object] = {}
    if any(each in COUNTED for each in names):
        counts = call.access.leases.counts(name)
        found[COUNTED[0]] = str(int(counts.ready))
        found[COUNTED[1]] = str(int(counts.in_flight))
        found[COUNTED[2]] = str(int(counts.delayed))
    for each in names:
        if each == "QueueArn":
            found[each] = arn_of(call, name)
        elif each not in COUNTED:
            value = shown(settings, each)
            if value:
                found[each] = value
    result: dict[str, object] = {each: found[each] for each in names if each in found}
    call.done({"Attributes": result} if result else {})


def handle_set_queue_attributes(call: Call) -> None:
    name = named_queue(call)
    access = call.access
    settings = access.queues.settings(name)
    given = call.parameters.get("Attributes", {})
    assert isinstance(given, dict)
    found: dict[str, str] = {}
    for each, value in given.items():
        # An empty text sets the default.
        found[each] = (
            value
            if (value == "" and each in RANGES) or (value == "" and each in TEXTS)
            else check_attributes({each: value}, is_fifo(settings))[each]
        )
    if found.get("FifoQueue", "true") != "true":
        text = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
        raise invalid_attribute_value("FifoQueue", text)
    changed = merged(settings, found, call.now_ms)
    if found.get("RedrivePolicy"):
        _check_dead_letter_target(call, name, changed, found["RedrivePolicy"])
    access.queues.alter(name, changed)
    call.done({}, access.position())


def handle_purge_queue(call: Call) -> None:
    name = named_queue(call)
    access = call.access
    settings = queue_copy(access.queues.settings(name))
    purged = settings.attributes.get(PURGED, 0)
    assert isinstance(purged, int)
    if call.now_ms - purged < PURGE_MS:
        raise sqs_error(
            "PurgeQueueInProgress",
            f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.",
            403,
        )
    settings.attributes[PURGED] = call.now_ms
    access.queues.alter(name, settings)
    access.leases.purge(name)
    call.done({}, access.position())


def handle_list_queues(call: Call) -> None:
    prefix = call.parameters.get("QueueNamePrefix", "")
    assert isinstance(prefix, str)
    _answer_page(call, "QueueUrls", call.access.queues.names(prefix))


def handle_list_dead_letter_source_queues(call: Call) -> None:
    name = named_queue(call)
    call.access.queues.settings(name)
    _answer_page(call, "queueUrls", dead_letter_sources(call, name))


def dead_letter_sources(call: Call, name: str) -> list[str]:
    """Queues whose dead letters go to that one."""
    sources: list[str] = []
    for each in call.access.queues.names(""):
        settings = _settings(call, each)
        if settings is not None and settings.receive_limit is not None:
            if settings.dead_letter_exchange == "" and settings.dead_letter_routing_key == name:
                sources.append(each)
    return sources


def _answer_page(call: Call, member: str, names: list[str]) -> None:
    """One page of queues' URLs. names: all of them, ascending. A token is the last name of the page before."""
    wanted = call.parameters.get("MaxResults")
    count = LISTED_MAX
    if wanted is not None:
        assert isinstance(wanted, int)
        if not 1 <= wanted <= LISTED_MAX:
            raise invalid_value(
                f"Value {wanted} for parameter MaxResults is invalid. "
                f"Reason: MaxResults must be an integer between 1 and {LISTED_MAX}."
            )
        count = wanted
    token = call.parameters.get("NextToken")
    if token is not None:
        assert isinstance(token, str)
        after = _read_token(token)
        names = [name for name in names if name > after]
    page = names[:count]
    result: dict[str, object] = {}
    if page or member != "QueueUrls":
        result[member] = [url_of(call, name) for name in page]
    if wanted is not None and len(names) > count:
        result["NextToken"] = base64.urlsafe_b64encode(page[-1].encode("utf-8")).decode("ascii")
    call.done(result)


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode("ascii")).decode("utf-8")
    except (binascii.Error, ValueError):
        raise invalid_value(
            f"Value {token} for parameter NextToken is invalid. Reason: It is not a token of this operation."
        ) from None
