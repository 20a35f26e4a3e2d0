"""What every load client is: a process of its own with one connection, its counts, its histogram, and how it ends.

Processes, because threads of one interpreter would wait for each other, and that waiting would be measured. Their clocks are one
(CLOCK_MONOTONIC). Must not: print; know a protocol.
"""

import os
import signal
import struct
import time
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import RawArray
from typing import TYPE_CHECKING, Final

from onemq.cli.bench.histogram import Histogram
from onemq.cli.bench.plan import Pace, Plan, stamp_of
from onemq.cli.bench.wire import BenchFailed

if TYPE_CHECKING:
    from ctypes import Array, c_int64

RUNNING: Final = 0
STOPPING: Final = 1
"""Producers send no more."""
DRAINED: Final = 2
"""Consumers end as well."""
REPORT_NS: Final = 200_000_000
BACKLOG_SECONDS: Final = 0.005
IDLE_SECONDS: Final = 0.1
ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""Blocked while processes are made; each takes them once it has said what they do."""

Report = tuple[dict[int, int], int, str, bool]
"""What a histogram has counted since the last one, the longest of all (ns), why it failed ("": it did not), whether it has ended."""


class Board:
    """Numbers that all processes of a load see; each is written by one of them only."""

    def __init__(self, producers: int, consumers: int) -> None:
        self._stage: Array[c_int64] = RawArray("q", 1)
        self.sent: Array[c_int64] = RawArray("q", max(producers, 1))
        self.taken: Array[c_int64] = RawArray("q", max(consumers, 1))

    def stage(self) -> int:
        return int(self._stage[0])

    def reach(self, stage: int) -> None:
        self._stage[0] = max(stage, self._stage[0])

    def published(self) -> int:
        return sum(self.sent)

    def consumed(self) -> int:
        return sum(self.taken)


class Worker:
    """One connection's load. index: among those of its kind."""

    def __init__(self, plan: Plan, board: Board, index: int) -> None:
        self.plan = plan
        self.board = board
        self.index = index
        self.latencies = Histogram()
        self._pipe: Connection | None = None
        self._parent = 0
        self._reported_ns = 0

    def run(self, pipe: Connection, parent: int) -> None:
        """The process's whole life. parent: its number; without it a load has nobody to stop it."""
        # Ctrl-C reaches every process of the terminal; the one that shows the load decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        self._pipe = pipe
        self._parent = parent
        failure = ""
        try:
            self.work()
        except OSError as error:
            failure = f"the connection to the broker broke: {error}"
        except (BenchFailed, struct.error, ValueError, KeyError, IndexError) as error:
            failure = str(error) or type(error).__name__
        self._report(failure, True)

    def work(self) -> None:
        raise NotImplementedError

    def tick(self, now_ns: int) -> None:
        """Called in every turn: reports now and then."""
        if now_ns - self._reported_ns >= REPORT_NS:
            self._reported_ns = now_ns
            if os.getppid() != self._parent:
                self.board.reach(DRAINED)
            self._report("", False)

    def _report(self, failure: str, ended: bool) -> None:
        if self._pipe is None:
            return
        noted, self.latencies.counts = self.latencies.counts, {}
        try:
            self._pipe.send((noted, self.latencies.longest_ns, failure, ended))
        except OSError:
            # Nobody is there any more.
            self.board.reach(DRAINED)


class Producer(Worker):
    """Sends at its pace, while consumers keep up."""

    def __init__(self, plan: Plan, board: Board, index: int) -> None:
        super().__init__(plan, board, index)
        self.pace = Pace(plan.per_second, plan.messages, time.monotonic_ns())

    def begin(self) -> None:
        """The connection stands: the timetable starts."""
        self.pace = Pace(self.plan.per_second, self.plan.messages, time.monotonic_ns())

    def over(self) -> bool:
        return self.pace.done() or self.board.stage() != RUNNING

    def room(self, unanswered: int, wanted: int, now_ns: int) -> int:
        """How many of so many may be sent now, with so many not counted as sent yet."""
        if self.over():
            return 0
        if self.plan.backlog:
            behind = self.board.published() - self.board.consumed() + unanswered
            wanted = min(wanted, self.plan.backlog - behind)
        return self.pace.ready(wanted, now_ns) if wanted > 0 else 0

    def wait_seconds(self, now_ns: int) -> float:
        """Until it may be worth to look for room again."""
        return self.pace.wait_seconds(now_ns, IDLE_SECONDS) or BACKLOG_SECONDS

    def sent(self, stamps: list[int], now_ns: int) -> None:
        """So many have been confirmed; without confirms: were sent."""
        self.board.sent[self.index] += len(stamps)
        if self.plan.confirm:
            for stamp in stamps:
                self.latencies.note(now_ns - stamp)


class Consumer(Worker):
    """Takes until all is over."""

    def over(self) -> bool:
        return self.board.stage() == DRAINED

    def took(self, data: bytes, now_ns: int) -> None:
        stamp = stamp_of(data)
        if stamp:
            self.board.taken[self.index] += 1
            self.latencies.note(max(now_ns - stamp, 1))
