"""Brokers, clients and queues for the tests with AWS clients.

By default they run against onemq. With ONEMQ_TEST_AWS_ENDPOINT set they run against the server there (ElasticMQ's, moto's), which is
how the tests themselves are tried; AWS's own documented and recorded behaviour decides where servers differ. Tests of what only
onemq has, and tests that kill their broker, are skipped then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import contextlib

from clients.aws_python.query import QueryClient
from clients.aws_python.query_model import query_protocol_client
from clients.aws_python.session import (
    ENDPOINT_VARIABLE,
    LISTENERS,
    AwsBroker,
    Client,
    MakeQueue,
    Start,
    Unique,
    aws_client,
    unique_name,
)


@pytest.fixture(scope="session")
def broker_process(tmp_path_factory: pytest.TempPathFactory) -> Generator[AwsBroker | None, None, None]:
    """The process all tests share (with Kafka's listener, too), or None when they run against a server from outside."""
    if ENDPOINT_VARIABLE in os.environ:
        yield None
        return
    process = AwsBroker(tmp_path_factory.mktemp("broker"), listeners=(*LISTENERS, "kafka"))
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture(scope="session")
def endpoint(broker_process: AwsBroker | None) -> str:
    """Where the shared broker is, as AWS's clients take it."""
    return os.environ[ENDPOINT_VARIABLE] if broker_process is None else broker_process.endpoint


@pytest.fixture
def onemq(broker_process: AwsBroker | None) -> AwsBroker:
    """The shared process, for tests of what others have not."""
    if broker_process is None:
        pytest.skip("only onemq has this")
    return broker_process


@pytest.fixture(scope="session")
def sqs(endpoint: str) -> Client:
    """boto3's client of SQS (JSON protocol) on the shared broker."""
    return aws_client("sqs", endpoint)


@pytest.fixture(scope="session")
def sns(endpoint: str) -> Client:
    """boto3's client of SNS on the shared broker."""
    return aws_client("sns", endpoint)


@pytest.fixture(scope="session")
def query(endpoint: str) -> QueryClient:
    """SQS in its older protocol, Query with XML, on the shared broker."""
    return QueryClient(endpoint)


@pytest.fixture(scope="session", params=["json", "query"])
def either(request: pytest.FixtureRequest, endpoint: str, sqs: Client) -> Client:
    """The client of SQS in each protocol: a test that has it runs twice."""
    return sqs if request.param == "json" else query_protocol_client(endpoint)


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start, None, None]:
    """Starts brokers of the test's own: `start(configuration="...")`, keywords as of BrokerProcess; they may be killed."""
    if ENDPOINT_VARIABLE in os.environ:
        pytest.skip(f"{ENDPOINT_VARIABLE} is set: a broker from outside is not to be configured or killed")
    started: list[AwsBroker] = []

    def start_one(**keywords: Any) -> AwsBroker:
        process = AwsBroker(tmp_path / f"broker{len(started)}", **keywords)
        started.append(process)
        process.start()
        return process

    yield start_one
    for process in started:
        process.kill9()


@pytest.fixture
def own_broker(start: Start) -> AwsBroker:
    """A broker for one test that may stop, kill and restart it."""
    return start()


@pytest.fixture
def unique() -> Unique:
    """A function that makes names no other test uses."""
    return unique_name


@pytest.fixture
def make_queue(sqs: Client) -> Generator[MakeQueue, None, None]:
    """A function that creates queues and gives their URL: `make_queue("orders.fifo", VisibilityTimeout=1)`.

    A name that ends with .fifo makes a FIFO queue. All are deleted after the test.
    """
    made: list[str] = []

    def make(suffix: str = "queue", client: Client = None, **settings: Any) -> str:
        if suffix.endswith(".fifo"):
            settings = {"FifoQueue": "true", **settings}
        texts = {name: str(value) for name, value in settings.items()}
        answer = (client or sqs).create_queue(QueueName=unique_name(suffix), Attributes=texts)
        url: str = answer["QueueUrl"]
        if client is None:
            made.append(url)
        return url

    yield make
    for url in made:
        with contextlib.suppress(sqs.exceptions.QueueDoesNotExist):
            sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def queue(make_queue: MakeQueue) -> str:
    """The URL of a standard queue with SQS's defaults."""
    return make_queue()


@pytest.fixture
def fifo(make_queue: MakeQueue) -> str:
    """The URL of a FIFO queue with deduplication by content."""
    return make_queue("queue.fifo", ContentBasedDeduplication="true")
