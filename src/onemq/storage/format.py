"""The bytes of journal files and snapshots: headers, entries, the list of segments. No files, no threads.

Written down in docs/formats/journal.md, snapshot.md and data-directory.md; change those with this. All
integers big-endian. Checksums are CRC-32C.
"""

from typing import Final

import google_crc32c
from librt.strings import BytesWriter, read_i32_be, read_i64_be, write_i32_be, write_i64_be
from mypy_extensions import i32, i64

from onemq.storage.errors import UnknownFormat

FORMAT: Final = 1
"""Version of everything in a data directory."""

FORMAT_FILE: Final = "format"
FORMAT_TEXT: Final = "onemq data directory, format "
LOCK_FILE: Final = "lock"
JOURNAL_DIRECTORY: Final = "journal"
LOGS_DIRECTORY: Final = "logs"
JOURNAL_SUFFIX: Final = ".log"
SPARE_SUFFIX: Final = ".spare"
SEGMENT_SUFFIX: Final = ".segment"
SNAPSHOT_PREFIX: Final = "snapshot."
TEMPORARY_SUFFIX: Final = ".new"

JOURNAL_MAGIC: Final = b"ONEMQJNL"
SNAPSHOT_MAGIC: Final = b"ONEMQSNP"
JOURNAL_HEADER_BYTES: Final = 32
ENTRY_HEADER_BYTES: Final = 24
FACTS_BYTES_MAX: Final = 1 << 30
SNAPSHOT_HEADER_BYTES: Final = 40
SNAPSHOT_TRAILER_BYTES: Final = 4


class BadBytes(Exception):
    """These bytes are not what they should be. The caller knows the file and says so to the operator."""


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def format_text() -> bytes:
    """Content of the data directory's format file."""
    return f"{FORMAT_TEXT}{FORMAT}\n".encode()


def check_format_text(path: str, content: bytes) -> None:
    """Raises UnknownFormat unless this version can read the directory."""
    text = content.decode("ascii", "replace").strip()
    number = text.removeprefix(FORMAT_TEXT)
    if not text.startswith(FORMAT_TEXT) or not number.isdecimal():
        raise UnknownFormat(
            f"{path} does not say that this is a onemq data directory; choose another directory"
        )
    if int(number) != FORMAT:
        raise UnknownFormat(
            f"{path}: the data directory has format {number}, this version of onemq reads format {FORMAT}; "
            "start it with the version that wrote it, or a later one"
        )


def _check_version(path: str, version: int) -> None:
    if version != FORMAT:
        raise UnknownFormat(
            f"{path} has format {version}, this version of onemq reads format {FORMAT}; "
            "start it with the version that wrote it, or a later one"
        )


# Names of files.


def numbered(name: str, prefix: str, suffix: str) -> int:
    """The number in a file name, or -1 when the name is not of that kind."""
    if not name.startswith(prefix) or not name.endswith(suffix):
        return -1
    digits = name[len(prefix) : len(name) - len(suffix)]
    return int(digits) if len(digits) == 20 and digits.isdecimal() else -1


def journal_name(first: int) -> str:
    return f"{first:020d}{JOURNAL_SUFFIX}"


def spare_name(first: int) -> str:
    """Of a journal file that nobody needs any more and the next one is made of; `first`: as when it was one."""
    return f"{first:020d}{SPARE_SUFFIX}"


def snapshot_name(position: int) -> str:
    return f"{SNAPSHOT_PREFIX}{position:020d}"


def segment_name(base: int, serial: int) -> str:
    return f"{base:020d}-{serial:012d}{SEGMENT_SUFFIX}"


# Journal.


def journal_header(first: int, salt: bytes) -> bytes:
    """Header of a journal file whose first entry has position `first`. `salt`: 8 bytes nobody can foresee."""
    out = BytesWriter()
    out.write(JOURNAL_MAGIC)
    write_i32_be(out, FORMAT)
    out.write(salt)
    write_i64_be(out, first)
    head = out.getvalue()
    return head + _u32(google_crc32c.value(head))


def journal_seed(header: bytes) -> int:
    """What the checksums of a file's entries start from: bytes of another file, or of a client, never look
    like one.
    """
    seed: int = google_crc32c.value(header)
    return seed


def check_journal_header(path: str, header: bytes, first: int) -> None:
    """Raises BadBytes, or UnknownFormat when it is whole but of another version."""
    if len(header) < JOURNAL_HEADER_BYTES or header[:8] != JOURNAL_MAGIC:
        raise BadBytes("no journal file header")
    if int.from_bytes(header[28:32], "big") != google_crc32c.value(header[:28]):
        raise BadBytes("checksum of the header does not match")
    _check_version(path, read_i32_be(header, 8))
    if read_i64_be(header, 20) != first:
        raise BadBytes(f"the header says that the file starts at position {read_i64_be(header, 20)}")


def entry_header(seed: int, position: i64, synced: i64, facts: list[bytes]) -> bytes:
    """What goes before `facts` (one commit's, in parts) in the journal.

    `synced`: every entry up to that position had been synced before this one was written. That is how a
    damaged entry that had been confirmed is told from one that never was.
    """
    out = BytesWriter()
    write_i32_be(out, i32(parts_bytes(facts)))
    write_i64_be(out, position)
    write_i64_be(out, synced)
    covered = out.getvalue()
    checksum: int = google_crc32c.extend(seed, covered)
    for part in facts:
        checksum = google_crc32c.extend(checksum, part)
    return _u32(checksum) + covered


