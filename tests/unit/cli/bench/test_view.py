"""What bench prints."""

from __future__ import annotations

import json

import pytest

from onemq.cli.bench.histogram import Histogram
from onemq.cli.bench.plan import Plan
from onemq.cli.bench.run import Run
from onemq.cli.bench.view import bar_lines, milliseconds, tell
from onemq.cli.bench.worker import Board, Consumer, Producer
from onemq.cli.output import Output


def test_a_picture() -> None:
    histogram = Histogram()
    assert bar_lines(histogram) == []
    histogram.note(1_000_000, 10)
    histogram.note(8_000_000, 5)
    lines = bar_lines(histogram)
    assert sum(line.count("#") for line in lines) == 40 + 20 and len(lines) <= 12


def test_latencies_have_as_many_digits_as_say_something() -> None:
    assert [milliseconds(value) for value in (None, 0.123, 12.34, 1234.5)] == ["-", "0.12", "12.3", "1,234"]


def test_only_sides_that_were_there_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan("", 0, "target")
    board = Board(1, 0)
    run = Run(plan, board, [Producer(plan, board, 0)], [])
    run.published_seconds = 2.0
    board.sent[0] = 50
    run.producers.latencies.note(4_000_000, 50)
    tell(Output(False), "kafka", run)
    text = capsys.readouterr().out
    assert "kafka, 2.0 s" in text and "publish to confirm, ms" in text and "delivery" not in text
    tell(Output(True), "kafka", run)
    found = json.loads(capsys.readouterr().out)
    assert found["published_per_second"] == 25.0 and found["delivery_ms"]["p50"] is None

    idle = Run(plan, board, [], [Consumer(plan, board, 0)])
    assert idle.producers.workers == []
