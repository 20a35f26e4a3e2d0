"""How many log lines alike are written: a peer that fails ten thousand times a second gets a few lines and a count.

Lines are alike when they have the same reason; of those, the ones about the same host are bounded apart, so that one host cannot hide
another. A window begins with the first line of a reason; what is left out in it is counted, and told when it is over.
Must not: know the clock (times are arguments), or write anything.
"""

from typing import Final

REASONS_MAX: Final = 1_000
"""Reasons are constants in the code; what has more of them is not bounded, instead of taking memory."""


class LeftOut:
    """What was not written in a window that is over. host: about whom most of it was, "" when it is about nobody in particular."""

    __slots__ = ("count", "host", "reason")

    def __init__(self, reason: str, count: int, host: str) -> None:
        self.reason = reason
        self.count = count
        self.host = host


class _Window:
    """One reason's present window. hosts: lines about each, written and left out."""

    __slots__ = ("began", "hosts", "left_out", "written")

    def __init__(self, began: float) -> None:
        self.began = began
        self.written = 0
        self.left_out = 0
        self.hosts: dict[str, list[int]] = {}

    def summary(self, reason: str) -> LeftOut:
        most = ""
        count = 0
        for host, (_, left_out) in self.hosts.items():
            if host and left_out > count:
                most, count = host, left_out
        return LeftOut(reason, self.left_out, most)


class LogBounds:
    """alike_max: lines of one reason about one host, in one window. lines_max: of one reason about all hosts. seconds: of a window."""

    def __init__(self, alike_max: int, lines_max: int, seconds: float) -> None:
        self._alike_max = alike_max
        self._lines_max = lines_max
        self.seconds = seconds
        self._windows: dict[str, _Window] = {}
        self._over: list[LeftOut] = []

    def admit(self, reason: str, host: str, now: float) -> bool:
        """Whether a line may be written. now: seconds, of any clock that does not go back."""
        window = self._windows.get(reason)
        if window is not None and now - window.began >= self.seconds:
            self._close(reason, window)
            window = None
        if window is None:
            if len(self._windows) >= REASONS_MAX:
                return True
            window = _Window(now)
            self._windows[reason] = window
        counts = window.hosts.get(host)
        if counts is None:
            if len(window.hosts) >= self._lines_max:
                window.left_out += 1
                return False
            counts = [0, 0]
            window.hosts[host] = counts
        if counts[0] >= self._alike_max or window.written >= self._lines_max:
            counts[1] += 1
            window.left_out += 1
            return False
        counts[0] += 1
        window.written += 1
        return True

    def take_left_out(self, now: float, everything: bool = False) -> list[LeftOut]:
        """What was left out in windows that are over (or in all of them), and forgets it."""
        for reason, window in list(self._windows.items()):
            if everything or now - window.began >= self.seconds:
                self._close(reason, window)
        found = self._over
        self._over = []
        return found

    def _close(self, reason: str, window: _Window) -> None:
        del self._windows[reason]
        if window.left_out:
            self._over.append(window.summary(reason))
