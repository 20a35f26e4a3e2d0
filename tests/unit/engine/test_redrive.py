"""Redrive tasks: which may be begun and cancelled, by whom, and that they go on after a restart."""

from __future__ import annotations

import pytest

from onemq.engine.redrive_tasks import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    DENIED,
    FAILED,
    RUNNING,
)
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights
from unit.engine.redrives import kill, make, newest, start


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
