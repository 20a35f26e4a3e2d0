"""Looking at records without taking them: peek, dead letters with their histories, and reading a topic by offset or time."""

from typing import Final

from onemq.engine.access import Access
from onemq.engine.inspection import FROM_HEAD, FROM_OFFSET, FROM_TIME
from onemq.engine.peek import COUNT_MAX, PASSED_MAX, Peek, Peeked, PeekWaiter
from onemq.engine.redrive_selection import Selection
from onemq.engine.topics.fetching import Fetch, Fetched, FetchWaiter
from onemq.engine.views import PartitionView
from onemq.heads.management.admin import message_shapes as shapes
from onemq.heads.management.admin.consuming import WAIT_MS_MAX
from onemq.heads.management.admin.messages import peeked_message
from onemq.heads.management.admin.service import NUMBER_MAX, acting, bad_request, within
from onemq.heads.management.call import Call, Canceller
from onemq.heads.management.routes import Parameter, Route

PEEKS_MAX: Final = 1000
_COUNT = Parameter("count", f"at most so many, up to {PEEKS_MAX}", "integer")


class Looking:
    """See the module."""

    def routes(self) -> list[Route]:
        return [
            Route(
                "GET",
                "/v1/peek/{namespace}/{queue}",
                self.peek,
                summary="Looks at records of a queue or a topic",
                query=(
                    _COUNT,
                    Parameter("offset", "from this offset", "integer"),
                    Parameter("since_ms", "published then or later", "integer"),
                    Parameter("partition", "of this partition", "integer"),
                    Parameter("ready", "not what is delayed or leased", "boolean"),
                    Parameter("kept", "of the topic, though a queue has the name", "boolean"),
                ),
                response=shapes.Peeked,
            ),
            Route(
                "GET",
                "/v1/dead-letters/{namespace}/{queue}",
                self.dead_letters,
                summary="Looks at dead letters: why, from where, how often, when",
                query=(
                    _COUNT,
                    Parameter("offset", "from this offset: next_offset of the last answer", "integer"),
                    Parameter("since_ms", "died (without a death: published) then or later", "integer"),
                    Parameter("ready", "not what is delayed or leased", "boolean"),
                    Parameter(
                        "where", "name=value of a header, @queue or @reason; may be given several times"
                    ),
                ),
                response=shapes.DeadLetters,
            ),
            Route(
                "POST",
                "/v1/fetch/{namespace}/{topic}",
                self.fetch,
                summary="Reads a topic by offset or time",
                request=shapes.Fetch,
                response=shapes.Fetched,
            ),
        ]

    def peek(self, call: Call) -> None:
        query = call.query
        start, value = FROM_HEAD, 0
        if "offset" in query:
            start, value = FROM_OFFSET, query.number("offset", 0, 0, NUMBER_MAX)
        elif "since_ms" in query:
            start, value = FROM_TIME, query.number("since_ms", 0, 0, NUMBER_MAX)
        peeking = _Peeking(call, acting(call))
        peeking.count = query.number("count", 10, 1, PEEKS_MAX)
        peeking.kept = query.flag("kept")
        peeking.ready_only = query.flag("ready")
        peeking.partition = query.number("partition", -1, -1, 1 << 30)
        peeking.begin(start, value)

    def dead_letters(self, call: Call) -> None:
        query = call.query
        where = dict(_condition(text) for text in query.all("where"))
        letters = _Letters(call, acting(call), Selection(where, query.number("since_ms", 0, 0, NUMBER_MAX)))
        letters.most = query.number("count", 100, 1, PEEKS_MAX)
        letters.count = COUNT_MAX
        letters.ready_only = query.flag("ready")
        letters.begin(FROM_OFFSET, query.number("offset", 0, 0, NUMBER_MAX))

    def fetch(self, call: Call) -> None:
        wanted = call.body(shapes.Fetch)
        within("count", wanted.count, 1, PEEKS_MAX)
        within("wait_ms", wanted.wait_ms, 0, WAIT_MS_MAX)
        within("offset", wanted.offset, 0, NUMBER_MAX)
        within("time_ms", wanted.time_ms, 0, NUMBER_MAX)
        for offset in wanted.positions.values():
            within("positions", offset, 0, NUMBER_MAX)
        _Fetching(call, acting(call), wanted).go_on()


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise bad_request(f"where is NAME=VALUE, not '{text}'")
    return name, value


class Looks(PeekWaiter, Canceller):
    """Peeks of one call, one after the other. What `look` shows is in `found` and `more`, at once (True) or when `later` is called."""

    def __init__(self, call: Call, access: Access) -> None:
        super().__init__()
        self.call = call
        self.access = access
        self.count = 10
        self.kept = False
        self.ready_only = False
        self.partition = -1
        self.found: list[Peeked] = []
        self.more = False
        self._peek: Peek | None = None
        self._asking = False
        self._shown = False

    def look(self, name: str, start: str, value: int) -> bool:
        """Refusal as `InspectionAccess.peek`."""
        self._shown = False
        self._asking = True
        try:
            self._peek = self.access.inspection.peek(
                name,
                self.count,
                self,
                start,
                value,
                kept=self.kept,
                partition=self.partition,
                ready_only=self.ready_only,
            )
        finally:
            self._asking = False
        return self._shown

    def peeked(self, found: list[Peeked], more: bool) -> None:
        self.found = found
        self.more = more
        self._shown = True
        if not self._asking:
            self.call.soon(self.later)

    def later(self) -> None:
        raise NotImplementedError

    def cancel(self) -> None:
        self.call.work = None
        if self._peek is not None:
            self._peek.cancel()


