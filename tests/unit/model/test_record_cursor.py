"""The cursor: varints of any size as Kafka writes them, and no reading beyond the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from onemq.model.record_batch import CorruptBatch
from onemq.model.record_codec import write_varint
from onemq.model.record_cursor import Cursor


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"\x00", 0),
        (b"\x01", -1),
        (b"\x02", 1),
        (b"\x7f", -64),
        (b"\x80\x01", 64),
        (b"\x81\x01", -65),
        (b"\xfe\x7f", 8191),
        (b"\xff\x7f", -8192),
        (b"\x80\x80\x01", 8192),
        # More than 64 bits: what is beyond them is dropped, as Kafka's reader does.
        (b"\xff" * 9 + b"\x7f", -(1 << 63)),
        (b"\xfe" + b"\xff" * 8 + b"\x03", (1 << 63) - 1),
        (b"\xfe\xff\xff\xff\x0f", 2**31 - 1),
    ],
)
def test_varints_as_protocol_buffers_have_them(octets: bytes, value: int) -> None:
    assert Cursor(octets, 0, len(octets)).varint() == value


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_what_is_written_is_read(value: int) -> None:
    out = BytesWriter()
    write_varint(out, value)
    data = out.getvalue()
    cursor = Cursor(data, 0, len(data))
    assert cursor.varint() == value
    assert cursor.at == len(data)
    with pytest.raises(CorruptBatch):
        Cursor(data, 0, len(data) - 1).varint()


def test_a_varint_that_does_not_end_is_corrupt() -> None:
    with pytest.raises(CorruptBatch):
        Cursor(b"\xff" * 20, 0, 20).varint()


@given(st.binary(min_size=7, max_size=7), st.integers(0, 7))
def test_no_field_is_read_beyond_the_end(data: bytes, end: int) -> None:
    for read, size in ((Cursor.octet, 1), (Cursor.int16, 2), (Cursor.int32, 4)):
        cursor = Cursor(data, 0, end)
        if size <= end:
            assert read(cursor) == int.from_bytes(data[:size], "big", signed=size > 1)
        else:
            with pytest.raises(CorruptBatch):
                read(cursor)
    with pytest.raises(CorruptBatch):
        Cursor(data, 0, end).int64()
    with pytest.raises(CorruptBatch):
        Cursor(data, 0, end).take(end + 1)
    assert Cursor(data, 0, end).take(end) == data[:end]


def test_a_record_that_is_longer_than_its_batch_is_corrupt() -> None:
    assert Cursor(b"\x04\x00ab", 0, 4).enter_record() == 3
    with pytest.raises(CorruptBatch):
        Cursor(b"\x08\x00ab", 0, 4).enter_record()
