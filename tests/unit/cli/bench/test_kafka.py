"""Kafka as the load speaks it."""

from __future__ import annotations

import struct

from onemq.cli.bench.kafka import BATCH_BYTES_MAX, batch_count, produce_error, text


def test_a_request_fits_into_what_a_topic_takes() -> None:
    assert batch_count(100, 100) == 100 and batch_count(1, 100) == 1
    assert batch_count(10_000, 10_000) * 10_000 < BATCH_BYTES_MAX
    assert batch_count(100, 800_000) == 1


def test_the_error_of_an_answer() -> None:
    for error in (0, 3):
        partition = struct.pack(">ihqqq", 0, error, 5, -1, 0)
        answer = struct.pack(">i", 1) + text("a topic") + struct.pack(">i", 1) + partition
        assert produce_error(answer) == error
