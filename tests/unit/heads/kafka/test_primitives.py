"""The primitive types: table of encodings both ways, limits, overruns."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter, write_f64_be, write_i16_be, write_i32_be, write_i64_be

from onemq.heads.kafka import primitives
from onemq.heads.kafka.primitives import Reader
from onemq.model.refusal import WireError

Read = Callable[[Reader], object]
Write = Callable[[BytesWriter], None]


def written(write: Write) -> bytes:
    writer = BytesWriter()
    write(writer)
    return writer.getvalue()


TABLE: list[tuple[str, object, bytes, Read, Write]] = [
    ("int8 low", -128, b"\x80", Reader.int8, lambda writer: primitives.write_int8(writer, -128)),
    ("int8 high", 127, b"\x7f", Reader.int8, lambda writer: primitives.write_int8(writer, 127)),
    ("int16", -2, b"\xff\xfe", Reader.int16, lambda writer: write_i16_be(writer, -2)),
    ("uint16", 65534, b"\xff\xfe", Reader.uint16, lambda writer: primitives.write_uint16(writer, 65534)),
    ("int32", -2, b"\xff\xff\xff\xfe", Reader.int32, lambda writer: write_i32_be(writer, -2)),
    (
        "uint32",
        2**32 - 2,
        b"\xff\xff\xff\xfe",
        Reader.uint32,
        lambda writer: primitives.write_uint32(writer, 2**32 - 2),
    ),
    ("int64", -(2**63), b"\x80" + bytes(7), Reader.int64, lambda writer: write_i64_be(writer, -(2**63))),
    ("float64", -1.5, b"\xbf\xf8" + bytes(6), Reader.float64, lambda writer: write_f64_be(writer, -1.5)),
    ("true", True, b"\x01", Reader.boolean, lambda writer: primitives.write_boolean(writer, True)),
    ("false", False, b"\x00", Reader.boolean, lambda writer: primitives.write_boolean(writer, False)),
    (
        "uuid",
        bytes(range(16)),
        bytes(range(16)),
        Reader.uuid,
        lambda writer: primitives.write_uuid(writer, bytes(range(16))),
    ),
    ("uvarint", 300, b"\xac\x02", Reader.uvarint, lambda writer: primitives.write_uvarint(writer, 300)),
    (
        "uvarint high",
        2**32 - 1,
        b"\xff\xff\xff\xff\x0f",
        Reader.uvarint,
        lambda writer: primitives.write_uvarint(writer, 2**32 - 1),
    ),
    ("varint", -151, b"\xad\x02", Reader.varint, lambda writer: primitives.write_varint(writer, -151)),
    (
        "varint low",
        -(2**31),
        b"\xff\xff\xff\xff\x0f",
        Reader.varint,
        lambda writer: primitives.write_varint(writer, -(2**31)),
    ),
    (
        "varlong low",
        -(2**63),
        b"\xff" * 9 + b"\x01",
        Reader.varlong,
        lambda writer: primitives.write_varlong(writer, -(2**63)),
    ),
    (
        "string",
        "ä",
        b"\x00\x02\xc3\xa4",
        lambda reader: reader.string(False),
        lambda writer: primitives.write_string(writer, "ä", False),
    ),
    (
        "compact string",
        "ä",
        b"\x03\xc3\xa4",
        lambda reader: reader.string(True),
        lambda writer: primitives.write_string(writer, "ä", True),
    ),
    (
        "null string",
        None,
        b"\xff\xff",
        lambda reader: reader.nullable_string(False),
        lambda writer: primitives.write_nullable_string(writer, None, False),
    ),
    (
        "compact null string",
        None,
        b"\x00",
        lambda reader: reader.nullable_string(True),
        lambda writer: primitives.write_nullable_string(writer, None, True),
    ),
    (
        "no UTF-8",
        "\udcff",
        b"\x00\x01\xff",
        lambda reader: reader.string(False),
        lambda writer: primitives.write_string(writer, "\udcff", False),
    ),
    (
        "bytes",
        b"ab",
        b"\x00\x00\x00\x02ab",
        lambda reader: reader.bytes_field(False),
        lambda writer: primitives.write_bytes(writer, b"ab", False),
    ),
    (
        "compact bytes",
        b"ab",
        b"\x03ab",
        lambda reader: reader.bytes_field(True),
        lambda writer: primitives.write_bytes(writer, b"ab", True),
    ),
    (
        "null bytes",
        None,
        b"\xff\xff\xff\xff",
        lambda reader: reader.nullable_bytes(False),
        lambda writer: primitives.write_nullable_bytes(writer, None, False),
    ),
    (
        "compact null bytes",
        None,
        b"\x00",
        lambda reader: reader.nullable_bytes(True),
        lambda writer: primitives.write_nullable_bytes(writer, None, True),
    ),
    (
        "records",
        b"abc",
        b"\x04abc",
        lambda reader: reader.bytes_field(True),
        lambda writer: primitives.write_records(writer, [b"a", b"bc"], True),
    ),
    (
        "no records",
        b"",
        b"\x00\x00\x00\x00",
        lambda reader: reader.bytes_field(False),
        lambda writer: primitives.write_records(writer, [], False),
    ),
    (
        "null records",
        None,
        b"\x00",
        lambda reader: reader.nullable_bytes(True),
        lambda writer: primitives.write_records(writer, None, True),
    ),
    (
        "array",
        0,
        b"\x00\x00\x00\x00",
        lambda reader: reader.array_length(False, 4),
        lambda writer: primitives.write_length(writer, 0, False),
    ),
    (
        "compact null array",
        -1,
        b"\x00",
        lambda reader: reader.nullable_array_length(True, 4),
        lambda writer: primitives.write_length(writer, -1, True),
    ),
    ("struct there", True, b"\x01", Reader.struct_present, lambda writer: primitives.write_int8(writer, 1)),
    (
        "struct not there",
        False,
        b"\xff",
        Reader.struct_present,
        lambda writer: primitives.write_int8(writer, -1),
    ),
]


@pytest.mark.parametrize(("name", "value", "data", "read", "write"), TABLE, ids=[row[0] for row in TABLE])
def test_both_ways(name: str, value: object, data: bytes, read: Read, write: Write) -> None:
    assert written(write) == data
    # In the middle of a buffer, so that nothing beyond its own end is needed or seen.
    reader = Reader(b"\x55" + data + b"\x55", 1, 1 + len(data))
    assert read(reader) == value
    assert reader.remaining() == 0
    for end in range(len(data)):
        with pytest.raises(WireError):
            read(Reader(data, 0, end))


@given(st.integers(-(2**63), 2**63 - 1))
def test_varlong_both_ways(value: int) -> None:
    assert Reader(written(lambda writer: primitives.write_varlong(writer, value))).varlong() == value


@given(st.integers(-(2**31), 2**31 - 1))
def test_varint_both_ways(value: int) -> None:
    assert Reader(written(lambda writer: primitives.write_varint(writer, value))).varint() == value


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_come_back_as_they_were(data: bytes, flexible: bool) -> None:
    text = data.decode("utf-8", "surrogateescape")
    again = written(lambda writer: primitives.write_string(writer, text, flexible))
    assert again.endswith(data)
    assert Reader(again).string(flexible) == text


WRONG: list[tuple[str, bytes, Read]] = [
    ("uvarint of six bytes", b"\x80" * 5 + b"\x01", Reader.uvarint),
    ("varlong of eleven bytes", b"\x80" * 10 + b"\x01", Reader.varlong),
    ("string of length -2", b"\xff\xfe" + bytes(9), lambda reader: reader.nullable_string(False)),
    ("null where none may be", b"\xff\xff", lambda reader: reader.string(False)),
    ("compact null where none may be", b"\x00", lambda reader: reader.string(True)),
    ("string above 32767", b"\x81\x80\x02" + bytes(40_000), lambda reader: reader.string(True)),
    ("bytes of length -2", b"\xff\xff\xff\xfe" + bytes(9), lambda reader: reader.nullable_bytes(False)),
    ("null bytes where none may be", b"\x00", lambda reader: reader.bytes_field(True)),
    ("array of length -2", b"\xff\xff\xff\xfe", lambda reader: reader.nullable_array_length(False, 1)),
    ("null array where none may be", b"\xff\xff\xff\xff", lambda reader: reader.array_length(False, 1)),
    ("three elements of 4 bytes in 11", b"\x04" + bytes(11), lambda reader: reader.array_length(True, 4)),
    ("tagged fields that are not there", b"\x02\x00\x00", Reader.skip_tagged_fields),
    ("a tagged field that is too long", b"\x01\x00\x03ab", Reader.skip_tagged_fields),
]


@pytest.mark.parametrize(("name", "data", "read"), WRONG, ids=[row[0] for row in WRONG])
def test_wire_errors(name: str, data: bytes, read: Read) -> None:
    with pytest.raises(WireError):
        read(Reader(data))


def test_an_array_that_just_fits_is_read() -> None:
    assert Reader(b"\x04" + bytes(12)).array_length(True, 4) == 3


def test_a_message_has_so_many_elements_however_they_are_nested() -> None:
    reader = Reader(b"".join(size.to_bytes(4, "big") for size in (99_000, 1_000, 1)) + bytes(100_000))
    assert reader.array_length(False, 1) == 99_000
    assert reader.nullable_array_length(False, 1) == 1_000
    with pytest.raises(WireError, match="elements"):
        reader.array_length(False, 1)
    with pytest.raises(WireError, match="elements"):
        Reader(b"\x81\x80\x20" + b"\x07\x00" * 600_000).skip_tagged_fields()


def test_billions_of_tagged_fields_end_at_once() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            Reader(b"\xff\xff\xff\xff\x0f" + bytes(30)).skip_tagged_fields()
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_reader_stays_within_its_data() -> None:
    for at, end in ((-1, 2), (2, 1), (0, 4), (4, -1)):
        with pytest.raises(ValueError):
            Reader(b"abc", at, end)


TOO_MUCH: list[tuple[str, Write]] = [
    ("int8", lambda writer: primitives.write_int8(writer, 128)),
    ("uint16", lambda writer: primitives.write_uint16(writer, -1)),
    ("uint32", lambda writer: primitives.write_uint32(writer, 2**32)),
    ("uvarint", lambda writer: primitives.write_uvarint(writer, 2**32)),
    ("varlong", lambda writer: primitives.write_varlong(writer, 2**63)),
    ("uuid", lambda writer: primitives.write_uuid(writer, bytes(15))),
    ("string", lambda writer: primitives.write_string(writer, "x" * 32768, True)),
]


@pytest.mark.parametrize(("name", "write"), TOO_MUCH, ids=[row[0] for row in TOO_MUCH])
def test_what_does_not_fit_is_refused(name: str, write: Write) -> None:
    with pytest.raises(ValueError):
        written(write)
