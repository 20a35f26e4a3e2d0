"""SQS's operations by name, with who serves them."""

from onemq.heads.aws.service import Handler, Operation
from onemq.heads.aws.sqs.queues import handle_delete_queue, handle_get_queue_url, handle_list_queues
from onemq.heads.aws.sqs.shapes import SHAPES

HANDLERS: dict[str, Handler] = {
    "DeleteQueue": handle_delete_queue,
    "GetQueueUrl": handle_get_queue_url,
    "ListQueues": handle_list_queues,
}


def operations() -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for name, handler in HANDLERS.items():
        found[name] = Operation(SHAPES[name], handler)
    return found
