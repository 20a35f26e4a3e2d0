"""Policies and operator policies: who makes them, who sees them."""

from __future__ import annotations

from engine_driver import Driver
from onemq.model.refusal import Reason
from unit.engine.directory.ways import directory_of, refused


def test_policies() -> None:
    driver = Driver()
    admin = directory_of(driver, "administrator")
    assert admin.policies.set("/", "p", "^a", {"max-length": 1}, 3, "queues") is True
    assert admin.policies.set("/", "p", "^b", {"max-length": 1}) is False
    assert admin.policies.set("/", "p", "^c", {"max-length": 1}, operator=True) is True
    assert [policy.pattern for policy in admin.policies.all()] == ["^b"]
    assert (
        admin.policies.find("/", "p").apply_to == "all"
        and admin.policies.find("/", "p", operator=True).pattern == "^c"
    )
    assert directory_of(driver, "monitoring").policies.all("/")[0].name == "p"
    assert directory_of(driver, "management").policies.all() == []
    assert refused(lambda: admin.policies.set("/", "", "^a", {"max-length": 1})).reason == Reason.INVALID
    assert refused(lambda: admin.policies.set("no", "p", "^a", {"max-length": 1})).reason == Reason.NOT_FOUND
    admin.policies.delete("/", "p")
    admin.policies.delete("/", "p", operator=True)
    assert refused(lambda: admin.policies.delete("/", "p")).entity_kind == "policy"
    assert refused(lambda: admin.policies.find("/", "p")).reason == Reason.NOT_FOUND
