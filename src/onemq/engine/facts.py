"""The durable facts: what the state of the broker is folded from. Versioned; docs/formats/facts.md describes the bytes.

A commit is a sequence of facts: kind (1 octet), length (4), body. All integers big-endian. A reader that meets a kind it does
not know refuses the commit: a fact skipped is a state that is wrong.
"""

from typing import Final

import msgspec
from librt.strings import BytesWriter, read_i32_be, read_i64_be, write_i32_be, write_i64_be
from mypy_extensions import i32, i64

FACTS_VERSION: Final = 3
"""Of snapshots. 2 knows topics and parts, 3 arrivals; what earlier ones wrote is read."""

BATCH: Final = 1
"""log id (4), flags (1), bytes of values (8), record batch: records were appended."""
SETTLED: Final = 2
"""log id (4), bytes of values (8), ranges: records were settled."""
LEASED: Final = 3
"""log id (4), ranges: records were delivered and await settlement. Written along, never waited for."""
RETURNED: Final = 4
"""log id (4), then per record offset (8), acquired (4), failed (4): deliveries came back."""
CATALOG: Final = 5
"""A MessagePack map: an entity was made, changed or removed."""
KEPT_FROM: Final = 6
"""log id (4), offset (8): retention has taken what lies before."""
PART: Final = 7
"""Number of the part (1), a MessagePack map: what a part of the engine noted (parts.py)."""
TIMED: Final = 8
"""log id (4), then per record TIMED_FIELDS numbers: records were received until a time, or that time was changed."""
ARRIVED: Final = 9
"""log id (4), offset (8), time (8), until (8): what comes from this offset on came then, or later, up to that other time."""
LAST_KIND: Final = 9

TIMED_FIELDS: Final = 7
"""offset (8), until (8), first received at (8), attempts (4), failures (4), bytes of the value (4), level (4)."""
_TIMED_BYTES: Final = 40

SPECIAL: Final = 1
"""Flag of BATCH: some record has a priority, a delay or an expiry, so the records have to be looked at."""

RAW_TEXT: Final = 1
"""MessagePack extension: text that is not UTF-8, as its octets."""
RAW_MAP: Final = 2
"""MessagePack extension: a map with names that are not UTF-8, as MessagePack of a list of [name, value]."""


class UnknownFact(Exception):
    """A fact of a kind that this version does not know: the data was written by a newer onemq."""


def begin_batch(out: BytesWriter, log_id: int, flags: int, value_bytes: i64, size: int) -> None:
    """A record batch of `size` bytes follows."""
    out.append(BATCH)
    write_i32_be(out, 13 + size)
    write_i32_be(out, log_id)
    out.append(flags)
    write_i64_be(out, value_bytes)


def _write_ranges(out: BytesWriter, pairs: list[int]) -> None:
    for index in range(0, len(pairs), 2):
        write_i64_be(out, pairs[index])
        write_i64_be(out, pairs[index + 1])


def write_settled(out: BytesWriter, log_id: int, value_bytes: i64, pairs: list[int]) -> None:
    out.append(SETTLED)
    write_i32_be(out, 12 + len(pairs) * 8)
    write_i32_be(out, log_id)
    write_i64_be(out, value_bytes)
    _write_ranges(out, pairs)


def write_leased(out: BytesWriter, log_id: int, pairs: list[int]) -> None:
    out.append(LEASED)
    write_i32_be(out, 4 + len(pairs) * 8)
    write_i32_be(out, log_id)
    _write_ranges(out, pairs)


