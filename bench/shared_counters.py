"""A few 64-bit counters in memory that the load processes share, each written by one process only.

Must not be used for anything that needs more than one word to be consistent.
"""

import mmap
from typing import Final

STOP: Final = 0
LAST_CONSUMED_NS: Final = 1
FIRST_SLOT: Final = 8


class SharedCounters:
    """Made before the processes fork. Slots from FIRST_SLOT on count what a consumer connection received."""

    def __init__(self, slots: int) -> None:
        self.words = memoryview(mmap.mmap(-1, 8 * (FIRST_SLOT + slots))).cast("Q")
