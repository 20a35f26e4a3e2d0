"""Permissions: kept over restarts, changing under whoever holds them; patterns over routing keys with names filled in."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.directory.permissions import DirectoryPermissions
from onemq.engine.directory.records import PermissionRecord
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import PATTERN_LENGTH_MAX


def of(driver: Driver) -> DirectoryPermissions:
    return driver.broker.directory.permissions


def test_rights_change_in_place_and_survive() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        of(driver).grant("a", "/", "^c", "^w", "^r")
        held = of(driver).rights("a", "/")
        assert held is not None and held.may_read("r") and not held.may_read("w")
        of(driver).grant("a", "/", "", "", "^x")
        assert held.may_read("x") and not held.may_read("r") and not held.may_configure("c")
        of(driver).grant("b", "/", "", "", "")
        driver.settle_down()
        of(driver).revoke("b", "/")
        driver.settle_down()
        end()
        assert [(found.user, found.read) for found in of(driver).all()] == [("a", "^x")]
        assert of(driver).rights("b", "/") is None
        again = of(driver).rights("a", "/")
        assert again is not None and again.may_read("x")


def test_what_is_taken_and_given_back_concerns_the_same_holder() -> None:
    permissions = of(Driver())
    permissions.grant("a", "/", ".*", ".*", ".*")
    held = permissions.rights("a", "/")
    assert held is not None
    permissions.revoke("a", "/")
    assert permissions.rights("a", "/") is None and not held.may_read("q")
    permissions.grant("a", "/", ".*", ".*", ".*")
    assert permissions.rights("a", "/") is held and held.may_read("q")


def test_topic_permissions_survive_with_names_filled_in() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        of(driver).grant_topic("ann", "/", "amq.topic", "^{username}\\.", "^{vhost}$")
        of(driver).grant_topic("ann", "/", "other", "", ".*")
        driver.settle_down()
        of(driver).revoke_topic("ann", "/", "other")
        driver.settle_down()
        end()
        (found,) = of(driver).all_topics()
        assert (found.user, found.exchange, found.write, found.read) == (
            "ann",
            "amq.topic",
            "^{username}\\.",
            "^{vhost}$",
        )
        assert found.write_pattern.matches("ann.x") and not found.write_pattern.matches("bob.x")
        assert found.read_pattern.matches("/") and not found.read_pattern.matches("/x")


def test_an_empty_topic_pattern_matches_the_empty_key_only() -> None:
    permissions = of(Driver())
    permissions.grant_topic("a", "/", "t", "", "")
    (found,) = permissions.all_topics()
    assert found.write_pattern.matches("") and not found.write_pattern.matches("x")


@pytest.mark.parametrize("pattern", ["(", "a" * (PATTERN_LENGTH_MAX + 1), "(a)\\1", "a*+"])
def test_bad_patterns(pattern: str) -> None:
    permissions = of(Driver())
    with pytest.raises(Refusal) as caught:
        permissions.grant("a", "/", ".*", pattern, ".*")
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.INVALID, "permission")
    with pytest.raises(Refusal) as caught:
        permissions.grant_topic("a", "/", "t", pattern, ".*")
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.INVALID, "permission")
    assert permissions.all() == [] and permissions.all_topics() == []


def test_settings_win() -> None:
    permissions = of(Driver())
    configured = PermissionRecord("a", "/", "c", "w", "r", configured=True)
    permissions.configure([configured])
    permissions.grant("a", "/", "", "", "")
    assert permissions.find("a", "/") is configured and permissions.all() == [configured]


def test_a_namespace_takes_its_permissions_along() -> None:
    permissions = of(Driver())
    permissions.grant("a", "gone", ".*", ".*", ".*")
    permissions.grant("a", "/", ".*", ".*", ".*")
    held = permissions.rights("a", "gone")
    permissions.forget_namespace("gone")
    assert held is not None and not held.may_read("x") and permissions.rights("a", "gone") is None
    assert [found.namespace for found in permissions.all()] == ["/"]


def test_no_pattern_holds_up_the_broker() -> None:
    permissions = of(Driver())
    name = "a" * 200 + "!"
    permissions.grant("a", "/", "(a+)+$", "(a|a)*$", "(.*a){20}$")
    rights = permissions.rights("a", "/")
    # What backtracks would not come back from these names.
    assert rights is not None and not rights.may_configure(name)
    assert rights.may_write(name) and not rights.may_read(name)
    permissions.grant_topic("a", "/", "t", "(a+)+$", "^(a|a)*$")
    (found,) = permissions.all_topics()
    assert not found.write_pattern.matches(name) and not found.read_pattern.matches(name)


def test_patterns_that_an_earlier_version_took_allow_nothing() -> None:
    driver = Driver()
    bad = "(a)\\1"
    of(driver)._note({"op": "grant", "user": "a", "ns": "/", "configure": bad, "write": bad, "read": "a"})
    of(driver)._note({"op": "topic", "user": "a", "ns": "/", "exchange": "t", "write": bad, "read": "a"})
    driver.settle_down()
    driver.restart()
    rights = of(driver).rights("a", "/")
    assert rights is not None and rights.may_read("aa") and not rights.may_write("aa")
    (found,) = of(driver).all_topics()
    assert found.read_pattern.matches("aa") and not found.write_pattern.matches("aa")
