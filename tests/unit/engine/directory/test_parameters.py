"""Parameters are kept, of a namespace and of the broker."""

from __future__ import annotations

from engine_driver import Driver
from onemq.engine.directory.parameters import Parameters


def of(driver: Driver) -> Parameters:
    return driver.broker.directory.parameters


def test_parameters_survive() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        of(driver).set("/", "shovel", "s", {"a": [1, None]})
        of(driver).set("/", "federation-upstream", "f", "text")
        of(driver).set("", "", "cluster_name", "here")
        of(driver).set("", "", "nothing", None)
        of(driver).set("/", "shovel", "gone", 1)
        driver.settle_down()
        of(driver).remove("/", "shovel", "gone")
        driver.settle_down()
        end()
        assert [(found.component, found.name, found.value) for found in of(driver).all()] == [
            ("federation-upstream", "f", "text"),
            ("shovel", "s", {"a": [1, None]}),
        ]
        assert [found.name for found in of(driver).all("/", "shovel")] == ["s"] and of(driver).all("x") == []
        assert {found.name: found.value for found in of(driver).all_global()} == {
            "cluster_name": "here",
            "nothing": None,
        }
        assert of(driver).cluster_name() == "here"


def test_a_namespace_takes_its_parameters_along() -> None:
    parameters = of(Driver())
    parameters.set("gone", "c", "n", 1)
    parameters.set("", "", "n", 1)
    assert parameters.cluster_name() == ""
    parameters.forget_namespace("gone")
    assert parameters.all() == [] and len(parameters.all_global()) == 1
