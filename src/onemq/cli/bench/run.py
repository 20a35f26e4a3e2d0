"""One load, from its start to its end: the processes, when they stop, what they have counted.

First all consumers and producers run; then producers stop, and consumers take what is left, for a bounded time.
Must not: print; know a protocol.
"""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Final

from onemq.cli.bench.histogram import Histogram
from onemq.cli.bench.plan import Plan
from onemq.cli.bench.worker import DRAINED, ENDING_SIGNALS, STOPPING, Board, Report, Worker
from onemq.cli.frame import CliError

START_SECONDS_MAX: Final = 60.0
DRAIN_SECONDS_MAX: Final = 30.0
END_SECONDS_MAX: Final = 40.0
"""Longer than a socket waits."""
WATCH_SECONDS: Final = 0.1
RECENT_SECONDS: Final = 2.0


class Side:
    """Producers, or consumers: what they have counted together."""

    def __init__(self, workers: Sequence[Worker], counted: Callable[[], int]) -> None:
        self.workers = list(workers)
        self.latencies = Histogram()
        self.messages = counted
        self.running = len(self.workers)
        self._seen: list[tuple[float, int]] = []

    def look(self, now: float) -> None:
        self._seen = [each for each in self._seen if each[0] > now - RECENT_SECONDS]
        self._seen.append((now, self.messages()))

    def rate(self) -> float:
        """Messages a second, of the last two."""
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return (last - first) / (ended - began) if ended > began else 0.0


class Run:
    """Attributes:
    published_seconds, consumed_seconds: from the start until the last one was. interrupted: by who watches.
    """

    def __init__(
        self, plan: Plan, board: Board, producers: Sequence[Worker], consumers: Sequence[Worker]
    ) -> None:
        self.plan = plan
        self.producers = Side(producers, board.published)
        self.consumers = Side(consumers, board.consumed)
        self.published_seconds = 0.0
        self.consumed_seconds = 0.0
        self.interrupted = False
        self._board = board
        self._began = 0.0
        self._pipes: dict[Connection, Side] = {}
        self._processes: list[multiprocessing.context.ForkProcess] = []

    def go(self, seconds: float, shown: Callable[[], None]) -> None:
        """shown: called some times a second. Raises CliError. Afterwards no process is left."""
        try:
            self._start()
            with contextlib.suppress(KeyboardInterrupt):
                self._watch(self._began + seconds, shown)
                self._finish(shown)
                return
            # What was measured until then is told.
            self.interrupted = True
            self._finish(shown)
        finally:
            self._end()

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def _start(self) -> None:
        # Forked: what is loaded is there at once, and no thread runs yet. A new process has our handlers of signals until it has
        # set its own: until then none may reach it.
        context = multiprocessing.get_context("fork")
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        try:
            for side in (self.consumers, self.producers):
                for worker in side.workers:
                    ours, theirs = context.Pipe(duplex=False)
                    process = context.Process(target=worker.run, args=(theirs, os.getpid()), daemon=True)
                    process.start()
                    theirs.close()
                    self._processes.append(process)
                    self._pipes[ours] = side
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        self._began = time.monotonic()

    def _watch(self, until: float, shown: Callable[[], None]) -> None:
        """Until the time is over, or every producer has sent its share."""
        side = self.producers if self.producers.workers else self.consumers
        while time.monotonic() < until and side.running:
            self._turn(shown)

    def _finish(self, shown: Callable[[], None]) -> None:
        self._board.reach(STOPPING)
        until = time.monotonic() + END_SECONDS_MAX
        while self.producers.running and time.monotonic() < until:
            self._turn(shown)
        self.published_seconds = self.seconds()
        until = time.monotonic() + DRAIN_SECONDS_MAX
        while (
            self.producers.workers
            and self.consumers.running
            and self.consumers.messages() < self.producers.messages()
            and time.monotonic() < until
            and not self.interrupted
        ):
            self._turn(shown)
        self.consumed_seconds = self.seconds()
        self._board.reach(DRAINED)
        until = time.monotonic() + END_SECONDS_MAX
        while self._pipes and time.monotonic() < until:
            self._turn(shown)

    def _turn(self, shown: Callable[[], None]) -> None:
        """Takes what the processes report. Raises CliError when one has failed."""
        for pipe in wait(list(self._pipes), WATCH_SECONDS):
            assert isinstance(pipe, Connection)
            side = self._pipes[pipe]
            try:
                report: Report = pipe.recv()
            except EOFError:
                report = ({}, 0, "a process of the load was killed", True)
            counts, longest_ns, failure, ended = report
            side.latencies.add(counts, longest_ns)
            if ended:
                side.running -= 1
                del self._pipes[pipe]
                pipe.close()
            if failure:
                raise CliError(f"the load failed: {failure}")
        now = time.monotonic()
        self.producers.look(now)
        self.consumers.look(now)
        shown()

    def _end(self) -> None:
        self._board.reach(DRAINED)
        for process in self._processes:
            if self._pipes:
                # Not all ended by themselves: nobody reads what they say any more.
                process.terminate()
            process.join(END_SECONDS_MAX)
        for pipe in self._pipes:
            pipe.close()
        self._pipes = {}
