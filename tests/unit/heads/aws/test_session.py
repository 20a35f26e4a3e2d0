"""Who sends a request: anybody from here while guest has its first password; after that, who signs with a key of the directory."""

from __future__ import annotations

import json
import time

import pytest

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permissions
from onemq.auth.users import Users
from onemq.engine.directory.records import UserRecord
from onemq.heads.aws.head import AwsHead
from onemq.heads.aws.settings import AwsSettings
from unit.heads.aws.playbook import HOST, Answer, Failed, Peer, Stage

awsrequest = pytest.importorskip("botocore.awsrequest")
auth = pytest.importorskip("botocore.auth")
credentials = pytest.importorskip("botocore.credentials")


@pytest.fixture
def stage() -> Stage:
    """Its users are the directory's."""
    stage = Stage()
    stage.now_ms = int(time.time() * 1000)
    stage.broker.begin_turn(stage.now_ms)
    directory = stage.broker.directory
    directory.store_password(UserRecord("guest", "", ["administrator"]), directory.new_password("guest"))
    directory.permissions.grant("guest", "/", ".*", ".*", ".*")
    stage.gate = Gate(Users({}, directory), Permissions(["/"], {}, directory), stage.broker)
    stage.head = AwsHead(stage.gate, AwsSettings(), stage._entropy, stage.caller)
    return stage


def signed(peer: Peer, key: str, secret: str) -> Answer:
    body = json.dumps({}).encode()
    headers = {
        "X-Amz-Target": "AmazonSQS.ListQueues",
        "Content-Type": "application/x-amz-json-1.0",
        "Host": HOST,
    }
    request = awsrequest.AWSRequest("POST", f"http://{HOST}/", headers, body)
    auth.SigV4Auth(credentials.Credentials(key, secret), "sqs", "us-east-1").add_auth(request)
    return peer.request("POST", "/", body, dict(request.headers))


def test_a_connection_without_login_ends_being_guest_with_guests_first_password(stage: Stage) -> None:
    peer = stage.connect()
    peer.sqs("ListQueues")
    stage.broker.directory.store_password(
        UserRecord("guest", "", ["administrator"]), stage.broker.directory.new_password("own")
    )
    with pytest.raises(Failed) as caught:
        peer.sqs("ListQueues")
    assert caught.value.status == 403


def test_access_keys_of_the_directory(stage: Stage) -> None:
    directory = stage.broker.directory
    directory.remove_user("guest")
    directory.users.store(UserRecord("ann", "", [], {"AKIAANN": "secret"}))
    directory.permissions.grant("ann", "/", ".*", ".*", ".*")
    peer = stage.connect()
    assert signed(peer, "AKIAANN", "secret").status == 200
    assert signed(peer, "AKIAANN", "other").status == 403
    assert signed(peer, "AKIABOB", "secret").status == 403
    directory.users.store(UserRecord("ann", "", []))
    assert signed(peer, "AKIAANN", "secret").status == 403


def test_a_connections_requests_may_be_signed_for_different_regions() -> None:
    stage = Stage()
    peer = stage.connect()
    url = peer.sqs("CreateQueue", QueueName="orders")["QueueUrl"]
    body = json.dumps({"QueueUrl": url, "AttributeNames": ["QueueArn"]}).encode()
    for key, region in (
        ("A", "eu-west-1"),
        ("A", "eu-west-1"),
        ("A", "eu-west-11"),
        ("B", "us-west-2"),
        ("A", "eu-west-1"),
    ):
        credential = f"{key}/20260101/{region}/sqs/aws4_request"
        headers = {
            "X-Amz-Target": "AmazonSQS.GetQueueAttributes",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00",
        }
        found = peer.request("POST", "/", body, headers).json["Attributes"]["QueueArn"]
        assert found == f"arn:aws:sqs:{region}:000000000000:orders"
