"""Opens a data directory: makes a new one, or brings one back to what was durable when the last run ended.

First everything is read and judged; only when all of it is good is anything cut off or removed. Format and
order of
things: docs/formats/data-directory.md.
"""

import logging

from onemq.engine.ports import Replay
from onemq.storage.errors import DirectoryInUse, SegmentCorrupt, SnapshotCorrupt, StorageError, UnknownFormat
from onemq.storage.files import Files, Locked
from onemq.storage.format import (
    FORMAT_FILE,
    JOURNAL_DIRECTORY,
    LOCK_FILE,
    LOGS_DIRECTORY,
    SNAPSHOT_PREFIX,
    TEMPORARY_SUFFIX,
    BadBytes,
    LogNote,
    Manifest,
    SegmentNote,
    Snapshot,
    check_format_text,
    decode_snapshot,
    format_text,
    journal_name,
    numbered,
    segment_name,
    snapshot_name,
)
from onemq.storage.journal import Journal
from onemq.storage.journal_replay import JournalEnd, replay_journal

_log = logging.getLogger("onemq.storage")


class Recovered:
    """What was found.

    `retired`: files of segments that were emptied because nothing in them was needed; the next checkpoint
    removes them.
    """

    def __init__(self, position: int, manifest: Manifest, retired: list[str]) -> None:
        self.position = position
        self.manifest = manifest
        self.retired = retired


def lock_directory(files: Files, directory: str) -> int:
    """Makes the directory if needed and takes its lock; returns the lock's handle. Raises DirectoryInUse."""
    files.make_directory(directory)
    try:
        return files.lock(f"{directory}/{LOCK_FILE}")
    except Locked as locked:
        raise DirectoryInUse(directory, str(locked)) from None


def recover(files: Files, directory: str, journal: Journal, replay: Replay) -> Recovered:
    """Feeds `replay` and leaves `journal` ready to be written. Raises StorageError, OSError, and what
    `replay` raises.
    """
    if not _has_format(files, directory):
        _begin(files, directory, journal)
        return Recovered(0, Manifest(0, []), [])
    snapshot = _newest_snapshot(files, directory)
    if snapshot is None:
        snapshot = Snapshot(0, Manifest(0, []), b"")
    else:
        replay.restore(snapshot.state)
    manifest, retired = _check_segments(files, directory, snapshot.manifest)
    end = replay_journal(files, f"{directory}/{JOURNAL_DIRECTORY}", snapshot.position, replay)
    # The last run may have been killed before it had synced the names of what it had made, and what is made durable from now
    # on goes by these names.
    files.sync_directory(f"{directory}/{JOURNAL_DIRECTORY}")
    files.sync_directory(directory)
    _tidy_journal(files, f"{directory}/{JOURNAL_DIRECTORY}", journal, end)
    _tidy_segments(files, f"{directory}/{LOGS_DIRECTORY}", manifest, retired)
    _tidy_snapshots(files, directory, snapshot.position)
    return Recovered(end.position, manifest, retired)


def _has_format(files: Files, directory: str) -> bool:
    path = f"{directory}/{FORMAT_FILE}"
    try:
        handle = files.open_to_read(path)
    except FileNotFoundError:
        return False
    try:
        content = files.read(handle, 0, 100)
    finally:
        files.close(handle)
    check_format_text(path, content)
    return True


def _begin(files: Files, directory: str, journal: Journal) -> None:
    """A new data directory. Its format file comes last: without it, what is there was never used."""
    for name in files.list(directory):
        if name not in (JOURNAL_DIRECTORY, LOGS_DIRECTORY, LOCK_FILE, FORMAT_FILE + TEMPORARY_SUFFIX):
            raise UnknownFormat(
                f"{directory} is neither empty nor a onemq data directory (it has {name}, but no file "
                f'"{FORMAT_FILE}"); choose another directory, or restore the missing file'
            )
    journal_directory = f"{directory}/{JOURNAL_DIRECTORY}"
    files.make_directory(journal_directory)
    files.make_directory(f"{directory}/{LOGS_DIRECTORY}")
    for name in files.list(journal_directory):
        if name != journal_name(1):
            raise UnknownFormat(
                f'{directory} has a journal but no file "{FORMAT_FILE}"; restore the missing file, '
                "or choose another directory"
            )
        files.remove(f"{journal_directory}/{name}")
    journal.begin(1)
    # Else a crash might keep the format file but not the directories.
    files.sync_directory(directory)
    temporary = f"{directory}/{FORMAT_FILE}{TEMPORARY_SUFFIX}"
    if FORMAT_FILE + TEMPORARY_SUFFIX in files.list(directory):
        files.remove(temporary)
    handle = files.open(temporary, True)
    try:
        files.write(handle, 0, [format_text()])
        files.sync(handle)
    finally:
        files.close(handle)
    files.rename(temporary, f"{directory}/{FORMAT_FILE}")
    files.sync_directory(directory)
    parent, _, _ = directory.rstrip("/").rpartition("/")
    files.sync_directory(parent or ("/" if directory.startswith("/") else "."))


