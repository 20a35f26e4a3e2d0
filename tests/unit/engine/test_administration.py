"""What administrators change: nobody else may; the parts do what they are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine_driver import Driver
from onemq.engine.acls import (
    ALLOW,
    ALTER,
    ALTER_CONFIGS,
    CLUSTER,
    CLUSTER_NAME,
    DESCRIBE_CONFIGS,
    GROUP,
    LITERAL,
    READ,
    TOPIC,
    AclFilter,
    AclRule,
)
from onemq.engine.administration import AdminAccess
from onemq.engine.credentials import ScramCredential
from onemq.engine.quotas import PRODUCER_BYTE_RATE, entity_of
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import all_rights

RULE = AclRule(TOPIC, LITERAL, "t", "User:u", "*", READ, ALLOW)
CREDENTIAL = ScramCredential(b"s", 4096, b"a", b"b")
QUOTA = entity_of([("user", "u")])

CALLS: list[Callable[[AdminAccess], object]] = [
    lambda admin: admin.rules(AclFilter()),
    lambda admin: admin.add_rule(RULE),
    lambda admin: admin.remove_rules(AclFilter()),
    lambda admin: admin.quotas([], False),
    lambda admin: admin.alter_quota(QUOTA, [(PRODUCER_BYTE_RATE, 1.0)], False),
    lambda admin: admin.credential_users(),
    lambda admin: admin.credentials("u"),
    lambda admin: admin.store_credential("u", "SCRAM-SHA-256", CREDENTIAL),
    lambda admin: admin.has_credential("u", "SCRAM-SHA-256"),
    lambda admin: admin.remove_credential("u", "SCRAM-SHA-256"),
    lambda admin: admin.group_overrides("g"),
    lambda admin: admin.configure_group("g", {}),
]


def admin_of(driver: Driver, *tags: str, rights: bool = False) -> AdminAccess:
    from onemq.model.rights import no_rights

    chosen = all_rights() if rights else no_rights()
    return driver.broker.access(Principal("u", list(tags)), "/", chosen).admin


@pytest.mark.parametrize("call", CALLS)
def test_nobody_but_administrators(call: Callable[[AdminAccess], object]) -> None:
    driver = Driver()
    with pytest.raises(Refusal) as caught:
        call(admin_of(driver))
    assert caught.value.reason == Reason.ACCESS_DENIED
    administration = driver.broker.catalog.administration
    assert administration.acls.count() == 0 and administration.credentials.users() == []


@pytest.mark.parametrize("call", CALLS)
def test_administrators_may(call: Callable[[AdminAccess], object]) -> None:
    admin = admin_of(Driver(), "administrator")
    admin.store_credential("u", "SCRAM-SHA-256", CREDENTIAL)
    call(admin)


def test_a_rule_can_make_somebody_an_administrator() -> None:
    driver = Driver()
    admin = admin_of(driver)
    acls = driver.broker.catalog.administration.acls
    acls.add(AclRule(CLUSTER, LITERAL, CLUSTER_NAME, "User:u", "*", ALTER, ALLOW))
    admin.add_rule(RULE)
    assert len(admin.rules(AclFilter(TOPIC))) == 1
    with pytest.raises(Refusal):
        admin.alter_quota(QUOTA, [], True)


def test_several_quotas_are_changed_together_or_not_at_all() -> None:
    admin = admin_of(Driver(), "administrator")
    with pytest.raises(Refusal):
        admin.alter_quota(QUOTA, [(PRODUCER_BYTE_RATE, 1.0), ("x", 1.0)], False)
    admin.alter_quota(QUOTA, [(PRODUCER_BYTE_RATE, 1.0)], True)
    assert admin.quotas([], False) == []
    admin.alter_quota(QUOTA, [(PRODUCER_BYTE_RATE, 1.0)], False)
    assert admin.quotas([], False) == [(QUOTA, {PRODUCER_BYTE_RATE: 1.0})]


def test_groups_are_configured_by_those_who_may() -> None:
    driver = Driver()
    admin = admin_of(driver)
    acls = driver.broker.catalog.administration.acls
    acls.add(AclRule(GROUP, LITERAL, "g", "User:u", "*", ALTER_CONFIGS, ALLOW))
    admin.configure_group("g", {"share.isolation.level": "read_committed"})
    driver.broker.catalog.administration.group_configs.configure(
        "other", {"share.isolation.level": "read_committed"}
    )
    assert admin.group_overrides("g") == {"share.isolation.level": "read_committed"}, (
        "implied by ALTER_CONFIGS"
    )
    assert admin.configured_groups() == ["g"]
    with pytest.raises(Refusal):
        admin.configure_group("other", {})
    acls.add(AclRule(GROUP, LITERAL, "other", "User:u", "*", DESCRIBE_CONFIGS, ALLOW))
    assert admin.configured_groups() == ["g", "other"]
