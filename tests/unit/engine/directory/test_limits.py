"""Limits: kept over restarts; connections, channels and queues counted against them."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.directory.limits import MAX_CONNECTIONS, OF_NAMESPACE, OF_USER, Limits
from onemq.model.refusal import Reason, Refusal, Scope


def of(driver: Driver) -> Limits:
    return driver.broker.directory.limits


def test_limits_survive() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        of(driver).set(OF_USER, "a", {"max-channels": 0})
        of(driver).set(OF_NAMESPACE, "/", {"max-queues": 5, "max-connections": -1})
        of(driver).set(OF_NAMESPACE, "gone", {"max-queues": 5})
        driver.settle_down()
        of(driver).set(OF_NAMESPACE, "gone", {})
        driver.settle_down()
        end()
        assert of(driver).all(OF_USER) == {"a": {"max-channels": 0}}
        assert of(driver).all(OF_NAMESPACE) == {"/": {"max-queues": 5, "max-connections": -1}}


@pytest.mark.parametrize(("kind", "name"), [(OF_USER, "a"), (OF_NAMESPACE, "/")])
def test_connections(kind: str, name: str) -> None:
    limits = of(Driver())
    limits.add_connection("a", "/")
    limits.set(kind, name, {MAX_CONNECTIONS: 2})
    limits.add_connection("a", "/")
    with pytest.raises(Refusal) as caught:
        limits.add_connection("a", "/")
    refusal = caught.value
    assert (refusal.reason, refusal.entity_kind, refusal.entity) == (Reason.LIMIT, kind, name)
    assert (refusal.wanted, refusal.scope) == ("2", Scope.CONNECTION)
    assert limits.connections(OF_USER, "a") == limits.connections(OF_NAMESPACE, "/") == 2
    limits.add_connection("b", "other")
    limits.drop_connection("a", "/")
    limits.add_connection("a", "/")
    limits.set(kind, name, {MAX_CONNECTIONS: -1})
    limits.add_connection("a", "/")
    for _ in range(3):
        limits.drop_connection("a", "/")
    assert limits.connections(kind, name) == 0 and limits.connections(OF_USER, "b") == 1


def test_none_may_connect() -> None:
    limits = of(Driver())
    limits.set(OF_USER, "a", {MAX_CONNECTIONS: 0})
    with pytest.raises(Refusal):
        limits.add_connection("a", "/")
    assert limits.connections(OF_NAMESPACE, "/") == 0


def test_channels() -> None:
    limits = of(Driver())
    limits.set(OF_USER, "a", {"max-channels": 2})
    limits.add_channel("a")
    limits.add_channel("a")
    with pytest.raises(Refusal) as caught:
        limits.add_channel("a")
    assert (caught.value.reason, caught.value.scope) == (Reason.LIMIT, Scope.CONNECTION)
    limits.drop_channels("a", 2)
    limits.add_channel("a")
    limits.add_channel("b")


def test_queues() -> None:
    limits = of(Driver())
    limits.check_queues("/", "q", 1000)
    limits.set(OF_NAMESPACE, "/", {"max-queues": 1})
    limits.check_queues("/", "q", 0)
    with pytest.raises(Refusal) as caught:
        limits.check_queues("/", "q", 1)
    assert (caught.value.reason, caught.value.entity_kind, caught.value.detail) == (
        Reason.LIMIT,
        "queue",
        "max-queues",
    )
