"""Queues and their attributes: what CreateQueue takes, what is there without being asked for, how queues are named and found."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from clients.aws_python.session import (
    ACCOUNT,
    REGION,
    AwsBroker,
    Client,
    MakeQueue,
    Unique,
    arn_of,
    attributes,
    aws_client,
    refused,
    send,
)

COUNTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
# As recorded of AWS in August 2025.
DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    **dict.fromkeys(COUNTED, "0"),
}
FIFO_DEFAULTS = {
    **DEFAULTS,
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
TIMES = ("CreatedTimestamp", "LastModifiedTimestamp")


@pytest.mark.parametrize(("suffix", "defaults"), [("queue", DEFAULTS), ("queue.fifo", FIFO_DEFAULTS)])
def test_a_queue_has_the_defaults(
    either: Client, make_queue: MakeQueue, suffix: str, defaults: dict[str, str]
) -> None:
    url = make_queue(suffix)
    found = attributes(either, url)
    now = time.time()
    for name in TIMES:
        assert now - 60 < int(found.pop(name)) <= now + 1
    assert found.pop("QueueArn") == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[1]}"
    assert found == defaults


def test_a_url_is_built_from_the_host_that_was_asked(endpoint: str, sqs: Client, unique: Unique) -> None:
    name = unique("queue")
    url = f"{endpoint}/{ACCOUNT}/{name}"
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    by_name = aws_client("sqs", endpoint.replace("127.0.0.1", "localhost"))
    assert by_name.get_queue_url(QueueName=name)["QueueUrl"] == url.replace("127.0.0.1", "localhost")
    sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize(
    "style",
    [
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/{}",
        "http://localhost:4566/000000000000/{}",
        "http://queue.localhost:4566/000000000000/{}",
        "http://localhost:4566/queue/us-east-1/000000000000/{}",
        "https://sqs.us-east-1.amazonaws.com/123456789012/{}",
        "https://us-east-1.queue.amazonaws.com/123456789012/{}",
        "https://queue.amazonaws.com/123456789012/{}",
        "http://localhost:9324/queue/{}",
        "/000000000000/{}",
        "{}",
    ],
)
def test_all_known_styles_of_urls_are_understood(
    onemq: AwsBroker, sqs: Client, queue: str, style: str
) -> None:
    other = style.format(queue.rsplit("/", 1)[1])
    send(sqs, other, "hello")
    assert attributes(sqs, queue, COUNTED[0]) == {COUNTED[0]: "1"}


def test_creating_again_with_the_same_or_no_attributes_gives_the_same_queue(
    either: Client, unique: Unique
) -> None:
    name = unique("queue")
    made = either.create_queue(QueueName=name, Attributes={"DelaySeconds": "5", "VisibilityTimeout": "40"})
    assert either.create_queue(QueueName=name)["QueueUrl"] == made["QueueUrl"]
    assert (
        either.create_queue(QueueName=name, Attributes={"DelaySeconds": "5"})["QueueUrl"] == made["QueueUrl"]
    )
    with refused(
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    ):
        either.create_queue(QueueName=name, Attributes={"DelaySeconds": "6"})
    either.delete_queue(QueueUrl=made["QueueUrl"])


def test_a_fifo_queue_with_another_deduplication_is_another(either: Client, unique: Unique) -> None:
    name = unique("queue.fifo")
    url = either.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    with refused(
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication",
    ):
        either.create_queue(
            QueueName=name, Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        )
    either.delete_queue(QueueUrl=url)


def test_attributes_are_set_and_read(either: Client, queue: str) -> None:
    wanted = {
        "VisibilityTimeout": "69",
        "MaximumMessageSize": "2048",
        "DelaySeconds": "420",
        "MessageRetentionPeriod": "604800",
        "ReceiveMessageWaitTimeSeconds": "10",
    }
    either.set_queue_attributes(QueueUrl=queue, Attributes=wanted)
    assert attributes(either, queue) == attributes(either, queue) | wanted
    assert attributes(either, queue, "DelaySeconds") == {"DelaySeconds": "420"}
    assert "Attributes" not in either.get_queue_attributes(QueueUrl=queue)
    with refused("InvalidAttributeName", "Unknown Attribute Colour."):
        attributes(either, queue, "Colour")


RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1048576),
    "MessageRetentionPeriod": (60, 1209600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43200),
}


@pytest.mark.parametrize("name", RANGES)
def test_attributes_have_ranges(sqs: Client, queue: str, unique: Unique, name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: str(value)})
        assert attributes(sqs, queue, name) == {name: str(value)}
    for bad in (low - 1, high + 1, "many", "1.5"):
        with refused("InvalidAttributeValue", f"Invalid value for the parameter {name}."):
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: str(bad)})
        with refused("InvalidAttributeValue"):
            sqs.create_queue(QueueName=unique("bad"), Attributes={name: str(bad)})
    assert attributes(sqs, queue, name) == {name: str(high)}


def test_an_empty_value_sets_the_default(sqs: Client, queue: str) -> None:
    sqs.set_queue_attributes(
        QueueUrl=queue, Attributes={"KmsMasterKeyId": "key", "KmsDataKeyReusePeriodSeconds": "6000"}
    )
    found = attributes(sqs, queue, "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    assert found == {
        "KmsMasterKeyId": "key",
        "KmsDataKeyReusePeriodSeconds": "6000",
        "SqsManagedSseEnabled": "false",
    }
    sqs.set_queue_attributes(
        QueueUrl=queue, Attributes={"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": ""}
    )
    found = attributes(sqs, queue, "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    assert found == {"SqsManagedSseEnabled": "false"}


def test_there_is_one_kind_of_encryption_at_a_time(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue(SqsManagedSseEnabled="true")
    with refused(
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    ):
        sqs.set_queue_attributes(
            QueueUrl=url, Attributes={"KmsMasterKeyId": "key", "SqsManagedSseEnabled": "true"}
        )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FifoQueue", "Unknown Attribute FifoQueue."),
        ("ContentBasedDeduplication", "Unknown Attribute ContentBasedDeduplication."),
        ("DeduplicationScope", "You can specify the DeduplicationScope only when FifoQueue is set to true."),
        (
            "FifoThroughputLimit",
            "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
        ),
    ],
)
def test_a_standard_queue_takes_no_attributes_of_fifo_queues(
    either: Client, unique: Unique, name: str, message: str
) -> None:
    value = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}.get(name, "false")
    with refused("InvalidAttributeName", message):
        either.create_queue(QueueName=unique("queue"), Attributes={name: value})


def test_a_queue_stays_of_its_kind(either: Client, queue: str, fifo: str) -> None:
    with refused("InvalidAttributeName", "Unknown Attribute FifoQueue."):
        either.set_queue_attributes(QueueUrl=queue, Attributes={"FifoQueue": "true"})
    with refused(
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    ):
        either.set_queue_attributes(QueueUrl=fifo, Attributes={"FifoQueue": "false"})


@pytest.mark.parametrize("name", ["has space", "has.dot", "ümlaut", "a" * 81, "b" * 76 + ".fifo"])
def test_names_are_letters_digits_hyphens_and_underscores(either: Client, name: str) -> None:
    with refused("InvalidParameterValue") as told:
        either.create_queue(
            QueueName=name, Attributes={"FifoQueue": "true"} if name.endswith(".fifo") else {}
        )
    assert "alphanumeric" in told.message


def test_only_fifo_queues_have_names_with_fifo(sqs: Client, unique: Unique) -> None:
    with refused("InvalidParameterValue"):
        sqs.create_queue(QueueName=unique("queue.fifo"))
    with refused("InvalidParameterValue"):
        sqs.create_queue(QueueName=unique("queue"), Attributes={"FifoQueue": "true"})
    name = "a" * 60 + unique("x")[-15:] + ".fifo"
    assert len(name) == 80
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"])


def test_queues_are_listed_by_prefix_and_in_pages(either: Client, unique: Unique) -> None:
    prefix = unique("")
    urls = [either.create_queue(QueueName=f"{prefix}{number}")["QueueUrl"] for number in range(5)]
    assert either.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == urls
    first = either.list_queues(QueueNamePrefix=prefix, MaxResults=2)
    assert first["QueueUrls"] == urls[:2]
    second = either.list_queues(QueueNamePrefix=prefix, MaxResults=2, NextToken=first["NextToken"])
    assert second["QueueUrls"] == urls[2:4]
    last = either.list_queues(QueueNamePrefix=prefix, MaxResults=2, NextToken=second["NextToken"])
    assert last["QueueUrls"] == urls[4:] and "NextToken" not in last
    pages = either.get_paginator("list_queues").paginate(
        QueueNamePrefix=prefix, PaginationConfig={"PageSize": 3}
    )
    assert [url for page in pages for url in page["QueueUrls"]] == urls
    assert set(urls) <= set(either.list_queues()["QueueUrls"])
    for url in urls:
        either.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in either.list_queues(QueueNamePrefix=prefix)


def test_a_deleted_queue_is_gone_and_can_be_made_again(either: Client, unique: Unique) -> None:
    name = unique("queue")
    url = either.create_queue(QueueName=name)["QueueUrl"]
    send(either, url, "old")
    either.delete_queue(QueueUrl=url)
    for call in (
        lambda: either.get_queue_url(QueueName=name),
        lambda: either.delete_queue(QueueUrl=url),
        lambda: either.receive_message(QueueUrl=url),
        lambda: send(either, url, "lost"),
        lambda: attributes(either, url),
    ):
        with refused("AWS.SimpleQueueService.NonExistentQueue") as told:
            call()
        assert told.message.startswith("The specified queue does not exist")
    # AWS makes its users wait for 60 seconds; here there is nothing to wait for.
    assert either.create_queue(QueueName=name)["QueueUrl"] == url
    assert "Messages" not in either.receive_message(QueueUrl=url)
    either.delete_queue(QueueUrl=url)


def test_tags_and_policies_can_come_with_the_queue(either: Client, unique: Unique) -> None:
    policy = {"Version": "2012-10-17", "Statement": []}
    url = either.create_queue(
        QueueName=unique("queue"),
        Attributes={"Policy": json.dumps(policy)},
        tags={"team": "orders", "empty": ""},
    )["QueueUrl"]
    assert either.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "orders", "empty": ""}
    assert json.loads(attributes(either, url, "Policy")["Policy"]) == policy
    either.delete_queue(QueueUrl=url)


def test_a_policy_has_to_be_json(sqs: Client, queue: str) -> None:
    with refused("InvalidAttributeValue", "Invalid value for the parameter Policy."):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": "anyone"})


def test_the_exceptions_of_boto3_have_their_classes(sqs: Client, unique: Unique) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName=unique("nowhere"))
    error: dict[str, Any] = caught.value.response["Error"]
    assert error["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert error["QueryErrorCode"] == "QueueDoesNotExist" and error["Type"] == "Sender"
    with pytest.raises(sqs.exceptions.QueueNameExists):
        name = unique("queue")
        sqs.create_queue(QueueName=name)
        sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "6"})


def test_the_resource_interface_works(endpoint: str, unique: Unique) -> None:
    import boto3

    resource = boto3.session.Session().resource(
        "sqs", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
    )
    name = unique("queue")
    queue = resource.create_queue(QueueName=name)
    queue.send_message(
        MessageBody="one", MessageAttributes={"kind": {"DataType": "String", "StringValue": "k"}}
    )
    [message] = queue.receive_messages(MessageAttributeNames=["All"])
    assert message.body == "one" and message.message_attributes["kind"]["StringValue"] == "k"
    message.change_visibility(VisibilityTimeout=10)
    message.delete()
    assert queue.attributes["QueueArn"] == arn_of(resource.meta.client, queue.url)
    assert resource.get_queue_by_name(QueueName=name).url == queue.url
    assert [found.url for found in resource.queues.filter(QueueNamePrefix=name)] == [queue.url]
    queue.delete()
