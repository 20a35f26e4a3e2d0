"""Tags decide who may see and change what; names are checked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.directory.limits import OF_NAMESPACE, OF_USER
from onemq.engine.directory.standing import check_name
from onemq.model.refusal import Reason
from unit.engine.directory.ways import configured, directory_of, refused

Call = Callable[[DirectoryAccess], object]

ADMINISTRATORS: list[Call] = [
    lambda directory: directory.users(),
    lambda directory: directory.user("shop"),
    lambda directory: directory.put_user("x", []),
    lambda directory: directory.delete_user("shop"),
    lambda directory: directory.set_access_key("shop", "A", "s"),
    lambda directory: directory.remove_access_key("shop", "A"),
    lambda directory: directory.permissions(),
    lambda directory: directory.permission("/", "shop"),
    lambda directory: directory.set_permission("/", "shop", "", "", ""),
    lambda directory: directory.clear_permission("/", "shop"),
    lambda directory: directory.topic_permissions(),
    lambda directory: directory.set_topic_permission("/", "shop", "x", "", ""),
    lambda directory: directory.clear_topic_permissions("/", "shop"),
    lambda directory: directory.put_namespace("x"),
    lambda directory: directory.limits.of_users(),
    lambda directory: directory.limits.set(OF_USER, "shop", "max-channels", 1),
    lambda directory: directory.limits.clear(OF_USER, "shop", "max-channels"),
    lambda directory: directory.limits.set(OF_NAMESPACE, "/", "max-queues", 1),
    lambda directory: directory.limits.clear(OF_NAMESPACE, "/", "max-queues"),
    lambda directory: directory.policies.set("/", "p", ".*", {"max-length": 1}, operator=True),
    lambda directory: directory.policies.delete("/", "p", operator=True),
]
POLICYMAKERS: list[Call] = [
    lambda directory: directory.parameters.all("/"),
    lambda directory: directory.parameters.set("/", "c", "n", 1),
    lambda directory: directory.parameters.clear("/", "c", "n"),
    lambda directory: directory.parameters.all_global(),
    lambda directory: directory.parameters.set_global("n", 1),
    lambda directory: directory.parameters.clear_global("n"),
    lambda directory: directory.policies.set("/", "p", ".*", {"max-length": 1}),
    lambda directory: directory.policies.delete("/", "p"),
]


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0b", "\udcff"])
def test_names_that_nothing_may_have(name: str) -> None:
    assert refused(lambda: check_name("user", name)).reason == Reason.INVALID
    check_name("user", "x" * 255)


@pytest.mark.parametrize("call", ADMINISTRATORS)
def test_administrators_only(call: Call) -> None:
    driver = configured()
    for tags in ([], ["management"], ["policymaker"], ["monitoring"]):
        refusal = refused(lambda tags=tags: call(directory_of(driver, *tags)))  # type: ignore[misc]
        assert (refusal.reason, refusal.wanted) == (Reason.ACCESS_DENIED, "administrator"), tags


@pytest.mark.parametrize("call", POLICYMAKERS)
def test_policymakers_where_they_may_enter(call: Call) -> None:
    driver = configured()
    for tags in ([], ["management"], ["monitoring"]):
        refusal = refused(lambda tags=tags: call(directory_of(driver, *tags, name="shop")))  # type: ignore[misc]
        assert (refusal.reason, refusal.wanted) == (Reason.ACCESS_DENIED, "policymaker"), tags
    owner = directory_of(driver, "policymaker", name="shop")
    owner.parameters.set("/", "c", "n", 1)
    owner.parameters.set_global("n", 1)
    owner.policies.set("/", "p", ".*", {"max-length": 1})
    call(owner)


def test_policymakers_may_nothing_elsewhere() -> None:
    stranger = directory_of(configured(), "policymaker")
    for call in (POLICYMAKERS[0], POLICYMAKERS[1], POLICYMAKERS[6], POLICYMAKERS[7]):
        refusal = refused(lambda call=call: call(stranger))  # type: ignore[misc]
        assert (refusal.reason, refusal.entity_kind) == (Reason.ACCESS_DENIED, "namespace")
