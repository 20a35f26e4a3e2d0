"""What the AWS tests share: the broker with its `aws` listener, clients of both protocols, waiting with a bound.

No test and no fixture lives here. Everything but AwsBroker takes an endpoint, so it works for onemq and for another server.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from broker_process import BrokerProcess

ENDPOINT_VARIABLE = "ONEMQ_TEST_AWS_ENDPOINT"
LISTENERS = ("amqp", "http", "aws")
REGION = "us-east-1"
ACCOUNT = "000000000000"
ACCESS_KEY, SECRET_KEY = "test", "test"
WITHIN_SECONDS = 15.0
POLL_SECONDS = 0.02

# What the fixtures give.
MakeQueue = Callable[..., str]
Unique = Callable[[str], str]
Client = Any


class AwsBroker(BrokerProcess):
    """onemq with its AWS listener. `listeners` more than these: `AwsBroker(directory, listeners=(*LISTENERS, "kafka"))`."""

    def __init__(self, *positional: Any, **keywords: Any) -> None:
        super().__init__(*positional, **{"listeners": LISTENERS, **keywords})

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.ports['aws']}"


Start = Callable[..., AwsBroker]


def client_settings(endpoint: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Keywords for `client` of a boto3 session. A client tries once only: no failure is papered over."""
    config = Config(
        retries={"max_attempts": 0, "mode": "standard"},
        connect_timeout=5,
        read_timeout=40,
        max_pool_connections=20,
    )
    settings: dict[str, Any] = {
        "endpoint_url": endpoint,
        "region_name": REGION,
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": SECRET_KEY,
        **overrides,
    }
    settings["config"] = config.merge(settings["config"]) if "config" in settings else config
    return settings


def aws_client(service: str, endpoint: str, **overrides: Any) -> Client:
    """boto3's client of `sqs` or `sns`. Keywords: of `boto3.client`; `config` is for more of botocore's settings."""
    # A session of its own: boto3's default one must not be used by two threads at once.
    return boto3.session.Session().client(service, **client_settings(endpoint, overrides))


def crash(broker: AwsBroker) -> None:
    """kill -9 and start again on the same data."""
    broker.kill9()
    broker.start()


def unique_name(suffix: str) -> str:
    return f"test-{uuid.uuid4().hex[:10]}-{suffix}"


def wait_until(
    condition: Callable[[], bool], within_seconds: float = WITHIN_SECONDS, what: str = "the condition"
) -> None:
    """Ask again and again; fail the test after the bound."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} does not hold within {within_seconds} s")
        time.sleep(POLL_SECONDS)


class Refused:
    """What `refused` caught: the code as botocore gives it, the message, and the HTTP status."""

    code: str
    message: str
    status: int
    response: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.status} {self.code}: {self.message}"


@contextmanager
def refused(code: str, message: str | None = None, status: int = 400) -> Generator[Refused, None, None]:
    """The block must end with this error; `message` None: whatever it says."""
    told = Refused()
    with pytest.raises(ClientError) as caught:
        yield told
    told.response = caught.value.response
    told.code = told.response["Error"]["Code"]
    told.message = told.response["Error"].get("Message", "")
    told.status = told.response["ResponseMetadata"]["HTTPStatusCode"]
    assert (told.code, told.status) == (code, status), told
    assert message is None or told.message == message, told


def arn_of(sqs: Client, url: str) -> str:
    return str(attributes(sqs, url, "QueueArn")["QueueArn"])


def attributes(sqs: Client, url: str, *names: str) -> dict[str, str]:
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*names] or ["All"]).get(
        "Attributes", {}
    )
    return found


def counts(sqs: Client, url: str) -> tuple[int, int, int]:
    """Visible, in flight, delayed."""
    names = ("", "NotVisible", "Delayed")
    found = attributes(sqs, url, *(f"ApproximateNumberOfMessages{name}" for name in names))
    visible, in_flight, delayed = (int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)
    return visible, in_flight, delayed


def send(sqs: Client, url: str, *bodies: str, **parameters: Any) -> list[dict[str, Any]]:
    """One by one, in order."""
    return [sqs.send_message(QueueUrl=url, MessageBody=body, **parameters) for body in bodies]


def receive(sqs: Client, url: str, count: int = 10, **parameters: Any) -> list[dict[str, Any]]:
    """What one request brings; it does not wait unless told so."""
    parameters = {"WaitTimeSeconds": 0, **parameters}
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count, **parameters)
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def receive_exactly(sqs: Client, url: str, count: int, **parameters: Any) -> list[dict[str, Any]]:
    """So many messages, with as many requests as it takes; fails after the bound."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + WITHIN_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} messages of {count}: {bodies(found)}"
        found += receive(sqs, url, min(10, count - len(found)), **{"WaitTimeSeconds": 1, **parameters})
    return found


def delete(sqs: Client, url: str, messages: list[dict[str, Any]]) -> None:
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def drain(sqs: Client, url: str) -> list[str]:
    """The bodies of everything that is ready; it is deleted."""
    found: list[str] = []
    while messages := receive(sqs, url):
        delete(sqs, url, messages)
        found += bodies(messages)
    return found


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]
