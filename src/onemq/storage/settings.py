"""What an operator may set about the embedded store. Pure data; validated once, when made."""

from dataclasses import dataclass
from typing import Final

SYNC_ALWAYS: Final = "always"
SYNC_INTERVAL: Final = "interval"
SYNC_NEVER: Final = "never"
_KIBIBYTE: Final = 1024
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True)
class StoreSettings:
    """Settings of one FileStore.

    Attributes:
        directory: the data directory; made if it is not there.
        sync: "always": Durable follows a sync. "interval": Durable follows the write, a sync happens every
            `sync_interval_ms`. "never": Durable follows the write, and only checkpoints sync. In the last two
            modes a crash of the machine (not of the process) can lose what was reported durable; what is left
            is consistent.
        sync_interval_ms: see `sync`.
        segment_bytes: a log's segment file is closed when it has grown to this size.
        carry_percent: a closed segment of whose records less than this share still lives is rewritten.
        index_bytes: distance of the entries of a segment's sparse index.
        open_files_max: segment files held open for reading, and as many again for writing.
        retry_ms: how long to wait before a write that found no space is tried again.
        preallocate_bytes: the journal file grows by steps of this size, which makes its syncs cheaper; 0:
            exactly.
        read_ahead_bytes: kept at most of what is read before it is asked for, where a log is read from front to back; 0:
            nothing is.
    """

    directory: str
    sync: str = SYNC_ALWAYS
    sync_interval_ms: int = 100
    segment_bytes: int = 8 * _MEBIBYTE
    carry_percent: int = 25
    index_bytes: int = 16 * _KIBIBYTE
    open_files_max: int = 128
    retry_ms: int = 1000
    preallocate_bytes: int = 8 * _MEBIBYTE
    read_ahead_bytes: int = 4 * _MEBIBYTE

    def __post_init__(self) -> None:
        if self.sync not in (SYNC_ALWAYS, SYNC_INTERVAL, SYNC_NEVER):
            raise ValueError(f'sync is "{self.sync}"; it must be "always", "interval" or "never"')
        if self.sync_interval_ms < 1 or self.retry_ms < 1:
            raise ValueError("sync_interval_ms and retry_ms must be at least 1")
        if self.segment_bytes < 1 or self.index_bytes < 1 or self.open_files_max < 1:
            raise ValueError("segment_bytes, index_bytes and open_files_max must be at least 1")
        if not 0 <= self.carry_percent <= 100:
            raise ValueError("carry_percent must be from 0 to 100")
        if self.preallocate_bytes < 0 or self.read_ahead_bytes < 0:
            raise ValueError("preallocate_bytes and read_ahead_bytes must not be negative")
