"""The two protocols as bytes: what XML and JSON answers look like, who is served by which, what HTTP does."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlencode, urlsplit

import pytest

from clients.aws_python.query import FORM, NAMESPACE, QueryClient, Reply, named, raw_request, signed_headers
from clients.aws_python.session import AwsBroker, Client, attributes, counts, send


def json_request(endpoint: str, operation: str, body: bytes, **headers: str) -> Reply:
    fields = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return raw_request(
        endpoint, "POST", "/", body, signed_headers("POST", endpoint + "/", body, fields, "test", "test")
    )


def test_an_xml_answer(query: QueryClient, queue: str) -> None:
    sent = query("SendMessage", queue, MessageBody="hello & <goodbye>")
    assert sent.status == 200 and sent.headers["content-type"].startswith("text/xml")
    assert sent.xml.tag == f"{NAMESPACE}SendMessageResponse"
    assert [child.tag for child in sent.xml] == [
        f"{NAMESPACE}SendMessageResult",
        f"{NAMESPACE}ResponseMetadata",
    ]
    assert sent.text("RequestId") == sent.headers["x-amzn-requestid"]
    received = query("ReceiveMessage", queue, AttributeName=["All"])
    assert received.text("Body") == "hello & <goodbye>"
    assert received.text("MessageId") == sent.text("MessageId")
    assert "ApproximateReceiveCount" in received.texts("Name")
    deleted = query("DeleteMessage", queue, ReceiptHandle=received.text("ReceiptHandle"))
    assert [child.tag for child in deleted.xml] == [f"{NAMESPACE}ResponseMetadata"]


def test_an_xml_error(query: QueryClient, queue: str) -> None:
    reply = query("SendMessage", queue + "-not", MessageBody="hello")
    assert reply.status == 400 and reply.headers["content-type"].startswith("text/xml")
    assert reply.xml.tag == f"{NAMESPACE}ErrorResponse"
    assert reply.text("Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert reply.text("Message") == "The specified queue does not exist for this wsdl version."
    assert reply.text("Type") == "Sender" and reply.text("RequestId")
    assert "x-amzn-query-error" not in reply.headers


def test_a_queue_made_with_a_form(query: QueryClient, sqs: Client, queue: str) -> None:
    name = queue.rsplit("/", 1)[1] + "-form"
    made = query(
        "CreateQueue", QueueName=name, Attribute=named({"DelaySeconds": 5}), Tag=[{"Key": "a", "Value": "b"}]
    )
    url = made.text("QueueUrl")
    assert attributes(sqs, url, "DelaySeconds") == {"DelaySeconds": "5"}
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
    read = query("GetQueueAttributes", url, AttributeName=["DelaySeconds", "VisibilityTimeout"])
    assert dict(zip(read.texts("Name"), read.texts("Value"), strict=True)) == {
        "DelaySeconds": "5",
        "VisibilityTimeout": "30",
    }
    query("DeleteQueue", url)


def test_a_batch_in_a_form(query: QueryClient, sqs: Client, queue: str) -> None:
    entries = [{"Id": "a", "MessageBody": "one"}, {"Id": "b", "MessageBody": "two", "DelaySeconds": 901}]
    reply = query("SendMessageBatch", queue, SendMessageBatchRequestEntry=entries)
    assert reply.status == 200
    assert len(list(reply.xml.iter(f"{NAMESPACE}SendMessageBatchResultEntry"))) == 1
    assert reply.text("SenderFault") == "true" and reply.texts("Id") == ["a", "b"]
    assert counts(sqs, queue) == (1, 0, 0)


def test_the_path_may_name_the_queue(query: QueryClient, endpoint: str, sqs: Client, queue: str) -> None:
    body = urlencode({"Action": "SendMessage", "MessageBody": "hello"}).encode()
    headers = signed_headers("POST", queue, body, {"Content-Type": FORM}, "test", "test")
    assert raw_request(endpoint, "POST", urlsplit(queue).path, body, headers).status == 200
    assert counts(sqs, queue) == (1, 0, 0)


def test_a_request_may_be_a_get(endpoint: str, sqs: Client, queue: str) -> None:
    text = urlencode({"Action": "SendMessage", "MessageBody": "hello", "Version": "2012-11-05"})
    headers = signed_headers("GET", f"{queue}?{text}", b"", {}, "test", "test")
    reply = raw_request(endpoint, "GET", f"{urlsplit(queue).path}?{text}", b"", headers)
    assert reply.status == 200 and reply.text("MessageId")
    assert counts(sqs, queue) == (1, 0, 0)


def test_a_json_answer(endpoint: str, queue: str) -> None:
    body = json.dumps({"QueueUrl": queue, "MessageBody": "hello"}).encode()
    reply = json_request(endpoint, "SendMessage", body)
    assert reply.status == 200 and reply.headers["content-type"] == "application/x-amz-json-1.0"
    assert set(json.loads(reply.body)) == {"MessageId", "MD5OfMessageBody"}
    assert reply.headers["x-amzn-requestid"]
    empty = json_request(
        endpoint, "ReceiveMessage", json.dumps({"QueueUrl": queue, "VisibilityTimeout": 0}).encode()
    )
    assert len(json.loads(empty.body)["Messages"]) == 1


def test_a_json_error_has_both_names(endpoint: str, queue: str) -> None:
    body = json.dumps({"QueueUrl": queue + "-not", "MessageBody": "hello"}).encode()
    reply = json_request(endpoint, "SendMessage", body, x_amzn_query_mode="true")
    assert reply.status == 400
    assert reply.headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    error = json.loads(reply.body)
    assert error["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    assert error["message"] == "The specified queue does not exist."


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"QueueUrl": 7}', b'{"QueueUrl": {"a": 1}}', b"\xff\xfe"]
)
def test_bad_json_is_refused(endpoint: str, sqs: Client, queue: str, body: bytes) -> None:
    reply = json_request(endpoint, "SendMessage", body)
    assert reply.status == 400 and "__type" in json.loads(reply.body)
    send(sqs, queue, "still served")


def test_unknown_operations_are_refused(endpoint: str, query: QueryClient) -> None:
    reply = json_request(endpoint, "DanceWithMessage", b"{}")
    assert reply.status == 400 and json.loads(reply.body)["__type"].endswith("#UnknownOperationException")
    form = query("DanceWithMessage")
    assert form.status == 400 and form.text("Code") == "InvalidAction"


def test_missing_parameters_are_named(endpoint: str, query: QueryClient, queue: str) -> None:
    assert (
        query("SendMessage", queue).text("Message") == "The request must contain the parameter MessageBody."
    )
    assert query("SendMessage", MessageBody="x").status == 400
    reply = json_request(endpoint, "SendMessage", json.dumps({"QueueUrl": queue}).encode())
    assert json.loads(reply.body)["message"] == "The request must contain the parameter MessageBody."
    assert reply.headers["x-amzn-query-error"] == "MissingParameter;Sender"


def test_requests_of_one_connection_are_answered_in_order(onemq: AwsBroker, queue: str) -> None:
    """Written all at once, before any answer is read."""

    def request(text: str) -> bytes:
        body = urlencode({"Action": "SendMessage", "QueueUrl": queue, "MessageBody": text}).encode()
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n"
        fields = signed_headers("POST", "http://x/", body, {"Content-Type": FORM}, "test", "test")
        signature = f"Authorization: {fields['Authorization']}\r\nX-Amz-Date: {fields['X-Amz-Date']}\r\n\r\n"
        return (head + signature).encode() + body

    import hashlib

    with socket.create_connection((onemq.host, onemq.ports["aws"]), 10) as peer:
        peer.sendall(b"".join(request(f"m{number}") for number in range(5)))
        printed = b""
        while printed.count(b"</SendMessageResponse>") < 5:
            part = peer.recv(65536)
            assert part, printed
            printed += part
    sums = [hashlib.md5(f"m{number}".encode()).hexdigest().encode() for number in range(5)]
    assert [printed.index(checksum) for checksum in sums] == sorted(
        printed.index(checksum) for checksum in sums
    )


def test_a_chunked_body_is_read(onemq: AwsBroker, sqs: Client, queue: str) -> None:
    body = urlencode({"Action": "SendMessage", "QueueUrl": queue, "MessageBody": "hello"}).encode()
    fields = signed_headers("POST", "http://x/", body, {"Content-Type": FORM}, "test", "test")
    with socket.create_connection((onemq.host, onemq.ports["aws"]), 10) as peer:
        peer.sendall(
            f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n"
            f"Authorization: {fields['Authorization']}\r\nX-Amz-Date: {fields['X-Amz-Date']}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        for begin in range(0, len(body), 7):
            part = body[begin : begin + 7]
            peer.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        peer.sendall(b"0\r\n\r\n")
        printed = b"".join(iter(lambda: peer.recv(65536), b""))
    assert printed.startswith(b"HTTP/1.1 200") and b"SendMessageResult" in printed
    assert counts(sqs, queue) == (1, 0, 0)


@pytest.mark.parametrize(
    "beginning",
    [
        b"AMQP\x00\x00\x09\x01",
        b"\x16\x03\x01\x02\x00\x01",
        b"\x00" * 64,
        b"GET / HTTP/9.9\r\n\r\n",
        b"a" * 100_000,
    ],
)
def test_strangers_are_turned_away(onemq: AwsBroker, sqs: Client, queue: str, beginning: bytes) -> None:
    with socket.create_connection((onemq.host, onemq.ports["aws"]), 10) as peer:
        try:
            peer.sendall(beginning)
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                pass
        except ConnectionError:
            pass
    send(sqs, queue, "still served")
