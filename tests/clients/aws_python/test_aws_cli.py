"""The AWS CLI: `aws sqs ...` and `aws sns ...` as people type it, and as the seeds have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from clients.aws_python.session import (
    Client,
    MakeQueue,
    Unique,
    arn_of,
    attributes,
    bodies,
    counts,
    receive,
    receive_exactly,
    send,
)

SECONDS_MAX = 60
Aws = Callable[..., Any]
# As in the seeds ("Setting message retention in Amazon SQS"). Of SQS's endpoint the CLI hears by its option only.
SEED = """\
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
aws sqs set-queue-attributes \\
    --queue-url https://sqs.amazonaws.com/123456789012/MyQueue \\
    --attributes MessageRetentionPeriod=86400
"""


@pytest.fixture(scope="module")
def environment(endpoint: str) -> dict[str, str]:
    """Where an endpoint is all that is set; the CLI of the virtual environment comes first."""
    beside = str(Path(sys.executable).parent)
    found = {
        **os.environ,
        "PATH": beside + os.pathsep + os.environ.get("PATH", ""),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    assert shutil.which("aws", path=found["PATH"]), "the AWS CLI is one of the `clients` dependencies"
    return found


@pytest.fixture(scope="module")
def aws(environment: dict[str, str]) -> Aws:
    """`aws("send-message", "--queue-url", url, ...)`: what it printed as JSON, or the text of its error."""

    def run(*arguments: str, service: str = "sqs") -> Any:
        done = subprocess.run(
            ["aws", "--endpoint-url", environment["AWS_ENDPOINT_URL"], service, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        if done.returncode:
            return done.stderr.strip()
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def test_the_seed_sets_the_retention(environment: dict[str, str], sqs: Client) -> None:
    url = sqs.create_queue(QueueName="MyQueue")["QueueUrl"]
    done = subprocess.run(
        ["sh", "-c", SEED], env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stderr
    assert attributes(sqs, url, "MessageRetentionPeriod") == {"MessageRetentionPeriod": "86400"}
    sqs.delete_queue(QueueUrl=url)


def test_a_life_of_a_message(aws: Aws, make_queue: MakeQueue) -> None:
    url = make_queue()
    sent = aws(
        *("send-message", "--queue-url", url, "--message-body", "hello", "--message-attributes"),
        '{"kind": {"DataType": "String", "StringValue": "greeting"}}',
    )
    assert set(sent) == {"MD5OfMessageBody", "MD5OfMessageAttributes", "MessageId"}
    received = aws(
        *(
            "receive-message",
            "--queue-url",
            url,
            "--attribute-names",
            "All",
            "--message-attribute-names",
            "All",
        ),
        *("--wait-time-seconds", "5"),
    )
    [message] = received["Messages"]
    assert message["Body"] == "hello" and message["MessageAttributes"]["kind"]["StringValue"] == "greeting"
    assert aws("delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"]) is None
    assert aws("receive-message", "--queue-url", url) is None


def test_queues_are_made_found_and_deleted(aws: Aws, make_queue: MakeQueue) -> None:
    name = make_queue().rsplit("/", 1)[1] + "-cli"
    attribute = "VisibilityTimeout=45,DelaySeconds=1"
    url = aws("create-queue", "--queue-name", name, "--attributes", attribute, "--tags", "team=orders")[
        "QueueUrl"
    ]
    with ThreadPoolExecutor(2) as pool:
        listed = pool.submit(aws, "list-queues", "--queue-name-prefix", name)
        read = pool.submit(aws, "get-queue-attributes", "--queue-url", url, "--attribute-names", "All")
        found = pool.submit(aws, "get-queue-url", "--queue-name", name)
        tags = pool.submit(aws, "list-queue-tags", "--queue-url", url)
    assert listed.result() == {"QueueUrls": [url]} and found.result() == {"QueueUrl": url}
    assert read.result()["Attributes"]["VisibilityTimeout"] == "45"
    assert tags.result() == {"Tags": {"team": "orders"}}
    assert aws("delete-queue", "--queue-url", url) is None
    error = aws("get-queue-url", "--queue-name", name)
    assert (
        "An error occurred (AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueUrl operation"
        in error
    )


def test_batches_and_purge(aws: Aws, sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue()
    sent = aws(
        *("send-message-batch", "--queue-url", url, "--entries"),
        *("Id=a,MessageBody=one", "Id=b,MessageBody=two,DelaySeconds=0", "Id=c,MessageBody=three"),
    )
    assert [entry["Id"] for entry in sent["Successful"]] == ["a", "b", "c"]
    taken = receive(sqs, url, 2)
    entries = [
        f"Id=m{number},ReceiptHandle={message['ReceiptHandle']}" for number, message in enumerate(taken)
    ]
    deleted = aws("delete-message-batch", "--queue-url", url, "--entries", *entries)
    assert len(deleted["Successful"]) == 2 and counts(sqs, url) == (1, 0, 0)
    assert aws("purge-queue", "--queue-url", url) is None
    assert counts(sqs, url) == (0, 0, 0)


def test_dead_letters_are_sent_back(aws: Aws, sqs: Client, make_queue: MakeQueue) -> None:
    dead, source = make_queue("dead"), make_queue("source")
    arn = attributes(sqs, dead, "QueueArn")["QueueArn"]
    policy = json.dumps({"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})})
    assert aws("set-queue-attributes", "--queue-url", source, "--attributes", policy) is None
    send(sqs, source, "hello")
    receive(sqs, source, VisibilityTimeout=0)
    assert receive(sqs, source) == [] and counts(sqs, dead) == (1, 0, 0)
    assert aws("list-dead-letter-source-queues", "--queue-url", dead)["queueUrls"] == [source]
    assert aws("start-message-move-task", "--source-arn", arn)["TaskHandle"]
    assert bodies(receive(sqs, source, WaitTimeSeconds=10)) == ["hello"]
    [task] = aws("list-message-move-tasks", "--source-arn", arn)["Results"]
    assert task["SourceArn"] == arn and task["ApproximateNumberOfMessagesMoved"] == 1


def test_a_topic_feeds_a_queue(aws: Aws, sqs: Client, queue: str, unique: Unique) -> None:
    topic = aws("create-topic", "--name", unique("topic"), service="sns")["TopicArn"]
    subscription = aws(
        *(
            "subscribe",
            "--topic-arn",
            topic,
            "--protocol",
            "sqs",
            "--notification-endpoint",
            arn_of(sqs, queue),
        ),
        *("--attributes", "RawMessageDelivery=true"),
        service="sns",
    )["SubscriptionArn"]
    published = aws(
        *("publish", "--topic-arn", topic, "--message", "hello", "--message-attributes"),
        '{"kind": {"DataType": "String", "StringValue": "greeting"}}',
        service="sns",
    )
    assert subscription.startswith(f"{topic}:") and set(published) == {"MessageId"}
    [message] = receive_exactly(sqs, queue, 1, MessageAttributeNames=["All"])
    assert message["Body"] == "hello"
    assert message["MessageAttributes"] == {"kind": {"DataType": "String", "StringValue": "greeting"}}
    assert aws("delete-topic", "--topic-arn", topic, service="sns") is None
    error = aws("publish", "--topic-arn", topic, "--message", "late", service="sns")
    assert "An error occurred (NotFound) when calling the Publish operation: Topic does not exist" in error
