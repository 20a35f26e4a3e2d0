"""The table of segments: which files hold which offsets of which log. In memory; a few words per file.

Shared by the writer's lane (which alone changes it), the reader's, and the engine's thread (sizes). Holds no
file open. A segment file is record batches in Kafka's format, one after the other: docs/formats/segment.md.
"""

import threading
from typing import Final

from onemq.storage.errors import StoreMisuse
from onemq.storage.format import LogNote, Manifest, SegmentNote, segment_name


class Segment:
    """One segment file.

    Attributes:
        base: first offset it may hold; never changes, being part of the file's name.
        end: offset after the last one it holds.
        bytes: how much of the file counts.
        records: how many records those hold.
        newest_ms: a timestamp that none of its records exceeds.
        covered: how many bytes of the file the newest snapshot relies on; they must stay as they are, unless
            the whole file is emptied because nothing in it lives any more.
        sealed: nothing is added to it.
    """

    __slots__ = ("base", "bytes", "covered", "end", "newest_ms", "path", "records", "sealed", "serial")

    def __init__(self, path: str, serial: int, base: int) -> None:
        self.path = path
        self.serial = serial
        self.base = base
        self.end = base
        self.bytes = 0
        self.records = 0
        self.newest_ms = -1
        self.covered = 0
        self.sealed = False


class Extent:
    """What the reader needs to know about a segment, as it was when it asked."""

    __slots__ = ("base", "bytes", "end", "newest_ms", "path", "serial")

    def __init__(self, segment: Segment) -> None:
        self.path = segment.path
        self.serial = segment.serial
        self.base = segment.base
        self.end = segment.end
        self.bytes = segment.bytes
        self.newest_ms = segment.newest_ms


class LogSegments:
    """The segments of one log, in order of offset.

    `end`: offset after the last one ever spilled. `recovered_end`: what `end` was when the store was opened;
    -1 when nothing below it may be spilled again.
    """

    __slots__ = ("bytes", "directory", "end", "recovered_end", "segments")

    def __init__(self, directory: str, end: int) -> None:
        self.directory = directory
        self.end = end
        self.recovered_end = end
        self.segments: list[Segment] = []
        self.bytes = 0


_NOT_THERE: Final = -1


