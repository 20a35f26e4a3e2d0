"""SNS's operations by name, with who serves them."""

from onemq.heads.aws.service import Handler, Operation
from onemq.heads.aws.sns.publishing import Publishing
from onemq.heads.aws.sns.shapes import SHAPES
from onemq.heads.aws.sns.subscriptions import Subscriptions
from onemq.heads.aws.sns.topics import (
    handle_add_permission,
    handle_create_topic,
    handle_delete_topic,
    handle_get_topic_attributes,
    handle_list_tags,
    handle_list_topics,
    handle_remove_permission,
    handle_set_topic_attributes,
    handle_tag_resource,
    handle_untag_resource,
)

_UNSIGNED = ("ConfirmSubscription", "Unsubscribe")
"""Those that are links in what endpoints are sent."""


def operations(subscriptions: Subscriptions, publishing: Publishing) -> dict[str, Operation]:
    handlers: dict[str, Handler] = {
        "AddPermission": handle_add_permission,
        "ConfirmSubscription": subscriptions.confirm,
        "CreateTopic": handle_create_topic,
        "DeleteTopic": handle_delete_topic,
        "GetSubscriptionAttributes": subscriptions.get_attributes,
        "GetTopicAttributes": handle_get_topic_attributes,
        "ListSubscriptions": subscriptions.list_all,
        "ListSubscriptionsByTopic": subscriptions.list_of_topic,
        "ListTagsForResource": handle_list_tags,
        "ListTopics": handle_list_topics,
        "Publish": publishing.publish,
        "PublishBatch": publishing.publish_batch,
        "RemovePermission": handle_remove_permission,
        "SetSubscriptionAttributes": subscriptions.set_attributes,
        "SetTopicAttributes": handle_set_topic_attributes,
        "Subscribe": subscriptions.subscribe,
        "TagResource": handle_tag_resource,
        "Unsubscribe": subscriptions.unsubscribe,
        "UntagResource": handle_untag_resource,
    }
    found: dict[str, Operation] = {}
    for name, handler in handlers.items():
        found[name] = Operation(SHAPES[name], handler, name in _UNSIGNED)
    return found
