"""Load over SQS's JSON protocol: batches of up to ten, one request at a time on each connection. Source: Amazon SQS API reference."""

import json
import re
import time
from typing import Any, Final

from onemq.cli.bench.wire import Wire
from onemq.cli.bench.worker import BenchFailed, Plan, Worker

BATCH_MAX: Final = 10
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
# As SDKs send it. Where nobody has access keys any signature passes.
_SIGNED: Final = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" + "0123456789abcdef" * 4
)


class SqsConnection:
    def __init__(self, plan: Plan) -> None:
        self._wire = Wire(plan.host, plan.port)
        self._host = f"{plan.host}:{plan.port}"
        self.url = f"http://{self._host}/000000000000/{plan.target}"

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(parameters).encode()
        lines = [
            "POST / HTTP/1.1",
            f"Host: {self._host}",
            f"X-Amz-Target: AmazonSQS.{operation}",
            "Content-Type: application/x-amz-json-1.0",
            "X-Amz-Date: 20260101T000000Z",
            f"Authorization: {_SIGNED}",
            f"Content-Length: {len(body)}",
        ]
        self._wire.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = self._wire.take_until(b"\r\n\r\n")
        length = _LENGTH.search(head)
        content = self._wire.take(int(length[1])) if length is not None else b""
        if not head.startswith(b"HTTP/1.1 200"):
            if b"Signature" in content or b"UnrecognizedClient" in content or b"token" in content:
                raise BenchFailed(
                    "SQS wants signed requests here, because users have access keys: "
                    "put the load on another protocol, or on a broker without access keys"
                )
            raise BenchFailed(f"{operation} was refused: {content[:200].decode('utf-8', 'replace')}")
        found: dict[str, Any] = json.loads(content) if content else {}
        return found

    def close(self) -> None:
        self._wire.close()


class SqsProducer(Worker):
    def work(self) -> None:
        plan = self.plan
        count = min(plan.batch, BATCH_MAX)
        connection = SqsConnection(plan)
        while self.may_send(count):
            entries = [
                {"Id": str(index), "MessageBody": self.body().decode("ascii")} for index in range(count)
            ]
            began = time.monotonic_ns()
            done = connection.call("SendMessageBatch", {"QueueUrl": connection.url, "Entries": entries})
            if done.get("Failed"):
                raise BenchFailed(f"SendMessageBatch failed: {done['Failed'][0]}")
            self.sent(count, time.monotonic_ns() - began)
        connection.close()


class SqsConsumer(Worker):
    def work(self) -> None:
        connection = SqsConnection(self.plan)
        receive = {"QueueUrl": connection.url, "MaxNumberOfMessages": BATCH_MAX, "WaitTimeSeconds": 1}
        while not self.plan.draining.is_set():
            messages = connection.call("ReceiveMessage", receive).get("Messages", [])
            for message in messages:
                self.took(message["Body"].encode())
            if messages:
                entries = [
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages)
                ]
                connection.call("DeleteMessageBatch", {"QueueUrl": connection.url, "Entries": entries})
        connection.close()
