"""Walks over records: what lives stays as it was, keys and soundness are seen without decoding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import CorruptBatch, check_batch, is_volatile
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.record_walk import check_records, decode_keys, keep_live
from onemq.model.reserved_header import AddressCache
from unit.model.records import batches, told


def keyed(*keys: bytes | None) -> list[Record]:
    """With offsets from 10 on; those without a key have no value."""
    found: list[Record] = []
    for number, key in enumerate(keys):
        record = Record(None if key is None else b"value", NO_ADDRESS)
        record.key = key
        record.offset = 10 + number
        found.append(record)
    return found


def test_keys_offsets_and_tombstones_are_seen() -> None:
    entries = decode_keys(encode_batch(keyed(b"a", None, b"b")))
    assert [(entry.offset, entry.key, entry.has_value) for entry in entries] == [
        (10, b"a", True),
        (11, None, False),
        (12, b"b", True),
    ]


def test_records_without_a_key_are_told() -> None:
    data = encode_batch(keyed(b"a", None, b"b", None))
    assert check_records(data, True) == [1, 3]
    assert check_records(data, False) == []


def test_offsets_that_leave_one_out_are_not_a_producers() -> None:
    records = keyed(b"a", b"b")
    records[1].offset += 1
    with pytest.raises(CorruptBatch, match="follow"):
        check_records(encode_batch(records), True)


@given(batches(), st.data())
@settings(max_examples=60)
def test_keep_live(batch: list[Record], data: st.DataObject) -> None:
    flags = data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch)))
    volatile = data.draw(st.booleans())
    wanted = [record for record, keep in zip(batch, flags, strict=True) if keep]
    live: list[int] = []
    for record in wanted:
        live.extend((int(record.offset), int(record.offset) + 1))
    kept = keep_live(encode_batch(batch, volatile), live)
    if not wanted:
        assert kept == b""
        return
    check_batch(kept)
    assert is_volatile(kept) == volatile
    assert [told(record) for record in decode_batch(kept, 0, AddressCache())] == [
        told(record) for record in wanted
    ]
