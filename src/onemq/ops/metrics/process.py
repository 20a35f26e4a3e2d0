"""What the process takes of the machine, from /proc: resident memory, open files, processor time. Zeros where there is no /proc."""

import gc
import os
import sys
import time
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class ProcessNumbers:
    """Of one moment.

    Attributes:
        resident_bytes, virtual_bytes: memory. cpu_seconds: user and system. threads: how many.
        open_files, files_max: descriptors. open_sockets: those of them that are sockets.
        started_seconds: since the epoch. uptime_seconds: since then.
    """

    def __init__(self) -> None:
        fields = _stat()
        self.cpu_seconds = (int(fields[11]) + int(fields[12])) / _TICKS
        self.threads = int(fields[17])
        self.uptime_seconds = max(time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / _TICKS, 0.0)
        self.started_seconds = time.time() - self.uptime_seconds
        self.virtual_bytes = int(fields[20])
        self.resident_bytes = int(fields[21]) * _PAGE_BYTES
        self.open_files, self.open_sockets = _descriptors()
        self.files_max = _files_max()


def _stat() -> list[str]:
    """Fields of /proc/self/stat behind the name, which may hold blanks."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def _descriptors() -> tuple[int, int]:
    folder = "/proc/self/fd"
    names = os.listdir(folder)
    if len(names) > 4_096:
        # Asking for each would take longer than it is worth: of so many nearly all are connections.
        return len(names), len(names)
    sockets = 0
    for name in names:
        try:
            sockets += os.readlink(f"{folder}/{name}").startswith("socket:")
        except OSError:
            continue
    return len(names), sockets


def _files_max() -> int:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def collections() -> list[tuple[str, int, int]]:
    """Of the garbage collector: generation, passes, objects freed."""
    return [
        (str(index), int(each["collections"]), int(each["collected"]))
        for index, each in enumerate(gc.get_stats())
    ]


def python_version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])
