"""Field tables: the typed maps in arguments, client properties and message headers.

Job: bytes to plain Python values and back; editing of a raw table that leaves untouched fields byte for byte.
Must not: know which method or message a table belongs to.
Spec: AMQP 0-9-1 section 4.2.5.5 with the field types of RabbitMQ's errata (where the two disagree, as on 's', 'l' and
'L', RabbitMQ's reading holds).

A raw table is the contents of a table without its four length octets.
"""

from typing import Final, Union

from librt.strings import (
    BytesWriter,
    read_f32_be,
    read_f64_be,
    read_i16_be,
    read_i32_be,
    read_i64_be,
    write_f64_be,
    write_i32_be,
    write_i64_be,
)
from mypy_extensions import i64, u8

from onemq.heads.amqp091.frames import SYNTAX_ERROR, AmqpWireError, short_string

NESTING_MAX: Final = 32

TAG_BOOL: Final = 0x74  # t
TAG_I8: Final = 0x62  # b
TAG_U8: Final = 0x42  # B
TAG_I16: Final = 0x73  # s
TAG_U16: Final = 0x75  # u
TAG_I32: Final = 0x49  # I
TAG_U32: Final = 0x69  # i
TAG_I64: Final = 0x6C  # l
TAG_I64_UPPER: Final = 0x4C  # L
TAG_FLOAT: Final = 0x66  # f
TAG_DOUBLE: Final = 0x64  # d
TAG_DECIMAL: Final = 0x44  # D
TAG_LONG_STRING: Final = 0x53  # S
TAG_ARRAY: Final = 0x41  # A
TAG_TIMESTAMP: Final = 0x54  # T
TAG_TABLE: Final = 0x46  # F
TAG_VOID: Final = 0x56  # V
TAG_BYTES: Final = 0x78  # x


