"""Queues that subscribe to SNS topics, made and read by an AMQP client: what SNS sends reaches queues of every protocol.

No test lives here.
"""

from __future__ import annotations

import json
from typing import Any

import pika

from clients.aws_python.session import ACCOUNT, REGION, AwsBroker, unique_name, wait_until


class AmqpQueues:
    """One AMQP connection to a broker."""

    def __init__(self, broker: AwsBroker) -> None:
        self._connection = pika.BlockingConnection(
            pika.ConnectionParameters(broker.host, broker.ports["amqp"])
        )
        self._channel = self._connection.channel()

    def make(self, suffix: str = "queue", name: str = "") -> str:
        """A durable queue; gives its ARN."""
        name = name or unique_name(suffix)
        self._channel.queue_declare(name, durable=True)
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def delete(self, arn: str) -> None:
        self._channel.queue_delete(arn.rsplit(":", 1)[1])

    def take(self, arn: str, count: int = 1) -> list[str]:
        """So many messages, taken out; more must not be there."""
        name = arn.rsplit(":", 1)[1]
        found: list[str] = []

        def take_one() -> bool:
            method, _, body = self._channel.basic_get(name, auto_ack=True)
            if method is not None:
                found.append(body.decode())
            return len(found) >= count

        if count:
            wait_until(take_one, what=f"{count} messages in {name}")
        assert self._channel.queue_declare(name, passive=True).method.message_count == 0
        return found

    def documents(self, arn: str, count: int = 1) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.take(arn, count)]

    def texts(self, arn: str, count: int = 1) -> list[str]:
        return [str(document["Message"]) for document in self.documents(arn, count)]

    def close(self) -> None:
        self._connection.close()
