"""Traces across protocols: headers arrive as they were sent, and spans of publish, deliver and settle form one trace."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

import boto3
import pika
import pytest
from botocore.config import Config
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from pika.spec import BasicProperties

from broker_process import BrokerProcess
from clients.operations.collector import Collector, Span

WITHIN_SECONDS = 30.0
PARENT = "53995c3f42cd8ad8"
STATE = "vendor=x1"
LOGIN = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "guest"}
SYSTEMS = {"amqp": "rabbitmq", "kafka": "kafka", "sqs": "aws_sqs", "sns": "aws.sns"}


class Clients:
    """Publishes and consumes in every protocol, with headers."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.kafka = {
            "bootstrap.servers": f"{broker.host}:{broker.ports['kafka']}",
            "sasl.password": "guest",
            **LOGIN,
        }
        session = boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
        )
        endpoint = f"http://{broker.host}:{broker.ports['aws']}"
        config = Config(retries={"max_attempts": 0, "mode": "standard"})
        self.sqs: Any = session.client("sqs", endpoint_url=endpoint, config=config)
        self.sns: Any = session.client("sns", endpoint_url=endpoint, config=config)
        self.connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def make(self, name: str) -> None:
        """One name in all of them."""
        admin = AdminClient(self.kafka)
        for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
            future.result(WITHIN_SECONDS)
        self.sqs.create_queue(QueueName=name)
        self.channel.queue_declare(name, passive=True)
        topic = self.sns.create_topic(Name=name)["TopicArn"]
        self.sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:us-east-1:000000000000:{name}",
            Attributes={"RawMessageDelivery": "true"},
        )

    def url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def publish(self, protocol: str, name: str, headers: dict[str, str]) -> None:
        attributes = {key: {"DataType": "String", "StringValue": value} for key, value in headers.items()}
        if protocol == "amqp":
            properties = BasicProperties(delivery_mode=2, headers=dict(headers))
            self.channel.basic_publish("", name, b"hello", properties, mandatory=True)
        elif protocol == "kafka":
            producer = Producer({**self.kafka, "linger.ms": 0, "compression.type": "gzip"})
            producer.produce(name, b"hello", headers=list(headers.items()))
            assert producer.flush(WITHIN_SECONDS) == 0
        elif protocol == "sqs":
            self.sqs.send_message(QueueUrl=self.url(name), MessageBody="hello", MessageAttributes=attributes)
        else:
            topic = f"arn:aws:sns:us-east-1:000000000000:{name}"
            self.sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)

    def consume(self, protocol: str, name: str) -> dict[str, str]:
        """Takes one message, settles it, and gives its headers as text."""
        if protocol == "kafka":
            return self._consume_kafka(name)
        deadline = time.monotonic() + WITHIN_SECONDS
        while True:
            if protocol == "amqp":
                method, properties, _ = self.channel.basic_get(name)
                if method is not None:
                    self.channel.basic_ack(method.delivery_tag)
                    return {key: str(value) for key, value in (properties.headers or {}).items()}
            else:
                found = self.sqs.receive_message(
                    QueueUrl=self.url(name), MessageAttributeNames=["All"], AttributeNames=["All"]
                ).get("Messages", [])
                if found:
                    self.sqs.delete_message(QueueUrl=self.url(name), ReceiptHandle=found[0]["ReceiptHandle"])
                    given = found[0].get("MessageAttributes", {})
                    own = {key: value["StringValue"] for key, value in given.items()}
                    return {**own, **{f"system:{k}": v for k, v in found[0]["Attributes"].items()}}
            assert time.monotonic() < deadline, "no message"
            time.sleep(0.02)

    def _consume_kafka(self, name: str) -> dict[str, str]:
        settings = {**self.kafka, "group.id": name, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50}
        consumer = Consumer(settings)
        consumer.subscribe([name])
        deadline = time.monotonic() + WITHIN_SECONDS
        try:
            while True:
                record = consumer.poll(0.1)
                if record is not None and record.error() is None:
                    return {key: value.decode() for key, value in record.headers() or []}
                assert time.monotonic() < deadline, "no record"
        finally:
            consumer.close()


@pytest.fixture(scope="module")
def clients(broker: BrokerProcess) -> Generator[Clients, None, None]:
    found = Clients(broker)
    with closing(found.connection):
        yield found


@pytest.fixture
def name(clients: Clients) -> str:
    found = f"traced-{uuid.uuid4().hex[:10]}"
    clients.make(found)
    return found


def new_trace() -> tuple[str, dict[str, str]]:
    """A trace's id, and the headers of a message that belongs to it."""
    trace_id = uuid.uuid4().hex
    return trace_id, {"traceparent": f"00-{trace_id}-{PARENT}-01", "tracestate": STATE}


def of(spans: list[Span], operation: str) -> list[Span]:
    return [span for span in spans if span.attributes["messaging.operation.name"] == operation]


