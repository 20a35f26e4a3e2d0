"""What exists, what goes with it, and where records go by it."""

import pytest

from engine_driver import Driver
from onemq.engine.enqueueing import DURABLE, ROUTED
from onemq.engine.exchange import Exchange
from onemq.engine.settings import EngineSettings
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.refusal import Reason, Refusal


def exchange(driver: Driver, name: str) -> Exchange | None:
    return driver.broker.catalog.namespaces["/"].exchanges.get(name)


def test_a_queue_declared_again_under_its_name_is_another_one() -> None:
    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"old")
    driver.access.queues.delete("q")
    driver.declare("q")
    driver.publish("q", b"new")
    driver.settle_down()
    driver.crash()
    assert driver.drain("q") == [b"new"]


def test_alternate_exchanges_take_what_goes_nowhere() -> None:
    driver = Driver()
    settings = ExchangeSettings("direct")
    settings.alternate = "amq.fanout"
    driver.access.exchanges.declare("e", settings)
    for queue in ("routed", "unrouted"):
        driver.declare(queue)
    driver.access.exchanges.bind_queue("routed", "e", "key", {})
    driver.access.exchanges.bind_queue("unrouted", "amq.fanout", "", {})
    assert driver.publish("key", b"1", exchange="e") == ROUTED | DURABLE
    assert driver.publish("other", b"2", exchange="e") == ROUTED | DURABLE
    driver.settle_down()
    assert (driver.drain("routed"), driver.drain("unrouted")) == ([b"1"], [b"2"])
    driver.access.exchanges.unbind_queue("unrouted", "amq.fanout", "", {})
    assert driver.publish("other", b"3", exchange="e") == 0


def test_exchanges_bound_in_a_circle_deliver_once() -> None:
    driver = Driver()
    for name in ("e", "f"):
        driver.access.exchanges.declare(name, ExchangeSettings("fanout"))
    driver.access.exchanges.bind_exchange("f", "e", "", {})
    driver.access.exchanges.bind_exchange("e", "f", "", {})
    driver.declare("q")
    driver.access.exchanges.bind_queue("q", "e", "", {})
    driver.access.exchanges.bind_queue("q", "f", "", {})
    driver.publish("", b"1", exchange="e")
    driver.settle_down()
    assert driver.drain("q") == [b"1"]


def test_auto_delete_exchanges_go_one_after_the_other() -> None:
    driver = Driver()
    for name in ("e", "f"):
        driver.access.exchanges.declare(name, ExchangeSettings("fanout", auto_delete=True))
    driver.declare("q")
    driver.access.exchanges.bind_exchange("f", "e", "", {})
    driver.access.exchanges.bind_queue("q", "f", "", {})
    assert exchange(driver, "e") is not None
    driver.access.queues.delete("q")
    assert exchange(driver, "f") is None
    assert exchange(driver, "e") is None
    driver.settle_down()
    driver.crash()
    assert exchange(driver, "f") is None
    assert exchange(driver, "e") is None


def test_deleting_a_delayed_exchange_drops_what_it_holds() -> None:
    driver = Driver()
    settings = ExchangeSettings("fanout")
    settings.delayed = True
    driver.access.exchanges.declare("later", settings)
    driver.declare("q")
    driver.access.exchanges.bind_queue("q", "later", "", {})
    driver.publish("", b"1", exchange="later", delay_ms=100)
    driver.settle_down()
    driver.access.exchanges.delete("later")
    driver.pass_time(200)
    assert driver.ready("q") == 0
    assert driver.broker.memory_bytes() == 0
    driver.crash()
    assert list(driver.broker.catalog.logs) == [int(driver.queue("q").log.log_id)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("durable", False),
        ("auto_delete", True),
        ("arguments", {"x": 1}),
        ("type_name", "quorum"),
    ],
)
def test_a_queue_declared_otherwise(name: str, value: object) -> None:
    driver = Driver()
    driver.declare("q")
    other = QueueSettings()
    setattr(other, name, value)
    with pytest.raises(Refusal) as refused:
        driver.access.queues.declare("q", other)
    assert refused.value.reason == Reason.EXISTS_OTHERWISE
    driver.access.queues.declare("q", QueueSettings())


def test_a_queue_that_was_not_exclusive_does_not_become_so() -> None:
    driver = Driver()
    driver.declare("q")
    with pytest.raises(Refusal) as refused:
        driver.access.queues.declare("q", QueueSettings(exclusive=True))
    assert refused.value.reason == Reason.LOCKED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("durable", False),
        ("internal", True),
        ("auto_delete", True),
        ("arguments", {"x": 1}),
        ("type_name", "topic"),
    ],
)
def test_an_exchange_declared_otherwise(name: str, value: object) -> None:
    driver = Driver()
    driver.access.exchanges.declare("e", ExchangeSettings("direct"))
    other = ExchangeSettings("direct")
    setattr(other, name, value)
    with pytest.raises(Refusal) as refused:
        driver.access.exchanges.declare("e", other)
    assert refused.value.reason == Reason.EXISTS_OTHERWISE
    driver.access.exchanges.declare("e", ExchangeSettings("direct"))


def test_a_queue_declared_exclusive_that_is_not_is_locked() -> None:
    driver = Driver()
    driver.declare("q")
    with pytest.raises(Refusal) as refused:
        driver.access.queues.declare("q", QueueSettings(exclusive=True))
    assert refused.value.reason == Reason.LOCKED


def test_a_difference_names_the_argument_and_both_values() -> None:
    driver = Driver()
    driver.declare("q", QueueSettings(arguments={"x-max-length": 5}))
    with pytest.raises(Refusal) as refused:
        driver.access.queues.declare("q", QueueSettings(arguments={"x-max-length": 6}))
    assert refused.value.detail == "x-max-length"
    assert refused.value.wanted == "the value '6' of type 'signedint'"
    assert refused.value.actual == "the value '5' of type 'signedint'"


def test_a_namespace_added_in_the_settings_has_the_predeclared_exchanges() -> None:
    driver = Driver(EngineSettings(namespaces=["/", "two"], predeclared=[("amq.direct", "direct")]))
    access = driver.new_access(namespace="two")
    access.exchanges.check("amq.direct")
    with pytest.raises(Refusal) as refused:
        driver.new_access(namespace="three")
    assert refused.value.reason == Reason.NAMESPACE_DENIED


def test_a_transient_queue_s_log_number_is_not_confused_with_a_later_one_s() -> None:
    driver = Driver(EngineSettings(tail_bytes_max=500, journal_bytes_max=500, predeclared=[]))
    driver.declare("durable")
    driver.declare("transient", QueueSettings(durable=False))
    for number in range(20):
        driver.publish("transient", b"old %d" % number)
        driver.publish("durable", b"%d" % number)
        driver.settle_down()
    assert driver.store.disk.spilled
    driver.crash()
    driver.declare("fresh")
    for number in range(20):
        driver.publish("fresh", b"new %d" % number)
        driver.settle_down()
    assert driver.drain("fresh") == [b"new %d" % number for number in range(20)]
    assert driver.drain("durable") == [b"%d" % number for number in range(20)]
