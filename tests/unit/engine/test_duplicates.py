"""Duplicates on purpose: each of the next records once more, copies not; to consumers, by get (receives: tests/clients/embedded)."""

from __future__ import annotations

from engine_driver import Driver, RecordingSink
from onemq.engine.duplicates import Duplicates
from onemq.engine.ledger_queue import LedgerQueue


def a_queue(driver: Driver, count: int) -> LedgerQueue:
    queue = driver.declare("orders")
    assert isinstance(queue, LedgerQueue)
    queue.duplicates = Duplicates(count)
    return queue


def test_so_many_are_given_twice_and_no_copy_is_copied() -> None:
    driver = Driver()
    queue = a_queue(driver, 2)
    for body in (b"a", b"b", b"c"):
        driver.publish("orders", body)
    assert driver.drain("orders") == [b"a", b"b", b"c", b"a", b"b"]
    assert queue.duplicates is not None
    assert queue.duplicates.left == 0
    driver.publish("orders", b"d")
    assert driver.drain("orders") == [b"d"]


def test_what_comes_back_is_a_delivery_like_any_other() -> None:
    driver = Driver()
    queue = a_queue(driver, 10)
    driver.publish("orders", b"a")
    sink = RecordingSink()
    driver.consume("orders", sink, limit=1)
    driver.settle_down()
    (delivery,) = sink.held
    driver.access.release(delivery, True)
    driver.settle_down()
    assert sink.values == [b"a", b"a"]
    assert queue.duplicates is not None
    assert queue.duplicates.left == 8


def test_copies_survive_a_restart() -> None:
    driver = Driver()
    a_queue(driver, 1)
    driver.publish("orders", b"a")
    driver.settle_down()
    driver.get("orders", no_ack=True)
    driver.settle_down()
    driver.restart()
    assert driver.drain("orders") == [b"a"]
