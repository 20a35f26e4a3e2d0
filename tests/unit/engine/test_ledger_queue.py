"""Queues whose records are settled one by one, seen through the broker: who is given what, and how that ends."""

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.settings import EngineSettings
from onemq.model.demand import Demand
from onemq.model.entities import DROP_HEAD
from unit.engine.queues import fill, ledger_queue, settings

# Order, rotation, priorities.


def test_first_in_first_out() -> None:
    driver = Driver()
    driver.declare("q")
    fill(driver, "q", *[b"%d" % number for number in range(300)])
    assert driver.drain("q") == [b"%d" % number for number in range(300)]
    assert driver.broker.memory_bytes() == 0


def test_a_volatile_record_does_not_wait_for_the_disk_when_nothing_before_it_does() -> None:
    driver = Driver(delay=5)
    driver.declare("q")
    driver.settle_down()
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.settle_down()
    driver.publish("q", b"volatile", volatile=True)
    driver.publish("q", b"durable")
    driver.publish("q", b"behind", volatile=True)
    driver.turn()
    assert sink.values == [b"volatile"]
    driver.settle_down()
    assert sink.values == [b"volatile", b"durable", b"behind"]


def test_higher_priorities_go_first_and_too_high_ones_count_as_the_highest() -> None:
    driver = Driver()
    driver.declare("q", settings(priority_max=3))
    for number, priority in enumerate([0, 3, 1, 9, 2, 0, 3]):
        driver.publish("q", b"%d" % number, priority=priority)
    driver.settle_down()
    assert driver.drain("q") == [b"1", b"3", b"6", b"4", b"2", b"0", b"5"]


def test_a_queue_without_priorities_takes_no_notice_of_them() -> None:
    driver = Driver()
    driver.declare("q")
    for number, priority in enumerate([0, 3, 1]):
        driver.publish("q", b"%d" % number, priority=priority)
    driver.settle_down()
    assert driver.drain("q") == [b"0", b"1", b"2"]


def test_priorities_over_a_spilled_backlog_lose_nothing() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=2000, spill_bytes=500, load_bytes=100_000))
    driver.declare("q", settings(priority_max=4))
    expected: list[tuple[int, int]] = []
    for number in range(60):
        driver.publish("q", b"%d" % number, priority=number * 7 % 5)
        expected.append((-(number * 7 % 5), number))
        driver.settle_down()
    assert ledger_queue(driver).log.spilled_to > 40
    assert [int(value) for value in driver.drain("q")] == [number for _, number in sorted(expected)]
    assert ledger_queue(driver).ledger.lost == 0


def test_consumers_take_turns() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    for tag in "abc":
        driver.consume("q", sink, tag=tag)
    fill(driver, "q", *[b"%d" % number for number in range(6)])
    assert sink.consumers_served == ["a", "b", "c", "a", "b", "c"]


def test_a_consumer_with_higher_priority_is_served_while_it_has_room() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink, tag="low")
    driver.consume("q", sink, tag="high", priority=5, limit=2)
    driver.consume("q", sink, tag="other", priority=5, limit=1)
    fill(driver, "q", b"1", b"2", b"3", b"4", b"5")
    assert sorted(sink.consumers_served[:3]) == ["high", "high", "other"]
    assert sink.consumers_served[3:] == ["low", "low"]


def test_single_active_consumer_hands_over_in_order() -> None:
    driver = Driver()
    driver.declare("q", settings(single_active=True))
    sink = RecordingSink()
    first = driver.consume("q", sink, tag="first")
    driver.consume("q", sink, tag="second")
    driver.consume("q", sink, tag="third")
    fill(driver, "q", b"1", b"2")
    assert sink.consumers_served == ["first", "first"]
    driver.access.cancel(first)
    fill(driver, "q", b"3", b"4")
    assert sink.consumers_served[2:] == ["second", "second"]


# Demand.


