"""Queues that group their records: the rules of SQS FIFO queues and of fair queues, one by one."""

from __future__ import annotations

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.group_ledger import TAKEN_OVER, GroupLedger
from onemq.engine.ledger import Ledger
from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.engine.settings import EngineSettings
from onemq.engine.settings_codec import queue_copy
from onemq.engine.topics.config import TopicConfig
from onemq.model.entities import FAIR_GROUPS, STRICT_GROUPS, UNGROUPED, QueueSettings
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal


class Waiter(ReceiveWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Received] = []

    def received(self, found: list[Received]) -> None:
        self.found = found


def queue_of(grouping: str = STRICT_GROUPS, **values: object) -> QueueSettings:
    chosen = QueueSettings()
    chosen.grouping = grouping
    for name, value in values.items():
        setattr(chosen, name, value)
    return chosen


def make(grouping: str = STRICT_GROUPS, bounds: EngineSettings | None = None, **values: object) -> Driver:
    driver = Driver(bounds)
    driver.declare("q", queue_of(grouping, **values))
    driver.settle_down()
    return driver


def send(driver: Driver, *values: str, delay_ms: int = 0) -> None:
    """ "a1": key a. "-1": no key."""
    driver.broker.begin_turn(driver.now_ms)
    for value in values:
        route = driver.access.route("", "q")
        record = Record(value.encode(), route.address)
        record.key = None if value[0] == "-" else value[0].encode()
        if delay_ms:
            record.not_before_ms = driver.now_ms + delay_ms
        driver.access.publish(route, record)
    driver.settle_down()


def receive(driver: Driver, count: int = 10, visibility_ms: int = 1000) -> list[Received]:
    waiter = Waiter()
    driver.broker.begin_turn(driver.now_ms)
    driver.access.leases.receive("q", Receive(count, visibility_ms, 0), waiter)
    driver.settle_down()
    return waiter.found


def names(found: list[Received]) -> list[str]:
    return [(each.record.value or b"").decode() for each in found]


def settle(driver: Driver, found: Received) -> bool:
    done = driver.access.leases.settle("q", found.handle)
    driver.settle_down()
    return done


def ledger(driver: Driver) -> Ledger:
    found = driver.queue("q").ledger  # type: ignore[attr-defined]
    assert isinstance(found, Ledger)
    return found


# Strict.


def test_one_receive_takes_several_of_a_group_then_of_others() -> None:
    driver = make()
    send(driver, "a1", "b1", "a2", "b2", "c1")
    assert names(receive(driver, 4)) == ["a1", "a2", "b1", "b2"]
    assert names(receive(driver)) == ["c1"]


def test_a_group_with_a_record_out_gives_nothing_to_anybody_else() -> None:
    driver = make()
    send(driver, "a1", "a2", "b1")
    (first,) = receive(driver, 1)
    assert names(receive(driver)) == ["b1"]
    assert receive(driver) == []
    assert settle(driver, first)
    assert names(receive(driver)) == ["a2"]


def test_what_came_back_goes_first() -> None:
    driver = make()
    send(driver, "a1", "a2", "a3")
    taken = receive(driver, 2)
    driver.access.leases.change("q", taken[0].handle, 0)
    driver.settle_down()
    # What stands before the first that is out may be given, nothing behind it.
    assert names(receive(driver)) == ["a1"]
    assert receive(driver) == []
    assert settle(driver, taken[1])
    driver.pass_time(30_000)
    assert names(receive(driver)) == ["a1", "a3"]


def test_a_group_is_free_when_the_time_is_over() -> None:
    driver = make()
    send(driver, "a1", "a2")
    receive(driver, 1, 500)
    driver.pass_time(499)
    assert receive(driver) == []
    driver.pass_time(1)
    assert names(receive(driver)) == ["a1", "a2"]


def test_settling_late_strikes_the_record_out() -> None:
    driver = make()
    send(driver, "a1", "a2", "a3")
    first, second = receive(driver, 2, 500)
    driver.pass_time(500)
    assert settle(driver, second)
    assert settle(driver, first)
    assert names(receive(driver)) == ["a3"]
    driver.crash()
    driver.pass_time(2000)
    assert names(receive(driver)) == ["a3"]


def test_a_delayed_record_holds_up_those_behind_it_only() -> None:
    driver = make()
    send(driver, "a1")
    send(driver, "a2", delay_ms=500)
    send(driver, "a3", "b1")
    assert names(receive(driver, 10, 200)) == ["a1", "b1"]
    driver.pass_time(200)
    assert names(receive(driver, 10, 200)) == ["a1", "b1"]
    driver.pass_time(300)
    assert names(receive(driver)) == ["a1", "a2", "a3", "b1"]


def test_without_a_key_a_record_holds_up_nobody() -> None:
    driver = make()
    send(driver, "-1", "-2", "a1", "-3")
    assert names(receive(driver, 1)) == ["-1"]
    assert names(receive(driver)) == ["-2", "a1", "-3"]


