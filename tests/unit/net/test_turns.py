"""Turns with a clock that is put ahead, and their end. (What turns do otherwise: test_connection.py, tests/conformance.)"""

from __future__ import annotations

from onemq.engine.ports import Durable
from onemq.net.pressure import Pressure
from onemq.net.timers import Deadline
from onemq.net.turns import Turns
from unit.net.stage import FakeClock, FakeEngine, FakeLoop, FakeStore, QuietParty


class AheadClock(FakeClock):
    def now_ms(self) -> int:
        return self.time_ms + int(self.ahead_ms)


class TickingEngine(FakeEngine):
    def __init__(self) -> None:
        super().__init__()
        self.ticks: list[int] = []

    def tick(self, now_ms: int) -> None:
        self.ticks.append(now_ms)
        if self.deadline_ms <= now_ms:
            self.deadline_ms = 0


class DueParty(QuietParty):
    def __init__(self) -> None:
        super().__init__()
        self.dues: list[int] = []

    def due(self, now_ms: int) -> int:
        self.dues.append(now_ms)
        return 0


class Stage:
    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.clock = AheadClock()
        self.engine = TickingEngine()
        self.store = FakeStore()
        self.turns = Turns(
            self.loop,  # type: ignore[arg-type]
            self.clock,
            self.engine,
            self.store,
            Pressure(0),
            lambda reason, error: None,
        )

    def next_timer_seconds(self) -> float:
        (found,) = [seconds for seconds, _callback, timer in self.loop.later if not timer.cancelled]
        return found


def test_the_engine_goes_ahead_and_peers_do_not() -> None:
    stage = Stage()
    party = DueParty()
    start = stage.clock.time_ms
    stage.turns.timers.arm(Deadline(party), start + 5_000)
    stage.engine.deadline_ms = start + 3_600_000
    stage.turns.enter()
    stage.loop.run()
    assert stage.next_timer_seconds() == 5.0

    stage.clock.ahead_ms += 3_600_000
    stage.turns.time_moved()
    stage.loop.run()
    assert stage.engine.ticks == [start + 3_600_000]
    assert stage.turns.now_ms == start + 3_600_000
    assert stage.turns.peers_ms == start
    assert party.dues == []
    assert stage.next_timer_seconds() == 5.0

    stage.clock.time_ms += 5_000
    stage.loop.ring()
    assert party.dues == [start + 5_000]


def test_the_rest_of_a_turn_that_has_begun_is_later() -> None:
    stage = Stage()
    stage.engine.deadline_ms = stage.clock.time_ms + 1_000
    stage.turns.enter()
    stage.clock.ahead_ms += 1_000
    stage.turns.time_moved()
    assert stage.engine.ticks == [stage.clock.time_ms + 1_000]
    stage.loop.run()


def test_an_engine_deadline_after_the_move_is_kept_in_real_time() -> None:
    stage = Stage()
    stage.clock.ahead_ms += 1_000_000
    stage.engine.deadline_ms = stage.clock.now_ms() + 250
    stage.turns.enter()
    stage.loop.run()
    assert stage.next_timer_seconds() == 0.25


def test_after_the_end_no_turn_begins_or_ends() -> None:
    stage = Stage()
    stage.engine.deadline_ms = stage.clock.time_ms + 1_000
    stage.turns.enter()
    stage.loop.run()
    stage.turns.enter()
    stage.engine.log.clear()
    stage.turns.close()
    stage.loop.run()
    stage.loop.ring()
    stage.store.finished.append(Durable(1))
    stage.turns.wake_from_store()
    stage.turns.time_moved()
    stage.turns.enter()
    stage.loop.run()
    assert stage.engine.log == []
    assert stage.engine.ticks == []
