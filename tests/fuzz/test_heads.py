"""Any octets, and nearly valid requests, on every head: each is answered, or ends its own connection with one WireError."""

from __future__ import annotations

import json
import random as random_module
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from fuzz.mutation import Seeded, mutated, pieces, seeds, tries  # noqa: E402
from onemq.heads.amqp091.frames import PROTOCOL_HEADER_0_9_1  # noqa: E402
from onemq.heads.amqp091.methods import (  # noqa: E402
    BasicAck,
    BasicConsume,
    BasicGet,
    BasicNack,
    BasicQos,
    ChannelOpen,
    ConfirmSelect,
    ConnectionOpen,
    ConnectionStartOk,
    ConnectionTuneOk,
    ExchangeBind,
    ExchangeDeclare,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
    TxSelect,
)
from onemq.heads.amqp091.properties import BasicProperties  # noqa: E402
from onemq.heads.kafka.api import APIS  # noqa: E402
from onemq.model.refusal import Refusal, WireError  # noqa: E402
from unit.heads.amqp091 import playbook as amqp  # noqa: E402
from unit.heads.aws import playbook as aws  # noqa: E402
from unit.heads.kafka import playbook as kafka  # noqa: E402
from unit.heads.kafka.message_peer import encode, versions  # noqa: E402
from unit.heads.kafka.message_samples import SCHEMAS, sample, smallest  # noqa: E402
from unit.heads.management import playbook as management  # noqa: E402

PEERS_OF_A_STAGE = 20


class AnyPeer(Protocol):
    refusal: Exception | None

    def feeds(self, data: bytes) -> None: ...

    def leaves(self) -> None: ...


def feed(random: Seeded, peer: Any, turn: Callable[[], None], data: bytes) -> None:
    """Everything, then the end of the connection: nothing but a WireError or a Refusal may come of it."""

    def act() -> None:
        for piece in pieces(random, data):
            peer.feeds(piece)
        turn()

    tries(random, data, act)
    if peer.refusal is not None and not isinstance(peer.refusal, WireError | Refusal):
        raise AssertionError(f"seed {random.first}: {peer.refusal!r} for {data[:2000]!r}") from peer.refusal
    peer.outbox.take()
    peer.leaves()


def in_stages(make: Callable[[], Any]) -> Iterator[tuple[Seeded, Any]]:
    """Rounds, with a new broker now and then."""
    stage: Any = None
    for number, random in enumerate(seeds()):
        if number % PEERS_OF_A_STAGE == 0:
            stage = make()
        yield random, stage


# AMQP 0-9-1.


def amqp_login() -> bytes:
    opening = [
        ConnectionStartOk(amqp.CAPABLE, "PLAIN", b"\0guest\0guest"),
        ConnectionTuneOk(2047, 131072, 0),
        ConnectionOpen("/"),
    ]
    return PROTOCOL_HEADER_0_9_1 + b"".join(amqp.encoded(0, method) for method in opening)


def amqp_inputs() -> list[bytes]:
    methods = [
        ExchangeDeclare("e", "topic", False, True, False, False, False, {"alternate-exchange": "e2"}),
        QueueDeclare(
            "q", False, True, False, False, False, {"x-max-length": 5, "x-dead-letter-exchange": ""}
        ),
        QueueDeclare("s", False, True, False, False, False, {"x-queue-type": "stream", "x-max-age": "1h"}),
        QueueBind("q", "e", "a.*.#", False, {"x": 1}),
        ExchangeBind("e", "amq.topic", "k", False, {}),
        BasicQos(0, 10, False),
        BasicConsume("q", "tag", False, False, False, False, {"x-priority": 3}),
        BasicConsume("s", "tag2", False, False, False, False, {"x-stream-offset": "first"}),
        BasicGet("q", False),
        BasicAck(1, True),
        BasicNack(1, True, True),
        ConfirmSelect(),
        TxSelect(),
        QueuePurge("q", False),
        QueueDelete("q", False, False, False),
    ]
    inputs = [amqp.encoded(1, method) for method in methods]
    properties = BasicProperties(
        headers={"x-delay": 5, "n": None, "t": {"a": [1, "b"]}},
        delivery_mode=2,
        priority=3,
        expiration="60000",
    )
    inputs.append(amqp.published("e", "a.b", b"body" * 50, 1, False, properties, 4096))
    inputs.append(amqp.published("", "q", b"", 1, True, BasicProperties(), 4096))
    return inputs


def test_amqp_before_the_login() -> None:
    login = amqp_login()
    for random, stage in in_stages(amqp.Stage):
        feed(random, amqp.Peer(stage, "127.0.0.1"), stage.turn, mutated(random, login, []))


