"""The data directory: may we write there, how much is free, how fast it is, what a sync costs. Files that are made for it go again."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onemq.cli.checks.check import BAD, GOOD, NOTE, WARNING, Finding
from onemq.cli.output import size
from onemq.config import Settings

WRITE_BYTES: Final = 32 * 1024 * 1024
CHUNK: Final = 1024 * 1024
SYNCS: Final = 50
SYNC_BYTES: Final = 4096
SLOW_SYNC_MS: Final = 10.0
SLOW_BYTES: Final = 50 * 1024 * 1024
FREE_COMFORT: Final = 1 << 30
_IN_MEMORY: Final = ("tmpfs", "ramfs")


def check_disk(settings: Settings) -> Iterator[Finding]:
    if settings.storage.memory:
        yield Finding("data", NOTE, "storage.memory: nothing is stored, a restart forgets everything")
        return
    directory = Path(settings.storage.data).absolute()
    place = directory
    while not place.exists() and place != place.parent:
        place = place.parent
    if place.is_file():
        yield Finding("data", BAD, f"{place} is a file", "name a directory with --data")
        return
    if not os.access(place, os.W_OK | os.X_OK):
        owner = _owner(place)
        advice = (
            f"chown it to the user that runs the broker (now {owner} owns it), or name another with --data"
        )
        yield Finding("data", BAD, f"this user may not write to {place}", advice)
        return
    there = "is there" if place == directory else f"will be made in {place}"
    yield Finding("data", GOOD, f"{directory} {there}, and may be written to")
    yield from _foreign(directory)
    yield _kind(place)
    yield _free(place, settings)
    try:
        yield _speed(place)
        yield _sync(place, settings)
    except OSError as error:
        yield Finding(
            "disk",
            BAD,
            f"writing to {place} failed: {error.strerror}",
            "look at the disk and its file system",
        )


def _owner(place: Path) -> str:
    try:
        return place.owner()
    except (KeyError, OSError):
        return "somebody"


def _foreign(directory: Path) -> Iterator[Finding]:
    """Files that another user left there: the broker could not write to them."""
    if not directory.is_dir():
        return
    closed = [path for path in directory.rglob("*") if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        said = f"{len(closed)} files in it are not this user's, such as {closed[0]}"
        yield Finding(
            "permissions", BAD, said, f"chown -R the directory {directory} to the user that runs the broker"
        )
    else:
        yield Finding("permissions", GOOD, "everything in it may be read and written")


def _kind(place: Path) -> Finding:
    kind = ""
    longest = -1
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        mounts = []
    for line in mounts:
        fields = line.split()
        at = fields[1].replace("\\040", " ")
        inside = str(place) == at or str(place).startswith(at.rstrip("/") + "/")
        if inside and len(at) > longest:
            longest = len(at)
            kind = fields[2]
    if kind in _IN_MEMORY:
        return Finding(
            "file system",
            WARNING,
            f"{kind}: it is memory, and gone with the machine",
            "name a disk with --data",
        )
    if kind.startswith(("nfs", "cifs", "fuse")):
        said = f"{kind}: a sync goes over the network, and may not be one"
        return Finding(
            "file system", WARNING, said, "use a local disk, or be sure that it keeps what was synced"
        )
    return Finding("file system", GOOD, kind or "unknown")


def _free(place: Path, settings: Settings) -> Finding:
    status = os.statvfs(place)
    free = status.f_bavail * status.f_frsize
    least = settings.disk.free_bytes_min
    if free < least:
        said = f"{size(free)} free, and below {size(least)} publishers are held up"
        return Finding("free space", BAD, said, "make room, or lower disk.free_bytes_min")
    if free < max(FREE_COMFORT, 2 * least):
        return Finding("free space", WARNING, f"{size(free)} free", "make room: a backlog fills this soon")
    return Finding("free space", GOOD, f"{size(free)} free")


def _speed(place: Path) -> Finding:
    chunk = secrets.token_bytes(CHUNK)
    path = place / f".onemq-doctor-{secrets.token_hex(4)}"
    try:
        with open(path, "wb", buffering=0) as file:
            began = time.perf_counter()
            for _ in range(WRITE_BYTES // CHUNK):
                file.write(chunk)
            os.fsync(file.fileno())
            seconds = time.perf_counter() - began
    finally:
        path.unlink(missing_ok=True)
    rate = WRITE_BYTES / seconds
    said = f"{size(int(rate))}/s written and synced"
    if rate < SLOW_BYTES:
        return Finding(
            "disk speed", WARNING, said, "publishers will be slower than that: use a faster disk for --data"
        )
    return Finding("disk speed", GOOD, said)


def _sync(place: Path, settings: Settings) -> Finding:
    """What a commit of the broker costs: a small write and a sync of its data."""
    block = secrets.token_bytes(SYNC_BYTES)
    path = place / f".onemq-doctor-{secrets.token_hex(4)}"
    times: list[float] = []
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(SYNCS):
                began = time.perf_counter()
                file.write(block)
                os.fdatasync(file.fileno())
                times.append((time.perf_counter() - began) * 1000)
    finally:
        path.unlink(missing_ok=True)
    times.sort()
    median, worst = times[SYNCS // 2], times[-1]
    said = f"{median:.2f} ms usually, {worst:.2f} ms at worst of {SYNCS}"
    if settings.storage.sync != "always":
        return Finding(
            "sync",
            NOTE,
            f"{said}; storage.sync is {settings.storage.sync}: a crash may lose the last messages",
        )
    if median > SLOW_SYNC_MS:
        advice = "each confirmed publish waits for one: use a disk with a safe write cache; many publishes share one sync"
        return Finding("sync", WARNING, said, advice)
    return Finding("sync", GOOD, said)
