"""Deadlines: called in order, once, and rescheduled from what `due` says."""

from __future__ import annotations

from onemq.net.clock import Clock
from onemq.net.timers import Deadline, Timers
from unit.net.stage import QuietParty


class Alarm(QuietParty):
    def __init__(self, following: list[int]) -> None:
        super().__init__()
        self.calls: list[int] = []
        self.following = following

    def due(self, now_ms: int) -> int:
        self.calls.append(now_ms)
        return self.following.pop(0) if self.following else 0


def test_runs_what_is_due_and_arms_what_follows() -> None:
    timers = Timers()
    alarm = Alarm([150])
    timers.arm(Deadline(alarm), 100)
    assert timers.next_ms() == 100
    timers.run(99)
    assert alarm.calls == []
    timers.run(100)
    assert alarm.calls == [100] and timers.next_ms() == 150
    timers.run(1000)
    assert alarm.calls == [100, 1000] and timers.next_ms() == 0


def test_an_earlier_deadline_overtakes_and_the_later_entry_is_void() -> None:
    timers = Timers()
    alarm = Alarm([])
    deadline = Deadline(alarm)
    timers.arm(deadline, 100)
    timers.arm(deadline, 50)
    timers.arm(deadline, 70)
    timers.run(60)
    timers.run(200)
    assert alarm.calls == [60]


def test_cancelled_is_never_called_and_cannot_be_armed() -> None:
    timers = Timers()
    alarm = Alarm([])
    deadline = Deadline(alarm)
    timers.arm(deadline, 100)
    deadline.cancel()
    timers.arm(deadline, 100)
    timers.run(200)
    assert alarm.calls == []


def test_zero_means_no_deadline() -> None:
    timers = Timers()
    timers.arm(Deadline(Alarm([])), 0)
    assert timers.next_ms() == 0


def test_the_clock_never_goes_back() -> None:
    clock = Clock()
    times = [clock.now_ms() for _ in range(1000)]
    assert times == sorted(times)
