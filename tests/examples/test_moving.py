"""Moving in: what was declared on one broker is declared on another, by the protocols of RabbitMQ, Kafka and SQS."""

from __future__ import annotations

import json
from collections.abc import Generator

import boto3
import pika
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from confluent_kafka.cimpl import NewTopic

from broker_process import BrokerProcess
from example_runner import EXAMPLES, LISTENERS, Examples


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    process = BrokerProcess(tmp_path_factory.mktemp("new"), listeners=LISTENERS, memory=True)
    process.start()
    try:
        yield process
    finally:
        process.kill9()


def test_definitions(examples: Examples, new: BrokerProcess) -> None:
    with pika.BlockingConnection(pika.URLParameters(examples.broker.url)) as connection:
        channel = connection.channel()
        channel.exchange_declare("moving", "topic", durable=True)
        channel.queue_declare("moved", durable=True, arguments={"x-max-priority": 5})
        channel.queue_bind("moved", "moving", "goods.#")
    servers = [
        f"http://guest:guest@{broker.host}:{broker.ports['http']}" for broker in (examples.broker, new)
    ]
    for _ in ("first", "again"):
        examples.play("moving.definitions", *servers)
    with pika.BlockingConnection(pika.URLParameters(new.url)) as connection:
        channel = connection.channel()
        channel.queue_declare("moved", durable=True, arguments={"x-max-priority": 5})  # the same, or refused
        channel.confirm_delivery()
        channel.basic_publish("moving", "goods.heavy", b"piano", mandatory=True)
        _method, _properties, body = channel.basic_get("moved", auto_ack=True)
        assert body == b"piano"


def test_topics(examples: Examples, new: BrokerProcess) -> None:
    servers = [f"{broker.host}:{broker.ports['kafka']}" for broker in (examples.broker, new)]
    old_admin, new_admin = (AdminClient({"bootstrap.servers": server}) for server in servers)
    settings = {"cleanup.policy": "compact", "retention.ms": "123456"}
    if "moved-topic" not in old_admin.list_topics(timeout=10).topics:
        topic = NewTopic("moved-topic", num_partitions=7, config=settings)
        old_admin.create_topics([topic])["moved-topic"].result(30)
    for _ in ("first", "again"):
        examples.play("moving.topics", *servers)
    assert len(new_admin.list_topics(timeout=10).topics["moved-topic"].partitions) == 7
    resource = ConfigResource(ResourceType.TOPIC, "moved-topic")
    shown = new_admin.describe_configs([resource])[resource].result(30)
    assert {name: shown[name].value for name in settings} == settings
    assert shown["segment.bytes"].is_default


def test_queues(examples: Examples, new: BrokerProcess) -> None:
    endpoints = [f"http://{broker.host}:{broker.ports['aws']}" for broker in (examples.broker, new)]
    old_sqs, new_sqs = (
        boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        for endpoint in endpoints
    )
    dead = old_sqs.create_queue(QueueName="z-moved-dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = old_sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = {
        "FifoQueue": "true",
        "VisibilityTimeout": "77",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 4}),
    }
    old_sqs.create_queue(QueueName="moved.fifo", Attributes=wanted, tags={"team": "stock"})
    for _ in ("first", "again"):
        examples.play("moving.queues", *endpoints)
    url = new_sqs.get_queue_url(QueueName="moved.fifo")["QueueUrl"]
    attributes = new_sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["FifoQueue"], attributes["VisibilityTimeout"]) == ("true", "77")
    policy = json.loads(attributes["RedrivePolicy"])
    assert policy["deadLetterTargetArn"].endswith(":z-moved-dead.fifo")
    assert int(policy["maxReceiveCount"]) == 4
    assert new_sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "stock"}


def test_files_that_the_command_line_imports(examples: Examples, new: BrokerProcess) -> None:
    files = EXAMPLES / "moving"
    imports = [line for line in (files / "commands.sh").read_text().splitlines() if line.startswith("onemq")]
    assert len(imports) == 3
    into_new = Examples(new, examples.directory)
    for line in imports:
        into_new.command(line, files)

    with pika.BlockingConnection(pika.URLParameters(new.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("shop", "order.placed", b"audited", mandatory=True)
        method, _properties, body = channel.basic_get("shop-audit")
        assert body == b"audited"
        channel.basic_ack(method.delivery_tag)
    sqs = boto3.client(
        "sqs",
        endpoint_url=into_new.environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    url = sqs.get_queue_url(QueueName="mails")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45"
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(":mails-dead")
