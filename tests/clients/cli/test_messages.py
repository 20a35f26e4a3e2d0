"""publish, consume, peek: with pika, confluent-kafka and boto3 on the other side."""

from __future__ import annotations

import time
from typing import Any

import pika
from confluent_kafka import Consumer, Producer

from clients.cli.conftest import Cli


def kafka(onemq: Cli, **more: Any) -> dict[str, Any]:
    return {"bootstrap.servers": f"{onemq.broker.host}:{onemq.broker.ports['kafka']}", **more}


def read_topic(onemq: Cli, topic: str, count: int) -> list[Any]:
    consumer = Consumer(kafka(onemq, **{"group.id": f"{topic}-group", "auto.offset.reset": "earliest"}))
    consumer.subscribe([topic])
    found: list[Any] = []
    until = time.monotonic() + 40
    while len(found) < count and time.monotonic() < until:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            found.append(message)
    consumer.close()
    return found


def test_published_by_command_and_read_by_pika(onemq: Cli, name: str, channel: Any) -> None:
    channel.queue_declare(name, durable=True)
    said = onemq.text("publish", name, "hello", "--header", "tenant=acme", "--priority", "3")
    assert said == f"published 1 to {name}\n"
    method, properties, body = channel.basic_get(name, auto_ack=True)
    assert (body, properties.headers, properties.priority) == (b"hello", {"tenant": "acme"}, 3)
    assert method.redelivered is False


def test_published_by_pika_and_consumed_by_command(onemq: Cli, name: str, channel: Any) -> None:
    channel.queue_declare(name, durable=True)
    for number in range(3):
        properties = pika.BasicProperties(headers={"n": number}, delivery_mode=2)
        channel.basic_publish("", name, b"body %d" % number, properties)
    assert onemq.text("consume", name, "--count", "1") == "body 0\n"
    shown = onemq.text("consume", name, "--headers", "--count", "1").splitlines()
    assert "offset 1" in shown[0] and shown[1:] == ["n: 1", "body 1"]
    (last,) = onemq.lines("consume", name)
    assert (last["body"], last["headers"], last["attempts"]) == ("body 2", {"n": "2"}, 1)
    assert channel.queue_declare(name, passive=True).method.message_count == 0


def test_what_becomes_of_consumed_messages(onemq: Cli, name: str) -> None:
    dead = f"{name}.dead"
    onemq.run("queues", "create", dead)
    onemq.run("queues", "create", name, "--dead-letter-to", dead)
    onemq.run("publish", name, input="1\n2\n3\n")
    assert onemq.text("consume", name, "--ack", "no") == "1\n2\n3\n"
    assert onemq.text("consume", name, "--ack", "reject", "--count", "1") == "1\n"
    assert onemq.text("consume", name) == "2\n3\n"
    assert onemq.text("consume", name) == ""
    assert onemq.text("consume", dead, "--wait", "10s") == "1\n"


def test_lines_files_repeats_and_octets(onemq: Cli, name: str, tmp_path: Any) -> None:
    onemq.run("queues", "create", name)
    onemq.run("publish", name, input="first\nsecond\r\nno end")
    file = tmp_path / "whole"
    file.write_bytes(b"two\nlines \xff\x00")
    onemq.run("publish", name, "--file", str(file))
    onemq.run("publish", name, "--file", "-", input="as a\nwhole")
    assert onemq.json("publish", name, "again", "--repeat", "1200")["routed"] == 1200
    found = onemq.lines("consume", name)
    assert [each["body"] for each in found[:3]] == ["first", "second", "no end"]
    assert (found[3]["encoding"], found[3]["bytes"], found[4]["body"]) == ("base64", 12, "as a\nwhole")
    assert len(found) == 1205


def test_delay_and_time_to_live(onemq: Cli, name: str) -> None:
    onemq.run("queues", "create", name)
    onemq.run("publish", name, "later", "--delay", "1h")
    onemq.run("publish", name, "soon gone", "--ttl", "1ms")
    (seen,) = onemq.json("peek", name)["messages"]
    assert (seen["body"], seen["state"]) == ("later", "delayed")
    assert onemq.text("consume", name) == ""


