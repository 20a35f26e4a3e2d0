"""Threads: every notice leads to a turn, delays end early at a notice, stop drains."""

from __future__ import annotations

import threading

from onemq.storage.workers import MORE, NOTHING, Lane, Threads

WAIT_SECONDS = 20


class Counting(Lane):
    """Takes one item per turn."""

    def __init__(self, delay_ms: int = NOTHING) -> None:
        self.name = "counting"
        self.items = 0
        self.done = 0
        self.delay_ms = delay_ms
        self.broken: list[Exception] = []
        self.changed = threading.Condition()

    def turn(self, now_ms: int, closing: bool) -> int:
        with self.changed:
            if self.items < 0:
                raise ValueError("broken")
            if not self.items:
                return self.delay_ms
            self.items -= 1
            self.done += 1
            self.changed.notify_all()
        return MORE

    def broke(self, error: Exception) -> None:
        with self.changed:
            self.broken.append(error)
            self.changed.notify_all()

    def give(self, count: int) -> None:
        with self.changed:
            self.items += count


def test_every_notice_is_served() -> None:
    for delay_ms in (NOTHING, 3_600_000):
        lanes = [Counting(delay_ms), Counting(delay_ms)]
        threads = Threads()
        threads.start(list(lanes))
        for total in range(1, 2000):
            lane = lanes[total % 2]
            lane.give(1)
            threads.notify(total % 2)
            if total % 50 == 0:
                with lane.changed:
                    assert lane.changed.wait_for(lambda lane=lane: not lane.items, WAIT_SECONDS)  # type: ignore[misc]
        threads.stop()
        assert lanes[0].done + lanes[1].done == 1999


def test_stop_lets_the_lanes_finish() -> None:
    lane = Counting()
    threads = Threads()
    threads.start([lane])
    lane.give(5000)
    threads.stop()
    assert lane.done == 5000


def test_a_lane_that_raises_is_told_and_stopped() -> None:
    lane = Counting()
    threads = Threads()
    threads.start([lane])
    lane.give(-1)
    threads.notify(0)
    with lane.changed:
        assert lane.changed.wait_for(lambda: bool(lane.broken), WAIT_SECONDS)
    threads.stop()
    assert [type(error) for error in lane.broken] == [ValueError]


def test_what_can_wait_is_done_after_a_while_without_another_notice() -> None:
    lane = Counting()
    threads = Threads()
    threads.start([lane])
    for _ in range(20):
        lane.give(1)
        threads.notify_later(0)
        with lane.changed:
            assert lane.changed.wait_for(lambda: not lane.items, WAIT_SECONDS)
    threads.stop()
    assert lane.done == 20


def test_a_notice_ends_the_waiting_of_what_can_wait() -> None:
    lane = Counting(3_600_000)
    threads = Threads()
    threads.start([lane])
    for _ in range(200):
        lane.give(1)
        threads.notify_later(0)
        lane.give(1)
        threads.notify(0)
        with lane.changed:
            assert lane.changed.wait_for(lambda: not lane.items, WAIT_SECONDS)
    threads.stop()
    assert lane.done == 400
