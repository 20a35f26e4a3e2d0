"""The migration example: AMQP publishers, a worker on each protocol, one queue; each order is booked once."""

from __future__ import annotations

from pathlib import Path

import boto3
import pika
import pytest

from example_runner import Examples, rows, until


@pytest.fixture
def database(examples: Examples) -> Path:
    path = examples.directory / "orders.sqlite3"
    examples.environment["ORDERS_DATABASE"] = str(path)
    return path


def test_each_order_is_booked_once_by_one_of_them(
    examples: Examples, database: Path, node_packages: None
) -> None:
    examples.play("migration")
    booked = rows(database, "SELECT id, amount, tenant FROM orders")
    assert sorted(booked) == sorted(
        (f"order-{number}", 100 + number, "north" if number % 2 else "south")
        for number in range(1, len(booked) + 1)
    )
    by_worker = dict(rows(database, "SELECT worker, count(*) FROM orders GROUP BY worker"))
    assert by_worker["rabbitmq"] >= 200, "the first ones, when it was alone"
    assert by_worker["sqs"] >= 201, "at least one side by side, and the last ones"
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        assert connection.channel().queue_declare("shop-orders", passive=True).method.message_count == 0


def test_what_is_no_order_ends_among_sqs_dead_letters(examples: Examples, database: Path) -> None:
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        channel = connection.channel()
        channel.queue_declare("shop-orders", durable=True)
        channel.queue_purge("shop-orders")
        properties = pika.BasicProperties(delivery_mode=2, headers={"tenant": "north"})
        channel.basic_publish("", "shop-orders", b"no order", properties)
    worker = examples.start("migration.new_worker")
    sqs = boto3.client(
        "sqs",
        endpoint_url=examples.environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    until(
        lambda: "/shop-orders-dead'" in str(sqs.list_queues().get("QueueUrls")),
        "the worker has prepared its queues",
    )
    dead_url = sqs.get_queue_url(QueueName="shop-orders-dead")["QueueUrl"]
    found: list[dict[str, str]] = []

    def dead() -> bool:
        found.extend(sqs.receive_message(QueueUrl=dead_url, WaitTimeSeconds=1).get("Messages", []))
        return bool(found)

    until(dead, "the dead letter")
    assert [message["Body"] for message in found] == ["no order"]
    sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=found[0]["ReceiptHandle"])
    assert examples.stop(worker) == 0
