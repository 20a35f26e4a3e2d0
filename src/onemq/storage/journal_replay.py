"""Reads the journal at start-up: every entry in order, up to where the last run stopped writing.

Damage to anything that had been confirmed is refused, never skipped; only what follows the last synced entry
of the last file may be cut off. Changes no file (recovery.py does). Format: docs/formats/journal.md.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.ports import Replay
from onemq.storage.errors import JournalCorrupt, JournalGap
from onemq.storage.files import Files
from onemq.storage.format import (
    JOURNAL_HEADER_BYTES,
    JOURNAL_SUFFIX,
    BadBytes,
    check_journal_header,
    entry_length,
    entry_matches,
    entry_position,
    journal_name,
    journal_seed,
    numbered,
)
from onemq.storage.journal_search import LaterEntries

_WINDOW_BYTES: Final = 4 * 1024 * 1024
_PROGRESS_BYTES: Final = 1024 * 1024
"""How much is read before it is told again."""


class JournalEnd:
    """Where the journal ends.

    Attributes:
        firsts: first positions of the files to go on with, ascending; the last is written to.
        stale: first positions of files that a snapshot has made superfluous.
        torn: a last file that was being made when the machine stopped, to be removed; -1 if none.
        header, end: of the file to go on with; what it holds behind byte `end` is to be cut off.
        dropped_bytes: how many bytes of unconfirmed entries that cuts off.
        done_bytes, total_bytes: read so far, and in all files (space allocated ahead included).
        position: of the last entry.
    """

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.stale: list[int] = []
        self.torn = -1
        self.header = b""
        self.end = 0
        self.dropped_bytes = 0
        self.position = 0
        self.done_bytes = 0
        self.total_bytes = 0


class _Window:
    """A file's bytes, read a piece at a time."""

    __slots__ = ("at", "data", "facts", "files", "handle", "size")

    def __init__(self, files: Files, handle: int) -> None:
        self.files = files
        self.handle = handle
        self.size: i64 = files.size(handle)
        self.at: i64 = 0
        self.data = b""
        self.facts = b""

    def need(self, at: i64, size: i64) -> i64:
        """Makes `size` bytes from byte `at` on available (they must be in the file); returns where they are
        in `data`.
        """
        if at < self.at or at + size > self.at + len(self.data):
            length: i64 = max(size, i64(_WINDOW_BYTES))
            self.data = self.files.read(self.handle, int(at), int(min(length, self.size - at)))
            self.at = at
        return at - self.at


def replay_journal(files: Files, directory: str, after: int, replay: Replay) -> JournalEnd:
    """Feeds all entries with positions greater than `after` to `replay`. Changes nothing on disk.

    Raises JournalCorrupt, JournalGap, UnknownFormat, and what `replay` raises.
    """
    end = JournalEnd()
    found: list[int] = []
    for name in files.list(directory):
        first = numbered(name, "", JOURNAL_SUFFIX)
        if first >= 0:
            found.append(first)
    found.sort()
    if found and _is_torn(files, f"{directory}/{journal_name(found[-1])}", found[-1]):
        end.torn = found.pop()
    while len(found) > 1 and found[1] <= after + 1:
        end.stale.append(found.pop(0))
    if not found:
        raise JournalGap(directory, after + 1, 0)
    if found[0] > after + 1:
        raise JournalGap(directory, after + 1, found[0])
    for first in found:
        end.total_bytes += files.path_size(f"{directory}/{journal_name(first)}")
    position = found[0] - 1
    for index, first in enumerate(found):
        if first != position + 1:
            raise JournalGap(directory, position + 1, first)
        # The file before a torn one was synced before the torn one was begun: it has no unconfirmed end
        # either.
        is_last = index == len(found) - 1 and end.torn < 0
        if index == len(found) - 1:
            # The last run may have ended because this file could not be synced: its end is judged by what is on the disk.
            _sync_to_read(files, f"{directory}/{journal_name(first)}")
        position = _replay_file(files, directory, first, is_last, after, replay, end)
    if position < after:
        raise JournalGap(directory, position + 1, after + 1)
    end.firsts = found
    end.position = position
    return end


