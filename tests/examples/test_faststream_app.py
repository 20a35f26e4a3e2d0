"""The FastStream example: what came by Kafka was worked on by AMQP, and told by Kafka."""

from __future__ import annotations

import json

import pika
from confluent_kafka import Consumer

from example_runner import Examples, until


def test_a_stream_becomes_work(examples: Examples) -> None:
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        channel = connection.channel()
        channel.queue_declare("alarms.dead", durable=True)
        channel.queue_purge("alarms.dead")
        examples.play("faststream_app")
        dead: list[bytes] = []

        def a_dead_letter() -> bool:
            _method, _properties, body = channel.basic_get("alarms.dead", auto_ack=True)
            dead.extend([body] if body is not None else [])
            return bool(dead)

        until(a_dead_letter, "the alarm of the unknown machine")
        assert [json.loads(body)["machine"] for body in dead] == ["unknown-1"]
        assert channel.queue_declare("alarms", passive=True).method.message_count == 0

    consumer = Consumer(
        {
            "bootstrap.servers": examples.environment["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": "look",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["alarms-handled"])
    handled: dict[str, str] = {}

    def two_handled() -> bool:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            told = json.loads(message.value() or b"")
            handled[told["machine"]] = told["technician"]
        return len(handled) == 2

    until(two_handled, "what was handled")
    consumer.close()
    assert handled == {"press-2": "Ada", "turbine-1": "Grace"}
