"""Connections: requests in both protocols, signatures, errors, order, ends."""

from __future__ import annotations

import json

import pytest

from onemq.heads.aws.call import Call, Canceller
from onemq.heads.aws.pages import Page
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.sqs.operations import HANDLERS
from onemq.model.entities import QueueSettings
from unit.auth.signing import sign
from unit.heads.aws.playbook import HOST, OPERATOR_KEY, READER_KEY, Answer, Failed, Peer, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def declare(stage: Stage, *names: str) -> None:
    from onemq.model.principal import Principal
    from onemq.model.rights import all_rights

    access = stage.broker.access(Principal("test", []), "/", all_rights())
    for name in names:
        access.queues.declare(name, QueueSettings())
    stage.turn()


def signed(stage: Stage, peer: Peer, operation: str, key: tuple[str, str], **parameters: object) -> Answer:
    body = json.dumps(parameters).encode()
    headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    target, fields = sign(f"http://{HOST}/", key, stage.now_ms, body=body, headers=headers)
    fields.pop("Host")
    return peer.request("POST", target, body, fields)


def test_both_protocols_on_one_connection(stage: Stage) -> None:
    declare(stage, "orders")
    peer = stage.connect()
    url = f"http://{HOST}/000000000000/orders"
    assert peer.sqs("ListQueues") == {"QueueUrls": [url]}
    answer = peer.query("GetQueueUrl", QueueName="orders")
    assert answer.xml.findtext("GetQueueUrlResult/QueueUrl") == url
    request_id = answer.xml.findtext("ResponseMetadata/RequestId")
    assert request_id == answer.headers["x-amzn-requestid"]
    got = peer.request("GET", "/?Action=GetQueueUrl&QueueName=orders&Version=2012-11-05")
    assert got.xml.findtext("GetQueueUrlResult/QueueUrl") == url


def test_urls_are_built_from_the_host(stage: Stage) -> None:
    declare(stage, "orders")
    peer = stage.connect(tls=True)
    answer = peer.request(
        "GET",
        "/?Action=GetQueueUrl&QueueName=orders",
        host="sqs.eu-central-1.localhost.localstack.cloud:4566",
    )
    found = answer.xml.findtext("GetQueueUrlResult/QueueUrl")
    assert found == "https://sqs.eu-central-1.localhost.localstack.cloud:4566/000000000000/orders"
    odd = peer.request("GET", "/?Action=GetQueueUrl&QueueName=orders", host='evil"<host>')
    assert odd.xml.findtext("GetQueueUrlResult/QueueUrl") == "https://127.0.0.1:4566/000000000000/orders"


def test_errors_in_both_protocols(stage: Stage) -> None:
    peer = stage.connect()
    peer.says("GetQueueUrl", QueueName="none")
    answer = peer.hears_one()
    assert answer.status == 400
    assert answer.json == {
        "__type": "com.amazonaws.sqs#QueueDoesNotExist",
        "message": "The specified queue does not exist.",
    }
    assert answer.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    found = peer.query("GetQueueUrl", QueueName="none")
    assert found.status == 400
    assert found.xml.findtext("Error/Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert found.xml.findtext("Error/Type") == "Sender"
    text = found.xml.findtext("Error/Message")
    assert text == "The specified queue does not exist for this wsdl version."
    assert found.xml.findtext("RequestId") == found.headers["x-amzn-requestid"]


def test_operations_that_are_not_there(stage: Stage) -> None:
    peer = stage.connect()
    with pytest.raises(Failed) as caught:
        peer.sqs("MakeCoffee")
    assert (caught.value.shape, caught.value.code) == ("UnknownOperationException", "InvalidAction")
    answer = peer.query("MakeCoffee")
    assert (answer.status, answer.xml.findtext("Error/Code")) == (400, "InvalidAction")
    assert answer.xml.findtext("Error/Message") == "The action MakeCoffee is not valid for this endpoint."
    for target in ("/", "/000000000000/orders", "/?Version=2012-11-05"):
        answer = peer.request("GET", target)
        assert (answer.status, answer.xml.findtext("Error/Code")) == (404, "MissingAction")
    answer = peer.request("POST", "/", b"{}", {"X-Amz-Target": "DynamoDB.ListTables"})
    assert (answer.status, answer.json["__type"]) == (
        400,
        "com.amazon.coral.service#UnknownOperationException",
    )


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"text"', b'{"QueueName": 1}', b'{"QueueName": "\xff"}', b"[" * 9000]
)
def test_bodies_that_are_not_understood(stage: Stage, body: bytes) -> None:
    peer = stage.connect()
    headers = {"X-Amz-Target": "AmazonSQS.GetQueueUrl", "Content-Type": "application/x-amz-json-1.0"}
    answer = peer.request("POST", "/", body, headers)
    assert (answer.status, answer.json["__type"]) == (400, "com.amazon.coral.service#SerializationException")
    assert peer.sqs("ListQueues") == {}