class SegmentTable:
    """All logs' segments. Every method takes the lock."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._logs: dict[int, LogSegments] = {}
        self._serial = 0

    def log_directory(self, log_id: int) -> str:
        return f"{self.directory}/{log_id}"

    # Start-up.

    def adopt(self, manifest: Manifest) -> None:
        with self._lock:
            self._serial = manifest.serial
            for note in manifest.logs:
                log = LogSegments(self.log_directory(note.log_id), note.end)
                self._logs[note.log_id] = log
                for item in note.segments:
                    path = f"{log.directory}/{segment_name(item.base, item.serial)}"
                    segment = Segment(path, item.serial, item.base)
                    segment.end = item.end
                    segment.bytes = item.bytes
                    segment.records = item.records
                    segment.newest_ms = item.newest_ms
                    segment.covered = item.bytes
                    segment.sealed = True
                    log.segments.append(segment)
                    log.bytes += item.bytes
                if log.segments:
                    log.segments[-1].sealed = False

    # Any thread.

    def log_ids(self) -> list[int]:
        with self._lock:
            return list(self._logs)

    def log_bytes(self, log_id: int) -> int:
        with self._lock:
            log = self._logs.get(log_id)
            return 0 if log is None else log.bytes

    def total_bytes(self) -> int:
        """Of all logs' segments."""
        with self._lock:
            size = 0
            for log in self._logs.values():
                size += log.bytes
            return size

    def end(self, log_id: int) -> int:
        """Offset after the last one ever spilled; -1 for a log that has none."""
        with self._lock:
            log = self._logs.get(log_id)
            return _NOT_THERE if log is None else log.end

    def at_offset(self, log_id: int, offset: int) -> Extent | None:
        """The segment that holds `offset`, or the next one after it."""
        with self._lock:
            log = self._logs.get(log_id)
            if log is None:
                return None
            low = 0
            high = len(log.segments)
            while low < high:
                middle = (low + high) // 2
                if log.segments[middle].end <= offset:
                    low = middle + 1
                else:
                    high = middle
            return Extent(log.segments[low]) if low < len(log.segments) else None

    def holds(self, log_id: int, serial: int, size: int) -> bool:
        """Whether the segment is still in the table, with at least `size` bytes that count."""
        with self._lock:
            log = self._logs.get(log_id)
            if log is None:
                return False
            for segment in log.segments:
                if segment.serial == serial:
                    return segment.bytes >= size
            return False

    # The writer's lane.

    def segments(self, log_id: int) -> list[Segment]:
        with self._lock:
            log = self._logs.get(log_id)
            return [] if log is None else list(log.segments)

    def log(self, log_id: int) -> LogSegments:
        """The log, made if it was not there."""
        with self._lock:
            log = self._logs.get(log_id)
            if log is None:
                log = LogSegments(self.log_directory(log_id), 0)
                self._logs[log_id] = log
            return log

    def new_segment(self, log: LogSegments, base: int) -> Segment:
        """A segment with a name of its own, not yet in the table."""
        with self._lock:
            self._serial += 1
            serial = self._serial
        return Segment(f"{log.directory}/{segment_name(base, serial)}", serial, base)

    def grow(
        self, log: LogSegments, segment: Segment, size: int, records: int, end: int, newest_ms: int
    ) -> None:
        """Bytes were added to the log's last segment, or to a new one, which becomes the last."""
        with self._lock:
            if not log.segments or log.segments[-1] is not segment:
                if log.segments:
                    log.segments[-1].sealed = True
                log.segments.append(segment)
            segment.bytes += size
            segment.records += records
            segment.end = end
            segment.newest_ms = max(segment.newest_ms, newest_ms)
            log.bytes += size
            log.end = max(log.end, end)

    def cut(self, log: LogSegments, segment: Segment, size: int, records: int, end: int) -> None:
        """Only the first `size` bytes of the segment count from now on."""
        with self._lock:
            log.bytes -= segment.bytes - size
            segment.bytes = size
            segment.records = records
            segment.end = end
            segment.sealed = True

    def set_end(self, log: LogSegments, end: int) -> None:
        """The log goes on from `end`, which is less than before. Happens once after start-up."""
        with self._lock:
            log.end = end
            log.recovered_end = _NOT_THERE

    def replace(self, log: LogSegments, old: list[Segment], new: Segment | None) -> None:
        """Neighbours `old` are in the table no more; `new` takes their place."""
        with self._lock:
            first = log.segments.index(old[0])
            if log.segments[first : first + len(old)] != old:
                raise StoreMisuse("only neighbouring segments can be replaced")
            log.segments[first : first + len(old)] = [] if new is None else [new]
            for segment in old:
                log.bytes -= segment.bytes
            if new is not None:
                log.bytes += new.bytes

    def insert(self, log: LogSegments, segment: Segment) -> None:
        """A file already filled takes its place in the order of offsets."""
        with self._lock:
            index = 0
            while index < len(log.segments) and log.segments[index].base < segment.base:
                index += 1
            log.segments.insert(index, segment)
            log.bytes += segment.bytes

    def remove_log(self, log_id: int) -> LogSegments | None:
        with self._lock:
            return self._logs.pop(log_id, None)

    def manifest(self) -> Manifest:
        with self._lock:
            logs: list[LogNote] = []
            for log_id, log in self._logs.items():
                notes: list[SegmentNote] = []
                for segment in log.segments:
                    notes.append(
                        SegmentNote(
                            segment.serial,
                            segment.base,
                            segment.end,
                            segment.bytes,
                            segment.records,
                            segment.newest_ms,
                        )
                    )
                logs.append(LogNote(log_id, log.end, notes))
            return Manifest(self._serial, logs)

    def mark_covered(self) -> None:
        """A snapshot that lists all segments as they are has become durable."""
        with self._lock:
            for log in self._logs.values():
                for segment in log.segments:
                    segment.covered = segment.bytes
