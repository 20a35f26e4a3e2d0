"""The journal files while a broker runs: writing entries, starting new files, removing old ones.

Used by the committer's lane; `remove_through` by the writer's. Reading them at start-up is journal_replay.py.
Knows nothing of who waits for what. Format: docs/formats/journal.md.
"""

import threading
from typing import Final

from onemq.storage.files import Files
from onemq.storage.format import (
    JOURNAL_HEADER_BYTES,
    SPARE_SUFFIX,
    entry_header,
    journal_header,
    journal_name,
    journal_seed,
    numbered,
    parts_bytes,
    spare_name,
)

SPARE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A longer file is not kept: a checkpoint that was held up for long must not cost its space for ever."""


class Journal:
    """The ordered files of one directory; entries go to the last one.

    One file that a checkpoint has made superfluous is kept, and the next one is made of it: a sync has less to do
    where the file's blocks have been written before (docs/decisions/0014).
    """

    def __init__(
        self, files: Files, directory: str, preallocate_bytes: int, spare_bytes_max: int = SPARE_BYTES_MAX
    ) -> None:
        """`spare_bytes_max`: a longer file is not kept for the next one."""
        self._files = files
        self._directory = directory
        self._preallocate_bytes = preallocate_bytes
        self._spare_bytes_max = spare_bytes_max
        self._lock = threading.Lock()
        self._firsts: list[int] = []
        self._handle = -1
        self._seed = 0
        self._end = 0
        self._reach = 0
        self._preallocates = preallocate_bytes > 0
        self._sizes: dict[int, int] = {}
        """Of the files before the last one, by their first position."""
        self._spare = -1
        """First position that the spare file once had; -1: there is none. Under the lock."""

    def adopt(self, firsts: list[int], header: bytes, end: int) -> None:
        """Goes on with files found at start-up. `header`, `end`: header and length of the last one."""
        self._handle = self._files.open(self._path(firsts[-1]), False)
        self._firsts = list(firsts)
        for first in firsts[:-1]:
            self._sizes[first] = self._files.path_size(self._path(first))
        for name in self._files.list(self._directory):
            spare = numbered(name, "", SPARE_SUFFIX)
            if spare >= 0 and (self._spare >= 0 or not self._preallocates):
                self._files.remove(f"{self._directory}/{name}")
            elif spare >= 0:
                self._spare = spare
        self._seed = journal_seed(header)
        self._end = end
        self._reach = end

    def begin(self, first: int) -> None:
        """Starts a new file for position `first` and later. The file before must have been synced.

        After an OSError nothing has changed.
        """
        header = journal_header(first, self._files.salt())
        handle, reach = self._make(self._path(first), header)
        if self._handle >= 0:
            self._files.close(self._handle)
        size = self._end
        self._handle = handle
        self._seed = journal_seed(header)
        self._end = JOURNAL_HEADER_BYTES
        self._reach = reach
        self._preallocates = self._preallocate_bytes > 0
        with self._lock:
            if self._firsts:
                self._sizes[self._firsts[-1]] = size
            self._firsts.append(first)

    def _make(self, path: str, header: bytes) -> tuple[int, int]:
        """Handle and length of a new file that begins with `header`, made of the spare one where there is one."""
        spare = self._take_spare()
        there = f"{self._directory}/{spare_name(spare)}"
        handle = self._open_there(there) if spare >= 0 else -1
        if handle < 0:
            there = path
            handle = self._files.open(path, True)
        try:
            reach = max(JOURNAL_HEADER_BYTES, self._files.size(handle))
            self._files.write(handle, 0, [header])
            # Both before the first entry: a file with entries always has its header and its name. The header comes
            # before the name: what an earlier use left there must not be taken for this file's.
            self._files.sync(handle)
            if there != path:
                self._files.rename(there, path)
                there = path
            self._files.sync_directory(self._directory)
        except OSError:
            self._files.close(handle)
            self._files.remove(there)
            raise
        return handle, reach

    def _take_spare(self) -> int:
        with self._lock:
            spare = self._spare
            self._spare = -1
            return spare

    def remove_spare(self) -> None:
        """There is no space left: what is only kept to be quick gives way. Any thread."""
        spare = self._take_spare()
        if spare >= 0:
            try:
                self._files.remove(f"{self._directory}/{spare_name(spare)}")
            except FileNotFoundError:
                # Somebody had the same idea.
                return

    def _open_there(self, path: str) -> int:
        """-1 where somebody has removed it, to make space perhaps."""
        try:
            return self._files.open(path, False)
        except FileNotFoundError:
            return -1

    def total_bytes(self) -> int:
        """Of all its files, without what is allocated ahead. Any thread."""
        with self._lock:
            return sum(self._sizes.values()) + self._end

    def first(self) -> int:
        """First position of the file that is written now."""
        return self._firsts[-1]

    def write(self, position: int, synced: int, entries: list[list[bytes]]) -> None:
        """Adds entries (facts in parts) with positions from `position` on, in one go. `synced`: see `format.entry_header`.

        After an OSError none of them counts and `take_back` must be called.
        """
        parts: list[bytes] = []
        for facts in entries:
            parts.append(entry_header(self._seed, position, synced, facts))
            parts.extend(facts)
            position += 1
        size = int(parts_bytes(parts))
        end = self._end + size
        if end > self._reach and self._preallocates:
            # A sync costs a third less when it need not make the file longer (measured on ext4).
            reach = end + self._preallocate_bytes
            self._preallocates = self._files.allocate(self._handle, self._reach, reach - self._reach)
            if self._preallocates:
                self._reach = reach
        self._files.write(self._handle, self._end, parts)
        self._end = end
        self._reach = max(end, self._reach)

    def take_back(self) -> None:
        """Cuts the file behind the last whole entry, which also gives back what was allocated ahead, and the spare file."""
        self.remove_spare()
        self._files.truncate(self._handle, self._end)
        self._reach = self._end
        self._preallocates = False

    def sync(self) -> None:
        self._files.sync(self._handle)

    def finish(self) -> None:
        """Syncs the file at its right length, before another one begins or the journal is closed."""
        if self._reach > self._end:
            self._files.truncate(self._handle, self._end)
            self._reach = self._end
        self._files.sync(self._handle)

    def remove_through(self, position: int) -> None:
        """Removes the files all of whose entries have positions up to `position`. The last file stays."""
        removable: list[int] = []
        sizes: dict[int, int] = {}
        with self._lock:
            while len(self._firsts) > 1 and self._firsts[1] <= position + 1:
                first = self._firsts.pop(0)
                removable.append(first)
                sizes[first] = self._sizes.pop(first, 0)
        for first in removable:
            if not self._keep(first, sizes[first]):
                self._files.remove(self._path(first))

    def _keep(self, first: int, size: int) -> bool:
        """Makes the file the spare one, if there is none."""
        with self._lock:
            if self._spare >= 0 or self._preallocate_bytes == 0 or size > self._spare_bytes_max:
                return False
        # Not under the lock: the engine's thread would wait for the disk. Nobody else makes a spare one meanwhile.
        self._files.rename(self._path(first), f"{self._directory}/{spare_name(first)}")
        with self._lock:
            self._spare = first
        return True

    def close(self) -> None:
        if self._handle >= 0:
            self._files.close(self._handle)
            self._handle = -1

    def _path(self, first: int) -> str:
        return f"{self._directory}/{journal_name(first)}"
