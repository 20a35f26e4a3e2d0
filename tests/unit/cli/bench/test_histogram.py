"""Percentiles against the sorted values themselves."""

from __future__ import annotations

import random

import pytest

from onemq.cli.bench.command import bar_lines
from onemq.cli.bench.histogram import Histogram


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_are_right_to_five_percent(seed: int) -> None:
    chance = random.Random(seed)
    values = sorted(int(chance.lognormvariate(14, 1.5)) + 1 for _ in range(5000))
    halves = (Histogram(), Histogram())
    for index, value in enumerate(values):
        halves[index % 2].note(value)
    whole = Histogram()
    for half in halves:
        whole.add(half)
    assert whole.count == len(values)
    for share in (0.5, 0.9, 0.99, 0.999):
        exact = values[int(len(values) * share + 0.9999) - 1] / 1e6
        found = whole.percentile_ms(share)
        assert found is not None and abs(found - exact) <= 0.05 * exact
    assert whole.summary()["max"] == values[-1] / 1e6


def test_nothing_and_extremes() -> None:
    empty = Histogram()
    assert empty.percentile_ms(0.5) is None and empty.summary()["max"] is None and bar_lines(empty) == []
    empty.note(0)
    empty.note(1 << 50, 3)
    assert empty.count == 4 and empty.percentile_ms(0.01) is not None


def test_a_picture() -> None:
    histogram = Histogram()
    histogram.note(1_000_000, 10)
    histogram.note(8_000_000, 5)
    lines = bar_lines(histogram)
    assert sum(line.count("#") for line in lines) == 40 + 20 and len(lines) <= 12 + 1
