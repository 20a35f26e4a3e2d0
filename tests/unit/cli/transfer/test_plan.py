"""Plans of the three forms: what becomes a step, in which order, and what is left."""

from __future__ import annotations

from typing import Any

import pytest

from onemq.cli.frame import CliError
from onemq.cli.transfer import elasticmq, ours, rabbitmq
from onemq.cli.transfer.plan import KINDS, Plan

EMPTY: dict[str, Any] = {
    name: []
    for name in (
        "namespaces",
        "users",
        "permissions",
        "policies",
        "topics",
        "queues",
        "exchanges",
        "bindings",
        "not_carried",
    )
}


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(step.kind, step.name) for step in plan.ordered()]


def test_ours() -> None:
    found = {**EMPTY, "onemq": 1}
    found["bindings"] = [
        {
            "namespace": "/",
            "source": "e",
            "destination": "q",
            "to": "queue",
            "routing_key": "k",
            "arguments": {},
        }
    ]
    found["queues"] = [
        {
            "namespace": "/",
            "name": "q",
            "durable": True,
            "auto_delete": False,
            "arguments": {},
            "settings": {"delay_ms": 5},
        }
    ]
    found["namespaces"] = [
        {"name": "n", "description": "", "tags": [], "default_queue_type": "", "limits": {"max-queues": 3}}
    ]
    found["not_carried"] = ["2 SNS topics"]
    plan = ours.plan_of(found)
    assert [kind for kind, _ in steps(plan)] == ["namespace", "limit", "queue", "binding"]
    assert plan.ordered()[2].body["settings"] == {"delay_ms": 5}
    assert plan.not_carried == ["2 SNS topics (the export left them out)"]
    for bad in ({"onemq": 2}, {"onemq": 1}):
        with pytest.raises(CliError):
            ours.plan_of(bad)


def test_one_vhost_of_rabbitmq() -> None:
    """Such an export names no vhost."""
    plan = rabbitmq.plan_of(
        {
            "rabbit_version": "4.0.1",
            "queues": [{"name": "q", "durable": True, "type": "stream"}, {"name": "m", "type": "x-mqtt"}],
            "exchanges": [],
            "bindings": [],
        }
    )
    (step,) = plan.ordered()
    assert step.path == ("queues", "/", "q") and step.body["arguments"] == {"x-queue-type": "stream"}
    assert "queue m" in plan.not_carried[0] and plan.form.endswith("(4.0.1)")


def test_tags_and_policies_of_rabbitmq() -> None:
    plan = rabbitmq.plan_of(
        {
            "users": [{"name": "u", "tags": "a, b"}, {"name": "v", "tags": ["c"]}],
            "policies": [
                {"name": "p", "pattern": "x", "definition": {"max-length": 1}, "apply-to": "queues"}
            ],
            "global_parameters": [{"name": "mine", "value": 1}, {"name": "cluster_name", "value": "c"}],
        }
    )
    users = {step.name: step.body["tags"] for step in plan.ordered() if step.kind == "user"}
    assert users == {"u": ["a", "b"], "v": ["c"]}
    assert plan.not_carried == ["global parameter mine"]


def test_elasticmq() -> None:
    text = """
    queues {
      work { defaultVisibilityTimeout = 10 seconds, delay = 1 minute, deadLettersQueue { name = "dead", maxReceiveCount = 2 } }
      dead { receiveMessageWait = 500 milliseconds, moveTo = "elsewhere" }
      "in order" { fifo = true }
    }
    node-address { port = 9324 }
    """
    plan = elasticmq.plan_of(elasticmq.read(text), "/")
    found = {step.name: step.body["settings"] for step in plan.ordered()}
    assert list(found) == ["work", "dead", "in order.fifo"]
    work = found["work"]
    assert (work["visibility_ms"], work["delay_ms"], work["receive_limit"]) == (10_000, 60_000, 2)
    assert (work["dead_letter_routing_key"], work["attributes"]["sqs"]["VisibilityTimeout"]) == ("dead", "10")
    assert found["in order.fifo"]["grouping"] == "strict"
    assert plan.not_carried == ["moveTo of queue dead: bind both queues to an exchange instead"]
    with pytest.raises(CliError, match="no queues"):
        elasticmq.plan_of(elasticmq.read("a = 1"), "/")
    with pytest.raises(CliError, match="HOCON"):
        elasticmq.read("{ nonsense")


def test_every_kind_has_its_place() -> None:
    plan = Plan("x")
    plan.policy("/", "p", "x", {}, "all", 0, False)
    plan.topic_permission("/", "u", "e", "", "")
    plan.permission("/", "u", "", "", "")
    assert [KINDS.index(kind) for kind, _ in steps(plan)] == sorted(
        KINDS.index(kind) for kind, _ in steps(plan)
    )
