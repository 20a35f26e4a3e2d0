"""The reader's lane: loads spilled batches and looks for times. Must not change a file or the table.

Its index of a segment is made by walking over the headers when the segment is first needed, and goes with the
file's handle when others are needed more. So start-up does not depend on how much is stored, and memory is
bounded.
"""

import logging
import threading
from array import array
from collections import deque
from typing import Final

from onemq.engine.ports import Found, Loaded
from onemq.model.record_batch import base_offset
from onemq.model.store_statistics import StoreStatistics
from onemq.storage.batch_walk import HEADERS_WINDOW_BYTES, BatchWalk
from onemq.storage.committer import READER
from onemq.storage.completions import Completions
from onemq.storage.errors import SegmentCorrupt
from onemq.storage.files import Files
from onemq.storage.read_ahead import Chunk, ReadAhead
from onemq.storage.segment import Extent, SegmentTable
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import MORE, NOTHING, Lane, Workers

_log = logging.getLogger("onemq.storage")

_WINDOW_BYTES_MAX: Final = 4 * 1024 * 1024
_ANY_SIZE: Final = 1 << 62


class OpenSegment:
    """A segment file held open, and its sparse index: for blocks of the file, where they start and what is in
    them.
    """

    __slots__ = ("end", "handle", "newest_ms", "offsets", "positions", "scanned")

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.positions: array[int] = array("q")
        self.offsets: array[int] = array("q")
        self.newest_ms: array[int] = array("q")
        self.scanned = 0
        self.end = -1

    def extend(self, files: Files, path: str, limit: int, index_bytes: int) -> None:
        """Takes in what was added to the file since."""
        if self.scanned >= limit:
            return
        walk = BatchWalk(files, self.handle, path, self.scanned, limit, HEADERS_WINDOW_BYTES)
        while walk.step():
            at = int(walk.at)
            if not self.positions or at - self.positions[-1] >= index_bytes:
                self.positions.append(at)
                self.offsets.append(int(walk.base))
                self.newest_ms.append(int(walk.newest_ms))
            elif walk.newest_ms > self.newest_ms[-1]:
                self.newest_ms[-1] = int(walk.newest_ms)
            self.scanned = int(walk.at + walk.size)

    def block_of(self, offset: int) -> int:
        """Start of the block to look for `offset` in."""
        low = 0
        high = len(self.offsets)
        while low < high:
            middle = (low + high) // 2
            if self.offsets[middle] <= offset:
                low = middle + 1
            else:
                high = middle
        return self.positions[low - 1] if low else 0


def _up_to(chunk: Chunk, bytes_max: int) -> tuple[list[bytes], int]:
    """The chunk's first batches, one at least, and the offset after them."""
    size = 0
    for index, batch in enumerate(chunk.batches):
        size += len(batch)
        if index and size > bytes_max:
            return chunk.batches[:index], int(base_offset(batch))
    return chunk.batches, chunk.next_offset


class Request:
    """Something to read. `time_ms` is -1 for a load; `forget` is not empty when files are to be let go of."""

    __slots__ = ("bytes_max", "forget", "log_id", "offset", "ticket", "time_ms")

    def __init__(
        self, ticket: int, log_id: int, offset: int, bytes_max: int, time_ms: int, forget: list[int]
    ) -> None:
        self.ticket = ticket
        self.log_id = log_id
        self.offset = offset
        self.bytes_max = bytes_max
        self.time_ms = time_ms
        self.forget = forget


