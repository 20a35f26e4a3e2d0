"""Redrive: tasks that move a queue's ready records to another queue, or each back to the queue it died in, at a rate.

Job: which tasks there are and were, and the moving: a bounded number in a turn, each move part of one commit (settled here, appended
there as a record without a past, the count noted), so that it goes on after a restart where it was.
Must not: authorise (redrive_access.py does, and says which queues a task may write to), or touch records that are in flight.
Spec: Amazon SQS API, StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask.
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.catalog import Catalog
from onemq.engine.core import Agenda, Core
from onemq.engine.enqueueing import enqueue
from onemq.engine.exchange import Namespace
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.loads import LoadWaiter
from onemq.engine.natives import Natives
from onemq.engine.offsets import contains
from onemq.engine.parts import PART_REDRIVES, Part
from onemq.engine.peek import PeekPart, ledger_part
from onemq.engine.queue import Queue, QueueListener
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal

RUNNING: Final = "running"
CANCELLING: Final = "cancelling"
CANCELLED: Final = "cancelled"
COMPLETED: Final = "completed"
FAILED: Final = "failed"

NO_ORIGIN: Final = "CouldNotDetermineMessageSource"
NO_DESTINATION: Final = "NonExistentQueue"
DENIED: Final = "AccessDenied"
FULL: Final = "OverLimit"
"""Why a task failed, in SQS's words."""

RUNNING_MAX: Final = 100
"""Tasks at work at a time, over all queues."""
ENDED_PER_SOURCE: Final = 10
"""Ended tasks of one queue that are remembered."""
MOVES_PER_STEP: Final = 500
"""Records moved without looking whether others have work."""
PASSED_PER_STEP: Final = 2_000
"""Records looked at in that time, when not all are moved."""
LOAD_POLL_MS: Final = 5
"""When to look again for a record that is on its way from the disk."""
ID_BYTES: Final = 16
DIED_IN: Final = "@queue"
DIED_OF: Final = "@reason"
_COST: Final = 1000
"""One move in units of credit: records a second are units a millisecond."""


class Selection:
    """Which records a task takes: all, or those that fit.

    Attributes:
        where: header and its text, all of which a record must have, as readers of other protocols see its headers. DIED_IN and DIED_OF
            stand for the queue and the reason of its last death.
        since_ms: it died then or later (without a history: was published), ms since the epoch. limit: so many at most; 0 = no limit.
    """

    __slots__ = ("limit", "since_ms", "where")

    def __init__(self, where: dict[str, str] | None = None, since_ms: int = 0, limit: int = 0) -> None:
        self.where: dict[str, str] = {} if where is None else dict(where)
        self.since_ms = since_ms
        self.limit = limit

    def takes_all(self) -> bool:
        return not self.where and not self.since_ms and not self.limit

    def fits(self, record: Record, natives: Natives) -> bool:
        """Whatever the limit says."""
        if self.since_ms:
            at_ms: i64 = record.timestamp_ms
            if record.deaths is not None:
                for death in record.deaths.entries:
                    at_ms = max(at_ms, i64(death.time_ms))
            if at_ms < self.since_ms:
                return False
        if self.where:
            shown: dict[str, str] = {}
            for name, content in natives.plain_headers(record):
                if content is not None:
                    shown[name] = content.decode("utf-8", "replace")
            if record.deaths is not None:
                shown[DIED_IN] = record.deaths.last[0]
                shown[DIED_OF] = record.deaths.last[1]
            for name, wanted in self.where.items():
                if shown.get(name) != wanted:
                    return False
        return True


