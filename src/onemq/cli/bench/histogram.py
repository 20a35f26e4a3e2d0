"""A histogram of latencies in a fixed number of buckets, each wider than the last by a sixteenth of a power of two: percentiles
are right to about 3 %, whatever they are, in 5 KiB.
"""

import math
from typing import Final

STEPS: Final = 16
"""Buckets for each power of two."""
BUCKETS: Final = STEPS * 42
"""Up to 2**42 ns, 73 minutes: longer than a load may be."""
SHOWN: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999))


class Histogram:
    """Values are nanoseconds. Two histograms of two processes are added by their counts."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.longest_ns = 0

    def note(self, nanoseconds: int, times: int = 1) -> None:
        bucket = min(int(math.log2(nanoseconds) * STEPS), BUCKETS - 1) if nanoseconds > 1 else 0
        self.counts[bucket] = self.counts.get(bucket, 0) + times
        self.count += times
        if nanoseconds > self.longest_ns:
            self.longest_ns = nanoseconds

    def add(self, counts: dict[int, int], longest_ns: int) -> None:
        """What another one has counted."""
        for bucket, count in counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
            self.count += count
        self.longest_ns = max(self.longest_ns, longest_ns)

    def percentile_ms(self, share: float) -> float | None:
        """share: 0.99 for p99. The middle of its bucket, and never more than the longest. None: nothing was noted."""
        wanted = math.ceil(self.count * share)
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return float(min(2 ** ((bucket + 0.5) / STEPS), self.longest_ns) / 1e6)
        return None

    def summary(self) -> dict[str, float | None]:
        """p50, p90, p99, p99_9 and max in ms, to the microsecond."""
        found: dict[str, float | None] = {}
        for name, share in SHOWN:
            value = self.percentile_ms(share)
            found[name] = None if value is None else round(value, 3)
        found["max"] = round(self.longest_ns / 1e6, 3) if self.count else None
        return found

    def bars(self, rows: int) -> list[tuple[float, float, int]]:
        """For a picture: from, to (ms) and count, of at most `rows` spans between the shortest and the longest."""
        if not self.counts:
            return []
        first, last = min(self.counts), max(self.counts)
        width = (last - first) // rows + 1
        found = []
        for begin in range(first, last + 1, width):
            count = sum(self.counts.get(bucket, 0) for bucket in range(begin, begin + width))
            found.append((2 ** (begin / STEPS) / 1e6, 2 ** ((begin + width) / STEPS) / 1e6, count))
        return found
