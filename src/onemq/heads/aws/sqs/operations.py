"""SQS's operations by name, with who serves them."""

from onemq.heads.aws.service import Handler, Operation
from onemq.heads.aws.sqs.administration import (
    handle_add_permission,
    handle_list_queue_tags,
    handle_remove_permission,
    handle_tag_queue,
    handle_untag_queue,
)
from onemq.heads.aws.sqs.move_tasks import (
    handle_cancel_message_move_task,
    handle_list_message_move_tasks,
    handle_start_message_move_task,
)
from onemq.heads.aws.sqs.queues import (
    handle_create_queue,
    handle_delete_queue,
    handle_get_queue_attributes,
    handle_get_queue_url,
    handle_list_dead_letter_source_queues,
    handle_list_queues,
    handle_purge_queue,
    handle_set_queue_attributes,
)
from onemq.heads.aws.sqs.receiving import handle_receive_message
from onemq.heads.aws.sqs.sending import handle_send_message, handle_send_message_batch
from onemq.heads.aws.sqs.settling import (
    handle_change_message_visibility,
    handle_change_message_visibility_batch,
    handle_delete_message,
    handle_delete_message_batch,
)
from onemq.heads.aws.sqs.shapes import SHAPES

HANDLERS: dict[str, Handler] = {
    "AddPermission": handle_add_permission,
    "CancelMessageMoveTask": handle_cancel_message_move_task,
    "ChangeMessageVisibility": handle_change_message_visibility,
    "ChangeMessageVisibilityBatch": handle_change_message_visibility_batch,
    "CreateQueue": handle_create_queue,
    "DeleteMessage": handle_delete_message,
    "DeleteMessageBatch": handle_delete_message_batch,
    "DeleteQueue": handle_delete_queue,
    "GetQueueAttributes": handle_get_queue_attributes,
    "GetQueueUrl": handle_get_queue_url,
    "ListDeadLetterSourceQueues": handle_list_dead_letter_source_queues,
    "ListMessageMoveTasks": handle_list_message_move_tasks,
    "ListQueueTags": handle_list_queue_tags,
    "ListQueues": handle_list_queues,
    "PurgeQueue": handle_purge_queue,
    "ReceiveMessage": handle_receive_message,
    "RemovePermission": handle_remove_permission,
    "SendMessage": handle_send_message,
    "SendMessageBatch": handle_send_message_batch,
    "SetQueueAttributes": handle_set_queue_attributes,
    "StartMessageMoveTask": handle_start_message_move_task,
    "TagQueue": handle_tag_queue,
    "UntagQueue": handle_untag_queue,
}


def operations() -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for name, handler in HANDLERS.items():
        found[name] = Operation(SHAPES[name], handler)
    return found
