"""Redrive tasks as state: which are remembered, and that changes make the same ones again."""

from __future__ import annotations

from onemq.engine.redrive_selection import Selection
from onemq.engine.redrive_tasks import (
    ENDED_PER_SOURCE,
    RUNNING,
    RedriveTasks,
)
from unit.engine.redrives import kill, make, start


def test_ended_tasks_are_forgotten_by_number_and_with_their_queue() -> None:
    driver = make()
    for _ in range(ENDED_PER_SOURCE + 3):
        start(driver)
        driver.settle_down()
    assert len(driver.access.redrives.list("dead")) == ENDED_PER_SOURCE
    kill(driver, "a", b"1", b"2")
    start(driver, None, 1)
    driver.settle_down()
    driver.access.queues.delete("dead")
    driver.declare("dead")
    driver.pass_time(5000)
    assert driver.drain("a") == [b"1"]
    for end in (driver.restart, driver.crash):
        assert driver.access.redrives.list("dead") == []
        end()
    assert driver.broker.redrives.changes() == []


def test_the_changes_of_all_make_the_same_ones_again() -> None:
    driver = make()
    kill(driver, "a", b"1", b"2")
    driver.broker.begin_turn(driver.now_ms)
    driver.access.redrives.start("dead", "b", 1, Selection({"of": "these"}, since_ms=5, limit=7))
    driver.access.redrives.start("b", "a", 2)
    changes = driver.broker.redrives.changes()
    again = RedriveTasks(driver.broker.core, driver.broker.redrives)
    for change in changes:
        again.apply(change)
    assert again.changes() == changes
    assert [(task.source, task.state) for task in again.at_work()] == [("dead", RUNNING), ("b", RUNNING)]
    [task] = again.of_source("/", "dead")
    assert (task.chosen.where, task.chosen.since_ms, task.chosen.limit) == ({"of": "these"}, 5, 7)


def test_tasks_of_an_older_version_choose_everything() -> None:
    driver = make()
    driver.broker.begin_turn(driver.now_ms)
    driver.access.redrives.start("dead", "b", 1)
    [start_of, *_] = driver.broker.redrives.changes()
    for name in ("where", "since", "limit"):
        del start_of[name]
    again = RedriveTasks(driver.broker.core, driver.broker.redrives)
    again.apply(start_of)
    assert again.at_work()[0].chosen.takes_all()
