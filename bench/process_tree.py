"""Processor time and resident memory of a process and all its descendants, from /proc (Linux).

Must not signal anything: ending processes is the business of whoever started them.
"""

import os
from pathlib import Path


def descendants(root: int) -> list[int]:
    """`root` and every process below it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat_fields(int(entry))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    tree = [root]
    for process in tree:
        tree.extend(children.get(process, []))
    return tree


def cpu_seconds(processes: list[int]) -> float:
    """User and system time used so far, in seconds; processes that are gone count nothing."""
    ticks = 0
    for process in processes:
        fields = _stat_fields(process)
        if fields:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(processes: list[int]) -> int:
    """Sum of the resident sets. Pages that two of them share are counted twice."""
    pages = 0
    for process in processes:
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE")


def alive(process: int) -> bool:
    """Whether it still runs; a zombie does not."""
    fields = _stat_fields(process)
    return bool(fields) and fields[0] not in ("Z", "X")


def _stat_fields(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (the name before it may hold blanks)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def machine_cpu_seconds() -> float:
    """Time that all processors together have worked so far, for anybody, in seconds."""
    with open("/proc/stat") as lines:
        fields = [int(field) for field in lines.readline().split()[1:]]
    user, nice, system, _, _, interrupts, soft_interrupts = fields[:7]
    return (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")