def test_signatures_are_asked_for_where_users_are_configured() -> None:
    stage = Stage(users=True)
    declare(stage, "orders", "reading")
    peer = stage.connect("10.0.0.7")
    with pytest.raises(Failed) as caught:
        peer.sqs("ListQueues")
    assert (caught.value.status, caught.value.code) == (403, "MissingAuthenticationToken")
    assert len(signed(stage, peer, "ListQueues", OPERATOR_KEY).json["QueueUrls"]) == 2
    # The same connection, another principal: each request stands for itself.
    found = signed(stage, peer, "ListQueues", READER_KEY).json["QueueUrls"]
    assert [url.rpartition("/")[2] for url in found] == ["reading"]
    wrong = signed(stage, peer, "ListQueues", (OPERATOR_KEY[0], "guessed"))
    assert (wrong.status, wrong.json["__type"]) == (403, "com.amazon.coral.service#InvalidSignatureException")
    assert wrong.headers["x-amzn-query-error"] == "SignatureDoesNotMatch;Sender"
    unknown = signed(stage, peer, "ListQueues", ("AKIANOBODY", "x"))
    assert unknown.headers["x-amzn-query-error"] == "InvalidClientTokenId;Sender"


def test_presigned_requests() -> None:
    stage = Stage(users=True)
    declare(stage, "orders")
    peer = stage.connect("10.0.0.7")
    url = f"http://{HOST}/?Action=GetQueueUrl&QueueName=orders&Version=2012-11-05"
    target, _ = sign(url, OPERATOR_KEY, stage.now_ms, method="GET", presigned_seconds=60)
    answer = peer.request("GET", target)
    assert answer.status == 200, answer
    stage.wait(61_000)
    answer = peer.request("GET", target)
    assert (answer.status, answer.xml.findtext("Error/Code")) == (403, "SignatureDoesNotMatch")
    assert peer.link.log[-1].startswith("login_refused: request refused: SignatureDoesNotMatch")


def test_rights_are_those_of_the_key() -> None:
    stage = Stage(users=True)
    declare(stage, "reading")
    peer = stage.connect("10.0.0.7")
    url = f"http://{HOST}/000000000000/reading"
    answer = signed(stage, peer, "DeleteQueue", READER_KEY, QueueUrl=url)
    assert (answer.status, answer.headers["x-amzn-query-error"]) == (403, "AccessDenied;Sender")
    assert answer.json["message"] == (
        "User: arn:aws:iam::000000000000:user/reader is not authorized to perform: sqs:deletequeue on resource: "
        "arn:aws:sqs:eu-west-3:000000000000:reading because no identity-based policy allows the sqs:deletequeue action"
    )
    assert peer.link.log[-1].startswith(
        "operation_refused: DeleteQueue: User: arn:aws:iam::000000000000:user/reader"
    )
    assert signed(stage, peer, "DeleteQueue", OPERATOR_KEY, QueueUrl=url).status == 200


def test_without_users_only_this_machine_is_served(stage: Stage) -> None:
    assert stage.connect().sqs("ListQueues") == {}
    peer = stage.connect("10.0.0.7")
    with pytest.raises(Failed) as caught:
        peer.sqs("ListQueues")
    assert (caught.value.status, caught.value.code) == (403, "InvalidClientTokenId")
    assert peer.link.log


def test_without_users_no_web_page_is_served(stage: Stage) -> None:
    """A page from anywhere can make the browser of whoever looks at it post forms to this machine."""
    peer = stage.connect()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://example.com"}
    answer = peer.request("POST", "/", b"Action=ListQueues", headers)
    assert (answer.status, answer.xml.findtext("Error/Code")) == (403, "AccessDenied")
    for origin in ("http://localhost:3000", "http://127.0.0.1", "http://[::1]:8000"):
        assert peer.request("POST", "/", b"Action=ListQueues", {**headers, "Origin": origin}).status == 200


def test_pipelined_requests_are_answered_in_order(stage: Stage) -> None:
    declare(stage, "a", "b")
    peer = stage.connect()
    peer.sends(
        peer.json_request("GetQueueUrl", QueueName="a")
        + peer.json_request("GetQueueUrl", QueueName="none")
        + peer.json_request("GetQueueUrl", QueueName="b")
    )
    answers = peer.hears()
    assert [answer.status for answer in answers] == [200, 400, 200]
    assert answers[2].json["QueueUrl"].endswith("/b")


