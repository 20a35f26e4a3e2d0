"""A histogram of latencies: buckets that grow by a sixteenth of a power of two, so that a percentile is right to about 5 %."""

import math
from typing import Final

STEPS: Final = 16
"""Buckets for each power of two."""
BUCKETS: Final = STEPS * 40
"""Up to 2**40 ns, 18 minutes."""


class Histogram:
    """One thread notes; another may read meanwhile. Values are nanoseconds."""

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS
        self.count = 0
        self.longest_ns = 0

    def note(self, nanoseconds: int, times: int = 1) -> None:
        bucket = int(math.log2(nanoseconds) * STEPS) if nanoseconds > 1 else 0
        self.counts[min(bucket, BUCKETS - 1)] += times
        self.count += times
        self.longest_ns = max(self.longest_ns, nanoseconds)

    def add(self, other: "Histogram") -> None:
        for bucket, count in enumerate(other.counts):
            if count:
                self.counts[bucket] += count
                self.count += count
        self.longest_ns = max(self.longest_ns, other.longest_ns)

    def percentile_ms(self, share: float) -> float | None:
        """share: 0.99 for p99. None: nothing was noted."""
        total = sum(self.counts)
        if not total:
            return None
        wanted = math.ceil(total * share)
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if seen >= wanted:
                middle = 2 ** ((bucket + 0.5) / STEPS)
                return float(min(middle, self.longest_ns) / 1e6)
        return self.longest_ns / 1e6

    def summary(self) -> dict[str, float | None]:
        """ms."""
        return {
            "p50": self.percentile_ms(0.5),
            "p90": self.percentile_ms(0.9),
            "p99": self.percentile_ms(0.99),
            "p99_9": self.percentile_ms(0.999),
            "max": self.longest_ns / 1e6 if self.count else None,
        }

    def bars(self, rows: int) -> list[tuple[float, float, int]]:
        """For a picture: from, to (ms) and count, of at most `rows` spans between the shortest and the longest."""
        used = [bucket for bucket, count in enumerate(self.counts) if count]
        if not used:
            return []
        width = max((used[-1] - used[0]) // rows + 1, 1)
        found = []
        for first in range(used[0], used[-1] + 1, width):
            count = sum(self.counts[first : first + width])
            found.append((2 ** (first / STEPS) / 1e6, 2 ** ((first + width) / STEPS) / 1e6, count))
        return found
