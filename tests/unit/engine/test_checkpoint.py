"""Checkpoints and memory pressure: nothing is lost at any step of them, memory comes down, space is given back."""

import pytest

from engine_driver import Disk, Driver, FakeStore, MemoryStore, RecordingSink
from onemq.engine.facts import FACTS_VERSION, unpack
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings
from transaction_driver import TransactionDriver, batch


def busy(delay: int) -> Driver:
    """A broker with a bit of everything, made to take a checkpoint every few commits."""
    driver = Driver(
        EngineSettings(journal_bytes_max=600, tail_bytes_max=4000, spill_bytes=700, load_bytes=500),
        delay=delay,
    )
    driver.declare("q")
    driver.declare("v", QueueSettings(durable=False))
    priorities = QueueSettings()
    priorities.priority_max = 2
    driver.declare("p", priorities)
    driver.settle_down()
    return driver


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("extra", [0, 2])
def test_a_crash_at_every_step_loses_nothing_confirmed(delay: int, extra: int) -> None:
    finished = False
    steps = 0
    while not finished:
        steps += 1
        driver = busy(delay)
        sink = RecordingSink()
        driver.consume("q", sink, limit=3)
        published: dict[int, int] = {}
        settled: dict[int, int] = {}
        number = 0
        for turn in range(steps):
            if turn < 18:
                for _ in range(2):
                    driver.publish("q", b"%d" % number)
                    driver.publish("p", b"%d" % number, priority=number % 3)
                    driver.publish("v", b"%d" % number)
                    published[number] = driver.access.position()
                    number += 1
            elif not driver.store.work:
                finished = True
            if sink.held:
                held = sink.held.pop(0)
                driver.access.accept(held)
                settled[int(held.record.value or b"")] = driver.access.position()
            driver.turn()
        confirmed = driver.broker.durable_position
        driver.crash(extra)
        reached = driver.store.durable
        assert reached >= confirmed
        expected = [
            n for n in range(number) if published[n] <= reached and settled.get(n, reached + 1) > reached
        ]
        assert [int(value) for value in driver.drain("q")] == expected
        expected = sorted((n for n in published if published[n] <= reached), key=lambda n: (-(n % 3), n))
        assert [int(value) for value in driver.drain("p")] == expected
    assert steps > 18


def test_checkpoints_happen_and_free_the_journal() -> None:
    driver = busy(1)
    for number in range(100):
        driver.publish("q", b"%d" % number)
        driver.turn()
    driver.settle_down()
    assert driver.store.checkpoints > 3
    assert len(driver.store.disk.commits) < 30
    driver.crash()
    assert driver.drain("q") == [b"%d" % number for number in range(100)]


def test_the_snapshot_says_its_version_and_holds_no_records() -> None:
    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"the value")
    driver.restart()
    snapshot = driver.store.disk.snapshot
    assert snapshot is not None
    assert unpack(snapshot[1])["version"] == FACTS_VERSION
    assert b"the value" not in snapshot[1]


def test_memory_stays_within_its_bound_and_comes_back_to_nothing() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=20_000, spill_bytes=5000, load_bytes=4000))
    driver.declare("q")
    driver.declare("v", QueueSettings(durable=False))
    highest = 0
    for number in range(300):
        driver.publish("q", b"%d" % number)
        driver.publish("v", b"%d" % number)
        driver.turn()
        highest = max(highest, driver.broker.memory_bytes())
    assert highest < 30_000
    driver.settle_down()
    assert driver.drain("v") == driver.drain("q") == [b"%d" % number for number in range(300)]
    assert driver.broker.memory_bytes() == 0


