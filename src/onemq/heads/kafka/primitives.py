"""The primitive types of Kafka's protocol: bytes to values and back.

Job: read integers, strings, bytes, lengths and tagged fields out of a frame, and write them.
Must not: know which message a value belongs to.
Spec: Kafka protocol guide, "Protocol Primitive Types"; KIP-482 for the compact types and the tagged fields.

Where a type has two encodings, flexible says which: True for the compact one of flexible versions. Strings are UTF-8 with
surrogateescape, so any bytes come back as they were. A UUID is its 16 bytes.
"""

from typing import Final

from librt.strings import (
    BytesWriter,
    read_f64_be,
    read_i16_be,
    read_i32_be,
    read_i64_be,
    write_i16_be,
    write_i32_be,
)
from mypy_extensions import i16, i32, i64

from onemq.model.refusal import WireError

ZERO_UUID: Final = bytes(16)
UUID_BYTES: Final = 16
STRING_BYTES_MAX: Final = 0x7FFF
UVARINT_BYTES_MAX: Final = 5
VARLONG_BYTES_MAX: Final = 10
ELEMENTS_MAX: Final = 100_000
"""Elements of all arrays of one message, and its unknown tagged fields. Names every partition of any broker, and one turn can
serve it."""


class Reader:
    """Reads from data[at:end] and never beyond; data is shared, not copied. Every method raises WireError at an overrun."""

    __slots__ = ("_elements", "data", "at", "end")

    def __init__(self, data: bytes, at: int = 0, end: int = -1) -> None:
        """end: where the frame ends in data; -1: at its last byte."""
        self.data = data
        self._elements: i64 = 0
        self.at: i64 = at
        self.end: i64 = len(data) if end < 0 else end
        if self.at < 0 or self.at > self.end or self.end > len(data):
            raise ValueError(f"{at} to {end} of {len(data)} bytes")

    def remaining(self) -> int:
        """Bytes that are left."""
        return self.end - self.at

    def claim(self, size: i64) -> i64:
        """Steps over size bytes and gives the position of the first."""
        at = self.at
        if size < 0 or size > self.end - at:
            raise WireError(f"{size} bytes are wanted, {self.end - at} are left")
        self.at = at + size
        return at

    def int8(self) -> int:
        value: i64 = self.data[self.claim(1)]
        return value if value < 128 else value - 256

    def int16(self) -> int:
        return read_i16_be(self.data, self.claim(2))

    def uint16(self) -> int:
        return self.int16() & 0xFFFF

    def int32(self) -> int:
        return read_i32_be(self.data, self.claim(4))

    def uint32(self) -> int:
        return self.int32() & 0xFFFFFFFF

    def int64(self) -> int:
        return read_i64_be(self.data, self.claim(8))

    def float64(self) -> float:
        return read_f64_be(self.data, self.claim(8))

    def boolean(self) -> bool:
        """Any octet but 0 is true."""
        return self.data[self.claim(1)] != 0

    def uuid(self) -> bytes:
        at = self.claim(UUID_BYTES)
        return self.data[at : at + UUID_BYTES]

    def uvarint(self) -> int:
        """Unsigned, up to 32 bits in five octets at most."""
        value: i64 = 0
        shift: i64 = 0
        while True:
            octet: i64 = self.data[self.claim(1)]
            value |= (octet & 0x7F) << shift
            if octet < 0x80:
                break
            shift += 7
            if shift >= 7 * UVARINT_BYTES_MAX:
                raise WireError("a variable-length integer has more than 5 bytes")
        return value & 0xFFFFFFFF

    def varint(self) -> int:
        """Signed (zigzag), 32 bits."""
        value: i64 = self.uvarint()
        return (value >> 1) ^ -(value & 1)

    def varlong(self) -> int:
        """Signed (zigzag), 64 bits in ten octets at most."""
        value = 0
        for index in range(VARLONG_BYTES_MAX):
            octet = self.data[self.claim(1)]
            value |= (octet & 0x7F) << (7 * index)
            if octet < 0x80:
                value &= 0xFFFFFFFFFFFFFFFF
                return (value >> 1) ^ -(value & 1)
        raise WireError("a variable-length integer has more than 10 bytes")

    def nullable_string(self, flexible: bool) -> str | None:
        size: i64
        if flexible:
            size = self.uvarint()
            size -= 1
        else:
            size = self.int16()
        if size < 0:
            if size < -1:
                raise WireError(f"a string has the length {size}")
            return None
        if size > STRING_BYTES_MAX:
            raise WireError(f"a string of {size} bytes, {STRING_BYTES_MAX} are allowed")
        at = self.claim(size)
        return self.data[at : at + size].decode("utf-8", "surrogateescape")

    def string(self, flexible: bool) -> str:
        value = self.nullable_string(flexible)
        if value is None:
            raise WireError("a string is null that may not be")
        return value

    def nullable_bytes(self, flexible: bool) -> bytes | None:
        size: i64
        if flexible:
            size = self.uvarint()
            size -= 1
        else:
            size = self.int32()
        if size < 0:
            if size < -1:
                raise WireError(f"a byte field has the length {size}")
            return None
        at = self.claim(size)
        return self.data[at : at + size]

    def bytes_field(self, flexible: bool) -> bytes:
        value = self.nullable_bytes(flexible)
        if value is None:
            raise WireError("a byte field is null that may not be")
        return value

    def nullable_array_length(self, flexible: bool, element_bytes_min: i64) -> int:
        """The number of elements that follow, -1 for null.

        element_bytes_min: the least bytes that an element takes; a length that cannot fit is a WireError before anything
        is allocated for it.
        """
        length: i64
        if flexible:
            length = self.uvarint()
            length -= 1
        else:
            length = self.int32()
        if length < -1:
            raise WireError(f"an array has the length {length}")
        if length > 0 and length > (self.end - self.at) // element_bytes_min:
            raise WireError(f"an array of {length} elements, {self.end - self.at} bytes are left")
        if length > 0:
            self._count(length)
        return length

    def _count(self, elements: i64) -> None:
        """Objects and answers take far more than an element's bytes, and all are made in one turn."""
        self._elements += elements
        if self._elements > ELEMENTS_MAX:
            raise WireError(f"a message with more than {ELEMENTS_MAX} elements in its arrays")

    def array_length(self, flexible: bool, element_bytes_min: i64) -> int:
        length = self.nullable_array_length(flexible, element_bytes_min)
        if length < 0:
            raise WireError("an array is null that may not be")
        return length

    def struct_present(self) -> bool:
        """Whether a nullable struct follows (KIP-893)."""
        return self.int8() >= 0

    def tagged_end(self) -> int:
        """Reads the size of a tagged field; gives where it ends."""
        size: i64 = self.uvarint()
        if size > self.end - self.at:
            raise WireError(f"a tagged field of {size} bytes, {self.end - self.at} are left")
        return self.at + size

    def finish_tagged(self, end: i64) -> None:
        """A tagged field that was read has to end where its size says."""
        if self.at != end:
            raise WireError(f"a tagged field ends {self.at - end} bytes beyond its size")

    def skip_tagged_fields(self) -> None:
        """Steps over all tagged fields of a struct."""
        for _ in range(self.uvarint()):
            self._count(1)
            self.uvarint()
            self.at = self.tagged_end()


