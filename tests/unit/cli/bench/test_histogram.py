"""Percentiles against the sorted values themselves."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from onemq.cli.bench.histogram import BUCKETS, Histogram


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_are_right_to_five_percent(seed: int) -> None:
    chance = random.Random(seed)
    values = sorted(int(chance.lognormvariate(14, 1.5)) + 1 for _ in range(5000))
    halves = (Histogram(), Histogram())
    for index, value in enumerate(values):
        halves[index % 2].note(value)
    whole = Histogram()
    for half in halves:
        whole.add(half.counts, half.longest_ns)
    assert whole.count == len(values)
    for share in (0.5, 0.9, 0.99, 0.999):
        exact = values[int(len(values) * share + 0.9999) - 1] / 1e6
        found = whole.percentile_ms(share)
        assert found is not None and abs(found - exact) <= 0.05 * exact
    assert whole.summary()["max"] == round(values[-1] / 1e6, 3)


def test_nothing_and_extremes() -> None:
    histogram = Histogram()
    assert histogram.summary() == {"p50": None, "p90": None, "p99": None, "p99_9": None, "max": None}
    assert histogram.bars(5) == []
    histogram.note(0)
    histogram.note(1 << 50, 3)
    assert histogram.count == 4 and max(histogram.counts) == BUCKETS - 1
    shortest, longest = histogram.percentile_ms(0.01), histogram.summary()["max"]
    assert shortest is not None and shortest < 0.001 and longest == round((1 << 50) / 1e6, 3)


def test_no_percentile_is_longer_than_the_longest() -> None:
    for value in range(1_000_000, 1_100_000, 1_000):
        histogram = Histogram()
        histogram.note(value)
        found = histogram.percentile_ms(0.5)
        assert found is not None and 0.95 * value <= found * 1e6 <= value


def test_bars_hold_every_value_once() -> None:
    histogram = Histogram()
    for value, times in ((1_000_000, 10), (3_000_000, 2), (8_000_000, 5)):
        histogram.note(value, times)
    bars = histogram.bars(12)
    assert len(bars) <= 12 and sum(count for _, _, count in bars) == 17
    assert bars[0][0] <= 1.0 < bars[0][1] and bars[-1][0] <= 8.0 < bars[-1][1]
    assert all(earlier[1] == later[0] for earlier, later in pairwise(bars))
