"""What dies in a queue by itself: of age, or because there are too many; seen through the broker."""

import itertools

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.settings import EngineSettings
from onemq.model.entities import DROP_HEAD
from unit.engine.queues import fill, settings


def test_records_expire_after_the_queue_s_time() -> None:
    driver = Driver()
    driver.declare("dead")
    driver.declare("q", settings(message_ttl_ms=100, dead_letter_exchange="", dead_letter_routing_key="dead"))
    fill(driver, "q", b"1")
    driver.pass_time(60)
    fill(driver, "q", b"2")
    driver.pass_time(39)
    assert driver.ready("q") == 2
    driver.pass_time(1)
    assert driver.ready("q") == 1
    driver.pass_time(60)
    assert driver.ready("q") == 0
    assert driver.drain("dead") == [b"1", b"2"]


def test_a_record_s_own_time_counts_at_the_head_only() -> None:
    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"long", ttl_ms=1000)
    driver.publish("q", b"short", ttl_ms=10)
    driver.pass_time(100)
    assert driver.ready("q") == 2
    driver.pass_time(900)
    assert driver.ready("q") == 0
    assert driver.broker.memory_bytes() == 0


def test_the_shorter_of_both_times_counts() -> None:
    driver = Driver()
    driver.declare("q", settings(message_ttl_ms=100))
    driver.publish("q", b"own", ttl_ms=10)
    driver.pass_time(10)
    assert driver.ready("q") == 0
    driver.publish("q", b"queue's", ttl_ms=1000)
    driver.pass_time(100)
    assert driver.ready("q") == 0


def test_time_to_live_of_zero_is_now_or_never() -> None:
    driver = Driver(delay=2)
    driver.declare("q", settings(message_ttl_ms=0))
    fill(driver, "q", b"nobody there")
    assert driver.ready("q") == 0
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"somebody there")
    assert sink.values == [b"somebody there"]


def test_a_released_record_expires_though_a_consumer_is_there() -> None:
    driver = Driver()
    driver.declare("q", settings(message_ttl_ms=100))
    sink = RecordingSink()
    driver.consume("q", sink)
    fill(driver, "q", b"1")
    driver.pass_time(200)
    driver.access.release(sink.held[0], False)
    driver.settle_down()
    assert sink.values == [b"1"]
    assert driver.ready("q") == 0


def test_expiry_goes_on_after_a_restart() -> None:
    driver = Driver()
    driver.declare("q", settings(message_ttl_ms=100))
    fill(driver, "q", b"1")
    driver.pass_time(50)
    driver.restart()
    driver.pass_time(49)
    assert driver.ready("q") == 1
    driver.pass_time(1)
    assert driver.ready("q") == 0


@pytest.mark.parametrize("delay", [0, 3])
def test_drop_head(delay: int) -> None:
    driver = Driver(delay=delay)
    driver.declare("dead")
    dead = {"dead_letter_exchange": "", "dead_letter_routing_key": "dead"}
    driver.declare("q", settings(length_max=2, overflow=DROP_HEAD, **dead))
    fill(driver, "q", b"1", b"2", b"3", b"4")
    assert driver.drain("q") == [b"3", b"4"]
    assert driver.drain("dead") == [b"1", b"2"]


def test_drop_head_by_bytes() -> None:
    driver = Driver()
    driver.declare("q", settings(bytes_max=10, overflow=DROP_HEAD))
    fill(driver, "q", b"1234", b"5678", b"90", b"12345")
    assert driver.drain("q") == [b"90", b"12345"]
    fill(driver, "q", b"too large for it")
    assert driver.drain("q") == []


def test_records_in_flight_do_not_count_towards_the_length() -> None:
    driver = Driver()
    driver.declare("q", settings(length_max=1))
    sink = RecordingSink()
    driver.consume("q", sink, limit=2)
    fill(driver, "q", b"1", b"2", b"3")
    assert driver.ready("q") == 1
    assert sink.values == [b"1", b"2"]


def test_expiring_a_backlog_is_cut_into_turns() -> None:
    driver = Driver(EngineSettings(dispatch_per_turn=100))
    driver.declare("q", settings(message_ttl_ms=1000))
    fill(driver, "q", *[b"x"] * 1000)
    driver.now_ms += 5000
    lengths = [driver.ready("q")]
    while driver.turn():
        lengths.append(driver.ready("q"))
    steps = [before - after for before, after in itertools.pairwise(lengths)]
    assert max(steps) <= 200
    assert driver.ready("q") == 0