@pytest.mark.parametrize("into", ["amqp", "kafka", "sqs"])
@pytest.mark.parametrize("out_of", ["amqp", "kafka", "sqs", "sns"])
def test_one_trace_from_publisher_to_consumer(
    clients: Clients, collector: Collector, name: str, out_of: str, into: str
) -> None:
    trace_id, headers = new_trace()
    clients.publish(out_of, name, headers)
    found = clients.consume(into, name)
    assert {key: found[key] for key in headers} == headers
    settles = into != "kafka"
    spans = collector.wait(trace_id, 3 if settles else 2)
    assert {(span.trace_id, span.parent_id, span.state) for span in spans} == {(trace_id, PARENT, STATE)}
    assert {span.service for span in spans} == {"orders-broker"}
    (publish,) = of(spans, "publish")
    assert publish.name == f"publish {name}" and publish.kind == "producer"
    assert publish.attributes["messaging.system"] == SYSTEMS[out_of]
    assert publish.attributes["messaging.operation.type"] == "send"
    deliver = of(spans, "deliver")[0]
    assert deliver.name == f"deliver {name}" and deliver.kind == "consumer"
    assert deliver.attributes["messaging.system"] == SYSTEMS[into]
    assert deliver.attributes["messaging.operation.type"] == "receive"
    assert deliver.attributes["messaging.destination.name"] == name
    assert deliver.attributes["messaging.message.body.size"] == 5
    if settles:
        (ack,) = of(spans, "ack")
        assert ack.kind == "client" and ack.attributes["messaging.operation.type"] == "settle"
        assert ack.attributes["messaging.system"] == SYSTEMS[into]
    assert collector.paths == {"/v1/traces"}


@pytest.mark.parametrize("protocol", ["amqp", "kafka", "sqs", "sns"])
def test_what_is_not_sampled_or_brings_no_trace_has_no_spans(
    clients: Clients, collector: Collector, name: str, protocol: str
) -> None:
    unsampled = uuid.uuid4().hex
    clients.publish(protocol, name, {"traceparent": f"00-{unsampled}-{PARENT}-00"})
    clients.publish(protocol, name, {"colour": "red"})
    clients.publish(protocol, name, {"traceparent": "nonsense"})
    last, headers = new_trace()
    clients.publish(protocol, name, headers)
    for _ in range(4):
        clients.consume("amqp", name)
    collector.wait(last, 3)
    names = [span for span in collector.spans() if name in span.name]
    assert {span.trace_id for span in names} == {last}


def test_an_exchange_and_a_rejection(clients: Clients, collector: Collector, name: str) -> None:
    trace_id, headers = new_trace()
    clients.channel.queue_bind(name, "amq.topic", "orders.#")
    properties = BasicProperties(headers=dict(headers))
    clients.channel.basic_publish("amq.topic", "orders.new", b"hello", properties, mandatory=True)
    deliveries = clients.channel.consume(name)
    method, _, _ = next(deliveries)
    assert method is not None
    clients.channel.basic_nack(method.delivery_tag, requeue=True)
    method, _, _ = next(deliveries)
    assert method is not None and method.redelivered
    clients.channel.basic_reject(method.delivery_tag, requeue=False)
    clients.channel.cancel()
    spans = collector.wait(trace_id, 5)
    (publish,) = of(spans, "publish")
    assert publish.name == "publish amq.topic:orders.new"
    assert publish.attributes["messaging.rabbitmq.destination.routing_key"] == "orders.new"
    assert [len(of(spans, each)) for each in ("deliver", "requeue", "reject")] == [2, 1, 1]


def xray(trace_id: str) -> str:
    return f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={PARENT};Sampled=1"


def by_system_attribute(clients: Clients, name: str, header: str) -> None:
    system = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
    clients.sqs.send_message(QueueUrl=clients.url(name), MessageBody="x", MessageSystemAttributes=system)


def by_http_header(clients: Clients, name: str, header: str, operation: str = "sqs.SendMessage") -> None:
    service = clients.sns if operation.startswith("sns") else clients.sqs

    def add(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = header

    service.meta.events.register(f"before-sign.{operation}", add)
    try:
        if service is clients.sns:
            service.publish(TopicArn=f"arn:aws:sns:us-east-1:000000000000:{name}", Message="x")
        else:
            service.send_message(QueueUrl=clients.url(name), MessageBody="x")
    finally:
        service.meta.events.unregister(f"before-sign.{operation}", add)


def by_http_header_of_sns(clients: Clients, name: str, header: str) -> None:
    by_http_header(clients, name, header, "sns.Publish")


def by_amqp_header(clients: Clients, name: str, header: str) -> None:
    clients.publish("amqp", name, {"AWSTraceHeader": header})


def by_kafka_header(clients: Clients, name: str, header: str) -> None:
    clients.publish("kafka", name, {"AWSTraceHeader": header})


@pytest.mark.parametrize(
    "publish",
    [by_system_attribute, by_http_header, by_http_header_of_sns, by_amqp_header, by_kafka_header],
)
@pytest.mark.parametrize("into", ["amqp", "kafka", "sqs"])
def test_x_rays_header_passes_through(
    clients: Clients,
    collector: Collector,
    name: str,
    publish: Callable[[Clients, str, str], None],
    into: str,
) -> None:
    trace_id = uuid.uuid4().hex
    publish(clients, name, xray(trace_id))
    found = clients.consume(into, name)
    assert found["system:AWSTraceHeader" if into == "sqs" else "AWSTraceHeader"] == xray(trace_id)
    assert "AWSTraceHeader" not in found or into != "sqs"
    spans = collector.wait(trace_id, 2)
    assert {span.parent_id for span in spans} == {PARENT}
