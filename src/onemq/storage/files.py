"""The only calls to the file system: everything above works on paths and handles, and runs over a simulation.

Must not know what the bytes mean. Every method may raise OSError; writes that find no space raise it with
ENOSPC or EDQUOT. What a crash keeps: bytes of a file after `sync` of its handle; its name after
`sync_directory` of its directory.
"""

import fcntl
import os
import time
from contextlib import suppress
from typing import Final

from mypy_extensions import mypyc_attr

_BUFFERS_MAX: Final = 512
"""Linux takes 1024 buffers in one call; fewer are as good."""
_PAUSE_SECONDS: Final = 0.0005


class Locked(Exception):
    """Somebody else holds the lock; the text is what the holder wrote."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Files:
    """The real file system."""

    def open(self, path: str, create: bool) -> int:
        """Handle for reading and writing. `create`: makes the file, which must not be there yet."""
        flags = os.O_RDWR | os.O_CLOEXEC
        if create:
            flags |= os.O_CREAT | os.O_EXCL
        return os.open(path, flags, 0o640)

    def open_to_read(self, path: str) -> int:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self, handle: int) -> None:
        os.close(handle)

    def write(self, handle: int, at: int, parts: list[bytes]) -> None:
        """Writes all parts, one after the other, from byte `at` on. After an error any of them may be there."""
        for start in range(0, len(parts), _BUFFERS_MAX):
            some = parts[start : start + _BUFFERS_MAX]
            total = 0
            for part in some:
                total += len(part)
            done = os.pwritev(handle, some, at)
            if done < total:
                rest = b"".join(some)
                while done < total:
                    done += os.pwrite(handle, rest[done:], at + done)
            at += total

    def read(self, handle: int, at: int, size: int) -> bytes:
        """`size` bytes from byte `at` on; fewer where the file ends."""
        data = os.pread(handle, size, at)
        if len(data) == size or not data:
            return data
        parts = [data]
        got = len(data)
        while got < size:
            data = os.pread(handle, size - got, at + got)
            if not data:
                break
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def size(self, handle: int) -> int:
        return os.fstat(handle).st_size

    def path_size(self, path: str) -> int:
        return os.stat(path).st_size

    def truncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)

    def allocate(self, handle: int, at: int, size: int) -> bool:
        """Makes the file reach at least to `at + size`, new bytes zero. False where that cannot be done."""
        try:
            os.posix_fallocate(handle, at, size)
        except OSError:
            return False
        return True

    def sync(self, handle: int) -> None:
        """The file's bytes and size survive a crash from now on."""
        os.fdatasync(handle)

    def begin_to_sync(self, handle: int, at: int) -> None:
        """Has the system write out what it holds of the file from byte `at` on, without waiting for it: a later `sync` has less to do.
        Promises nothing.
        """
        with suppress(OSError):
            # Linux does so before it lets go of what is written already; what is not stays in memory. So `at` should be the
            # end of the last sync, or readers would have to have it read again.
            os.posix_fadvise(handle, at, 0, os.POSIX_FADV_DONTNEED)

    def sync_to_read(self, handle: int) -> None:
        """`sync`, and what is read from now on comes from the disk: after a sync that failed the kernel may have bytes in its
        memory, as if they were written, that never got there.
        """
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync_directory(self, path: str) -> None:
        """Names made, changed and removed in the directory survive a crash from now on."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def make_directory(self, path: str) -> bool:
        """True: made; False: it was there. Its parent must be there."""
        try:
            os.mkdir(path, 0o750)
        except FileExistsError:
            return False
        return True

    def remove_directory(self, path: str) -> None:
        os.rmdir(path)

    def list(self, path: str) -> list[str]:
        """Names in the directory, in no order; empty when it is not there."""
        try:
            return os.listdir(path)
        except FileNotFoundError:
            return []

    def rename(self, path: str, new_path: str) -> None:
        os.rename(path, new_path)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def lock(self, path: str) -> int:
        """Takes the lock file for this process (made if missing) and writes the process's number there.

        Raises Locked with the holder's number. The lock goes with the handle, or with the process.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 64, 0).decode("ascii", "replace").strip()
            os.close(handle)
            raise Locked(holder or "unknown") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        return handle

    def free_bytes(self, path: str) -> int:
        """Space that is left for this user."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def salt(self) -> bytes:
        """8 bytes nobody can foresee."""
        return os.urandom(8)

    def give_way(self) -> None:
        """Called between pieces of long work in the background: lets the engine's thread have the
        interpreter.
        """
        time.sleep(_PAUSE_SECONDS)