def test_consumers_get_one_of_a_group_at_a_time() -> None:
    driver = make()
    sink = RecordingSink()
    driver.consume("q", sink, limit=10)
    send(driver, "a1", "a2", "b1")
    assert sink.values == [b"a1", b"b1"]
    driver.access.release(sink.held[0], True)
    driver.settle_down()
    assert sink.values == [b"a1", b"b1", b"a1"]
    driver.access.reject(sink.held[2])
    driver.settle_down()
    assert sink.values[3:] == [b"a2"]


def test_a_consumer_that_settles_at_once_gets_all_in_order() -> None:
    driver = make()
    send(driver, "a1", "b1", "a2")
    assert driver.drain("q") == [b"a1", b"b1", b"a2"]
    assert ledger(driver)._groups.by_key == {}  # type: ignore[attr-defined]


def test_a_poller_and_a_consumer_at_once() -> None:
    driver = make()
    send(driver, "a1", "a2", "b1", "b2")
    (first,) = receive(driver, 1)
    sink = RecordingSink()
    driver.consume("q", sink, limit=10)
    driver.settle_down()
    assert sink.values == [b"b1"]
    settle(driver, first)
    assert sink.values == [b"b1", b"a2"]
    assert receive(driver) == []
    driver.access.close_sink(sink)
    driver.settle_down()
    assert names(receive(driver)) == ["a2", "b1", "b2"]


def test_what_was_given_often_enough_dies_and_frees_its_group() -> None:
    driver = Driver()
    driver.declare("dead")
    dead = {"dead_letter_exchange": "", "dead_letter_routing_key": "dead"}
    driver.declare("q", queue_of(receive_limit=2, **dead))
    driver.settle_down()
    send(driver, "a1", "a2")
    for _ in range(2):
        assert names(receive(driver, 1, 100)) == ["a1"]
        driver.pass_time(100)
    assert names(receive(driver, 1)) == ["a2"]
    assert driver.drain("dead") == [b"a1"]


def test_old_records_expire_behind_a_blocked_group_too() -> None:
    driver = make(message_ttl_ms=1000)
    send(driver, "a1", "a2")
    driver.pass_time(500)
    send(driver, "a3")
    (first,) = receive(driver, 1, 5000)
    driver.pass_time(500)
    assert driver.ready("q") == 1
    driver.pass_time(500)
    assert driver.ready("q") == 0
    assert settle(driver, first)
    assert int(ledger(driver).unsettled_bytes) == 0


def test_a_length_limit_drops_the_oldest_of_blocked_groups_too() -> None:
    driver = make(length_max=2)
    send(driver, "a1", "a2")
    receive(driver, 1)
    send(driver, "a3", "a4")
    assert driver.ready("q") == 2
    driver.pass_time(1000)
    assert names(receive(driver)) == ["a3", "a4"]


@pytest.mark.parametrize("clean", [False, True])
def test_groups_and_leases_survive(clean: bool) -> None:
    driver = make()
    send(driver, "a1", "b1", "a2", "-1", "b2")
    (first,) = receive(driver, 1)
    send(driver, "c1", delay_ms=500)
    send(driver, "c2")
    for _ in range(2):
        driver.restart() if clean else driver.crash()
    assert names(receive(driver)) == ["b1", "b2", "-1"]
    assert settle(driver, first)
    assert names(receive(driver)) == ["a2"]
    driver.pass_time(500)
    assert names(receive(driver)) == ["c1", "c2"]


def test_spilled_records_are_found_by_group() -> None:
    bounds = EngineSettings(tail_bytes_max=1000, spill_bytes=1000, load_bytes=400)
    driver = make(bounds=bounds)
    for number in range(10):
        send(driver, f"a{number}", f"b{number}", f"c{number}")
    driver.restart()
    seen: list[str] = []
    while True:
        found = receive(driver, 10)
        if not found:
            break
        seen.extend(names(found))
        for each in found:
            settle(driver, each)
    assert len(seen) == 30
    for key in "abc":
        assert [name for name in seen if name[0] == key] == [f"{key}{number}" for number in range(10)]


def test_heaps_stay_as_small_as_what_is_there() -> None:
    driver = make()
    send(driver, *[f"a{number:04}" for number in range(2)], *[f"b{number}" for number in range(2)])
    groups = ledger(driver)._groups  # type: ignore[attr-defined]
    for _ in range(500):
        (found,) = receive(driver, 1)
        driver.access.leases.change("q", found.handle, 0)
        driver.settle_down()
    assert len(groups._open) < 100 and len(groups._aged) < 100


# Fair.


def test_fair_the_group_with_fewest_out_goes_first() -> None:
    driver = make(FAIR_GROUPS)
    send(driver, "a1", "a2", "a3", "b1", "-1", "c1")
    assert names(receive(driver, 1)) == ["a1"]
    assert names(receive(driver, 3)) == ["b1", "-1", "c1"]
    assert names(receive(driver)) == ["a2", "a3"]


