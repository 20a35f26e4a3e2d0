"""Work that takes long and needs nothing of the broker: done on a thread, told in a turn.

Job: one piece of work at a time, in the order in which they came; the thread is there from the first one on.
Must not: know what is computed, or touch the engine outside of a turn.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from onemq.heads.contract import Worker


class Enters(Protocol):
    """The turns, as far as work goes."""

    def enter(self) -> None: ...


class ThreadWorker(Worker):
    """See the module. fatal: told of an error that the work or what follows it has raised, which is a bug."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        turns: Enters,
        fatal: Callable[[str, Exception | None], None],
    ) -> None:
        super().__init__()
        self._loop = loop
        self._turns = turns
        self._fatal = fatal
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    def compute(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        if self._closed:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="onemq-worker")
        self._pool.submit(self._run, work, then)

    def close(self) -> None:
        """What waits is forgotten, nobody is told any more. Waits for the piece that is being done."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as raised:
            error = raised
        self._loop.call_soon_threadsafe(self._end, then, error)

    def _end(self, then: Callable[[], None], error: Exception | None) -> None:
        if self._closed:
            return
        if error is not None:
            self._fatal("work beside the turns failed", error)
            return
        self._turns.enter()
        then()
