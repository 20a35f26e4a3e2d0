"""Where broker and database are: from the environment, with defaults for this machine."""

from __future__ import annotations

import os
from typing import Any

import boto3

AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
DATABASE_PATH = os.environ.get("ORDERS_DATABASE", "orders.sqlite3")
QUEUE = "shop-orders"
DEAD_LETTER_QUEUE = "shop-orders-dead"


def sqs_client() -> Any:
    """onemq takes any keys from this machine as long as it has no users."""
    return boto3.client(
        "sqs",
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "any"),
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "any"),
    )
