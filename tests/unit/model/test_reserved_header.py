"""The reserved header: a newer one is refused, addresses are shared. That all of it comes back, test_record_codec.py sees."""

import pytest

from onemq.model.record_batch import CorruptBatch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache
from unit.model.records import numbered


def test_one_address_for_many_records() -> None:
    found = decode_batch(encode_batch(numbered(3)), 0, AddressCache())
    assert found[0].address is found[1].address is found[2].address


def test_a_newer_reserved_header_is_refused() -> None:
    data = encode_batch(numbered(1))
    at = data.index(b"onemq") + 5
    newer = data[: at + 1] + b"\x02" + data[at + 2 :]
    with pytest.raises(CorruptBatch, match="version 2"):
        decode_batch(newer, 0, AddressCache())


def test_address_cache_is_bounded() -> None:
    cache = AddressCache()
    first = cache.get("", "0")
    assert cache.get("", "0") is first
    for number in range(5000):
        cache.get("", str(number))
    assert len(cache._known) <= 4096
