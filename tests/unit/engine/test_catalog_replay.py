"""What survives a restart of what exists, and what does not."""

import pytest

from engine_driver import Driver
from onemq.engine.catalog_replay import apply_change
from onemq.engine.exchange import Exchange
from onemq.model.entities import ExchangeSettings, QueueSettings


def exchange(driver: Driver, name: str) -> Exchange | None:
    return driver.broker.catalog.namespaces["/"].exchanges.get(name)


def exists(driver: Driver, queue: str) -> bool:
    return queue in driver.broker.catalog.namespaces["/"].queues


def test_a_change_of_a_newer_onemq_is_an_error() -> None:
    with pytest.raises(AssertionError, match="'shelf'"):
        apply_change(Driver().broker.catalog, {"op": "shelf", "namespace": "/", "name": "x"})


@pytest.mark.parametrize(
    "change",
    [
        {"op": "queue-", "namespace": "gone", "name": "x"},
        {"op": "queue-", "namespace": "/", "name": "x"},
        {"op": "exchange-", "namespace": "/", "name": "x"},
        {"op": "internal-", "log": 77},
        {"op": "namespace-", "name": "gone"},
        {
            "op": "bind",
            "namespace": "/",
            "source": "x",
            "destination": "q",
            "to": "queue",
            "key": "",
            "arguments": {},
        },
    ],
)
def test_changes_of_what_was_not_durable_are_passed_over(change: dict[str, object]) -> None:
    driver = Driver()
    driver.declare("q")
    generation = driver.broker.catalog.generation
    apply_change(driver.broker.catalog, change)
    assert driver.broker.catalog.generation == generation


@pytest.mark.parametrize("clean", [True, False])
def test_what_is_durable_comes_back_and_nothing_else(clean: bool) -> None:
    driver = Driver()
    access = driver.access
    access.exchanges.declare(
        "durable", ExchangeSettings("topic", arguments={"alternate-exchange": "amq.fanout"})
    )
    access.exchanges.declare("transient", ExchangeSettings("topic", durable=False))
    driver.declare("durable")
    driver.declare("transient", QueueSettings(durable=False))
    driver.declare("exclusive", QueueSettings(exclusive=True))
    for source in ("durable", "transient", "amq.direct"):
        for queue in ("durable", "transient", "exclusive"):
            access.exchanges.bind_queue(queue, source, "key", {"x": 1})
    access.exchanges.bind_exchange("durable", "amq.direct", "key", {})
    access.exchanges.bind_exchange("transient", "amq.direct", "key", {})
    driver.again(clean)
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
    driver.access.exchanges.declare("e", ExchangeSettings("direct"))
    driver.declare("q")
    driver.declare("gone")
    driver.access.exchanges.bind_queue("q", "e", "unbound", {})
    driver.access.exchanges.bind_queue("q", "e", "kept", {})
    driver.publish("gone", b"1")
    driver.settle_down()
    driver.access.exchanges.unbind_queue("q", "e", "unbound", {})
    assert driver.access.queues.delete("gone") == 1
    driver.access.exchanges.declare("gone", ExchangeSettings("direct"))
    driver.access.exchanges.delete("gone")
    driver.again(clean)
    assert exchange(driver, "gone") is None
    assert not exists(driver, "gone")
    driver.publish("unbound", b"1", exchange="e")
    driver.publish("kept", b"2", exchange="e")
    driver.settle_down()
    assert driver.drain("q") == [b"2"]


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
    driver.access.queues.declare("q", settings)


def test_an_auto_delete_exchange_that_a_transient_queue_kept_alive_comes_back() -> None:
    """Replay does not see the transient queue's binding: it must not draw its own conclusions."""
    driver = Driver()
    driver.access.exchanges.declare("e", ExchangeSettings("fanout", auto_delete=True))
    driver.declare("first")
    driver.declare("transient", QueueSettings(durable=False))
    driver.declare("second")
    for queue in ("first", "transient"):
        driver.access.exchanges.bind_queue(queue, "e", "", {})
    driver.access.queues.delete("first")
    driver.access.exchanges.bind_queue("second", "e", "", {})
    driver.settle_down()
    driver.crash()
    driver.publish("", b"1", exchange="e")
    driver.settle_down()
    assert driver.drain("second") == [b"1"]


def test_names_that_are_not_unicode_survive() -> None:
    """AMQP names are bytes; heads hand them over with surrogates."""
    driver = Driver()
    name = b"\xff\xfe".decode("utf-8", "surrogateescape")
    driver.declare(name)
    driver.access.exchanges.bind_queue(name, "amq.direct", name, {})
    driver.publish(name, b"1", exchange="amq.direct")
    driver.settle_down()
    driver.crash()
    assert driver.drain(name) == [b"1"]
    driver.restart()
    assert exists(driver, name)
