"""Turns, completions, deadlines, recovery and shutdown."""

import pytest

from engine_driver import START_MS, Driver, FakeStore, RecordingSink
from onemq.engine.broker import StoreBroken, queue_agendas
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.ports import Failed, Resumed, Stalled
from onemq.engine.recovery import Recovery
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings


def state_of(driver: Driver) -> dict[str, object]:
    """All that a restart must bring back."""
    out: dict[str, object] = {}
    for name, queue in driver.broker.catalog.namespaces["/"].queues.items():
        assert isinstance(queue, LedgerQueue)
        state = queue.state()
        out[name] = {key: value for key, value in state.items() if key != "leased"}
        out[name + " next"] = int(queue.log.next_offset)
    return out


def test_recovery_is_idempotent() -> None:
    driver = Driver(EngineSettings(journal_bytes_max=2000, tail_bytes_max=5000, spill_bytes=2000))
    driver.declare("q")
    delayed = QueueSettings()
    delayed.priority_max = 3
    delayed.retry_delay_min_ms = 60_000
    driver.declare("p", delayed)
    sink = RecordingSink()
    driver.consume("q", sink, limit=5)
    driver.consume("p", sink, limit=5)
    for number in range(60):
        driver.publish("q", b"%d" % number)
        driver.publish("p", b"%d" % number, priority=number % 5)
        driver.settle_down()
        if number % 3 == 0:
            held = sink.held.pop(0)
            driver.access.release(held, True) if number % 2 else driver.access.accept(held)
    driver.settle_down()
    driver.crash()
    first = state_of(driver)
    driver.crash()
    assert state_of(driver) == first
    driver.restart()
    assert state_of(driver) == first
    driver.crash()
    assert state_of(driver) == first


@pytest.mark.parametrize("clean", [True, False])
def test_attempts_survive_a_restart_and_what_was_in_flight_counts_as_delivered(clean: bool) -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    consumer = driver.consume("q", sink)
    for number in range(3):
        driver.publish("q", b"%d" % number)
    driver.settle_down()
    driver.access.cancel(consumer)
    driver.access.release(sink.held[0], True)
    driver.access.release(sink.held[1], False)
    driver.settle_down()
    for restarts in range(2):
        if clean:
            driver.restart()
        else:
            driver.crash()
        sink = RecordingSink()
        driver.consume("q", sink)
        driver.settle_down()
        assert sink.values == [b"0", b"1", b"2"]
        assert sink.attempts == [1 + restarts] * 3
        assert [int(delivery.failures) for delivery in sink.held] == [1 + restarts, restarts, 1 + restarts]


def test_back_and_out_again_in_one_turn_is_out() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.publish("q", b"1")
    driver.settle_down()
    driver.access.release(sink.held[0], False)
    driver.turn()
    assert sink.attempts == [0, 1]
    driver.settle_down()
    driver.crash()
    again = RecordingSink()
    driver.consume("q", again)
    driver.settle_down()
    assert again.attempts == [2]


def test_volatile_records_do_not_come_back() -> None:
    driver = Driver(EngineSettings(journal_bytes_max=500, tail_bytes_max=1000, spill_bytes=500))
    settings = QueueSettings()
    settings.retry_delay_min_ms = 50_000
    driver.declare("q", settings)
    sink = RecordingSink()
    driver.consume("q", sink, limit=3)
    for number in range(40):
        driver.publish("q", b"%d" % number, volatile=number % 2 == 1)
        driver.settle_down()
    driver.access.release(sink.held[0], True)
    driver.access.release(sink.held[1], True)
    driver.restart()
    queue = driver.queue("q")
    assert isinstance(queue, LedgerQueue)
    driver.pass_time(60_000)
    assert [int(value) for value in driver.drain("q")] == sorted(range(0, 40, 2))
    assert queue.ledger.lost == 0


def test_a_lost_record_counts_as_settled_for_good() -> None:
    """Only a damaged store can cause it; the queue goes on."""
    driver = Driver(EngineSettings(journal_bytes_max=0))
    driver.declare("q")
    for number in range(3):
        driver.publish("q", b"%d" % number)
    driver.restart()
    driver.store.disk.spilled.clear()
    driver.store.spilled.clear()
    assert driver.drain("q") == []
    driver.crash()
    assert driver.ready("q") == 0


def test_deadlines_across_queues_come_in_order() -> None:
    driver = Driver()
    for name, ttl in [("a", 300), ("b", 100), ("c", 200)]:
        settings = QueueSettings()
        settings.message_ttl_ms = ttl
        settings.dead_letter_exchange = ""
        settings.dead_letter_routing_key = "dead"
        driver.declare(name, settings)
    driver.declare("dead")
    for name in "abc":
        driver.publish(name, name.encode())
    driver.settle_down()
    assert driver.broker.next_deadline_ms() == START_MS + 100
    driver.pass_time(1000)
    assert driver.broker.next_deadline_ms() == 0
    assert driver.drain("dead") == [b"b", b"c", b"a"]


def test_time_does_not_go_back() -> None:
    driver = Driver()
    driver.broker.begin_turn(START_MS + 10)
    driver.broker.begin_turn(START_MS)
    assert driver.access.now_ms() == START_MS + 10


def test_a_broken_store_stops_the_broker_a_stalled_one_does_not() -> None:
    driver = Driver()
    driver.broker.complete([Stalled("disk full")])
    assert driver.broker.stalled == "disk full"
    driver.broker.complete([Resumed()])
    assert driver.broker.stalled == ""
    with pytest.raises(StoreBroken, match="sync failed"):
        driver.broker.complete([Failed("sync failed")])


def test_shutdown_makes_a_last_checkpoint_after_one_under_way() -> None:
    driver = Driver(EngineSettings(journal_bytes_max=200), delay=3)
    driver.declare("q")
    for number in range(20):
        driver.publish("q", b"%d" % number)
        driver.turn()
    driver.publish("q", b"20")
    assert not driver.broker.stopped_clean()
    driver.shut_down()
    assert driver.store.disk.commits == {}
    driver.crash()
    assert driver.drain("q") == [b"%d" % number for number in range(21)]


def test_after_a_clean_stop_nothing_is_replayed() -> None:
    replayed: list[int] = []

    class Counting(FakeStore):
        def recover(self, replay: Recovery) -> int:  # type: ignore[override]
            replayed.extend(self.disk.commits)
            return super().recover(replay)

    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"1")
    driver.shut_down()
    Driver(store=Counting(driver.store.disk))
    assert replayed == []


def test_every_log_has_an_agenda() -> None:
    driver = Driver()
    queues = [driver.declare(name) for name in "ab"]
    assert queue_agendas(driver.broker) == [queue.agenda for queue in queues]