def test_fair_settling_counts_at_once() -> None:
    driver = make(FAIR_GROUPS)
    send(driver, "a1", "a2", "b1", "b2")
    first, second = receive(driver, 2)
    assert names([first, second]) == ["a1", "b1"]
    settle(driver, second)
    assert names(receive(driver)) == ["b2", "a2"]


def test_fair_a_delay_holds_up_nobody() -> None:
    driver = make(FAIR_GROUPS)
    send(driver, "a1", delay_ms=500)
    send(driver, "a2")
    assert names(receive(driver)) == ["a2"]
    driver.pass_time(500)
    assert names(receive(driver)) == ["a1"]


# Other settings, topics.


def alter(driver: Driver, grouping: str) -> None:
    changed = queue_copy(driver.access.queues.settings("q"))
    changed.grouping = grouping
    driver.access.queues.alter("q", changed)
    driver.settle_down()


@pytest.mark.parametrize("end", ["none", "crash", "restart"])
def test_fair_and_back(end: str) -> None:
    def over() -> None:
        if end != "none":
            getattr(driver, end)()

    driver = make(UNGROUPED)
    send(driver, "a1", "a2", "a3")
    (first,) = receive(driver, 1, 60_000)
    alter(driver, FAIR_GROUPS)
    over()
    send(driver, "b1", "b2", "c1")
    assert names(receive(driver, 4, 60_000)) == ["a2", "a3", "b1", "c1"]
    alter(driver, UNGROUPED)
    over()
    send(driver, "c2")
    assert settle(driver, first)
    driver.pass_time(60_000)
    found = receive(driver, 10, 1000)
    assert names(found) == ["a2", "a3", "b1", "b2", "c1", "c2"]
    for each in found:
        assert settle(driver, each)
    assert (int(ledger(driver).ready_count), int(ledger(driver).unsettled_bytes)) == (0, 0)


def test_ungrouped_late_settling_strikes_out_what_came_back_before() -> None:
    driver = make(FAIR_GROUPS)
    send(driver, "a1", "a2")
    first, _ = receive(driver, 2, 500)
    driver.pass_time(500)
    alter(driver, UNGROUPED)
    assert settle(driver, first)
    assert names(receive(driver)) == ["a2"]


def test_all_of_a_ledgers_state_is_taken_over() -> None:
    plain = ledger(make(UNGROUPED))
    if not hasattr(plain, "__dict__"):
        pytest.skip("compiled classes do not say what they have")
    assert set(vars(plain)) - {"core", "log", "agenda", "priority_max"} == set(TAKEN_OVER)


def test_strict_groups_and_topics_exclude_each_other() -> None:
    driver = make()
    catalog = driver.broker.catalog
    space = catalog.namespaces["/"]
    with pytest.raises(Refusal) as caught:
        catalog.topics.create(space, "q", 1, TopicConfig({}))
    assert caught.value.reason == Reason.IN_USE
    catalog.topics.create(space, "t", 1, TopicConfig({}))
    with pytest.raises(Refusal) as caught:
        driver.declare("t", queue_of())
    assert caught.value.reason == Reason.INVALID


@pytest.mark.parametrize("first", ["queue", "topic"])
def test_over_a_topic_fair_is_passed_over(first: str) -> None:
    driver = Driver()
    catalog = driver.broker.catalog
    space = catalog.namespaces["/"]
    if first == "queue":
        driver.declare("q", queue_of(FAIR_GROUPS))
        send(driver, "a1", "a2", "b1")
        catalog.topics.create(space, "q", 1, TopicConfig({}))
    else:
        catalog.topics.create(space, "q", 1, TopicConfig({}))
        driver.declare("q", queue_of(FAIR_GROUPS))
        send(driver, "a1", "a2", "b1")
    driver.settle_down()
    for end in (driver.crash, driver.restart):
        assert names(receive(driver, 2, 100)) == ["a1", "a2"]
        driver.pass_time(100)
        end()
        # What lapsed before does so again with the first look at the clock.
        driver.pass_time(1)
    assert driver.drain("q") == [b"a1", b"a2", b"b1"]


def test_priorities_go_before_groups() -> None:
    driver = make(FAIR_GROUPS, priority_max=5)
    assert not isinstance(ledger(driver), GroupLedger)


def test_purge_leaves_what_is_put_off_in_its_order() -> None:
    driver = make()
    send(driver, "a1")
    send(driver, "a2", delay_ms=500)
    send(driver, "a3")
    assert driver.access.queues.purge("q") == 2
    send(driver, "a4")
    assert receive(driver) == []
    driver.pass_time(500)
    assert names(receive(driver)) == ["a2", "a4"]
    assert driver.access.leases.purge("q") == 2
    send(driver, "a5")
    assert names(receive(driver)) == ["a5"]