def test_prefetch_of_one_consumer() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    consumer = driver.consume("q", sink, limit=2)
    fill(driver, "q", b"1", b"2", b"3", b"4")
    assert sink.values == [b"1", b"2"]
    driver.access.accept(sink.held[0])
    driver.settle_down()
    assert sink.values == [b"1", b"2", b"3"]
    consumer.demand.limit = 0
    driver.access.demand_changed(sink)
    driver.settle_down()
    assert sink.values == [b"1", b"2", b"3", b"4"]


def test_prefetch_shared_by_a_channel_wakes_its_other_queues() -> None:
    driver = Driver()
    driver.declare("q")
    driver.declare("other")
    sink = RecordingSink()
    group = Demand(1)
    driver.consume("q", sink, group=group)
    driver.consume("other", sink, group=group)
    fill(driver, "q", b"1")
    fill(driver, "other", b"2")
    assert sink.values == [b"1"]
    driver.access.accept(sink.held[0])
    driver.settle_down()
    assert sink.values == [b"1", b"2"]
    assert group.in_flight == 1


def test_no_ack_takes_no_credit_and_settles_at_once() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink, limit=1, no_ack=True)
    fill(driver, "q", b"1", b"2", b"3")
    assert sink.values == [b"1", b"2", b"3"]
    driver.crash()
    assert driver.ready("q") == 0


def test_a_paused_access_gets_nothing_until_it_reads_again() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.access.pause(True)
    late = RecordingSink()
    fill(driver, "q", b"1")
    driver.consume("q", late)
    driver.settle_down()
    assert sink.values + late.values == []
    driver.access.pause(False)
    driver.settle_down()
    assert sink.values + late.values == [b"1"]


# Settling.


def test_released_records_keep_their_place() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    consumer = driver.consume("q", sink, limit=3)
    fill(driver, "q", *[b"%d" % number for number in range(6)])
    driver.access.cancel(consumer)
    driver.access.release(sink.held[2], False)
    driver.access.release(sink.held[0], False)
    driver.access.accept(sink.held[1])
    driver.settle_down()
    assert driver.drain("q") == [b"0", b"2", b"3", b"4", b"5"]


def test_attempts_count_every_return_failures_only_failed_ones() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"1")
    for failed in (False, True, False):
        driver.access.release(sink.held[-1], failed)
        driver.settle_down()
    assert sink.attempts == [0, 1, 2, 3]
    assert [int(delivery.failures) for delivery in sink.held] == [0, 0, 1, 1]


def test_settling_twice_counts_once() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    consumer = driver.consume("q", sink)
    fill(driver, "q", b"1", b"2")
    first = sink.held[0]
    driver.access.accept(first)
    driver.access.accept(first)
    driver.access.release(first, True)
    driver.access.reject(first)
    driver.settle_down()
    assert (consumer.demand.in_flight, driver.ready("q")) == (1, 0)
    assert sink.values == [b"1", b"2"]


def test_a_lost_channel_gives_everything_back_as_failed() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"1", b"2")
    driver.access.close_sink(sink)
    driver.settle_down()
    again = RecordingSink()
    driver.consume("q", again)
    driver.settle_down()
    assert (again.values, again.attempts) == ([b"1", b"2"], [1, 1])
    assert [int(delivery.failures) for delivery in again.held] == [1, 1]


def test_a_cancelled_consumer_keeps_what_it_holds() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    consumer = driver.consume("q", sink)
    fill(driver, "q", b"1")
    driver.access.cancel(consumer)
    assert driver.ready("q") == 0
    driver.access.release(sink.held[0], False)
    assert driver.ready("q") == 1


def test_the_delivery_limit_kills_what_failed_too_often() -> None:
    driver = Driver()
    driver.declare("dead")
    driver.declare("q", settings(delivery_limit=2, dead_letter_exchange="", dead_letter_routing_key="dead"))
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"poison")
    driver.access.release(sink.held[-1], False)
    for _ in range(3):
        driver.settle_down()
        driver.access.release(sink.held[-1], True)
    driver.settle_down()
    assert sink.attempts == [0, 1, 2, 3]
    assert driver.drain("dead") == [b"poison"]