class RedriveTask:
    """One task.

    Attributes:
        destination: None = the queue in which each record died. per_second: None = as fast as turns allow.
        may_write: the queues that it may write to; None = any.
        to_move: records that were ready when it began; records from offset `end` on came later and are left alone.
        chosen: which of them.
        moved: so far. failure: one of the reasons above, "" unless it has failed.
    """

    __slots__ = (
        "chosen",
        "destination",
        "end",
        "failure",
        "identifier",
        "may_write",
        "moved",
        "namespace",
        "per_second",
        "source",
        "started_ms",
        "state",
        "to_move",
    )

    def __init__(
        self,
        identifier: str,
        namespace: str,
        source: str,
        destination: str | None,
        per_second: int | None,
        may_write: list[str] | None,
        started_ms: int,
        to_move: int,
        end: int,
        chosen: Selection,
    ) -> None:
        self.chosen = chosen
        self.identifier = identifier
        self.namespace = namespace
        self.source = source
        self.destination = destination
        self.per_second = per_second
        self.may_write = may_write
        self.started_ms = started_ms
        self.to_move = to_move
        self.end = end
        self.moved = 0
        self.state = RUNNING
        self.failure = ""

    def at_work(self) -> bool:
        return self.state == RUNNING or self.state == CANCELLING


