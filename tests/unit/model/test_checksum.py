"""The checksum of an end is that of the bytes cut out."""

import google_crc32c
from hypothesis import given
from hypothesis import strategies as st

from onemq.model.checksum import checksum_from


@given(st.binary(max_size=300), st.integers(0, 300))
def test_an_end_has_the_checksum_of_what_is_cut_out(data: bytes, start: int) -> None:
    start = min(start, len(data))
    assert checksum_from(data, start) == google_crc32c.value(data[start:])


def test_a_published_value() -> None:
    # RFC 3720, B.4: 32 bytes of zeros.
    assert checksum_from(b"anything" + bytes(32), 8) == 0x8A9136AA
