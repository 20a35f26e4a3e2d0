"""What SNS's operations take and give, by name. Spec: Amazon SNS API Reference, version 2010-03-31 (Query protocol)."""

from typing import Final

from onemq.heads.aws.shapes import (
    NOTHING,
    Member,
    OperationShape,
    Shape,
    blob,
    boolean,
    list_of,
    map_of,
    structure,
    text,
)


def _members(item: Shape) -> Shape:
    return list_of(item, "member")


def _entries(item: Shape = text, key: str = "key", value: str = "value") -> Shape:
    return map_of(item, key, value, "entry")


_TOPIC: Final = Member("TopicArn", text)
_SUBSCRIPTION: Final = Member("SubscriptionArn", text)
_RESOURCE: Final = Member("ResourceArn", text)
_NEXT: Final = Member("NextToken", text)
_ATTRIBUTES: Final = Member("Attributes", _entries())
_NAMED: Final = (Member("AttributeName", text), Member("AttributeValue", text))
_TAGS: Final = Member("Tags", _members(structure(Member("Key", text), Member("Value", text))))
_VALUE: Final = structure(Member("DataType", text), Member("StringValue", text), Member("BinaryValue", blob))
_MESSAGE: Final = (
    Member("Message", text),
    Member("Subject", text),
    Member("MessageStructure", text),
    Member("MessageAttributes", _entries(_VALUE, "Name", "Value")),
    Member("MessageDeduplicationId", text),
    Member("MessageGroupId", text),
)
_PUBLISHED: Final = (Member("MessageId", text), Member("SequenceNumber", text))
_SUBSCRIPTIONS: Final = Member(
    "Subscriptions",
    _members(
        structure(
            _SUBSCRIPTION,
            Member("Owner", text),
            Member("Protocol", text),
            Member("Endpoint", text),
            _TOPIC,
        )
    ),
)

_ALL: Final = (
    OperationShape("CreateTopic", structure(Member("Name", text), _ATTRIBUTES, _TAGS), structure(_TOPIC)),
    OperationShape("DeleteTopic", structure(_TOPIC)),
    OperationShape(
        "ListTopics", structure(_NEXT), structure(Member("Topics", _members(structure(_TOPIC))), _NEXT)
    ),
    OperationShape("GetTopicAttributes", structure(_TOPIC), structure(_ATTRIBUTES)),
    OperationShape("SetTopicAttributes", structure(_TOPIC, *_NAMED)),
    OperationShape(
        "Subscribe",
        structure(
            _TOPIC,
            Member("Protocol", text),
            Member("Endpoint", text),
            _ATTRIBUTES,
            Member("ReturnSubscriptionArn", boolean),
        ),
        structure(_SUBSCRIPTION),
    ),
    OperationShape(
        "ConfirmSubscription",
        structure(_TOPIC, Member("Token", text), Member("AuthenticateOnUnsubscribe", text)),
        structure(_SUBSCRIPTION),
    ),
    OperationShape("Unsubscribe", structure(_SUBSCRIPTION)),
    OperationShape("ListSubscriptions", structure(_NEXT), structure(_SUBSCRIPTIONS, _NEXT)),
    OperationShape("ListSubscriptionsByTopic", structure(_TOPIC, _NEXT), structure(_SUBSCRIPTIONS, _NEXT)),
    OperationShape("GetSubscriptionAttributes", structure(_SUBSCRIPTION), structure(_ATTRIBUTES)),
    OperationShape("SetSubscriptionAttributes", structure(_SUBSCRIPTION, *_NAMED)),
    OperationShape(
        "Publish",
        structure(_TOPIC, Member("TargetArn", text), Member("PhoneNumber", text), *_MESSAGE),
        structure(*_PUBLISHED),
    ),
    OperationShape(
        "PublishBatch",
        structure(
            _TOPIC, Member("PublishBatchRequestEntries", _members(structure(Member("Id", text), *_MESSAGE)))
        ),
        structure(
            Member("Successful", _members(structure(Member("Id", text), *_PUBLISHED))),
            Member(
                "Failed",
                _members(
                    structure(
                        Member("Id", text),
                        Member("Code", text),
                        Member("Message", text),
                        Member("SenderFault", boolean),
                    )
                ),
            ),
        ),
    ),
    OperationShape("TagResource", structure(_RESOURCE, _TAGS), NOTHING),
    OperationShape("UntagResource", structure(_RESOURCE, Member("TagKeys", _members(text))), NOTHING),
    OperationShape("ListTagsForResource", structure(_RESOURCE), structure(_TAGS)),
    OperationShape(
        "AddPermission",
        structure(
            _TOPIC,
            Member("Label", text),
            Member("AWSAccountId", _members(text)),
            Member("ActionName", _members(text)),
        ),
    ),
    OperationShape("RemovePermission", structure(_TOPIC, Member("Label", text))),
)


def _by_name() -> dict[str, OperationShape]:
    found: dict[str, OperationShape] = {}
    for shape in _ALL:
        found[shape.name] = shape
    return found


SHAPES: Final = _by_name()
