"""Writes snapshots: makes the segments durable, then the state, then forgets what both make superfluous.

Used by the writer's lane. A crash between any two steps leaves either the old snapshot with everything it
needs or the new one with everything it needs. Format: docs/formats/snapshot.md.
"""

import errno
import logging
from typing import Final

import google_crc32c

from onemq.storage.errors import SyncFailed
from onemq.storage.files import Files
from onemq.storage.format import (
    SNAPSHOT_PREFIX,
    TEMPORARY_SUFFIX,
    encode_manifest,
    numbered,
    snapshot_header,
    snapshot_name,
)
from onemq.storage.journal import Journal
from onemq.storage.segment import SegmentTable
from onemq.storage.segment_writer import SegmentWriter

_log = logging.getLogger("onemq.storage")

_PIECE_BYTES: Final = 1024 * 1024


class Checkpointer:
    """Takes the checkpoints of one store."""

    def __init__(
        self, files: Files, directory: str, table: SegmentTable, writer: SegmentWriter, journal: Journal
    ) -> None:
        self._files = files
        self._directory = directory
        self._table = table
        self._writer = writer
        self._journal = journal

    def checkpoint(self, position: int, state: bytes) -> None:
        """Everything appended before the engine's call must be synced. Raises OSError, SyncFailed; may be
        called again.
        """
        self._writer.sync()
        manifest = encode_manifest(self._table.manifest())
        name = snapshot_name(position)
        self._write(name, position, manifest, state)
        self._table.mark_covered()
        # From here on the new snapshot counts, whatever happens.
        self._journal.remove_through(position)
        for other in self._files.list(self._directory):
            number = numbered(other, SNAPSHOT_PREFIX, "")
            if number >= 0 and number != position:
                self._files.remove(f"{self._directory}/{other}")
        self._remove_retired()
        _log.info("checkpoint at position %d: %d bytes of state", position, len(state))

    def _write(self, name: str, position: int, manifest: bytes, state: bytes) -> None:
        path = f"{self._directory}/{name}"
        temporary = path + TEMPORARY_SUFFIX
        self.remove_if_there(temporary)
        handle = self._files.open(temporary, True)
        try:
            head = snapshot_header(position, len(manifest), len(state)) + manifest
            self._files.write(handle, 0, [head])
            crc: int = google_crc32c.value(head)
            at = len(head)
            # In pieces: checksumming hundreds of megabytes at once would hold up the engine's thread.
            for start in range(0, len(state), _PIECE_BYTES):
                piece = state[start : start + _PIECE_BYTES]
                crc = google_crc32c.extend(crc, piece)
                self._files.write(handle, at, [piece])
                at += len(piece)
            self._files.write(handle, at, [crc.to_bytes(4, "big")])
            self._sync(handle, temporary)
        except OSError:
            # No space, most likely: what was written only takes more of it.
            self._files.remove(temporary)
            raise
        finally:
            self._files.close(handle)
        self._files.rename(temporary, path)
        try:
            self._files.sync_directory(self._directory)
        except OSError as error:
            raise SyncFailed(self._directory, error) from None

    def _sync(self, handle: int, path: str) -> None:
        try:
            self._files.sync(handle)
        except OSError as error:
            raise SyncFailed(path, error) from None

    def remove_if_there(self, path: str) -> None:
        try:
            self._files.remove(path)
        except FileNotFoundError:
            return

    def _remove_retired(self) -> None:
        for path in self._writer.retired:
            self._files.remove(path)
        self._writer.retired.clear()
        for path in self._writer.retired_directories:
            try:
                self._files.remove_directory(path)
            except OSError as error:
                # A log of the same number may have been made again.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise
        self._writer.retired_directories.clear()
