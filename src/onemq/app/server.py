"""One broker: built from the settings, started and stopped on a given event loop; as often as wanted, several in one process.

Must not touch what belongs to the whole process (signals, the garbage collector, limits of open files, its exit): process.py does
for `onemq serve`, and a program that has a broker inside decides for itself.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from onemq.app.construction import (
    CannotStart,
    make_audit_log,
    make_gate,
    make_pressure,
    make_store,
    make_tracing,
    recovered_broker,
    tls_context,
)
from onemq.app.listeners import Parts, make_listeners
from onemq.config import OFF, Settings
from onemq.engine.broker import Broker
from onemq.engine.ports import Store
from onemq.net.caller import HttpCaller
from onemq.net.clock import Clock
from onemq.net.drain import drain
from onemq.net.eviction import Eviction
from onemq.net.faults import Faults
from onemq.net.listener import CannotListen, Listener
from onemq.net.registry import Registry
from onemq.net.startup import StartupListener
from onemq.net.turns import Turns
from onemq.net.worker import ThreadWorker
from onemq.ops.audit import AuditLog
from onemq.ops.health import Progress

if TYPE_CHECKING:
    import ssl

    from onemq.ops.tracing import Tracing

_log = logging.getLogger("onemq")

CHORES_SECONDS: Final = 1.0
HTTP: Final = "http"
"""Name of the listener whose port answers health probes before it is made."""
OPERATORS: Final = ("http", "https", "metrics")
"""Listeners that stay open until the last checkpoint is made."""

StoreMaker = Callable[[Settings, Callable[[], None]], Store]
Fatal = Callable[[str, Exception | None], None]
"""Told when nothing can be promised any more: the reason, and the error if there was one."""


class Waker:
    """The store's wake-up call: exists before the turns do, because recovery comes first."""

    def __init__(self) -> None:
        self.turns: Turns | None = None

    def wake(self) -> None:
        if self.turns is not None:
            self.turns.wake_from_store()


