"""Groups' settings: Kafka's table, what is refused, what survives."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.group_configs import GROUP_CONFIGS, GroupConfigs, duration_ms, validate_group
from onemq.engine.topics.config_table import TYPE_NAMES
from onemq.model.refusal import Reason, Refusal
from unit.engine.topics import kafka_configs

ROWS = kafka_configs.rows(kafka_configs.GROUP)


def of(driver: Driver) -> GroupConfigs:
    return driver.broker.catalog.administration.group_configs


def test_names_types_and_defaults_are_kafkas() -> None:
    """Kafka Streams groups are not served: their settings are unknown."""
    expected = {row[0]: (row[1], row[2]) for row in ROWS if not row[0].startswith("streams.")}
    ours = {
        name: (TYPE_NAMES[entry.kind], entry.default)
        for name, entry in GROUP_CONFIGS.items()
        if not name.startswith("onemq.")
    }
    assert ours == expected
    validate_group({name: default for name, (_, default) in expected.items()})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("streams.session.timeout.ms", "45000"),
        ("consumer.session.timeout.ms", "44999"),
        ("consumer.session.timeout.ms", "60001"),
        ("consumer.heartbeat.interval.ms", "4999"),
        ("share.record.lock.duration.ms", "14999"),
        ("share.delivery.count.limit", "1"),
        ("share.delivery.count.limit", "11"),
        ("share.isolation.level", "serialisable"),
        ("share.auto.offset.reset", "none"),
        ("share.auto.offset.reset", "by_duration:5 minutes"),
    ],
)
def test_what_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refusal) as caught:
        validate_group({name: value})
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.INVALID, "config")


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("PT1H", 3_600_000),
        ("P1DT2H3M4.5S", 93_784_500),
        ("pt0s", 0),
        ("P2D", 172_800_000),
        ("PT0.0019S", 1),
    ],
)
def test_durations(text: str, milliseconds: int) -> None:
    assert duration_ms(text) == milliseconds
    validate_group({"share.auto.offset.reset": f"by_duration:{text}"})


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1H", "PT-1H", "P1W", "PT1.S", "PT1H1H"])
def test_texts_that_are_no_durations(text: str) -> None:
    with pytest.raises(Refusal):
        duration_ms(text)


def test_values() -> None:
    configs = of(Driver())
    same = configs.overrides("g")
    configs.configure("g", {"share.delivery.count.limit": "7"})
    assert same == {"share.delivery.count.limit": "7"}, "always the same map"
    assert configs.whole("g", "share.delivery.count.limit") == 7
    assert configs.whole("other", "share.delivery.count.limit") == 5
    configs.configure("g", {"share.delivery.count.limit": "8"}, True)
    assert configs.whole("g", "share.delivery.count.limit") == 7
    with pytest.raises(Refusal) as caught:
        configs.configure("", {})
    assert caught.value.entity_kind == "group"


def test_values_survive() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        of(driver).configure("g", {"share.delivery.count.limit": "7", "onemq.retry.delay.ms": "10"})
        of(driver).configure("g", {"share.delivery.count.limit": "8"})
        of(driver).configure("gone", {"share.delivery.count.limit": "8"})
        of(driver).configure("gone", {})
        driver.settle_down()
        end()
        assert of(driver).groups() == ["g"]
        assert of(driver).overrides("g") == {"share.delivery.count.limit": "8"}
