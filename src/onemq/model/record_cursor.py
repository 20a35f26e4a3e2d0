"""A cursor over the bytes of a record: it reads fields, zig-zag varints among them, and never beyond its end. Must not: know what a
field means.
"""

from librt.strings import read_i16_be, read_i32_be, read_i64_be
from mypy_extensions import i64

from onemq.model.record_batch import CorruptBatch


class Cursor:
    """A place in bytes; raises CorruptBatch instead of reading beyond `end`."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: i64, end: i64) -> None:
        self.data = data
        self.at: i64 = at
        self.end: i64 = end

    def varint(self) -> i64:
        at: i64 = self.at
        # Nearly all are of one octet or two: deltas, sizes, numbers of headers.
        if at + 1 < self.end:
            octet: i64 = self.data[at]
            if octet < 0x80:
                self.at = at + 1
                return (octet >> 1) ^ -(octet & 1)
            second: i64 = self.data[at + 1]
            if second < 0x80:
                self.at = at + 2
                octet = (octet & 0x7F) | (second << 7)
                return (octet >> 1) ^ -(octet & 1)
        return self._any_varint()

    def _any_varint(self) -> i64:
        value: i64 = 0
        shift: i64 = 0
        at: i64 = self.at
        data = self.data
        while True:
            if at >= self.end or shift > 63:
                raise CorruptBatch("varint reaches beyond the record")
            octet: i64 = data[at]
            at += 1
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                break
            shift += 7
        self.at = at
        half = value >> 1
        if shift == 63:
            # Its upper bit is no sign, and there are 64. (The number that masks it is an object: not for every varint.)
            half &= 0x7FFFFFFFFFFFFFFF
        return half ^ -(value & 1)

    def enter_record(self) -> i64:
        """Passes over the length and the attributes that a record begins with. Returns where it ends."""
        size = self.varint()
        end: i64 = self.at + size
        if size < 0 or end > self.end:
            raise CorruptBatch("record reaches beyond its batch")
        self.at += 1
        return end

    def take(self, size: i64) -> bytes:
        at: i64 = self.at
        if size < 0 or size > self.end - at:
            raise CorruptBatch("field reaches beyond the record")
        self.at = at + size
        return self.data[at : at + size]

    def skip(self, size: i64, end: i64) -> None:
        """Passes over a field of the record that ends at `end`; a negative size is a field that is null."""
        if self.at > end or size > end - self.at:
            raise CorruptBatch("field reaches beyond its record")
        if size > 0:
            self.at += size

    def int16(self) -> i64:
        self._need(2)
        value: i64 = i64(read_i16_be(self.data, self.at))
        self.at += 2
        return value

    def int32(self) -> i64:
        self._need(4)
        value: i64 = i64(read_i32_be(self.data, self.at))
        self.at += 4
        return value

    def int64(self) -> i64:
        self._need(8)
        value = read_i64_be(self.data, self.at)
        self.at += 8
        return value

    def octet(self) -> int:
        self._need(1)
        value = self.data[self.at]
        self.at += 1
        return value

    def text(self) -> str:
        return self.take(self.int32()).decode("utf-8", "surrogateescape")

    def _need(self, size: i64) -> None:
        if size > self.end - self.at:
            raise CorruptBatch("field reaches beyond the record")
