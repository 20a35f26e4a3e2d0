"""Adds record batches to segment files, removes files, and knows what has yet to be synced.

Used by the writer's lane only. What becomes durable, and when, is checkpoint.py's business; what may go,
reclaim.py's.
"""

from mypy_extensions import i64

from onemq.model.record_batch import base_offset, check_batch, end_offset, max_timestamp_ms, record_count
from onemq.model.record_walk import keep_live
from onemq.model.store_statistics import StoreStatistics
from onemq.storage.batch_walk import HEADERS_WINDOW_BYTES, BatchWalk
from onemq.storage.errors import StoreMisuse, SyncFailed
from onemq.storage.files import Files
from onemq.storage.segment import LogSegments, Segment, SegmentTable
from onemq.storage.settings import StoreSettings


class SegmentWriter:
    """Open segment files (a bounded number), and what the next checkpoint has to sync and to remove.

    Attributes:
        retired: files that the newest snapshot lists but the table does not: to be removed after the next
            checkpoint.
        retired_directories: directories of dropped logs, likewise.
        gone: serials of files removed or emptied since the reader was last told.
    """

    def __init__(
        self, files: Files, table: SegmentTable, settings: StoreSettings, statistics: StoreStatistics
    ) -> None:
        self._statistics = statistics
        self._files = files
        self._table = table
        self._segment_bytes = settings.segment_bytes
        self._open_max = settings.open_files_max
        self._handles: dict[int, int] = {}
        self._unsynced: dict[int, tuple[str, int]] = {}
        """By serial: the file, and from which byte on."""
        self._unsynced_directories: set[str] = set()
        self.retired: list[str] = []
        self.retired_directories: list[str] = []
        self.gone: list[int] = []

    def add(self, log_id: int, batches: list[bytes], start: int) -> int:
        """Writes batches from index `start` on, at most one file's worth; returns how many. After an OSError,
        none.
        """
        log = self._table.log(log_id)
        base = int(base_offset(batches[start]))
        if base < log.end:
            self._supersede(log, base)
        size = 0
        segment: Segment | None = None
        if log.segments and not log.segments[-1].sealed:
            last = log.segments[-1]
            if last.bytes + len(batches[start]) <= self._segment_bytes:
                segment = last
                size = last.bytes
        before: i64 = log.end
        newest_ms: i64 = -1
        records: i64 = 0
        parts: list[bytes] = []
        for index in range(start, len(batches)):
            batch = batches[index]
            if parts and size + len(batch) > self._segment_bytes:
                break
            check_batch(batch)
            if base_offset(batch) < before:
                raise StoreMisuse(
                    f"log {log_id}: batch at offset {base_offset(batch)} spilled after {before - 1}"
                )
            before = end_offset(batch)
            newest_ms = max(newest_ms, max_timestamp_ms(batch))
            records += record_count(batch)
            size += len(batch)
            parts.append(batch)
        if segment is None:
            if log.segments:
                self._begin_to_sync(log.segments[-1])
            segment = self.new_file(log, base)
        self.write(segment, segment.bytes, parts)
        self._table.grow(log, segment, size - segment.bytes, int(records), int(before), int(newest_ms))
        return len(parts)

    def _supersede(self, log: LogSegments, base: int) -> None:
        """Takes back what the log holds from offset `base` on.

        After a crash the engine may spill again what a checkpoint had covered although its facts were
        replayed. The
        files stay as they are until the next checkpoint: a crash before it still needs them.
        """
        if log.end != log.recovered_end:
            raise StoreMisuse(f"{log.directory}: batch at offset {base} spilled after {log.end - 1}")
        doomed: list[Segment] = []
        for segment in log.segments:
            if segment.end > base:
                doomed.append(segment)
        if doomed and doomed[0].base < base:
            self._cut(log, doomed.pop(0), base)
        for segment in doomed:
            self._table.replace(log, [segment], None)
            self.retire(segment)
        self._table.set_end(log, base)

    def _cut(self, log: LogSegments, segment: Segment, base: int) -> None:
        """Shortens `segment` to what lies before `base`; half of a batch becomes a new file."""
        walk = BatchWalk(
            self._files, self._handle(segment), segment.path, 0, segment.bytes, HEADERS_WINDOW_BYTES
        )
        records = 0
        end = segment.base
        kept = b""
        while walk.step():
            if walk.end > base:
                if walk.base < base:
                    kept = self._first_half(walk, base)
                break
            records += int(walk.records)
            end = int(walk.end)
        size = int(walk.at) if walk.end > base else segment.bytes
        half: Segment | None = None
        if kept:
            half = self.new_file(log, int(base_offset(kept)))
            self.write(half, 0, [kept])
        if size == 0:
            self._table.replace(log, [segment], None)
            self.retire(segment)
        else:
            self._table.cut(log, segment, size, records, end)
        # What follows `segment` is still in the table; the half must come before it.
        if half is not None:
            half.bytes = len(kept)
            half.records = int(record_count(kept))
            half.end = int(end_offset(kept))
            half.newest_ms = int(max_timestamp_ms(kept))
            half.sealed = True
            self._table.insert(log, half)

    def _first_half(self, walk: BatchWalk, base: int) -> bytes:
        return keep_live(walk.batch(), [int(walk.base), base], True)

    # Files.

    def new_file(self, log: LogSegments, base: int) -> Segment:
        """A new, empty segment file; not yet in the table."""
        if self._files.make_directory(log.directory):
            self._unsynced_directories.add(self._table.directory)
        segment = self._table.new_segment(log, base)
        self._keep_open(segment.serial, self._files.open(segment.path, True))
        self._unsynced_directories.add(log.directory)
        return segment

    def write(self, segment: Segment, at: int, parts: list[bytes]) -> None:
        """Writes to the file; after an OSError it is as long as before, or gone if it was empty."""
        handle = self._handle(segment)
        try:
            self._files.write(handle, at, parts)
        except OSError:
            if at == 0:
                self.discard(segment)
            else:
                self._files.truncate(handle, at)
            raise
        for part in parts:
            self._statistics.spilled_bytes += len(part)
        if segment.serial not in self._unsynced:
            self._unsynced[segment.serial] = (segment.path, at)

    def _handle(self, segment: Segment) -> int:
        handle = self._handles.pop(segment.serial, -1)
        if handle < 0:
            handle = self._files.open(segment.path, False)
        self._keep_open(segment.serial, handle)
        return handle

    def _keep_open(self, serial: int, handle: int) -> None:
        while len(self._handles) >= self._open_max:
            self._files.close(self._handles.pop(next(iter(self._handles))))
        self._handles[serial] = handle

    def forget(self, segment: Segment) -> None:
        """Closes the file; it needs no sync any more."""
        handle = self._handles.pop(segment.serial, -1)
        if handle >= 0:
            self._files.close(handle)
        self._unsynced.pop(segment.serial, None)
        self.gone.append(segment.serial)

    def discard(self, segment: Segment) -> None:
        """Removes a file that no snapshot lists."""
        self.forget(segment)
        self._files.remove(segment.path)

    def retire(self, segment: Segment) -> None:
        """The table does not list it any more; what it holds may still be needed after a crash."""
        if segment.covered:
            self.forget(segment)
            self.retired.append(segment.path)
        else:
            self.discard(segment)

    def destroy(self, segment: Segment) -> None:
        """Nothing in it is needed, now or after a crash: gives its space back at once.

        A file that the newest snapshot lists is emptied, not removed, so that recovery can tell it from a
        lost one.
        """
        if segment.covered:
            self._files.truncate(self._handle(segment), 0)
            self.forget(segment)
            self.retired.append(segment.path)
        else:
            self.discard(segment)

    def _begin_to_sync(self, segment: Segment) -> None:
        """Nothing is added to the file any more: it need not wait for the next checkpoint, whose sync holds up spills while the
        engine keeps in memory what comes. (Not if there are more logs than open files: then each is little.)
        """
        handle = self._handles.get(segment.serial, -1)
        unsynced = self._unsynced.get(segment.serial)
        if handle >= 0 and unsynced is not None:
            self._files.begin_to_sync(handle, unsynced[1])

    def sync(self) -> None:
        """Everything written so far, and the names of the files. Raises SyncFailed."""
        for serial, (path, _) in list(self._unsynced.items()):
            handle = self._handles.get(serial, -1)
            opened = handle < 0
            if opened:
                handle = self._files.open(path, False)
            try:
                self._files.sync(handle)
            except OSError as error:
                raise SyncFailed(path, error) from None
            finally:
                if opened:
                    self._files.close(handle)
        self._unsynced.clear()
        for path in sorted(self._unsynced_directories):
            try:
                self._files.sync_directory(path)
            except OSError as error:
                raise SyncFailed(path, error) from None
        self._unsynced_directories.clear()

    def close(self) -> None:
        for handle in self._handles.values():
            self._files.close(handle)
        self._handles.clear()
