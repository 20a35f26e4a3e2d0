"""The broker's own thread and event loop: started, asked to do things, stopped. Independent of the loops of the program around it.

Why a thread for the asynchronous form as well: a program that blocks its loop (boto3 in a coroutine, a debugger) must not block the
broker that it waits for, and a broker that outlives one loop can be shared by tests that each have their own.
Must not know what is asked for.
"""

import asyncio
import atexit
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

import uvloop

from onemq.app.construction import CannotStart
from onemq.app.server import Server, StoreMaker
from onemq.config import Settings
from onemq.embedded.errors import BrokerFailed
from onemq.embedded.native import Native
from onemq.net.clock import Clock
from onemq.net.faults import Faults

_log = logging.getLogger("onemq.embedded")

START_SECONDS_MAX: Final = 60.0
CALL_SECONDS_MAX: Final = 60.0
STOP_SECONDS_SPARE: Final = 30.0
"""A stop may take so much longer than twice server.drain_seconds (which bounds its parts)."""

T = TypeVar("T")


class BrokerThread:
    """One run of one broker. Not used again after `stop`."""

    def __init__(self, settings: Settings, clock: Clock, faults: Faults, store_maker: StoreMaker) -> None:
        self.settings = settings
        self.clock = clock
        self.failure = ""
        self.ports: dict[str, int] = {}
        self._faults = faults
        self._store_maker = store_maker
        self._started: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._server: Server | None = None
        self._native: Native | None = None
        self._thread = threading.Thread(target=self._run, name="onemq-broker", daemon=True)

    @property
    def server(self) -> Server:
        assert self._server is not None, "the broker is not started"
        return self._server

    @property
    def native(self) -> Native:
        assert self._native is not None, "the broker is not started"
        return self._native

    def start(self) -> None:
        """Returns when clients are served. Raises BrokerFailed."""
        self.begin()
        try:
            self._started.result(START_SECONDS_MAX)
        except CannotStart as error:
            self._thread.join()
            raise BrokerFailed(str(error)) from None

    def begin(self) -> Future[None]:
        """As `start`, without waiting. The future fails with CannotStart."""
        self._thread.start()
        # The interpreter must not go away under a thread that runs its loop.
        atexit.register(self.stop)
        return self._started

    def stop(self) -> None:
        """Returns when all is written and closed. Bounded in time; may be called again."""
        loop = self._loop
        if loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # It has ended in this moment.
                loop.call_soon_threadsafe(self._ask_to_stop)
        if self._thread.ident is not None:
            self._thread.join(2 * self.settings.server.drain_seconds + STOP_SECONDS_SPARE)
        atexit.unregister(self.stop)

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Has the coroutine run on the broker's loop. Raises BrokerFailed when there is no broker (any more)."""
        loop = self._loop
        if self.failure or loop is None or self._stopping is None or self._stopping.is_set():
            work.close()
            raise BrokerFailed(self.failure or "the broker is not running")
        return asyncio.run_coroutine_threadsafe(work, loop)

    def call(self, work: Callable[[], None]) -> None:
        """Has it done on the broker's thread, and waits for it. On that thread: does it."""
        if threading.current_thread() is self._thread:
            work()
            return

        async def do() -> None:
            work()

        self.submit(do()).result(CALL_SECONDS_MAX)

    def call_soon(self, work: Callable[[], None]) -> None:
        """Has it done on the broker's thread, some time; not at all when it ends before."""
        loop = self._loop
        if loop is not None and not self.failure:
            with contextlib.suppress(RuntimeError):  # It has ended in this moment.
                loop.call_soon_threadsafe(work)

    # On the broker's thread.

    def _ask_to_stop(self) -> None:
        if self._stopping is not None:
            self._stopping.set()

    def _run(self) -> None:
        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(self._serve(loop))
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            else:
                self._fail(
                    f"the broker's thread broke: {error}", error if isinstance(error, Exception) else None
                )
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        server = Server(
            self.settings, loop, self._fail, self.clock, faults=self._faults, store_maker=self._store_maker
        )
        await server.start()
        self._server = server
        self._loop = loop
        self._stopping = asyncio.Event()
        self._native = Native(server, self.settings.namespaces[0])
        for name, address in server.addresses():
            self.ports[name] = int(address.rpartition(":")[2])
        self._faults.attach(self.call, self._native.duplicate)
        self._started.set_result(None)
        await self._stopping.wait()
        if not self.failure:
            self._native.close()
        await server.stop()
        self._native.fail(BrokerFailed(self.failure or "the broker has stopped"))
        # Calls that are under way learn it before the loop ends.
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _fail(self, reason: str, error: Exception | None) -> None:
        """The store or the engine broke: the broker confirms nothing any more, the program around it goes on."""
        self.failure = reason
        _log.critical("%s; this broker confirms nothing any more", reason, exc_info=error)
        if self._native is not None and self._loop is not None:
            # Not from within the engine, which may be in the middle of something.
            self._loop.call_soon(self._native.fail, BrokerFailed(reason))
