"""A load of processes without any broker: how it ends, and what is left of it."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection

import pytest

from onemq.cli.bench.plan import Plan
from onemq.cli.bench.run import Run
from onemq.cli.bench.view import result
from onemq.cli.bench.wire import BenchFailed
from onemq.cli.bench.worker import DRAINED, Board, Consumer, Producer, Worker
from onemq.cli.frame import CliError

SECONDS_MAX = 60.0


class Sends(Producer):
    def work(self) -> None:
        self.begin()
        while not self.over():
            now = time.monotonic_ns()
            self.tick(now)
            stamps = [self.pace.take(now) for _ in range(self.room(0, 10, now))]
            self.sent(stamps, now + 1_000_000)
            time.sleep(0.001)


class Takes(Consumer):
    """What all producers have sent."""

    def work(self) -> None:
        while not self.over():
            self.tick(time.monotonic_ns())
            while self.board.consumed() < self.board.published():
                self.board.taken[self.index] += 1
                self.latencies.note(2_000_000)
            time.sleep(0.001)


class Orphan(Takes):
    def run(self, pipe: Connection, parent: int) -> None:
        super().run(pipe, parent + 1)


class Breaks(Producer):
    def work(self) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")


class Fails(Producer):
    def work(self) -> None:
        raise BenchFailed("the broker said no")


def load(producer: type[Worker], plan: Plan) -> Run:
    board = Board(1, 1)
    return Run(plan, board, [producer(plan, board, 0)], [Takes(plan, board, 0)])


def test_all_that_is_sent_is_taken_and_counted_once() -> None:
    plan = Plan("", 0, "target")
    plan.messages = 500
    run = load(Sends, plan)
    looks: list[int] = []
    run.go(SECONDS_MAX, lambda: looks.append(run.producers.messages()))
    found = result("amqp", run)
    assert found["published"] == found["consumed"] == 500 and not found["interrupted"]
    assert run.producers.latencies.count == run.consumers.latencies.count == 500
    assert found["publish_ms"]["max"] == 1.0 and found["delivery_ms"]["p50"] <= 2.0
    assert looks and found["seconds"] < SECONDS_MAX
    assert multiprocessing.active_children() == []


def test_time_ends_it_as_well() -> None:
    run = load(Sends, Plan("", 0, "target"))
    run.go(0.3, lambda: None)
    assert run.producers.messages() == run.consumers.messages() > 0
    assert run.producers.running == run.consumers.running == 0


def test_control_c_keeps_what_was_measured() -> None:
    run = load(Sends, Plan("", 0, "target"))

    def look() -> None:
        if run.producers.messages() and not run.interrupted:
            raise KeyboardInterrupt

    run.go(SECONDS_MAX, look)
    assert run.interrupted and run.producers.messages() > 0
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("producer", "text"), [(Fails, "the broker said no"), (Breaks, "connection to the broker broke")]
)
def test_one_that_fails_ends_all(producer: type[Worker], text: str) -> None:
    run = load(producer, Plan("", 0, "target"))
    with pytest.raises(CliError, match=text):
        run.go(SECONDS_MAX, lambda: None)
    assert multiprocessing.active_children() == []


def test_without_the_command_its_processes_end() -> None:
    plan = Plan("", 0, "target")
    board = Board(1, 1)
    run = Run(plan, board, [Sends(plan, board, 0)], [Orphan(plan, board, 0)])
    run.go(SECONDS_MAX, lambda: None)
    assert board.stage() == DRAINED and run.producers.running == run.consumers.running == 0
