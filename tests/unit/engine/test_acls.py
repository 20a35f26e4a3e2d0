"""Access rules: decisions and filters against a model that does what the documentation says, word for word; and restarts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_driver import Driver
from onemq.engine.acls import (
    ALL,
    ALLOW,
    ALTER,
    ALTER_CONFIGS,
    ANY,
    CLUSTER,
    DELETE,
    DENY,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    GROUP,
    LITERAL,
    MATCH,
    PREFIXED,
    READ,
    TOPIC,
    WRITE,
    AclFilter,
    AclRule,
    Acls,
)
from onemq.model.refusal import Reason, Refusal

NAMES = ["a", "ab", "abc", "b", "*"]
USERS = ["User:u", "User:v", "User:*"]
HOSTS = ["1.1.1.1", "2.2.2.2", "*"]
OPERATIONS = [ALL, READ, WRITE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS]

rules = st.builds(
    AclRule,
    st.sampled_from([TOPIC, GROUP]),
    st.sampled_from([LITERAL, PREFIXED]),
    st.sampled_from(NAMES),
    st.sampled_from(USERS),
    st.sampled_from(HOSTS),
    st.sampled_from(OPERATIONS),
    st.sampled_from([ALLOW, DENY]),
)


CORE = Driver().broker.core


def fresh() -> Acls:
    return Acls(CORE)


def says(rule: AclRule, resource: int, name: str, user: str, host: str, operation: int) -> bool:
    """Whether the rule is about this, as Kafka's documentation words it."""
    if rule.resource != resource or rule.principal not in (user, "User:*") or rule.host not in (host, "*"):
        return False
    if rule.pattern == LITERAL and rule.name not in (name, "*"):
        return False
    if rule.pattern == PREFIXED and not name.startswith(rule.name):
        return False
    if rule.operation in (ALL, operation):
        return True
    implied = {DESCRIBE: [READ, WRITE, DELETE, ALTER], DESCRIBE_CONFIGS: [ALTER_CONFIGS]}
    return rule.permission == ALLOW and rule.operation in implied.get(operation, [])


@given(
    st.lists(rules, max_size=8),
    st.sampled_from([TOPIC, GROUP]),
    st.sampled_from(["a", "ab", "abc", "b", "x"]),
    st.sampled_from(["User:u", "User:v"]),
    st.sampled_from(["1.1.1.1", "2.2.2.2"]),
    st.sampled_from(OPERATIONS[1:]),
)
def test_decisions_are_those_of_the_model(
    given_rules: list[AclRule], resource: int, name: str, user: str, host: str, operation: int
) -> None:
    acls = fresh()
    for rule in given_rules:
        acls.add(rule)
    about = [rule for rule in given_rules if says(rule, resource, name, user, host, operation)]
    expected: bool | None = None
    if any(rule.permission == DENY for rule in about):
        expected = False
    elif about:
        expected = True
    for _ in range(2):  # the second answer is remembered
        assert acls.decide(user, host, resource, name, operation) is expected


@pytest.mark.parametrize("operation", OPERATIONS[1:])
@pytest.mark.parametrize("asked", OPERATIONS[1:])
def test_what_an_operation_implies_when_allowed_and_not_when_denied(operation: int, asked: int) -> None:
    for permission, answer in ((ALLOW, True), (DENY, False)):
        acls = fresh()
        acls.add(AclRule(TOPIC, LITERAL, "a", "User:u", "*", operation, permission))
        implied = (asked, operation) in (
            (DESCRIBE, READ), (DESCRIBE, WRITE), (DESCRIBE, DELETE), (DESCRIBE, ALTER),
            (DESCRIBE_CONFIGS, ALTER_CONFIGS),
        )  # fmt: skip
        speaks = asked == operation or (implied and permission == ALLOW)
        assert acls.decide("User:u", "h", TOPIC, "a", asked) is (answer if speaks else None)


