"""The journal files while a broker runs: writing entries, starting new files, removing old ones.

Used by the committer's lane; `remove_through` by the writer's. Reading them at start-up is journal_replay.py.
Knows nothing of who waits for what. Format: docs/formats/journal.md.
"""

import threading

from onemq.storage.files import Files
from onemq.storage.format import (
    ENTRY_HEADER_BYTES,
    JOURNAL_HEADER_BYTES,
    entry_header,
    journal_header,
    journal_name,
    journal_seed,
)


class Journal:
    """The ordered files of one directory; entries go to the last one."""

    def __init__(self, files: Files, directory: str, preallocate_bytes: int) -> None:
        self._files = files
        self._directory = directory
        self._preallocate_bytes = preallocate_bytes
        self._lock = threading.Lock()
        self._firsts: list[int] = []
        self._handle = -1
        self._seed = 0
        self._end = 0
        self._reach = 0
        self._preallocates = preallocate_bytes > 0
        self._sizes: dict[int, int] = {}
        """Of the files before the last one, by their first position."""

    def adopt(self, firsts: list[int], header: bytes, end: int) -> None:
        """Goes on with files found at start-up. `header`, `end`: header and length of the last one."""
        self._handle = self._files.open(self._path(firsts[-1]), False)
        self._firsts = list(firsts)
        for first in firsts[:-1]:
            self._sizes[first] = self._files.path_size(self._path(first))
        self._seed = journal_seed(header)
        self._end = end
        self._reach = end

    def begin(self, first: int) -> None:
        """Starts a new file for position `first` and later. The file before must have been synced.

        After an OSError nothing has changed.
        """
        path = self._path(first)
        header = journal_header(first, self._files.salt())
        handle = self._files.open(path, True)
        try:
            self._files.write(handle, 0, [header])
            # Both before the first entry: a file with entries always has its header and its name.
            self._files.sync(handle)
            self._files.sync_directory(self._directory)
        except OSError:
            self._files.close(handle)
            self._files.remove(path)
            raise
        if self._handle >= 0:
            self._files.close(self._handle)
        size = self._end
        self._handle = handle
        self._seed = journal_seed(header)
        self._end = JOURNAL_HEADER_BYTES
        self._reach = JOURNAL_HEADER_BYTES
        self._preallocates = self._preallocate_bytes > 0
        with self._lock:
            if self._firsts:
                self._sizes[self._firsts[-1]] = size
            self._firsts.append(first)

    def total_bytes(self) -> int:
        """Of all its files, without what is allocated ahead. Any thread."""
        with self._lock:
            return sum(self._sizes.values()) + self._end

    def first(self) -> int:
        """First position of the file that is written now."""
        return self._firsts[-1]

    def write(self, position: int, synced: int, entries: list[bytes]) -> None:
        """Adds entries with positions from `position` on, in one go. `synced`: see `format.entry_header`.

        After an OSError none of them counts and `take_back` must be called.
        """
        parts: list[bytes] = []
        size = 0
        for facts in entries:
            parts.append(entry_header(self._seed, position, synced, facts))
            parts.append(facts)
            size += ENTRY_HEADER_BYTES + len(facts)
            position += 1
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
        """Cuts the file behind the last whole entry, which also gives back what was allocated ahead."""
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
        with self._lock:
            while len(self._firsts) > 1 and self._firsts[1] <= position + 1:
                removable.append(self._firsts.pop(0))
                self._sizes.pop(removable[-1], None)
        for first in removable:
            self._files.remove(self._path(first))

    def close(self) -> None:
        if self._handle >= 0:
            self._files.close(self._handle)
            self._handle = -1

    def _path(self, first: int) -> str:
        return f"{self._directory}/{journal_name(first)}"
