"""A broker keeps the number that it gave itself at its first start."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.identity import Identity


@pytest.mark.parametrize("end", [Driver.crash, Driver.restart])
def test_the_identity_survives(end: object) -> None:
    driver = Driver()
    first = driver.broker.identity.octets
    assert len(first) == 16
    driver.settle_down()
    for _ in range(2):
        end(driver)  # type: ignore[operator]
        driver.settle_down()
        assert driver.broker.identity.octets == first


def test_a_snapshot_has_it() -> None:
    driver = Driver()
    assert driver.broker.identity.changes() == [{"id": driver.broker.identity.octets}]
    assert not Identity(driver.broker.core).changes()
