"""Where broker and database are: from the environment, with defaults for this machine."""

from __future__ import annotations

import os
from typing import Any

import boto3

DATABASE_PATH = os.environ.get("RIDES_DATABASE", "rides.sqlite3")
TOPIC = "ride-events"
RECEIVES_MAX = 3


def client(service: str) -> Any:
    """boto3's client of `sqs` or `sns`. onemq takes any keys from this machine as long as it has no users."""
    return boto3.client(
        service,
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "any"),
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "any"),
    )
