"""SQS's queues, with their attributes, tags and dead-letter queues, from one endpoint to another.

`python -m examples.moving.queues OLD_ENDPOINT NEW_ENDPOINT` (each with a scheme; `aws` for Amazon itself, with the usual credentials)
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3

# What can be set when a queue is made. The rest is counted or given by the server.
SETTABLE = (
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
)


def client(endpoint: str) -> Any:
    if endpoint == "aws":
        return boto3.client("sqs")
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def name_of(url_or_arn: str) -> str:
    return url_or_arn.replace(":", "/").rpartition("/")[2]


def move(old: Any, new: Any) -> list[str]:
    """The names of the queues, which are all there when this returns, each with its dead-letter queue."""
    redrive = {}
    arns = {}
    urls = {}
    for page in old.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", ()):
            attributes = old.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            tags = old.list_queue_tags(QueueUrl=url).get("Tags", {})
            made = new.create_queue(
                QueueName=name_of(url),
                Attributes={name: attributes[name] for name in SETTABLE if name in attributes},
                tags=tags,
            )
            urls[name_of(url)] = made["QueueUrl"]
            if "RedrivePolicy" in attributes:
                redrive[name_of(url)] = json.loads(attributes["RedrivePolicy"])
    for name, url in urls.items():
        shown = new.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arns[name] = shown["Attributes"]["QueueArn"]
    for name, policy in redrive.items():  # now that all of them are there
        policy["deadLetterTargetArn"] = arns[name_of(policy["deadLetterTargetArn"])]
        new.set_queue_attributes(QueueUrl=urls[name], Attributes={"RedrivePolicy": json.dumps(policy)})
    return sorted(urls)


if __name__ == "__main__":
    print("there:", ", ".join(move(client(sys.argv[1]), client(sys.argv[2]))) or "nothing")
