"""Duplicates on purpose (tests of programs): the next records that a queue gives are given once more, as records of their own.

Must not cost anything where there are none: a queue has one of these only while a test wants it.
"""

from mypy_extensions import i64

from onemq.engine.queue import Queue
from onemq.model.record import Record


class Duplicates:
    """What is left to do for one queue, over all its logs. Of a copy no copy is made.

    Attributes:
        left: so many more.
    """

    __slots__ = ("_copies", "left")

    def __init__(self, count: int) -> None:
        self.left = count
        self._copies: set[tuple[int, int]] = set()

    def wants(self, log_id: int, offset: i64) -> bool:
        """Whether the record that is being given is to be given again; counts it."""
        place = (log_id, int(offset))
        if place in self._copies:
            self._copies.remove(place)
            return False
        if self.left <= 0:
            return False
        self.left -= 1
        return True

    def made(self, log_id: int, offset: i64) -> None:
        """This record is the copy."""
        self._copies.add((log_id, int(offset)))

    def give_again(self, queue: Queue, record: Record) -> None:
        """The queue gives this record: perhaps it gets a copy."""
        log_id = queue.log.log_id
        if self.wants(log_id, record.offset):
            copy = record.copy()
            queue.append(copy)
            self.made(log_id, copy.offset)