def _newest_snapshot(files: Files, directory: str) -> Snapshot | None:
    """Raises SnapshotCorrupt when there are snapshots but none is good."""
    positions: list[int] = []
    for name in files.list(directory):
        position = numbered(name, SNAPSHOT_PREFIX, "")
        if position >= 0:
            positions.append(position)
    positions.sort(reverse=True)
    problem: SnapshotCorrupt | None = None
    for position in positions:
        path = f"{directory}/{snapshot_name(position)}"
        handle = files.open_to_read(path)
        try:
            data = files.read(handle, 0, files.size(handle))
        finally:
            files.close(handle)
        try:
            snapshot = decode_snapshot(path, data)
            if snapshot.position != position:
                raise BadBytes(f"it says that it is of position {snapshot.position}")
            return snapshot
        except BadBytes as error:
            # An older one is as good if the journal still has everything after it; if not, replay finds the
            # gap.
            _log.error(
                "snapshot %s cannot be used: %s; trying an older one, which is as good if the journal still has everything after it",
                path,
                error,
                extra={"fields": {"reason": "snapshot_unusable"}},
            )
            if problem is None:
                problem = SnapshotCorrupt(path, str(error))
    if problem is not None:
        raise problem
    return None


def _check_segments(files: Files, directory: str, manifest: Manifest) -> tuple[Manifest, list[str]]:
    """The manifest without segments that were emptied on purpose, and their paths. Raises SegmentCorrupt."""
    logs: list[LogNote] = []
    emptied: list[str] = []
    for log in manifest.logs:
        kept: list[SegmentNote] = []
        for note in log.segments:
            path = f"{directory}/{LOGS_DIRECTORY}/{log.log_id}/{segment_name(note.base, note.serial)}"
            try:
                size = files.path_size(path)
            except FileNotFoundError:
                raise SegmentCorrupt(path, 0, "the file is missing") from None
            if size == 0 and note.bytes:
                emptied.append(path)
            elif size < note.bytes:
                raise SegmentCorrupt(path, size, f"the file ends there, but {note.bytes} bytes were synced")
            else:
                kept.append(note)
        logs.append(LogNote(log.log_id, log.end, kept))
    return Manifest(manifest.serial, logs), emptied


def _tidy_journal(files: Files, directory: str, journal: Journal, end: JournalEnd) -> None:
    """Cuts off what was never confirmed, removes what is superfluous."""
    path = f"{directory}/{journal_name(end.firsts[-1])}"
    if end.torn >= 0:
        torn = f"{directory}/{journal_name(end.torn)}"
        _log.warning(
            "%s was being made when the last run stopped: removed, nothing was in it",
            torn,
            extra={"fields": {"reason": "journal_cut"}},
        )
        files.remove(torn)
        # Now, not later: were it to come back after the file before it has grown, that file would seem
        # finished.
        files.sync_directory(directory)
    handle = files.open(path, False)
    try:
        if files.size(handle) != end.end:
            if end.dropped_bytes:
                _log.warning(
                    "%s: dropped %d bytes at byte %d, written but never confirmed when the last run stopped: nothing to do",
                    path,
                    end.dropped_bytes,
                    end.end,
                    extra={"fields": {"reason": "journal_cut"}},
                )
            files.truncate(handle, end.end)
        # What was read may be in the kernel's memory only, and what was cut off may come back: neither after
        # this.
        files.sync(handle)
    finally:
        files.close(handle)
    for first in end.stale:
        files.remove(f"{directory}/{journal_name(first)}")
    journal.adopt(end.firsts, end.header, end.end)


def _tidy_segments(files: Files, logs_directory: str, manifest: Manifest, retired: list[str]) -> None:
    """Brings the segment files to what the manifest lists; the journal has what was spilled later."""
    files.make_directory(logs_directory)
    wanted: dict[str, int] = {}
    directories: set[str] = set()
    for log in manifest.logs:
        directories.add(str(log.log_id))
        for note in log.segments:
            path = f"{logs_directory}/{log.log_id}/{segment_name(note.base, note.serial)}"
            wanted[path] = note.bytes
    for path in retired:
        wanted[path] = 0
    for name in files.list(logs_directory):
        log_directory = f"{logs_directory}/{name}"
        if not name.isdecimal():
            raise StorageError(
                f"{log_directory} does not belong into a onemq data directory; move it elsewhere"
            )
        for file_name in files.list(log_directory):
            path = f"{log_directory}/{file_name}"
            size = wanted.get(path, -1)
            if size < 0:
                files.remove(path)
            elif files.path_size(path) > size:
                handle = files.open(path, False)
                try:
                    files.truncate(handle, size)
                finally:
                    files.close(handle)
        if name not in directories:
            files.remove_directory(log_directory)


def _tidy_snapshots(files: Files, directory: str, position: int) -> None:
    for name in files.list(directory):
        if not name.startswith(SNAPSHOT_PREFIX):
            continue
        if numbered(name, SNAPSHOT_PREFIX, "") != position:
            files.remove(f"{directory}/{name}")
