"""A file system in memory that loses at a crash what real ones may lose, and runs full or fails when told to.

After `crash`, of everything not synced any part may be there: single writes kept, dropped or torn at any byte or
block, files shorter or longer, names made, changed or removed or not, in any combination. That is harsher than any one
real file system. Every random choice comes from the caller's generator.
"""

from __future__ import annotations

import errno
import random as random_module
from typing import Final

from onemq.storage.files import Files, Locked

_BLOCK_BYTES: Final = 512
"""What a disk writes whole; a torn write consists of these."""


class Crash(BaseException):
    """The machine stops here. Not an Exception: nothing may catch it by accident."""


class _Change:
    """Something done to a file that no sync has covered. `size` >= 0 is a truncation (or growth) to that size."""

    def __init__(self, at: int, data: bytes, size: int) -> None:
        self.at = at
        self.data = data
        self.size = size
        self.doomed = False


class _File:
    def __init__(self) -> None:
        self.live = bytearray()
        self.synced = bytearray()
        self.changes: list[_Change] = []


def _apply(content: bytearray, change: _Change, data: bytes | None = None, at: int = -1) -> None:
    if change.size >= 0:
        if len(content) > change.size:
            del content[change.size :]
        else:
            content.extend(bytes(change.size - len(content)))
        return
    data = change.data if data is None else data
    at = change.at if at < 0 else at
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(data)] = data


class _Renaming:
    """A change of a directory that no sync has covered: `name` is there no more (if any), `new` leads to `file`."""

    def __init__(self, name: str, new: str, file: _File | _Directory | None) -> None:
        self.name = name
        self.new = new
        self.file = file


class _Directory:
    def __init__(self) -> None:
        self.live: dict[str, _File | _Directory] = {}
        self.synced: dict[str, _File | _Directory] = {}
        self.changes: list[_Renaming] = []


def _rename(entries: dict[str, _File | _Directory], change: _Renaming) -> None:
    if change.name:
        entries.pop(change.name, None)
    if change.new and change.file is not None:
        entries[change.new] = change.file


