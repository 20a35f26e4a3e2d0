"""SQS as the load speaks it."""

from __future__ import annotations

import json

from onemq.cli.bench.sqs import HEAD_END, batch_count, content_length, refusal, request


def test_a_request_says_its_length() -> None:
    head, _, content = request("localhost:4566", "SendMessageBatch", {"QueueUrl": "é"}).partition(HEAD_END)
    assert content_length(head + b"\r\n") == len(content) and json.loads(content) == {"QueueUrl": "é"}
    assert b"X-Amz-Target: AmazonSQS.SendMessageBatch" in head
    assert content_length(b"HTTP/1.1 200 OK\r\n") == 0


def test_a_batch_fits_into_a_request() -> None:
    assert batch_count(10, 100) == batch_count(50, 100) == 10
    assert batch_count(10, 100_000) == 2 and batch_count(10, 262_144) == 1


def test_who_has_to_sign_is_told_so() -> None:
    answer = (
        b'{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token"}'
    )
    assert "signed" in refusal("ReceiveMessage", answer)
    assert refusal("ReceiveMessage", b"no") == "ReceiveMessage was refused: no"
