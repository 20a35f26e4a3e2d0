"""The conformance drivers of Amazon SQS, and of SNS before it: boto3; raw requests signed by botocore where no client would send them.

With SNS a queue is one that subscribes to a topic of its name, with raw delivery, and what is published is published to the topic.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from broker_process import BrokerProcess
from clients.aws_python.query import signed_headers
from clients.aws_python.session import ACCOUNT, REGION
from conformance.driver import (
    WITHIN_SECONDS,
    Client,
    Death,
    Denied,
    Driver,
    Envelope,
    Gone,
    Light,
    Message,
    Pipeline,
    Queue,
    Word,
)

BODY_BYTES_MAX = 1024 * 1024
FIFO = ".fifo"
JSON = "application/x-amz-json-1.0"
QUEUES, TOPICS = "sqs", "sns"
ATTRIBUTES = {
    "content-type": "content_type",
    "correlation-id": "correlation_id",
    "message-id": "message_id",
    "reply-to": "reply_to",
}
_making = threading.Lock()


@lru_cache(maxsize=1)
def session() -> boto3.session.Session:
    return boto3.session.Session()


def make_client(service: str, endpoint: str, user: str, password: str) -> Any:
    config = Config(
        retries={"max_attempts": 0, "mode": "standard"}, connect_timeout=5, read_timeout=WITHIN_SECONDS
    )
    with _making:  # a session is for one thread at a time
        return session().client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=user or "nobody",
            aws_secret_access_key=password or "nothing",
            config=config,
        )


@contextmanager
def denials() -> Generator[None, None, None]:
    """boto3's exceptions as the suite's."""
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        raise Denied(told["Code"], told.get("Message", ""), False) from error
    except BotoCoreError as error:
        raise Gone(repr(error)) from error


class SqsClient(Client):
    def __init__(self, endpoint: str, user: str, password: str) -> None:
        self._sqs = make_client(QUEUES, endpoint, user, password)
        self._urls: dict[str, str] = {}
        self.sync()

    def sync(self) -> None:
        with denials():
            self._sqs.list_queues(MaxResults=1)

    def declare(self, queue: Queue) -> None:
        attributes = {"VisibilityTimeout": str(queue.lease_seconds)}
        if queue.keyed:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        if queue.dead_letter_to:
            target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.dead_letter_to}"
            policy = {"deadLetterTargetArn": target, "maxReceiveCount": queue.attempts_max}
            attributes["RedrivePolicy"] = json.dumps(policy)
        with denials():
            answer = self._sqs.create_queue(
                QueueName=queue.name + (FIFO if queue.keyed else ""), Attributes=attributes
            )
        self._urls[queue.name] = answer["QueueUrl"]

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            with denials():
                self._urls[queue] = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]

    def publish(
        self, queue: str, body: bytes, *, delay_ms: int = 0, expires_ms: int | None = None, key: str = ""
    ) -> None:
        more: dict[str, Any] = {"MessageGroupId": key} if key else {}
        if delay_ms:
            more["DelaySeconds"] = -(-delay_ms // 1000)
        with denials():
            self._sqs.send_message(QueueUrl=self._url(queue), MessageBody=body.decode(), **more)

    def send(self, queue: str, envelope: Envelope) -> Envelope:
        more = {} if envelope.key is None else {"MessageGroupId": envelope.key}
        with denials():
            answer = self._sqs.send_message(
                QueueUrl=self._url(queue),
                MessageBody=envelope.body.decode(),
                MessageAttributes=attributes_of(envelope),
                **more,
            )
        return replace(envelope, message_id=answer["MessageId"], timestamp=None)

    def fetch(self, queue: str) -> Envelope:
        message = self.take_within(queue)
        self.accept(message)
        _url, _receipt, found = message.handle
        headers: dict[str, str | bytes] = {}
        known: dict[str, str] = {}
        for name, attribute in found.get("MessageAttributes", {}).items():
            value = attribute.get("StringValue", attribute.get("BinaryValue"))
            if name in ATTRIBUTES:
                known[ATTRIBUTES[name]] = str(value)
            elif not name.startswith("onemq."):
                headers[name] = value
        known.setdefault("message_id", found["MessageId"])
        system = found["Attributes"]
        return Envelope(
            message.body,
            headers,
            system.get("MessageGroupId"),
            timestamp=int(system["SentTimestamp"]) // 1000,
            **known,
        )

    def take(self, queue: str) -> Message | None:
        url = self._url(queue)
        with denials():
            answer = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        if not answer.get("Messages"):
            return None
        (found,) = answer["Messages"]
        source = found["Attributes"].get("DeadLetterQueueSourceArn", "")
        history = [Death(source.rpartition(":")[2])] if source else []
        again = int(found["Attributes"]["ApproximateReceiveCount"]) > 1
        return Message(found["Body"].encode(), again, (url, found["ReceiptHandle"], found), history)

    def accept(self, message: Message) -> None:
        url, receipt, _found = message.handle
        with denials():
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)

    def release(self, message: Message) -> None:
        url, receipt, _found = message.handle
        with denials():
            self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)

    def fail(self, message: Message) -> None:
        self.release(message)

    def close(self) -> None:
        self._sqs.close()

    def drop(self) -> None:
        self.close()


def attributes_of(envelope: Envelope) -> dict[str, dict[str, str | bytes]]:
    """All that SQS has no place of its own for, as message attributes; the id is the service's own to give."""
    values: dict[str, str | bytes] = dict(envelope.headers)
    for name, attribute in ATTRIBUTES.items():
        value = getattr(envelope, attribute)
        if value is not None and attribute != "message_id":
            values[name] = value
    return {
        name: {"DataType": "Binary", "BinaryValue": value}
        if isinstance(value, bytes)
        else {"DataType": "String", "StringValue": value}
        for name, value in values.items()
    }


