"""What exists, what of it survives, and where records go by it."""

import pytest

from engine_driver import Disk, Driver, FakeStore, RecordingSink
from onemq.engine.catalog import DURABLE, ROUTED
from onemq.engine.exchange import Exchange
from onemq.engine.settings import EngineSettings
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.refusal import Reason, Refusal


def exchange(driver: Driver, name: str) -> Exchange | None:
    return driver.broker.catalog.namespaces["/"].exchanges.get(name)


def exists(driver: Driver, queue: str) -> bool:
    return queue in driver.broker.catalog.namespaces["/"].queues


def again(driver: Driver, clean: bool) -> None:
    if clean:
        driver.restart()
    else:
        driver.settle_down()
        driver.crash()


@pytest.mark.parametrize("clean", [True, False])
def test_what_is_durable_comes_back_and_nothing_else(clean: bool) -> None:
    driver = Driver()
    access = driver.access
    access.declare_exchange(
        "durable", ExchangeSettings("topic", arguments={"alternate-exchange": "amq.fanout"})
    )
    access.declare_exchange("transient", ExchangeSettings("topic", durable=False))
    driver.declare("durable")
    driver.declare("transient", QueueSettings(durable=False))
    driver.declare("exclusive", QueueSettings(exclusive=True))
    for source in ("durable", "transient", "amq.direct"):
        for queue in ("durable", "transient", "exclusive"):
            access.bind_queue(queue, source, "key", {"x": 1})
    access.bind_exchange("durable", "amq.direct", "key", {})
    access.bind_exchange("transient", "amq.direct", "key", {})
    again(driver, clean)
    assert exchange(driver, "transient") is None
    assert not exists(driver, "transient")
    assert not exists(driver, "exclusive")
    durable = exchange(driver, "durable")
    direct = exchange(driver, "amq.direct")
    assert durable is not None
    assert direct is not None
    assert durable.settings.arguments == {"alternate-exchange": "amq.fanout"}
    assert [
        (destination.name, key, arguments) for destination, key, arguments in durable.matcher.bindings()
    ] == [("durable", "key", {"x": 1})]
    assert {(type(destination).__name__, key) for destination, key, _ in direct.matcher.bindings()} == {
        ("Exchange", "key"),
        ("LedgerQueue", "key"),
    }
    assert (int(durable.incoming), int(driver.queue("durable").bindings)) == (1, 2)


@pytest.mark.parametrize("clean", [True, False])
def test_what_was_deleted_stays_deleted(clean: bool) -> None:
    driver = Driver()
    driver.access.declare_exchange("e", ExchangeSettings("direct"))
    driver.declare("q")
    driver.declare("gone")
    driver.access.bind_queue("q", "e", "unbound", {})
    driver.access.bind_queue("q", "e", "kept", {})
    driver.publish("gone", b"1")
    driver.settle_down()
    driver.access.unbind_queue("q", "e", "unbound", {})
    assert driver.access.delete_queue("gone") == 1
    driver.access.declare_exchange("gone", ExchangeSettings("direct"))
    driver.access.delete_exchange("gone")
    again(driver, clean)
    assert exchange(driver, "gone") is None
    assert not exists(driver, "gone")
    driver.publish("unbound", b"1", exchange="e")
    driver.publish("kept", b"2", exchange="e")
    driver.settle_down()
    assert driver.drain("q") == [b"2"]


def test_a_queue_declared_again_under_its_name_is_another_one() -> None:
    driver = Driver()
    driver.declare("q")
    driver.publish("q", b"old")
    driver.access.delete_queue("q")
    driver.declare("q")
    driver.publish("q", b"new")
    driver.settle_down()
    driver.crash()
    assert driver.drain("q") == [b"new"]


def test_a_settings_round_trip() -> None:
    driver = Driver()
    settings = QueueSettings(
        arguments={"x-max-priority": 5, "x-message-ttl": 10, "list": [1, "a", None, True, 1.5]}
    )
    settings.priority_max = 5
    settings.message_ttl_ms = 10
    settings.dead_letter_exchange = ""
    driver.declare("q", settings)
    driver.restart()
    found = driver.queue("q").settings
    for name in (
        "priority_max",
        "message_ttl_ms",
        "dead_letter_exchange",
        "length_max",
        "overflow",
        "arguments",
    ):
        assert getattr(found, name) == getattr(settings, name), name
    driver.access.declare_queue("q", settings)


