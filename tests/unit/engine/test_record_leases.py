"""Leases with a time where other things happen to their records: retention, topics, consumers in the same turn, circles of dead letters."""

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.receiving import Receive
from onemq.model.entities import QueueSettings
from onemq.model.record import Record
from transaction_driver import TransactionDriver
from unit.engine.test_leasing import Waiter, filled, one, receive


def counts(driver: Driver) -> tuple[int, int]:
    found = driver.access.leases.counts("q")
    return int(found.ready), int(found.in_flight)


@pytest.mark.parametrize("change", [False, True])
def test_what_lapsed_and_went_with_its_age_is_gone(change: bool) -> None:
    driver = TransactionDriver()
    driver.declare("q")
    driver.publish("q", b"old")
    driver.settle_down()
    topic = driver.topics.find("q")
    (got,) = receive(driver, visibility_ms=1_000).answers[0]
    driver.pass_time(1_000)
    assert counts(driver) == (1, 0)
    driver.topics.configure(topic, {"retention.ms": "5000"})
    driver.pass_time(60_000)
    assert counts(driver) == (0, 0)
    assert driver.access.leases.state("q", got.handle) == "gone"
    assert not driver.access.leases.settle("q", got.handle)
    driver.publish("q", b"new")
    driver.settle_down()
    assert counts(driver) == (1, 0)
    assert receive(driver, 10).values() == [b"new"]


@pytest.mark.parametrize("over", [False, True])
def test_leases_stand_when_a_topic_takes_over_the_log(over: bool) -> None:
    driver = TransactionDriver()
    driver.declare("q")
    for value in (b"a", b"b", b"c"):
        driver.publish("q", value)
    driver.settle_down()
    first, second = receive(driver, 2, visibility_ms=1_000).answers[0]
    if over:
        driver.pass_time(1_000)
    driver.topics.find("q")
    driver.settle_down()
    assert driver.access.leases.settle("q", first.handle)
    driver.settle_down()
    driver.crash()
    assert driver.access.leases.settle("q", second.handle)
    driver.settle_down()
    driver.restart()
    driver.pass_time(1_000)
    assert receive(driver, 10).values() == [b"c"]


def test_attempts_of_one_turn_are_counted_after_a_crash() -> None:
    driver = filled(b"a")
    sink = RecordingSink()
    got = driver.get("q", sink).result
    assert got is not None and got.delivery is not None
    driver.settle_down()
    driver.broker.begin_turn(driver.now_ms)
    driver.access.release(got.delivery, False)
    waiter = Waiter()
    driver.access.leases.receive("q", Receive(1, 0), waiter)
    driver.settle_down()
    (before,) = waiter.answers[0]
    assert before.attempts == 2
    driver.crash()
    driver.pass_time(1)
    (after,) = receive(driver).answers[0]
    assert after.attempts == 3
    assert not driver.access.leases.settle("q", before.handle)


def test_dead_letters_in_a_circle_are_not_lost() -> None:
    driver = Driver()
    for name, dead in (("q", "dead"), ("dead", "q")):
        settings = QueueSettings()
        settings.receive_limit = 1
        settings.dead_letter_exchange = ""
        settings.dead_letter_routing_key = dead
        driver.declare(name, settings)
    driver.publish("q", b"a")
    driver.settle_down()
    for queue in ("q", "dead", "q", "dead"):
        (got,) = receive(driver, queue=queue).answers[0]
        assert got.record.value == b"a"
        driver.pass_time(10_000)
        receive(driver, queue=queue)


def with_a_group_of_three(grouping: str) -> Driver:
    settings = QueueSettings()
    settings.grouping = grouping
    driver = Driver()
    driver.declare("q", settings)
    for value in (b"a", b"b", b"c"):
        route = driver.access.route("", "q")
        record = Record(value, route.address)
        record.key = b"g"
        driver.access.publish(route, record)
    driver.settle_down()
    return driver


@pytest.mark.parametrize("grouping", ["strict", "fair"])
@pytest.mark.parametrize("crash", [False, True])
def test_a_groups_record_whose_lease_is_taken_up_again_is_out_and_keeps_its_place(
    grouping: str, crash: bool
) -> None:
    driver = with_a_group_of_three(grouping)
    got = one(driver)
    for _ in range(3):
        driver.pass_time(10_000)
        driver.access.leases.change("q", got.handle, 10_000)
        driver.settle_down()
        assert counts(driver) == (2, 1)
        if crash:
            driver.crash()
        if grouping == "strict":
            assert receive(driver, 10).answers == [[]]
    driver.pass_time(10_000)
    first = receive(driver, 10)
    assert first.values() == [b"a", b"b", b"c"]
    for each in first.answers[0]:
        assert driver.access.leases.settle("q", each.handle)
    driver.settle_down()
    assert counts(driver) == (0, 0)


def test_a_handle_of_a_record_that_a_crash_took_does_not_fit_the_next_at_its_offset() -> None:
    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"lost", volatile=True)
    driver.settle_down()
    before = one(driver)
    driver.crash()
    driver.pass_time(1)
    driver.publish("q", b"new")
    driver.settle_down()
    after = one(driver)
    assert (after.handle.log_id, after.handle.offset) == (before.handle.log_id, before.handle.offset)
    assert not driver.access.leases.settle("q", before.handle)
    driver.restart()
    assert driver.access.leases.settle("q", after.handle)


@pytest.mark.parametrize("grouping", ["", "strict", "fair"])
def test_a_lease_taken_up_again_behind_others_comes_back_and_survives_a_restart(grouping: str) -> None:
    driver = with_a_group_of_three(grouping)
    second = receive(driver, 2).answers[0][1]
    for _ in range(2):
        driver.pass_time(10_000)
        driver.access.leases.change("q", second.handle, 5_000)
        driver.settle_down()
    driver.pass_time(5_000)
    assert counts(driver) == (3, 0)
    driver.restart()
    driver.pass_time(1)
    assert counts(driver) == (3, 0)
    assert receive(driver, 10).values() == [b"a", b"b", b"c"]
    driver.pass_time(10_000)
    assert receive(driver, 10).values() == [b"a", b"b", b"c"]
