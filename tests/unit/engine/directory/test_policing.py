"""Policies at work on queues and exchanges: what is there already, what comes later, after restarts, and very many at once."""

from __future__ import annotations

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from engine_driver import Driver, RecordingSink
from onemq.engine.directory.policies import Policy
from onemq.engine.directory.resolution import merged_definition, queue_in_force
from onemq.engine.settings_codec import queue_to_plain
from onemq.engine.topics.config import TopicConfig
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.refusal import Reason, Refusal


def set_policy(
    driver: Driver,
    definition: dict[str, object],
    name: str = "p",
    pattern: str = ".*",
    priority: int = 0,
    operator: bool = False,
    apply_to: str = "all",
) -> None:
    driver.broker.directory.set_policy(Policy("/", name, pattern, definition, priority, apply_to, operator))
    driver.settle_down()


def remove_policy(driver: Driver, name: str = "p", operator: bool = False) -> None:
    driver.broker.directory.remove_policy("/", name, operator)
    driver.settle_down()


def test_max_length_applies_to_what_is_there_and_ends_with_the_policy() -> None:
    driver = Driver()
    queue = driver.declare("q")
    for number in range(5):
        driver.publish("q", b"%d" % number)
    driver.settle_down()
    set_policy(driver, {"max-length": 2})
    assert driver.ready("q") == 2 and queue.settings.length_max == 2 and queue.declared.length_max is None
    assert queue.policy is not None and queue.policy.name == "p"
    remove_policy(driver)
    for number in range(5, 9):
        driver.publish("q", b"%d" % number)
    driver.settle_down()
    assert driver.drain("q") == [b"3", b"4", b"5", b"6", b"7", b"8"]
    assert queue.policy is None and queue.settings is queue.declared


def test_time_to_live_and_dead_letters_by_policy() -> None:
    driver = Driver()
    driver.declare("dead")
    driver.declare("q")
    driver.publish("q", b"old")
    driver.settle_down()
    set_policy(
        driver,
        {"message-ttl": 1000, "dead-letter-exchange": "", "dead-letter-routing-key": "dead"},
        pattern="^q$",
    )
    driver.publish("q", b"new")
    driver.pass_time(1500)
    assert driver.ready("q") == 0
    assert sorted(driver.drain("dead")) == [b"new", b"old"]


def test_policies_apply_to_queues_declared_later_and_survive() -> None:
    driver = Driver()
    set_policy(driver, {"max-length": 1}, pattern="^q")
    set_policy(driver, {"expires": 60_000}, name="o", operator=True)
    for end in (driver.restart, driver.crash):
        driver.declare("q1")
        driver.settle_down()
        end()
        queue = driver.queue("q1")
        assert (queue.settings.length_max, queue.settings.expires_ms) == (1, 60_000)
        assert (queue.declared.length_max, queue.declared.expires_ms) == (None, None)
        assert queue.policy is not None and queue.operator_policy is not None
    remove_policy(driver)
    driver.restart()
    assert driver.queue("q1").settings.length_max is None


def test_a_second_declaration_is_held_against_the_first_not_the_policy() -> None:
    driver = Driver()
    set_policy(driver, {"max-length": 1})
    driver.access.queues.declare("q", QueueSettings())
    driver.access.queues.declare("q", QueueSettings())
    other = QueueSettings(arguments={"x-max-length": 1})
    other.length_max = 1
    with pytest.raises(Refusal) as caught:
        driver.access.queues.declare("q", other)
    assert caught.value.reason == Reason.EXISTS_OTHERWISE


def test_altering_a_queue_keeps_the_policy_over_it() -> None:
    driver = Driver()
    driver.access.queues.declare("q", QueueSettings())
    set_policy(driver, {"max-length": 5})
    altered = QueueSettings()
    altered.message_ttl_ms = 100
    driver.access.queues.alter("q", altered)
    assert driver.access.queues.settings("q") is altered
    for end in (driver.settle_down, driver.restart, driver.crash):
        end()
        settings = driver.queue("q").settings
        assert (settings.length_max, settings.message_ttl_ms) == (5, 100)
        assert driver.queue("q").declared.length_max is None


def test_an_unused_queue_goes_its_time_after_the_policy_came() -> None:
    driver = Driver()
    driver.declare("q")
    driver.pass_time(10_000)
    set_policy(driver, {"expires": 5000})
    driver.pass_time(4000)
    assert "q" in driver.broker.catalog.namespaces["/"].queues
    driver.pass_time(2000)
    assert "q" not in driver.broker.catalog.namespaces["/"].queues


