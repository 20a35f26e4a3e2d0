"""How fast the disk of the data directory is: one file written from front to back, and what a sync costs.

Bounded in time and bytes; the file goes again, whatever happens.
"""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onemq.cli.checks.check import OK, WARNING, Finding
from onemq.cli.output import number, size

WRITE_BYTES: Final = 32 << 20
WRITE_SECONDS_MAX: Final = 1.0
CHUNK_BYTES: Final = 1 << 20
SYNCS: Final = 100
SYNC_BYTES: Final = 4096
SYNC_SECONDS_MAX: Final = 2.0
SLOW_SYNC_MS: Final = 10.0
SLOW_BYTES: Final = 20 << 20
ROOM_BYTES: Final = 4 * WRITE_BYTES
"""With less free nothing is written: the broker may need it."""


def check_speed(place: Path, free_bytes: int, sync: str) -> Iterator[Finding]:
    """sync: storage.sync."""
    if free_bytes < ROOM_BYTES:
        yield Finding("disk speed", WARNING, "not measured: there is too little room", "make room")
        return
    path = place / f".onemq-doctor-{secrets.token_hex(4)}"
    try:
        with open(path, "xb", buffering=0) as file:
            try:
                yield write_speed(*_write(file.fileno()))
                yield sync_cost(_sync(file.fileno()), sync)
            finally:
                path.unlink()
    except OSError as error:
        yield Finding(
            "disk speed",
            WARNING,
            f"writing to {place} failed: {error.strerror}",
            "look at the disk and its quotas",
        )


def _write(handle: int) -> tuple[int, float]:
    """Bytes written and synced, and in how many seconds."""
    chunk = secrets.token_bytes(CHUNK_BYTES)
    written = 0
    began = time.perf_counter()
    while written < WRITE_BYTES and time.perf_counter() - began < WRITE_SECONDS_MAX:
        written += os.write(handle, chunk)
    os.fsync(handle)
    return written, time.perf_counter() - began


def _sync(handle: int) -> list[float]:
    """ms of each: what a commit of the broker costs, a small write at the end and a sync of the data."""
    block = secrets.token_bytes(SYNC_BYTES)
    times: list[float] = []
    until = time.perf_counter() + SYNC_SECONDS_MAX
    while len(times) < SYNCS and (not times or time.perf_counter() < until):
        began = time.perf_counter()
        os.write(handle, block)
        os.fdatasync(handle)
        times.append((time.perf_counter() - began) * 1000)
    return times


def write_speed(written: int, seconds: float) -> Finding:
    rate = int(written / max(seconds, 1e-9))
    said = f"{size(rate)}/s, written from front to back and synced"
    if rate < SLOW_BYTES:
        return Finding(
            "disk speed", WARNING, said, "publishers are held to that: use a faster disk for --data"
        )
    return Finding("disk speed", OK, said)


def sync_cost(times_ms: list[float], sync: str) -> Finding:
    ordered = sorted(times_ms)
    median, worst = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    commits = 1000 / max(median, 1e-3)
    said = f"p50 {median:.2f} ms, p99 {worst:.2f} ms of {len(ordered)}: about {number(round(commits))} commits a second"
    if sync != "always":
        advice = "set storage.sync to always if confirmed messages must survive a crash of the machine"
        return Finding("sync", WARNING, f"{said}; storage.sync is {sync}, nothing waits for them", advice)
    if median > SLOW_SYNC_MS:
        advice = (
            "a confirm waits for one: use a disk with a safe write cache, and publish with many confirms outstanding; "
            "they share a commit"
        )
        return Finding("sync", WARNING, said, advice)
    return Finding("sync", OK, f"{said}, each for all that was published meanwhile")