def test_amqp_after_the_login() -> None:
    inputs = amqp_inputs()
    opening = amqp_login() + amqp.encoded(1, ChannelOpen())
    for random, stage in in_stages(amqp.Stage):
        said = b"".join(random.choice(inputs) for _ in range(random.randrange(1, 6)))
        feed(random, amqp.Peer(stage, "127.0.0.1"), stage.turn, opening + mutated(random, said, inputs))


# Kafka.


def kafka_inputs() -> list[bytes]:
    """Requests of every kind that is served and that kafka-python knows, in every version, encoded by it."""
    random = random_module.Random(1)
    inputs: list[bytes] = []
    for schema in SCHEMAS:
        api = APIS.get(schema.api_key)
        message = next((one for one in schema.messages if one.kind == "request"), None)
        if api is None or message is None:
            continue
        for version in versions(message):
            if api.serves(version):
                head = (
                    schema.api_key.to_bytes(2, "big") + version.to_bytes(2, "big") + bytes(4) + b"\x00\x01c"
                )
                head += b"\x00" if api.is_flexible(version) else b""
                for values in (sample(message.body, version, random), smallest(message.body, version)):
                    inputs.append(head + encode(message, values, version))
    return inputs


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def test_kafka_requests() -> None:
    inputs = kafka_inputs()
    assert len(inputs) > 100
    batches = [kafka.batch(b"one", b"two", key=b"k"), kafka.batch(b"x" * 300, codec=1)]
    for random, stage in in_stages(kafka.Stage):
        bodies = []
        for _ in range(random.randrange(1, 4)):
            body = random.choice(inputs)
            bodies.append(
                framed(mutated(random, body, [*inputs[:50], *batches]) if random.random() < 0.8 else body)
            )
        data = b"".join(bodies)
        feed(
            random,
            kafka.Peer(stage),
            stage.turn,
            data if random.random() < 0.9 else mutated(random, data, inputs),
        )


def test_kafka_batches() -> None:
    """Produce requests whose frame is good, and whose batch is not."""
    from unit.heads.kafka.requests import metadata, produce

    batches = [kafka.batch(b"one", b"two", key=b"k"), kafka.batch(*[b"v%d" % n for n in range(30)], codec=1)]
    for random, stage in in_stages(kafka.Stage):
        peer = kafka.Peer(stage)
        peer.feeds(peer.encoded(metadata(9, "t")))
        data = peer.encoded(produce(9, "t", mutated(random, random.choice(batches), batches)))
        feed(random, peer, stage.turn, data)


# HTTP: SQS and SNS, in both protocols, and the operators' port.

