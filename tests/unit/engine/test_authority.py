"""Rules, permissions and tags, joined."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.acls import (
    ALLOW,
    ALTER,
    CLUSTER,
    CLUSTER_NAME,
    CREATE,
    DELETE,
    DENY,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    GROUP,
    IDEMPOTENT_WRITE,
    LITERAL,
    PREFIXED,
    READ,
    TOPIC,
    WRITE,
    AclRule,
)
from onemq.engine.authority import Authority
from onemq.model.principal import Principal
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights, no_rights


def authority(driver: Driver, rights: Rights | None = None, tags: list[str] | None = None) -> Authority:
    acls = driver.broker.catalog.administration.acls
    return Authority(acls, Principal("u", tags or []), rights or no_rights())


def rule(
    driver: Driver, resource: int, name: str, operation: int, permission: int = ALLOW, host: str = "*"
) -> None:
    driver.broker.catalog.administration.acls.add(
        AclRule(resource, LITERAL, name, "User:u", host, operation, permission)
    )


def test_permissions_without_rules() -> None:
    driver = Driver()
    own = authority(driver, Rights(NamePattern("^c"), NamePattern("^w"), NamePattern("^r")))
    allowed = {
        (operation, name)
        for operation in (READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS)
        for name in ("c", "w", "r", "x")
        if own.allows(TOPIC, operation, name)
    }
    assert allowed == {
        (READ, "r"), (WRITE, "w"), (CREATE, "c"), (DELETE, "c"), (ALTER, "c"),
        (DESCRIBE, "c"), (DESCRIBE, "r"), (DESCRIBE, "w"),
        (DESCRIBE_CONFIGS, "c"), (DESCRIBE_CONFIGS, "r"), (DESCRIBE_CONFIGS, "w"),
    }  # fmt: skip
    assert own.allows(GROUP, READ, "r") and not own.allows(GROUP, READ, "w")
    assert own.allows(CLUSTER, IDEMPOTENT_WRITE, CLUSTER_NAME)
    assert not own.allows(CLUSTER, ALTER, CLUSTER_NAME)


def test_full_permissions_do_not_administer_the_cluster() -> None:
    everything = NamePattern(".*")
    own = authority(Driver(), Rights(everything, everything, everything))
    assert not own.allows(CLUSTER, ALTER, CLUSTER_NAME) and own.allows(CLUSTER, DESCRIBE, CLUSTER_NAME)


def test_rules_add_and_take_away() -> None:
    driver = Driver()
    own = authority(driver, Rights(NamePattern(""), NamePattern(""), NamePattern("^r")))
    assert own.allows(TOPIC, READ, "r1") and not own.allows(TOPIC, READ, "x")
    rule(driver, TOPIC, "x", READ)
    assert own.allows(TOPIC, READ, "x") and own.allows(TOPIC, DESCRIBE, "x")
    rule(driver, TOPIC, "r1", READ, DENY)
    assert not own.allows(TOPIC, READ, "r1")
    rule(driver, TOPIC, "r1", READ)
    assert not own.allows(TOPIC, READ, "r1"), "a denial wins"
    rule(driver, CLUSTER, CLUSTER_NAME, ALTER)
    assert own.allows(CLUSTER, ALTER, CLUSTER_NAME)


def test_the_host_of_a_rule_counts() -> None:
    driver = Driver()
    own = authority(driver)
    rule(driver, TOPIC, "x", READ, host="10.0.0.1")
    assert not own.allows(TOPIC, READ, "x")
    own.host = "10.0.0.1"
    assert own.allows(TOPIC, READ, "x")


def test_administrators_may_everything() -> None:
    driver = Driver()
    rule(driver, TOPIC, "x", READ, DENY)
    own = authority(driver, tags=["administrator"])
    assert own.allows(TOPIC, READ, "x") and own.allows(CLUSTER, ALTER, CLUSTER_NAME)
    assert own.operations(TOPIC, "x") == sum(1 << bit for bit in (3, 4, 5, 6, 7, 8, 10, 11))


def test_a_refusal_names_the_kind() -> None:
    own = authority(Driver())
    for resource, kind in ((TOPIC, "topic"), (GROUP, "group"), (CLUSTER, "cluster")):
        with pytest.raises(Refusal) as caught:
            own.demand(resource, ALTER, "x")
        assert (caught.value.reason, caught.value.entity_kind) == (Reason.ACCESS_DENIED, kind)


def test_rights_on_one_kind() -> None:
    driver = Driver()
    own = authority(driver)
    driver.broker.catalog.administration.acls.add(AclRule(GROUP, PREFIXED, "g", "User:u", "*", READ, ALLOW))
    groups = own.on(GROUP)
    assert groups.may_read("g1") and not groups.may_write("g1") and not groups.may_configure("g1")
    assert not own.on(TOPIC).may_read("g1")


def test_operations_as_bits() -> None:
    driver = Driver()
    own = authority(driver)
    assert own.operations(TOPIC, "x") == 0
    rule(driver, TOPIC, "x", WRITE)
    assert own.operations(TOPIC, "x") == 1 << WRITE | 1 << DESCRIBE


def test_rules_that_deny_bind_protocols_without_rules() -> None:
    driver = Driver()
    driver.declare("q")
    everything = Rights(NamePattern(".*"), NamePattern(".*"), NamePattern(".*"))
    access = driver.broker.access(Principal("u", []), "/", everything)
    route = access.route("", "q")
    assert access.publish(route, Record(b"v", route.address))
    assert access.queues.purge("q") == 1
    rule(driver, TOPIC, "q", WRITE, DENY)
    rule(driver, TOPIC, "q", READ, DENY)
    with pytest.raises(Refusal) as refused:
        access.publish(route, Record(b"v", route.address))
    assert refused.value.reason == Reason.ACCESS_DENIED
    with pytest.raises(Refusal) as refused:
        access.route("", "q")
    assert refused.value.reason == Reason.ACCESS_DENIED
    with pytest.raises(Refusal) as refused:
        access.queues.purge("q")
    assert refused.value.reason == Reason.ACCESS_DENIED
    access.route("", "other")
