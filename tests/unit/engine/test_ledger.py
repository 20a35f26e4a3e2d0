"""The ledger's order and books in cases that the simulation of the whole broker has found."""

from __future__ import annotations

from engine_driver import Driver, RecordingSink
from onemq.engine.ledger_queue import LedgerQueue
from onemq.model.entities import QueueSettings


def settings(durable: bool = True) -> QueueSettings:
    found = QueueSettings(durable=durable)
    found.retry_delay_min_ms = 1000
    found.retry_delay_max_ms = 1000
    return found


def test_what_comes_due_after_a_restart_waits_behind_what_came_back_before() -> None:
    driver = Driver()
    driver.declare("q", settings())
    sink = RecordingSink()
    consumer = driver.consume("q", sink)
    for body in (b"1", b"2"):
        driver.publish("q", body)
    driver.settle_down()
    driver.access.cancel(consumer)
    driver.access.release(sink.held[0], True)
    driver.pass_time(1000)
    driver.access.release(sink.held[1], True)
    driver.settle_down()
    driver.restart()
    driver.pass_time(1000)
    assert driver.drain("q") == [b"1", b"2"]


def test_a_queue_in_memory_counts_nothing_as_durable() -> None:
    driver = Driver()
    queue = driver.declare("q", settings(durable=False))
    sink = RecordingSink()
    consumer = driver.consume("q", sink)
    driver.publish("q", b"delayed")
    driver.settle_down()
    driver.access.cancel(consumer)
    driver.access.release(sink.held[0], True)
    driver.settle_down()
    assert driver.access.queues.purge("q") == 0
    assert isinstance(queue, LedgerQueue)
    assert (int(queue.ledger.unsettled_bytes), int(queue.ledger.durable_bytes)) == (7, 0)
    driver.pass_time(1000)
    assert driver.drain("q") == [b"delayed"]
    assert (int(queue.ledger.unsettled_bytes), int(queue.ledger.durable_bytes)) == (0, 0)