SQS_REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("CreateQueue", {"QueueName": "q", "Attributes": {"VisibilityTimeout": "5"}, "tags": {"a": "b"}}),
    ("CreateQueue", {"QueueName": "f.fifo", "Attributes": {"FifoQueue": "true"}}),
    ("GetQueueUrl", {"QueueName": "q"}),
    ("ListQueues", {"QueueNamePrefix": "q", "MaxResults": 10}),
    ("GetQueueAttributes", {"QueueUrl": "http://localhost:4566/000000000000/q", "AttributeNames": ["All"]}),
    (
        "SetQueueAttributes",
        {
            "QueueUrl": "http://localhost:4566/000000000000/q",
            "Attributes": {"RedrivePolicy": '{"maxReceiveCount":3}'},
        },
    ),
    (
        "SendMessage",
        {
            "QueueUrl": "http://localhost:4566/000000000000/q",
            "MessageBody": "hello",
            "DelaySeconds": 1,
            "MessageAttributes": {"a": {"DataType": "String", "StringValue": "x"}},
        },
    ),
    (
        "SendMessageBatch",
        {
            "QueueUrl": "http://localhost:4566/000000000000/q",
            "Entries": [{"Id": "1", "MessageBody": "x"}, {"Id": "2", "MessageBody": "y", "DelaySeconds": 3}],
        },
    ),
    (
        "ReceiveMessage",
        {
            "QueueUrl": "http://localhost:4566/000000000000/q",
            "MaxNumberOfMessages": 10,
            "AttributeNames": ["All"],
        },
    ),
    ("DeleteMessage", {"QueueUrl": "http://localhost:4566/000000000000/q", "ReceiptHandle": "abc="}),
    (
        "ChangeMessageVisibility",
        {"QueueUrl": "http://localhost:4566/000000000000/q", "ReceiptHandle": "abc=", "VisibilityTimeout": 3},
    ),
    ("StartMessageMoveTask", {"SourceArn": "arn:aws:sqs:us-east-1:000000000000:q"}),
    ("TagQueue", {"QueueUrl": "http://localhost:4566/000000000000/q", "Tags": {"k": "v"}}),
]
QUERIES: list[dict[str, str]] = [
    {"Action": "SendMessage", "QueueUrl": "http://localhost:4566/000000000000/q", "MessageBody": "x"},
    {"Action": "CreateQueue", "QueueName": "q", "Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "1"},
    {
        "Action": "CreateTopic",
        "Name": "t",
        "Attributes.entry.1.key": "DisplayName",
        "Attributes.entry.1.value": "d",
    },
    {
        "Action": "Subscribe",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:t",
        "Protocol": "sqs",
        "Endpoint": "arn:aws:sqs:us-east-1:000000000000:q",
        "Attributes.entry.1.key": "FilterPolicy",
        "Attributes.entry.1.value": '{"a":[{"numeric":[">",3]},{"prefix":"x"},null,{"exists":false}]}',
    },
    {
        "Action": "Publish",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:t",
        "Message": "m",
        "MessageAttributes.entry.1.Name": "a",
        "MessageAttributes.entry.1.Value.DataType": "Number",
        "MessageAttributes.entry.1.Value.StringValue": "3",
    },
]
STRANGE: list[Any] = [
    None,
    True,
    -1,
    1 << 70,
    1.5,
    "",
    "x" * 300,
    "\x00",
    [],
    {},
    [[]],
    {"a": None},
    "\ud800",
    1e300,
]


def strange(random: random_module.Random, value: Any) -> Any:
    """The value with parts of it replaced by what nobody expects there."""
    if random.random() < 0.15:
        return random.choice(STRANGE)
    if isinstance(value, dict):
        return {name: strange(random, inner) for name, inner in value.items() if random.random() > 0.05}
    if isinstance(value, list):
        return [strange(random, inner) for inner in value] * random.choice([0, 1, 1, 1, 1, 3])
    return value


def http(head: str, fields: dict[str, str], body: bytes) -> bytes:
    lines = {"Host": "localhost:4566", "Content-Length": str(len(body)), **fields}
    said = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{head}\r\n{said}\r\n".encode() + body


def json_request(operation: str, parameters: Any) -> bytes:
    fields = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    return http("POST / HTTP/1.1", fields, json.dumps(parameters).encode("utf-8", "surrogatepass"))


def query_request(form: dict[str, str]) -> bytes:
    version = "2010-03-31" if form["Action"] in ("CreateTopic", "Subscribe", "Publish") else "2012-11-05"
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    return http("POST / HTTP/1.1", fields, urlencode({"Version": version, **form}).encode())


def aws_stage() -> aws.Stage:
    stage = aws.Stage()
    peer = stage.connect()
    for request in (
        json_request(*SQS_REQUESTS[0]),
        json_request(*SQS_REQUESTS[1]),
        query_request(QUERIES[2]),
    ):
        peer.sends(request)
    return stage


def test_aws_octets() -> None:
    inputs = [json_request(*request) for request in SQS_REQUESTS] + [query_request(form) for form in QUERIES]
    for random, stage in in_stages(aws_stage):
        said = b"".join(random.choice(inputs) for _ in range(random.randrange(1, 4)))
        feed(random, stage.connect(), stage.turn, mutated(random, said, inputs))


def test_aws_values() -> None:
    """HTTP that is right, with parameters that are not."""
    for random, stage in in_stages(aws_stage):
        if random.random() < 0.7:
            operation, parameters = random.choice(SQS_REQUESTS)
            data = json_request(operation, strange(random, parameters))
        else:
            form = dict(random.choice(QUERIES))
            name = random.choice(list(form))
            changed = mutated(random, form[name].encode(), []).decode("latin-1")
            data = query_request({**form, name: changed} if name != "Action" else {**form, changed: "1"})
        feed(random, stage.connect(), stage.turn, data)


@pytest.mark.parametrize(
    "path", ["/api/overview", "/api/queues/%2F/q", "/api/exchanges/%2F/amq.default/publish"]
)
def test_operators_octets(path: str) -> None:
    body = b'{"properties":{},"routing_key":"q","payload":"x","payload_encoding":"string"}'
    fields = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q=", "Content-Type": "application/json"}
    inputs = [
        http(f"GET {path} HTTP/1.1", fields, b""),
        http(f"PUT {path} HTTP/1.1", fields, b'{"durable":true,"arguments":{"x-max-length":3}}'),
        http(f"POST {path} HTTP/1.1", fields, body),
        http(f"DELETE {path} HTTP/1.1", fields, b""),
    ]
    for random, stage in in_stages(management.Stage):
        feed(random, stage.connect(), stage.turn, mutated(random, random.choice(inputs), inputs))