def parts_bytes(parts: list[bytes]) -> i64:
    size: i64 = 0
    for part in parts:
        size += len(part)
    return size


def entry_length(data: bytes, at: i64) -> i64:
    length: i64 = i64(read_i32_be(data, at + 4))
    return length


def entry_position(data: bytes, at: i64) -> i64:
    return read_i64_be(data, at + 8)


def entry_synced(data: bytes, at: i64) -> i64:
    return read_i64_be(data, at + 16)


def entry_checksum(data: bytes, at: i64) -> int:
    """Of everything in the entry after these four bytes, continued from the file's seed."""
    checksum: i64 = i64(read_i32_be(data, at))
    return int(checksum & 0xFFFFFFFF)


def entry_matches(seed: int, data: bytes, at: i64, facts: bytes) -> bool:
    """Whether the checksum of the entry whose header is at `at` fits."""
    found: int = google_crc32c.extend(google_crc32c.extend(seed, data[at + 4 : at + 24]), facts)
    return found == entry_checksum(data, at)


# Snapshots.


class SegmentNote:
    """One segment file in a snapshot's list.

    `bytes`: how much of the file counts. `records`: how many records those hold. `newest_ms`: latest
    timestamp in it.
    """

    __slots__ = ("base", "bytes", "end", "newest_ms", "records", "serial")

    def __init__(self, serial: int, base: int, end: int, size: int, records: int, newest_ms: int) -> None:
        self.serial = serial
        self.base = base
        self.end = end
        self.bytes = size
        self.records = records
        self.newest_ms = newest_ms


class LogNote:
    """One log in a snapshot's list. `end`: offset after the last one ever spilled."""

    __slots__ = ("end", "log_id", "segments")

    def __init__(self, log_id: int, end: int, segments: list[SegmentNote]) -> None:
        self.log_id = log_id
        self.end = end
        self.segments = segments


class Manifest:
    """All segments that a snapshot relies on."""

    __slots__ = ("logs", "serial")

    def __init__(self, serial: int, logs: list[LogNote]) -> None:
        self.serial = serial
        self.logs = logs


def encode_manifest(manifest: Manifest) -> bytes:
    out = BytesWriter()
    write_i64_be(out, manifest.serial)
    write_i32_be(out, len(manifest.logs))
    for log in manifest.logs:
        write_i64_be(out, log.log_id)
        write_i64_be(out, log.end)
        write_i32_be(out, len(log.segments))
        for note in log.segments:
            write_i64_be(out, note.serial)
            write_i64_be(out, note.base)
            write_i64_be(out, note.end)
            write_i64_be(out, note.bytes)
            write_i64_be(out, note.records)
            write_i64_be(out, note.newest_ms)
    return out.getvalue()


def decode_manifest(data: bytes) -> Manifest:
    """The data's checksum has been checked. Raises BadBytes."""
    try:
        serial = read_i64_be(data, 0)
        count = read_i32_be(data, 8)
        at: i64 = 12
        logs: list[LogNote] = []
        for _ in range(count):
            segments: list[SegmentNote] = []
            log = LogNote(read_i64_be(data, at), read_i64_be(data, at + 8), segments)
            segment_count = read_i32_be(data, at + 16)
            at += 20
            for _ in range(segment_count):
                segments.append(
                    SegmentNote(
                        read_i64_be(data, at),
                        read_i64_be(data, at + 8),
                        read_i64_be(data, at + 16),
                        read_i64_be(data, at + 24),
                        read_i64_be(data, at + 32),
                        read_i64_be(data, at + 40),
                    )
                )
                at += 48
            logs.append(log)
    except IndexError:
        raise BadBytes("the list of segments ends early") from None
    if at != len(data):
        raise BadBytes("bytes after the list of segments")
    return Manifest(serial, logs)


def snapshot_header(position: int, manifest_bytes: int, state_bytes: int) -> bytes:
    out = BytesWriter()
    out.write(SNAPSHOT_MAGIC)
    write_i32_be(out, FORMAT)
    write_i64_be(out, position)
    write_i64_be(out, manifest_bytes)
    write_i64_be(out, state_bytes)
    write_i32_be(out, 0)
    return out.getvalue()


class Snapshot:
    """A snapshot file's content."""

    __slots__ = ("manifest", "position", "state")

    def __init__(self, position: int, manifest: Manifest, state: bytes) -> None:
        self.position = position
        self.manifest = manifest
        self.state = state


def decode_snapshot(path: str, data: bytes) -> Snapshot:
    """Raises BadBytes, or UnknownFormat when it is of another version."""
    if len(data) < SNAPSHOT_HEADER_BYTES + SNAPSHOT_TRAILER_BYTES or data[:8] != SNAPSHOT_MAGIC:
        raise BadBytes("no snapshot header")
    _check_version(path, read_i32_be(data, 8))
    manifest_bytes = read_i64_be(data, 20)
    state_bytes = read_i64_be(data, 28)
    end = len(data) - SNAPSHOT_TRAILER_BYTES
    if manifest_bytes < 0 or state_bytes < 0 or SNAPSHOT_HEADER_BYTES + manifest_bytes + state_bytes != end:
        raise BadBytes("its length is not what its header says")
    if google_crc32c.value(data[:end]) != int.from_bytes(data[end:], "big"):
        raise BadBytes("checksum does not match")
    split = SNAPSHOT_HEADER_BYTES + manifest_bytes
    manifest = decode_manifest(data[SNAPSHOT_HEADER_BYTES:split])
    return Snapshot(read_i64_be(data, 12), manifest, data[split:end])
