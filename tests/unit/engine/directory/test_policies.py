"""Policies: checked in RabbitMQ's words, kept over restarts, found by pattern, kind and priority."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.directory.policies import Policies, Policy
from onemq.model.refusal import Reason, Refusal


def of(driver: Driver) -> Policies:
    return driver.broker.catalog.policies


def found_name(policy: Policy | None) -> str:
    return "" if policy is None else policy.name


def test_policies_survive() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        of(driver).set(Policy("/", "p", "^a", {"max-length": 1}, 5, "queues"))
        of(driver).set(Policy("/", "p", "^b", {"expires": 1, "overflow": "drop-head"}, 2.5, "all"))
        of(driver).set(Policy("/", "p", "^o", {"max-length": 2}, 0, "all", operator=True))
        of(driver).set(Policy("/", "gone", ".*", {"max-length": 1}))
        driver.settle_down()
        of(driver).remove("/", "gone", False)
        driver.settle_down()
        end()
        (policy,) = of(driver).all("/", False)
        assert (policy.name, policy.pattern, policy.priority, policy.apply_to) == ("p", "^b", 2.5, "all")
        assert policy.definition == {"expires": 1, "overflow": "drop-head"} and not policy.operator
        (policy,) = of(driver).all("", True)
        assert (policy.pattern, policy.operator) == ("^o", True)
        assert of(driver).count == 2


def test_the_highest_priority_wins_then_the_name() -> None:
    policies = of(Driver())
    for name, priority in (("c", 1), ("b", 1), ("a", 0)):
        policies.set(Policy("/", name, ".*", {"max-length": 1}, priority))
    assert [policy.name for policy in policies.ordered("/", False)] == ["b", "c", "a"]
    assert found_name(policies.for_queue("/", "q", "classic", False)) == "b"
    policies.remove("/", "b", False)
    assert found_name(policies.for_queue("/", "q", "classic", False)) == "c"
    assert policies.for_queue("other", "q", "classic", False) is None
    assert policies.for_queue("/", "q", "classic", True) is None


@pytest.mark.parametrize(
    ("apply_to", "concerned"),
    [
        ("all", ["classic", "quorum", "stream", "exchange"]),
        ("queues", ["classic", "quorum", "stream"]),
        ("classic_queues", ["classic"]),
        ("quorum_queues", ["quorum"]),
        ("streams", ["stream"]),
        ("exchanges", ["exchange"]),
    ],
)
def test_what_it_applies_to(apply_to: str, concerned: list[str]) -> None:
    policy = Policy("/", "p", "q$", {"max-length-bytes": 1}, 0, apply_to)
    for kind in ("classic", "quorum", "stream"):
        assert policy.concerns_queue("a.q", kind) == (kind in concerned)
        assert not policy.concerns_queue("q.a", kind)
    assert policy.concerns_exchange("a.q") == ("exchange" in concerned)


@pytest.mark.parametrize(
    ("key", "value", "types"),
    [
        ("delivery-limit", 3, ["quorum"]),
        ("max-age", "1D", ["stream"]),
        ("message-ttl", 3, ["classic", "quorum"]),
        ("queue-mode", "lazy", ["classic"]),
    ],
)
def test_a_key_that_a_type_does_not_have_keeps_the_whole_policy_away(
    key: str, value: object, types: list[str]
) -> None:
    policy = Policy("/", "p", ".*", {"max-length-bytes": 1, key: value})
    assert [kind for kind in ("classic", "quorum", "stream") if policy.concerns_queue("q", kind)] == types


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1, {"max-length": 1}, 0, "all"), "pattern should be a binary but was 1"),
        (("(", {"max-length": 1}, 0, "all"), "pattern should be regular expression but is invalid: "),
        ((".*", {"max-length": 1}, "x", "all"), 'priority should be a number, actually was <<"x">>'),
        ((".*", {"max-length": 1}, 0, "some"), "apply-to 'some' unrecognised; should be one of: 'queues'"),
        ((".*", "x", 0, "all"), 'definition must be a dictionary: <<"x">>'),
        ((".*", {}, 0, "all"), "no policy provided"),
    ],
)
def test_what_is_wrong(arguments: tuple[object, object, object, object], text: str) -> None:
    with pytest.raises(Refusal) as caught:
        Policy("/", "p", *arguments)
    assert (caught.value.reason, caught.value.entity_kind) == (Reason.INVALID, "policy")
    assert caught.value.detail.startswith("Validation failed\n\n" + text)


def test_a_namespace_takes_its_policies_along() -> None:
    policies = of(Driver())
    policies.set(Policy("gone", "p", ".*", {"max-length": 1}))
    policies.set(Policy("/", "p", ".*", {"max-length": 1}, operator=True))
    policies.forget_namespace("gone")
    assert policies.count == 1 and policies.for_exchange("gone", "x", False) is None
    assert found_name(policies.for_exchange("/", "x", True)) == "p"