class Timestamp:
    """A field of type T: whole seconds since 1970, unsigned 64 bits."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and other.seconds == self.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)

    def __repr__(self) -> str:
        return f"Timestamp({self.seconds})"


class Decimal:
    """A field of type D: value / 10 ** scale; scale 0 to 255, value signed 32 bits as clients read it."""

    __slots__ = ("scale", "value")

    def __init__(self, scale: int, value: int) -> None:
        self.scale = scale
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Decimal) and other.scale == self.scale and other.value == self.value

    def __hash__(self) -> int:
        return hash((self.scale, self.value))

    def __repr__(self) -> str:
        return f"Decimal({self.scale}, {self.value})"


# Union, because "|" cannot hold the quoted name of the alias itself.
FieldValue = Union[  # noqa: UP007
    None, bool, int, float, str, bytes, Timestamp, Decimal, list["FieldValue"], dict[str, "FieldValue"]
]


def decode(data: bytes, start: i64, end: i64) -> dict[str, FieldValue]:
    """The raw table at data[start:end]. A name that comes twice keeps its last value.

    Strings are UTF-8 with surrogateescape, so any bytes come back as they were.
    Raises AmqpWireError 502 when malformed or nested deeper than NESTING_MAX.
    """
    return _TableReader(data, start).table(end, 0)


def check(data: bytes, start: i64, end: i64) -> None:
    """Raise as decode would, without building any value."""
    _check_table(data, start, end, 0)


def encode(table: dict[str, FieldValue]) -> bytes:
    """A raw table. int is written as I, or l where 32 bits do not hold it; str as S, bytes as x, float as d.

    Raises ValueError for a name above 255 octets, a number that does not fit, or nesting beyond NESTING_MAX.
    """
    return _encode_table(table, 0)


def insert_fields(raw_table: bytes, new: dict[str, FieldValue], remove: tuple[str, ...] = ()) -> bytes:
    """A raw table without the fields named in new or remove, then new at its end; the rest is copied untouched.

    Raises AmqpWireError 502 when raw_table is malformed.
    """
    writer = BytesWriter()
    position: i64 = 0
    end: i64 = len(raw_table)
    while position < end:
        start = position
        name_end = position + 1 + raw_table[position]
        if name_end >= end:
            raise _malformed("a field name runs over the end")
        name = raw_table[position + 1 : name_end].decode("utf-8", "surrogateescape")
        position = _skip_value(raw_table, name_end, end, 0)
        if name not in new and name not in remove:
            writer.write(raw_table[start:position])
    writer.write(_encode_table(new, 0))
    return writer.getvalue()


def _malformed(why: str) -> AmqpWireError:
    return AmqpWireError(SYNTAX_ERROR, "malformed field table: " + why)


def _fixed_size(tag: i64) -> i64:
    """Octets of a value whose type fixes them; -1 where a length leads, -2 for an unknown type."""
    if tag == TAG_LONG_STRING or tag == TAG_TABLE or tag == TAG_ARRAY or tag == TAG_BYTES:
        return -1
    if tag == TAG_I32 or tag == TAG_U32 or tag == TAG_FLOAT:
        return 4
    if tag == TAG_I64 or tag == TAG_I64_UPPER or tag == TAG_TIMESTAMP or tag == TAG_DOUBLE:
        return 8
    if tag == TAG_BOOL or tag == TAG_I8 or tag == TAG_U8:
        return 1
    if tag == TAG_I16 or tag == TAG_U16:
        return 2
    if tag == TAG_DECIMAL:
        return 5
    if tag == TAG_VOID:
        return 0
    return -2


def _value_end(data: bytes, position: i64, end: i64) -> i64:
    """Where the value whose type octet is at position ends; checked against end, not looked into."""
    if position >= end:
        raise _malformed("a field has no type")
    tag: i64 = data[position]
    size = _fixed_size(tag)
    position += 1
    if size == -1:
        if end - position < 4:
            raise _malformed("a length runs over the end")
        size = i64(read_i32_be(data, position)) & 0xFFFF_FFFF
        position += 4
    elif size == -2:
        raise _malformed(f"unknown field type {tag}")
    if size > end - position:
        raise _malformed("a value runs over the end")
    return position + size


def _skip_value(data: bytes, position: i64, end: i64, depth: i64) -> i64:
    value_end = _value_end(data, position, end)
    tag: i64 = data[position]
    if tag == TAG_TABLE:
        _check_table(data, position + 5, value_end, depth + 1)
    elif tag == TAG_ARRAY:
        if depth >= NESTING_MAX:
            raise _malformed(f"nested deeper than {NESTING_MAX}")
        position += 5
        while position < value_end:
            position = _skip_value(data, position, value_end, depth + 1)
    return value_end


def _check_table(data: bytes, position: i64, end: i64, depth: i64) -> None:
    if depth > NESTING_MAX:
        raise _malformed(f"nested deeper than {NESTING_MAX}")
    while position < end:
        name_size: i64 = data[position]
        if name_size >= end - position - 1:
            raise _malformed("a field name runs over the end")
        position = _skip_value(data, position + 1 + name_size, end, depth)


class _TableReader:
    """Walks one table; position moves over every value that is returned."""

    def __init__(self, data: bytes, position: i64) -> None:
        self.data = data
        self.position: i64 = position

    def table(self, end: i64, depth: i64) -> dict[str, FieldValue]:
        if depth > NESTING_MAX:
            raise _malformed(f"nested deeper than {NESTING_MAX}")
        data = self.data
        result: dict[str, FieldValue] = {}
        while self.position < end:
            start = self.position + 1
            name_end = start + data[self.position]
            if name_end >= end:
                raise _malformed("a field name runs over the end")
            self.position = name_end
            value = self.value(end, depth)
            result[data[start:name_end].decode("utf-8", "surrogateescape")] = value
        return result

    def array(self, end: i64, depth: i64) -> list[FieldValue]:
        if depth > NESTING_MAX:
            raise _malformed(f"nested deeper than {NESTING_MAX}")
        result: list[FieldValue] = []
        while self.position < end:
            result.append(self.value(end, depth))
        return result

    def value(self, end: i64, depth: i64) -> FieldValue:
        data = self.data
        position = self.position
        value_end = _value_end(data, position, end)
        tag: i64 = data[position]
        if tag == TAG_TABLE:
            self.position = position + 5
            return self.table(value_end, depth + 1)
        if tag == TAG_ARRAY:
            self.position = position + 5
            return self.array(value_end, depth + 1)
        self.position = value_end
        if tag == TAG_LONG_STRING:
            return data[position + 5 : value_end].decode("utf-8", "surrogateescape")
        if tag == TAG_BYTES:
            return data[position + 5 : value_end]
        if tag == TAG_BOOL:
            return data[position + 1] != 0
        if tag == TAG_VOID:
            return None
        return _decode_number(data, position + 1, tag)


def _decode_number(data: bytes, position: i64, tag: i64) -> FieldValue:
    if tag == TAG_I32:
        return int(read_i32_be(data, position))
    if tag == TAG_I64 or tag == TAG_I64_UPPER:
        return int(read_i64_be(data, position))
    if tag == TAG_TIMESTAMP:
        return Timestamp(int(read_i64_be(data, position)) & 0xFFFF_FFFF_FFFF_FFFF)
    if tag == TAG_DOUBLE:
        return read_f64_be(data, position)
    if tag == TAG_U8:
        return int(data[position])
    if tag == TAG_I8:
        octet = int(data[position])
        return octet - 256 if octet > 127 else octet
    if tag == TAG_I16:
        return int(read_i16_be(data, position))
    if tag == TAG_U16:
        return int(read_i16_be(data, position)) & 0xFFFF
    if tag == TAG_U32:
        return int(read_i32_be(data, position)) & 0xFFFF_FFFF
    if tag == TAG_FLOAT:
        return read_f32_be(data, position)
    return Decimal(int(data[position]), int(read_i32_be(data, position + 1)))


def _encode_table(table: dict[str, FieldValue], depth: int) -> bytes:
    if depth > NESTING_MAX:
        raise ValueError(f"a field table nested deeper than {NESTING_MAX}")
    writer = BytesWriter()
    for name, value in table.items():
        writer.write(short_string(name))
        _write_value(writer, value, depth)
    return writer.getvalue()


def _encode_array(values: list[FieldValue], depth: int) -> bytes:
    if depth > NESTING_MAX:
        raise ValueError(f"a field table nested deeper than {NESTING_MAX}")
    writer = BytesWriter()
    for value in values:
        _write_value(writer, value, depth)
    return writer.getvalue()


def _write_value(writer: BytesWriter, value: FieldValue, depth: int) -> None:
    if value is None:
        writer.append(TAG_VOID)
    elif isinstance(value, str):
        _write_long(writer, TAG_LONG_STRING, value.encode("utf-8", "surrogateescape"))
    elif isinstance(value, bool):
        writer.append(TAG_BOOL)
        writer.append(1 if value else 0)
    elif isinstance(value, int):
        _write_int(writer, value)
    elif isinstance(value, float):
        writer.append(TAG_DOUBLE)
        write_f64_be(writer, value)
    elif isinstance(value, bytes):
        _write_long(writer, TAG_BYTES, value)
    elif isinstance(value, dict):
        _write_long(writer, TAG_TABLE, _encode_table(value, depth + 1))
    elif isinstance(value, list):
        _write_long(writer, TAG_ARRAY, _encode_array(value, depth + 1))
    elif isinstance(value, Timestamp):
        if not 0 <= value.seconds < 1 << 64:
            raise ValueError(f"timestamp {value.seconds} does not fit 64 bits")
        writer.append(TAG_TIMESTAMP)
        writer.write(value.seconds.to_bytes(8, "big"))
    else:
        if not 0 <= value.scale <= 255 or not -(1 << 31) <= value.value < 1 << 31:
            raise ValueError(f"{value!r} does not fit 8 and 32 bits")
        writer.append(TAG_DECIMAL)
        writer.write(value.scale.to_bytes(1, "big"))
        writer.write(value.value.to_bytes(4, "big", signed=True))


def _write_long(writer: BytesWriter, tag: u8, data: bytes) -> None:
    if len(data) >= 1 << 31:
        raise ValueError(f"a field of {len(data)} octets")
    writer.append(tag)
    write_i32_be(writer, len(data))
    writer.write(data)


def _write_int(writer: BytesWriter, value: int) -> None:
    if -(1 << 31) <= value < 1 << 31:
        writer.append(TAG_I32)
        write_i32_be(writer, value)
    elif -(1 << 63) <= value < 1 << 63:
        writer.append(TAG_I64)
        write_i64_be(writer, value)
    else:
        raise ValueError(f"integer {value} does not fit 64 bits")
