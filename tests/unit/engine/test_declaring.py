"""Queues as one principal makes and finds them: settings that change while they are there, what they say of themselves, and their end."""

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.settings_codec import queue_copy
from onemq.model.entities import STRICT_GROUPS, QueueSettings
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights
from unit.engine.accesses import refused


def changed(driver: Driver, name: str, **values: object) -> QueueSettings:
    settings = queue_copy(driver.access.queues.settings(name))
    for setting, value in values.items():
        setattr(settings, setting, value)
    return settings


def alter(driver: Driver, name: str, **values: object) -> None:
    driver.access.queues.alter(name, changed(driver, name, **values))
    driver.settle_down()


def test_a_time_to_live_that_comes_later_holds_for_what_waits() -> None:
    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"old")
    driver.settle_down()
    alter(driver, "q", message_ttl_ms=1_000)
    assert driver.ready("q") == 1
    driver.pass_time(1_000)
    assert driver.ready("q") == 0


def test_altered_settings_survive_a_crash_and_a_restart() -> None:
    driver = Driver()
    driver.declare("q")
    alter(driver, "q", delay_ms=5_000, attributes={"own": {"word": 1}}, receive_limit=3)
    driver.crash()
    for _ in range(2):
        settings = driver.access.queues.settings("q")
        assert (settings.delay_ms, settings.receive_limit) == (5_000, 3)
        assert settings.attributes == {"own": {"word": 1}}
        driver.restart()


def test_a_queues_delay_is_for_records_that_have_none() -> None:
    driver = Driver()
    driver.declare("q")
    alter(driver, "q", delay_ms=5_000)
    driver.publish("q", b"late")
    driver.publish("q", b"sooner", delay_ms=1_000)
    driver.settle_down()
    assert driver.ready("q") == 0
    driver.pass_time(1_000)
    assert driver.drain("q") == [b"sooner"]
    driver.pass_time(4_000)
    assert driver.drain("q") == [b"late"]


def test_what_expires_is_dead_lettered_only_where_that_is_wanted() -> None:
    driver = Driver()
    driver.declare("dead")
    settings = QueueSettings()
    settings.message_ttl_ms = 1_000
    settings.dead_letter_exchange = ""
    settings.dead_letter_routing_key = "dead"
    driver.declare("q", settings)
    driver.publish("q", b"lettered")
    driver.pass_time(1_000)
    alter(driver, "q", dead_letter_expired=False)
    driver.publish("q", b"dropped")
    driver.pass_time(1_000)
    assert driver.drain("dead") == [b"lettered"]
    assert driver.ready("q") == 0


@pytest.mark.parametrize("setting", ["durable", "kept", "exclusive", "auto_delete"])
def test_what_a_queue_is_cannot_change(setting: str) -> None:
    driver = Driver()
    driver.declare("q")
    settings = changed(driver, "q")
    setattr(settings, setting, not getattr(settings, setting))
    with pytest.raises(Refusal) as caught:
        driver.access.queues.alter("q", settings)
    assert (caught.value.reason, caught.value.detail) == (Reason.INVALID, setting)


def test_groups_do_not_become_strict_later() -> None:
    driver = Driver()
    driver.declare("q")
    with pytest.raises(Refusal) as caught:
        alter(driver, "q", grouping=STRICT_GROUPS)
    assert caught.value.reason == Reason.INVALID


def rights(configure: str, write: str, read: str) -> Rights:
    return Rights(NamePattern(configure), NamePattern(write), NamePattern(read))


def test_dead_letters_go_only_where_who_sends_them_may_write() -> None:
    driver = Driver()
    for name in ("mine", "mine-dead", "secret"):
        driver.declare(name)
    owner = driver.new_access(rights("mine.*", "mine.*", "mine.*"))
    alter(driver, "mine", dead_letter_exchange="", dead_letter_routing_key="mine-dead")
    # The exchange stays: it is the key that leads elsewhere.
    for access in (owner, driver.new_access(rights("mine.*", "secret|", "secret"))):
        with pytest.raises(Refusal) as caught:
            access.queues.alter("mine", changed(driver, "mine", dead_letter_routing_key="secret"))
        assert caught.value.reason == Reason.ACCESS_DENIED
        with pytest.raises(Refusal) as caught:
            access.queues.declare("mine-3", changed(driver, "mine", dead_letter_routing_key="secret"))
        assert caught.value.reason == Reason.ACCESS_DENIED
    assert driver.access.queues.settings("mine").dead_letter_routing_key == "mine-dead"
    owner.queues.declare("mine-too", changed(driver, "mine"))
    owner.queues.alter("mine-too", changed(driver, "mine", dead_letter_routing_key="mine"))


def test_names_by_prefix_and_right() -> None:
    driver = Driver()
    for name in ("orders", "orders-dead", "jobs"):
        driver.declare(name)
    assert driver.access.queues.names() == ["jobs", "orders", "orders-dead"]
    assert driver.access.queues.names("orders") == ["orders", "orders-dead"]
    reader = driver.new_access(Rights(NamePattern(""), NamePattern(""), NamePattern("jobs")))
    assert reader.queues.names() == ["jobs"]
    with pytest.raises(Refusal) as caught:
        reader.queues.settings("orders")
    assert caught.value.reason == Reason.ACCESS_DENIED
    with pytest.raises(Refusal) as caught:
        reader.queues.alter("jobs", QueueSettings())
    assert caught.value.reason == Reason.ACCESS_DENIED


def test_in_use_and_not_empty() -> None:
    driver = Driver()
    access = driver.access
    driver.declare("q")
    driver.publish("q", b"1")
    refused(Reason.NOT_EMPTY, lambda: access.queues.delete("q", if_empty=True))
    consumer = driver.consume("q", RecordingSink())
    refused(Reason.IN_USE, lambda: access.queues.delete("q", if_unused=True))
    access.cancel(consumer)
    assert access.queues.delete("q", if_unused=True) == 1
