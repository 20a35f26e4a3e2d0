"""Redrive tasks: which there are and were, how far each is; a fold over changes.

Must not: move records (redrive_movers.py does), or decide which tasks there may be (redrive.py does).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Agenda, Core
from onemq.engine.parts import Part
from onemq.engine.redrive_selection import Selection

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

ENDED_PER_SOURCE: Final = 10
"""Ended tasks of one queue that are remembered."""


class RedriveTask:
    """One task.

    Attributes:
        destination: None = the queue in which each record died. per_second: None = as fast as turns allow.
        may_write: the queues that it may write to; None = any.
        to_move: records that were ready when it began; records from offset `end` on came later and are left alone.
        chosen: which of them.
        moved: so far. failure: one of the reasons above, "" unless it has failed.
        worker: who moves them; None when it has ended, or its source has gone.
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
        "worker",
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
        self.worker: Agenda | None = None

    def at_work(self) -> bool:
        return self.state == RUNNING or self.state == CANCELLING


class RedriveTasks:
    """See the module."""

    def __init__(self, core: Core, part: Part) -> None:
        self._core = core
        self._part = part
        self._tasks: dict[str, RedriveTask] = {}
        self._of_source: dict[tuple[str, str], list[RedriveTask]] = {}

    def find(self, identifier: str) -> RedriveTask | None:
        return self._tasks.get(identifier)

    def of_source(self, namespace: str, source: str) -> list[RedriveTask]:
        """The newest first."""
        found = list(self._of_source.get((namespace, source), []))
        found.reverse()
        return found

    def at_work(self) -> list[RedriveTask]:
        return [task for task in self._tasks.values() if task.at_work()]

    def start(self, task: RedriveTask) -> RedriveTask:
        """Returns the one that is kept."""
        self._note(_start_of(task))
        return self._tasks[task.identifier]

    def set_state(self, task: RedriveTask, state: str, failure: str = "") -> None:
        self._note({"op": "state", "id": task.identifier, "state": state, "failure": failure})

    def end(self, task: RedriveTask, state: str, failure: str = "") -> None:
        """It has nothing more to do."""
        self._dismiss(task)
        self.set_state(task, state, failure)

    def note_moved(self, task: RedriveTask, count: i64) -> None:
        self._note({"op": "moved", "id": task.identifier, "moved": task.moved + int(count)})

    def forget(self, namespace: str, source: str) -> None:
        """The queue has gone, and its tasks with it. No fact: what says that it is gone says this, too."""
        for task in self._of_source.pop((namespace, source), []):
            self._tasks.pop(task.identifier, None)
            self._dismiss(task)

    def _dismiss(self, task: RedriveTask) -> None:
        if task.worker is not None:
            self._core.unschedule(task.worker)
            task.worker = None

    # Changes.

    def _note(self, change: dict[str, object]) -> None:
        self._core.note(self._part, change)
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
            found.append(_start_of(task))
            found.append({"op": "moved", "id": task.identifier, "moved": task.moved})
            found.append({"op": "state", "id": task.identifier, "state": task.state, "failure": task.failure})
        return found


def _start_of(task: RedriveTask) -> dict[str, object]:
    return {
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
