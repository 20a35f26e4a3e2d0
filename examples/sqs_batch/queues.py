"""The client, and the two queues: what was received three times without success goes to the second."""

from __future__ import annotations

import json
from typing import Any

import boto3

from . import settings


def client() -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=settings.ENDPOINT_URL,
        region_name=settings.REGION,
        aws_access_key_id=settings.ACCESS_KEY_ID,
        aws_secret_access_key=settings.SECRET_ACCESS_KEY,
    )


def arn(sqs: Any, queue_url: str) -> str:
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])


def create(sqs: Any) -> tuple[str, str]:
    """(URL of the queue, URL of its dead letters); what is there already stays as it is."""
    dead_url = sqs.create_queue(QueueName=settings.DEAD_LETTER_QUEUE)["QueueUrl"]
    redrive = {"deadLetterTargetArn": arn(sqs, dead_url), "maxReceiveCount": settings.RECEIVES_MAX}
    attributes = {
        "VisibilityTimeout": str(settings.VISIBILITY_SECONDS),
        "ReceiveMessageWaitTimeSeconds": str(settings.WAIT_SECONDS),
        "RedrivePolicy": json.dumps(redrive),
    }
    url = sqs.create_queue(QueueName=settings.QUEUE, Attributes=attributes)["QueueUrl"]
    return str(url), str(dead_url)
