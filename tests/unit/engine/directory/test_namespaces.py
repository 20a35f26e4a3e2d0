"""What is known of namespaces survives."""

from __future__ import annotations

from engine_driver import Driver
from onemq.engine.directory.namespaces import NamespaceRecord


def test_metadata_survives_and_goes_with_the_namespace() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        driver.broker.directory.add_namespace(
            NamespaceRecord("orders", "of the shop", ["a", "b"], "quorum", {"k": [1, {"x": None}]})
        )
        driver.settle_down()
        end()
        directory = driver.broker.directory
        found = directory.namespace("orders")
        assert (found.description, found.tags, found.default_queue_type, found.metadata) == (
            "of the shop",
            ["a", "b"],
            "quorum",
            {"k": [1, {"x": None}]},
        )
        assert not found.configured and directory.namespace("/").configured
        assert directory.namespace_names() == ["/", "orders"]
        driver.new_access(namespace="orders")
    driver.broker.directory.namespaces.forget_namespace("orders")
    assert driver.broker.directory.namespaces.find("orders").description == ""
