"""When what was spilled had been appended: a bounded number of places with their times, kept evenly apart. Must not: ask the store."""

from typing import Final

from mypy_extensions import i64

PLACES_MAX: Final = 64
"""Of so many places the time is remembered."""


class SpillTimes:
    """See the module."""

    __slots__ = ("_step_ms", "_times")

    def __init__(self) -> None:
        self._times: list[int] = []
        """Flat: offset, time of the record there; `_step_ms` apart at least."""
        self._step_ms: i64 = 1

    def note(self, offset: i64, at_ms: i64) -> None:
        """Offsets come in ascending order."""
        times = self._times
        if times and at_ms < times[-1] + self._step_ms:
            return
        times.append(int(offset))
        times.append(int(at_ms))
        if len(times) > 2 * PLACES_MAX:
            step: i64 = (times[-1] - times[1]) * 2 // PLACES_MAX + 1
            kept: list[int] = times[:2]
            for at in range(2, len(times), 2):
                if times[at + 1] >= kept[-1] + step:
                    kept.append(times[at])
                    kept.append(times[at + 1])
            self._times = kept
            self._step_ms = step

    def before(self, offset: i64, otherwise_ms: i64) -> i64:
        """Time of the last place that is not behind the offset."""
        times = self._times
        found = otherwise_ms
        for at in range(0, len(times), 2):
            if times[at] > offset:
                break
            found = times[at + 1]
        return found
