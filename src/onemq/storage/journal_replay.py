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
    ENTRY_HEADER_BYTES,
    JOURNAL_HEADER_BYTES,
    JOURNAL_SUFFIX,
    BadBytes,
    check_journal_header,
    entry_length,
    entry_matches,
    entry_position,
    entry_synced,
    journal_name,
    journal_seed,
    numbered,
)

_WINDOW_BYTES: Final = 4 * 1024 * 1024
_PROGRESS_BYTES: Final = 1024 * 1024
"""How much is read before it is told again."""
_CHECKED_FACTOR: Final = 4
"""What looks like an entry behind a bad one is checked: at most so many times the bytes that are there."""
_ZEROS_BYTES: Final = 64 * 1024


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
        position = _replay_file(files, directory, first, is_last, after, replay, end)
    if position < after:
        raise JournalGap(directory, position + 1, after + 1)
    end.firsts = found
    end.position = position
    return end


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
    search = _Search(window, seed, path, at, expected)
    while search.piece_at < window.size:
        search.piece()
    return int(max(end, search.end) - at)


class _Search:
    """Looks for good entries behind a bad one, a piece of the file at a time.

    Most of what is there may be entries of the file's earlier use: they have lower positions and another seed.
    """

    __slots__ = ("at", "end", "expected", "path", "piece_at", "seed", "unread", "window")

    def __init__(self, window: _Window, seed: int, path: str, at: i64, expected: i64) -> None:
        self.window = window
        self.seed = seed
        self.path = path
        self.at = at
        self.expected = expected
        self.piece_at = at
        self.end = at
        """Of the last good entry."""
        self.unread: i64 = _CHECKED_FACTOR * (window.size - at)
        """How many bytes may still be checked: a body full of headers that announce long entries must not hold up
        the start for hours."""

    def piece(self) -> None:
        """Raises JournalCorrupt if an entry proves that the missing one had been synced."""
        window = self.window
        data = window.files.read(window.handle, int(self.piece_at), _WINDOW_BYTES + ENTRY_HEADER_BYTES - 1)
        # Zeros at an entry's end are stripped with the rest; so that its header can be read whole:
        data = data.rstrip(b"\0") + bytes(ENTRY_HEADER_BYTES)
        for high in (self.expected >> 24, (self.expected >> 24) + 1):
            self._look(data, int(high).to_bytes(5, "big"))
        self.piece_at += _WINDOW_BYTES

    def _look(self, data: bytes, high: bytes) -> None:
        """`high`: upper 5 bytes of the positions to look for; finding them first spares a look at every byte."""
        found: i64 = data.find(high, 8)
        while 0 <= found < _WINDOW_BYTES + 8:
            start = found - 8
            if start + 24 > len(data):
                return
            position = entry_position(data, start)
            if position >= self.expected:
                self._check(data, start, position)
            elif position == 0:
                # Not every byte of a long run of zeros.
                run = data[int(start) : int(start) + _ZEROS_BYTES]
                found += max(0, len(run) - len(run.lstrip(b"\0")) - 16)
            found = data.find(high, int(found) + 1)

    def _check(self, data: bytes, start: i64, position: i64) -> None:
        window = self.window
        at = self.piece_at + start
        length = entry_length(data, start)
        if length < 0 or length > window.size - at - 24 or length > self.unread:
            return
        self.unread -= length
        facts = window.files.read(window.handle, int(at) + ENTRY_HEADER_BYTES, int(length))
        if not entry_matches(self.seed, data, start, facts):
            return
        synced = entry_synced(data, start)
        if synced < position and (synced >= self.expected or at == self.at):
            raise JournalCorrupt(
                self.path,
                int(self.at),
                f"the entry of position {self.expected} cannot be read, but a later one, of position "
                f"{position} at byte {at}, shows that it was confirmed",
            )
        self.end = max(self.end, at + 24 + length)
