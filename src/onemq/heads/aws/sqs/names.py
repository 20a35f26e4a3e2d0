"""Which queue a call is about, and what its other names may be."""

from typing import Final

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError, invalid_value, missing_parameter
from onemq.heads.aws.sqs.errors import invalid_address
from onemq.heads.aws.urls import queue_arn, queue_url

ID_CHARACTERS_MAX: Final = 128
_PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def check_identifier(found: str, name: str) -> None:
    """Of a group, of deduplication, of an attempt. Raises AwsError."""
    legal = 1 <= len(found) <= ID_CHARACTERS_MAX and found.isascii()
    if legal:
        for each in found:
            if not each.isalnum() and each not in _PUNCTUATION:
                legal = False
    if not legal:
        raise invalid_value(
            f"Value {found} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and "
            "punctuation characters. 1 to 128 in length."
        )


def not_for_this_queue(value: object, name: str) -> AwsError:
    return invalid_value(
        f"Value {value} for parameter {name} is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )


def text_parameter(call: Call, name: str) -> str:
    """A parameter that has to be there. Raises AwsError."""
    found = call.parameters.get(name)
    if found is None or found == "":
        raise missing_parameter(name)
    assert isinstance(found, str)
    return found


def named_queue(call: Call) -> str:
    """Its name, from the QueueUrl in the parameters or, without one, from the request's path. Raises AwsError."""
    url = call.parameters.get("QueueUrl")
    if url is None or url == "":
        if len(call.path) < 2:
            raise missing_parameter("QueueUrl")
        url = call.path
    assert isinstance(url, str)
    name = call.session.queue_name(url)
    if not name:
        raise invalid_address(f"The address {url} is not valid for this endpoint.")
    return name


def url_of(call: Call, name: str) -> str:
    """As the client reaches it."""
    return queue_url(call.session.scheme, call.host, name)


def arn_of(call: Call, name: str) -> str:
    return queue_arn(call.region, name)
