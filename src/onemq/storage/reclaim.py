"""Gives back the space of records that nobody needs any more: removes dead segments, rewrites mostly dead
ones.

Used by the writer's lane only, and only when everything appended before the engine's call is durable: a crash
replays the settlements, so what was dead stays dead. Records keep their offsets; segments keep their order.
"""

import logging
from typing import Final

from onemq.model.record_batch import base_offset, end_offset, max_timestamp_ms, record_count
from onemq.model.record_walk import keep_live
from onemq.storage.batch_walk import BatchWalk
from onemq.storage.committer import is_full
from onemq.storage.files import Files
from onemq.storage.segment import LogSegments, Segment, SegmentTable
from onemq.storage.segment_writer import SegmentWriter
from onemq.storage.settings import StoreSettings

_log = logging.getLogger("onemq.storage")

_PIECE_BYTES: Final = 256 * 1024
"""After so much rewriting the other threads get their turn."""
_SMALL_PART: Final = 16
"""A segment of less than this part of `segment_bytes` may be merged with its neighbours."""
_SMALL_RUN: Final = 4
"""So many small neighbours are merged without any other reason: else rewriting would leave ever more tiny
files.
"""


class LiveRanges:
    """Flat [start, end) pairs, looked at from low offsets to high."""

    __slots__ = ("_index", "_pairs")

    def __init__(self, pairs: list[int]) -> None:
        self._pairs = pairs
        self._index = 0

    def within(self, start: int, end: int) -> list[int]:
        """The pairs that touch [start, end), clipped. `start` must not descend from call to call."""
        pairs = self._pairs
        index = self._index
        while index < len(pairs) and pairs[index + 1] <= start:
            index += 2
        self._index = index
        found: list[int] = []
        while index < len(pairs) and pairs[index] < end:
            found.append(max(start, pairs[index]))
            found.append(min(end, pairs[index + 1]))
            index += 2
        return found


def covered_offsets(pairs: list[int]) -> int:
    total = 0
    for index in range(0, len(pairs), 2):
        total += pairs[index + 1] - pairs[index]
    return total


class Reclaimer:
    """Decides about the segments of one log at a time."""

    def __init__(
        self, files: Files, table: SegmentTable, writer: SegmentWriter, settings: StoreSettings
    ) -> None:
        self._files = files
        self._table = table
        self._writer = writer
        self._segment_bytes = settings.segment_bytes
        self._carry_percent = settings.carry_percent

    def reclaim(self, log_id: int, pairs: list[int], exact: bool = False) -> None:
        """Only offsets in `pairs` are needed from now on. Raises OSError, SegmentCorrupt."""
        if log_id not in self._table.log_ids():
            return
        log = self._table.log(log_id)
        ranges = LiveRanges(pairs)
        run: list[Segment] = []
        run_bytes = 0
        run_is_worth = False
        for segment in self._table.segments(log_id):
            live = covered_offsets(ranges.within(segment.base, segment.end))
            if not live:
                self._table.replace(log, [segment], None)
                self._writer.destroy(segment)
                continue
            live_percent = 100 * live // max(1, segment.records)
            mostly_dead = live_percent < self._carry_percent or (exact and live < segment.end - segment.base)
            small = segment.bytes * _SMALL_PART < self._segment_bytes
            estimate = segment.bytes * min(100, live_percent + 1) // 100
            fits = (segment.sealed or exact) and (mostly_dead or small)
            if run and (not fits or run_bytes + estimate > self._segment_bytes):
                self._rewrite(log, run, pairs, run_is_worth)
                run = []
                run_bytes = 0
                run_is_worth = False
            if fits:
                run.append(segment)
                run_bytes += estimate
                run_is_worth = run_is_worth or mostly_dead
        if run:
            self._rewrite(log, run, pairs, run_is_worth)

    def drop(self, log_id: int) -> None:
        """The whole log goes."""
        log = self._table.remove_log(log_id)
        if log is None:
            return
        for segment in log.segments:
            self._writer.destroy(segment)
        self._writer.retired_directories.append(log.directory)

    def _rewrite(self, log: LogSegments, run: list[Segment], pairs: list[int], is_worth: bool) -> None:
        """Carries what lives in neighbouring segments forward into one new file."""
        if not is_worth and len(run) < _SMALL_RUN:
            return
        try:
            new = self._carry(log, run, LiveRanges(pairs))
        except OSError as error:
            if not is_full(error):
                raise
            _log.warning(
                "no space to rewrite segments of %s, left as they are (they hold mostly what was settled): %s; make space",
                log.directory,
                error,
                extra={"fields": {"reason": "no_space"}},
            )
            return
        self._table.replace(log, run, new)
        for segment in run:
            self._writer.retire(segment)

    def _carry(self, log: LogSegments, run: list[Segment], ranges: LiveRanges) -> Segment | None:
        new: Segment | None = None
        parts: list[bytes] = []
        size = 0
        for segment in run:
            handle = self._files.open_to_read(segment.path)
            try:
                walk = BatchWalk(self._files, handle, segment.path, 0, segment.bytes, _PIECE_BYTES)
                while walk.step():
                    live = ranges.within(int(walk.base), int(walk.end))
                    if not live:
                        continue
                    batch = walk.batch()
                    if covered_offsets(live) < walk.end - walk.base:
                        batch = keep_live(batch, live)
                    if batch:
                        parts.append(batch)
                        size += len(batch)
                    if size > _PIECE_BYTES:
                        new = self._add(log, new, parts)
                        parts = []
                        size = 0
                        self._files.give_way()
            finally:
                self._files.close(handle)
        return self._add(log, new, parts) if parts else new

    def _add(self, log: LogSegments, new: Segment | None, parts: list[bytes]) -> Segment:
        if new is None:
            new = self._writer.new_file(log, int(base_offset(parts[0])))
            new.sealed = True
        size = 0
        try:
            self._writer.write(new, new.bytes, parts)
        except OSError:
            if new.bytes:
                self._writer.discard(new)
            raise
        for batch in parts:
            size += len(batch)
            new.records += int(record_count(batch))
            new.newest_ms = max(new.newest_ms, int(max_timestamp_ms(batch)))
        new.bytes += size
        new.end = int(end_offset(parts[-1]))
        return new
