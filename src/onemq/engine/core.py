"""The heart that all parts of the engine share: the turn's time, the commit being gathered, what must be dispatched, and deadlines.

Synchronous and deterministic: time arrives with `begin_turn`, randomness through `entropy`.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, mypyc_attr

from onemq.engine.counters import Totals
from onemq.engine.facts import begin_batch, write_part
from onemq.engine.loads import FindWaiter, LoadWaiter
from onemq.engine.parts import Part
from onemq.engine.ports import Auditor, Store, Tracer
from onemq.engine.settings import EngineSettings

COPIED_BYTES_MAX: Final = 4096
"""A smaller batch is copied into the commit: cheaper than a part of its own."""
STALE_DEADLINES_MIN: Final = 1000
"""So many entries that do not count any more are always left alone in the heap of deadlines."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Agenda:
    """Something that can have work to do in a turn, or a deadline. Each says what it does of that; it has nothing to do elsewhere."""

    def __init__(self) -> None:
        self.dirty = False
        self.unsealed = False
        self.unwritten = False
        self.deadline_ms: i64 = 0

    def seal(self) -> None:
        """Closes the records appended in this turn into batches and writes their facts."""
        return

    def dispatch(self, budget: i64) -> i64:
        """Makes at most `budget` deliveries; returns how many. Marks itself dirty again when it could do more."""
        return 0

    def write_facts(self) -> None:
        """Writes the facts gathered since the last commit (settled, leased, returned)."""
        return

    def durable_up_to(self, position: i64) -> bool:
        """Commits up to `position` are durable. True when more is awaited."""
        return False

    def on_deadline(self) -> None:
        """The time last scheduled has come."""
        return


