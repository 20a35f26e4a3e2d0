"""SQS over HTTP/1.1 and JSON 1.0 for the load program: requests as bytes, answers found in what was received.

Must not import onemq, nor a client library: a fault in ours would otherwise be invisible, and theirs would be what is
measured. Source: the SQS API reference; RFC 9112.
"""

import json
import re
import socket
import time
from typing import Final

from bench.amqp_wire import ADDRESS, TIMEOUT_SECONDS, LoadError

HEAD_END: Final = b"\r\n\r\n"
READ_BYTES: Final = 262_144
_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
# As SDKs send it; where no users are configured nobody looks at the signature, and computing it is the client's cost.
_SIGNED: Final = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" + "0123456789abcdef" * 4
)


class Request:
    """One operation's request without its body's length and body, encoded once."""

    def __init__(self, port: int, operation: str) -> None:
        lines = [
            "POST / HTTP/1.1",
            f"Host: {ADDRESS}:{port}",
            f"X-Amz-Target: AmazonSQS.{operation}",
            "x-amzn-query-mode: true",
            "Content-Type: application/x-amz-json-1.0",
            "User-Agent: onemq-bench",
            "X-Amz-Date: 20260101T000000Z",
            f"Authorization: {_SIGNED}",
            "Content-Length: ",
        ]
        self._head = "\r\n".join(lines).encode()

    def with_body(self, body: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


class Answer:
    """Head and body of one answer, and whether the broker closes the connection after it."""

    __slots__ = ("body", "closes", "ok", "status_line")

    def __init__(self, head: bytes, body: bytes) -> None:
        self.ok = head.startswith(b"HTTP/1.1 200")
        self.status_line = head.partition(b"\r\n")[0]
        self.closes = _CLOSES.search(head) is not None
        self.body = body

    def must_be_ok(self) -> None:
        """Raises LoadError."""
        if not self.ok:
            raise LoadError(f"{self.status_line.decode()}: {self.body[:200].decode(errors='replace')}")


def take_answer(received: bytes) -> Answer | None:
    """The answer that `received` is; None while it is not whole. Raises LoadError when it is anything else."""
    end = received.find(HEAD_END)
    if end < 0:
        return None
    head = received[: end + 2]
    length = _CONTENT_LENGTH.search(head)
    if length is None:
        raise LoadError(f"an answer without a length: {head[:200]!r}")
    begin = end + len(HEAD_END)
    missing = begin + int(length[1]) - len(received)
    if missing > 0:
        return None
    if missing < 0:
        raise LoadError("more than one answer to one request")
    return Answer(head, received[begin:])


def connect(port: int, seconds_max: float = TIMEOUT_SECONDS) -> socket.socket:
    connection = socket.create_connection((ADDRESS, port), timeout=seconds_max)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(connection: socket.socket, request: bytes) -> Answer:
    """Send and wait for the answer. Raises LoadError."""
    connection.sendall(request)
    received = b""
    while (answer := take_answer(received)) is None:
        data = connection.recv(READ_BYTES)
        if not data:
            raise LoadError("the broker closed the connection")
        received += data
    return answer


def call(
    port: int, operation: str, parameters: dict[str, object], seconds_max: float = TIMEOUT_SECONDS
) -> dict[str, object]:
    """One operation over a connection of its own. Raises LoadError."""
    with connect(port, seconds_max) as connection:
        answer = exchange(connection, Request(port, operation).with_body(json.dumps(parameters).encode()))
    answer.must_be_ok()
    result: dict[str, object] = json.loads(answer.body) if answer.body else {}
    return result


def create_queue(port: int, name: str, attributes: dict[str, str] | None = None) -> str:
    """Its URL."""
    made = call(port, "CreateQueue", {"QueueName": name, "Attributes": attributes or {}})
    return str(made["QueueUrl"])


def messages_left(port: int, url: str) -> int:
    """Waiting, in flight and delayed ones."""
    names = [f"ApproximateNumberOfMessages{part}" for part in ("", "NotVisible", "Delayed")]
    got = call(port, "GetQueueAttributes", {"QueueUrl": url, "AttributeNames": names})
    attributes = got["Attributes"]
    assert isinstance(attributes, dict)
    return sum(int(attributes[name]) for name in names)


def wait_for_answer(port: int, deadline: float) -> None:
    """Until ListQueues is answered. Raises LoadError at the deadline (monotonic seconds)."""
    while True:
        try:
            call(port, "ListQueues", {}, 5.0)
            return
        except (OSError, LoadError) as error:
            if time.monotonic() >= deadline:
                raise LoadError(f"no answer to ListQueues: {error}") from error
            time.sleep(0.002)
