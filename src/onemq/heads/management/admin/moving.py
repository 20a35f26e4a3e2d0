"""Moving records on: redrives (tasks of the engine, which go on without us) and replays (copied step by step, driven by who asks).

A replay copies records of a log that keeps them (a topic, a stream) into a queue, as new records: what the log's own readers have read
stays as it is. Groups are sent back by resetting their offsets (groups.py), which copies nothing.
"""

from typing import Final

from onemq.engine.access import Access
from onemq.engine.enqueueing import REFUSED
from onemq.engine.inspection import FROM_OFFSET, FROM_TIME
from onemq.engine.peek import PASSED_MAX
from onemq.engine.redrive_selection import Selection
from onemq.engine.redrive_tasks import RedriveTask
from onemq.engine.routes import Route as PublishRoute
from onemq.heads.management.admin.looking import Looks
from onemq.heads.management.admin.message_shapes import Condition, Moving, Redrive, Replay, Replayed
from onemq.heads.management.admin.service import (
    NUMBER_MAX,
    acting,
    within,
)
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.routes import Route
from onemq.model.refusal import Reason, Refusal

STEP_MAX: Final = 5000
CONDITIONS_MAX: Final = 20
RATE_MAX: Final = 1_000_000


class MovingPart:
    """See the module."""

    def routes(self) -> list[Route]:
        many = "/v1/redrives/{namespace}/{queue}"
        one = many + "/{id}"
        return [
            Route(
                "GET",
                many,
                self.index,
                summary="Redrives of a queue, the newest first",
                response=list[Moving],
            ),
            Route("POST", many, self.start, summary="Begins to redrive", request=Redrive, response=Moving),
            Route("GET", one, self.show, summary="How far a redrive is", response=Moving),
            Route("DELETE", one, self.cancel, summary="Cancels a redrive", response=Moving),
            Route(
                "POST",
                "/v1/replay/{namespace}/{topic}",
                self.replay,
                summary="Copies kept records into a queue, step by step",
                request=Replay,
                response=Replayed,
            ),
        ]

    def index(self, call: Call) -> None:
        call.answer([_moving(task) for task in acting(call).redrives.list(call.values["queue"])])

    def start(self, call: Call) -> None:
        wanted = call.body(Redrive)
        within("where", len(wanted.where), 0, CONDITIONS_MAX)
        within("since_ms", wanted.since_ms, 0, NUMBER_MAX)
        within("limit", wanted.limit, 0, NUMBER_MAX)
        within("per_second", wanted.per_second or 1, 1, RATE_MAX)
        access = acting(call)
        selection = Selection({each.name: each.value for each in wanted.where}, wanted.since_ms, wanted.limit)
        queue = call.values["queue"]
        identifier = access.redrives.start(queue, wanted.to, wanted.per_second, selection)
        call.answer(_moving(_task(access, queue, identifier)))

    def show(self, call: Call) -> None:
        call.answer(_moving(_task(acting(call), call.values["queue"], call.values["id"])))

    def cancel(self, call: Call) -> None:
        access = acting(call)
        task = _task(access, call.values["queue"], call.values["id"])
        if not task.at_work():
            raise Problem(409, "ended", f"this redrive is {task.state} already")
        call.answer(_moving(access.redrives.cancel(task.identifier)))

    def replay(self, call: Call) -> None:
        wanted = call.body(Replay)
        within("count", wanted.count, 1, STEP_MAX)
        within("since_ms", wanted.since_ms, 0, NUMBER_MAX)
        within("until_ms", wanted.until_ms or 0, 0, NUMBER_MAX)
        for offset in wanted.positions.values():
            within("positions", offset, -1, NUMBER_MAX)
        call.session.link.publishes()
        _Replaying(call, acting(call), wanted).go_on()


def _task(access: Access, queue: str, identifier: str) -> RedriveTask:
    """Refusal NOT_FOUND."""
    for task in access.redrives.list(queue):
        if task.identifier == identifier:
            return task
    raise Refusal(Reason.NOT_FOUND, "redrive", identifier)


def _moving(task: RedriveTask) -> Moving:
    selection = task.chosen
    return Moving(
        id=task.identifier,
        source=task.source,
        to=task.destination,
        state=task.state,
        failure=task.failure,
        moved=task.moved,
        to_move=task.to_move,
        started_at_ms=task.started_ms,
        where=[Condition(name=name, value=value) for name, value in selection.where.items()],
        since_ms=int(selection.since_ms),
        limit=int(selection.limit),
    )


class _Replaying(Looks):
    """One step: reads on in each partition where the last step stopped, and publishes copies."""

    def __init__(self, call: Call, access: Access, wanted: Replay) -> None:
        super().__init__(call, access)
        self._source = call.values["topic"]
        self._wanted = wanted
        self._until_ms = call.now_ms() if wanted.until_ms is None else wanted.until_ms
        self._route: PublishRoute = access.queue_route(wanted.to)
        self._copied = 0
        partitions = self._kept_partitions()
        self._positions = {index: wanted.positions.get(str(index), -1) for index in partitions}
        self._todo = [index for index in partitions if self._positions[index] != NUMBER_MAX]
        self.count = wanted.count

    def _kept_partitions(self) -> list[int]:
        """Raises Problem when nothing is kept there; Refusal NOT_FOUND."""
        view = self.access.inspection.queue(self._source)
        if view.topic:
            self.kept = True
            if self._source == self._wanted.to:
                text = f"'{self._source}' would be copied into its own log: replay into another queue, or reset a group"
                raise Problem(400, "bad_request", text)
            return [each.index for each in self.access.inspection.topic(self._source).partitions]
        if view.settings.kept:
            return [0]
        text = f"queue '{self._source}' keeps nothing: what was settled is gone. Streams and topics keep their records"
        raise Problem(400, "not_supported", text)

    def go_on(self) -> None:
        while self._todo and self.count > 0:
            partition = self._todo[0]
            self.partition = partition if self.kept else -1
            position = self._positions[partition]
            start, value = (FROM_TIME, self._wanted.since_ms) if position < 0 else (FROM_OFFSET, position)
            if not self.look(self._source, start, value):
                if not self.call.answered:
                    self.call.canceller = self
                return
            self._copy()
        self.call.answer(
            Replayed(
                copied=self._copied,
                positions={str(index): offset for index, offset in self._positions.items()},
                until_ms=self._until_ms,
                done=not self._todo,
            )
        )

    def later(self) -> None:
        self._copy()
        self.go_on()

    def _copy(self) -> None:
        partition = self._todo[0]
        over = not self.more
        position = self._positions[partition]
        if not self.found and self.more:
            position = max(position, 0) + PASSED_MAX
        for each in self.found:
            record = each.record
            if record.timestamp_ms > self._until_ms:
                over = True
                break
            copy = record.copy()
            copy.deaths = None
            copy.expires_at_ms = 0
            copy.not_before_ms = 0
            copy.address = self._route.address
            self.access.catalog.natives.drop_extra_keys(copy)
            if self.access.publish(self._route, copy) & REFUSED:
                raise Problem(
                    409, "limit_reached", f"queue '{self._wanted.to}' is full: {self._copied} were copied"
                )
            self._copied += 1
            self.count -= 1
            position = int(record.offset) + 1
        self._positions[partition] = NUMBER_MAX if over else position
        if over:
            self._todo.pop(0)
