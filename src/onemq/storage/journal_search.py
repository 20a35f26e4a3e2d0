"""Looks for good entries behind a bad one, at start-up: was the bad one ever confirmed?

Whatever is there, no good entry is passed over, and the work is bounded by a small multiple of the bytes: what looks like
an entry is checked at a cost that does not depend on the length it announces. Judges nothing; see journal_replay.py.
"""

import re
from array import array
from typing import Final

import google_crc32c
from mypy_extensions import i64

from onemq.storage.files import Files
from onemq.storage.format import (
    ENTRY_HEADER_BYTES,
    entry_checksum,
    entry_length,
    entry_matches,
    entry_position,
    entry_synced,
)

_PIECE_BYTES: Final = 4 * 1024 * 1024
_STEP_BYTES: Final = 1024
"""So far apart are the places in the file up to which its checksum is kept."""
_NOT_ZERO: Final = re.compile(rb"[^\0]")


class LaterEntries:
    """Good entries from byte `at` of a file on, with positions of at least `expected`.

    Most of what is there may be entries of the file's earlier use: they have lower positions and another seed.

    Attributes:
        proof_at, proof_position: where the first one is that says that `expected` had been synced when it was written;
            -1: there is none.
        end: of the last good one before that; `at` if there is none.
    """

    def __init__(self, files: Files, handle: int, seed: int, at: i64, expected: i64) -> None:
        self.proof_at: i64 = -1
        self.proof_position: i64 = -1
        self.end = at
        self._files = files
        self._handle = handle
        self._seed = seed
        self._at = at
        self._expected = expected
        self._size: i64 = files.size(handle)
        self._checksums = Checksums(files, handle)
        # As many as there can be: each has a header.
        self._position_max: i64 = expected + (self._size - at) // ENTRY_HEADER_BYTES

    def run(self) -> None:
        """A piece of the file at a time."""
        piece_at = self._at
        while piece_at < self._size and self.proof_at < 0:
            data = self._files.read(self._handle, int(piece_at), _PIECE_BYTES + ENTRY_HEADER_BYTES - 1)
            # Zeros at an entry's end are stripped with the rest; so that its header can be read whole:
            data = data.rstrip(b"\0") + bytes(ENTRY_HEADER_BYTES)
            for high in range(int(self._expected >> 24), int(self._position_max >> 24) + 1):
                self._look(data, piece_at, high.to_bytes(5, "big"))
            piece_at += _PIECE_BYTES

    def _look(self, data: bytes, piece_at: i64, high: bytes) -> None:
        """`high`: upper 5 bytes of the positions to look for; finding them first spares a look at every byte."""
        found: i64 = data.find(high, 8)
        while 0 <= found < _PIECE_BYTES + 8 and self.proof_at < 0:
            start = found - 8
            if start + 24 > len(data):
                return
            position = entry_position(data, start)
            if self._expected <= position <= self._position_max:
                self._check(data, start, piece_at, position)
            elif position == 0:
                # Not every byte of a long run of zeros: the next position ends with the next byte that is none, or after it.
                match = _NOT_ZERO.search(data, int(found) + 8)
                if match is None:
                    return
                found = match.start() - 8
            found = data.find(high, int(found) + 1)

    def _check(self, data: bytes, start: i64, piece_at: i64, position: i64) -> None:
        at = piece_at + start
        length = entry_length(data, start)
        synced = entry_synced(data, start)
        if not 0 <= synced < position or not 0 <= length <= self._size - at - 24:
            return
        end = at + 24 + length
        if not self._matches(data, start, at, length):
            return
        if synced >= self._expected or at == self._at:
            self.proof_at = at
            self.proof_position = position
        else:
            self.end = max(self.end, end)

    def _matches(self, data: bytes, start: i64, at: i64, length: i64) -> bool:
        facts_at = start + 24
        if length <= _STEP_BYTES and facts_at + length <= len(data) - ENTRY_HEADER_BYTES:
            return entry_matches(self._seed, data, start, data[facts_at : facts_at + length])
        found = self._checksums.of(self._seed, at + 4, at + 24 + length)
        return found == entry_checksum(data, start)


class Checksums:
    """CRC-32C of any stretch of a file, however long, for the price of a short one.

    A checksum is a polynomial over GF(2), modulo one of degree 32: that of a stretch follows from those of the file up to
    its two ends.
    """

    def __init__(self, files: Files, handle: int) -> None:
        self._files = files
        self._handle = handle
        self._sums: array[int] = array("I", [0])
        """Of the file up to each multiple of _STEP_BYTES, as far as that was needed."""

    def of(self, seed: int, at: i64, end: i64) -> int:
        """Of the bytes [at, end), continued from `seed`."""
        return int(_followed_by_zeros(seed ^ self._up_to(at), end - at)) ^ self._up_to(end)

    def _up_to(self, end: i64) -> int:
        index = int(end // _STEP_BYTES)
        while len(self._sums) <= index:
            data = self._files.read(self._handle, (len(self._sums) - 1) * _STEP_BYTES, _PIECE_BYTES)
            for start in range(0, len(data) - _STEP_BYTES + 1, _STEP_BYTES):
                self._sums.append(google_crc32c.extend(self._sums[-1], data[start : start + _STEP_BYTES]))
        rest = self._files.read(self._handle, index * _STEP_BYTES, int(end % _STEP_BYTES))
        checksum: int = google_crc32c.extend(self._sums[index], rest)
        return checksum


_POLYNOMIAL: Final = 0x82F63B78
"""CRC-32C's. Highest powers are in the lowest bits: 1 is 0x80000000."""


def _product(a: i64, b: i64) -> i64:
    product: i64 = 0
    bit: i64 = 0x80000000
    while bit:
        if a & bit:
            product ^= b
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
        bit >>= 1
    return product


def _powers() -> list[int]:
    """x to the power of 8, 16, 32, ..."""
    power: i64 = 0x00800000
    powers: list[int] = []
    for _ in range(48):
        powers.append(int(power))
        power = _product(power, power)
    return powers


_POWERS: Final = _powers()


def _followed_by_zeros(checksum: i64, count: i64) -> i64:
    """The polynomial times x to the power of 8 * `count`."""
    index: i64 = 0
    while count:
        if count & 1:
            checksum = _product(i64(_POWERS[index]), checksum)
        count >>= 1
        index += 1
    return checksum