def test_a_delivery_limit_of_zero_lets_nothing_fail() -> None:
    driver = Driver()
    driver.declare("q", settings(delivery_limit=0))
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"poison")
    driver.access.release(sink.held[0], True)
    driver.settle_down()
    assert sink.values == [b"poison"]
    assert driver.broker.memory_bytes() == 0


def test_retries_wait_longer_each_time_up_to_the_longest_delay() -> None:
    driver = Driver()
    driver.declare("q", settings(retry_delay_min_ms=100, retry_delay_max_ms=250))
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"1")
    for count, wait in enumerate([100, 200, 250], start=1):
        driver.access.release(sink.held[-1], True)
        driver.pass_time(wait - 1)
        assert len(sink.values) == count
        assert driver.ready("q") == 0
        driver.pass_time(1)
        assert len(sink.values) == count + 1
    driver.access.release(sink.held[-1], False)
    driver.settle_down()
    assert len(sink.values) == 5, "what did not fail does not wait"


def test_bytes_count_right_after_delays_and_restarts() -> None:
    driver = Driver()
    driver.declare("q", settings(retry_delay_min_ms=100, bytes_max=1000))
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"12345", b"678")
    driver.access.release(sink.held[0], True)
    driver.pass_time(50)
    driver.access.release(sink.held[1], True)
    driver.settle_down()
    driver.access.close_sink(sink)
    ledger = ledger_queue(driver).ledger
    assert (ledger.ready_bytes(), ledger.delayed_bytes) == (0, 8)
    driver.pass_time(50)
    assert (ledger.ready_bytes(), ledger.delayed_bytes) == (5, 3)
    driver.restart()
    ledger = ledger_queue(driver).ledger
    assert (ledger.ready_bytes(), ledger.delayed_bytes) == (5, 3)
    driver.pass_time(50)
    assert (ledger.ready_bytes(), ledger.delayed_bytes) == (8, 0)


# Purge.


def test_purge_takes_what_is_ready_and_what_is_on_its_way_to_the_disk() -> None:
    driver = Driver(delay=3)
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink, limit=1)
    fill(driver, "q", b"leased", b"ready")
    driver.publish("q", b"pending")
    driver.turn()
    driver.publish("q", b"open")
    driver.publish("q", b"transient", volatile=True)
    assert driver.access.queues.purge("q") == 4
    assert driver.ready("q") == 0
    assert driver.access.queues.purge("q") == 0
    driver.publish("q", b"after")
    assert driver.ready("q") == 1
    driver.settle_down()
    driver.access.release(sink.held[0], False)
    driver.settle_down()
    driver.access.close_sink(sink)
    assert driver.drain("q") == [b"leased", b"after"]
    assert driver.broker.memory_bytes() == 0


def test_a_purge_is_durable() -> None:
    driver = Driver(delay=2)
    driver.declare("q")
    driver.publish("q", b"1")
    driver.turn()
    driver.access.queues.purge("q")
    driver.settle_down()
    driver.crash()
    assert driver.ready("q") == 0
    assert ledger_queue(driver).ledger.unsettled_bytes == 0


@pytest.mark.parametrize("clean", [False, True])
def test_bytes_are_right_after_a_purge_and_a_restart(clean: bool) -> None:
    driver = Driver(delay=2)
    driver.declare("q", settings(retry_delay_min_ms=60_000))
    sink = RecordingSink()
    consumer = driver.consume("q", sink, limit=2)
    fill(driver, "q", b"leased", b"delayed!", b"ready....")
    driver.access.cancel(consumer)
    driver.access.release(sink.held[1], True)
    driver.publish("q", b"hidden.....")
    driver.turn()
    driver.access.queues.purge("q")
    driver.settle_down()
    ledger = ledger_queue(driver).ledger
    assert (int(ledger.unsettled_bytes), int(ledger.durable_bytes)) == (14, 14)
    if clean:
        driver.restart()
    else:
        driver.crash()
    assert int(ledger_queue(driver).ledger.unsettled_bytes) == 14


