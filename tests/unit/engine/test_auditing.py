"""Acts of administrators reach the auditor: who, what, on what, and what came of it."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.acls import ALLOW, LITERAL, READ, TOPIC, AclFilter, AclRule
from onemq.engine.auditing import Audit, settings_text
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.engine.ports import DONE, FAILED, REFUSED, Act, Auditor
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.principal import Peer, Principal
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights, no_rights


class Notebook(Auditor):
    def __init__(self) -> None:
        self.acts: list[Act] = []

    def note(self, act: Act) -> None:
        self.acts.append(act)

    def lines(self) -> list[tuple[str, str, str, str]]:
        """(result, action, kind, name) of each, and forgets them."""
        found = [(act.result, act.action, act.kind, act.name) for act in self.acts]
        self.acts.clear()
        return found


def watched() -> tuple[Driver, Notebook]:
    driver = Driver()
    notebook = Notebook()
    driver.broker.core.auditor = notebook
    return driver, notebook


def test_what_clients_do_all_day_is_not_noted() -> None:
    driver, notebook = watched()
    access = driver.access
    driver.declare("q")
    access.exchanges.declare("e", ExchangeSettings("direct"))
    access.exchanges.bind_queue("q", "e", "k", {})
    access.exchanges.unbind_queue("q", "e", "k", {})
    driver.publish("q", b"x")
    access.queues.delete("no")
    access.exchanges.delete("no")
    own = QueueSettings()
    own.exclusive = True
    access.queues.declare("own", own)
    access.queues.delete("own")
    access.topics.create("t", 1, {})
    access.groups.commit("g", Membership(-1, "", None), [Commit("t", 0, 5)], False)
    assert notebook.lines() == []


def test_acts_are_noted_with_who_and_what() -> None:
    driver, notebook = watched()
    access = driver.access
    access.audit.peer = Peer("10.0.0.5", 7, protocol="amqp")
    driver.declare("q")
    driver.publish("q", b"x")
    driver.turn()
    access.queues.purge("q")
    act = notebook.acts[0]
    assert (act.user, act.namespace, act.detail, act.reason) == (access.principal.name, "/", "1 records", "")
    assert act.peer is not None and (act.peer.host, act.peer.protocol) == ("10.0.0.5", "amqp")
    assert act.time_ms == access.now_ms()
    access.leases.purge("q")
    access.queues.alter("q", access.queues.settings("q"))
    access.queues.delete("q")
    access.exchanges.declare("e", ExchangeSettings("direct"))
    access.exchanges.delete("e")
    assert notebook.lines() == [
        (DONE, "purge", "queue", "q"),
        (DONE, "purge", "queue", "q"),
        (DONE, "alter", "queue", "q"),
        (DONE, "delete", "queue", "q"),
        (DONE, "delete", "exchange", "e"),
    ]


def test_topics_groups_and_rules() -> None:
    driver, notebook = watched()
    access = driver.access
    access.topics.create("t", 1, {})
    topic = access.topics.find("t")
    access.topics.add_partitions(topic, 2, check_only=True)
    access.topics.add_partitions(topic, 2)
    access.topics.configure(topic, {"retention.ms": "5000"})
    assert [act.detail for act in notebook.acts] == ["2 partitions", "retention.ms=5000"]
    access.topics.delete_records(topic, 0, -1)
    nobody = Membership(-1, "", None)
    access.groups.commit("g", nobody, [Commit("t", 0, 5)], False)
    access.groups.commit("g", nobody, [Commit("t", 0, 3)], False)
    assert notebook.acts[-1].detail == "t 0 from 5 to 3"
    access.groups.delete_offsets("g", [Commit("t", 0, -1)])
    rule = AclRule(TOPIC, LITERAL, "t", "User:u", "*", READ, ALLOW)
    admin = driver.broker.access(Principal("root", ["administrator"]), "/", no_rights()).admin
    admin.add_rule(rule)
    assert notebook.acts[-1].detail == "allow read on topic 't' (literal) to User:u from *"
    admin.remove_rules(AclFilter(name="t"))
    admin.remove_rules(AclFilter(name="t"))
    access.topics.delete(topic)
    assert notebook.lines() == [
        (DONE, "alter", "topic", "t"),
        (DONE, "alter", "topic", "t"),
        (DONE, "delete records", "topic", "t"),
        (DONE, "reset offsets", "group", "g"),
        (DONE, "delete offsets", "group", "g"),
        (DONE, "create", "access rule", "t"),
        (DONE, "delete", "access rule", "t"),
        (DONE, "delete", "topic", "t"),
    ]


def test_refusals_and_failures_are_noted() -> None:
    driver, notebook = watched()
    driver.declare("q")
    nobody = driver.new_access(no_rights())
    with pytest.raises(Refusal):
        nobody.queues.delete("q")
    assert "ACCESS_DENIED" in notebook.acts[0].reason
    with pytest.raises(Refusal):
        nobody.admin.alter_quota((("user", None),), [("producer_byte_rate", 1.0)], False)
    assert notebook.acts[1].detail == "producer_byte_rate=1.0"
    with pytest.raises(ValueError, match="broken"), nobody.audit.doing("make", "thing", "x"):
        raise ValueError("broken")
    assert notebook.lines() == [
        (REFUSED, "delete", "queue", "q"),
        (REFUSED, "alter", "quota", "user (default)"),
        (FAILED, "make", "thing", "x"),
    ]


def test_without_an_auditor_nothing_happens() -> None:
    with Audit(None, "u", "/").doing("make", "thing", "x") as act:
        act.detail("done")
    assert settings_text({"b": "2", "a": "1"}) == "a=1, b=2"


def test_resetting_a_group_takes_the_right_to_read_its_topics_and_is_an_act() -> None:
    driver, notebook = watched()
    access = driver.access
    access.topics.create("t", 1, {})
    access.groups.reset("g", [Commit("t", 0, 5)])
    assert notebook.acts[-1].detail == "t 0 to 5"
    group_only = driver.new_access(Rights(NamePattern(""), NamePattern(""), NamePattern("^g$")))
    with pytest.raises(Refusal) as caught:
        group_only.groups.reset("g", [Commit("t", 0, 0)])
    assert (caught.value.reason, caught.value.entity) == (Reason.ACCESS_DENIED, "t")
    stands = access.groups.committed("g", "t", 0, False)
    assert stands is not None and stands.offset == 5
    assert notebook.lines() == [
        (DONE, "reset offsets", "group", "g"),
        (REFUSED, "reset offsets", "group", "g"),
    ]
