"""Field tables: every type both ways, pika as the independent reference, edits of raw tables, malformed bytes."""

import math
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pika import data as pika_data

from onemq.heads.amqp091 import table
from onemq.heads.amqp091.frames import AmqpWireError
from onemq.heads.amqp091.table import Decimal, FieldValue, Timestamp

NAMES = st.text(max_size=20)
INTS = st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1)
# What pika encodes the same way; its decoder is compared for these.
PIKA_SCALARS = st.none() | st.booleans() | INTS | st.text(max_size=40) | st.binary(max_size=40)
SCALARS = (
    PIKA_SCALARS
    | st.floats(allow_nan=False)
    | st.builds(Timestamp, st.integers(min_value=0, max_value=(1 << 64) - 1))
    | st.builds(Decimal, st.integers(0, 255), st.integers(-(1 << 31), (1 << 31) - 1))
)


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=12,
    )
    return st.dictionaries(NAMES, values, max_size=6)


# (type octet and value, decoded, whether encode gives the same octets back)
VALUES: list[tuple[bytes, FieldValue, bool]] = [
    (b"t\x00", False, True),
    (b"t\x01", True, True),
    (b"t\x07", True, False),
    (b"b\x80", -128, False),
    (b"b\x7f", 127, False),
    (b"B\xff", 255, False),
    (b"s\xff\xfe", -2, False),
    (b"u\xff\xfe", 65534, False),
    (b"I\xff\xff\xff\xff", -1, True),
    (b"I\x7f\xff\xff\xff", (1 << 31) - 1, True),
    (b"i\xff\xff\xff\xff", (1 << 32) - 1, False),
    (b"l\x80\x00\x00\x00\x00\x00\x00\x00", -(1 << 63), True),
    (b"l\x00\x00\x00\x00\x80\x00\x00\x00", 1 << 31, True),
    (b"L\xff\xff\xff\xff\xff\xff\xff\xff", -1, False),
    (b"f\x3f\xc0\x00\x00", 1.5, False),
    (b"d\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5, True),
    (b"D\x02\x00\x00\x01\x3b", Decimal(2, 315), True),
    (b"D\xff\xff\xff\xff\xff", Decimal(255, -1), True),
    (b"S\x00\x00\x00\x02\xc3\xa9", "é", True),
    (b"S\x00\x00\x00\x01\xff", "\udcff", True),
    (b"S\x00\x00\x00\x00", "", True),
    (b"x\x00\x00\x00\x01\xff", b"\xff", True),
    (b"A\x00\x00\x00\x00", [], True),
    (b"A\x00\x00\x00\x07V" + b"I\x00\x00\x00\x01" + b"V", [None, 1, None], True),
    (b"T\xff\xff\xff\xff\xff\xff\xff\xff", Timestamp((1 << 64) - 1), True),
    (b"F\x00\x00\x00\x00", {}, True),
    (b"F\x00\x00\x00\x03\x01aV", {"a": None}, True),
    (b"V", None, True),
]


@pytest.mark.parametrize(("octets", "value", "same"), VALUES)
def test_each_type(octets: bytes, value: FieldValue, same: bool) -> None:
    raw = b"\x01k" + octets
    decoded = table.decode(b"??" + raw + b"!", 2, 2 + len(raw))
    assert decoded == {"k": value}
    assert type(decoded["k"]) is type(value)
    again = table.encode(decoded)
    assert table.decode(again, 0, len(again)) == decoded
    assert (again == raw) is same


@pytest.mark.parametrize(("octets", "value", "same"), VALUES)
def test_each_type_cut_short(octets: bytes, value: FieldValue, same: bool) -> None:
    raw = b"\x01k" + octets
    for end in range(1, len(raw)):
        for read in (table.decode, table.check):
            with pytest.raises(AmqpWireError) as caught:
                read(raw, 0, end)
            assert caught.value.code == 502


@given(nested(SCALARS))
def test_round_trip(fields: dict[str, FieldValue]) -> None:
    raw = table.encode(fields)
    table.check(raw, 0, len(raw))
    assert table.decode(raw, 0, len(raw)) == fields
    assert table.encode(table.decode(raw, 0, len(raw))) == raw


def test_nan_stays_nan() -> None:
    raw = table.encode({"n": math.nan})
    value = table.decode(raw, 0, len(raw))["n"]
    assert isinstance(value, float) and math.isnan(value)


@given(nested(PIKA_SCALARS))
def test_same_octets_as_pika(fields: dict[str, FieldValue]) -> None:
    pieces: list[bytes] = []
    pika_data.encode_table(pieces, fields)
    raw = table.encode(fields)
    assert struct.pack(">I", len(raw)) + raw == b"".join(pieces)


@given(nested(PIKA_SCALARS))
def test_pika_reads_ours(fields: dict[str, FieldValue]) -> None:
    raw = table.encode(fields)
    decoded, offset = pika_data.decode_table(struct.pack(">I", len(raw)) + raw, 0)
    assert decoded == fields
    assert offset == len(raw) + 4


@given(st.binary(max_size=60))
@example(b"\x00A\x00\x00\x00\x01")
@example(b"\x00F\xff\xff\xff\xff")
@example(b"\xff")
def test_any_bytes(raw: bytes) -> None:
    """check, decode and insert_fields agree on what is malformed, and raise nothing else."""
    try:
        fields = table.decode(raw, 0, len(raw))
    except AmqpWireError as error:
        assert error.code == 502
        for attempt in (lambda: table.check(raw, 0, len(raw)), lambda: table.insert_fields(raw, {})):
            with pytest.raises(AmqpWireError):
                attempt()
        return
    table.check(raw, 0, len(raw))
    assert table.insert_fields(raw, {}) == raw
    assert table.encode(fields) is not None


@given(nested(SCALARS), st.lists(st.sampled_from([octets for octets, _, _ in VALUES]), max_size=5))
def test_insert_leaves_others_untouched(fields: dict[str, FieldValue], untouched: list[bytes]) -> None:
    kept = b"".join(b"\x05keep" + bytes([48 + index]) + octets for index, octets in enumerate(untouched))
    raw = b"\x06x-goneV" + kept + b"\x07x-deathI\x00\x00\x00\x01"
    edited = table.insert_fields(raw, {"x-death": [fields]}, ("x-gone", "x-absent"))
    added = table.encode({"x-death": [fields]})
    assert edited == kept + added


def nest(kind: str, levels: int) -> FieldValue:
    value: FieldValue = None
    for _ in range(levels):
        value = [value] if kind == "array" else {"k": value}
    return value


@pytest.mark.parametrize("kind", ["array", "table"])
def test_nesting_is_bounded(kind: str) -> None:
    deepest = {"top": nest(kind, 32)}
    raw = table.encode(deepest)
    assert table.decode(raw, 0, len(raw)) == deepest
    table.check(raw, 0, len(raw))
    with pytest.raises(ValueError):
        table.encode({"top": nest(kind, 33)})
    size = struct.pack(">I", len(raw))
    deeper = b"\x01kF" + size + raw
    for read in (table.decode, table.check):
        with pytest.raises(AmqpWireError):
            read(deeper, 0, len(deeper))


def test_nesting_bomb_of_maximal_frame() -> None:
    """A megabyte of openings must neither recurse far nor take long."""
    raw = b"V"
    for _ in range(2000):
        raw = b"A" + struct.pack(">I", len(raw)) + raw
    raw = b"\x01k" + raw
    with pytest.raises(AmqpWireError):
        table.decode(raw, 0, len(raw))


@pytest.mark.parametrize(
    "fields",
    [
        {"n" * 256: 1},
        {"n": 1 << 63},
        {"n": -(1 << 63) - 1},
        {"n": Timestamp(-1)},
        {"n": Timestamp(1 << 64)},
        {"n": Decimal(256, 0)},
        {"n": Decimal(0, 1 << 31)},
    ],
)
def test_what_does_not_fit(fields: dict[str, FieldValue]) -> None:
    with pytest.raises(ValueError):
        table.encode(fields)


def test_value_classes() -> None:
    assert Timestamp(5) == Timestamp(5) != Timestamp(6)
    assert Timestamp(5) != 5
    assert Decimal(1, 5) == Decimal(1, 5) != Decimal(2, 5)
    assert len({Timestamp(1), Timestamp(1), Decimal(0, 1), Decimal(0, 1)}) == 2
