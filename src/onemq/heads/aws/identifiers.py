"""Ids of requests and messages: UUIDs that never come twice, also across restarts.

A UUID of version 4's form whose first half is random for each process, and whose second half counts from a random start.
"""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

_LAST_DIGITS: Final = tuple(f"{number:02x}" for number in range(256))
"""Most ids differ from the one before in these only."""


class Identifiers:
    """One source for a head."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        drawn = entropy(10).hex()
        self._prefix = f"{drawn[:8]}-{drawn[8:12]}-4"
        # 60 bits count, from somewhere in the lower part: the upper 24 seldom change.
        count: i64 = int(drawn[12:20], 16) << 16
        self._count = count
        self._head = ""
        self._write_head()

    def next(self) -> str:
        """A new id, 36 characters."""
        self._count += 1
        last = self._count & 0xFF
        if last == 0:
            self._write_head()
        return self._head + _LAST_DIGITS[last]

    def _write_head(self) -> None:
        digits = f"{int(self._count >> 8):013x}"
        self._head = f"{self._prefix}{digits[0:3]}-a{digits[3:6]}-000{digits[6:13]}"