class SimulatedFiles(Files):
    """See onemq.storage.files.Files. The root directory "" is there from the start; paths are absolute.

    Attributes:
        space_bytes: how much all files together may take; -1 is unlimited.
        fail_sync_at: the how-manieth sync from now on fails with EIO (1 is the next); 0 is none. What it should have
            made durable never gets durable by a later sync either.
        crash_at: the how-manieth change from now on raises Crash instead (1 is the next); 0 is none.
        calls: changes made so far.
        syncs: syncs of files made so far.
    """

    def __init__(self, random: random_module.Random) -> None:
        self._random = random
        self._root = _Directory()
        self._handles: dict[int, _File] = {}
        self._locks: dict[int, str] = {}
        self._next_handle = 3
        self.space_bytes = -1
        self.fail_sync_at = 0
        self.crash_at = 0
        self.calls = 0
        self.syncs = 0
        self.begun_syncs: list[int] = []
        """From which bytes on."""

    # Finding things.

    def _directory(self, path: str) -> _Directory:
        here: _Directory | _File = self._root
        for name in path.split("/"):
            if not name:
                continue
            if not isinstance(here, _Directory) or name not in here.live:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
            here = here.live[name]
        if not isinstance(here, _Directory):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        return here

    def _split(self, path: str) -> tuple[_Directory, str]:
        parent, _, name = path.rpartition("/")
        return self._directory(parent), name

    def _file(self, path: str) -> _File:
        directory, name = self._split(path)
        file = directory.live.get(name)
        if not isinstance(file, _File):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return file

    def _changing(self) -> None:
        self.calls += 1
        if self.crash_at:
            self.crash_at -= 1
            if not self.crash_at:
                raise Crash

    def _used_bytes(self, directory: _Directory | None = None) -> int:
        total = 0
        for entry in (directory or self._root).live.values():
            total += self._used_bytes(entry) if isinstance(entry, _Directory) else len(entry.live)
        return total

    def _rename_entry(
        self, directory: _Directory, name: str, new: str, file: _File | _Directory | None
    ) -> None:
        change = _Renaming(name, new, file)
        _rename(directory.live, change)
        directory.changes.append(change)

    def _change_file(self, file: _File, change: _Change) -> None:
        _apply(file.live, change)
        file.changes.append(change)

    # The interface.

    def open(self, path: str, create: bool) -> int:
        directory, name = self._split(path)
        if create:
            self._changing()
            if name in directory.live:
                raise FileExistsError(errno.EEXIST, "File exists", path)
            self._rename_entry(directory, "", name, _File())
        return self.open_to_read(path)

    def open_to_read(self, path: str) -> int:
        file = self._file(path)
        self._next_handle += 1
        self._handles[self._next_handle] = file
        return self._next_handle

    def close(self, handle: int) -> None:
        del self._handles[handle]
        self._locks.pop(handle, None)

    def open_handles(self) -> int:
        return len(self._handles)

    def write(self, handle: int, at: int, parts: list[bytes]) -> None:
        self._changing()
        data = b"".join(parts)
        file = self._handles[handle]
        room = len(data)
        if self.space_bytes >= 0:
            grown = max(0, at + len(data) - len(file.live))
            room -= max(0, self._used_bytes() + grown - self.space_bytes)
        if room < len(data):
            if room > 0:
                self._change_file(file, _Change(at, data[:room], -1))
            raise OSError(errno.ENOSPC, "No space left on device")
        self._change_file(file, _Change(at, data, -1))

    def read(self, handle: int, at: int, size: int) -> bytes:
        return bytes(self._handles[handle].live[at : at + size])

    def size(self, handle: int) -> int:
        return len(self._handles[handle].live)

    def path_size(self, path: str) -> int:
        return len(self._file(path).live)

    def truncate(self, handle: int, size: int) -> None:
        self._changing()
        self._change_file(self._handles[handle], _Change(0, b"", size))

    def allocate(self, handle: int, at: int, size: int) -> bool:
        self._changing()
        file = self._handles[handle]
        if at + size <= len(file.live):
            return True
        if self.space_bytes >= 0 and self._used_bytes() + at + size - len(file.live) > self.space_bytes:
            return False
        self._change_file(file, _Change(0, b"", at + size))
        return True

    def sync(self, handle: int) -> None:
        self._changing()
        self.syncs += 1
        file = self._handles[handle]
        if self.fail_sync_at:
            self.fail_sync_at -= 1
            if not self.fail_sync_at:
                for change in file.changes:
                    change.doomed = True
                raise OSError(errno.EIO, "Input/output error")
        kept: list[_Change] = []
        for change in file.changes:
            if change.doomed:
                kept.append(change)
            else:
                _apply(file.synced, change)
        file.changes = kept

    def begin_to_sync(self, handle: int, at: int) -> None:
        # What is not synced may be on the disk at any time anyway.
        assert handle in self._handles
        self.begun_syncs.append(at)

    def sync_to_read(self, handle: int) -> None:
        self.sync(handle)
        file = self._handles[handle]
        if file.changes:
            # What a failed sync has left behind.
            file.changes = []
            file.live = bytearray(file.synced)

    def sync_directory(self, path: str) -> None:
        self._changing()
        directory = self._directory(path)
        for change in directory.changes:
            _rename(directory.synced, change)
        directory.changes = []

    def make_directory(self, path: str) -> bool:
        directory, name = self._split(path)
        if name in directory.live:
            return False
        self._changing()
        self._rename_entry(directory, "", name, _Directory())
        return True

    def remove_directory(self, path: str) -> None:
        if self._directory(path).live:
            raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
        self._changing()
        directory, name = self._split(path)
        self._rename_entry(directory, name, "", None)

    def list(self, path: str) -> list[str]:
        try:
            return list(self._directory(path).live)
        except FileNotFoundError:
            return []

    def rename(self, path: str, new_path: str) -> None:
        self._changing()
        file = self._file(path)
        directory, name = self._split(path)
        _, new = self._split(new_path)
        self._rename_entry(directory, name, new, file)

    def remove(self, path: str) -> None:
        self._file(path)
        self._changing()
        directory, name = self._split(path)
        self._rename_entry(directory, name, "", None)

    def lock(self, path: str) -> int:
        if path in self._locks.values():
            raise Locked("4711")
        directory, name = self._split(path)
        handle = self.open(path, name not in directory.live)
        self._locks[handle] = path
        return handle

    def free_bytes(self, path: str) -> int:
        return 1 << 40 if self.space_bytes < 0 else max(0, self.space_bytes - self._used_bytes())

    def salt(self) -> bytes:
        return self._random.randbytes(8)

    def give_way(self) -> None:
        """Nobody else is there."""

    # For tests.

    def content(self, path: str) -> bytearray:
        """The bytes of a file, to be looked at or damaged."""
        return self._file(path).live

    def damage(self, path: str, at: int, flip: int) -> None:
        """Flips bits of a byte, on the disk."""
        file = self._file(path)
        file.live[at] ^= flip
        if at < len(file.synced):
            file.synced[at] ^= flip

    def cut(self, path: str, size: int) -> None:
        """Shortens a file, on the disk."""
        file = self._file(path)
        del file.live[size:]
        del file.synced[size:]

    # The crash.

    def kill(self) -> None:
        """Only the process stops: what it did is there, but no more durable than it was."""
        self._handles.clear()
        self._locks.clear()
        self.crash_at = 0
        self.fail_sync_at = 0

    def crash(self, random: random_module.Random) -> None:
        """The machine stops and starts again: all handles and locks are gone, unsynced changes at random."""
        self._handles.clear()
        self._locks.clear()
        self.crash_at = 0
        self.fail_sync_at = 0
        # Some crashes keep nearly everything, some nearly nothing: both find bugs that the middle does not.
        self._crash_directory(self._root, random, random.choice([0.05, 0.5, 0.95]), set())

    def _crash_directory(
        self, directory: _Directory, random: random_module.Random, keep: float, done: set[int]
    ) -> None:
        for change in directory.changes:
            if random.random() < keep:
                _rename(directory.synced, change)
        directory.changes = []
        directory.live = dict(directory.synced)
        for entry in directory.live.values():
            if id(entry) in done:
                continue
            done.add(id(entry))
            if isinstance(entry, _Directory):
                self._crash_directory(entry, random, keep, done)
            else:
                _crash_file(entry, random, keep)


def _crash_file(file: _File, random: random_module.Random, keep: float) -> None:
    for change in file.changes:
        fate = random.random()
        if fate < keep * 0.7:
            _apply(file.synced, change)
        elif fate < keep and change.size < 0:
            _tear(file.synced, change, random)
    file.changes = []
    file.live = bytearray(file.synced)


def _tear(content: bytearray, change: _Change, random: random_module.Random) -> None:
    """Keeps the beginning of a write, or some of its blocks."""
    if random.random() < 0.5:
        _apply(content, change, change.data[: random.randrange(len(change.data) + 1)])
        return
    start = 0
    while start < len(change.data):
        end = start + _BLOCK_BYTES - (change.at + start) % _BLOCK_BYTES
        if random.random() < 0.5:
            _apply(content, change, change.data[start:end], change.at + start)
        start = end
