"""Tags and permissions: stored with the queue and given back. Permissions decide nothing here: rights are those of users.

Spec: Amazon SQS API Reference: TagQueue, UntagQueue, ListQueueTags, AddPermission, RemovePermission.
"""

from typing import Final

import msgspec

from onemq.engine.settings_codec import queue_copy
from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import invalid_value, missing_parameter
from onemq.heads.aws.sqs.attributes import TAGS, merged, words
from onemq.heads.aws.sqs.errors import sqs_error
from onemq.heads.aws.sqs.names import arn_of, named_queue, text_parameter
from onemq.model.entities import QueueSettings

TAGS_MAX: Final = 50
LABEL_CHARACTERS_MAX: Final = 80
ACTIONS_MAX: Final = 7
ACTIONS: Final = (
    "*",
    "SendMessage",
    "ReceiveMessage",
    "DeleteMessage",
    "ChangeMessageVisibility",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
)


def _tags(settings: QueueSettings) -> dict[str, object]:
    found = settings.attributes.get(TAGS)
    return dict(found) if isinstance(found, dict) else {}


def _store_tags(call: Call, name: str, tags: dict[str, object]) -> None:
    if len(tags) > TAGS_MAX:
        raise invalid_value(f"Too many tags added for queue {name}.")
    settings = queue_copy(call.access.queues.settings(name))
    settings.attributes[TAGS] = tags
    call.access.queues.alter(name, settings)
    call.done({}, call.access.position())


def handle_tag_queue(call: Call) -> None:
    name = named_queue(call)
    given = call.parameters.get("Tags")
    if not isinstance(given, dict):
        raise missing_parameter("Tags")
    tags = _tags(call.access.queues.settings(name))
    tags.update(given)
    _store_tags(call, name, tags)


def handle_untag_queue(call: Call) -> None:
    name = named_queue(call)
    given = call.parameters.get("TagKeys")
    if not isinstance(given, list):
        raise missing_parameter("TagKeys")
    tags = _tags(call.access.queues.settings(name))
    for key in given:
        assert isinstance(key, str)
        tags.pop(key, None)
    _store_tags(call, name, tags)


def handle_list_queue_tags(call: Call) -> None:
    tags = _tags(call.access.queues.settings(named_queue(call)))
    call.done({"Tags": tags} if tags else {})


def _statements(call: Call, name: str) -> list[dict[str, object]]:
    text = words(call.access.queues.settings(name)).get("Policy", "")
    if not text:
        return []
    try:
        policy = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return []
    found = policy.get("Statement") if isinstance(policy, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _store_statements(call: Call, name: str, statements: list[dict[str, object]]) -> None:
    policy = ""
    if statements:
        arn = arn_of(call, name)
        document: dict[str, object] = {
            "Version": "2008-10-17",
            "Id": f"{arn}/SQSDefaultPolicy",
            "Statement": statements,
        }
        policy = msgspec.json.encode(document).decode("utf-8")
    changed = merged(call.access.queues.settings(name), {"Policy": policy}, call.now_ms)
    call.access.queues.alter(name, changed)
    call.done({}, call.access.position())


def handle_add_permission(call: Call) -> None:
    name = named_queue(call)
    label = text_parameter(call, "Label")
    accounts = call.parameters.get("AWSAccountIds")
    actions = call.parameters.get("Actions")
    if not isinstance(accounts, list) or not accounts:
        raise missing_parameter("AWSAccountIds")
    if not isinstance(actions, list) or not actions:
        raise missing_parameter("Actions")
    if len(label) > LABEL_CHARACTERS_MAX or not label.replace("-", "a").replace("_", "a").isalnum():
        raise invalid_value(
            f"Value {label} for parameter Label is invalid. Reason: Can only include alphanumeric characters, "
            "hyphens, or underscores. 1 to 80 in length."
        )
    if len(actions) > ACTIONS_MAX:
        text = f"{len(actions)} Actions were found, maximum allowed is {ACTIONS_MAX}."
        raise sqs_error("OverLimit", text, 403, "OverLimit")
    for action in actions:
        if action not in ACTIONS:
            raise invalid_value(
                f"Value SQS:{action} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to "
                "invoke this action."
            )
    for account in accounts:
        if not isinstance(account, str) or not account.isdecimal() or len(account) != 12:
            raise invalid_value(
                f"Value {accounts} for parameter PrincipalId is invalid. Reason: Unable to verify."
            )
    statements = _statements(call, name)
    if any(each.get("Sid") == label for each in statements):
        raise invalid_value(f"Value {label} for parameter Label is invalid. Reason: Already exists.")
    principals = [f"arn:aws:iam::{account}:root" for account in accounts]
    named = [f"SQS:{action}" for action in actions]
    statements.append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
            "Action": named if len(named) > 1 else named[0],
            "Resource": arn_of(call, name),
        }
    )
    _store_statements(call, name, statements)


def handle_remove_permission(call: Call) -> None:
    name = named_queue(call)
    label = text_parameter(call, "Label")
    statements = _statements(call, name)
    kept = [each for each in statements if each.get("Sid") != label]
    if len(kept) == len(statements):
        raise invalid_value(f"Value {label} for parameter Label is invalid. Reason: can't find label.")
    _store_statements(call, name, kept)