class Server:
    """One broker on one event loop. After `stop` it can be started again: on its data, or empty if it kept all in memory.

    Attributes:
        chores: what is done once a second while it runs; more can be added before `start`.
    """

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        fatal: Fatal,
        clock: Clock | None = None,
        faults: Faults | None = None,
        store_maker: StoreMaker = make_store,
    ) -> None:
        """All methods are called on `loop`'s thread. After `fatal` was called only `stop` may be.

        clock, faults, store_maker: for tests and programs that have the broker inside.
        """
        self.chores: list[Callable[[], None]] = []
        self._settings = settings
        self._loop = loop
        self._fatal = fatal
        self._clock = clock if clock is not None else Clock()
        self._faults = faults
        self._store_maker = store_maker
        self._store: Store | None = None
        self._parts: Parts | None = None
        self._listeners: list[Listener] = []
        self._chore_timer: asyncio.TimerHandle | None = None
        self._chores_due = 0.0
        self._failed = False
        self._audit: AuditLog | None = None
        self._tracing: Tracing | None = None

    @property
    def parts(self) -> Parts:
        """Of the running broker."""
        assert self._parts is not None, "the server is not started"
        return self._parts

    @property
    def store(self) -> Store:
        """Of the running broker."""
        assert self._store is not None, "the server is not started"
        return self._store

    @property
    def running(self) -> bool:
        return self._parts is not None

    async def start(self) -> None:
        """Recovers (on another thread, while health probes are answered), listens, serves.

        Raises CannotStart; then nothing is left behind.
        """
        assert self._store is None, "the server is started already"
        settings = self._settings
        self._failed = False
        tls = tls_context(settings)
        self._audit = make_audit_log(settings)
        waker = Waker()
        store = self._store_maker(settings, waker.wake)
        startup: StartupListener | None = None
        try:
            broker, startup = await self._recover(store)
            parts = self._make_parts(broker, store, waker, tls)
            parts.addresses = self.addresses
            listeners = make_listeners(parts)
            parts.turns.enter()
            await self._listen(listeners, startup)
        except BaseException:
            if startup is not None:
                startup.stop()
            if waker.turns is not None:
                waker.turns.close()
            store.close()
            self._close_audit_log()
            if self._tracing is not None:
                self._tracing.close()
                self._tracing = None
            raise
        self._store = store
        self._parts = parts
        self._listeners = listeners
        self._chores_due = 0.0
        self._do_chores()

    async def _recover(self, store: Store) -> tuple[Broker, StartupListener | None]:
        """The engine, and who answers health probes so far."""
        settings = self._settings
        if settings.storage.memory:
            return recovered_broker(settings, store, self._clock), None
        progress = Progress()
        startup: StartupListener | None = None
        if settings.http.port != OFF:
            startup = StartupListener(settings.server.host, settings.http.port, progress.answer)
        try:
            if startup is not None:
                await startup.start(self._loop)
            broker = await self._loop.run_in_executor(
                None, recovered_broker, settings, store, self._clock, progress.replayed
            )
        except BaseException as error:
            if startup is not None:
                startup.stop()
            if isinstance(error, CannotListen):
                raise CannotStart(str(error)) from None
            raise
        return broker, startup

    def _make_parts(self, broker: Broker, store: Store, waker: Waker, tls: "ssl.SSLContext | None") -> Parts:
        settings = self._settings
        broker.core.auditor = self._audit
        self._tracing = make_tracing(settings, broker)
        if self._tracing is not None:
            broker.core.tracer = self._tracing.tracer
        pressure = make_pressure(settings, store)
        turns = Turns(self._loop, self._clock, broker, store, pressure, self._end_in_failure)
        waker.turns = turns
        registry = Registry(settings.limits.connections_max)
        broker.directory.listeners.append(Eviction(registry))
        return Parts(
            settings,
            self._loop,
            broker,
            turns,
            pressure,
            registry,
            make_gate(settings, broker),
            _make_caller(settings, self._loop, turns),
            ThreadWorker(self._loop, turns, self._end_in_failure),
            tls,
            self._faults,
            store=store,
        )

    async def _listen(self, listeners: list[Listener], startup: StartupListener | None) -> None:
        try:
            for listener in listeners:
                if startup is not None and listener.name == HTTP:
                    listener.adopt(startup.hand_over())
                await listener.start(self._loop)
        except BaseException as error:
            for listener in listeners:
                listener.stop()
            if isinstance(error, CannotListen):
                raise CannotStart(str(error)) from None
            raise

    def addresses(self) -> list[tuple[str, str]]:
        """Name of the listener and `host:port`, of every socket that it listens on."""
        return [(listener.name, address) for listener in self._listeners for address in listener.addresses()]

    async def stop(self) -> bool:
        """No new connections, goodbyes, the last checkpoint. Takes a bounded time (server.drain_seconds). True: all ended in order."""
        parts = self._parts
        store = self._store
        if parts is None or store is None:
            return True
        if self._chore_timer is not None:
            self._chore_timer.cancel()
        parts.stopping = "stopping: no new work is taken; another broker or this one's next start will"
        _log.info("stopping: no new connections, %d open", parts.registry.count())
        parts.caller.close()
        clean = False
        try:
            if not self._failed:
                seconds = self._settings.server.drain_seconds
                watched = [listener for listener in self._listeners if listener.name in OPERATORS]
                clean = await drain(
                    self._listeners, parts.registry, parts.turns, parts.broker, seconds, watched
                )
        finally:
            parts.turns.close()
            self._abandon(parts)
            self._listeners = []
            self._parts = None
            self._store = None
            # Join threads: off the loop, which may be somebody else's as well.
            await self._loop.run_in_executor(None, parts.worker.close)
            await self._loop.run_in_executor(None, store.close)
            self._close_audit_log()
            if self._tracing is not None:
                await self._loop.run_in_executor(None, self._tracing.close)
                self._tracing = None
        return clean

    def _close_audit_log(self) -> None:
        if self._audit is not None:
            self._audit.close()
            self._audit = None

    def _end_in_failure(self, reason: str, error: Exception | None) -> None:
        """Nothing may be confirmed any more: not a byte leaves after this."""
        if self._failed:
            return
        self._failed = True
        self._fatal(reason, error)
        if self._parts is not None:
            self._parts.stopping = reason
            self._parts.turns.close()
            self._abandon(self._parts)

    def _abandon(self, parts: Parts) -> None:
        for listener in self._listeners:
            listener.stop()
        for member in parts.registry.members():
            member.abort()

    def _do_chores(self) -> None:
        now = self._loop.time()
        if self._chores_due:
            self.parts.lag.add(int((now - self._chores_due) * 1_000_000))
        self._chores_due = now + CHORES_SECONDS
        self._observe_disk()
        if self._audit is not None:
            self._audit.tell_left_out()
        for chore in self.chores:
            chore()
        self._chore_timer = self._loop.call_later(CHORES_SECONDS, self._do_chores)

    def _observe_disk(self) -> None:
        try:
            self.parts.pressure.observe_disk()
        except OSError as error:
            _log.error(
                "cannot ask for the free disk space: %s; the disk alarm is blind until it can",
                error,
                extra={"fields": {"reason": "disk_unknown"}},
            )


def _make_caller(settings: Settings, loop: asyncio.AbstractEventLoop, turns: Turns) -> HttpCaller:
    calls = settings.calls

    def make_context() -> "ssl.SSLContext":
        from onemq.net.tls import make_client_context

        return make_client_context(calls.ca_file, calls.insecure)

    return HttpCaller(loop, turns, make_context, calls.concurrency_max)