class Core:
    """State of the turn, shared by all queues.

    Attributes:
        now_ms: time of this turn, milliseconds since the epoch; never goes back.
        last_position: position of the last commit appended. durable_position: everything up to it is safe.
        facts: what this turn's commit holds so far, from the last large batch on.
        tail_bytes: estimate of what the records in memory take.
        delivery_bytes_left: bytes of values that may still be delivered in this turn.
        load_waiters, find_waiters: by ticket: who asked the store on no queue's behalf.
        fetch_bytes_left: bytes of batches that may still be fetched before others of them have left; may be below 0.
        auditor: is told what administrators do, by way of auditing.py; None: nobody is.
        tracer: is told what happens to messages; None: nobody is.
        totals: what was counted, by protocol.
    """

    def __init__(self, store: Store, settings: EngineSettings, entropy: Callable[[int], bytes]) -> None:
        self.store = store
        self.settings = settings
        self.entropy = entropy
        self.auditor: Auditor | None = None
        self.tracer: Tracer | None = None
        self.persistent = store.persistent
        self.totals = Totals()
        self.now_ms: i64 = 0
        self.last_position: i64 = 0
        self.durable_position: i64 = 0
        self.facts = BytesWriter()
        self._facts_before: list[bytes] = []
        """Up to the last large batch, that included."""
        self.will_commit = False
        self.tail_bytes: i64 = 0
        self.delivery_bytes_left: i64 = settings.dispatch_bytes_per_turn
        self.fetch_bytes_left: i64 = settings.fetch_bytes_held_max
        self.tickets: i64 = 0
        self.load_waiters: dict[int, LoadWaiter] = {}
        self.find_waiters: dict[int, FindWaiter] = {}
        self.to_dispatch: list[Agenda] = []
        self.to_seal: list[Agenda] = []
        self.to_write: list[Agenda] = []
        self.awaiting_durable: dict[Agenda, bool] = {}
        self._deadlines: list[tuple[int, int, Agenda]] = []
        self._deadline_count = 0
        self._stale = 0

    def ticket(self) -> int:
        """A number for the next call to the store."""
        self.tickets += 1
        return int(self.tickets)

    def position(self) -> i64:
        """The position at which everything done so far will be durable."""
        if self.will_commit:
            return self.last_position + 1
        return self.last_position

    def need_dispatch(self, agenda: Agenda) -> None:
        if not agenda.dirty:
            agenda.dirty = True
            self.to_dispatch.append(agenda)

    def need_seal(self, agenda: Agenda) -> None:
        if not agenda.unsealed:
            agenda.unsealed = True
            self.to_seal.append(agenda)

    def need_write(self, agenda: Agenda) -> None:
        if not agenda.unwritten:
            agenda.unwritten = True
            self.to_write.append(agenda)

    def seal_all(self) -> None:
        while self.to_seal:
            agendas = self.to_seal
            self.to_seal = []
            for agenda in agendas:
                agenda.unsealed = False
                agenda.seal()

    def note(self, part: Part, change: dict[str, object]) -> None:
        """A change of a part's durable state, in this turn's commit."""
        if self.persistent:
            write_part(self.facts, part.number, change)
        self.will_commit = True

    def write_batch(self, log_id: int, flags: int, value_bytes: i64, batch: bytes) -> None:
        """The fact that the batch was appended. A large one goes to the store as it is, without another copy."""
        begin_batch(self.facts, log_id, flags, value_bytes, len(batch))
        if len(batch) <= COPIED_BYTES_MAX:
            self.facts.write(batch)
            return
        self._facts_before.append(self.facts.getvalue())
        self._facts_before.append(batch)
        self.facts = BytesWriter()

    def commit(self) -> None:
        """Hands this turn's facts to the store as one atomic commit."""
        self.seal_all()
        agendas = self.to_write
        if agendas:
            self.to_write = []
            for agenda in agendas:
                agenda.unwritten = False
                agenda.write_facts()
        before = self._facts_before
        if self.will_commit or len(self.facts) or before:
            data = self.facts.getvalue()
            self.facts = BytesWriter()
            self.will_commit = False
            if before:
                self._facts_before = []
                before.append(data)
                position = self.store.append_parts(before)
            else:
                position = self.store.append(data)
            assert position == self.last_position + 1, "the store counts positions differently"
            self.last_position = position

    # Deadlines: one heap; an agenda has at most one that counts (the others in the heap are stale).

    def schedule(self, agenda: Agenda, at_ms: i64) -> None:
        """Makes sure that the agenda's `on_deadline` is called at `at_ms` or before."""
        if agenda.deadline_ms == 0 or at_ms < agenda.deadline_ms:
            if agenda.deadline_ms != 0:
                self._one_more_stale()
            agenda.deadline_ms = at_ms
            self._deadline_count += 1
            heappush(self._deadlines, (int(at_ms), self._deadline_count, agenda))

    def unschedule(self, agenda: Agenda) -> None:
        """The agenda's deadline does not count any more. Needed where it may be far off and the agenda is gone before: the
        heap would keep it until then."""
        if agenda.deadline_ms != 0:
            agenda.deadline_ms = 0
            self._one_more_stale()

    def _one_more_stale(self) -> None:
        self._stale += 1
        if self._stale <= STALE_DEADLINES_MIN or self._stale * 2 <= len(self._deadlines):
            return
        # In place: run_deadlines may be going through the heap.
        heap = self._deadlines
        heap[:] = [entry for entry in heap if entry[2].deadline_ms == entry[0]]
        heapify(heap)
        self._stale = 0

    def next_deadline_ms(self) -> int:
        """When `run_deadlines` has to be called next; 0 = no need."""
        heap = self._deadlines
        while heap and heap[0][2].deadline_ms != heap[0][0]:
            heappop(heap)
            self._stale -= 1
        return heap[0][0] if heap else 0

    def run_deadlines(self) -> None:
        heap = self._deadlines
        while heap and heap[0][0] <= self.now_ms:
            at_ms, _, agenda = heappop(heap)
            if agenda.deadline_ms == at_ms:
                agenda.deadline_ms = 0
                agenda.on_deadline()
            else:
                self._stale -= 1
