"""A histogram of durations with fixed buckets: cheap to add to, read by who makes metrics. Pure data.

One thread adds; others may read at any time (a reading may miss what is being added). Bounds are in microseconds, each bucket counts
what is not longer than its bound, the last one everything that is.
"""

from typing import Final

from mypy_extensions import i64

BOUNDS_US: Final = (
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
)


class Histogram:
    """counts: by bucket, not added up; one more than BOUNDS_US. sum_us, count: of all."""

    __slots__ = ("count", "counts", "sum_us")

    def __init__(self) -> None:
        self.counts: list[int] = [0] * (len(BOUNDS_US) + 1)
        self.sum_us: i64 = 0
        self.count: i64 = 0

    def add(self, duration_us: i64, times: i64 = 1) -> None:
        """One duration, or `times` of the same."""
        index: i64 = 0
        for bound in BOUNDS_US:
            if duration_us <= bound:
                break
            index += 1
        self.counts[index] += int(times)
        self.sum_us += duration_us * times
        self.count += times
