"""Messages that grow too old are gone. The shortest retention is a minute, so one test waits for it, beside all others."""

from __future__ import annotations

import time

import pytest

from clients.aws_python.session import Client, MakeQueue, bodies, counts, receive, send, wait_until


@pytest.mark.timeout(120)
def test_a_message_that_is_too_old_is_gone(sqs: Client, make_queue: MakeQueue) -> None:
    url, kept = make_queue(MessageRetentionPeriod=60), make_queue()
    sent_at = time.monotonic()
    send(sqs, url, "ready", "in flight")
    send(sqs, kept, "kept")
    assert bodies(receive(sqs, url, 1, VisibilityTimeout=70)) == ["ready"]
    wait_until(lambda: counts(sqs, url) == (0, 0, 0), 90, "that both are gone")
    assert time.monotonic() - sent_at >= 59
    assert bodies(receive(sqs, kept)) == ["kept"]
