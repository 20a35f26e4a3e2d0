"""Ids of requests and messages: UUIDs that never come twice, also across restarts.

A UUID of version 4's form whose first half is random for each process, and whose second half counts from a random start.
"""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

_LOW_BITS: Final = 36
_LOW_MASK: Final = (1 << 36) - 1
"""Of the last nine digits."""


class Identifiers:
    """One source for a head."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        drawn = entropy(10).hex()
        self._prefix = f"{drawn[:8]}-{drawn[8:12]}-4"
        # 60 bits count, from somewhere in the lower part: the upper 24 seldom change.
        count: i64 = int(drawn[12:20], 16) << 16
        self._low: i64 = count & _LOW_MASK
        self._high: i64 = count >> _LOW_BITS
        self._head = ""
        self._write_head()

    def next(self) -> str:
        """A new id, 36 characters."""
        self._low += 1
        if self._low > _LOW_MASK:
            self._low = 0
            self._high += 1
            self._write_head()
        return self._head + f"{int(self._low):09x}"

    def _write_head(self) -> None:
        digits = f"{int(self._high):06x}"
        self._head = f"{self._prefix}{digits[0:3]}-a{digits[3:6]}-000"
