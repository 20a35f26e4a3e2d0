"""The SQS example: what fails in a batch fails alone, what takes long is not given out twice, dead letters come back."""

from __future__ import annotations

from typing import Any

import boto3

from example_runner import Examples, rows, until


def sqs_of(examples: Examples) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=examples.environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def held(sqs: Any, queue: str) -> tuple[int, int]:
    """(visible, in flight)"""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def test_every_invoice_is_booked_in_the_end(examples: Examples) -> None:
    database = examples.directory / "invoices.sqlite3"
    examples.environment["INVOICES_DATABASE"] = str(database)
    examples.play("sqs_batch")
    booked = dict(rows(database, "SELECT number, gross_cents FROM booked"))
    assert len(booked) == 30
    assert booked["plain-00"] == booked["long-1"] == 1190
    assert (booked["locked-1"], booked["italy-1"], booked["italy-2"]) == (1200, 1220, 2440)
    tries = dict(rows(database, "SELECT number, count(*) FROM tries GROUP BY number"))
    assert tries["locked-1"] == 2
    assert tries["italy-1"] == 3 + 1, "three until it was a dead letter, one after it was moved back"
    assert tries["long-1"] == 1, "its visibility was extended: nobody else got it"
    sqs = sqs_of(examples)
    assert held(sqs, "invoices") == held(sqs, "invoices-dead") == (0, 0)


def test_a_stopped_worker_leaves_nothing_half_done(examples: Examples) -> None:
    """SIGTERM in the middle: what was received is booked and deleted, the rest waits, visible."""
    database = examples.directory / "invoices.sqlite3"
    examples.environment["INVOICES_DATABASE"] = str(database)
    sqs = sqs_of(examples)
    worker = examples.start("sqs_batch.worker")
    until(lambda: "/invoices'" in str(sqs.list_queues().get("QueueUrls")), "the worker has made its queue")
    url = sqs.get_queue_url(QueueName="invoices")["QueueUrl"]
    for batch in range(10):
        invoices = [
            f'{{"number": "n-{batch}-{index}", "country": "DE", "net_cents": 100, "pages": 10}}'
            for index in range(10)
        ]
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(invoices)]
        assert "Failed" not in sqs.send_message_batch(QueueUrl=url, Entries=entries)
    until(lambda: len(rows(database, "SELECT * FROM booked")) >= 10, "some are booked")
    assert examples.stop(worker) == 0
    booked = rows(database, "SELECT * FROM booked")
    assert held(sqs, "invoices") == (100 - len(booked), 0)
    assert len(booked) < 100, "it was stopped in the middle"

    another = examples.start("sqs_batch.worker")
    until(lambda: held(sqs, "invoices") == (0, 0), "another worker takes the rest")
    assert examples.stop(another) == 0
    assert rows(database, "SELECT count(*), count(DISTINCT number) FROM tries") == [(100, 100)]
