"""SQS's older protocol, Query: a form in, XML out, as the SDKs spoke it before November 2023. Raw requests with botocore's signer.

No test lives here. It knows how the protocol writes lists and maps, and nothing of any server.
"""

from __future__ import annotations

import http.client
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

VERSION = "2012-11-05"
NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
TIMEOUT_SECONDS = 30


class Reply:
    """An HTTP answer as it came."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    @property
    def xml(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.body)

    def texts(self, name: str) -> list[str]:
        """The text of every element of that name, in order."""
        return [found.text or "" for found in self.xml.iter(NAMESPACE + name)]

    def text(self, name: str) -> str:
        found = self.texts(name)
        assert len(found) == 1, f"{name}: {found} in {self.body!r}"
        return found[0]

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.body!r}"


def raw_request(
    endpoint: str,
    method: str = "POST",
    path: str = "/",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request on a connection of its own."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def signed_headers(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    key: str,
    secret: str,
    service: str = "sqs",
) -> dict[str, str]:
    """The headers with botocore's signature of the request."""
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    SigV4Auth(Credentials(key, secret), service, "us-east-1").add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


def flatten(prefix: str, value: Any, into: dict[str, str]) -> None:
    """Lists and maps as SQS's Query protocol has them: `Name.1`, `Name.1.Key`; a map is given as a list of dicts."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            flatten(f"{prefix}.{name}" if prefix else name, inner, into)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, 1):
            flatten(f"{prefix}.{number}", inner, into)
    else:
        into[prefix] = str(value)


def named(settings: Mapping[str, Any]) -> list[dict[str, str]]:
    """`Attribute.1.Name`, `Attribute.1.Value`: how a map of attributes is written."""
    return [{"Name": name, "Value": str(value)} for name, value in settings.items()]


class QueryClient:
    """Sends Query requests: `query("SendMessage", url, MessageBody="x")`; `url` "" for those of no queue."""

    def __init__(self, endpoint: str, key: str = "test", secret: str = "test") -> None:
        self.endpoint = endpoint
        self._key = key
        self._secret = secret

    def __call__(self, action: str, url: str = "", **parameters: Any) -> Reply:
        form: dict[str, str] = {"Action": action, "Version": VERSION}
        flatten("", parameters, form)
        target = url or self.endpoint + "/"
        if url:
            form.setdefault("QueueUrl", url)
        body = urlencode(form).encode()
        headers = signed_headers("POST", target, body, {"Content-Type": FORM}, self._key, self._secret)
        return raw_request(self.endpoint, "POST", urlsplit(target).path or "/", body, headers)
