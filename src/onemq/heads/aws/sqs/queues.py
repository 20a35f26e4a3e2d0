"""Queues as such: their URLs, their lists, their end.

Spec: Amazon SQS API Reference: DeleteQueue, GetQueueUrl, ListQueues.
"""

import base64
import binascii
from typing import Final

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import invalid_value
from onemq.heads.aws.sqs.names import named_queue, text_parameter, url_of

LISTED_MAX: Final = 1000


def handle_delete_queue(call: Call) -> None:
    name = named_queue(call)
    access = call.access
    access.check_queue(name)
    access.delete_queue(name)
    call.done({}, access.position())


def handle_get_queue_url(call: Call) -> None:
    name = text_parameter(call, "QueueName")
    call.access.queue_settings(name)
    call.done({"QueueUrl": url_of(call, name)})


def handle_list_queues(call: Call) -> None:
    prefix = call.parameters.get("QueueNamePrefix", "")
    assert isinstance(prefix, str)
    answer_page(call, "QueueUrls", call.access.queue_names(prefix))


def answer_page(call: Call, member: str, names: list[str]) -> None:
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
