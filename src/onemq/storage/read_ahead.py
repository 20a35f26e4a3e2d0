"""What the reader has read before it was asked: the next piece of a log that somebody reads from front to back.

Decides when that is likely to be wanted, and what is kept of it. Must not read files. Any thread; every method takes
the lock.
"""

import threading
from typing import Final

_READERS_MAX: Final = 256
"""For so many readers that are under way it is remembered where a load ended, and a piece kept that waits."""


class Chunk:
    """Batches of one segment, from `offset` on; `next_offset` follows the last one's."""

    __slots__ = ("batches", "bytes", "log_id", "next_offset", "offset", "serial")

    def __init__(self, log_id: int, offset: int, serial: int, batches: list[bytes], next_offset: int) -> None:
        self.log_id = log_id
        self.offset = offset
        self.serial = serial
        self.batches = batches
        self.next_offset = next_offset
        self.bytes = 0
        for batch in batches:
            self.bytes += len(batch)


class Wanted:
    """A piece to read ahead."""

    __slots__ = ("bytes_max", "log_id", "offset")

    def __init__(self, log_id: int, offset: int, bytes_max: int) -> None:
        self.log_id = log_id
        self.offset = offset
        self.bytes_max = bytes_max


class ReadAhead:
    """Keeps `bytes_max` at most, the newest of it; with 0 it wants and keeps nothing."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._lock = threading.Lock()
        self._ends: dict[tuple[int, int], None] = {}
        self._wanted: dict[tuple[int, int], Wanted] = {}
        self._chunks: dict[tuple[int, int], Chunk] = {}
        self._bytes = 0

    def loaded(self, log_id: int, offset: int, next_offset: int, bytes_max: int) -> bool:
        """A load of `bytes_max` from `offset` on ended at `next_offset`. True: what follows is wanted now."""
        # Two of them must have room: one that waits, and one that is read.
        if next_offset <= offset or bytes_max * 2 > self.bytes_max:
            return False
        key = (log_id, next_offset)
        with self._lock:
            goes_on = (log_id, offset) in self._ends
            self._ends.pop((log_id, offset), None)
            self._ends[key] = None
            if len(self._ends) > _READERS_MAX:
                del self._ends[next(iter(self._ends))]
            if not goes_on or key in self._chunks:
                return False
            self._wanted[key] = Wanted(log_id, next_offset, bytes_max)
            if len(self._wanted) > _READERS_MAX:
                del self._wanted[next(iter(self._wanted))]
            return True

    def next(self) -> Wanted | None:
        """What to read now, the latest wish first: the others' loads may have come meanwhile."""
        with self._lock:
            return self._wanted.popitem()[1] if self._wanted else None

    def put(self, chunk: Chunk) -> None:
        with self._lock:
            self._remove(chunk.log_id, chunk.offset)
            while self._chunks and (
                self._bytes + chunk.bytes > self.bytes_max or len(self._chunks) >= _READERS_MAX
            ):
                self._remove(*next(iter(self._chunks)))
            if self._bytes + chunk.bytes <= self.bytes_max:
                self._chunks[chunk.log_id, chunk.offset] = chunk
                self._bytes += chunk.bytes

    def take(self, log_id: int, offset: int) -> Chunk | None:
        """What is there from `offset` on; it is not kept any longer, nor wanted."""
        with self._lock:
            self._wanted.pop((log_id, offset), None)
            return self._remove(log_id, offset)

    def forget(self, serials: list[int]) -> None:
        """These segments are gone."""
        with self._lock:
            for chunk in [chunk for chunk in self._chunks.values() if chunk.serial in serials]:
                self._remove(chunk.log_id, chunk.offset)

    def _remove(self, log_id: int, offset: int) -> Chunk | None:
        chunk = self._chunks.pop((log_id, offset), None)
        if chunk is not None:
            self._bytes -= chunk.bytes
        return chunk
