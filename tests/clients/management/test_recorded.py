"""What a RabbitMQ 3.10.8 answered to some 200 requests, asked of the real process over a real socket.

With ONEMQ_TEST_MANAGEMENT_URL (http://HOST:PORT) and ONEMQ_TEST_AMQP_URL set they are asked of that broker: that is how they are looked
at anew with another RabbitMQ. It has to be empty.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Generator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest

from broker_process import BrokerProcess
from unit.heads.management.recorded import steps


@pytest.fixture
def addresses(tmp_path: Path) -> Generator[tuple[str, str], None, None]:
    """AMQP URL; host and port of the management API."""
    given = os.environ.get("ONEMQ_TEST_MANAGEMENT_URL", "")
    if given:
        yield os.environ["ONEMQ_TEST_AMQP_URL"], urlsplit(given).netloc
        return
    process = BrokerProcess(tmp_path, memory=True)
    process.start()
    try:
        yield process.url, f"127.0.0.1:{process.ports['http']}"
    finally:
        process.kill9()


class Client:
    """One connection."""

    def __init__(self, address: str) -> None:
        self._http = HTTPConnection(address, timeout=30)

    def ask(
        self, method: str, path: str, body: bytes | None, login: str = "guest:guest"
    ) -> tuple[int, bytes, str]:
        headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._http.request(method, path, body, headers)
        answer = self._http.getresponse()
        return answer.status, answer.read(), answer.headers.get("Location", "")


def prepare(connection: pika.BlockingConnection) -> None:
    """What was there when the answers were recorded."""
    channel = connection.channel()
    arguments = {"x-message-ttl": 600000, "x-max-length": 1000, "x-dead-letter-exchange": ""}
    channel.queue_declare("orders", durable=True, arguments=arguments)
    channel.basic_qos(prefetch_count=10)
    channel.basic_consume("orders", lambda *_: None, consumer_tag="ctag")
    channel.queue_declare("qq", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_declare("stream", durable=True, arguments={"x-queue-type": "stream"})
    channel.queue_declare("mine", exclusive=True)
    channel.exchange_declare("e2", "direct", durable=False)
    channel.confirm_delivery()
    channel.basic_publish("", "qq", b"x", pika.BasicProperties(delivery_mode=2))


def test_the_process_answers_as_rabbitmq_answered(addresses: tuple[str, str]) -> None:
    amqp_url, management = addresses
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    client = Client(management)
    prepare(connection)
    node = json.loads(client.ask("GET", "/api/overview", None)[1])["node"]
    for step in steps(node):
        step.check(*client.ask(step.method, step.path, step.octets, step.login))
    connection.close()