class SnsClient(SqsClient):
    def __init__(self, endpoint: str, user: str, password: str) -> None:
        self._sns = make_client(TOPICS, endpoint, user, password)
        super().__init__(endpoint, user, password)

    def create(self, name: str) -> None:
        with denials():
            self._sns.create_topic(Name=name)

    def declare(self, queue: Queue) -> None:
        super().declare(queue)
        suffix = FIFO if queue.keyed else ""
        attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"} if queue.keyed else {}
        with denials():
            self._sns.create_topic(Name=queue.name + suffix, Attributes=attributes)
            self._sns.subscribe(
                TopicArn=topic_arn(queue.name + suffix),
                Protocol="sqs",
                Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.name}{suffix}",
                Attributes={"RawMessageDelivery": "true"},
            )

    def publish(
        self, queue: str, body: bytes, *, delay_ms: int = 0, expires_ms: int | None = None, key: str = ""
    ) -> None:
        name = queue + FIFO if key else queue
        more = {"MessageGroupId": key} if key else {}
        with denials():
            self._sns.publish(TopicArn=topic_arn(name), Message=body.decode(), **more)

    def send(self, queue: str, envelope: Envelope) -> Envelope:
        more = {} if envelope.key is None else {"MessageGroupId": envelope.key}
        with denials():
            answer = self._sns.publish(
                TopicArn=topic_arn(queue),
                Message=envelope.body.decode(),
                MessageAttributes=attributes_of(envelope),
                **more,
            )
        return replace(envelope, message_id=answer["MessageId"], timestamp=None)

    def close(self) -> None:
        super().close()
        self._sns.close()


def topic_arn(name: str) -> str:
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


class SignedHttp(Light):
    """One HTTP connection, requests signed by hand; answered bodies are of no interest."""

    def __init__(self, broker: BrokerProcess, service: str) -> None:
        self._host = f"{broker.host}:{broker.ports['aws']}"
        self._service = service
        self._connection = http.client.HTTPConnection(self._host, timeout=WITHIN_SECONDS)
        self._connection.connect()

    def publish(self, queue: str, body: bytes) -> None:
        url = f"http://{self._host}/{ACCOUNT}/{queue}"
        self._call("SendMessage", {"QueueUrl": url, "MessageBody": body.decode()})

    def sync(self) -> None:
        self._call("ListQueues", {"MaxResults": 1})

    def _call(self, operation: str, parameters: dict[str, Any]) -> None:
        body = json.dumps(parameters).encode()
        try:
            self._connection.request("POST", "/", body, request_headers(self._host, operation, body))
            answer = self._connection.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.auto_open = 0
            raise Gone(repr(error)) from error
        if answer.status != 200:
            raise Denied(answer.status, told.decode(), False)

    def close(self) -> None:
        self._connection.close()

    def drop(self) -> None:
        self._connection.close()


