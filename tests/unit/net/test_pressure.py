"""Alarms: who is held up, told what, and when it is over."""

from __future__ import annotations

import logging

import pytest

from onemq.net.pressure import DISK, MEMORY, QUIET_LOOKS, Pressure
from unit.net.stage import QuietParty


class FakePublisher(QuietParty):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def hold(self, reason: str) -> None:
        self.told.append(reason)

    def unhold(self) -> None:
        self.told.append("over")

    def slow_down(self, slow: bool) -> None:
        self.told.append("slow" if slow else "fast")


def test_memory_alarm_has_hysteresis() -> None:
    pressure = Pressure(1000)
    publisher = FakePublisher()
    pressure.add(publisher)
    for tracked in (999, 1000, 1500, 950, 900, 899, 950):
        pressure.observe_memory(tracked)
    assert publisher.told == [MEMORY, "over"]


def test_whoever_begins_to_publish_under_an_alarm_is_held_at_once() -> None:
    pressure = Pressure(1000)
    pressure.observe_memory(2000)
    late, gone = FakePublisher(), FakePublisher()
    pressure.add(late)
    pressure.add(gone)
    pressure.remove(gone)
    pressure.observe_memory(0)
    assert late.told == [MEMORY, "over"] and gone.told == [MEMORY]


def test_zero_switches_the_memory_alarm_off() -> None:
    pressure = Pressure(0)
    pressure.observe_memory(1 << 50)
    assert pressure.reason() == ""


def test_disk_alarm_follows_the_free_space() -> None:
    free = [100]
    pressure = Pressure(0, 50, lambda: free[0])
    publisher = FakePublisher()
    pressure.add(publisher)
    for free[0] in (50, 49, 10, 50):
        pressure.observe_disk()
    assert publisher.told == [DISK, "over"]


def test_publishers_wait_until_every_alarm_is_over() -> None:
    free = [0]
    pressure = Pressure(1000, 50, lambda: free[0])
    publisher = FakePublisher()
    pressure.add(publisher)
    pressure.observe_disk()
    pressure.observe_memory(1000)
    pressure.store_stalled("no space")
    free[0] = 100
    pressure.observe_disk()
    pressure.observe_memory(0)
    assert publisher.told == [DISK] and pressure.reason() == DISK
    pressure.store_resumed()
    assert publisher.told == [DISK, "over"] and pressure.reason() == ""


def test_a_slow_disk_slows_publishers_down_without_a_word() -> None:
    pressure = Pressure(0, pending_bytes_max=100)
    publisher = FakePublisher()
    pressure.add(publisher)
    for pending in (100, 101, 60, 51, 50, 80):
        pressure.observe_pending(pending)
    assert publisher.told == ["slow", "fast"] and pressure.reason() == ""


def test_how_long_publishers_were_held_up() -> None:
    pressure = Pressure(1000, pending_bytes_max=100)
    pressure.add(FakePublisher())
    pressure.observe_time(1_000)
    pressure.observe_memory(2000)
    assert pressure.throttled() == 1 and pressure.memory_low
    pressure.observe_time(4_000)
    pressure.observe_memory(0)
    pressure.observe_time(4_500)
    pressure.observe_pending(101)
    assert pressure.throttled() == 1 and not pressure.memory_low
    pressure.observe_time(4_700)
    pressure.observe_pending(0)
    pressure.observe_time(9_000)
    assert (pressure.alarms, pressure.alarm_ms) == (1, 3_000)
    assert (pressure.slowdowns, pressure.slow_ms) == (1, 200)
    assert pressure.throttled() == 0
    pressure.store_stalled("no space")
    assert pressure.disk_low


def test_explanations_say_what_to_do() -> None:
    free = [100]
    pressure = Pressure(0, 50, lambda: free[0])
    assert pressure.explanation() == ""
    free[0] = 49
    pressure.observe_disk()
    assert "49 bytes are free, disk.free_bytes_min is 50" in pressure.explanation()
    pressure.store_stalled("no space left")
    assert "no space left" in pressure.explanation() and "make space" in pressure.explanation()


def test_slowing_down_again_and_again_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pressure = Pressure(0, pending_bytes_max=100)
    for _ in range(10):
        for pending in (101, 50, 101, 50):
            pressure.observe_pending(pending)
        pressure.observe_disk()
    assert len(caplog.records) == 1 and "storage.pending_bytes_max" in caplog.text
    for _ in range(QUIET_LOOKS):
        pressure.observe_disk()
    pressure.observe_pending(101)
    pressure.observe_disk()
    assert len(caplog.records) == 2