def test_a_purge_leaves_delayed_records_and_their_attempts() -> None:
    driver = Driver()
    driver.declare("q", settings(retry_delay_min_ms=100))
    sink = RecordingSink()
    consumer = driver.consume("q", sink)
    fill(driver, "q", b"1")
    driver.access.release(sink.held[0], True)
    driver.access.cancel(consumer)
    fill(driver, "q", b"2")
    assert driver.access.queues.purge("q") == 1
    driver.consume("q", sink)
    driver.pass_time(100)
    assert (sink.values, sink.attempts) == ([b"1", b"1"], [0, 1])


def test_a_purge_while_the_head_is_being_loaded() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=1000, spill_bytes=500, load_bytes=400), delay=2)
    driver.declare("q", settings(retry_delay_min_ms=1000))
    sink = RecordingSink()
    consumer = driver.consume("q", sink, limit=1)
    fill(driver, "q", b"first")
    driver.access.release(sink.held[0], True)
    driver.access.cancel(consumer)
    for number in range(20):
        fill(driver, "q", b"%d" % number)
    driver.consume("q", sink, limit=1)
    driver.turn()
    assert ledger_queue(driver).is_loading()
    assert driver.access.queues.purge("q") == 20
    driver.pass_time(1000)
    assert sink.values == [b"first", b"first"]


# Single gets.


def test_get() -> None:
    driver = Driver()
    driver.declare("q")
    assert driver.get("q").result is None
    fill(driver, "q", b"1", b"2", b"3")
    waiter = driver.get("q")
    assert waiter.result is not None
    assert (waiter.result.record.value, waiter.result.remaining, waiter.calls) == (b"1", 2, 1)
    assert waiter.result.delivery is not None
    driver.access.release(waiter.result.delivery, True)
    again = driver.get("q", no_ack=True).result
    assert again is not None
    assert (again.record.value, int(again.attempts), int(again.failures), again.delivery) == (
        b"1",
        1,
        1,
        None,
    )
    assert driver.drain("q") == [b"2", b"3"]


def test_get_waits_for_the_disk() -> None:
    driver = Driver(delay=3)
    driver.declare("q")
    driver.settle_down()
    driver.publish("q", b"1")
    first, second = driver.get("q"), driver.get("q")
    assert (first.calls, second.calls) == (0, 0)
    driver.settle_down()
    assert (first.calls, second.calls) == (1, 1)
    assert first.result is not None
    assert second.result is None


def test_get_waits_for_a_load() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=1000, spill_bytes=500, load_bytes=400), delay=2)
    driver.declare("q")
    for number in range(20):
        fill(driver, "q", b"%d" % number)
    waiters = [driver.get("q") for _ in range(21)]
    assert waiters[0].calls == 0
    driver.settle_down()
    found = [waiter.result.record.value if waiter.result else None for waiter in waiters]
    assert found == [b"%d" % number for number in range(20)] + [None]
    assert {waiter.calls for waiter in waiters} == {1}


def test_a_get_regards_what_was_published_before_it_also_where_commits_become_durable_one_by_one() -> None:
    driver = Driver(delay=3)
    driver.declare("short", settings(length_max=1, overflow=DROP_HEAD))
    driver.declare("ranked", settings(priority_max=3))
    driver.settle_down()
    for number in range(3):
        driver.publish("short", b"%d" % number)
        driver.publish("ranked", b"%d" % number, priority=number)
        driver.turn()
    newest, highest = driver.get("short"), driver.get("ranked")
    driver.settle_down()
    assert newest.result is not None and newest.result.record.value == b"2"
    assert highest.result is not None and highest.result.record.value == b"2"


