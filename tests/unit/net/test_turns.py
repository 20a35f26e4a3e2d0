"""Turns with a clock that is put ahead, and their end. (What turns do otherwise: test_connection.py, tests/conformance.)"""

from __future__ import annotations

from collections.abc import Callable

from onemq.engine.ports import Durable
from onemq.net.outbox import ParkingOutbox
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


class Talker(QuietParty):
    """Says its last word when the turn ends."""

    def __init__(self, last_word: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.last_word = last_word

    def end_turn(self) -> None:
        if self.last_word is not None:
            self.last_word()

    def flush(self) -> None:
        pass


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
            lambda reason, error: self.failed.append(reason),
        )
        self.failed: list[str] = []

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


def test_a_turn_is_settled_as_awaited_while_a_reply_or_a_record_waits() -> None:
    stage = Stage()
    outbox = ParkingOutbox(stage.turns.durability)

    def turn() -> bool:
        stage.store.settled.clear()
        stage.turns.enter()
        stage.loop.run()
        return stage.store.settled[0]

    assert turn() is False
    outbox.park(0, 3, b"ok")
    assert turn() is True
    stage.store.finished.append(Durable(3))
    assert turn() is False
    outbox.park(0, 3, b"already")
    assert turn() is False
    stage.engine.awaits = True
    assert turn() is True


def test_a_turn_that_is_awaited_takes_in_more_connections_while_they_come() -> None:
    stage = Stage()
    outbox = ParkingOutbox(stage.turns.durability)

    def passes(coming: list[int]) -> int:
        """How many passes of the loop until the turn ends, when so many connections have something in each."""
        stage.turns.enter()
        count = 0
        while True:
            for _ in range(coming[count] if count < len(coming) else 0):
                stage.turns.add(Talker())
            count += 1
            ready, stage.loop.soon = stage.loop.soon, []
            settled = len(stage.store.settled)
            for callback in ready:
                callback()
            if len(stage.store.settled) > settled:
                return count
            assert not stage.failed

    assert passes([4, 2]) == 1, "nobody waits"
    outbox.park(0, 1, b"ok")
    assert passes([1]) == 1, "one alone has nobody to wait for"
    assert passes([4]) == 2
    assert passes([4, 3, 1]) == 4
    assert passes([4, 0, 3]) == 2
    # The clock of durations is the real one: however many come, it has an end.
    assert passes([2] * 1_000_000) < 1_000_000


def test_a_commit_that_is_done_in_the_turn_lets_its_replies_out_in_it() -> None:
    stage = Stage()
    outbox = ParkingOutbox(stage.turns.durability)
    outbox.park(0, 1, b"ok")

    class Prompt(FakeStore):
        def settle_turn(self, awaited: bool) -> None:
            self.finished.append(Durable(1))

    stage.turns._store = Prompt()
    stage.turns.enter()
    stage.loop.soon.pop(0)()
    assert outbox.take() == b"ok"


def test_a_last_word_that_waits_makes_its_turn_awaited() -> None:
    stage = Stage()
    outbox = ParkingOutbox(stage.turns.durability)

    class Prompt(FakeStore):
        def settle_turn(self, awaited: bool) -> None:
            super().settle_turn(awaited)
            if awaited:
                self.finished.append(Durable(1))

    store = stage.turns._store = Prompt()
    stage.turns.add(Talker(lambda: outbox.park(0, 1, b"confirmed")))
    stage.loop.soon.pop(0)()
    assert store.settled == [False, True]
    assert outbox.take() == b"confirmed"
