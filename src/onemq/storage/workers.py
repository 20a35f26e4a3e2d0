"""The threads behind a store, as a seam: lanes of work, each run by its own thread here and step by step in a
simulation.

Must not know what the work is. The only place that reads a clock or starts a thread.
"""

import threading
import time
from typing import Final

from mypy_extensions import mypyc_attr

NOTHING: Final = -1
"""A turn found nothing to do: next one after a notice."""
MORE: Final = 0
"""A turn did something: next one at once."""
LATER_MS: Final = 5
"""What nobody waits for is done after this time."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Lane:
    """Work that is done in order, by one worker."""

    name: str = ""

    def turn(self, now_ms: int, closing: bool) -> int:
        """Does a piece. Returns MORE, NOTHING, or how many ms later (or at a notice) the next turn is due.

        `closing`: this is the end; waiting for space or time makes no sense any more. Catches all but its own
        bugs.
        """
        raise NotImplementedError

    def broke(self, error: Exception) -> None:
        """The turn raised: a bug, or damage found. The lane must report it; it is not run again."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Workers:
    """Runs lanes."""

    def start(self, lanes: list[Lane]) -> None:
        """Called before anything is given to the lanes; after a `stop` it may be called again."""
        raise NotImplementedError

    def notify(self, index: int) -> None:
        """Lane number `index` may have something to do. Any thread; never blocks for long."""
        raise NotImplementedError

    def notify_later(self, index: int) -> None:
        """Lane number `index` has something to do that can wait for LATER_MS, or for the next notice."""
        raise NotImplementedError

    def stop(self) -> None:
        """Runs every lane until it has nothing left to do, then ends. Blocks."""
        raise NotImplementedError

    def now_us(self) -> int:
        """A clock for durations, for statistics and to choose a way; it stands still where nobody measures."""
        return 0

    def now_ms(self) -> int:
        """The clock of the lanes' turns."""
        raise NotImplementedError


class _Thread:
    """One lane, its thread, and what wakes it."""

    __slots__ = ("closing", "condition", "lane", "later", "noticed", "thread", "waiting")

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.condition = threading.Condition(threading.Lock())
        self.noticed = False
        self.later = False
        self.waiting = False
        self.closing = False
        self.thread = threading.Thread(target=self.run, name=f"onemq-{lane.name}", daemon=True)

    def notify(self) -> None:
        # Without the lock: the thread looks at `noticed` again after it said that it waits, under the lock
        # below.
        if self.noticed:
            return
        with self.condition:
            self.noticed = True
            if self.waiting:
                self.condition.notify()

    def notify_later(self) -> None:
        # Without the lock, as above: the thread looks at `later` before it waits.
        if self.noticed or self.later:
            return
        with self.condition:
            self.later = True
            if self.waiting:
                self.condition.notify()

    def close(self) -> None:
        with self.condition:
            self.closing = True
            self.condition.notify()

    def run(self) -> None:
        lane = self.lane
        while True:
            with self.condition:
                self.noticed = False
                self.later = False
                closing = self.closing
            try:
                delay_ms = lane.turn(time.monotonic_ns() // 1_000_000, closing)
            except Exception as error:
                lane.broke(error)
                return
            if delay_ms == MORE:
                continue
            if closing:
                return
            self._wait(delay_ms)

    def _wait(self, delay_ms: int) -> None:
        with self.condition:
            while not self.noticed and not self.closing:
                if self.later and not 0 <= delay_ms <= LATER_MS:
                    delay_ms = LATER_MS
                self.waiting = True
                woken = self.condition.wait(delay_ms / 1000 if delay_ms >= 0 else None)
                self.waiting = False
                if not woken:
                    return


class Threads(Workers):
    """A thread per lane."""

    def __init__(self) -> None:
        self._threads: list[_Thread] = []

    def start(self, lanes: list[Lane]) -> None:
        self._threads = [_Thread(lane) for lane in lanes]
        for thread in self._threads:
            thread.thread.start()

    def notify(self, index: int) -> None:
        self._threads[index].notify()

    def notify_later(self, index: int) -> None:
        self._threads[index].notify_later()

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def now_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def stop(self) -> None:
        # In the order given: a later lane may wait for what an earlier one still has to do.
        for thread in self._threads:
            thread.close()
            thread.thread.join()