def write_int8(writer: BytesWriter, value: int) -> None:
    if value < -128 or value > 127:
        raise ValueError(f"{value} does not fit into 8 bits")
    writer.append(value & 0xFF)


def write_uint16(writer: BytesWriter, value: int) -> None:
    if value < 0 or value > 0xFFFF:
        raise ValueError(f"{value} does not fit into 16 bits")
    write_i16_be(writer, i16(value if value < 0x8000 else value - 0x10000))


def write_uint32(writer: BytesWriter, value: int) -> None:
    if value < 0 or value > 0xFFFFFFFF:
        raise ValueError(f"{value} does not fit into 32 bits")
    write_i32_be(writer, i32(value if value < 0x80000000 else value - 0x100000000))


def write_boolean(writer: BytesWriter, value: bool) -> None:
    writer.append(1 if value else 0)


def write_uuid(writer: BytesWriter, value: bytes) -> None:
    if len(value) != UUID_BYTES:
        raise ValueError(f"a UUID of {len(value)} bytes")
    writer.write(value)


def write_uvarint(writer: BytesWriter, value: i64) -> None:
    if value < 0 or value > 0xFFFFFFFF:
        raise ValueError(f"{value} does not fit into 32 bits")
    while value >= 0x80:
        writer.append((value & 0x7F) | 0x80)
        value >>= 7
    writer.append(value)


def write_varint(writer: BytesWriter, value: i64) -> None:
    """Signed (zigzag), 32 bits."""
    write_uvarint(writer, (value << 1) ^ (value >> 63))


def write_varlong(writer: BytesWriter, value: int) -> None:
    """Signed (zigzag), 64 bits."""
    rest = (value << 1) if value >= 0 else ((-value) << 1) - 1
    if rest > 0xFFFFFFFFFFFFFFFF:
        raise ValueError(f"{value} does not fit into 64 bits")
    while rest >= 0x80:
        writer.append((rest & 0x7F) | 0x80)
        rest >>= 7
    writer.append(rest)


def write_nullable_string(writer: BytesWriter, value: str | None, flexible: bool) -> None:
    """Raises ValueError beyond STRING_BYTES_MAX bytes."""
    if value is None:
        if flexible:
            writer.append(0)
        else:
            write_i16_be(writer, -1)
        return
    encoded = value.encode("utf-8", "surrogateescape")
    size = len(encoded)
    if size > STRING_BYTES_MAX:
        raise ValueError(f"a string of {size} bytes, {STRING_BYTES_MAX} are allowed")
    if flexible:
        write_uvarint(writer, size + 1)
    else:
        write_i16_be(writer, i16(size))
    writer.write(encoded)


def write_string(writer: BytesWriter, value: str, flexible: bool) -> None:
    """Raises ValueError beyond STRING_BYTES_MAX bytes."""
    write_nullable_string(writer, value, flexible)


def write_nullable_bytes(writer: BytesWriter, value: bytes | None, flexible: bool) -> None:
    if value is None:
        write_length(writer, -1, flexible)
    else:
        write_length(writer, len(value), flexible)
        writer.write(value)


def write_bytes(writer: BytesWriter, value: bytes, flexible: bool) -> None:
    write_length(writer, len(value), flexible)
    writer.write(value)


def write_records(writer: BytesWriter, parts: list[bytes] | None, flexible: bool) -> None:
    """Record batches one after the other, as one byte field."""
    if parts is None:
        write_length(writer, -1, flexible)
        return
    size = 0
    for part in parts:
        size += len(part)
    write_length(writer, size, flexible)
    for part in parts:
        writer.write(part)


def write_length(writer: BytesWriter, length: int, flexible: bool) -> None:
    """The length of an array or of a byte field; -1: null."""
    if flexible:
        write_uvarint(writer, length + 1)
    else:
        write_i32_be(writer, i32(length))


def write_tagged_field(writer: BytesWriter, tag: int, value: bytes) -> None:
    """One tagged field; how many there are stands before the first."""
    write_uvarint(writer, tag)
    write_uvarint(writer, len(value))
    writer.write(value)
