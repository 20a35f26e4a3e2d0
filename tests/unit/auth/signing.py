"""Requests as botocore signs them, at a time of the test's choice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def sign(
    url: str,
    key: tuple[str, str],
    at_ms: int,
    *,
    method: str = "POST",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    presigned_seconds: int = 0,
    region: str = "eu-west-3",
    service: str = "sqs",
) -> tuple[str, dict[str, str]]:
    """Target (path and query) and header fields to send. key: id and secret."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    request.headers["Host"] = urlsplit(url).netloc
    signer: Any
    if presigned_seconds:
        signer = SigV4QueryAuth(Credentials(*key), service, region, expires=presigned_seconds)
    else:
        signer = SigV4Auth(Credentials(*key), service, region)
    now = datetime.fromtimestamp(at_ms // 1000, UTC).replace(tzinfo=None)
    with patch("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: now):
        signer.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    found = {}
    for name, value in prepared.headers.items():
        found[name] = value if isinstance(value, str) else value.decode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return target, found
