"""What storage refuses to do, in words an operator can act on: what is wrong, where, and what to do.

Job: the only exceptions that leave this package (besides OSError while a store opens). They must not be
caught and
ignored: a broker that goes on over a damaged data directory loses data silently.
"""

from mypy_extensions import mypyc_attr


class StorageError(Exception):
    """The data directory cannot be used as it is. The text names the file, the byte where it matters, and a
    remedy.
    """


class DirectoryInUse(StorageError):
    """Another process holds the data directory."""

    def __init__(self, directory: str, holder: str) -> None:
        super().__init__(
            f"data directory {directory} is in use by process {holder}; "
            "stop that process, or give this broker a data directory of its own"
        )


class UnknownFormat(StorageError):
    """The data directory, or a file in it, is not of a format that this version reads."""


class JournalCorrupt(StorageError):
    """Confirmed commits in the journal cannot be read."""

    def __init__(self, path: str, at: int, what: str) -> None:
        super().__init__(
            f"journal file {path} is damaged at byte {at}: {what}. Confirmed commits are affected, so the broker "
            "does not start over it. Restore the data directory from a backup, or check the disk; to give up "
            f"everything from this place on, keep a copy of the directory, cut {path} at byte {at} and remove "
            "the later journal files"
        )
        self.path = path
        self.at = at


class JournalGap(StorageError):
    """Commits are missing between the snapshot and the journal, or between two journal files."""

    def __init__(self, directory: str, wanted: int, found: int) -> None:
        missing = f"{wanted} to {found - 1}" if found > wanted else f"from {wanted} on"
        super().__init__(
            f"journal {directory} lacks commits {missing}: a file was removed or lost. The broker does not "
            "start over the gap. Put the missing journal file back, or restore the whole data directory from one backup"
        )
        self.wanted = wanted
        self.found = found


class SnapshotCorrupt(StorageError):
    """No snapshot can be read although the directory must have one."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(
            f"snapshot {path} is damaged: {what}. What it held is nowhere else, so the broker does not "
            "start. Restore the data directory from a backup, or check the disk"
        )


class SegmentCorrupt(StorageError):
    """A segment file is missing, too short, or holds a batch that cannot be read."""

    def __init__(self, path: str, at: int, what: str) -> None:
        super().__init__(
            f"segment file {path} is damaged at byte {at}: {what}. Records of this log are lost there, so the "
            "broker does not go on. Restore the data directory from a backup, or check the disk"
        )
        self.path = path
        self.at = at


@mypyc_attr(native_class=False)
class StoreMisuse(AssertionError):
    """The caller broke the store's contract: a bug, not a condition of the disk."""


class SyncFailed(StorageError):
    """The disk did not take what was written: what it holds now is unknown."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(
            f"syncing {path} failed: {error}. Check the disk; restart the broker to go on from what it holds"
        )