def request_headers(host: str, operation: str, body: bytes) -> dict[str, str]:
    headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": JSON, "Host": host}
    return signed_headers("POST", f"http://{host}/", body, headers, "guest", "guest")


def raw_request(host: str, operation: str, parameters: dict[str, Any]) -> bytes:
    body = json.dumps(parameters).encode()
    fields = {**request_headers(host, operation, body), "Content-Length": str(len(body))}
    return (
        b"POST / HTTP/1.1\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
        + b"\r\n"
        + body
    )


class SqsPipeline(Pipeline):
    """A request at a time: that is all there is."""

    def __init__(self, client: SqsClient | SignedHttp, queue: str) -> None:
        self.confirmed: set[int] = set()
        self._client = client
        self._queue = queue

    def publish(self, number: int) -> None:
        self._client.publish(self._queue, str(number).encode())
        self.confirmed.add(number)

    def pump(self, seconds: float) -> None:
        return

    def close(self) -> None:
        self._client.close()


class Sqs(Driver):
    name = "sqs"
    listener = "aws"
    speaks = frozenset(
        {
            Word.GREETS_STRANGERS,
            Word.SINGLY,
            Word.REDELIVERED,
            Word.ATTEMPTS,
            Word.DELAY,
            Word.FREES,
        }
    )
    greeting = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    strangers = [
        (beginning, b"HTTP/1.1 400")
        for beginning in (
            b"AMQP\x00\x00\x09\x01\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
            b"\x00" * 8 + b"\r\n\r\n",
            b"\xff" * 4096 + b"\r\n\r\n",
        )
    ]
    frame_too_large = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000000\r\n\r\n" + b"x" * 1000
    )
    body_bytes_max = BODY_BYTES_MAX
    codes = {
        "too large": ("InvalidParameterValue", "InvalidParameter"),
        "login": ("InvalidClientTokenId", "SignatureDoesNotMatch"),
        "forbidden": ("AccessDenied", "AccessDeniedException", "AuthorizationError"),
        "unknown": ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NotFound"),
    }

    def connect(
        self,
        broker: BrokerProcess,
        *,
        user: str = "guest",
        password: str = "guest",
        namespace: str = "",
        idle_seconds: int = 0,
    ) -> Client:
        return SqsClient(self._endpoint(broker), user, password)

    def light(self, broker: BrokerProcess) -> Light:
        return SignedHttp(broker, QUEUES)

    def pipeline(self, broker: BrokerProcess, queue: str) -> Pipeline:
        return SqsPipeline(SignedHttp(broker, QUEUES), queue)

    def _endpoint(self, broker: BrokerProcess) -> str:
        return f"http://{broker.host}:{broker.ports[self.listener]}"

    def greeted(self, peer: socket.socket) -> None:
        peer.sendall(self.greeting)
        assert peer.recv(65536).startswith(b"HTTP/1.1 ")

    def log_in(self, peer: socket.socket, idle_seconds: int) -> None:
        host, port = peer.getpeername()
        peer.sendall(raw_request(f"{host}:{port}", "ListQueues", {"MaxResults": 1}))
        assert peer.recv(65536).startswith(b"HTTP/1.1 200")

    def half_a_frame(self) -> bytes:
        return b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf"

    def garbage_after_login(self) -> tuple[bytes, bytes]:
        return b"\x2a\x00" * 7 + b"\r\n\r\n", b"HTTP/1.1 400"

    def large_questions(self, queue: str, count: int) -> list[bytes]:
        parameters = {"QueueUrl": f"http://localhost/{ACCOUNT}/{queue}", "MaxNumberOfMessages": 1}
        return [raw_request("localhost", "ReceiveMessage", parameters)] * count


class Sns(Sqs):
    name = "sns"
    body_bytes_max = 256 * 1024

    def __init__(self) -> None:
        self.speaks = Sqs.speaks - {Word.DELAY}

    def connect(
        self,
        broker: BrokerProcess,
        *,
        user: str = "guest",
        password: str = "guest",
        namespace: str = "",
        idle_seconds: int = 0,
    ) -> Client:
        return SnsClient(self._endpoint(broker), user, password)

    def pipeline(self, broker: BrokerProcess, queue: str) -> Pipeline:
        return SqsPipeline(SnsClient(self._endpoint(broker), "guest", "guest"), queue)