@given(st.lists(rules, max_size=6), st.data())
def test_filters_find_and_remove_what_they_name(given_rules: list[AclRule], data: st.DataObject) -> None:
    acls = fresh()
    for rule in given_rules:
        acls.add(rule)
    draw = data.draw
    pattern = draw(st.sampled_from([ANY, MATCH, LITERAL, PREFIXED]))
    name = draw(st.sampled_from([None, *NAMES]))
    resource = draw(st.sampled_from([ANY, TOPIC, GROUP]))
    principal = draw(st.sampled_from([None, *USERS]))
    host = draw(st.sampled_from([None, *HOSTS]))
    operation = draw(st.sampled_from([ANY, *OPERATIONS]))
    permission = draw(st.sampled_from([ANY, ALLOW, DENY]))

    def named(rule: AclRule) -> bool:
        if pattern == MATCH:
            by_name = (
                name is None
                or (rule.pattern == LITERAL and rule.name in (name, "*"))
                or (rule.pattern == PREFIXED and name.startswith(rule.name))
            )
        else:
            by_name = pattern in (ANY, rule.pattern) and name in (None, rule.name)
        return (
            by_name
            and resource in (ANY, rule.resource)
            and principal in (None, rule.principal)
            and host in (None, rule.host)
            and operation in (ANY, rule.operation)
            and permission in (ANY, rule.permission)
        )

    chosen = AclFilter(resource, pattern, name, principal, host, operation, permission)
    before = {rule.key() for rule in given_rules}
    expected = {rule.key() for rule in given_rules if named(rule)}
    assert {rule.key() for rule in acls.find(chosen)} == expected
    assert {rule.key() for rule in acls.remove(chosen)} == expected
    assert {rule.key() for rule in acls.find(AclFilter())} == before - expected


def test_rules_survive_a_restart_and_a_crash() -> None:
    driver = Driver()
    kept = AclRule(TOPIC, PREFIXED, "a", "User:u", "*", READ, ALLOW)
    gone = AclRule(GROUP, LITERAL, "g", "User:u", "*", READ, DENY)
    for end in (driver.restart, driver.crash):
        acls = driver.broker.catalog.administration.acls
        acls.add(kept)
        acls.add(gone)
        driver.settle_down()
        acls.remove(AclFilter(GROUP))
        driver.settle_down()
        end()
        found = driver.broker.catalog.administration.acls.find(AclFilter())
        assert [rule.key() for rule in found] == [kept.key()]


@pytest.mark.parametrize(
    "rule",
    [
        AclRule(ANY, LITERAL, "a", "User:u", "*", READ, ALLOW),
        AclRule(99, LITERAL, "a", "User:u", "*", READ, ALLOW),
        AclRule(TOPIC, MATCH, "a", "User:u", "*", READ, ALLOW),
        AclRule(TOPIC, LITERAL, "", "User:u", "*", READ, ALLOW),
        AclRule(TOPIC, LITERAL, "a", "u", "*", READ, ALLOW),
        AclRule(TOPIC, LITERAL, "a", "User:", "*", READ, ALLOW),
        AclRule(TOPIC, LITERAL, "a", "User:u", "", READ, ALLOW),
        AclRule(TOPIC, LITERAL, "a", "User:u", "*", ANY, ALLOW),
        AclRule(TOPIC, LITERAL, "a", "User:u", "*", READ, ANY),
        AclRule(CLUSTER, LITERAL, "mine", "User:u", "*", ALTER, ALLOW),
    ],
)
def test_rules_that_cannot_be(rule: AclRule) -> None:
    acls = fresh()
    with pytest.raises(Refusal) as caught:
        acls.add(rule)
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.INVALID, "acl")
    assert acls.count() == 0


@pytest.mark.parametrize(
    "chosen", [AclFilter(0), AclFilter(pattern=9), AclFilter(operation=99), AclFilter(permission=0)]
)
def test_filters_that_cannot_be(chosen: AclFilter) -> None:
    with pytest.raises(Refusal):
        fresh().find(chosen)


@pytest.mark.parametrize(
    ("principal", "words"), [("u", "no colon is present"), ("User:", "expected principalType:principalName")]
)
def test_a_principal_that_is_none(principal: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        fresh().add(AclRule(TOPIC, LITERAL, "t", principal, "*", READ, ALLOW))


def test_some_topic_is_enough_for_an_idempotent_producer() -> None:
    acls = fresh()
    assert not acls.may_any("User:u", "h", TOPIC, WRITE)
    acls.add(AclRule(TOPIC, PREFIXED, "a", "User:u", "*", WRITE, ALLOW))
    assert acls.may_any("User:u", "h", TOPIC, WRITE)
    assert not acls.may_any("User:v", "h", TOPIC, WRITE)
    acls.add(AclRule(TOPIC, LITERAL, "*", "User:u", "*", WRITE, DENY))
    assert not acls.may_any("User:u", "h", TOPIC, WRITE)
