"""Samples of counters, in virtual time."""

import pytest

from engine_driver import Driver
from onemq.engine.rates import BROKER_KEPT_MS, IDLE_MS, KEPT_MS, SAMPLED
from onemq.engine.settings import EngineSettings, RateSettings


def test_nothing_is_sampled_unless_somebody_looks() -> None:
    driver = Driver()
    driver.declare("q")
    assert driver.broker.next_deadline_ms() == 0
    driver.broker.rates.queue(driver.queue("q"))
    assert driver.broker.next_deadline_ms() == driver.now_ms + 5_000
    driver.pass_time(IDLE_MS + 20_000)
    assert driver.broker.next_deadline_ms() == 0


def test_the_rate_between_the_last_two_samples() -> None:
    driver = Driver()
    driver.declare("q")
    rates = driver.broker.rates
    queue = driver.queue("q")
    assert rates.queue(queue).rate("published") == 0.0
    for _ in range(10):
        driver.publish("q", b"abc")
    driver.pass_time(5_000)
    series = rates.queue(queue)
    assert series.rate("published") == 2.0
    assert series.rate("published_bytes") == 6.0
    assert series.rate("ready") == 2.0
    assert rates.broker().rate("published") == 0.0, "nobody had asked for it"
    driver.pass_time(5_000)
    assert rates.queue(queue).rate("published") == 0.0
    for _ in range(5):
        driver.publish("q", b"abc")
    driver.pass_time(5_000)
    assert rates.broker().rate("published") == 1.0
    assert set(series.rates()) == set(SAMPLED)


def test_every_name_is_sampled() -> None:
    driver = Driver()
    driver.declare("q")
    series = driver.broker.rates.queue(driver.queue("q"))
    for name in SAMPLED:
        assert series.history(name, 1, 1) == [(0, driver.now_ms)]


def test_history_newest_first_in_steps_and_bounded() -> None:
    driver = Driver(EngineSettings(rates=RateSettings(interval_ms=1_000)))
    driver.declare("q")
    rates = driver.broker.rates
    queue = driver.queue("q")
    start = driver.now_ms
    for _ in range(300):
        rates.queue(queue)
        rates.broker()
        driver.publish("q", b"x")
        driver.pass_time(1_000)
    series = rates.queue(queue)
    found = series.history("published", 10_000, 5_000)
    assert found == [(300, start + 300_000), (295, start + 295_000), (290, start + 290_000)]
    assert len(series) == KEPT_MS // 1_000 + 1
    assert len(rates.broker()) == 301 <= BROKER_KEPT_MS // 1_000
    assert [value for value, _ in rates.broker().history("ready", 3_000, 1_000)] == [300, 299, 298, 297]


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_objects_than_allowed(most: int) -> None:
    driver = Driver(EngineSettings(rates=RateSettings(objects_max=most)))
    for number in range(3):
        driver.declare(f"q{number}")
    series = [driver.broker.rates.queue(driver.queue(f"q{number}")) for number in range(3)]
    driver.pass_time(5_000)
    assert sum(len(each) > 0 for each in series) == most
    assert [each.rate("published") for each in series] == [0.0, 0.0, 0.0]


def test_many_objects_are_sampled_over_several_turns() -> None:
    driver = Driver()
    exchanges = 0
    counters = []
    while exchanges < 4_500:
        access = driver.new_access()
        counters.append(access.counters)
        exchanges += 1
    series = [driver.broker.rates.of(each) for each in counters]
    for each in counters:
        each.published += 5
    driver.pass_time(5_010)
    assert {each.rate("published") for each in series} == {1.0}
