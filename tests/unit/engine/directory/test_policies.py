"""Policies: checked in RabbitMQ's words, kept over restarts, found by pattern, kind and priority."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.directory.policies import WORK_MAX, Policies, Policy
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


ENDLESS = ("(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "^(?=(a|a)*$)b", "(.*a){20}$")


@pytest.mark.parametrize("pattern", ENDLESS)
def test_no_pattern_holds_up_the_broker(pattern: str) -> None:
    policies = of(Driver())
    policies.set(Policy("/", "p", pattern, {"max-length": 1}))
    # What backtracks would not come back from this name.
    assert policies.for_queue("/", "a" * 200 + "!", "classic", False) is None
    assert policies.for_exchange("/", "a" * 200 + "!", False) is None


def test_patterns_that_need_backtracking_are_refused() -> None:
    for pattern in ("(a)\\1", "a*+", "(?>a)"):
        with pytest.raises(Refusal) as caught:
            Policy("/", "p", pattern, {"max-length": 1})
        assert "pattern should be regular expression" in caught.value.detail


def test_heavy_patterns_of_a_namespace_are_limited_together() -> None:
    policies = of(Driver())
    heavy = "(" + "|".join(f"a{number}" for number in range(40)) + ")*$"
    weight = Policy("/", "p", heavy, {"max-length": 1}).work
    assert weight > 500 and Policy("/", "p", "^(?!amq\\.).*", {"max-length": 1}).work == 1
    made = 0
    with pytest.raises(Refusal) as caught:
        while True:
            policies.set(Policy("/", f"p{made}", heavy, {"max-length": 1}))
            made += 1
    assert caught.value.reason == Reason.LIMIT and made == WORK_MAX // weight
    assert policies.work("/") == made * weight
    # Those that were there can be replaced, others taken away and light ones made.
    policies.set(Policy("/", "p0", heavy, {"max-length": 2}))
    policies.set(Policy("/", "light", "^q", {"max-length": 2}))
    policies.set(Policy("other", "p", heavy, {"max-length": 2}))
    policies.remove("/", "p1", False)
    assert policies.work("/") == (made - 1) * weight + 1
    policies.forget_namespace("/")
    assert policies.work("/") == 0


def test_a_pattern_that_an_earlier_version_took_concerns_nothing() -> None:
    driver = Driver()
    change = {
        "ns": "/",
        "name": "p",
        "operator": False,
        "pattern": "(a)\\1",
        "priority": 0,
        "apply_to": "all",
    }
    of(driver)._note({**change, "definition": {"max-length": 1}})
    driver.settle_down()
    driver.restart()
    (policy,) = of(driver).all("/", False)
    assert policy.pattern == "(a)\\1" and not policy.concerns_queue("aa", "classic")
