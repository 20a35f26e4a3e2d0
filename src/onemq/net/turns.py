"""The turn: everything that one pass of the event loop brings is one commit of the engine and one write per connection.

A turn begins with the first input (bytes, a timer, the store's wake-up). After the loop has served every socket that had
something: the engine dispatches and commits, replies that have become durable are released, conversations add their
last words, every connection that has bytes writes once. Must not know protocols or sockets.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from mypy_extensions import i64

from onemq.engine.ports import Completion, Failed, Resumed, Stalled
from onemq.model.histogram import Histogram
from onemq.net.clock import Clock
from onemq.net.outbox import Durability
from onemq.net.party import Party
from onemq.net.pressure import Pressure
from onemq.net.timers import Timers

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle

_log = logging.getLogger("onemq.turns")

GATHER_NS_MAX: Final = 300_000
"""How long a turn whose commit is waited for takes in more input, while more connections bring some: about the sync that those
who come later would wait for twice, the turn's and their own."""


class Engine(Protocol):
    """The engine's broker, as far as turns go."""

    @property
    def durable_position(self) -> int: ...
    def begin_turn(self, now_ms: int) -> None: ...
    def end_turn(self) -> bool: ...
    def awaits_durable(self) -> bool: ...
    def complete(self, completions: list[Completion]) -> None: ...
    def tick(self, now_ms: int) -> None: ...
    def next_deadline_ms(self) -> int: ...
    def memory_bytes(self) -> int: ...


class FinishingStore(Protocol):
    """The store, as far as turns go."""

    def settle_turn(self, awaited: bool) -> None: ...
    def completions(self) -> list[Completion]: ...
    def pending_bytes(self) -> int: ...


