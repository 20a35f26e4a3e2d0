"""The changes that a catalog is written as make the same catalog again."""

from engine_driver import Driver
from onemq.engine.catalog_changes import durable_changes
from onemq.engine.catalog_replay import apply_change
from onemq.model.entities import ExchangeSettings, QueueSettings


def changes(driver: Driver) -> list[dict[str, object]]:
    catalog = driver.broker.catalog
    return durable_changes(catalog.namespaces.values(), catalog.internals.values())


def filled() -> Driver:
    driver = Driver()
    access = driver.access
    driver.broker.catalog.add_namespace("second")
    delayed = ExchangeSettings("direct")
    delayed.delayed = True
    access.exchanges.declare("later", delayed)
    access.exchanges.declare("e", ExchangeSettings("topic"))
    access.exchanges.declare("transient", ExchangeSettings("topic", durable=False))
    for name in ("q", "later"):
        driver.declare(name)
    driver.declare("transient", QueueSettings(durable=False))
    for source in ("e", "transient"):
        for queue in ("q", "transient"):
            access.exchanges.bind_queue(queue, source, "key", {"x": 1})
    access.exchanges.bind_exchange("e", "later", "key", {})
    driver.broker.catalog.add_internal("inside", QueueSettings())
    return driver


def test_they_make_the_same_catalog_again() -> None:
    written = changes(filled())
    other = Driver()
    catalog = other.broker.catalog
    catalog.replaying = True
    for change in written:
        apply_change(catalog, change)
    assert changes(other) == written


def test_nothing_of_what_is_transient_is_among_them() -> None:
    written = changes(filled())
    assert [change["op"] for change in written if "transient" in change.values()] == []
    assert [(change["source"], change["destination"]) for change in written if change["op"] == "bind"] == [
        ("later", "e"),
        ("e", "q"),
    ]
