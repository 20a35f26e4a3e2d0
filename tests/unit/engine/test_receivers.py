"""The receives of one queue that wait: order, time, and that nobody is answered twice."""

from engine_driver import Driver
from onemq.engine.core import Agenda
from onemq.engine.receivers import Receivers, ReceiveSource
from onemq.engine.receiving import Received, ReceiveWaiter
from onemq.model.record import NO_ADDRESS, Record


class Shelf(ReceiveSource):
    def __init__(self) -> None:
        super().__init__()
        self.ready: list[bytes] = []
        self.loading = False
        self.leased = True

    def take(self, count: int, until_ms: int) -> list[Received]:
        taken, self.ready = self.ready[:count], self.ready[count:]
        return [Received(Record(value, NO_ADDRESS), 1, 0, 1, 0, until_ms) for value in taken]

    def renew(self, found: list[Received], until_ms: int) -> bool:
        for each in found:
            each.until_ms = until_ms
        return self.leased

    def is_loading(self) -> bool:
        return self.loading


class Waiter(ReceiveWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.answers: list[list[bytes | None]] = []

    def received(self, found: list[Received]) -> None:
        self.answers.append([each.record.value for each in found])


class Bench:
    def __init__(self) -> None:
        self.driver = Driver()
        self.core = self.driver.broker.core
        self.agenda: Agenda = self.driver.declare("q").agenda
        self.shelf = Shelf()
        self.receivers = Receivers(self.core, self.agenda, self.shelf)

    def receive(self, count: int = 1, wait_ms: int = 0) -> Waiter:
        waiter = Waiter()
        self.receivers.receive(count, 1_000, wait_ms, waiter)
        return waiter


def test_those_who_came_first_are_served_first() -> None:
    bench = Bench()
    first, second = bench.receive(2, wait_ms=100), bench.receive(2, wait_ms=100)
    bench.shelf.ready = [b"a", b"b", b"c"]
    third = bench.receive()
    assert bench.receivers.serve() == 3
    assert (first.answers, second.answers, third.answers) == ([[b"a", b"b"]], [[b"c"]], [[]])
    assert bench.receivers.serve() == 0


def test_time_ends_the_waiting_of_each_alone() -> None:
    bench = Bench()
    long, short = bench.receive(wait_ms=200), bench.receive(wait_ms=100)
    assert bench.agenda.deadline_ms == bench.core.now_ms + 100
    bench.agenda.deadline_ms = 0
    bench.core.now_ms += 100
    bench.receivers.expire()
    assert (long.answers, short.answers) == ([], [[]])
    assert bench.agenda.deadline_ms == bench.core.now_ms + 100
    bench.shelf.ready = [b"a"]
    bench.receivers.serve()
    bench.receivers.end()
    assert long.answers == [[b"a"]]


def test_who_does_not_wait_waits_for_the_disk() -> None:
    bench = Bench()
    bench.shelf.loading = True
    waiter = bench.receive()
    assert waiter.answers == []
    bench.shelf.loading = False
    bench.shelf.ready = [b"a"]
    bench.receivers.serve()
    assert waiter.answers == [[b"a"]]


def test_forgotten_is_not_answered() -> None:
    bench = Bench()
    waiter = bench.receive(wait_ms=100)
    bench.receivers.forget(waiter)
    bench.receivers.end()
    assert waiter.answers == []


def test_an_attempt_that_is_made_again_gets_the_same_while_it_is_leased() -> None:
    bench = Bench()
    bench.shelf.ready = [b"a", b"b", b"c"]

    def attempt() -> list[list[bytes | None]]:
        waiter = Waiter()
        bench.receivers.receive(2, 1_000, 0, waiter, "name")
        return waiter.answers

    assert attempt() == attempt() == [[b"a", b"b"]]
    bench.shelf.leased = False
    assert attempt() == [[b"c"]]
    waiting = Waiter()
    bench.receivers.receive(2, 1_000, 100, waiting, "other")
    bench.shelf.leased = True
    bench.shelf.ready = [b"d"]
    bench.receivers.serve()
    again = Waiter()
    bench.receivers.receive(2, 1_000, 0, again, "other")
    assert waiting.answers == again.answers == [[b"d"]]