class Turns:
    """Drives the engine from the event loop.

    Attributes:
        now_ms: the engine's time of the current turn (of the last one, between turns).
        peers_ms: the same moment as connections have it: a clock that was put ahead does not make a peer late.
        active: a turn has begun and its end is scheduled.
        durations: from the first input of each turn to its end: how long others had to wait.
        fatal: called with the reason when nothing can be promised any more; it must end the process, or `close` this.
    """

    def __init__(
        self,
        loop: "AbstractEventLoop",
        clock: Clock,
        broker: Engine,
        store: FinishingStore,
        pressure: Pressure,
        fatal: Callable[[str, Exception | None], None],
    ) -> None:
        self.now_ms: i64 = 0
        self.peers_ms: i64 = 0
        self.active = False
        self.durability = Durability()
        self.timers = Timers()
        self.pressure = pressure
        self.fatal = fatal
        self.durations = Histogram()
        self._began_ns: i64 = 0
        self._closed = False
        self._loop = loop
        self._broker = broker
        self._store = store
        self._clock = clock
        self._dirty: list[Party] = []
        self._gathered: i64 = 1
        """How many connections the turn had at the loop's last pass."""
        self._resuming: list[Party] = []
        self._timer: TimerHandle | None = None
        self._timer_ms: i64 = 0
        self._read_clock()
        self.durability.position = broker.durable_position

    def enter(self) -> None:
        """Begins a turn, unless one has begun. Call before anything that reaches the engine."""
        if not self.active:
            self._begin()
            self._loop.call_soon(self._end)

    def add(self, party: Party) -> None:
        """Ends this turn with `party`. The caller sees to it that it is added once."""
        self._dirty.append(party)
        self.enter()

    def add_resuming(self, party: Party) -> None:
        """Calls `party.resume()` before the next commit. The caller sees to it that it is added once."""
        self._resuming.append(party)
        self.enter()

    def arm(self) -> None:
        """Sees to it that the next deadline, the engine's or a connection's, is kept."""
        soonest = self.timers.next_ms()
        engine_ms: i64 = self._broker.next_deadline_ms()
        if engine_ms != 0:
            engine_ms -= self.now_ms - self.peers_ms
            if soonest == 0 or engine_ms < soonest:
                # Zero stands for none.
                soonest = engine_ms if engine_ms > 0 else 1
        if soonest == 0 or (self._timer is not None and self._timer_ms <= soonest):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ms = soonest
        wait_ms: i64 = soonest - self.peers_ms
        self._timer = self._loop.call_later(max(int(wait_ms), 0) / 1000, self._tick)

    def wake_from_store(self) -> None:
        """Called from the store's threads: it has finished something."""
        self._loop.call_soon_threadsafe(self._woken)

    def time_moved(self) -> None:
        """The clock was put ahead: what is due now is done in this turn."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self.active:
            # The rest of the turn that has begun is later.
            self._read_clock()
            self._broker.begin_turn(self.now_ms)
        self._tick()

    def close(self) -> None:
        """No turn begins or ends any more: nothing is committed, dispatched, confirmed or written after this."""
        self._closed = True
        # To whoever comes, a turn is on; its end never comes.
        self.active = True
        self._dirty = []
        self._resuming = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        self.active = True
        self._began_ns = time.monotonic_ns()
        self._read_clock()
        self._broker.begin_turn(self.now_ms)

    def _read_clock(self) -> None:
        self.now_ms = self._clock.now_ms()
        self.peers_ms = self.now_ms - self._clock.ahead_ms

    def _woken(self) -> None:
        # When a turn is under way its end collects. Otherwise it ends here and now, one pass of the loop earlier.
        if not self.active:
            try:
                if self._collect():
                    self._end()
            except Exception as error:
                self.fatal("the engine failed", error)

    def _tick(self) -> None:
        if self._closed:
            return
        self._timer = None
        self.enter()
        try:
            self._broker.tick(self.now_ms)
            self.timers.run(self.peers_ms)
        except Exception as error:
            self.fatal("the engine failed at a deadline", error)

    def _end(self) -> None:
        try:
            if self._gathers():
                self._loop.call_soon(self._end)
            else:
                self._finish_turn()
        except Exception as error:
            # The engine's state is wrong now. Going on would lose data quietly.
            self.fatal("the engine failed", error)

    def _gathers(self) -> bool:
        """Whether the turn takes in what the loop's next pass brings: one commit and one sync for more of those who wait."""
        count: i64 = len(self._dirty)
        durability = self.durability
        if count <= self._gathered or durability.wanted <= durability.position or self._closed:
            return False
        self._gathered = count
        began_ns: i64 = self._began_ns
        now_ns: i64 = time.monotonic_ns()
        return now_ns - began_ns < GATHER_NS_MAX

    def _finish_turn(self) -> None:
        self._gathered = 1
        broker = self._broker
        self._collect()
        if self._closed:
            return
        if self._resuming:
            resuming = self._resuming
            self._resuming = []
            for party in resuming:
                party.resume()
        more = broker.end_turn()
        durability = self.durability
        awaited = durability.wanted > durability.position or broker.awaits_durable()
        self._store.settle_turn(awaited)
        # A store that needs no waiting has finished the commit by now.
        if self._collect():
            more = True
        if self._closed:
            return
        self.pressure.observe_time(self.now_ms)
        self.pressure.observe_memory(broker.memory_bytes())
        self.pressure.observe_pending(self._store.pending_bytes())
        dirty = self._dirty
        index: i64 = 0
        while True:
            while index < len(dirty):
                dirty[index].end_turn()
                index += 1
            if awaited or durability.wanted <= durability.position:
                break
            # A last word waits for what nobody seemed to wait for.
            awaited = True
            self._store.settle_turn(True)
            if self._collect():
                more = True
        if self._closed:
            return
        self._dirty = []
        for party in dirty:
            party.flush()
        self.durations.add((time.monotonic_ns() - self._began_ns) // 1_000)
        self.active = False
        if more or self._dirty or self._resuming:
            self.enter()
        self.arm()

    def _collect(self) -> bool:
        """Hands the engine what the store has finished, and releases replies. True if there was anything."""
        if self._closed:
            return False
        completions = self._store.completions()
        if not completions:
            return False
        for completion in completions:
            if isinstance(completion, Failed):
                self.fatal(f"the store failed: {completion.detail}", None)
            elif isinstance(completion, Stalled):
                self.pressure.store_stalled(completion.detail)
            elif isinstance(completion, Resumed):
                self.pressure.store_resumed()
        if self._closed:
            return False
        if not self.active:
            self._begin()
        self._broker.complete(completions)
        durable_position: i64 = self._broker.durable_position
        if durable_position != self.durability.position:
            self.durability.advance(durable_position)
        return True
