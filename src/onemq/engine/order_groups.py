"""Order groups: which offset of which group is next. Offsets and keys only; the cost of a step does not grow with what waits.

Job: keep waiting offsets by group, and say whose head is next. Strict: of a group with records out nothing behind the first of them is
given to anybody else, and a record that is put off holds up those behind it. Fair: the group with fewest records out is next. Among
equals the oldest head.
Must not: know records, logs, leases or facts; group_ledger.py does.
Spec: Amazon SQS Developer Guide, "FIFO queue delivery logic" and "Amazon SQS fair queues".
"""

from heapq import heapify, heappop, heappush
from typing import Final

from mypy_extensions import i64

from onemq.engine.order_group import NONE, OrderGroup

STALE_MIN: Final = 64
"""So many entries that do not count any more are always left alone in the heaps."""


class OrderGroups:
    """See the module.

    Attributes:
        by_key: the groups about which there is anything to know.
        lent: offsets that are with somebody. lapsed: those that came back by the clock, while they wait.
        current: the group that the one who is being given records has the last one of.
        put_off: offsets that are ready at a later time (in a strict group they keep their place in the order).
    """

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.by_key: dict[bytes, OrderGroup] = {}
        self.lent: dict[int, OrderGroup] = {}
        self.lapsed: dict[int, OrderGroup] = {}
        self.put_off: dict[int, OrderGroup] = {}
        self._open: list[tuple[int, int, int, OrderGroup]] = []
        self._aged: list[tuple[int, int, OrderGroup]] = []
        self._numbers = 0
        self._together = False
        self._barrier: i64 = NONE
        """What others have of `current`: nothing behind it may be given."""
        self.current: OrderGroup | None = None

    def group(self, key: bytes) -> OrderGroup:
        group = self.by_key.get(key)
        if group is None:
            self._numbers += 1
            group = OrderGroup(key, self._numbers)
            self.by_key[key] = group
        return group

    def tidy(self, key: bytes) -> None:
        """A record of the group is gone for good: the group may be, too."""
        group = self.by_key.get(key)
        if group is not None and group.idle():
            del self.by_key[key]

    # Offsets come.

    def arrive(self, key: bytes, offset: i64) -> None:
        """Ready, behind all others of its group."""
        group = self.group(key)
        group.append(offset)
        group.waiting += 1
        if group.waiting == 1 or group.head() == offset:
            self._offer(group)

    def arrive_later(self, key: bytes, offset: i64) -> None:
        """As `arrive`, but ready at a later time (`due`)."""
        group = self.group(key)
        group.put_off += 1
        self.put_off[int(offset)] = group
        if self.strict:
            group.append(offset)

    def give_back(self, key: bytes, offset: i64) -> None:
        """Ready again, at its place."""
        group = self.group(key)
        heappush(group.returned, int(offset))
        group.waiting += 1
        self._offer(group)

    def give_back_later(self, key: bytes, offset: i64) -> None:
        """As `give_back`, but ready at a later time (`due`)."""
        group = self.group(key)
        group.put_off += 1
        self.put_off[int(offset)] = group
        if self.strict:
            heappush(group.returned, int(offset))

    def due(self, offset: i64) -> bool:
        """The time of one that was put off, or lent by the clock, has come. False: it is of no group."""
        place = int(offset)
        group = self.put_off.pop(place, None)
        if group is not None:
            group.put_off -= 1
            group.waiting += 1
            if not self.strict:
                heappush(group.returned, place)
            self._offer(group)
            return True
        group = self.lent.pop(place, None)
        if group is None:
            return False
        group.out -= 1
        group.waiting += 1
        heappush(group.returned, place)
        self.lapsed[place] = group
        self._offer(group)
        return True

    # The next one.

    def _offer(self, group: OrderGroup) -> None:
        """Something about the group has changed: makes sure that the heaps know of its head."""
        head = group.head()
        if head < 0 or (self.put_off and int(head) in self.put_off):
            return
        if group.aged != head:
            group.aged = head
            heappush(self._aged, (int(head), group.number, group))
            if len(self._aged) > STALE_MIN + 4 * len(self.by_key):
                self._rebuild()
        if not self._may_go(group, head):
            return
        rank: i64 = 0 if self.strict else group.out
        if group.offered != head or group.offered_out != rank:
            group.offered = head
            group.offered_out = rank
            heappush(self._open, (int(rank), int(head), group.number, group))
            if len(self._open) > STALE_MIN + 4 * len(self.by_key):
                self._rebuild()

    def _may_go(self, group: OrderGroup, head: i64) -> bool:
        """Strict: nothing of the group that stands before its head is with somebody."""
        if not self.strict or not group.out:
            return True
        return head < self._first_lent(group)

    def _first_lent(self, group: OrderGroup) -> i64:
        """The first offset of a group with records out that is."""
        heap = group.lent
        while self.lent.get(heap[0]) is not group:
            heappop(heap)
        return heap[0]

    def _rebuild(self) -> None:
        """Only what counts stays in the heaps."""
        opened: list[tuple[int, int, int, OrderGroup]] = []
        aged: list[tuple[int, int, OrderGroup]] = []
        for group in self.by_key.values():
            head = group.head()
            group.offered = NONE
            group.aged = NONE
            if head < 0 or int(head) in self.put_off:
                continue
            group.aged = head
            aged.append((int(head), group.number, group))
            if self._may_go(group, head):
                rank: i64 = 0 if self.strict else group.out
                group.offered = head
                group.offered_out = rank
                opened.append((int(rank), int(head), group.number, group))
        heapify(opened)
        heapify(aged)
        self._open = opened
        self._aged = aged

    def next(self) -> OrderGroup | None:
        """The group whose head is next; None: nothing may be given."""
        current = self.current
        if current is not None:
            head = current.head()
            if head >= 0 and int(head) not in self.put_off and (self._barrier < 0 or head < self._barrier):
                return current
            self.current = None
        heap = self._open
        while heap:
            rank, offset, _, group = heap[0]
            if (
                (self.strict or group.out == rank)
                and group.head() == offset
                and offset not in self.put_off
                and self._may_go(group, offset)
            ):
                return group
            heappop(heap)
            if group.offered == offset and group.offered_out == rank:
                group.offered = NONE
        return None

    def oldest(self) -> OrderGroup | None:
        """The group with the oldest head, whether it may be given or not."""
        heap = self._aged
        while heap:
            offset, _, group = heap[0]
            if group.head() == offset and offset not in self.put_off:
                return group
            heappop(heap)
            if group.aged == offset:
                group.aged = NONE
        return None

    def begin_together(self) -> None:
        """What is lent from now on goes to one and the same: a strict group may give several, in order."""
        self._together = self.strict
        self.current = None

    def end_together(self) -> None:
        self._together = False
        self.current = None

    # Offsets go.

    def take(self, group: OrderGroup) -> None:
        """Takes out the head (which `next` or `oldest` has seen)."""
        if self.lapsed:
            self.lapsed.pop(int(group.head()), None)
        group.pop()
        group.waiting -= 1
        self._offer(group)

    def lend(self, key: bytes, offset: i64) -> None:
        """What was taken is with somebody."""
        group = self.group(key)
        if self._together and self.current is not group:
            self._barrier = self._first_lent(group) if group.out else NONE
            self.current = group
        group.out += 1
        self.lent[int(offset)] = group
        if not self.strict:
            self._offer(group)
            return
        if group.out == 1:
            group.lent = [int(offset)]
        else:
            heappush(group.lent, int(offset))

    def end(self, offset: i64) -> None:
        """It is with nobody any more: settled, or about to be given back."""
        group = self.lent.pop(int(offset), None)
        if group is None:
            return
        group.out -= 1
        if group.idle():
            self.by_key.pop(group.key, None)
        else:
            self._offer(group)

    def strike(self, offset: i64) -> bool:
        """One that came back by the clock is settled while it waits. False: it is of no group."""
        group = self.lapsed.pop(int(offset), None)
        if group is None:
            return False
        self._drop_waiting(group, offset)
        return True

    def lend_again(self, offset: i64) -> bool:
        """One that came back by the clock is with somebody once more. False: it is of no group."""
        group = self.lapsed.pop(int(offset), None)
        if group is None:
            return False
        group.waiting -= 1
        group.withdraw(offset)
        self.lend(group.key, offset)
        self._offer(group)
        return True

    def may_pick(self, key: bytes, offset: i64) -> bool:
        """Whether one that waits may be taken out where it stands. Not from behind one of a strict group that is with somebody or put
        off: that would come later, though it was there before."""
        group = self.by_key.get(key)
        if group is None or not self.strict:
            return True
        if group.out and self._first_lent(group) < offset:
            return False
        if group.put_off:
            for place, other in self.put_off.items():
                if other is group and place < offset:
                    return False
        return True

    def pick(self, key: bytes, offset: i64) -> bool:
        """Takes out one that waits for good, wherever it stands. False: it is of no group."""
        group = self.by_key.get(key)
        if group is None or not group.holds(offset):
            return False
        self.lapsed.pop(int(offset), None)
        self._drop_waiting(group, offset)
        return True

    def _drop_waiting(self, group: OrderGroup, offset: i64) -> None:
        group.waiting -= 1
        if group.idle():
            del self.by_key[group.key]
            group.clear()
        else:
            group.strike(offset)
            self._offer(group)

    # Many at once.

    def waiting(self) -> list[int]:
        """Every offset that is ready, in no order."""
        found: list[int] = []
        for group in self.by_key.values():
            found.extend(group.offsets())
        if self.put_off and self.strict:
            later = self.put_off
            found = [offset for offset in found if offset not in later]
        return found

    def drop_ready(self) -> None:
        """Nothing is ready any more. What is put off or lent stays."""
        self.lapsed = {}
        later: dict[int, list[int]] = {}
        if self.strict:
            for offset, group in self.put_off.items():
                later.setdefault(group.number, []).append(offset)
        for key in list(self.by_key):
            group = self.by_key[key]
            group.clear()
            group.waiting = 0
            if group.idle():
                del self.by_key[key]
            else:
                group.returned = sorted(later.get(group.number, []))
        self._rebuild()

    def drop_later(self, still_lent: list[int]) -> None:
        """Nothing is put off any more, and lent only what is said."""
        for offset, group in self.put_off.items():
            group.put_off -= 1
            if self.strict:
                group.strike(offset)
        self.put_off = {}
        lent: dict[int, OrderGroup] = {}
        for offset in still_lent:
            group_of = self.lent.pop(offset, None)
            if group_of is not None:
                lent[offset] = group_of
        for group in self.lent.values():
            group.out -= 1
        self.lent = lent
        for key in list(self.by_key):
            if self.by_key[key].idle():
                del self.by_key[key]
        self._rebuild()