def test_a_shorter_consumer_timeout_concerns_what_is_out_already() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    driver.consume("q", sink)
    driver.publish("q", b"x")
    driver.settle_down()
    set_policy(driver, {"consumer-timeout": 1000})
    driver.pass_time(1500)
    assert [time for _, time in sink.late] == [1000]


def test_alternate_exchange_by_policy() -> None:
    driver = Driver()
    driver.access.exchanges.declare("e", ExchangeSettings("direct"))
    driver.access.exchanges.declare("lost", ExchangeSettings("fanout"))
    driver.declare("q")
    driver.access.exchanges.bind_queue("q", "lost", "", {})
    driver.publish("nowhere", b"1", exchange="e")
    set_policy(driver, {"alternate-exchange": "lost"}, pattern="^e$", apply_to="exchanges")
    driver.publish("nowhere", b"2", exchange="e")
    driver.settle_down()
    driver.restart()
    driver.publish("nowhere", b"3", exchange="e")
    remove_policy(driver)
    driver.publish("nowhere", b"4", exchange="e")
    driver.settle_down()
    assert driver.drain("q") == [b"2", b"3"]
    driver.access.exchanges.declare("e", ExchangeSettings("direct"))


def test_streams_and_topics() -> None:
    driver = Driver()
    stream = QueueSettings()
    stream.type_name = "stream"
    stream.kept = True
    stream.persists_all = True
    driver.access.queues.declare("s", stream)
    set_policy(driver, {"max-age": "1h"}, apply_to="streams")
    assert driver.queue("s").settings.retention_ms == 3_600_000
    space = driver.broker.catalog.namespaces["/"]
    driver.broker.catalog.topics.create(space, "s", 1, TopicConfig({}))
    queue = driver.queue("s")
    # The topic keeps records as the stream was declared, without the policy.
    assert queue.policy is None and queue.settings.retention_ms is None
    set_policy(driver, {"max-age": "2h"}, apply_to="streams")
    driver.restart()
    assert driver.queue("s").policy is None and driver.queue("s").settings.retention_ms is None


def test_very_many_queues_are_done_in_turns() -> None:
    driver = Driver()
    count = 12_000
    space = driver.broker.catalog.namespaces["/"]
    transient = QueueSettings(durable=False)
    for number in range(count):
        driver.broker.catalog.add_queue(space, f"q{number}", transient)
    driver.settle_down()
    driver.broker.directory.set_policy(Policy("/", "p", "^q", {"max-length": 7}))
    done = sum(queue.policy is not None for queue in space.queues.values())
    assert 0 < done < count
    turns = 0
    while any(queue.policy is None for queue in space.queues.values()):
        more = driver.turn()
        turns += 1
        assert turns < 100 and (more or all(queue.policy is not None for queue in space.queues.values()))
    assert all(queue.settings.length_max == 7 for queue in space.queues.values())


def test_very_many_exchanges_are_done_in_turns() -> None:
    driver = Driver()
    space = driver.broker.catalog.namespaces["/"]
    driver.access.exchanges.declare("lost", ExchangeSettings("fanout"))
    for number in range(6_000):
        driver.access.exchanges.declare(f"e{number}", ExchangeSettings("direct", durable=False))
    driver.settle_down()
    driver.access.publish(driver.access.route("e0", "nowhere"), Record(b"x", NO_ADDRESS))
    driver.broker.directory.set_policy(Policy("/", "p", "^e", {"alternate-exchange": "lost"}))
    mine = [exchange for name, exchange in space.exchanges.items() if name.startswith("e")]
    assert 0 < sum(exchange.policy is not None for exchange in mine) < len(mine)
    driver.settle_down()
    assert all(exchange.policy is not None for exchange in mine)


def test_heavy_patterns_are_fewer_at_once() -> None:
    driver = Driver()
    space = driver.broker.catalog.namespaces["/"]
    for number in range(100):
        driver.declare(f"q{number}")
    driver.settle_down()
    heavy = "^q(" + "|".join(f"{number}" for number in range(50)) + ")*$"
    driver.broker.directory.set_policy(Policy("/", "p", heavy, {"max-length": 7}))
    assert 0 < sum(queue.policy is not None for queue in space.queues.values()) < 20
    driver.settle_down()
    assert sum(queue.policy is not None for queue in space.queues.values()) == 100


KINDS = ("classic", "quorum")
NAMES = ("a", "ab", "b", "ba")
PATTERNS = ("^a", "b$", ".*", "^ab$")


