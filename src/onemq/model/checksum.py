"""CRC-32C of the end of some bytes, without cutting it out first: the library takes whole bytes only.

A CRC's step can be taken back: the register before a byte follows from the one after it. So there is a value to begin with from
which the bytes in front lead to where a fresh checksum begins; behind them stands that of the rest.
"""

from typing import Final

import google_crc32c
from mypy_extensions import i64

_POLYNOMIAL: Final = 0x82F63B78
_ALL_BITS: Final = 0xFFFFFFFF


def _table() -> list[int]:
    table: list[int] = []
    for octet in range(256):
        register = octet
        for _ in range(8):
            register = (register >> 1) ^ _POLYNOMIAL if register & 1 else register >> 1
        table.append(register)
    return table


def _backwards(table: list[int]) -> list[int]:
    """Which entry of the table has that upper octet: no two have the same."""
    places = [0] * 256
    for index, register in enumerate(table):
        places[register >> 24] = index
    return places


_TABLE: Final = _table()
_PLACES: Final = _backwards(_TABLE)


def checksum_from(data: bytes, start: i64) -> int:
    """CRC-32C of data[start:]. Takes time for each byte before `start`: meant for headers."""
    register: i64 = _ALL_BITS
    at = start
    while at > 0:
        at -= 1
        place = i64(_PLACES[register >> 24])
        register = ((register ^ i64(_TABLE[place])) << 8) | (place ^ i64(data[at]))
    checksum: int = google_crc32c.extend(int(register ^ _ALL_BITS), data)
    return checksum
