"""The machine and the installation: open files, memory, processors, clock, Python, event loop, compiled code."""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onemq.app.construction import MEMORY_ALARM_PERCENT
from onemq.cli.checks.check import OK, PROBLEM, WARNING, Finding
from onemq.cli.output import at, size
from onemq.config import Settings

RESERVED_FILES: Final = 64
"""Beside connections and segments: journal, listeners, log."""
CONNECTIONS_LEAST: Final = 100
EARLIEST_MS: Final = 1_760_000_000_000
"""No onemq is older: a clock that is before it is wrong."""
MEMORY_LEAST: Final = 256 << 20
GROUPS: Final = Path("/sys/fs/cgroup")
OWN_GROUPS: Final = Path("/proc/self/cgroup")
_UNLIMITED: Final = 1 << 60
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 512
"""More than struct timex has anywhere."""


def check_machine(settings: Settings) -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield open_files(soft, hard, settings)
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    yield memory(total, group_limit(GROUPS, OWN_GROUPS), settings.memory.alarm_bytes)
    yield _processors()
    yield clock(int(time.time() * 1000), synchronised())
    yield _python()
    yield _event_loop()
    yield _compiled()


def open_files(soft: int, hard: int, settings: Settings) -> Finding:
    """The broker raises the soft limit to the hard one."""
    name = "open files"
    besides = settings.storage.open_files_max + RESERVED_FILES
    wanted = settings.limits.connections_max + besides
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        limit = "no limit" if hard == resource.RLIM_INFINITY else str(hard)
        return Finding(name, OK, f"{limit} (soft {soft}); limits.connections_max takes {wanted}")
    room = max(hard - besides, 0)
    advice = f"raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn {wanted}), or set limits.connections_max to {room}"
    said = f"{hard} are allowed, limits.connections_max takes {wanted}"
    return Finding(name, WARNING if room >= CONNECTIONS_LEAST else PROBLEM, said, advice)


def memory(total: int, limit: int, alarm_setting: int) -> Finding:
    """limit: of the control group, 0 for none."""
    name = "memory"
    have = min(total, limit) if limit else total
    alarm = alarm_setting or have * MEMORY_ALARM_PERCENT // 100
    said = f"{size(have)}{' for this control group' if have < total else ''}, publishers are held up from {size(alarm)}"
    if alarm >= have:
        advice = "set memory.alarm_bytes to less than there is, or the process is killed before it holds anybody up"
        return Finding(name, PROBLEM, said, advice)
    if have < MEMORY_LEAST:
        return Finding(name, WARNING, said, f"give it {size(MEMORY_LEAST)} at least")
    if alarm > have * 80 // 100:
        return Finding(name, WARNING, said, "lower memory.alarm_bytes: reading needs memory as well")
    return Finding(name, OK, said)


def group_limit(groups: Path, own: Path) -> int:
    """The lowest limit of the control groups this process is in (version 2, or 1), bytes; 0: none."""
    try:
        lines = own.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    files = [groups / "memory.max", groups / "memory" / "memory.limit_in_bytes"]
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        base, file = (
            (groups, "memory.max") if not controllers else (groups / "memory", "memory.limit_in_bytes")
        )
        if controllers and "memory" not in controllers.split(","):
            continue
        parts = [part for part in path.split("/") if part and part != ".."]
        files += [base.joinpath(*parts[:count], file) for count in range(1, len(parts) + 1)]
    limits = [limit for limit in map(_limit, files) if limit]
    return min(limits, default=0)


def _limit(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() and int(text) < _UNLIMITED else 0


def _processors() -> Finding:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count < 2:
        advice = "give it two: the broker works on one thread, and writes and syncs on others"
        return Finding("processors", WARNING, "1", advice)
    return Finding("processors", OK, str(count))


def synchronised() -> bool | None:
    """What the kernel knows of the clock (adjtimex, which only reads here). None: it does not tell."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (AttributeError, OSError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def clock(now_ms: int, is_synchronised: bool | None) -> Finding:
    if now_ms < EARLIEST_MS:
        return Finding(
            "clock", PROBLEM, at(now_ms), "set the clock: delays, expiry and certificates go by it"
        )
    if is_synchronised is False:
        advice = "run chrony or systemd-timesyncd; a container takes its host's clock"
        return Finding("clock", WARNING, f"{at(now_ms)}, not synchronised as far as the kernel knows", advice)
    return Finding("clock", OK, f"{at(now_ms)}{', synchronised' if is_synchronised else ''}")


def _python() -> Finding:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    found = f"{platform.python_implementation()} {platform.python_version()} on {system}"
    if platform.system() != "Linux":
        return Finding("Python and system", WARNING, found, "onemq is tested on Linux")
    return Finding("Python and system", OK, found)


def _event_loop() -> Finding:
    try:
        importlib.import_module("uvloop")
    except ImportError as error:
        return Finding("event loop", PROBLEM, f"uvloop cannot be loaded: {error}", "install onemq again")
    return Finding("event loop", OK, f"uvloop {importlib.metadata.version('uvloop')}")


def _compiled() -> Finding:
    spec = importlib.util.find_spec("onemq.engine.access")
    if spec is not None and spec.origin is not None and not spec.origin.endswith(".py"):
        return Finding("build", OK, "compiled")
    advice = "install it where a C compiler is: compiled, the broker is several times faster"
    return Finding("build", WARNING, "interpreted", advice)