class Reader(Lane):
    """The reader's queue and its lane. Bounded by the engine, which counts its tickets."""

    def __init__(
        self,
        files: Files,
        table: SegmentTable,
        completions: Completions,
        settings: StoreSettings,
        workers: Workers,
        statistics: StoreStatistics,
    ) -> None:
        self.name = "reader"
        self._statistics = statistics
        self._files = files
        self._table = table
        self._completions = completions
        self._workers = workers
        self._index_bytes = settings.index_bytes
        self._open_max = settings.open_files_max
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque()
        self._open: dict[int, OpenSegment] = {}
        self._dead = False
        self._read_end = 0
        self._ahead = ReadAhead(settings.read_ahead_bytes)

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        if not self._answered_from_ahead(ticket, log_id, offset, bytes_max):
            self._submit(Request(ticket, log_id, offset, bytes_max, -1, []))

    def _answered_from_ahead(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> bool:
        """Engine's thread or the lane."""
        chunk = self._ahead.take(log_id, offset)
        if chunk is None or self._dead:
            return False
        extent = self._table.at_offset(log_id, offset)
        if extent is None or extent.serial != chunk.serial or extent.end < chunk.next_offset:
            # Compacted, carried forward, dropped, or cut where the log goes on otherwise after a restart.
            return False
        batches = chunk.batches
        next_offset = chunk.next_offset
        if chunk.bytes > bytes_max:
            batches, next_offset = _up_to(chunk, bytes_max)
        self._completions.add(Loaded(ticket, log_id, batches, next_offset))
        if self._ahead.loaded(log_id, offset, next_offset, bytes_max):
            self._workers.notify(READER)
        return True

    def find_time(self, ticket: int, log_id: int, time_ms: int) -> None:
        self._submit(Request(ticket, log_id, 0, 0, max(0, time_ms), []))

    def forget(self, serials: list[int]) -> None:
        """These files are gone: their space is free only when nobody holds them open."""
        self._submit(Request(0, 0, 0, 0, -1, serials))

    def _submit(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)
        self._workers.notify(READER)

    def turn(self, now_ms: int, closing: bool) -> int:
        with self._lock:
            request = self._requests.popleft() if self._requests else None
        if self._dead:
            return NOTHING
        if request is None:
            return NOTHING if closing else self._read_ahead()
        try:
            if request.forget:
                self._ahead.forget(request.forget)
                for serial in request.forget:
                    self._close(serial)
            elif request.time_ms >= 0:
                self._find(request)
            else:
                self._load(request)
        except (OSError, SegmentCorrupt) as error:
            self._die(str(error))
        return MORE

    def _read_ahead(self) -> int:
        wanted = self._ahead.next()
        if wanted is None:
            return NOTHING
        extent = self._table.at_offset(wanted.log_id, wanted.offset)
        if extent is not None:
            try:
                batches = self._read(extent, wanted.offset, wanted.bytes_max, self._ahead.bytes_max)
            except (OSError, SegmentCorrupt):
                # Whoever asks for it finds out what is wrong, if anything is: the file may have been replaced.
                self._close(extent.serial)
                return MORE
            if batches:
                self._count(batches)
                self._ahead.put(Chunk(wanted.log_id, wanted.offset, extent.serial, batches, self._read_end))
        return MORE

    def _count(self, batches: list[bytes]) -> None:
        for batch in batches:
            self._statistics.loaded_bytes += len(batch)

    def _load(self, request: Request) -> None:
        if self._answered_from_ahead(request.ticket, request.log_id, request.offset, request.bytes_max):
            return
        batches: list[bytes] = []
        offset = request.offset
        room = request.bytes_max
        while not batches or room > 0:
            extent = self._table.at_offset(request.log_id, offset)
            if extent is None:
                offset = max(offset, self._table.end(request.log_id))
                break
            try:
                found = self._read(extent, offset, room, room if batches else _ANY_SIZE)
            except (OSError, SegmentCorrupt):
                if self._table.holds(request.log_id, extent.serial, extent.bytes):
                    raise
                # The writer's lane replaced the file meanwhile.
                self._close(extent.serial)
                continue
            if not found:
                if not batches:
                    raise SegmentCorrupt(
                        extent.path, extent.bytes, f"no batch up to offset {extent.end} in it"
                    )
                break
            for batch in found:
                room -= len(batch)
            batches.extend(found)
            offset = self._read_end
        self._count(batches)
        self._completions.add(Loaded(request.ticket, request.log_id, batches, offset))
        if batches:
            # The lane goes on with it by itself.
            self._ahead.loaded(request.log_id, request.offset, offset, request.bytes_max)

    def _read(self, extent: Extent, offset: int, room: int, first_max: int) -> list[bytes]:
        """Batches of one segment from `offset` on, the first of at most `first_max` bytes, whether or not it has room. Sets
        `_read_end` to the offset after them.
        """
        opened = self._opened(extent)
        start = opened.block_of(offset)
        window = min(_WINDOW_BYTES_MAX, room + 2 * self._index_bytes)
        walk = BatchWalk(self._files, opened.handle, extent.path, start, extent.bytes, window)
        found: list[bytes] = []
        while walk.step():
            if walk.end <= offset:
                continue
            if walk.size > room and (found or walk.size > first_max):
                break
            found.append(walk.batch())
            room -= int(walk.size)
            self._read_end = int(walk.end)
        return found

    def _find(self, request: Request) -> None:
        offset = 0
        while True:
            extent = self._table.at_offset(request.log_id, offset)
            if extent is None:
                self._completions.add(Found(request.ticket, request.log_id, -1))
                return
            found = -1
            if extent.newest_ms >= request.time_ms:
                try:
                    found = self._find_in(extent, request.time_ms)
                except (OSError, SegmentCorrupt):
                    if self._table.holds(request.log_id, extent.serial, extent.bytes):
                        raise
                    self._close(extent.serial)
                    continue
            if found >= 0:
                self._completions.add(Found(request.ticket, request.log_id, found))
                return
            offset = extent.end

    def _find_in(self, extent: Extent, time_ms: int) -> int:
        opened = self._opened(extent)
        for index in range(len(opened.positions)):
            if opened.newest_ms[index] >= time_ms and opened.positions[index] < extent.bytes:
                walk = BatchWalk(
                    self._files,
                    opened.handle,
                    extent.path,
                    opened.positions[index],
                    extent.bytes,
                    HEADERS_WINDOW_BYTES,
                )
                while walk.step():
                    if walk.newest_ms >= time_ms:
                        return int(walk.base)
        return -1

    def _opened(self, extent: Extent) -> OpenSegment:
        opened = self._open.pop(extent.serial, None)
        if opened is None:
            while len(self._open) >= self._open_max:
                self._close(next(iter(self._open)))
            opened = OpenSegment(self._files.open_to_read(extent.path))
        self._open[extent.serial] = opened
        opened.extend(self._files, extent.path, extent.bytes, self._index_bytes)
        return opened

    def _close(self, serial: int) -> None:
        opened = self._open.pop(serial, None)
        if opened is not None:
            self._files.close(opened.handle)

    def close(self) -> None:
        for serial in list(self._open):
            self._close(serial)

    def broke(self, error: Exception) -> None:
        _log.error("the store's reader broke", exc_info=error)
        self._die(f"the store's reader broke: {type(error).__name__}: {error}")

    def _die(self, detail: str) -> None:
        _log.critical(
            "%s; nothing can be promised any more: the process ends, what was confirmed is safe; look at the disk, then start it again",
            detail,
            extra={"fields": {"reason": "store_broken"}},
        )
        self._dead = True
        self._completions.fail(detail)
