"""Ids of requests and messages: UUIDs that never come twice, also across restarts.

A UUID of version 4's form whose first half is random for each process, and whose second half counts from a random start.
"""

from collections.abc import Callable

from mypy_extensions import i64


class Identifiers:
    """One source for a head."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        drawn = entropy(10).hex()
        self._prefix = f"{drawn[:8]}-{drawn[8:12]}-4"
        # 56 bits count, from somewhere in the lower half.
        self._count: i64 = int(drawn[12:20], 16) << 16

    def next(self) -> str:
        """A new id, 36 characters."""
        self._count += 1
        digits = f"{int(self._count):015x}"
        return f"{self._prefix}{digits[0:3]}-a{digits[3:6]}-000{digits[6:15]}"
