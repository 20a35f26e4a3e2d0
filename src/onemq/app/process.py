"""The process of `onemq serve`: one server, and what belongs to the whole process: signals, garbage collection, limits, the exit.

Must not build parts of the broker (construction.py, listeners.py) or drive it (server.py).
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Final, cast

import uvloop

from onemq.app.construction import FAILED, CannotStart, log_bounds
from onemq.app.port_file import PortFile
from onemq.app.server import Server
from onemq.config import Settings
from onemq.net.registry import Registry
from onemq.ops.logs import flush_logs, start_logging, tell_left_out

_log = logging.getLogger("onemq")

STOPPED: Final = 0

SWITCH_SECONDS: Final = 0.0005
"""How long a store's thread that has finished its sync waits before it asks the engine's thread for the interpreter.
Measured with persistent messages and confirms, 2 cores: 5 ms (the default) 380,000/s, 0.5 ms 470,000 to 600,000/s,
0.1 ms 360,000/s."""
COLLECT_THRESHOLDS: Final = (10_000, 50, 20)
"""Of the garbage collector, by number of objects. The defaults (700, 10, 10) made hundreds of passes a second through the
records waiting in memory, the full ones of 35 ms each, and took a quarter of the throughput. Records are freed by reference
count; cycles are made by connections and catalog changes only."""
TRIM_BYTES: Final = 32 << 20
"""Bytes received and sent after which memory that was freed is given back, in a second in which nothing comes; four times as
many: in any second. Batches of a megabyte leave holes in the C library's heap: 240 MB produced left 230 MB resident, after this call of
5 ms 88 MB. Fixing the size from which glibc maps buffers on their own gave the same, and took a quarter to half of the throughput."""
COLLECT_CONNECTIONS: Final = 1000
"""Connections closed after which all garbage is collected: what had lived long is not found by the young passes."""


def run(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit status."""
    start_logging(settings.log.level, settings.log.format, log_bounds(settings))
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        _raise_open_files()
        return loop.run_until_complete(_serve(settings, loop))
    except CannotStart as error:
        print(f"onemq: {error}", file=sys.stderr, flush=True)
        return error.status
    finally:
        flush_logs()


async def _serve(settings: Settings, loop: asyncio.AbstractEventLoop) -> int:
    stopping = asyncio.Event()
    loop.set_exception_handler(_unexpected)
    server = Server(settings, loop, _stop_at_once)
    _on_signals(loop, server, stopping)
    await server.start()
    leftovers = Leftovers(server.parts.registry)
    server.chores += [leftovers.clear, tell_left_out]
    _settle_interpreter()
    for name, address in server.addresses():
        print(f"listening {name} {address}", flush=True)
    print(f"ready in {process_age_ms()} ms", flush=True)
    ports = PortFile(settings.server.port_file)
    try:
        ports.write(server.addresses())
    except CannotStart:
        await server.stop()
        raise
    await stopping.wait()
    ports.remove()
    await server.stop()
    return STOPPED


class Leftovers:
    """What many closed connections and large buffers left in memory; looked after once a second."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._collected = 0
        self._trimmed = 0
        self._moved = 0
        self._malloc_trim = _malloc_trim()

    def clear(self) -> None:
        """Collects garbage, and gives memory back, if there is reason to."""
        registry = self._registry
        closed = int(registry.opened) - registry.count()
        if closed - self._collected >= COLLECT_CONNECTIONS:
            self._collected = closed
            gc.collect()
        self._trim(int(registry.bytes_in + registry.bytes_out))

    def _trim(self, moved: int) -> None:
        """moved: bytes received and sent so far."""
        quiet = moved - self._moved < TRIM_BYTES // 100
        self._moved = moved
        if moved - self._trimmed >= (TRIM_BYTES if quiet else TRIM_BYTES * 4):
            self._trimmed = moved
            self._malloc_trim(0)


def _malloc_trim() -> Callable[[int], object]:
    """glibc's call that gives free memory back to the system; nothing where the C library has none."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return _nothing_to_trim if trim is None else cast(Callable[[int], object], trim)


def _nothing_to_trim(_pad: int) -> None:
    pass


def _on_signals(loop: asyncio.AbstractEventLoop, server: Server, stopping: asyncio.Event) -> None:
    def stop() -> None:
        if not server.running and not stopping.is_set():
            # Recovery changes nothing that it could not begin again with.
            _log.info("stopping before the start was over: the data are as they were")
            flush_logs()
            os._exit(STOPPED)
        if stopping.is_set():
            # What was confirmed is safe in the journal; the next start replays it.
            _log.warning("a second signal: stopping at once, without the last checkpoint")
            flush_logs()
            os._exit(FAILED)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _stop_at_once(reason: str, error: Exception | None) -> None:
    """Nothing may be confirmed any more: the process ends here, without a word to the peers."""
    _log.critical("%s; stopping at once", reason, exc_info=error)
    flush_logs()
    os._exit(FAILED)


def _unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    exception = error if isinstance(error, Exception) else None
    if isinstance(exception, (ConnectionError, TimeoutError)):
        _log.debug("%s: %s", context.get("message"), exception)
    elif isinstance(exception, OSError):
        _log.warning("%s: %s", context.get("message"), exception)
    else:
        _log.error("%s", context.get("message"), exc_info=exception)


def _raise_open_files() -> None:
    """Every connection is an open file; the usual soft limit of 1024 is far below limits.connections_max."""
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        _log.warning(
            "cannot raise the limit of open files: %s; connections beyond it are refused: raise it where the process is started "
            "(LimitNOFILE, ulimit -n)",
            error,
            extra={"fields": {"reason": "open_files"}},
        )


def _settle_interpreter() -> None:
    """Thread switches and garbage collection, tuned for short pauses."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_THRESHOLDS)


def process_age_ms() -> int:
    """Time since the kernel started this process (resolution 10 ms)."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return max(round((time.clock_gettime(time.CLOCK_BOOTTIME) - started) * 1000), 0)
