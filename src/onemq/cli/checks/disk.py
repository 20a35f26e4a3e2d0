"""The data directory: is it there, whose, used by whom, on what, how much is free. Nothing is written (speed.py does)."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from onemq.cli.checks.check import OK, PROBLEM, WARNING, Finding
from onemq.cli.checks.ports import wanted_ports
from onemq.cli.checks.processes import holder_of, owner_of_port
from onemq.cli.checks.speed import check_speed
from onemq.cli.output import size
from onemq.config import Settings

FREE_COMFORT: Final = 1 << 30
FILES_MAX: Final = 20_000
"""Looked at, at most: a journal and segments are far fewer."""
IN_MEMORY: Final = ("tmpfs", "ramfs")
NETWORK: Final = ("nfs", "cifs", "smb", "9p", "ceph", "fuse.", "glusterfs", "lustre", "afs", "ocfs2", "gfs2")


def check_disk(settings: Settings) -> Iterator[Finding]:
    if settings.storage.memory:
        yield Finding("data directory", OK, "none: storage.memory is set, and a restart forgets everything")
        return
    directory = Path(settings.storage.data).absolute()
    place = directory
    while not place.exists() and place != place.parent:
        place = place.parent
    problem = _usable(directory, place)
    if problem is not None:
        yield problem
        return
    there = "is there, and may be written to" if place == directory else f"will be made in {place}"
    yield Finding("data directory", OK, f"{directory} {there}")
    if place == directory:
        yield _contents(directory)
        yield _used(directory, settings)
    yield file_system(place, Path("/proc/self/mounts"))
    status = os.statvfs(place)
    free_bytes = status.f_bavail * status.f_frsize
    yield free_space(free_bytes, settings.disk.free_bytes_min)
    yield from check_speed(place, free_bytes, settings.storage.sync)


def _usable(directory: Path, place: Path) -> Finding | None:
    name = "data directory"
    if not place.is_dir():
        return Finding(name, PROBLEM, f"{place} is no directory", "name one with --data [storage.data]")
    if os.access(place, os.W_OK | os.X_OK):
        return None
    advice = (
        f"give it to the user that runs the broker ({owner_name(place)} owns it), or name another with --data"
    )
    what = "not be written to" if place == directory else f"not be written to, so {directory} cannot be made"
    return Finding(name, PROBLEM, f"{place} may {what}", advice)


def owner_name(place: Path) -> str:
    try:
        return place.owner()
    except (KeyError, OSError):
        return "somebody"


def _contents(directory: Path) -> Finding:
    """Files that another user left there, often by a start as root, are what a broker fails on later."""
    closed = [
        path for path in islice(directory.rglob("*"), FILES_MAX) if not os.access(path, os.R_OK | os.W_OK)
    ]
    if closed:
        advice = f"chown -R it to the user that runs the broker: {directory}"
        said = f"{len(closed)} files in it are closed to this user, such as {closed[0]}"
        return Finding("permissions", PROBLEM, said, advice)
    return Finding(
        "permissions", OK, f"{owner_name(directory)} owns it, and all in it may be read and written"
    )


def _used(directory: Path, settings: Settings) -> Finding:
    name = "used by"
    user = holder_of(directory)
    if not user:
        return Finding(name, OK, "no broker")
    ports = [port for _, port in wanted_ports(settings)]
    owners = [owner for owner in map(owner_of_port, ports) if owner is not None]
    if not ports or any(owner.process in (user, 0) for owner in owners):
        return Finding(name, OK, f"the broker that runs here (process {user})")
    said = f"another broker, process {user}, which does not listen where these settings say"
    return Finding(name, PROBLEM, said, "stop it before you start one, or name another directory with --data")


def file_system(place: Path, mounts: Path) -> Finding:
    """mounts: /proc/self/mounts."""
    name = "file system"
    kind = _kind(place, mounts)
    if kind in IN_MEMORY:
        said = f"{kind}: memory, what is stored is gone with the machine"
        return Finding(name, WARNING, said, "name a directory on a disk with --data")
    if kind.startswith(NETWORK):
        said = f"{kind}: a sync goes over the network, and may promise more than it holds"
        return Finding(name, WARNING, said, "use a local disk, or be sure that it keeps what was synced")
    if kind == "overlay":
        said = "overlay: a container's own layer, gone with the container"
        return Finding(name, WARNING, said, "mount a volume, and name it with --data")
    return Finding(name, OK, kind or "not known here")


def _kind(place: Path, mounts: Path) -> str:
    kind = ""
    longest = 0
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real = str(place.resolve())
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        at = fields[1].replace("\\040", " ").rstrip("/") + "/"
        # What is mounted later lies over what was there.
        if (real + "/").startswith(at) and len(at) >= longest:
            longest = len(at)
            kind = fields[2]
    return kind


def free_space(free_bytes: int, least_bytes: int) -> Finding:
    name = "free space"
    if free_bytes < least_bytes:
        said = f"{size(free_bytes)}: below {size(least_bytes)} publishers are held up"
        return Finding(name, PROBLEM, said, "make room, or lower disk.free_bytes_min")
    if free_bytes < max(FREE_COMFORT, 2 * least_bytes):
        advice = f"make room: a backlog fills this soon, and below {size(least_bytes)} publishers are held up"
        return Finding(name, WARNING, size(free_bytes), advice)
    return Finding(name, OK, f"{size(free_bytes)}; below {size(least_bytes)} publishers are held up")