class _Peeking(Looks):
    """One peek of what the path names."""

    def begin(self, start: str, value: int) -> None:
        if self.look(self.call.values["queue"], start, value):
            self.later()
        else:
            self.call.canceller = self

    def later(self) -> None:
        messages = [peeked_message(self.access, each) for each in self.found]
        self.call.answer(shapes.Peeked(queue=self.call.values["queue"], messages=messages, more=self.more))


class _Letters(_Peeking):
    """Those of a page that are meant. most: how many of them."""

    def __init__(self, call: Call, access: Access, selection: Selection) -> None:
        super().__init__(call, access)
        self.most = 100
        self._selection = selection
        self._from = 0

    def begin(self, start: str, value: int) -> None:
        self._from = value
        super().begin(start, value)

    def later(self) -> None:
        messages: list[shapes.Message] = []
        next_offset: int | None = None
        looked = 0
        for each in self.found:
            if len(messages) >= self.most:
                next_offset = int(each.record.offset)
                break
            looked += 1
            if self._selection.fits(each.record, self.access.catalog.natives):
                messages.append(peeked_message(self.access, each))
        else:
            if self.more:
                next_offset = int(self.found[-1].record.offset) + 1 if self.found else self._from + PASSED_MAX
        queue = self.call.values["queue"]
        self.call.answer(
            shapes.DeadLetters(queue=queue, messages=messages, looked=looked, next_offset=next_offset)
        )


class _WaitsForMore(FetchWaiter):
    """The broker's own way of waiting for records of a topic; what they are is looked at afterwards."""

    def __init__(self, fetching: "_Fetching") -> None:
        super().__init__()
        self._fetching = fetching

    def fetched(self, results: list[Fetched]) -> None:
        self._fetching.came()


class _Fetching(Looks):
    """Reads partition after partition; when there was nothing, waits once for something to come, and reads again."""

    def __init__(self, call: Call, access: Access, wanted: shapes.Fetch) -> None:
        super().__init__(call, access)
        self.kept = True
        self.count = wanted.count
        self._wanted = wanted
        self._topic = call.values["topic"]
        self._wait_ms = wanted.wait_ms
        self._messages: list[shapes.Message] = []
        self._fetch: Fetch | None = None
        self._waiting = False
        view = access.inspection.topic(self._topic)
        if wanted.partition is not None and not 0 <= wanted.partition < len(view.partitions):
            raise bad_request(f"topic '{self._topic}' has no partition {wanted.partition}")
        self._positions: dict[int, int] = {}
        for each in view.partitions:
            if wanted.partition is None or wanted.partition == each.index:
                self._positions[each.index] = self._first(each)
        self._todo = list(self._positions)

    def _first(self, view: PartitionView) -> int:
        """Where reading a partition begins."""
        wanted = self._wanted
        if wanted.start == "latest":
            return int(view.end_offset)
        if wanted.start == "offset":
            return wanted.offset
        if wanted.start == "positions":
            return wanted.positions.get(str(view.index), int(view.start_offset))
        return int(view.start_offset)

    def go_on(self) -> None:
        """Until it is answered, or something has to be waited for."""
        while self._todo:
            self.partition = self._todo[0]
            by_time = self._wanted.start == "time"
            value = self._wanted.time_ms if by_time else self._positions[self.partition]
            if not self.look(self._topic, FROM_TIME if by_time else FROM_OFFSET, value):
                self._later()
                return
            self._take()
        if self._messages or self._wait_ms == 0 or not self._waits():
            self._finish()
        else:
            self._later()

    def _later(self) -> None:
        if not self.call.answered:
            self.call.canceller = self

    def later(self) -> None:
        self._take()
        self.go_on()

    def _take(self) -> None:
        partition = self._todo.pop(0)
        for each in self.found:
            self._messages.append(peeked_message(self.access, each))
        position = self._positions[partition]
        end = int(self.access.inspection.topic(self._topic).partitions[partition].stable_end_offset)
        if self.found:
            position = int(self.found[-1].record.offset) + 1
        elif self.more:
            position = min(position + PASSED_MAX, end)
        else:
            position = max(position, end)
        self._positions[partition] = position
        self.count -= len(self.found)
        if self.count <= 0:
            # The others' turn comes with the next request.
            self._todo = []

    def _waits(self) -> bool:
        """True: `came` is called when there is more, or the time is over."""
        wait_ms, self._wait_ms = self._wait_ms, 0
        self._wanted.start = "positions"
        self._todo = list(self._positions)
        topics = self.access.topics
        topic = topics.find(self._topic)
        parts = [topics.fetch_part(topic, index, offset, 1) for index, offset in self._positions.items()]
        self._waiting = True
        self._asking = True
        self._fetch = topics.fetch(parts, 1, 1, wait_ms, True, _WaitsForMore(self))
        self._asking = False
        if not self._waiting:
            self.go_on()
        return True

    def came(self) -> None:
        self._waiting = False
        if not self._asking:
            self.call.soon(self.go_on)

    def cancel(self) -> None:
        super().cancel()
        if self._waiting and self._fetch is not None:
            self._fetch.cancel()
            self._waiting = False

    def hurry(self) -> None:
        self.cancel()
        self._finish()

    def _finish(self) -> None:
        self.call.answer(
            shapes.Fetched(
                topic=self._topic,
                messages=self._messages,
                positions={str(index): offset for index, offset in self._positions.items()},
            )
        )