def test_waiting_gets_are_answered_when_the_queue_goes_and_forgotten_with_their_channel() -> None:
    driver = Driver(delay=3)
    driver.declare("q")
    driver.settle_down()
    driver.publish("q", b"1")
    lost = RecordingSink()
    forgotten = driver.get("q", lost)
    answered = driver.get("q")
    driver.access.close_sink(lost)
    driver.access.queues.delete("q")
    driver.settle_down()
    assert (forgotten.calls, answered.calls, answered.result) == (0, 1, None)


# Time.


def test_a_consumer_that_does_not_settle_in_time_is_cancelled() -> None:
    driver = Driver(EngineSettings(consumer_timeout_ms=1000))
    driver.declare("q")
    slow = RecordingSink()
    driver.consume("q", slow, tag="slow", limit=2)
    fill(driver, "q", b"1")
    driver.pass_time(600)
    fill(driver, "q", b"2", b"3")
    driver.pass_time(400)
    assert slow.ended == []
    driver.pass_time(2)
    assert slow.ended == [("slow", "timeout")]
    assert [timeout for _, timeout in slow.late] == [1000]
    driver.access.accept(slow.held[0])
    other = RecordingSink()
    driver.consume("q", other)
    driver.settle_down()
    assert (other.values, other.attempts) == ([b"1", b"2", b"3"], [1, 1, 0])
    assert [int(delivery.failures) for delivery in other.held] == [0, 0, 0]


def test_a_queue_s_own_timeout_goes_before_the_server_s_and_zero_is_none() -> None:
    driver = Driver(EngineSettings(consumer_timeout_ms=1000))
    driver.declare("long", settings(consumer_timeout_ms=5000))
    driver.declare("none", settings(consumer_timeout_ms=0))
    sink = RecordingSink()
    driver.consume("long", sink, tag="long")
    driver.consume("none", sink, tag="none")
    fill(driver, "long", b"1")
    fill(driver, "none", b"1")
    driver.pass_time(4999)
    assert sink.ended == []
    driver.pass_time(100_000)
    assert sink.ended == [("long", "timeout")]


def test_a_single_get_that_times_out_goes_back() -> None:
    driver = Driver(EngineSettings(consumer_timeout_ms=1000))
    driver.declare("q")
    fill(driver, "q", b"1")
    driver.get("q")
    assert driver.ready("q") == 0
    driver.pass_time(1001)
    assert driver.ready("q") == 1


def test_an_auto_delete_queue_goes_with_its_last_consumer_also_by_timeout() -> None:
    driver = Driver(EngineSettings(consumer_timeout_ms=1000))
    driver.declare("q", settings(auto_delete=True))
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"1")
    driver.pass_time(2000)
    assert "q" not in driver.broker.catalog.namespaces["/"].queues


def test_an_unused_queue_goes() -> None:
    driver = Driver()
    driver.declare("q", settings(expires_ms=1000))
    driver.pass_time(900)
    driver.get("q")
    driver.pass_time(900)
    driver.access.queues.check("q")
    driver.pass_time(900)
    consumer = driver.consume("q", RecordingSink())
    driver.pass_time(10_000)
    driver.access.cancel(consumer)
    driver.pass_time(999)
    assert "q" in driver.broker.catalog.namespaces["/"].queues
    driver.pass_time(1)
    assert "q" not in driver.broker.catalog.namespaces["/"].queues
    driver.crash()
    assert "q" not in driver.broker.catalog.namespaces["/"].queues


def test_an_unused_queue_goes_after_a_restart() -> None:
    driver = Driver()
    driver.declare("q", settings(expires_ms=1000))
    driver.restart()
    driver.pass_time(1000)
    assert "q" not in driver.broker.catalog.namespaces["/"].queues


# Bounded turns.


def test_dispatch_leaves_work_for_the_next_turn() -> None:
    driver = Driver(EngineSettings(dispatch_per_turn=100))
    driver.declare("q")
    fill(driver, "q", *[b"x"] * 1000)
    sink = RecordingSink()
    driver.consume("q", sink)
    assert driver.turn()
    assert 100 <= len(sink.values) <= 200
    while driver.turn():
        pass
    assert len(sink.values) == 1000
