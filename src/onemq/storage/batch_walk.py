"""Walks over the record batches of one segment file, header by header, and hands out whole ones on demand.

Must not decode records. Raises SegmentCorrupt where the bytes cannot be batches in order of offset.
"""

from typing import Final

from mypy_extensions import i64

from onemq.model.record_batch import (
    HEADER_BYTES,
    CorruptBatch,
    base_offset,
    batch_bytes,
    check_batch,
    end_offset,
    max_timestamp_ms,
    record_count,
)
from onemq.storage.errors import SegmentCorrupt
from onemq.storage.files import Files

HEADERS_WINDOW_BYTES: Final = 64 * 1024
"""Read at once by a walk that only wants headers: small, since it may jump over large batches."""
_LARGE_BYTES: Final = 64 * 1024
"""A larger batch is read by itself, not cut out of a window: it would be copied once more."""
_FIRST_BYTES: Final = 4096
"""Read where a large batch is to be expected, or where nothing is known, to see how long it is."""


class BatchWalk:
    """A place in a segment file. After `step` returned True, the attributes describe the batch it stands on.

    Attributes:
        at, size: where it is in the file, and how long, in bytes.
        base, end: its first offset, and the one after its last.
        records, newest_ms: how many records, and the latest timestamp among them.
    """

    __slots__ = (
        "_ahead_bytes",
        "_data",
        "_data_at",
        "_files",
        "_handle",
        "_limit",
        "_path",
        "_window_bytes",
        "at",
        "base",
        "end",
        "newest_ms",
        "records",
        "size",
    )

    def __init__(self, files: Files, handle: int, path: str, at: int, limit: int, window_bytes: int) -> None:
        """`limit`: how many bytes of the file count. `window_bytes`: how much to read at once."""
        self._files = files
        self._handle = handle
        self._path = path
        self._limit: i64 = limit
        self._window_bytes: i64 = max(window_bytes, HEADER_BYTES)
        self._ahead_bytes: i64 = min(self._window_bytes, _FIRST_BYTES)
        self._data = b""
        self._data_at: i64 = 0
        self.at: i64 = at
        self.size: i64 = 0
        self.base: i64 = 0
        self.end: i64 = -1
        self.records: i64 = 0
        self.newest_ms: i64 = -1

    def step(self) -> bool:
        """Goes to the next batch (at first: to the one at `at`). False at the end."""
        at: i64 = self.at + self.size
        if at >= self._limit:
            return False
        if self._limit - at < 61:
            raise SegmentCorrupt(self._path, int(at), "too few bytes left for a batch header")
        start = self._need(at, 61, self._ahead_bytes)
        data = self._data
        size = batch_bytes(data, start)
        base = base_offset(data, start)
        end = end_offset(data, start)
        if size < 61 or size > self._limit - at or data[start + 16] != 2 or base < self.end or end <= base:
            raise SegmentCorrupt(
                self._path, int(at), "no record batch starts there, or not the one that belongs there"
            )
        self.at = at
        self.size = size
        self._ahead_bytes = self._window_bytes
        if size > _LARGE_BYTES:
            self._ahead_bytes = min(self._window_bytes, _FIRST_BYTES)
        self.base = base
        self.end = end
        self.records = record_count(data, start)
        self.newest_ms = max_timestamp_ms(data, start)
        return True

    def batch(self) -> bytes:
        """The whole batch it stands on, its checksum checked."""
        start = self._need(self.at, self.size, 0 if self.size > _LARGE_BYTES else self._window_bytes)
        batch = self._data
        if len(batch) != self.size:
            batch = batch[start : start + self.size]
        try:
            check_batch(batch, 0)
        except CorruptBatch as error:
            raise SegmentCorrupt(self._path, int(self.at), str(error)) from None
        return batch

    def _need(self, at: i64, size: i64, window_bytes: i64) -> i64:
        """Makes bytes of the file available, of `window_bytes` what there is of them; returns where they are in `_data`."""
        if at < self._data_at or at + size > self._data_at + len(self._data):
            length: i64 = max(size, window_bytes)
            self._data = self._files.read(self._handle, int(at), int(min(length, self._limit - at)))
            self._data_at = at
            if len(self._data) < size:
                raise SegmentCorrupt(self._path, int(at + len(self._data)), "the file ends too early")
        return at - self._data_at