def write_returned(out: BytesWriter, log_id: int, entries: list[int]) -> None:
    """`entries`: flat offset, acquired, failed."""
    out.append(RETURNED)
    write_i32_be(out, 4 + len(entries) // 3 * 16)
    write_i32_be(out, log_id)
    for index in range(0, len(entries), 3):
        write_i64_be(out, entries[index])
        write_i32_be(out, entries[index + 1])
        write_i32_be(out, entries[index + 2])


def begin_timed(out: BytesWriter, log_id: int, count: i64) -> None:
    """So many of `write_timed` follow."""
    out.append(TIMED)
    write_i32_be(out, i32(4 + count * _TIMED_BYTES))
    write_i32_be(out, log_id)


def write_timed(
    out: BytesWriter,
    offset: i64,
    until_ms: i64,
    first_at_ms: i64,
    attempts: i64,
    failures: i64,
    size: i64,
    level: i64,
) -> None:
    """One entry of a TIMED fact: TIMED_FIELDS numbers."""
    write_i64_be(out, offset)
    write_i64_be(out, until_ms)
    write_i64_be(out, first_at_ms)
    write_i32_be(out, i32(attempts))
    write_i32_be(out, i32(failures))
    write_i32_be(out, i32(size))
    write_i32_be(out, i32(level))


def write_kept_from(out: BytesWriter, log_id: int, offset: i64) -> None:
    out.append(KEPT_FROM)
    write_i32_be(out, 12)
    write_i32_be(out, log_id)
    write_i64_be(out, offset)


def write_arrived(out: BytesWriter, log_id: int, offset: i64, at_ms: i64, until_ms: i64) -> None:
    out.append(ARRIVED)
    write_i32_be(out, 28)
    write_i32_be(out, log_id)
    write_i64_be(out, offset)
    write_i64_be(out, at_ms)
    write_i64_be(out, until_ms)


def write_catalog(out: BytesWriter, change: dict[str, object]) -> None:
    body = pack(change)
    out.append(CATALOG)
    write_i32_be(out, len(body))
    out.write(body)


def write_part(out: BytesWriter, number: int, change: dict[str, object]) -> None:
    body = pack(change)
    out.append(PART)
    write_i32_be(out, 1 + len(body))
    out.append(number)
    out.write(body)


def pack(value: object) -> bytes:
    """MessagePack of plain values; what is not plain (a head's own value classes) becomes its text.

    Names are bytes in some protocols: text with octets that are not UTF-8 becomes an extension (RAW_TEXT, RAW_MAP).
    """
    try:
        return msgspec.msgpack.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        return msgspec.msgpack.encode(_with_raw_text(value), enc_hook=str)


def _with_raw_text(value: object) -> object:
    if isinstance(value, str):
        if _has_surrogates(value):
            return msgspec.msgpack.Ext(RAW_TEXT, value.encode("utf-8", "surrogateescape"))
        return value
    if isinstance(value, dict):
        raw_names = False
        plain: dict[object, object] = {}
        for name, content in value.items():
            plain[name] = _with_raw_text(content)
            raw_names = raw_names or (isinstance(name, str) and _has_surrogates(name))
        if not raw_names:
            return plain
        pairs = [[_with_raw_text(name), content] for name, content in plain.items()]
        return msgspec.msgpack.Ext(RAW_MAP, msgspec.msgpack.encode(pairs, enc_hook=str))
    if isinstance(value, list):
        return [_with_raw_text(item) for item in value]
    return value


def _has_surrogates(text: str) -> bool:
    return any(0xD800 <= ord(character) <= 0xDFFF for character in text)


def _raw(code: int, data: memoryview) -> object:
    if code == RAW_TEXT:
        return bytes(data).decode("utf-8", "surrogateescape")
    assert code == RAW_MAP, f"MessagePack extension {code} in the catalog's facts"
    pairs: dict[object, object] = {}
    for name, content in msgspec.msgpack.decode(data, type=list, ext_hook=_raw):
        pairs[name] = content
    return pairs


def unpack(data: bytes) -> dict[str, object]:
    value = msgspec.msgpack.decode(data, ext_hook=_raw)
    assert isinstance(value, dict), "no map in the catalog's facts"
    return value


class FactReader:
    """Walks one commit's facts: after `next()` is True, `kind`, `start`, `end` say where the fact's body lies in `data`."""

    __slots__ = ("at", "data", "end", "kind", "start")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at: i64 = 0
        self.kind: i64 = 0
        self.start: i64 = 0
        self.end: i64 = 0

    def next(self) -> bool:
        size: i64 = len(self.data)
        if self.at >= size:
            return False
        assert self.at + 5 <= size, "commit ends inside a fact"
        self.kind = i64(self.data[self.at])
        length = i64(read_i32_be(self.data, self.at + 1))
        self.start = self.at + 5
        self.end = self.start + length
        assert length >= 0 and self.end <= size, "fact reaches beyond its commit"
        if self.kind < 1 or self.kind > LAST_KIND:
            raise UnknownFact(f"fact of kind {self.kind}: this data was written by a newer onemq")
        self.at = self.end
        return True

    def log_id(self) -> int:
        return int(read_i32_be(self.data, self.start))

    def int64(self, at: i64) -> i64:
        """The 8-octet integer `at` octets into the body."""
        return read_i64_be(self.data, self.start + at)

    def int32(self, at: i64) -> i64:
        return i64(read_i32_be(self.data, self.start + at))

    def ranges(self, at: i64) -> list[int]:
        """The pairs from `at` octets into the body to its end."""
        pairs: list[int] = []
        place = self.start + at
        while place + 8 <= self.end:
            pairs.append(int(read_i64_be(self.data, place)))
            place += 8
        return pairs

    def timed(self) -> list[int]:
        """The entries of a TIMED fact, flat, TIMED_FIELDS each."""
        entries: list[int] = []
        at: i64 = 4
        while self.start + at + _TIMED_BYTES <= self.end:
            for place in (0, 8, 16):
                entries.append(int(self.int64(at + place)))
            for place in (24, 28, 32, 36):
                entries.append(int(self.int32(at + place)))
            at += _TIMED_BYTES
        return entries

    def body(self, at: i64 = 0) -> bytes:
        return self.data[self.start + at : self.end]