def test_alternate_exchanges_take_what_goes_nowhere() -> None:
    driver = Driver()
    settings = ExchangeSettings("direct")
    settings.alternate = "amq.fanout"
    driver.access.declare_exchange("e", settings)
    for queue in ("routed", "unrouted"):
        driver.declare(queue)
    driver.access.bind_queue("routed", "e", "key", {})
    driver.access.bind_queue("unrouted", "amq.fanout", "", {})
    assert driver.publish("key", b"1", exchange="e") == ROUTED | DURABLE
    assert driver.publish("other", b"2", exchange="e") == ROUTED | DURABLE
    driver.settle_down()
    assert (driver.drain("routed"), driver.drain("unrouted")) == ([b"1"], [b"2"])
    driver.access.unbind_queue("unrouted", "amq.fanout", "", {})
    assert driver.publish("other", b"3", exchange="e") == 0


def test_exchanges_bound_in_a_circle_deliver_once() -> None:
    driver = Driver()
    for name in ("e", "f"):
        driver.access.declare_exchange(name, ExchangeSettings("fanout"))
    driver.access.bind_exchange("f", "e", "", {})
    driver.access.bind_exchange("e", "f", "", {})
    driver.declare("q")
    driver.access.bind_queue("q", "e", "", {})
    driver.access.bind_queue("q", "f", "", {})
    driver.publish("", b"1", exchange="e")
    driver.settle_down()
    assert driver.drain("q") == [b"1"]


def test_auto_delete_exchanges_go_one_after_the_other() -> None:
    driver = Driver()
    for name in ("e", "f"):
        driver.access.declare_exchange(name, ExchangeSettings("fanout", auto_delete=True))
    driver.declare("q")
    driver.access.bind_exchange("f", "e", "", {})
    driver.access.bind_queue("q", "f", "", {})
    assert exchange(driver, "e") is not None
    driver.access.delete_queue("q")
    assert exchange(driver, "f") is None
    assert exchange(driver, "e") is None
    driver.settle_down()
    driver.crash()
    assert exchange(driver, "f") is None
    assert exchange(driver, "e") is None


def test_an_auto_delete_exchange_that_a_transient_queue_kept_alive_comes_back() -> None:
    """Replay does not see the transient queue's binding: it must not draw its own conclusions."""
    driver = Driver()
    driver.access.declare_exchange("e", ExchangeSettings("fanout", auto_delete=True))
    driver.declare("first")
    driver.declare("transient", QueueSettings(durable=False))
    driver.declare("second")
    for queue in ("first", "transient"):
        driver.access.bind_queue(queue, "e", "", {})
    driver.access.delete_queue("first")
    driver.access.bind_queue("second", "e", "", {})
    driver.settle_down()
    driver.crash()
    driver.publish("", b"1", exchange="e")
    driver.settle_down()
    assert driver.drain("second") == [b"1"]


@pytest.mark.parametrize("clean", [None, True, False])
def test_a_delayed_exchange_routes_when_the_time_has_come(clean: bool | None) -> None:
    driver = Driver()
    settings = ExchangeSettings("direct")
    settings.type_name = "x-delayed-message"
    settings.delayed = True
    driver.access.declare_exchange("later", settings)
    driver.declare("q")
    driver.access.bind_queue("q", "later", "key", {})
    driver.publish("key", b"late", exchange="later", delay_ms=2000)
    driver.publish("key", b"soon", exchange="later", delay_ms=1000)
    driver.publish("key", b"now", exchange="later")
    driver.publish("key", b"volatile", exchange="later", delay_ms=1500, volatile=True)
    driver.pass_time(999)
    assert driver.ready("q") == 1
    if clean is not None:
        again(driver, clean)
    driver.pass_time(1)
    assert driver.ready("q") == 2
    driver.pass_time(1000)
    volatile = [b"volatile"] if clean is None else []
    assert driver.drain("q") == [b"now", b"soon", *volatile, b"late"]
    assert driver.broker.memory_bytes() == 0


