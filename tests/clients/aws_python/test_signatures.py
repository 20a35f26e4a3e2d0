"""Signatures: access keys of users are checked, header and presigned; who may do what; nobody configured means anybody."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clients.aws_python.query import QueryClient, Reply, raw_request
from clients.aws_python.query_model import query_protocol_client
from clients.aws_python.session import AwsBroker, Client, aws_client, bodies, receive, refused, send

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CONFIGURATION = f"""
[users.everything]
password = "x"
permissions."/" = {{ configure = ".*", write = ".*", read = ".*" }}
[users.everything.access_keys]
AKIAEVERYTHING = "{SECRET}"
AKIASECOND = "another"

[users.writer]
password = "x"
permissions."/" = {{ write = ".*" }}
[users.writer.access_keys]
AKIAWRITER = "writer-secret"

[users.reader]
password = "x"
permissions."/" = {{ read = ".*" }}
[users.reader.access_keys]
AKIAREADER = "reader-secret"
"""


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Generator[AwsBroker, None, None]:
    process = AwsBroker(Path(tmp_path_factory.mktemp("secured")), configuration=CONFIGURATION)
    process.start()
    yield process
    process.kill9()


def client(broker: AwsBroker, key: str = "AKIAEVERYTHING", secret: str = SECRET, **settings: Any) -> Client:
    return aws_client("sqs", broker.endpoint, aws_access_key_id=key, aws_secret_access_key=secret, **settings)


@pytest.fixture(scope="module")
def url(secured: AwsBroker) -> str:
    found: str = client(secured).create_queue(QueueName="secured")["QueueUrl"]
    return found


def test_a_good_signature_is_let_in(secured: AwsBroker, url: str) -> None:
    owner = client(secured)
    send(owner, url, "hello ümlaut")
    [message] = receive(client(secured, "AKIASECOND", "another"), url, AttributeNames=["SenderId"])
    assert message["Body"] == "hello ümlaut"
    owner.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert QueryClient(secured.endpoint, "AKIAEVERYTHING", SECRET)("ListQueues").status == 200


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_bad_signatures_are_refused(secured: AwsBroker, protocol: str) -> None:
    def codes(key: str, secret: str) -> Client:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        if protocol == "json":
            return aws_client("sqs", secured.endpoint, **keys)
        return query_protocol_client(secured.endpoint, **keys)

    wrong = codes("AKIAEVERYTHING", "wrong")
    with refused("SignatureDoesNotMatch", status=403) as told:
        wrong.list_queues()
    assert told.message.startswith(
        "The request signature we calculated does not match the signature you provided."
    )
    unknown = codes("AKIANOBODY", SECRET)
    with refused("InvalidClientTokenId", status=403) as told:
        unknown.list_queues()
    assert told.message == "The security token included in the request is invalid."


def test_what_is_not_signed_is_refused(secured: AwsBroker) -> None:
    reply = raw_request(
        secured.endpoint,
        "POST",
        "/",
        b"{}",
        {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"},
    )
    assert reply.status == 403 and b"MissingAuthenticationTokenException" in reply.body
    reply = raw_request(secured.endpoint, "GET", "/?Action=ListQueues")
    assert reply.status == 403 and b"<Code>MissingAuthenticationToken</Code>" in reply.body


def at(offset_seconds: float) -> Any:
    """botocore signs as if its clock were off by so much."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=offset_seconds)
    return mock.patch(
        "botocore.auth.get_current_datetime", lambda remove_tzinfo=True: moment.replace(tzinfo=None)
    )


@pytest.mark.parametrize("minutes", [-20, 20])
def test_an_old_or_early_signature_is_refused(secured: AwsBroker, minutes: int) -> None:
    with at(minutes * 60), refused("SignatureDoesNotMatch", status=403) as told:
        client(secured).list_queues()
    assert "Signature expired" in told.message or "Signature not yet current" in told.message
    with at(minutes * 60 / 2):
        client(secured).list_queues()


def test_a_body_that_was_changed_is_refused(secured: AwsBroker, url: str) -> None:
    def change(request: Any, **_: Any) -> None:
        request.body = request.body.replace(b"hello", b"jello")

    changing = client(secured)
    changing.meta.events.register("before-send.sqs.SendMessage", change)
    with refused("SignatureDoesNotMatch", status=403):
        send(changing, url, "hello")


def presigned(url: str, key: str, secret: str, parameters: dict[str, str], expires: int = 60) -> Reply:
    target = f"{url}?{urlencode(parameters)}"
    request = AWSRequest("GET", target, headers={"Host": urlsplit(url).netloc})
    SigV4QueryAuth(Credentials(key, secret), "sqs", "us-east-1", expires=expires).add_auth(request)
    parts = urlsplit(request.url)
    return raw_request(f"{parts.scheme}://{parts.netloc}", "GET", f"{parts.path}?{parts.query}")


def test_presigned_urls_work_until_they_expire(secured: AwsBroker, url: str) -> None:
    asked = {"Action": "SendMessage", "MessageBody": "pre signed & all"}
    reply = presigned(url, "AKIAEVERYTHING", SECRET, asked)
    assert reply.status == 200, reply
    assert "pre signed & all" in bodies(receive(client(secured), url))
    assert presigned(url, "AKIAEVERYTHING", "wrong", asked).text("Code") == "SignatureDoesNotMatch"
    with at(-120):
        late = presigned(url, "AKIAEVERYTHING", SECRET, asked, 60)
    assert late.status == 403


def test_rights_are_those_of_the_user(secured: AwsBroker, url: str) -> None:
    writer, reader = (
        client(secured, "AKIAWRITER", "writer-secret"),
        client(secured, "AKIAREADER", "reader-secret"),
    )
    send(writer, url, "by the writer")
    [message] = [found for found in receive(reader, url) if found["Body"] == "by the writer"]
    for call in (
        lambda: receive(writer, url),
        lambda: writer.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]),
        lambda: send(reader, url, "by the reader"),
        lambda: reader.create_queue(QueueName="of-the-reader"),
        lambda: reader.delete_queue(QueueUrl=url),
        lambda: reader.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"}),
        lambda: writer.tag_queue(QueueUrl=url, Tags={"a": "b"}),
        lambda: writer.purge_queue(QueueUrl=url),
    ):
        with refused("AccessDenied", status=403) as told:
            call()
        assert "is not authorized to perform" in told.message
    reader.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_without_users_any_credentials_are_good(onemq: AwsBroker) -> None:
    client(onemq, "whoever", "whatever").list_queues()
    assert raw_request(onemq.endpoint, "GET", "/?Action=ListQueues").status == 200


def test_a_session_token_does_no_harm(onemq: AwsBroker) -> None:
    client(onemq, aws_session_token="FwoGZXIvYXdzEXAMPLE").list_queues()
