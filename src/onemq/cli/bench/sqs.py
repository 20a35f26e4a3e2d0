"""Load over SQS's JSON protocol: batches of up to ten, one request at a time on each connection. Source: Amazon SQS API reference."""

import json
import re
import time
from typing import Any, Final

from onemq.cli.bench.plan import Plan, body
from onemq.cli.bench.wire import BenchFailed, Wire
from onemq.cli.bench.worker import Consumer, Producer

BATCH_MAX: Final = 10
REQUEST_BYTES_MAX: Final = 262_144
"""Of all bodies of a batch."""
WAIT_SECONDS: Final = 1
UNSIGNED: Final = (
    b"UnrecognizedClientException",
    b"InvalidClientTokenId",
    b"SignatureDoesNotMatch",
    b"IncompleteSignature",
)
"""Errors of whoever does not sign, in both protocols."""
HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
# As SDKs send it. Where nobody has access keys any signature passes.
_SIGNED: Final = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" + "0123456789abcdef" * 4
)


def request(host: str, operation: str, parameters: dict[str, Any]) -> bytes:
    """host: with the port."""
    content = json.dumps(parameters).encode()
    lines = [
        "POST / HTTP/1.1",
        f"Host: {host}",
        f"X-Amz-Target: AmazonSQS.{operation}",
        "Content-Type: application/x-amz-json-1.0",
        "X-Amz-Date: 20260101T000000Z",
        f"Authorization: {_SIGNED}",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join(lines).encode() + HEAD_END + content


def content_length(head: bytes) -> int:
    found = _LENGTH.search(head)
    return int(found[1]) if found is not None else 0


def batch_count(batch: int, size: int) -> int:
    """How many messages fit into a request."""
    return max(min(batch, BATCH_MAX, REQUEST_BYTES_MAX // size), 1)


def refusal(operation: str, content: bytes) -> str:
    """For people. content: of the answer."""
    if any(name in content for name in UNSIGNED):
        return (
            "this broker has users, so SQS wants requests signed with an access key, which a load does not do: "
            "put it on another protocol, or on a broker without users"
        )
    return f"{operation} was refused: {content[:200].decode('utf-8', 'replace')}"


class SqsConnection:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._wire = Wire(plan.host, plan.port)
        self._host = f"{plan.host}:{plan.port}"
        self.url = f"http://{self._host}/000000000000/{plan.target}"

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._wire.send(request(self._host, operation, parameters))
        head = self._wire.take_until(HEAD_END)
        content = self._wire.take(content_length(head))
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchFailed(refusal(operation, content))
        if b"connection: close" in head.lower():
            self._wire.close()
            self._wire = Wire(self._plan.host, self._plan.port)
        found: dict[str, Any] = json.loads(content) if content else {}
        return found

    def close(self) -> None:
        self._wire.close()


class SqsProducer(Producer):
    def work(self) -> None:
        plan = self.plan
        most = batch_count(plan.batch, plan.size)
        connection = SqsConnection(plan)
        self.begin()
        while not self.over():
            now = time.monotonic_ns()
            self.tick(now)
            stamps = [self.pace.take(now) for _ in range(self.room(0, most, now))]
            if not stamps:
                time.sleep(self.wait_seconds(now))
                continue
            entries = [
                {"Id": str(at), "MessageBody": body(stamp, plan.size).decode("ascii")}
                for at, stamp in enumerate(stamps)
            ]
            done = connection.call("SendMessageBatch", {"QueueUrl": connection.url, "Entries": entries})
            if done.get("Failed"):
                raise BenchFailed(f"SendMessageBatch failed: {done['Failed'][0]}")
            self.sent(stamps, time.monotonic_ns())
        connection.close()


class SqsConsumer(Consumer):
    def work(self) -> None:
        connection = SqsConnection(self.plan)
        receive = {
            "QueueUrl": connection.url,
            "MaxNumberOfMessages": BATCH_MAX,
            "WaitTimeSeconds": WAIT_SECONDS,
        }
        while not self.over():
            messages = connection.call("ReceiveMessage", receive).get("Messages", [])
            now = time.monotonic_ns()
            self.tick(now)
            if not messages:
                continue
            for message in messages:
                self.took(message["Body"].encode(), now)
            entries = [
                {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]}
                for at, message in enumerate(messages)
            ]
            connection.call("DeleteMessageBatch", {"QueueUrl": connection.url, "Entries": entries})
        connection.close()
