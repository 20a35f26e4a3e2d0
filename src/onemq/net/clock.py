"""The time that the engine is told: wall-clock milliseconds that never go back.

Must not be asked more than once a turn: everything within a turn happens at one time.
"""

import time

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Clock:
    """Follows the wall clock; when that is set back, goes on at seven eighths of the pace until it has caught up.

    So a deadline never waits for the hour that somebody took back, and records never get times out of order.

    Attributes:
        ahead_ms: how far the engine's time is ahead of that, because somebody moved it (a test): only ever grows. After a change
            the turns must be told (`Turns.time_moved`). What concerns peers (idle connections, heartbeats) goes by real time.
    """

    def __init__(self) -> None:
        self.ahead_ms: i64 = 0
        self._wall_ns: i64 = time.time_ns()
        self._monotonic_ns: i64 = time.monotonic_ns()

    def now_ms(self) -> i64:
        """Milliseconds since the epoch."""
        monotonic_ns: i64 = time.monotonic_ns()
        wall_ns: i64 = time.time_ns()
        slowed: i64 = self._wall_ns + (monotonic_ns - self._monotonic_ns) * 7 // 8
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns if wall_ns > slowed else slowed
        return self._wall_ns // 1_000_000 + self.ahead_ms