@pytest.mark.parametrize("spilled", [False, True])
@pytest.mark.parametrize("clean", [True, False, None])
def test_what_fell_due_unseen_leaves_a_delayed_exchange_in_the_order_of_its_times(
    clean: bool | None, spilled: bool
) -> None:
    """As RabbitMQ's plugin does, whose table is sorted by time: after a restart, or when the clock has leapt."""
    driver = Driver(
        EngineSettings(tail_bytes_max=100 if spilled else 1 << 20, dispatch_per_turn=2),
        store=FakeStore(Disk()),
    )
    settings = ExchangeSettings("direct")
    settings.delayed = True
    driver.access.declare_exchange("later", settings)
    driver.declare("q")
    driver.access.bind_queue("q", "later", "key", {})
    times = [3000, 1000, 5000, 2000, 1000, 4000, 60_000]
    for number, delay_ms in enumerate(times):
        driver.publish("key", b"%d" % number, exchange="later", delay_ms=delay_ms)
        driver.settle_down()
    if clean:
        driver.shut_down()
    driver.now_ms += 6000
    if clean is not None:
        driver.crash()
    driver.settle_down()
    assert driver.drain("q") == [b"1", b"4", b"3", b"0", b"5", b"2"]
    driver.pass_time(54_000)
    assert driver.drain("q") == [b"6"]
    assert driver.broker.memory_bytes() == 0


def test_records_forwarded_by_a_delayed_exchange_are_not_held_again() -> None:
    driver = Driver()
    settings = ExchangeSettings("direct")
    settings.delayed = True
    driver.access.declare_exchange("later", settings)
    driver.declare("q")
    driver.access.bind_queue("q", "later", "key", {})
    driver.publish("key", b"1", exchange="later", delay_ms=100)
    driver.pass_time(100)
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.settle_down()
    assert sink.records[0].not_before_ms == 0
    driver.crash()
    assert driver.drain("q") == [b"1"]


def test_deleting_a_delayed_exchange_drops_what_it_holds() -> None:
    driver = Driver()
    settings = ExchangeSettings("fanout")
    settings.delayed = True
    driver.access.declare_exchange("later", settings)
    driver.declare("q")
    driver.access.bind_queue("q", "later", "", {})
    driver.publish("", b"1", exchange="later", delay_ms=100)
    driver.settle_down()
    driver.access.delete_exchange("later")
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
        driver.access.declare_queue("q", other)
    assert refused.value.reason == Reason.EXISTS_OTHERWISE
    driver.access.declare_queue("q", QueueSettings())


def test_a_queue_that_was_not_exclusive_does_not_become_so() -> None:
    driver = Driver()
    driver.declare("q")
    with pytest.raises(Refusal) as refused:
        driver.access.declare_queue("q", QueueSettings(exclusive=True))
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
    driver.access.declare_exchange("e", ExchangeSettings("direct"))
    other = ExchangeSettings("direct")
    setattr(other, name, value)
    with pytest.raises(Refusal) as refused:
        driver.access.declare_exchange("e", other)
    assert refused.value.reason == Reason.EXISTS_OTHERWISE
    driver.access.declare_exchange("e", ExchangeSettings("direct"))


def test_a_queue_declared_exclusive_that_is_not_is_locked() -> None:
    driver = Driver()
    driver.declare("q")
    with pytest.raises(Refusal) as refused:
        driver.access.declare_queue("q", QueueSettings(exclusive=True))
    assert refused.value.reason == Reason.LOCKED


def test_a_difference_names_the_argument_and_both_values() -> None:
    driver = Driver()
    driver.declare("q", QueueSettings(arguments={"x-max-length": 5}))
    with pytest.raises(Refusal) as refused:
        driver.access.declare_queue("q", QueueSettings(arguments={"x-max-length": 6}))
    assert refused.value.detail == "x-max-length"
    assert refused.value.wanted == "the value '6' of type 'signedint'"
    assert refused.value.actual == "the value '5' of type 'signedint'"


def test_names_that_are_not_unicode_survive() -> None:
    """AMQP names are bytes; heads hand them over with surrogates."""
    driver = Driver()
    name = b"\xff\xfe".decode("utf-8", "surrogateescape")
    driver.declare(name)
    driver.access.bind_queue(name, "amq.direct", name, {})
    driver.publish(name, b"1", exchange="amq.direct")
    driver.settle_down()
    driver.crash()
    assert driver.drain(name) == [b"1"]
    driver.restart()
    assert exists(driver, name)


def test_a_namespace_added_in_the_settings_has_the_predeclared_exchanges() -> None:
    driver = Driver(EngineSettings(namespaces=["/", "two"], predeclared=[("amq.direct", "direct")]))
    access = driver.new_access(namespace="two")
    access.check_exchange("amq.direct")
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