def test_a_request_that_wants_to_be_the_last(stage: Stage) -> None:
    peer = stage.connect()
    answer = peer.request("GET", "/?Action=ListQueues", headers={"Connection": "close"})
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert peer.link.closed


def test_bounds_of_requests() -> None:
    stage = Stage(AwsSettings(request_bytes_max=100, header_bytes_max=500))
    peer = stage.connect()
    answer = peer.request("POST", "/", b"x" * 101)
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert peer.link.closed
    peer = stage.connect()
    assert peer.request("GET", "/" + "x" * 500).status == 431
    peer = stage.connect()
    peer.sends(b"hello\r\n\r\n")
    assert peer.hears_one().status == 400


def test_expectations(stage: Stage) -> None:
    peer = stage.connect()
    head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n"
    peer.sends(head)
    assert peer.outbox.take() == b"HTTP/1.1 100 Continue\r\n\r\n"
    peer.sends(b"Action=ListQueues")
    assert peer.hears_one().status == 200


def test_pages(stage: Stage) -> None:
    stage.head.pages.put("/cert.pem", Page(b"application/x-pem-file", b"PEM"))
    peer = stage.connect()
    answer = peer.request("GET", "/cert.pem")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (
        200,
        b"PEM",
        "application/x-pem-file",
    )
    assert peer.request("HEAD", "/cert.pem").body == b""
    assert peer.request("POST", "/cert.pem").status == 404
    assert peer.request("GET", "/cert.pem?Action=ListQueues").status == 200


class Later(Canceller):
    """A handler's call that is answered when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.log: list[str] = []

    def handle(self, call: Call) -> None:
        self.calls.append(call)
        call.canceller = self

    def cancel(self) -> None:
        self.log.append("cancelled")

    def hurry(self) -> None:
        self.log.append("hurried")
        self.calls[-1].done({})


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    found = Later()
    monkeypatch.setitem(HANDLERS, "GetQueueUrl", found.handle)
    return found


def test_an_answer_that_comes_later_holds_back_what_follows(later: Later) -> None:
    stage = Stage(AwsSettings(buffered_bytes_max=500))
    peer = stage.connect()
    peer.sends(peer.json_request("GetQueueUrl") + peer.json_request("ListQueues"))
    peer.hears_nothing()
    peer.sends(b"".join(peer.json_request("ListQueues") for _ in range(5)))
    assert peer.link.held
    later.calls[0].done({"QueueUrl": "x"})
    stage.turn()
    assert [answer.json for answer in peer.hears()] == [{"QueueUrl": "x"}, *[{}] * 6]
    assert not peer.link.held


def test_waiting_calls_are_answered_when_the_broker_stops(later: Later) -> None:
    stage = Stage()
    peer = stage.connect()
    peer.sends(peer.json_request("GetQueueUrl") + peer.json_request("ListQueues"))
    peer.conversation.drain("stopping")
    assert peer.hears_one().json == {}
    peer.leaves()
    assert later.log == ["hurried"]


def test_waiting_calls_end_with_their_connection(later: Later) -> None:
    stage = Stage()
    peer = stage.connect()
    peer.sends(peer.json_request("GetQueueUrl"))
    peer.leaves()
    assert later.log == ["cancelled"]
    later.calls[0].done({})


def test_a_bug_of_ours_is_told_and_closes_the_connection(later: Later) -> None:
    stage = Stage()
    peer = stage.connect()
    peer.sends(peer.json_request("GetQueueUrl"))
    later.calls[0].crash(AssertionError("a bug"))
    stage.turn()
    answer = peer.hears_one()
    assert (answer.status, answer.json["__type"]) == (500, "com.amazon.coral.service#InternalFailure")
    assert answer.headers["x-amzn-query-error"] == "InternalFailure;Receiver"
    assert peer.link.closed


def test_who_does_not_read_is_not_served() -> None:
    stage = Stage(AwsSettings(answer_bytes_max=300))
    peer = stage.connect()
    peer.conversation.pressed(True)
    peer.sends(peer.json_request("ListQueues"))
    peer.hears_nothing()
    peer.conversation.pressed(False)
    stage.turn()
    assert len(peer.hears()) == 1
    peer.sends(b"".join(peer.json_request("ListQueues") for _ in range(9)))
    assert len(peer.hears()) == 9
