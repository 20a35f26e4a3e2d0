"""Batches in memory: where an offset is, which one comes next, and what is as stored until somebody looks."""

import pytest

from onemq.engine.batch import Batch, find_batch
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import CorruptBatch, placed_batch
from onemq.model.record_codec import encode_batch
from onemq.model.reserved_header import AddressCache


def records(*offsets: int) -> list[Record]:
    found: list[Record] = []
    for offset in offsets:
        record = Record(b"%d" % offset, NO_ADDRESS)
        record.offset = offset
        record.timestamp_ms = 1000 + offset
        found.append(record)
    return found


def stored(*offsets: int) -> Batch:
    return Batch(offsets[0], offsets[-1] + 1, None, encode_batch(records(*offsets)))


def test_it_is_decoded_when_somebody_looks_and_kept_so() -> None:
    batch = stored(5, 6, 7)
    first = batch.decoded(AddressCache())
    assert [record.offset for record in first if record is not None] == [5, 6, 7]
    assert batch.decoded(AddressCache()) is first
    assert (batch.data, batch.sparse) == (None, False)
    assert [batch.index_of(offset) for offset in (5, 6, 7)] == [0, 1, 2]
    assert batch.next_after(5) == 6


def test_one_that_is_read_as_stored_keeps_its_bytes() -> None:
    batch = stored(5, 6)
    batch.keeps_data = True
    data = batch.data
    assert len(batch.decoded(AddressCache())) == 2
    assert (batch.data, batch.records) == (data, None)


def test_offsets_that_are_left_out() -> None:
    batch = stored(5, 8, 9)
    batch.decoded(AddressCache())
    assert batch.sparse
    assert [batch.index_of(offset) for offset in (5, 6, 8, 9)] == [0, -1, 1, 2]
    assert [batch.next_after(offset) for offset in (5, 6, 8, 9)] == [8, 8, 9, 10]


def test_a_producers_own_mistake_is_an_empty_batch_and_ours_an_error() -> None:
    data = encode_batch(records(5))
    broken = data[:61] + b"\xff" * (len(data) - 61)
    with pytest.raises(CorruptBatch):
        Batch(5, 6, None, broken).decoded(AddressCache())
    assert Batch(5, 6, None, placed_batch(broken, 5)).decoded(AddressCache()) == []


def test_encoded_is_what_is_stored_or_what_lives() -> None:
    data = encode_batch(records(5, 6))
    assert Batch(5, 7, None, data).encoded() is data
    assert Batch(5, 8, [*records(5, 6), None], None).encoded() == data


def test_times_are_those_of_the_record_or_of_the_first_that_is_known() -> None:
    assert stored(5, 6, 7).time_at(7) == 1005, "not decoded: the first one's"
    assert Batch(5, 8, [None, None, *records(7)], None).time_at(5) == 1007
    batch = Batch(5, 8, [*records(5, 6, 7)], None)
    assert [batch.time_at(offset) for offset in (5, 6, 7)] == [1005, 1006, 1007]


@pytest.mark.parametrize(("offset", "index"), [(0, 0), (9, 0), (10, 1), (14, 1), (15, 2), (99, 2)])
def test_the_first_batch_that_ends_behind_an_offset(offset: int, index: int) -> None:
    batches = [Batch(0, 10, [], None), Batch(12, 15, [], None)]
    assert find_batch(batches, 0, offset) == index
