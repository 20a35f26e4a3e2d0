"""Durations in fixed buckets."""

from onemq.model.histogram import BOUNDS_US, Histogram


def test_each_duration_is_in_the_bucket_of_the_next_bound() -> None:
    histogram = Histogram()
    for bound in BOUNDS_US:
        histogram.add(bound)
    histogram.add(BOUNDS_US[-1] + 1)
    histogram.add(0)
    histogram.add(51, 3)
    assert histogram.counts == [2, 4, *[1] * (len(BOUNDS_US) - 1)]
    assert histogram.count == len(BOUNDS_US) + 5
    assert histogram.sum_us == sum(BOUNDS_US) + BOUNDS_US[-1] + 1 + 153


def test_bounds_ascend() -> None:
    assert list(BOUNDS_US) == sorted(set(BOUNDS_US))
