"""The machine and the installation: open files, memory, processors, clock, compiled code."""

import importlib.util
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onemq.cli.checks.check import BAD, GOOD, NOTE, WARNING, Finding
from onemq.cli.output import at, size
from onemq.config import Settings

RESERVED_FILES: Final = 64
"""Beside connections and segments: journal, listeners, log."""
BUILT_MS: Final = 1_760_000_000_000
"""No onemq of this form is older: a clock before it is wrong."""
FUTURE_MS: Final = 60_000
ALARM_SHARE: Final = 0.4
MEMORY_LEAST: Final = 256 * 1024 * 1024


def check_machine(settings: Settings) -> Iterator[Finding]:
    yield _files(settings)
    yield from _memory(settings)
    yield _clock(settings)
    yield _installation()


def _files(settings: Settings) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.limits.connections_max + settings.storage.open_files_max + RESERVED_FILES
    said = f"{soft} may be open, limits.connections_max wants {wanted}"
    if soft >= wanted:
        return Finding("open files", GOOD, said)
    room = max(soft - settings.storage.open_files_max - RESERVED_FILES, 0)
    if hard >= wanted:
        advice = f"raise it before starting (ulimit -n {wanted}; LimitNOFILE= of systemd), or set limits.connections_max={room}"
    else:
        advice = f"raise the hard limit ({hard}) in /etc/security/limits.conf or LimitNOFILE=, or set limits.connections_max={room}"
    return Finding("open files", WARNING if room >= 100 else BAD, said, advice)


def _memory(settings: Settings) -> Iterator[Finding]:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _container_limit()
    have = min(total, limit) if limit else total
    alarm = settings.memory.alarm_bytes or int(have * ALARM_SHARE)
    said = f"{size(have)}{' in this container' if limit and limit < total else ''}, the alarm is at {size(alarm)}"
    if alarm > have:
        yield Finding(
            "memory", BAD, said, "set memory.alarm_bytes below what there is: publishers are held up too late"
        )
    elif have < MEMORY_LEAST:
        yield Finding("memory", WARNING, said, "give it 256 MiB at least")
    else:
        yield Finding("memory", GOOD, said)
    processors = os.cpu_count() or 1
    if processors < 2:
        advice = "the broker works on one thread and syncs on another: two processors are better"
        yield Finding("processors", NOTE, "1", advice)
    else:
        yield Finding("processors", GOOD, str(processors))


def _container_limit() -> int:
    """0: none is known."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def _clock(settings: Settings) -> Finding:
    now_ms = int(time.time() * 1000)
    if now_ms < BUILT_MS:
        return Finding(
            "clock",
            BAD,
            f"it is {at(now_ms)} here",
            "set the clock: times of messages and certificates are wrong",
        )
    newest = 0.0
    directory = Path(settings.storage.data)
    if not settings.storage.memory and directory.is_dir():
        newest = max((path.stat().st_mtime for path in directory.rglob("*") if path.is_file()), default=0.0)
    if newest * 1000 > now_ms + FUTURE_MS:
        said = f"it is {at(now_ms)}, and the data was written at {at(int(newest * 1000))}"
        return Finding(
            "clock", WARNING, said, "the clock went back: delays and retention wait until it has caught up"
        )
    return Finding("clock", GOOD, f"it is {at(now_ms)}")


def _installation() -> Finding:
    spec = importlib.util.find_spec("onemq.engine.access")
    compiled = spec is not None and spec.origin is not None and not spec.origin.endswith(".py")
    python = ".".join(str(part) for part in sys.version_info[:3])
    if compiled:
        return Finding("installation", GOOD, f"Python {python}, compiled")
    advice = "install it where a C compiler is: the broker is several times faster"
    return Finding("installation", WARNING, f"Python {python}, interpreted", advice)
