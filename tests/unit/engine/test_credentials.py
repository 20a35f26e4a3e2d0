"""Stored SCRAM credentials: kept, replaced, removed, there after a restart."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.credentials import Credentials, ScramCredential
from onemq.model.refusal import Reason, Refusal


def of(driver: Driver) -> Credentials:
    return driver.broker.catalog.administration.credentials


def test_credentials_survive() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        of(driver).store("u", "SCRAM-SHA-256", ScramCredential(b"s", 4096, b"\xff", b"k"))
        of(driver).store("u", "SCRAM-SHA-256", ScramCredential(b"s", 8192, b"\xfe", b"k"))
        of(driver).store("v", "SCRAM-SHA-512", ScramCredential(b"s", 4096, b"x", b"k"))
        driver.settle_down()
        of(driver).remove("v", "SCRAM-SHA-512")
        driver.settle_down()
        end()
        found = of(driver).find("u", "SCRAM-SHA-256")
        assert found is not None
        assert (found.salt, found.iterations, found.stored_key, found.server_key) == (
            b"s",
            8192,
            b"\xfe",
            b"k",
        )
        assert of(driver).users() == ["u"]
        assert list(of(driver).of_user("u")) == ["SCRAM-SHA-256"] and of(driver).of_user("v") == {}


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(Refusal) as caught:
        of(Driver()).remove("u", "SCRAM-SHA-256")
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.NOT_FOUND, "user")