class Redrives(Part):
    """See the module."""

    def __init__(self, core: Core, catalog: Catalog) -> None:
        self.number = PART_REDRIVES
        self._core = core
        self._catalog = catalog
        self._tasks: dict[str, RedriveTask] = {}
        self._of_source: dict[tuple[str, str], list[RedriveTask]] = {}
        self._movers: dict[str, BaseMover] = {}

    def start(
        self,
        space: Namespace,
        source: str,
        destination: str | None,
        per_second: int | None,
        may_write: list[str] | None,
        chosen: Selection,
    ) -> str:
        """Refusal NOT_FOUND, NOT_SUPPORTED, IN_USE (a task of this queue is at work), INVALID, LIMIT."""
        queue = self._source(space, source)
        if destination is not None and space.queues.get(destination) is None:
            raise Refusal(Reason.NOT_FOUND, "queue", destination)
        if destination == source or (per_second is not None and per_second < 1):
            raise Refusal(Reason.INVALID, "queue", source, "destination or rate of a redrive")
        for task in self._of_source.get((space.name, source), []):
            if task.at_work():
                raise Refusal(Reason.IN_USE, "queue", source, "a redrive is at work")
        if len(self._movers) >= RUNNING_MAX:
            raise Refusal(Reason.LIMIT, "queue", source, f"{RUNNING_MAX} redrives are at work")
        core = self._core
        ready = int(queue.message_count())
        change: dict[str, object] = {
            "op": "start",
            "id": core.entropy(ID_BYTES).hex(),
            "ns": space.name,
            "source": source,
            "destination": destination,
            "rate": per_second,
            "may_write": may_write,
            "now": int(core.now_ms),
            "to_move": ready,
            "end": int(queue.log.next_offset),
            "where": dict(chosen.where),
            "since": chosen.since_ms,
            "limit": chosen.limit,
        }
        self._note(change)
        identifier = str(change["id"])
        self._work_on(self._tasks[identifier])
        return identifier

    def _source(self, space: Namespace, name: str) -> LedgerQueue:
        queue = space.queues.get(name)
        if queue is None:
            raise Refusal(Reason.NOT_FOUND, "queue", name)
        if not isinstance(queue, LedgerQueue) or queue.others:
            raise Refusal(Reason.NOT_SUPPORTED, "queue", name, "its records lie in logs that others read")
        return queue

    def tasks(self, namespace: str, source: str) -> list[RedriveTask]:
        """The newest first."""
        found = list(self._of_source.get((namespace, source), []))
        found.reverse()
        return found

    def find(self, namespace: str, identifier: str) -> RedriveTask:
        """Refusal NOT_FOUND ("redrive")."""
        task = self._tasks.get(identifier)
        if task is None or task.namespace != namespace:
            raise Refusal(Reason.NOT_FOUND, "redrive", identifier)
        return task

    def cancel(self, task: RedriveTask) -> None:
        """It ends before it moves anything more. Refusal INVALID ("redrive"): it is not running."""
        if task.state != RUNNING:
            raise Refusal(Reason.INVALID, "redrive", task.identifier, "only running tasks can be cancelled")
        self.set_state(task, CANCELLING)
        self._core.need_dispatch(self._movers[task.identifier])

    # Moving.

    def _work_on(self, task: RedriveTask) -> None:
        mover = Mover(self, task) if task.chosen.takes_all() else SelectingMover(self, task)
        self._movers[task.identifier] = mover
        self._core.need_dispatch(mover)

    def set_state(self, task: RedriveTask, state: str, failure: str = "") -> None:
        self._note({"op": "state", "id": task.identifier, "state": state, "failure": failure})

    def end(self, task: RedriveTask, state: str, failure: str = "") -> None:
        """It has nothing more to do."""
        mover = self._movers.pop(task.identifier, None)
        if mover is not None:
            self._core.unschedule(mover)
        self.set_state(task, state, failure)

    def source_of(self, task: RedriveTask) -> LedgerQueue | None:
        queue = self._catalog.namespaces[task.namespace].queues.get(task.source)
        return queue if isinstance(queue, LedgerQueue) else None

    def target(self, task: RedriveTask, record: Record) -> Queue | None:
        """Where the record goes. None: nowhere; the task has failed."""
        name = task.destination
        if name is None:
            deaths = record.deaths
            if deaths is None:
                self.end(task, FAILED, NO_ORIGIN)
                return None
            name = deaths.last[0]
        queue = self._catalog.namespaces[task.namespace].queues.get(name)
        if queue is None:
            self.end(task, FAILED, NO_DESTINATION)
        elif task.may_write is not None and name not in task.may_write:
            self.end(task, FAILED, DENIED)
        elif isinstance(queue, LedgerQueue) and queue.full(record):
            self.end(task, FAILED, FULL)
        else:
            return queue
        return None

    def natives(self) -> Natives:
        return self._catalog.natives

    def move(self, source: LedgerQueue, record: Record, target: Queue) -> None:
        """The head of the source becomes a new record of the target."""
        source.take_out(record)
        self.copy_to(target, record)

    def copy_to(self, target: Queue, record: Record) -> None:
        """Without its past."""
        copy = record.copy()
        copy.deaths = None
        copy.expires_at_ms = 0
        copy.not_before_ms = 0
        copy.address = self._catalog.addresses.get("", target.name)
        self._catalog.natives.drop_extra_keys(copy)
        enqueue(target, copy)

    def note_moved(self, task: RedriveTask, count: i64) -> None:
        self._note({"op": "moved", "id": task.identifier, "moved": task.moved + int(count)})

    # The part.

    def _note(self, change: dict[str, object]) -> None:
        self._core.note(self, change)
        self.apply(change)

    def apply(self, change: dict[str, object]) -> None:
        identifier = str(change["id"])
        if change["op"] == "start":
            self._apply_start(identifier, change)
            return
        task = self._tasks.get(identifier)
        if task is None:
            # Its source has gone.
            return
        if change["op"] == "moved":
            moved = change["moved"]
            assert isinstance(moved, int)
            task.moved = moved
        else:
            task.state = str(change["state"])
            task.failure = str(change["failure"])

    def _apply_start(self, identifier: str, change: dict[str, object]) -> None:
        destination = change["destination"]
        rate = change["rate"]
        may_write = change["may_write"]
        now = change["now"]
        to_move = change["to_move"]
        end = change["end"]
        assert destination is None or isinstance(destination, str)
        assert rate is None or isinstance(rate, int)
        assert may_write is None or isinstance(may_write, list)
        assert isinstance(now, int) and isinstance(to_move, int) and isinstance(end, int)
        source = str(change["source"])
        namespace = str(change["ns"])
        # Facts of older versions choose nothing.
        where = change.get("where", {})
        since = change.get("since", 0)
        limit = change.get("limit", 0)
        assert isinstance(where, dict) and isinstance(since, int) and isinstance(limit, int)
        chosen = Selection(where, since, limit)
        task = RedriveTask(
            identifier, namespace, source, destination, rate, may_write, now, to_move, end, chosen
        )
        self._tasks[identifier] = task
        tasks = self._of_source.setdefault((namespace, source), [])
        tasks.append(task)
        if len(tasks) > ENDED_PER_SOURCE:
            # Only the newest can be at work.
            del self._tasks[tasks[0].identifier]
            del tasks[0]

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for task in self._tasks.values():
            found.append(
                {
                    "op": "start",
                    "id": task.identifier,
                    "ns": task.namespace,
                    "source": task.source,
                    "destination": task.destination,
                    "rate": task.per_second,
                    "may_write": task.may_write,
                    "now": task.started_ms,
                    "to_move": task.to_move,
                    "end": task.end,
                    "where": dict(task.chosen.where),
                    "since": task.chosen.since_ms,
                    "limit": task.chosen.limit,
                }
            )
            found.append({"op": "moved", "id": task.identifier, "moved": task.moved})
            found.append({"op": "state", "id": task.identifier, "state": task.state, "failure": task.failure})
        return found

    def finish_recovery(self) -> None:
        """What was at work goes on."""
        for task in self._tasks.values():
            if task.at_work():
                self._work_on(task)

    def forget(self, namespace: str, source: str) -> None:
        """The queue has gone, and its tasks with it. No fact: what says that it is gone says this, too."""
        for task in self._of_source.pop((namespace, source), []):
            self._tasks.pop(task.identifier, None)
            mover = self._movers.pop(task.identifier, None)
            if mover is not None:
                mover.gone = True
                self._core.unschedule(mover)


