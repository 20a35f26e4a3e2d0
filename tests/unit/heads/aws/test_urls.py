"""Queues' names in every style of URL, and ARNs."""

from __future__ import annotations

import pytest

from onemq.heads.aws.identifiers import Identifiers
from onemq.heads.aws.urls import arn_name, clean_host, clean_region, queue_arn, queue_name, queue_url


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:4566/000000000000/orders.fifo",
        "https://sqs.us-east-1.amazonaws.com/123456789012/orders.fifo",
        "http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/orders.fifo",
        "http://eu-west-1.queue.localhost.localstack.cloud:4566/000000000000/orders.fifo/",
        "http://localhost:4566/queue/us-east-1/000000000000/orders.fifo",
        "http://localhost:9324/queue/orders.fifo?x=1",
        "/000000000000/orders.fifo",
        "orders.fifo",
        "orders%2Efifo",
    ],
)
def test_styles_of_queue_urls(url: str) -> None:
    assert queue_name(url) == "orders.fifo"


def test_urls_without_a_queue() -> None:
    assert queue_name("http://localhost:4566") == ""
    assert queue_name("http://localhost:4566/") == ""
    assert queue_name("") == ""


def test_ours() -> None:
    assert queue_url("http", "h:1", "q") == "http://h:1/000000000000/q"
    assert queue_arn("eu-west-3", "q") == "arn:aws:sqs:eu-west-3:000000000000:q"


def test_arns() -> None:
    assert arn_name("arn:aws:sqs:eu-west-3:123456789012:orders", "sqs") == "orders"
    assert arn_name("arn:aws-cn:sqs:cn-north-1:123456789012:orders", "sqs") == "orders"
    for arn in ("orders", "arn:aws:sns:eu-west-3:1:orders", "arn:aws:sqs:a:b:c:d", "x:aws:sqs:r:1:q"):
        assert arn_name(arn, "sqs") == ""


def test_what_clients_say_is_checked_before_it_is_shown() -> None:
    assert clean_host("sqs.localhost:4566") == "sqs.localhost:4566"
    assert clean_host("[::1]:4566") == "[::1]:4566"
    assert clean_host("a/b") == clean_host("a b") == clean_host("ä") == clean_host("x" * 300) == ""
    assert clean_region("eu-west-3") == "eu-west-3"
    assert clean_region("") == clean_region("a:b") == clean_region("x" * 40) == "us-east-1"


def test_identifiers_are_uuids_that_differ() -> None:
    from uuid import UUID

    identifiers = Identifiers(lambda size: b"\xff" * size)
    found = [identifiers.next() for _ in range(1000)]
    assert len(set(found)) == 1000
    assert all(str(UUID(each)) == each and UUID(each).version == 4 for each in found)
    # The count starts 65,536 before its lower part overflows.
    assert len({identifiers.next() for _ in range(70_000)}) == 70_000