def test_to_an_exchange(onemq: Cli, name: str, channel: Any) -> None:
    channel.queue_declare(name, durable=True)
    channel.queue_bind(name, "amq.topic", f"{name}.#")
    onemq.run("publish", f"{name}.created", "routed", "--exchange", "amq.topic")
    assert channel.basic_get(name, auto_ack=True)[2] == b"routed"
    said = onemq.fails("publish", "nowhere", "lost", "--exchange", "amq.topic")
    assert "1 went nowhere" in said and "onemq exchanges bindings" in said


def test_published_by_command_and_read_by_kafkas_client(onemq: Cli, name: str) -> None:
    onemq.run("topics", "create", name, "--partitions", "2")
    onemq.run("publish", name, "one", "--key", "k", "--header", "a=b")
    onemq.run("publish", name, "two", "--partition", "1")
    found = sorted(read_topic(onemq, name, 2), key=lambda message: bytes(message.value()))
    assert [message.value() for message in found] == [b"one", b"two"]
    assert (found[0].key(), found[0].headers(), found[1].partition()) == (b"k", [("a", b"b")], 1)


def test_produced_by_kafkas_client_and_read_from_where_one_likes(onemq: Cli, name: str) -> None:
    onemq.run("topics", "create", name)
    producer = Producer(kafka(onemq))
    for number in range(5):
        producer.produce(name, b"%d" % number, key=b"k", timestamp=1_700_000_000_000 + number * 60_000)
    assert producer.flush(30) == 0
    assert onemq.text("consume", name) == "0\n1\n2\n3\n4\n"
    assert onemq.text("consume", name, "--from", "3") == "3\n4\n"
    assert onemq.text("consume", name, "--from", "1700000120000", "--count", "2") == "2\n3\n"
    assert onemq.text("consume", name, "--from", "latest") == ""
    (first,) = onemq.lines("consume", name, "--count", "1", "--partition", "0")
    assert (first["key"], first["state"], first["offset"]) == ("k", "kept", 0)


def test_sqs_meets_the_command(onemq: Cli, name: str, sqs: Any) -> None:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    onemq.run("publish", name, "from the shell")
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert [message["Body"] for message in received] == ["from the shell"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])
    sqs.send_message(QueueUrl=url, MessageBody="from boto3")
    assert onemq.text("consume", name, "--wait", "10s") == "from boto3\n"


def test_a_stream_is_read_by_offset(onemq: Cli, name: str, channel: Any) -> None:
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "stream"})
    onemq.run("publish", name, input="a\nb\nc\n")
    assert onemq.text("consume", name) == "a\nb\nc\n"
    assert onemq.text("consume", name, "--from", "1", "--count", "1") == "b\n"


def test_peeking_changes_nothing(onemq: Cli, name: str) -> None:
    onemq.run("queues", "create", name)
    onemq.run("publish", name, input="1\n2\n3\n")
    done = onemq.run("peek", name, "--count", "2")
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["body", "1", "2"]
    assert "there are more" in done.stderr and "--offset 2" in done.stderr
    assert [each["attempts"] for each in onemq.json("peek", name, "--offset", "1")["messages"]] == [0, 0]
    assert onemq.json("queues", "show", name)["queue"]["ready"] == 3


def test_what_cannot_be(onemq: Cli, name: str) -> None:
    assert "make one first" in onemq.fails("publish", name, "x")
    assert "does not exist" in onemq.fails("consume", name)
    onemq.run("queues", "create", name, "--set", "length_max=1", "--set", "overflow=reject-publish")
    onemq.run("publish", name, "fits")
    assert "the queue is full" in onemq.fails("publish", name, "does not")
    assert "there is no --from" in onemq.fails("consume", name, "--from", "earliest", status=2)
    assert "NAME=VALUE" in onemq.fails("publish", name, "x", "--header", "nonsense", status=2)
    assert "--delay is a duration" in onemq.fails("publish", name, "x", "--delay", "soon", status=2)
