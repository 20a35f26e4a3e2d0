"""One order group: the offsets of its records that wait, in order. Offsets only; what they mean is for order_groups.py.

Memory: 8 octets for each offset behind the first. A step costs the same however many there are.
"""

from array import array
from bisect import bisect_left
from heapq import heapify, heappop
from typing import Final

from mypy_extensions import i64

TRIM_MIN: Final = 512
"""So many taken offsets of one group are always left alone at its front."""
NONE: Final = -1


class OrderGroup:
    """One group: its offsets that are not out.

    Attributes:
        front, rest: offsets that never went, ascending. returned: heap of those that came back.
        struck: offsets among them that do not count any more, or None.
        waiting: how many count. out: how many are with somebody. put_off: how many are ready at a later time.
        lent: heap of those that are or were with somebody, the first of which is (order_groups.py sees to it).
        offered, offered_out, aged: the newest entry of the heaps about this group, while it is in there.
    """

    __slots__ = (
        "aged",
        "front",
        "key",
        "lent",
        "number",
        "offered",
        "offered_out",
        "out",
        "put_off",
        "rest",
        "rest_at",
        "returned",
        "struck",
        "waiting",
    )

    def __init__(self, key: bytes, number: int) -> None:
        self.key = key
        self.number = number
        self.front: i64 = NONE
        self.rest: array[int] | None = None
        self.rest_at: i64 = 0
        self.returned: list[int] = []
        self.struck: dict[int, bool] | None = None
        self.waiting: i64 = 0
        self.out: i64 = 0
        self.lent: list[int] = []
        self.put_off: i64 = 0
        self.offered: i64 = NONE
        self.offered_out: i64 = 0
        self.aged: i64 = NONE

    def append(self, offset: i64) -> None:
        """An offset behind all that never went."""
        if self.front < 0:
            self.front = offset
            return
        rest = self.rest
        if rest is None:
            rest = array("q")
            self.rest = rest
        rest.append(int(offset))

    def head(self) -> i64:
        """The first offset that counts; NONE: there is none."""
        while True:
            offset = self._first()
            if offset < 0:
                return NONE
            struck = self.struck
            if struck is None or int(offset) not in struck:
                return offset
            del struck[int(offset)]
            if not struck:
                self.struck = None
            self.pop()

    def _first(self) -> i64:
        front = self.front
        if self.returned:
            first: i64 = self.returned[0]
            if front < 0 or first < front:
                return first
        return front

    def pop(self) -> None:
        """Takes out the first offset."""
        front = self.front
        if self.returned:
            first: i64 = self.returned[0]
            if front < 0 or first < front:
                heappop(self.returned)
                return
        rest = self.rest
        if rest is None:
            self.front = NONE
            return
        at = self.rest_at
        self.front = rest[at]
        at += 1
        if at == len(rest):
            self.rest = None
            at = 0
        elif at >= TRIM_MIN and at * 2 > len(rest):
            del rest[:at]
            at = 0
        self.rest_at = at

    def strike(self, offset: i64) -> None:
        """The offset does not count any more, wherever it stands."""
        if self.struck is None:
            self.struck = {}
        self.struck[int(offset)] = True

    def withdraw(self, offset: i64) -> None:
        """One that came back has gone, and may come back again: nothing of it may stay, as with `strike`."""
        self.returned = [each for each in self.returned if each != offset]
        heapify(self.returned)

    def holds(self, offset: i64) -> bool:
        """Whether it is among those that count."""
        place = int(offset)
        struck = self.struck
        if struck is not None and place in struck:
            return False
        if offset == self.front or place in self.returned:
            return True
        rest = self.rest
        if rest is None:
            return False
        at = bisect_left(rest, place, int(self.rest_at))
        return at < len(rest) and rest[at] == place

    def offsets(self) -> list[int]:
        """All that count, in no order."""
        found = list(self.returned)
        if self.front >= 0:
            found.append(int(self.front))
        rest = self.rest
        if rest is not None:
            found.extend(rest[self.rest_at :])
        struck = self.struck
        if struck is not None:
            found = [offset for offset in found if offset not in struck]
        return found

    def returned_offsets(self) -> list[int]:
        """Those of them that came back, in no order."""
        struck = self.struck
        return [offset for offset in self.returned if struck is None or offset not in struck]

    def clear(self) -> None:
        """Nothing waits any more."""
        self.front = NONE
        self.rest = None
        self.rest_at = 0
        self.returned = []
        self.struck = None

    def idle(self) -> bool:
        return not (self.waiting or self.out or self.put_off)