def test_who_is_behind_spills_more_at_once_of_what_is_stored_as_it_is() -> None:
    class Counting(FakeStore):
        def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
            sizes.append(sum(len(data) for data in batches))
            super().spill(ticket, log_id, batches)

    sizes: list[int] = []
    data = batch([b"x" * 50], 0)
    bounds = EngineSettings(tail_bytes_max=2000, journal_bytes_max=1 << 30, spill_bytes=1000)
    driver = TransactionDriver(bounds, store=Counting(Disk()))
    driver.topics.create("t", 1, {"retention.ms": "-1"})
    driver.settle_down()
    driver.broker.begin_turn(driver.now_ms)
    for _ in range(400):
        driver.topics.find("t").partitions[0].append_batches(data)
    driver.settle_down()
    assert sizes[0] == max(sizes) and 8000 <= sizes[0] < 8000 + len(data)
    assert driver.broker.memory_bytes() <= 2000
    sizes.clear()
    for _ in range(20):
        driver.broker.begin_turn(driver.now_ms)
        driver.topics.find("t").partitions[0].append_batches(data)
        driver.settle_down()
    # Hardly behind, it takes what it takes always.
    assert sizes and max(sizes) < 1000 + len(data)


def test_space_is_given_back() -> None:
    driver = busy(0)
    for number in range(50):
        driver.publish("q", b"%d" % number)
        driver.settle_down()
    assert driver.store.log_bytes(1) > 0
    driver.drain("q")
    for number in range(50):
        driver.publish("p", b"%d" % number)
        driver.settle_down()
    assert driver.store.log_bytes(1) == 0


def test_settled_while_it_is_spilled_is_given_back_too() -> None:
    driver = busy(4)
    sink = RecordingSink()
    driver.consume("q", sink)
    for number in range(20):
        driver.publish("q", b"%d" % number)
    for _ in range(200):
        if driver.broker.checkpoints._spill_ticket:
            break
        driver.turn()
    driver.access.accept_many(sink.held)
    driver.settle_down()
    for number in range(50):
        driver.publish("p", b"%d" % number)
        driver.settle_down()
    assert driver.store.log_bytes(1) == 0


class Watching(FakeStore):
    """Notes at which position space is given back."""

    def __init__(self) -> None:
        super().__init__(Disk())
        self.given: list[tuple[str, int]] = []

    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        self.given.append(("reclaim", self.position))
        super().reclaim(log_id, live, exact)

    def drop_log(self, log_id: int) -> None:
        self.given.append(("drop", self.position))
        super().drop_log(log_id)


def test_the_store_hears_of_a_dropped_log_after_the_fact() -> None:
    """Otherwise a crash could bring the queue back without its records."""
    store = Watching()
    driver = Driver(store=store)
    driver.declare("q")
    driver.settle_down()
    position = store.position
    driver.access.queues.delete("q")
    assert store.given == []
    driver.turn()
    assert store.given == [("drop", position + 1)]


def test_space_is_reclaimed_after_the_turn_s_commit() -> None:
    store = Watching()
    driver = Driver(EngineSettings(journal_bytes_max=300), store=store)
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink)
    for number in range(5):
        driver.publish("q", b"%d" % number)
    driver.settle_down()
    seen = len(store.given)
    for _ in range(200):
        if sink.held:
            driver.access.accept(sink.held.pop())
        else:
            driver.publish("q", b"x")
        expected = driver.access.position()
        driver.turn()
        for kind, position in store.given[seen:]:
            assert (kind, position >= expected) == ("reclaim", True)
        seen = len(store.given)
    assert seen > 2


def test_a_queue_deleted_while_it_is_spilled() -> None:
    for steps in range(12):
        driver = busy(2)
        for number in range(30):
            driver.publish("q", b"%d" % number)
        driver.publish("p", b"stays")
        for _ in range(steps):
            driver.turn()
        driver.access.queues.delete("q")
        driver.settle_down()
        driver.crash()
        assert driver.drain("p") == [b"stays"]
        assert "q" not in driver.broker.catalog.namespaces["/"].queues
        assert driver.broker.memory_bytes() == 0


def test_a_store_in_memory_is_never_asked_to_spill() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=100, journal_bytes_max=0), store=MemoryStore())
    driver.declare("q")
    for number in range(20):
        assert driver.publish("q", b"%d" % number)
        driver.settle_down()
    assert driver.broker.memory_bytes() > 100
    assert driver.drain("q") == [b"%d" % number for number in range(20)]
    driver.shut_down()