@mypyc_attr(allow_interpreted_subclasses=True)
class BaseMover(Agenda):
    """One task at work: its turn, its rate, its end."""

    def __init__(self, part: Redrives, task: RedriveTask) -> None:
        super().__init__()
        self.gone = False
        self._part = part
        self._task = task
        self._core = part._core
        self._credit: i64 = _COST
        self._credited_ms: i64 = part._core.now_ms

    @abstractmethod
    def move(self, source: LedgerQueue, most: i64) -> i64:
        """Returns how many records were moved; sees to it that the task goes on, or ends."""

    def on_deadline(self) -> None:
        self._core.need_dispatch(self)

    def dispatch(self, budget: i64) -> i64:
        part = self._part
        task = self._task
        if self.gone or not task.at_work():
            return 0
        if task.state == CANCELLING:
            part.end(task, CANCELLED)
            return 1
        source = part.source_of(task)
        if source is None:
            part.end(task, FAILED, NO_DESTINATION)
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
            self._part.note_moved(self._task, count)
        return count

    def _move(self, source: LedgerQueue, most: i64) -> i64:
        part = self._part
        task = self._task
        core = self._core
        count: i64 = 0
        while True:
            record = source.next_ready()
            if record is None or record.offset >= task.end:
                if record is None and source.is_loading():
                    core.schedule(self, core.now_ms + LOAD_POLL_MS)
                else:
                    part.end(task, COMPLETED)
                return count
            if count >= most or core.delivery_bytes_left <= 0:
                self.go_on_later()
                return count
            target = part.target(task, record)
            if target is None:
                return count
            part.move(source, record, target)
            core.delivery_bytes_left -= record.body_bytes()
            count += 1


class SelectingMover(BaseMover):
    """Moves what fits, in the order of its log, and passes the rest over where it is: a page in a turn. Of a queue with strict groups what
    lies behind a record of its group that somebody has, or that is not due yet, is passed over: it would overtake that one."""

    def __init__(self, part: Redrives, task: RedriveTask) -> None:
        super().__init__(part, task)
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
            self._part.note_moved(task, count)
        if not task.at_work():
            return count
        if over or (limit and task.moved >= limit):
            self._part.end(task, COMPLETED)
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
        natives = self._part.natives()
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
            target = self._part.target(self._task, record)
            if target is None:
                break
            self._part.copy_to(target, record)
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


class ForgetsRedrives(QueueListener):
    """A queue's tasks go with it."""

    def __init__(self, part: Redrives) -> None:
        self._part = part

    def queue_removed(self, namespace: str, name: str) -> None:
        self._part.forget(namespace, name)