def _sync_to_read(files: Files, path: str) -> None:
    handle = files.open_to_read(path)
    try:
        files.sync_to_read(handle)
    finally:
        files.close(handle)


def _is_torn(files: Files, path: str, first: int) -> bool:
    """Whether a crash hit while the file was being made: no whole header, and nothing behind it."""
    handle = files.open_to_read(path)
    try:
        size = files.size(handle)
        header = files.read(handle, 0, JOURNAL_HEADER_BYTES)
    finally:
        files.close(handle)
    try:
        check_journal_header(path, header, first)
    except BadBytes:
        return size <= JOURNAL_HEADER_BYTES
    return False


def _replay_file(
    files: Files, directory: str, first: int, is_last: bool, after: int, replay: Replay, end: JournalEnd
) -> int:
    """Returns the position of the file's last entry."""
    path = f"{directory}/{journal_name(first)}"
    handle = files.open_to_read(path)
    try:
        window = _Window(files, handle)
        header = files.read(handle, 0, JOURNAL_HEADER_BYTES)
        try:
            check_journal_header(path, header, first)
        except BadBytes as error:
            raise JournalCorrupt(path, 0, str(error)) from None
        seed = journal_seed(header)
        expected: i64 = first
        at: i64 = 32
        told: i64 = 0
        while at < window.size:
            size = _entry_size(window, seed, at, expected)
            if size < 0:
                if not is_last:
                    raise JournalCorrupt(path, int(at), "an entry in a finished file cannot be read")
                end.dropped_bytes = _judge_tail(window, seed, path, at, expected)
                break
            if expected > after:
                replay.replay(int(expected), window.facts)
            expected += 1
            at += size
            if at - told >= _PROGRESS_BYTES:
                told = at
                replay.progressed(end.done_bytes + int(at), end.total_bytes)
        end.header = header
        end.end = int(at)
        end.done_bytes += int(window.size)
        replay.progressed(end.done_bytes, end.total_bytes)
        return int(expected) - 1
    finally:
        files.close(handle)


def _entry_size(window: _Window, seed: int, at: i64, expected: i64) -> i64:
    """Length of the whole entry at byte `at`, or -1 if there is no good one with that position. Sets
    `window.facts`.
    """
    if window.size - at < 24:
        return -1
    start = window.need(at, 24)
    length = entry_length(window.data, start)
    if entry_position(window.data, start) != expected or length < 0 or length > window.size - at - 24:
        return -1
    start = window.need(at, length + 24)
    facts = window.data[start + 24 : start + 24 + length]
    if not entry_matches(seed, window.data, start, facts):
        return -1
    window.facts = facts
    return length + 24


def _judge_tail(window: _Window, seed: int, path: str, at: i64, expected: i64) -> int:
    """The entry at byte `at` is not good: was it ever confirmed?

    It was if a good entry behind it says that `expected` had been synced when it was written; raises
    JournalCorrupt then. Returns how many bytes there are to drop, as far as they can be told from what an earlier
    use of the file left there: up to the end of the last good entry, or of the one that begins at `at`.
    """
    if window.size - at < 24:
        return len(window.files.read(window.handle, int(at), int(window.size - at)).rstrip(b"\0"))
    start = window.need(at, 24)
    end: i64 = at
    length = entry_length(window.data, start)
    if entry_position(window.data, start) == expected and length >= 0:
        end = min(window.size, at + 24 + length)
    search = LaterEntries(window.files, window.handle, seed, at, expected)
    search.run()
    if search.proof_at >= 0:
        raise JournalCorrupt(
            path,
            int(at),
            f"the entry of position {expected} cannot be read, but a later one, of position "
            f"{search.proof_position} at byte {search.proof_at}, shows that it was confirmed",
        )
    return int(max(end, search.end) - at)
