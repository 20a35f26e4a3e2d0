"""Moving the records of a redrive's task: a bounded number in a turn, each move part of one commit: settled here, appended there as a
record without a past, the count noted.

Must not: touch records that are in flight, or queues that the task may not write to.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.catalog import Catalog
from onemq.engine.core import Agenda, Core
from onemq.engine.enqueueing import enqueue
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.loads import LoadWaiter
from onemq.engine.offsets import contains
from onemq.engine.peek import PeekPart, ledger_part
from onemq.engine.queue import Queue
from onemq.engine.redrive_tasks import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    DENIED,
    FAILED,
    FULL,
    NO_DESTINATION,
    NO_ORIGIN,
    RedriveTask,
    RedriveTasks,
)
from onemq.model.record import Record

MOVES_PER_STEP: Final = 500
"""Records moved without looking whether others have work."""
PASSED_PER_STEP: Final = 2_000
"""Records looked at in that time, when not all are moved."""
LOAD_POLL_MS: Final = 5
"""When to look again for a record that is on its way from the disk."""
_COST: Final = 1000
"""One move in units of credit: records a second are units a millisecond."""


@mypyc_attr(allow_interpreted_subclasses=True)
class BaseMover(Agenda):
    """One task at work: its turn, its rate, its end."""

    def __init__(self, core: Core, catalog: Catalog, tasks: RedriveTasks, task: RedriveTask) -> None:
        super().__init__()
        self._core = core
        self._catalog = catalog
        self._tasks = tasks
        self._task = task
        self._credit: i64 = _COST
        self._credited_ms: i64 = core.now_ms

    @abstractmethod
    def move(self, source: LedgerQueue, most: i64) -> i64:
        """Returns how many records were moved; sees to it that the task goes on, or ends."""

    def on_deadline(self) -> None:
        self._core.need_dispatch(self)

    def dispatch(self, budget: i64) -> i64:
        task = self._task
        if task.worker is not self:
            return 0
        if task.state == CANCELLING:
            self._tasks.end(task, CANCELLED)
            return 1
        source = self._queues().get(task.source)
        if not isinstance(source, LedgerQueue):
            self._tasks.end(task, FAILED, NO_DESTINATION)
            return 1
        count = self.move(source, min(budget, self._allowance(), MOVES_PER_STEP))
        if count and task.per_second is not None:
            self._credit -= count * _COST
        return count

    def _allowance(self) -> i64:
        """How many records may be moved now."""
        rate = self._task.per_second
        if rate is None:
            return MOVES_PER_STEP
        now = self._core.now_ms
        # What was not used for a second is lost: after a pause it must not come all at once.
        earned = self._credit + (now - self._credited_ms) * rate
        self._credit = min(earned, max(rate, 1) * _COST)
        self._credited_ms = now
        return self._credit // _COST

    def _queues(self) -> dict[str, Queue]:
        return self._catalog.namespaces[self._task.namespace].queues

    def target(self, record: Record) -> Queue | None:
        """Where the record goes. None: nowhere; the task has failed."""
        task = self._task
        name = task.destination
        if name is None:
            deaths = record.deaths
            if deaths is None:
                self._tasks.end(task, FAILED, NO_ORIGIN)
                return None
            name = deaths.last[0]
        queue = self._queues().get(name)
        if queue is None:
            self._tasks.end(task, FAILED, NO_DESTINATION)
        elif task.may_write is not None and name not in task.may_write:
            self._tasks.end(task, FAILED, DENIED)
        elif isinstance(queue, LedgerQueue) and queue.full(record):
            self._tasks.end(task, FAILED, FULL)
        else:
            return queue
        return None

    def copy_to(self, target: Queue, record: Record) -> None:
        """Without its past."""
        copy = record.copy()
        copy.deaths = None
        copy.expires_at_ms = 0
        copy.not_before_ms = 0
        copy.address = self._catalog.addresses.get("", target.name)
        self._catalog.natives.drop_extra_keys(copy)
        enqueue(target, copy)

    def go_on_later(self) -> None:
        rate = self._task.per_second
        if rate is None:
            self._core.need_dispatch(self)
        else:
            self._core.schedule(self, self._core.now_ms + 1 + (_COST - 1) // rate)


class Mover(BaseMover):
    """Moves all that is ready, in the order in which it would be delivered."""

    def move(self, source: LedgerQueue, most: i64) -> i64:
        count = self._move(source, most)
        if count:
            self._tasks.note_moved(self._task, count)
        return count

    def _move(self, source: LedgerQueue, most: i64) -> i64:
        task = self._task
        core = self._core
        count: i64 = 0
        while True:
            record = source.next_ready()
            if record is None or record.offset >= task.end:
                if record is None and source.is_loading():
                    core.schedule(self, core.now_ms + LOAD_POLL_MS)
                else:
                    self._tasks.end(task, COMPLETED)
                return count
            if count >= most or core.delivery_bytes_left <= 0:
                self.go_on_later()
                return count
            target = self.target(record)
            if target is None:
                return count
            source.take_out(record)
            self.copy_to(target, record)
            core.delivery_bytes_left -= record.body_bytes()
            count += 1


class SelectingMover(BaseMover):
    """Moves what fits, in the order of its log, and passes the rest over where it is: a page in a turn. Of a queue with strict groups what
    lies behind a record of its group that somebody has, or that is not due yet, is passed over: it would overtake that one."""

    def __init__(self, core: Core, catalog: Catalog, tasks: RedriveTasks, task: RedriveTask) -> None:
        super().__init__(core, catalog, tasks, task)
        self._at: i64 = 0
        self._page: PeekPart | None = None
        self._found: list[Record] = []
        self._waits = _MoverWaits(self)

    def move(self, source: LedgerQueue, most: i64) -> i64:
        if not self._look(source, most):
            return 0
        task = self._task
        page = self._page
        assert page is not None
        over = page.is_over() or page.at >= task.end
        self._at = page.at
        count = self._move_found(source)
        limit = task.chosen.limit
        if count:
            self._tasks.note_moved(task, count)
        if not task.at_work():
            return count
        if over or (limit and task.moved >= limit):
            self._tasks.end(task, COMPLETED)
        else:
            self.go_on_later()
        return count

    def _look(self, source: LedgerQueue, most: i64) -> bool:
        """Fills `_found`. False: the store has been asked, `loaded` goes on."""
        task = self._task
        chosen = task.chosen
        if chosen.limit:
            most = min(most, chosen.limit - task.moved)
        if self._page is None:
            self._page = ledger_part(source, True)
            self._page.begin(self._at)
        page = self._page
        passed: i64 = 0
        natives = self._catalog.natives
        while passed < PASSED_PER_STEP and len(self._found) < most:
            if page.is_over() or page.at >= task.end or self._core.delivery_bytes_left <= 0:
                break
            record = page.record()
            reader = page.reader
            if record is None:
                if reader.loading:
                    self._core.load_waiters[reader.ticket] = self._waits
                    return False
                page.go_to(max(reader.gone_to if reader.gone else page.at + 1, page.at + 1))
                continue
            passed += 1
            if chosen.fits(record, natives):
                self._found.append(record)
                self._core.delivery_bytes_left -= record.body_bytes()
            page.go_to(page.at + 1)
        return True

    def _move_found(self, source: LedgerQueue) -> i64:
        """What is still ready: others may have taken some of it while the store was asked."""
        found = self._found
        self._found = []
        self._page = None
        ready = source.ledger.ready_ranges() if found else []
        moved: list[Record] = []
        for record in found:
            if not contains(ready, int(record.offset)) or not source.ledger.may_take(record):
                continue
            target = self.target(record)
            if target is None:
                break
            self.copy_to(target, record)
            moved.append(record)
        if moved:
            source.take_out_ready(moved)
        return len(moved)

    def loaded(self, batches: list[bytes], next_offset: i64) -> None:
        if self._page is not None:
            self._page.reader.loaded(batches, next_offset)
            self._core.need_dispatch(self)


class _MoverWaits(LoadWaiter):
    """A mover's side as the one who waits for batches."""

    def __init__(self, mover: SelectingMover) -> None:
        self._mover = mover

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        self._mover.loaded(batches, next_offset)
