"""Redrive tasks: what they move where, at which rate, and that a restart in the middle changes nothing."""

from __future__ import annotations

import random

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.redrive import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    DENIED,
    ENDED_PER_SOURCE,
    FAILED,
    FULL,
    NO_DESTINATION,
    NO_ORIGIN,
    RUNNING,
    RedriveTask,
)
from onemq.engine.settings import EngineSettings
from onemq.model.entities import REJECT_PUBLISH, STRICT_GROUPS, QueueSettings
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights


def with_dead(**values: object) -> QueueSettings:
    settings = QueueSettings()
    settings.dead_letter_exchange = ""
    settings.dead_letter_routing_key = "dead"
    for name, value in values.items():
        setattr(settings, name, value)
    return settings


def make(bounds: EngineSettings | None = None, *, delay: int = 0) -> Driver:
    driver = Driver(bounds, delay=delay)
    driver.declare("dead")
    for name in ("a", "b"):
        driver.declare(name, with_dead())
    driver.settle_down()
    return driver


def kill(driver: Driver, queue: str, *values: bytes) -> None:
    """They die in the queue."""
    for value in values:
        driver.publish(queue, value)
    sink = RecordingSink()
    driver.consume(queue, sink)
    driver.settle_down()
    for delivery in sink.held:
        driver.access.reject(delivery)
    driver.access.close_sink(sink)
    driver.settle_down()


def start(driver: Driver, destination: str | None = None, per_second: int | None = None) -> str:
    driver.broker.begin_turn(driver.now_ms)
    return driver.access.redrives.start("dead", destination, per_second)


def newest(driver: Driver) -> RedriveTask:
    return driver.access.redrives.list("dead")[0]


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
    driver.access.delete_queue("a")
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


def test_cancelling() -> None:
    driver = make()
    kill(driver, "a", b"1", b"2", b"3")
    identifier = start(driver, None, 1)
    driver.settle_down()
    task = driver.access.redrives.cancel(identifier)
    assert (task.state, task.moved) == (CANCELLING, 1)
    driver.pass_time(5000)
    assert (newest(driver).state, newest(driver).moved) == (CANCELLED, 1)
    assert driver.ready("dead") == 2
    with pytest.raises(Refusal) as caught:
        driver.access.redrives.cancel(identifier)
    assert caught.value.reason == Reason.INVALID
    with pytest.raises(Refusal) as caught:
        driver.access.redrives.cancel("unknown")
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.NOT_FOUND, "redrive")
    start(driver)
    driver.settle_down()
    assert [each.state for each in driver.access.redrives.list("dead")] == [COMPLETED, CANCELLED]


def test_one_at_a_time_and_none_from_nowhere() -> None:
    driver = make()
    kill(driver, "a", b"1", b"2")
    start(driver, None, 1)
    for arguments, reason in (
        (("dead", None, None), Reason.IN_USE),
        (("nowhere", None, None), Reason.NOT_FOUND),
        (("a", "nowhere", None), Reason.NOT_FOUND),
        (("a", "a", None), Reason.INVALID),
        (("a", None, 0), Reason.INVALID),
    ):
        with pytest.raises(Refusal) as caught:
            driver.access.redrives.start(*arguments)
        assert caught.value.reason == reason
    with pytest.raises(Refusal) as caught:
        driver.access.redrives.list("nowhere")
    assert caught.value.reason == Reason.NOT_FOUND


def test_ended_tasks_are_forgotten_by_number_and_with_their_queue() -> None:
    driver = make()
    for _ in range(ENDED_PER_SOURCE + 3):
        start(driver)
        driver.settle_down()
    assert len(driver.access.redrives.list("dead")) == ENDED_PER_SOURCE
    kill(driver, "a", b"1", b"2")
    start(driver, None, 1)
    driver.settle_down()
    driver.access.delete_queue("dead")
    driver.declare("dead")
    driver.pass_time(5000)
    assert driver.drain("a") == [b"1"]
    for end in (driver.restart, driver.crash):
        assert driver.access.redrives.list("dead") == []
        end()
    assert driver.broker.redrives.changes() == []


def test_what_its_principal_may_not_write_to_gets_nothing() -> None:
    driver = make()
    kill(driver, "a", b"1")
    kill(driver, "b", b"2")
    limited = driver.new_access(Rights(NamePattern(""), NamePattern("^a$"), NamePattern("^dead$")))
    limited.redrives.start("dead", None, None)
    driver.settle_down()
    assert (newest(driver).state, newest(driver).failure, newest(driver).moved) == (FAILED, DENIED, 1)
    with pytest.raises(Refusal) as caught:
        limited.redrives.start("dead", "b", None)
    assert caught.value.reason == Reason.ACCESS_DENIED
    with pytest.raises(Refusal) as caught:
        limited.redrives.list("a")
    assert caught.value.reason == Reason.ACCESS_DENIED
    blind = driver.new_access(Rights(NamePattern(""), NamePattern(".*"), NamePattern("")))
    with pytest.raises(Refusal) as caught:
        blind.redrives.cancel(newest(driver).identifier)
    assert caught.value.reason == Reason.ACCESS_DENIED


@pytest.mark.parametrize("clean", [False, True])
def test_a_task_goes_on_after_a_restart(clean: bool) -> None:
    driver = make()
    kill(driver, "a", *[b"%d" % number for number in range(6)])
    start(driver, None, 2)
    driver.pass_time(1000)
    before = newest(driver).moved
    assert 0 < before < 6
    driver.restart() if clean else driver.crash()
    assert (newest(driver).state, newest(driver).moved) == (RUNNING, before)
    driver.pass_time(10_000)
    assert (newest(driver).state, newest(driver).moved) == (COMPLETED, 6)
    assert driver.drain("a") == [b"%d" % number for number in range(6)]


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
