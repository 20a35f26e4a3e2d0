"""Every operation of /v1/, its answers held against the OpenAPI document; what is refused, and how."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from onemq.heads.management.gathering import SLICE
from onemq.model.entities import QueueSettings
from onemq.model.principal import Principal
from onemq.model.rights import all_rights
from unit.heads.management.admin.contract import Contract
from unit.heads.management.playbook import START_MS

Q = "queues/{namespace}/{queue}"
T = "topics/{namespace}/{topic}"
G = "groups/{namespace}/{group}"


def with_queue(*names: str, **settings: Any) -> Contract:
    contract = Contract()
    for name in names:
        contract.call("put", Q, {"settings": settings} if settings else {}, queue=name)
    return contract


def publish(contract: Contract, target: str, *bodies: str, **more: Any) -> Any:
    messages = [{"body": body, **more} for body in bodies]
    return contract.call("post", "publish/{namespace}", {"target": target, "messages": messages})


def bodies(answer: Any) -> list[str]:
    return [message["body"] for message in answer["messages"]]


def state_of(contract: Contract, queue: str) -> tuple[int, int, int]:
    found = contract.call("get", Q, queue=queue)["queue"]
    return found["ready"], found["leased"], found["delayed"]


def test_the_document_is_openapi() -> None:
    validate(Contract().document)


def test_every_operation_answers_as_the_document_says() -> None:
    contract = Contract()
    call = contract.call
    assert call("get", "whoami")["tags"] == ["administrator"]
    # Queues.
    made = call("put", Q, {"arguments": {"x-message-ttl": 60000}}, queue="orders")
    assert made == {"name": "orders", "made": True}
    call(
        "put", Q, {"settings": {"dead_letter_exchange": "", "dead_letter_routing_key": "dead"}}, queue="jobs"
    )
    call("put", Q, {}, queue="dead")
    changed = call("patch", Q, {"length_max": 100, "message_ttl_ms": None}, queue="orders")["queue"][
        "settings"
    ]
    assert (changed["length_max"], changed["message_ttl_ms"]) == (100, None)
    assert len(call("get", "queues", query={"namespace": "/", "name": "or"})) == 1
    assert call("get", Q, queue="orders")["queue"]["name"] == "orders"
    # Messages.
    publish(contract, "orders", "a", "b")
    assert bodies(call("get", "peek/{namespace}/{queue}", queue="orders", query={"count": 1})) == ["a"]
    got = call("post", "consume/{namespace}/{queue}", {"count": 1}, queue="orders")["messages"]
    settled = call("post", "settle/{namespace}/{queue}", {"handles": [got[0]["handle"]]}, queue="orders")
    assert settled == {"settled": 1, "lost": []}
    assert call("post", Q + "/purge", queue="orders") == {"name": "orders", "records": 1}
    # Topics and groups.
    call("put", T, {"partitions": 2, "configs": {"retention.ms": "1000000"}}, topic="events")
    call("patch", T, {"partitions": 3, "configs": {"retention.ms": None}}, topic="events")
    assert [topic["name"] for topic in call("get", "topics")] == ["events"]
    assert call("get", T, topic="events")["config_values"]["cleanup.policy"] == "delete"
    publish(contract, "events", "x", "y", "z")
    assert len(call("post", "fetch/{namespace}/{topic}", {}, topic="events")["messages"]) == 3
    call("post", G + "/reset", {"to": "earliest", "topic": "events"}, group="readers")
    assert [group["name"] for group in call("get", "groups")] == ["readers"]
    assert call("get", G, group="readers")["lag"] == 3
    # Exchanges.
    call("put", "exchanges/{namespace}/{exchange}", {"type": "topic"}, exchange="news")
    assert call("get", "exchanges/{namespace}/{exchange}", exchange="news")["type"] == "topic"
    assert "news" in [each["name"] for each in call("get", "exchanges")]
    binding = {"source": "news", "destination": "orders", "to": "queue", "routing_key": "#"}
    call("post", "bindings/{namespace}", binding)
    assert len(call("get", "bindings", query={"source": "news"})) == 1
    # Moving.
    publish(contract, "jobs", "1")
    got = call("post", "consume/{namespace}/{queue}", {}, queue="jobs")["messages"]
    reject = {"handles": [got[0]["handle"]], "action": "reject"}
    assert call("post", "settle/{namespace}/{queue}", reject, queue="jobs")["settled"] == 1
    letters = call("get", "dead-letters/{namespace}/{queue}", queue="dead")["messages"]
    assert [(death["queue"], death["reason"]) for death in letters[0]["deaths"]] == [("jobs", "rejected")]
    task = call("post", "redrives/{namespace}/{queue}", {"per_second": 1}, queue="dead")
    one = "redrives/{namespace}/{queue}/{id}"
    assert call("get", one, queue="dead", id=task["id"])["source"] == "dead"
    assert len(call("get", "redrives/{namespace}/{queue}", queue="dead")) == 1
    publish(contract, "dead", "2")
    task = call("post", "redrives/{namespace}/{queue}", {"per_second": 1, "to": "jobs"}, queue="dead")
    publish(contract, "dead", "3", "4")
    task = _slow_redrive(contract)
    assert call("delete", one, queue="dead", id=task["id"])["state"] == "cancelling"
    replayed = call("post", "replay/{namespace}/{topic}", {"to": "orders", "since_ms": 0}, topic="events")
    assert (replayed["copied"], replayed["done"]) == (3, True)
    # Directory.
    call("put", "users/{user}", {"password": "secret", "tags": ["monitoring"]}, user="anna")
    call("put", "users/{user}/access-keys/{key}", {"secret": "s"}, user="anna", key="AKIA")
    assert call("get", "users/{user}", user="anna")["access_keys"] == ["AKIA"]
    call("delete", "users/{user}/access-keys/{key}", user="anna", key="AKIA")
    assert [user["name"] for user in call("get", "users")] == ["anna"]
    call("put", "permissions/{namespace}/{user}", {"write": "^$"}, user="anna")
    granted = call("get", "permissions", query={"user": "anna"})
    assert [(each["write"], each["read"]) for each in granted] == [("^$", ".*")]
    call("put", "namespaces/{namespace}", {"description": "ours"}, namespace="team")
    assert call("get", "namespaces/{namespace}", namespace="team")["description"] == "ours"
    assert "team" in [each["name"] for each in call("get", "namespaces")]
    policy = {"pattern": "^jobs$", "definition": {"max-length": 10}}
    call("put", "policies/{namespace}/{policy}", policy, policy="short")
    assert [each["name"] for each in call("get", "policies")] == ["short"]
    assert call("get", Q, queue="jobs")["queue"]["policy"] == "short"
    # All of it.
    defined = call("get", "definitions")
    assert {queue["name"] for queue in defined["queues"]} == {"orders", "jobs", "dead"}
    overview = call("get", "overview")
    assert (overview["queues"], overview["topics"], overview["groups"]) == (4, 1, 1)
    call("get", "rates")
    contract.stage.wait(10_000)
    assert call("get", "rates", query={"queue": "orders"})["of"] == "queue orders"
    assert [each["id"] for each in call("get", "connections")] == [7]
    assert call("get", "connections/{id}", id="7")["client"] == "an app"
    call("delete", "connections/{id}", id="7", query={"reason": "enough"})
    assert contract.peers.closed == [(7, "enough")]
    # The end.
    call("delete", "policies/{namespace}/{policy}", policy="short")
    call("delete", "permissions/{namespace}/{user}", user="anna")
    call("delete", "users/{user}", user="anna")
    call("delete", "namespaces/{namespace}", namespace="team")
    call(
        "delete",
        "bindings/{namespace}",
        query={"source": "news", "destination": "orders", "routing_key": "#"},
    )
    call("delete", "exchanges/{namespace}/{exchange}", exchange="news")
    call("delete", G, group="readers")
    call("delete", T, topic="events")
    call("delete", Q, queue="orders")
    assert contract.used == contract.operations()


def _slow_redrive(contract: Contract) -> Any:
    """One that is at work still."""
    contract.stage.wait(5_000)
    publish(contract, "dead", "5", "6", "7")
    task = contract.call(
        "post", "redrives/{namespace}/{queue}", {"per_second": 1, "to": "jobs"}, queue="dead"
    )
    assert task["state"] == "running"
    return task


# Publishing.


def test_headers_keys_and_binary_bodies_come_back_as_they_went() -> None:
    contract = with_queue("q")
    raw = base64.b64encode(b"\xff\x00").decode()
    message = {
        "body": raw,
        "encoding": "base64",
        "key": "k",
        "headers": {"tenant": "acme", "none": None},
        "priority": 3,
    }
    done = contract.call("post", "publish/{namespace}", {"target": "q", "messages": [message]})
    assert (done["routed"], done["unroutable"], done["refused"]) == (1, 0, 0)
    (seen,) = contract.call("get", "peek/{namespace}/{queue}", queue="q")["messages"]
    for name, value in message.items():
        assert seen[name] == value
    assert seen["bytes"] == 2


def test_delay_and_time_to_live() -> None:
    contract = with_queue("q")
    publish(contract, "q", "later", delay_ms=1000)
    publish(contract, "q", "short", ttl_ms=500)
    assert state_of(contract, "q") == (1, 0, 1)
    contract.stage.wait(500)
    assert state_of(contract, "q") == (0, 0, 1)
    contract.stage.wait(500)
    assert bodies(contract.call("get", "peek/{namespace}/{queue}", queue="q")) == ["later"]


def test_to_an_exchange_some_are_routed_and_some_are_not() -> None:
    contract = with_queue("q")
    contract.call(
        "post", "bindings/{namespace}", {"source": "amq.direct", "destination": "q", "routing_key": "a"}
    )
    for key, counts in (("a", (1, 0)), ("b", (0, 1))):
        wanted = {"exchange": "amq.direct", "routing_key": key, "messages": [{"body": "m"}]}
        done = contract.call("post", "publish/{namespace}", wanted)
        assert (done["routed"], done["unroutable"]) == counts


def test_headers_route() -> None:
    contract = with_queue("q")
    arguments = {"x-match": "all", "colour": "red"}
    contract.call(
        "post",
        "bindings/{namespace}",
        {"source": "amq.headers", "destination": "q", "arguments": arguments},
    )
    messages = [{"headers": {"colour": colour}} for colour in ("red", "blue")]
    done = contract.call("post", "publish/{namespace}", {"exchange": "amq.headers", "messages": messages})
    assert (done["routed"], done["unroutable"]) == (1, 1)


def test_a_full_queue_refuses() -> None:
    contract = with_queue("q", length_max=1, overflow="reject-publish")
    done = publish(contract, "q", "1", "2", "3")
    assert (done["routed"], done["refused"]) == (1, 2)


def test_keys_choose_partitions_and_a_partition_can_be_named() -> None:
    contract = Contract()
    contract.call("put", T, {"partitions": 4}, topic="t")
    first = publish(contract, "t", "1", "2", key="same")["offsets"]
    assert list(first.values()) == [1]
    assert publish(contract, "t", "3", key="same")["offsets"] == {next(iter(first)): 2}
    wanted = {"target": "t", "partition": 3, "messages": [{"body": "x"}]}
    assert list(contract.call("post", "publish/{namespace}", wanted)["offsets"]) == ["3"]


@pytest.mark.parametrize(
    ("wanted", "status", "kind"),
    [
        ({"messages": [{}]}, 400, "bad_request"),
        ({"target": "q", "exchange": "e", "messages": [{}]}, 400, "bad_request"),
        ({"target": "q", "messages": []}, 400, "bad_request"),
        ({"target": "gone", "messages": [{}]}, 404, "not_found"),
        ({"exchange": "gone", "messages": [{}]}, 404, "not_found"),
        ({"target": "q", "partition": 0, "messages": [{}]}, 400, "bad_request"),
        ({"target": "t", "partition": 9, "messages": [{}]}, 400, "bad_request"),
        ({"target": "t", "messages": [{"delay_ms": 5}]}, 400, "bad_request"),
        ({"target": "q", "messages": [{"delay_ms": -5}]}, 400, "bad_request"),
        ({"target": "q", "messages": [{"body": "?", "encoding": "base64"}]}, 400, "bad_request"),
    ],
)
def test_what_cannot_be_published(wanted: Any, status: int, kind: str) -> None:
    contract = with_queue("q")
    contract.call("put", T, {}, topic="t")
    refused = contract.call("post", "publish/{namespace}", wanted, status=status)
    assert refused["error"] == kind
    assert state_of(contract, "q") == (0, 0, 0)


def test_a_slip_of_the_pen_is_refused() -> None:
    contract = Contract()
    answer = contract.peer.asks("PUT", "/v1/queues/%2F/q", {"durabel": True})
    assert (answer.status, answer.json["error"]) == (400, "bad_request")
    assert "durabel" in answer.json["message"]


# Consuming.


def test_a_long_poll_is_answered_by_what_comes() -> None:
    contract = with_queue("q")
    contract.sends(
        "post", "consume/{namespace}/{queue}", {"wait_ms": 10_000, "visibility_ms": 100}, queue="q"
    )
    assert contract.peer.hears() == []
    other = contract.stage.connect()
    wanted = {"target": "q", "messages": [{"body": "m"}]}
    assert other.asks("POST", "/v1/publish/%2F", wanted).status == 200
    got = contract.hears("post", "consume/{namespace}/{queue}")
    assert bodies(got) == ["m"]
    contract.stage.wait(100)
    assert state_of(contract, "q") == (1, 0, 0)
    again = contract.call("post", "consume/{namespace}/{queue}", {"acknowledge": True}, queue="q")["messages"]
    assert (again[0]["attempts"], again[0]["handle"]) == (2, None)
    assert state_of(contract, "q") == (0, 0, 0)


def test_a_long_poll_ends_empty_or_with_its_connection() -> None:
    contract = with_queue("q")
    contract.sends("post", "consume/{namespace}/{queue}", {"wait_ms": 1000}, queue="q")
    contract.stage.wait(1000)
    assert bodies(contract.hears("post", "consume/{namespace}/{queue}")) == []
    gone = contract.stage.connect()
    gone.sends("POST", "/v1/consume/%2F/q", {"wait_ms": 1000})
    gone.leaves()
    publish(contract, "q", "m")
    assert state_of(contract, "q") == (1, 0, 0)


def test_releasing_and_handles_that_are_over() -> None:
    contract = with_queue("q")
    publish(contract, "q", "m")
    handle = contract.call("post", "consume/{namespace}/{queue}", {}, queue="q")["messages"][0]["handle"]
    release = {"handles": [handle], "action": "release"}
    assert contract.call("post", "settle/{namespace}/{queue}", release, queue="q")["settled"] == 1
    assert state_of(contract, "q") == (1, 0, 0)
    contract.call("post", "consume/{namespace}/{queue}", {}, queue="q")
    for action in ("ack", "release", "reject"):
        wanted = {"handles": [handle], "action": action}
        lost = contract.call("post", "settle/{namespace}/{queue}", wanted, queue="q")
        assert lost == {"settled": 0, "lost": [handle]}
    refused = contract.call(
        "post", "settle/{namespace}/{queue}", {"handles": ["nonsense"]}, queue="q", status=400
    )
    assert refused["error"] == "bad_request"


# Topics.


def test_a_topic_is_read_on_from_positions_from_a_time_and_by_a_long_poll() -> None:
    contract = Contract()
    contract.call("put", T, {"partitions": 2}, topic="t")
    publish(contract, "t", "1", "2", "3")
    contract.stage.wait(1000)
    publish(contract, "t", "4")
    fetch = "fetch/{namespace}/{topic}"
    first = contract.call("post", fetch, {"count": 3}, topic="t")
    wanted = {"start": "positions", "positions": first["positions"]}
    rest = contract.call("post", fetch, wanted, topic="t")
    assert sorted(bodies(first) + bodies(rest)) == ["1", "2", "3", "4"]
    assert bodies(contract.call("post", fetch, {"start": "time", "time_ms": START_MS + 1}, topic="t")) == [
        "4"
    ]
    assert bodies(contract.call("post", fetch, {"start": "latest"}, topic="t")) == []
    contract.sends("post", fetch, {"start": "latest", "wait_ms": 5000}, topic="t")
    assert contract.peer.hears() == []
    other = contract.stage.connect()
    assert other.asks("POST", "/v1/publish/%2F", {"target": "t", "messages": [{"body": "5"}]}).status == 200
    assert bodies(contract.hears("post", fetch)) == ["5"]
    contract.sends("post", fetch, {"start": "latest", "wait_ms": 5000}, topic="t")
    contract.stage.wait(5000)
    assert bodies(contract.hears("post", fetch)) == []


def test_a_group_is_reset_to_a_time_an_offset_and_the_end_and_a_dry_run_only_tells() -> None:
    contract = Contract()
    contract.call("put", T, {}, topic="t")
    publish(contract, "t", "1", "2")
    contract.stage.wait(1000)
    publish(contract, "t", "3")
    reset = G + "/reset"

    def after(wanted: Any) -> list[int]:
        done = contract.call("post", reset, wanted, group="g")
        return [each["after"] for each in done["offsets"]]

    assert after({"to": "time", "time_ms": START_MS + 500, "topic": "t"}) == [2]
    assert contract.call("get", G, group="g")["lag"] == 1
    assert after({"to": "earliest", "dry_run": True}) == [0]
    assert contract.call("get", G, group="g")["lag"] == 1
    assert after({"to": "offset", "offset": 1, "topic": "t"}) == [1]
    assert after({"to": "latest"}) == [3]
    for wanted, status in (
        ({"to": "time"}, 400),
        ({"to": "offset", "offset": 1}, 400),
        ({"to": "earliest", "topic": "gone"}, 404),
        ({"to": "earliest", "topic": "t", "partition": 5}, 400),
    ):
        contract.call("post", reset, wanted, group="g", status=status)
    contract.call("post", reset, {"to": "earliest"}, group="unknown", status=404)


def test_a_topic_that_is_there_otherwise_is_a_conflict() -> None:
    contract = Contract()
    contract.call("put", T, {"partitions": 2}, topic="t")
    assert contract.call("put", T, {"partitions": 2}, topic="t")["made"] is False
    contract.call("put", T, {"partitions": 3}, topic="t", status=409)
    contract.call("patch", T, {"configs": {"retention.ms": "soon"}}, topic="t", status=400)
    contract.call("delete", Q, queue="t", status=404)


# Dead letters and moves.


def dead(contract: Contract, *tenants: str) -> None:
    """Messages of these tenants die in `jobs` and come to `dead`."""
    for tenant in tenants:
        publish(contract, "jobs", tenant, headers={"tenant": tenant})
    got = contract.call("post", "consume/{namespace}/{queue}", {"count": 100}, queue="jobs")["messages"]
    handles = [message["handle"] for message in got]
    contract.call(
        "post", "settle/{namespace}/{queue}", {"handles": handles, "action": "reject"}, queue="jobs"
    )


def graveyard() -> Contract:
    contract = with_queue("dead", "other")
    settings = {"dead_letter_exchange": "", "dead_letter_routing_key": "dead"}
    contract.call("put", Q, {"settings": settings}, queue="jobs")
    return contract


def test_dead_letters_are_chosen_by_header_time_and_reason_page_by_page() -> None:
    contract = graveyard()
    dead(contract, "a", "b", "a")
    contract.stage.wait(1000)
    dead(contract, "a")
    letters = "dead-letters/{namespace}/{queue}"

    def chosen(**query: Any) -> list[str]:
        return bodies(contract.call("get", letters, queue="dead", query=query))

    assert chosen() == ["a", "b", "a", "a"]
    assert chosen(where="tenant=b") == ["b"]
    assert chosen(where="@reason=rejected", since_ms=START_MS + 1) == ["a"]
    assert chosen(where="@queue=other") == []
    page = contract.call("get", letters, queue="dead", query={"where": "tenant=a", "count": 2})
    assert (bodies(page), page["looked"], page["next_offset"]) == (["a", "a"], 3, 3)
    rest = contract.call("get", letters, queue="dead", query={"where": "tenant=a", "offset": 3})
    assert (bodies(rest), rest["next_offset"]) == (["a"], None)
    contract.call("get", letters, queue="dead", query={"where": "nonsense"}, status=400)


def test_a_redrive_takes_what_is_meant() -> None:
    contract = graveyard()
    dead(contract, "a", "b", "a")
    where = [{"name": "tenant", "value": "a"}]
    task = contract.call(
        "post", "redrives/{namespace}/{queue}", {"to": "other", "where": where, "limit": 1}, queue="dead"
    )
    done = contract.call("get", "redrives/{namespace}/{queue}/{id}", queue="dead", id=task["id"])
    assert (done["state"], done["moved"], done["where"], done["limit"]) == ("completed", 1, where, 1)
    assert state_of(contract, "other") == (1, 0, 0)
    assert state_of(contract, "dead") == (2, 0, 0)
    contract.call("delete", "redrives/{namespace}/{queue}/{id}", queue="dead", id=task["id"], status=409)
    contract.call("get", "redrives/{namespace}/{queue}/{id}", queue="dead", id="gone", status=404)


def test_a_replay_goes_step_by_step_and_leaves_out_what_comes_meanwhile() -> None:
    contract = with_queue("again")
    contract.call("put", T, {"partitions": 2}, topic="t")
    publish(contract, "t", "old")
    contract.stage.wait(1000)
    publish(contract, "t", "1", "2", "3", "4", "5")
    replay = "replay/{namespace}/{topic}"
    wanted: dict[str, Any] = {"to": "again", "since_ms": START_MS + 500, "count": 2}
    copied = 0
    for _ in range(10):
        step = contract.call("post", replay, wanted, topic="t")
        copied += step["copied"]
        if step["done"]:
            break
        contract.stage.wait(10)
        publish(contract, "t", "new")
        wanted.update(positions=step["positions"], until_ms=step["until_ms"])
    assert copied == 5
    seen = contract.call("get", "peek/{namespace}/{queue}", queue="again")
    assert sorted(bodies(seen)) == ["1", "2", "3", "4", "5"]


def test_what_keeps_nothing_cannot_be_replayed() -> None:
    contract = with_queue("q", "to")
    replay = "replay/{namespace}/{topic}"
    refused = contract.call("post", replay, {"to": "to", "since_ms": 0}, topic="q", status=400)
    assert refused["error"] == "not_supported"
    contract.call("put", T, {}, topic="t")
    contract.call("post", replay, {"to": "gone", "since_ms": 0}, topic="t", status=404)
    contract.call("put", T, {}, topic="to")
    contract.call("post", replay, {"to": "to", "since_ms": 0}, topic="to", status=400)


# Who may.


def test_logins_and_tags() -> None:
    contract = Contract()
    assert contract.peer.asks("GET", "/v1/queues", login="").status == 401
    assert contract.peer.asks("GET", "/v1/queues", login="guest:wrong").status == 401
    assert contract.peer.asks("GET", "/v1/queues", login="plain:plain").status == 403
    assert contract.call("get", "whoami", login="plain:plain")["user"] == "plain"
    contract.call("get", "users", login="manager:manager", status=403)
    contract.call("put", Q, {}, queue="closed", login="manager:manager", status=403)


def test_rights_are_the_users_own() -> None:
    contract = with_queue("open", "closed")
    manager = "manager:manager"
    messages = [{"body": "m"}]
    contract.call("post", "publish/{namespace}", {"target": "open", "messages": messages}, login=manager)
    contract.call(
        "post", "publish/{namespace}", {"target": "closed", "messages": messages}, login=manager, status=403
    )
    contract.call("get", "peek/{namespace}/{queue}", queue="closed", login=manager, status=403)
    contract.call("delete", Q, queue="open", login=manager, status=403)


@pytest.mark.parametrize("changes", [{"length_max": -1}, {"expires_ms": 0}, {"overflow": "explode"}])
def test_settings_out_of_range(changes: Any) -> None:
    contract = with_queue("q")
    answer = contract.peer.asks("PATCH", "/v1/queues/%2F/q", changes)
    assert (answer.status, answer.json["error"]) == (400, "bad_request")
    answer = contract.peer.asks("PUT", "/v1/queues/%2F/new", {"settings": changes})
    assert answer.status == 400
    contract.call("get", Q, queue="new", status=404)


def test_who_may_not_monitor_learns_nothing_of_others() -> None:
    contract = Contract()
    contract.call("put", Q, {}, queue="q")
    contract.call("post", "publish/{namespace}", {"target": "q", "messages": [{"body": "x"}]})
    seen = contract.call("get", "overview", login="monitor:monitor")
    assert seen["counters"]["published"] == 1
    own = contract.call("get", "overview", login="manager:manager")
    assert own["counters"]["published"] == 0 and own["protocols"] == [] and own["listeners"] == []
    assert (own["process_id"], own["data_directory"], own["resident_bytes"]) == (0, "", None)
    contract.call("get", "rates", login="manager:manager", status=403)
    assert contract.call("get", "rates", login="monitor:monitor")["of"] == "broker"


def test_very_many_queues_are_listed_over_several_turns() -> None:
    contract = Contract()
    broker = contract.stage.broker
    access = broker.access(Principal("guest", ["administrator"]), "/", all_rights())
    for number in range(SLICE * 2 + 50):
        access.queues.declare(f"q{number:04}", QueueSettings())
    listed = contract.call("get", "queues", query={"name": "q0"})
    assert [each["name"] for each in listed] == [f"q{number:04}" for number in range(SLICE * 2 + 50)]


# Odd requests.

BEYOND = 10**30
ODD_BODIES: list[Any] = [
    None,
    b"{",
    b'"\\ud800"',
    [],
    {},
    {"name": 5, "partitions": 0, "messages": 5, "handles": 5, "to": 5, "source": 5, "pattern": 5},
    {"partitions": BEYOND},
    {"partitions": -1, "configs": {"x": "y"}},
    {"settings": {"length_max": BEYOND}},
    {"length_max": BEYOND},
    {"delay_ms": 1 << 63},
    {"retry_delay_min_ms": 1 << 62},
    {"arguments": {"x": None, "x-max-length": -5}},
    {"type": "x-nothing"},
    {"target": "orders", "messages": [{"delay_ms": BEYOND}]},
    {"target": "orders", "messages": [{"ttl_ms": BEYOND}]},
    {"target": "orders", "messages": [{"body": "\ud800", "key": "", "headers": {"": ""}}]},
    {"target": "", "messages": [{}]},
    {"target": "events", "partition": BEYOND, "messages": [{}]},
    {"exchange": "", "routing_key": "orders" * 100, "messages": [{}]},
    {"count": BEYOND},
    {"wait_ms": -1},
    {"visibility_ms": BEYOND},
    {"handles": ["", "\u00fc", "A" * 44]},
    {"handles": ["A" * 43 + "="], "action": "reject"},
    {"start": "offset", "offset": BEYOND},
    {"start": "time", "time_ms": -1},
    {"start": "positions", "positions": {"0": BEYOND, "x": 1, "-1": 1}},
    {"start": "positions", "positions": {"0": 1 << 61}},
    {"to": "orders", "since_ms": BEYOND},
    {"to": "orders", "since_ms": 0, "positions": {"0": 1 << 63}},
    {"to": "orders", "since_ms": 0, "until_ms": BEYOND},
    {"to": "earliest"},
    {"to": "time", "time_ms": BEYOND, "topic": "events"},
    {"to": "offset", "offset": -5, "topic": "events"},
    {"to": "offset", "offset": 1 << 61, "topic": "events", "partition": -1},
    {"where": [{"name": "", "value": ""}] * 50},
    {"per_second": BEYOND},
    {"per_second": 0},
    {"limit": BEYOND},
    {"pattern": "(", "definition": {}},
    {"pattern": "x", "definition": {"max-length": BEYOND}, "priority": BEYOND},
    {"configure": "(", "write": "", "read": ""},
    {"tags": ["a"] * 200, "password": "p"},
    {"password": "p", "password_hash": "q"},
    {"password_hash": "not base64"},
    {"secret": ""},
    {"source": "", "destination": "orders"},
    {"source": "amq.topic", "destination": "amq.topic", "to": "exchange", "arguments": {"x": None}},
    {"default_queue_type": "odd", "description": "\u00fc"},
]
ODD_QUERIES = (
    "",
    "?count=5&offset=0&partition=7&where=a=b&since_ms=1",
    "?count=x&offset=-1&namespace=absent&operator=x",
)


@pytest.mark.slow
@pytest.mark.parametrize("fill", ["orders", "events", "absent", "%2F", "guest", "%C3%BC", "7"])
def test_nothing_that_is_asked_is_a_bug(fill: str) -> None:
    """Every route, with names that are there, that are not, and that are none."""
    contract = with_queue("orders")
    contract.call("put", T, {"partitions": 2}, topic="events")
    contract.call("put", "users/{user}", {"password": "guest", "tags": ["administrator"]}, user="root")
    publish(contract, "orders", "1", "2")
    publish(contract, "events", "1", "2")
    # What is there is deleted at the end.
    for method, template in sorted(contract.operations(), key=lambda each: (each[0] == "delete", each)):
        if (method, template) == ("delete", "/v1/users/{user}") and fill == "guest":
            continue
        path = template.replace("{namespace}", "absent" if fill == "absent" else "%2F")
        path = re.sub(r"\{\w+\}", fill, path)
        takes_body = "requestBody" in contract.document["paths"][template][method]
        for query in ODD_QUERIES:
            for body in ODD_BODIES if takes_body else [None]:
                contract.peer.sends(method.upper(), path + query, body)
                answers = contract.peer.hears()
                if not answers:
                    # A long poll that nothing comes for.
                    contract.stage.wait(60_000)
                    answers = contract.peer.hears()
                (answer,) = answers
                assert 200 <= answer.status < 500, (method, path, query, body, answer)
                assert contract.peer.refusal is None
                json.loads(answer.body)
