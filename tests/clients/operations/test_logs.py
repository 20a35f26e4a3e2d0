"""What operators read: one line with its reason for each kind of trouble, and the audit file. Real clients, the real process."""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any

import boto3
import pika
import pytest
from botocore.config import Config
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError

from broker_process import BrokerProcess

WITHIN_SECONDS = 30.0
Line = dict[str, Any]


def log_lines(broker: BrokerProcess) -> list[Line]:
    return [json.loads(line) for line in broker.log().splitlines() if line.startswith("{")]


def audit_lines(broker: BrokerProcess) -> list[Line]:
    text = (broker.directory / "audit.log").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def the_line(broker: BrokerProcess, lines: Callable[[BrokerProcess], list[Line]], **expected: Any) -> Line:
    """The one line with these fields; it has to come within the bound, and to stay the only one."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while True:
        found = [line for line in lines(broker) if expected.items() <= line.items()]
        if found:
            assert len(found) == 1, found
            return found[0]
        assert time.monotonic() < deadline, f"no line with {expected}"
        time.sleep(0.02)


def parameters(broker: BrokerProcess, user: str, password: str, name: str) -> pika.ConnectionParameters:
    return pika.ConnectionParameters(
        broker.host,
        broker.port,
        credentials=pika.PlainCredentials(user, password),
        client_properties={"connection_name": name},
    )


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:10]


def test_an_amqp_login_and_an_operation_are_refused(broker: BrokerProcess, unique: str) -> None:
    user = f"nobody-{unique}"
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(parameters(broker, user, "x", ""))
    line = the_line(broker, log_lines, reason="login_refused", entity=f"user {user}")
    assert line["level"] == "warning" and line["protocol"] == "amqp" and "check the user" in line["message"]
    failed = the_line(broker, audit_lines, action="log in", user=user)
    assert (failed["result"], failed["protocol"], failed["peer"]) == ("refused", "amqp", line["peer"])
    connection = pika.BlockingConnection(parameters(broker, "reader", "reader", unique))
    with closing(connection), pytest.raises(ChannelClosedByBroker):
        connection.channel().queue_purge("secret")
    line = the_line(broker, log_lines, reason="operation_refused", client=unique)
    assert (line["user"], line["namespace"], line["entity"]) == ("reader", "/", "queue secret")
    assert f"(reader@{unique})" in line["message"] and "give the user the permission" in line["message"]
    act = the_line(broker, audit_lines, peer=line["peer"], action="purge")
    assert (act["user"], act["result"], act["name"]) == ("reader", "refused", "secret")


def test_deleting_is_an_act_in_every_protocol(broker: BrokerProcess, unique: str) -> None:
    with closing(pika.BlockingConnection(pika.URLParameters(broker.url))) as connection:
        channel = connection.channel()
        channel.queue_declare(f"q-{unique}")
        channel.queue_delete(f"q-{unique}")
    admin = AdminClient(
        {
            "bootstrap.servers": f"{broker.host}:{broker.ports['kafka']}",
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "guest",
            "sasl.password": "guest",
        }
    )
    for future in admin.create_topics([NewTopic(f"t-{unique}", 1, 1)]).values():
        future.result(WITHIN_SECONDS)
    for future in admin.delete_topics([f"t-{unique}"]).values():
        future.result(WITHIN_SECONDS)
    sqs = aws(broker, "test")
    url = sqs.create_queue(QueueName=f"s-{unique}")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    for kind, name, protocol in (("queue", "q", "amqp"), ("topic", "t", "kafka"), ("queue", "s", "aws")):
        line = the_line(broker, audit_lines, name=f"{name}-{unique}")
        assert (line["action"], line["kind"], line["result"]) == ("delete", kind, "done")
        assert (line["user"], line["protocol"], line["namespace"]) == ("guest", protocol, "/")


def test_a_kafka_login_is_refused(broker: BrokerProcess, unique: str) -> None:
    admin = AdminClient(
        {
            "bootstrap.servers": f"{broker.host}:{broker.ports['kafka']}",
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": f"nobody-{unique}",
            "sasl.password": "wrong",
            "reconnect.backoff.ms": 30_000,
            "reconnect.backoff.max.ms": 30_000,
        }
    )
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=2)
    deadline = time.monotonic() + WITHIN_SECONDS
    while not [line for line in audit_lines(broker) if line.get("user") == f"nobody-{unique}"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    found = [line for line in log_lines(broker) if line.get("entity") == f"user nobody-{unique}"]
    assert {(line["reason"], line["protocol"]) for line in found} == {("login_refused", "kafka")}


def aws(broker: BrokerProcess, secret: str) -> Any:
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key=secret, region_name="us-east-1"
    )
    config = Config(retries={"max_attempts": 0, "mode": "standard"})
    return session.client("sqs", endpoint_url=f"http://{broker.host}:{broker.ports['aws']}", config=config)


def test_many_failures_alike_are_a_few_lines_and_a_count(broker: BrokerProcess) -> None:
    for _ in range(100):
        with socket.create_connection((broker.host, broker.port), WITHIN_SECONDS) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert peer.recv(8) == b"AMQP\x00\x00\x09\x01"
    deadline = time.monotonic() + WITHIN_SECONDS
    while True:
        lines = log_lines(broker)
        written = [line for line in lines if line.get("reason") == "protocol_error"]
        left_out = [line["left_out"] for line in lines if line.get("of") == "protocol_error"]
        if len(written) + sum(left_out) == 100:
            break
        assert time.monotonic() < deadline, (len(written), left_out)
        time.sleep(0.02)
    assert len(written) < 100 and "GET / HT" in written[0]["message"]
