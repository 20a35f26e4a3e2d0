"""Which process has a port, and which one a data directory: Linux's /proc tells. Elsewhere, and of other users' processes, nobody knows."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onemq.storage.format import LOCK_FILE

PROCESSES: Final = Path("/proc")
COMMAND_CHARACTERS_MAX: Final = 80
_LISTEN: Final = "0A"


class Owner:
    """process: its number, 0 when it is not known. command: as it was called."""

    def __init__(self, process: int, command: str) -> None:
        self.process = process
        self.command = command

    def is_broker(self) -> bool:
        words = self.command.split()
        names = [os.path.basename(word) for word in words[:2]]
        return "onemq" in names or ("-m" in words and words[words.index("-m") + 1 :][:1] == ["onemq"])

    def __str__(self) -> str:
        if not self.process:
            return "a process that this user may not see"
        return f"process {self.process} ({self.command[:COMMAND_CHARACTERS_MAX]})"


def owner_of_port(port: int) -> Owner | None:
    """None: nobody listens there."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    if not sockets:
        return None
    for directory in PROCESSES.iterdir():
        if directory.name.isdigit() and _holds(directory, sockets):
            return Owner(int(directory.name), _command(directory))
    return Owner(0, "")


def _holds(directory: Path, sockets: set[str]) -> bool:
    try:
        return any(os.readlink(each) in sockets for each in (directory / "fd").iterdir())
    except OSError:
        # Another user's, or gone.
        return False


def _command(directory: Path) -> str:
    try:
        words = (directory / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return " ".join(word.decode("utf-8", "replace") for word in words if word)


def _listening(port: int) -> Iterator[str]:
    """Inodes of the sockets that listen on the port."""
    for table in ("net/tcp", "net/tcp6"):
        try:
            text = (PROCESSES / table).read_text(encoding="ascii")
        except OSError:
            continue
        yield from listening_inodes(text, port)


def listening_inodes(table: str, port: int) -> Iterator[str]:
    """table: the text of /proc/net/tcp."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
            yield fields[9]


def holder_of(directory: Path) -> int:
    """The process that uses the data directory; 0: none. The lock is not touched: a broker that starts just now would find it taken."""
    path = directory / LOCK_FILE
    try:
        inode = path.stat().st_ino
        locks = (PROCESSES / "locks").read_text(encoding="ascii")
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return 0
    return int(text) if locked(locks, inode) and text.isdigit() else 0


def locked(locks: str, inode: int) -> bool:
    """locks: the text of /proc/locks, whose lines are `1: FLOCK ADVISORY WRITE process major:minor:inode 0 EOF`."""
    for line in locks.splitlines():
        fields = line.split()
        if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
            return True
    return False