class Policed(RuleBasedStateMachine):
    """Policies come and go, queues come and go: at every moment each has the best policy, and what follows from it."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()
        self.model: dict[tuple[str, bool], Policy] = {}

    @rule(
        name=st.sampled_from(NAMES),
        operator=st.booleans(),
        pattern=st.sampled_from(PATTERNS),
        priority=st.integers(0, 2),
        apply_to=st.sampled_from(["all", "queues", "classic_queues", "quorum_queues", "exchanges"]),
        definition=st.fixed_dictionaries(
            {"max-length": st.integers(1, 5)},
            optional={"expires": st.just(10**9), "delivery-limit": st.just(3)},
        ),
    )
    def put(
        self,
        name: str,
        operator: bool,
        pattern: str,
        priority: int,
        apply_to: str,
        definition: dict[str, object],
    ) -> None:
        policy = Policy("/", name, pattern, definition, priority, apply_to, operator)
        self.driver.broker.directory.set_policy(policy)
        self.model[name, operator] = policy

    @rule(name=st.sampled_from(NAMES), operator=st.booleans())
    def drop(self, name: str, operator: bool) -> None:
        if self.model.pop((name, operator), None) is not None:
            self.driver.broker.directory.remove_policy("/", name, operator)

    @rule(name=st.sampled_from(NAMES), kind=st.sampled_from(KINDS))
    def declare(self, name: str, kind: str) -> None:
        if name not in self.driver.broker.catalog.namespaces["/"].queues:
            settings = QueueSettings()
            settings.type_name = kind
            self.driver.access.queues.declare(name, settings)

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        self.driver.access.queues.delete(name)

    @rule(crash=st.booleans())
    def restart(self, crash: bool) -> None:
        self.driver.settle_down()
        if crash:
            self.driver.crash()
        else:
            self.driver.restart()

    @invariant()
    def each_has_the_best(self) -> None:
        for queue in self.driver.broker.catalog.namespaces["/"].queues.values():
            found: dict[bool, Policy | None] = {}
            for operator in (False, True):
                fitting = [
                    policy
                    for (_, which), policy in self.model.items()
                    if which == operator and self._fits(policy, queue.name, queue.declared.type_name)
                ]
                fitting.sort(key=lambda policy: (-policy.priority, policy.name))
                found[operator] = fitting[0] if fitting else None
            for operator, chosen in ((False, queue.policy), (True, queue.operator_policy)):
                wanted = found[operator]
                assert (chosen and chosen.name) == (wanted and wanted.name)
                assert (chosen and chosen.definition) == (wanted and wanted.definition)
            expected = queue_in_force(queue.declared, merged_definition(found[False], found[True]))
            assert queue_to_plain(queue.settings) == queue_to_plain(expected)
            assert queue.declared.length_max is None

    def _fits(self, policy: Policy, name: str, kind: str) -> bool:
        if policy.apply_to not in ("all", "queues", f"{kind}_queues"):
            return False
        if kind == "classic" and "delivery-limit" in policy.definition:
            return False
        return {
            "^a": name.startswith("a"),
            "b$": name.endswith("b"),
            ".*": True,
            "^ab$": name == "ab",
        }[policy.pattern]


TestPoliced = Policed.TestCase
TestPoliced.settings = hypothesis_settings(max_examples=60, stateful_step_count=20, deadline=None)


def test_operators_see_what_applies() -> None:
    driver = Driver()
    driver.declare("q")
    set_policy(driver, {"max-length": 5, "overflow": "drop-head"}, name="mine")
    set_policy(driver, {"max-length": 3}, name="theirs", operator=True)
    view = driver.access.inspection.queue("q")
    assert (view.policy, view.operator_policy, view.settings.length_max) == ("mine", "theirs", 3)
    assert view.definition == {"max-length": 3, "overflow": "drop-head"}
    exchange = driver.access.inspection.exchange("amq.topic")
    assert (exchange.policy, exchange.operator_policy) == ("mine", "theirs")
    remove_policy(driver, "mine")
    remove_policy(driver, "theirs", operator=True)
    view = driver.access.inspection.queue("q")
    assert (view.policy, view.operator_policy, view.definition) == ("", "", {})


class Misread(Policed):
    """The same with rules that are wrong: if nobody noticed, the test above would prove nothing."""

    def _fits(self, policy: Policy, name: str, kind: str) -> bool:
        return policy.pattern != "^ab$" and super()._fits(policy, name, kind)


def test_a_wrong_rule_is_found() -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Misread,
            settings=hypothesis_settings(
                max_examples=300,
                stateful_step_count=20,
                deadline=None,
                report_multiple_bugs=False,
                phases=[Phase.generate],
            ),
        )
