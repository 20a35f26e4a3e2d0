"""What redrives move where, at which rate, and that a kill in the middle changes nothing."""

from __future__ import annotations

import random

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.redrive_tasks import (
    COMPLETED,
    FAILED,
    FULL,
    NO_DESTINATION,
    NO_ORIGIN,
    RUNNING,
)
from onemq.engine.settings import EngineSettings
from onemq.model.entities import REJECT_PUBLISH, STRICT_GROUPS, QueueSettings
from onemq.model.record import Record
from unit.engine.redrives import kill, make, newest, start, with_dead


def test_each_goes_back_to_where_it_died_without_its_past() -> None:
    driver = make()
    kill(driver, "a", b"1", b"2")
    kill(driver, "b", b"3")
    assert driver.ready("dead") == 3
    identifier = start(driver)
    assert newest(driver).state == RUNNING
    driver.settle_down()
    task = newest(driver)
    assert (task.identifier, task.state, task.moved, task.to_move, task.failure) == (
        identifier,
        COMPLETED,
        3,
        3,
        "",
    )
    assert driver.ready("dead") == 0
    sink = RecordingSink()
    driver.consume("a", sink, no_ack=True)
    driver.settle_down()
    assert sink.values == [b"1", b"2"]
    assert [record.deaths for record in sink.records] == [None, None]
    assert driver.drain("b") == [b"3"]


def test_to_one_destination() -> None:
    driver = make()
    driver.declare("other")
    kill(driver, "a", b"1")
    driver.publish("dead", b"straight into it")
    driver.settle_down()
    start(driver, "other")
    driver.settle_down()
    assert newest(driver).state == COMPLETED
    assert driver.drain("other") == [b"1", b"straight into it"]


def test_what_never_died_fails_the_task() -> None:
    driver = make()
    kill(driver, "a", b"1")
    driver.publish("dead", b"straight into it")
    driver.settle_down()
    start(driver)
    driver.settle_down()
    task = newest(driver)
    assert (task.state, task.failure, task.moved) == (FAILED, NO_ORIGIN, 1)
    assert driver.drain("dead") == [b"straight into it"]


def test_a_queue_that_has_gone_or_is_full_fails_the_task() -> None:
    driver = make()
    driver.declare("small", with_dead(length_max=1, overflow=REJECT_PUBLISH))
    kill(driver, "a", b"1")
    driver.access.queues.delete("a")
    start(driver)
    driver.settle_down()
    assert (newest(driver).state, newest(driver).failure) == (FAILED, NO_DESTINATION)
    driver.publish("dead", b"2")
    driver.settle_down()
    start(driver, "small")
    driver.settle_down()
    task = newest(driver)
    assert (task.state, task.failure, task.moved) == (FAILED, FULL, 1)
    assert driver.drain("small") == [b"1"]
    assert driver.drain("dead") == [b"2"]


def test_the_rate_is_kept() -> None:
    driver = make()
    kill(driver, "a", *[b"%d" % number for number in range(30)])
    start(driver, None, 10)
    driver.settle_down()
    moved = [newest(driver).moved]
    for _ in range(3):
        driver.pass_time(1000)
        moved.append(newest(driver).moved)
    assert moved == [1, 11, 21, 30]
    driver.pass_time(100)
    assert newest(driver).state == COMPLETED


def test_what_is_in_flight_or_comes_later_stays() -> None:
    driver = make()
    kill(driver, "a", b"1", b"2", b"3")
    sink = RecordingSink()
    consumer = driver.consume("dead", sink, limit=1)
    driver.settle_down()
    driver.access.cancel(consumer)
    start(driver, None, 1)
    driver.settle_down()
    kill(driver, "b", b"later")
    driver.pass_time(10_000)
    task = newest(driver)
    assert (task.state, task.moved, task.to_move) == (COMPLETED, 2, 2)
    assert driver.drain("dead") == [b"later"]
    driver.access.accept(sink.held[0])
    assert driver.drain("a") == [b"2", b"3"]


@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_step_every_record_is_in_one_place_and_counted(seed: int) -> None:
    """Spilled and loaded on the way; the store is late, and a crash may keep more than was reported."""
    chance = random.Random(seed)
    bounds = EngineSettings(
        tail_bytes_max=3000, spill_bytes=1500, load_bytes=600, journal_bytes_max=4000, dispatch_per_turn=7
    )
    driver = make(bounds, delay=chance.randint(0, 3))
    values = [b"%03d" % number for number in range(40)]
    kill(driver, "a", *values[:25])
    kill(driver, "b", *values[25:])
    start(driver, None, chance.choice([None, 50, 1000]))
    driver.turn()
    while driver.store.durable < driver.broker.core.last_position:
        driver.turn()
    for _ in range(400):
        driver.turn()
        driver.now_ms += chance.choice([0, 1, 20])
        if chance.random() < 0.15:
            driver.crash(chance.randint(0, 3))
            there = sum(driver.ready(name) for name in ("dead", "a", "b"))
            assert there == 40
            assert newest(driver).moved == 40 - driver.ready("dead")
    driver.pass_time(60_000)
    assert (newest(driver).state, newest(driver).moved) == (COMPLETED, 40)
    assert driver.drain("a") == values[:25]
    assert driver.drain("b") == values[25:]


def test_order_of_groups_is_kept() -> None:
    driver = Driver()
    for name in ("dead", "a"):
        settings = with_dead() if name == "a" else QueueSettings()
        settings.grouping = STRICT_GROUPS
        driver.declare(name, settings)
    for value in ("x1", "y1", "x2", "y2"):
        route = driver.access.route("", "dead")
        record = Record(value.encode(), route.address)
        record.key = value[0].encode()
        driver.access.publish(route, record)
    driver.settle_down()
    start(driver, "a")
    driver.settle_down()
    assert newest(driver).state == COMPLETED
    sink = RecordingSink()
    driver.consume("a", sink, no_ack=True)
    driver.settle_down()
    assert sink.values == [b"x1", b"y1", b"x2", b"y2"]
    assert [record.key for record in sink.records] == [b"x", b"y", b"x", b"y"]
