"""The bytes of facts, both ways. docs/formats/facts.md describes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from onemq.engine.facts import (
    ARRIVED,
    BATCH,
    CATALOG,
    KEPT_FROM,
    LEASED,
    RETURNED,
    SETTLED,
    SPECIAL,
    FactReader,
    UnknownFact,
    begin_batch,
    pack,
    unpack,
    write_arrived,
    write_catalog,
    write_kept_from,
    write_leased,
    write_returned,
    write_settled,
)

IDS = st.integers(1, 2**31 - 1)
OFFSETS = st.integers(0, 2**63 - 1)
PAIRS = st.lists(st.tuples(OFFSETS, OFFSETS), max_size=5).map(
    lambda pairs: [end for pair in pairs for end in pair]
)


@given(
    IDS,
    st.binary(max_size=50),
    OFFSETS,
    PAIRS,
    PAIRS,
    st.lists(st.tuples(OFFSETS, st.integers(0, 99), st.integers(0, 99))),
)
def test_round_trip(
    log_id: int,
    batch: bytes,
    size: int,
    settled: list[int],
    leased: list[int],
    back: list[tuple[int, int, int]],
) -> None:
    out = BytesWriter()
    begin_batch(out, log_id, SPECIAL, size, len(batch))
    out.write(batch)
    write_settled(out, log_id, size, settled)
    write_leased(out, log_id, leased)
    write_returned(out, log_id, [number for entry in back for number in entry])
    write_kept_from(out, log_id, size)
    write_catalog(out, {"op": "namespace", "name": "/"})
    reader = FactReader(out.getvalue())
    assert reader.next()
    assert (reader.kind, reader.log_id(), reader.int64(5), reader.body(13)) == (BATCH, log_id, size, batch)
    assert reader.body(4)[0] == SPECIAL
    assert reader.next()
    assert (reader.kind, reader.log_id(), reader.int64(4), reader.ranges(12)) == (
        SETTLED,
        log_id,
        size,
        settled,
    )
    assert reader.next()
    assert (reader.kind, reader.log_id(), reader.ranges(4)) == (LEASED, log_id, leased)
    assert reader.next()
    found = [
        (reader.int64(at), reader.int32(at + 8), reader.int32(at + 12))
        for at in range(4, int(reader.end - reader.start), 16)
    ]
    assert (reader.kind, reader.log_id(), found) == (RETURNED, log_id, back)
    assert reader.next()
    assert (reader.kind, reader.log_id(), reader.int64(4)) == (KEPT_FROM, log_id, size)
    assert reader.next()
    assert (reader.kind, unpack(reader.body())) == (CATALOG, {"op": "namespace", "name": "/"})
    assert not reader.next()


def test_bytes_of_a_settled_fact() -> None:
    """One example to the letter, so that the format does not change unseen."""
    out = BytesWriter()
    write_settled(out, 7, 300, [2, 5])
    assert out.getvalue().hex() == "020000001c00000007000000000000012c00000000000000020000000000000005"


def test_an_arrival() -> None:
    out = BytesWriter()
    write_arrived(out, 7, 3, 1000, 1010)
    reader = FactReader(out.getvalue())
    assert reader.next() and (reader.kind, reader.log_id()) == (ARRIVED, 7)
    assert [reader.int64(at) for at in (4, 12, 20)] == [3, 1000, 1010] and not reader.next()


@pytest.mark.parametrize("kind", [0, 10, 255])
def test_unknown_kind_is_refused(kind: int) -> None:
    reader = FactReader(bytes([kind, 0, 0, 0, 0]))
    with pytest.raises(UnknownFact, match=f"kind {kind}"):
        reader.next()


@pytest.mark.parametrize("cut", range(1, 33))
def test_truncated_commit_is_our_bug(cut: int) -> None:
    out = BytesWriter()
    write_settled(out, 7, 300, [2, 5])
    data = out.getvalue()
    assert len(data) == 33
    with pytest.raises(AssertionError):
        FactReader(data[:cut]).next()


def test_pack_makes_text_of_what_is_not_plain() -> None:
    class Decimal:
        def __str__(self) -> str:
            return "1.5"

    assert unpack(pack({"value": Decimal(), "bytes": b"\xff", "nested": {"list": [1, None, True]}})) == {
        "value": "1.5",
        "bytes": b"\xff",
        "nested": {"list": [1, None, True]},
    }


TEXTS = st.binary(max_size=6).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        TEXTS,
        st.binary(max_size=4),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, PLAIN, max_size=4))
def test_plain_values_come_back_the_same_also_text_that_is_not_unicode(value: dict[str, object]) -> None:
    assert unpack(pack(value)) == value


def test_plain_text_is_plain_messagepack() -> None:
    assert pack({"a": "ü"}) == b"\x81\xa1a\xa2\xc3\xbc"
    assert pack({"a": "\udcff"}) == b"\x81\xa1a\xd4\x01\xff"
