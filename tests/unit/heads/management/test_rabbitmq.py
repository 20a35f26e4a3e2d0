"""RabbitMQ's API over playbooks: against answers that were recorded of a RabbitMQ 3.10, and what a recording cannot show.

rabbitmq_keys.json: all keys of RabbitMQ's main answers.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from engine_driver import RecordingSink
from onemq.engine.consumption import GetResult, GetWaiter
from onemq.engine.views import BindingView
from onemq.heads.contract import Profile
from onemq.heads.management.gathering import SLICE
from onemq.heads.management.rabbitmq.bindings import is_meant
from onemq.model.demand import Demand
from onemq.model.entities import QueueSettings
from onemq.model.principal import Principal
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.rights import all_rights
from transaction_driver import batch
from unit.heads.management.playbook import START_MS, Peer
from unit.heads.management.rabbitmq_stage import NODE, RabbitStage
from unit.heads.management.recorded import RECORDED

HERE = Path(__file__).parent
KEYS: dict[str, list[str]] = json.loads((HERE / "rabbitmq_keys.json").read_text(encoding="utf-8"))


@pytest.fixture
def stage() -> RabbitStage:
    return RabbitStage()


@pytest.fixture
def peer(stage: RabbitStage) -> Peer:
    return stage.connect()


def test_requests_are_answered_as_rabbitmq_answered_them(stage: RabbitStage, peer: Peer) -> None:
    access = stage.access
    dead = QueueSettings(
        arguments={"x-message-ttl": 600000, "x-max-length": 1000, "x-dead-letter-exchange": ""}
    )
    access.queues.declare("orders", dead)
    sink = RecordingSink()
    access.consume("orders", sink, "ctag", Demand(10), None, no_ack=False, exclusive=False, arguments={})
    for name, kind in (("qq", "quorum"), ("stream", "stream")):
        assert (
            peer.asks(
                "PUT", f"/api/queues/%2F/{name}", {"durable": True, "arguments": {"x-queue-type": kind}}
            ).status
            == 201
        )
    peer.asks("PUT", "/api/exchanges/%2F/e2", {})
    access.publish(access.route("", "qq"), Record(b"x", NO_ADDRESS))
    access.queues.declare("mine", QueueSettings(durable=False, exclusive=True))
    stage.turn()
    for step in RECORDED:
        answer = peer.asks(step.method, step.path, step.octets, step.login)
        step.check(answer.status, answer.body, answer.headers.get("location", ""))


ERLANG = (
    "backing_queue_status",
    "consumer_capacity",
    "consumer_utilisation",
    "context_switches",
    "contexts.cowboy_opts",
    "garbage_collection",
    "gc_",
    "io_",
    "listeners.socket_opts",
    "message_bytes_dlx",
    "message_bytes_paged_out",
    "message_bytes_persistent",
    "message_bytes_ram",
    "message_stats.disk_",
    "messages_dlx",
    "messages_paged_out",
    "messages_persistent",
    "messages_ram",
    "messages_ready_ram",
    "messages_unacknowledged_ram",
    "metrics_gc",
    "mnesia_",
    "msg_store_",
    "net_ticktime",
    "open_files",
    "owner_pid_details",
    "pending_raft_commands",
    "proc_",
    "queue_index_",
    "ra_open_file_metrics",
    "readers",
    "recoverable_slaves",
    "recv_cnt",
    "reductions",
    "release_series_support_status",
    "run_queue",
    "send_cnt",
    "single_active_consumer_ctag",
    "ssl_",
    "totals",
    "type_specific",
    "message_stats.",
)
"""Keys about Erlang's processes, its disk queues or its cluster, which are left out. What a queue's message_stats have is tested apart."""


def keys_of(value: Any, prefix: str = "") -> set[str]:
    found: set[str] = set()
    if isinstance(value, dict):
        for key, item in value.items():
            found.add(prefix + key)
            found |= keys_of(item, f"{prefix}{key}.")
    elif isinstance(value, list):
        for item in value:
            found |= keys_of(item, prefix)
    return found


@pytest.mark.parametrize("path", sorted(KEYS))
def test_answers_have_rabbitmqs_keys(stage: RabbitStage, peer: Peer, path: str) -> None:
    for name, arguments in (
        ("orders", {}),
        ("qq", {"x-queue-type": "quorum"}),
        ("stream", {"x-queue-type": "stream"}),
    ):
        peer.asks("PUT", f"/api/queues/%2F/{name}", {"durable": True, "arguments": arguments})
    peer.asks("PUT", "/api/exchanges/%2F/ex", {"type": "topic"})
    peer.asks("POST", "/api/bindings/%2F/e/ex/q/orders", {"routing_key": "a"})
    peer.asks("PUT", "/api/global-parameters/g", {"value": 1})
    stage.access.queues.declare("mine", QueueSettings(durable=False, exclusive=True))
    stage.application_peer()
    for exchange, key in (("ex", "a"), ("", "qq")):
        stage.access.publish(stage.access.route(exchange, key), Record(b"x", NO_ADDRESS))
    stage.turn()
    found = keys_of(peer.gets(path))
    missing = [key for key in KEYS[path] if key not in found and not key.startswith(ERLANG)]
    missing = [key for key in missing if not any(f".{word}" in f".{key}" for word in ERLANG)]
    assert missing == []


# Rates.


def test_rates_and_samples(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/queues/%2F/q", {"durable": True})
    assert "message_stats" not in peer.gets("/api/queues/%2F/q"), "nothing has happened yet"
    route = stage.access.route("", "q")
    for _ in range(3):
        for _ in range(10):
            stage.access.publish(route, Record(b"x", NO_ADDRESS))
        stage.wait(5000)
    shown = peer.gets("/api/queues/%2F/q?msg_rates_age=60&msg_rates_incr=5&lengths_age=60&lengths_incr=5")
    stats = shown["message_stats"]
    assert stats["publish"] == 30 and stats["publish_details"]["rate"] == 2.0
    assert stats["deliver_get"] == 0 and set(stats) >= {
        "ack",
        "deliver",
        "deliver_no_ack",
        "get",
        "redeliver",
    }
    samples = stats["publish_details"]["samples"]
    assert [sample["sample"] for sample in samples] == [30, 20, 10, 0]
    times = [sample["timestamp"] for sample in samples]
    assert times == sorted(times, reverse=True) and times[0] - times[1] == 5000
    assert stats["publish_details"]["avg_rate"] == 2.0 and stats["publish_details"]["avg"] == 15
    assert (shown["messages"], shown["messages_details"]["rate"]) == (30, 2.0)
    assert [sample["sample"] for sample in shown["messages_details"]["samples"]] == [30, 20, 10, 0]
    overview = peer.gets("/api/overview")
    assert overview["message_stats"]["publish"] == 30 and overview["queue_totals"]["messages"] == 30
    assert peer.gets("/api/exchanges/%2F/amq.default")["message_stats"]["publish_in"] == 30
    for query in ("lengths_age=6000000&lengths_incr=1", "lengths_age=5&lengths_incr=0"):
        refused = peer.asks("GET", f"/api/queues?{query}")
        assert refused.status == 400 and refused.json["error"] == "invalid_range_parameters"


def test_lists_without_statistics(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/queues/%2F/q", {})
    (bare,) = peer.gets("/api/queues?disable_stats=true")
    assert "messages" not in bare and "message_stats" not in bare
    (totals,) = peer.gets("/api/queues?disable_stats=true&enable_queue_totals=true")
    assert totals["messages"] == 0 and "consumers" not in totals


def test_lists_are_sorted_filtered_and_cut(stage: RabbitStage, peer: Peer) -> None:
    for name in ("b1", "a2", "B3", "c4"):
        peer.asks("PUT", f"/api/queues/%2F/{name}", {})

    def names(query: str) -> list[str]:
        return [item["name"] for item in peer.gets(f"/api/queues?columns=name&{query}")]

    assert names("") == ["B3", "a2", "b1", "c4"]
    assert names("sort=name&sort_reverse=true") == ["c4", "b1", "a2", "B3"]
    page = peer.gets("/api/queues?page=2&page_size=3&columns=name")
    assert page == {
        "filtered_count": 4,
        "item_count": 1,
        "items": [{"name": "c4"}],
        "page": 2,
        "page_count": 2,
        "page_size": 3,
        "total_count": 4,
    }
    page = peer.gets("/api/queues?page=1&name=b&columns=name")
    assert [item["name"] for item in page["items"]] == ["B3", "b1"] and page["total_count"] == 4
    page = peer.gets("/api/queues?page=1&name=[ac]&use_regex=true&columns=name")
    assert page["filtered_count"] == 2
    for expression, expected in (("^B\\d$", ["B3", "b1"]), ("3$", ["B3"]), ("B.*|zz", ["B3", "b1"])):
        path = f"/api/queues?page=1&name={quote(expression, safe='')}&use_regex=true&columns=name"
        assert [item["name"] for item in peer.gets(path)["items"]] == expected


def test_an_expression_of_anybody_cannot_hold_up_the_broker(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/queues/%2F/" + "a" * 200 + "b", {})
    page = peer.gets("/api/queues?page=1&name=(a%2B)%2B%24&use_regex=true&columns=name")
    assert page["filtered_count"] == 0


# Messages.


def test_a_message_above_amqps_limit(stage: RabbitStage) -> None:
    stage.message_bytes_max = 10
    other = stage.connect()
    other.asks("PUT", "/api/queues/%2F/q", {"durable": True})
    message = {"properties": {}, "routing_key": "q", "payload_encoding": "string"}
    path = "/api/exchanges/%2F/amq.default/publish"
    assert other.asks("POST", path, {**message, "payload": "x" * 10}).json == {"routed": True}
    answer = other.asks("POST", path, {**message, "payload": "x" * 11})
    assert answer.status == 400
    assert (
        answer.json["reason"]
        == "406 PRECONDITION_FAILED - message size 11 is larger than configured max size 10"
    )


def test_a_message_keeps_its_properties(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/queues/%2F/q", {"durable": True})
    properties = {
        "content_type": "text/plain",
        "headers": {"text": "x", "number": 2**40, "list": [1, "a"], "table": {"deep": 1.5}, "yes": True},
        "delivery_mode": 2,
        "priority": 3,
        "correlation_id": "c",
        "timestamp": 5,
        "message_id": "m",
    }
    published = {
        "routing_key": "q",
        "payload": "hällo",
        "payload_encoding": "string",
        "properties": properties,
    }
    assert peer.asks("POST", "/api/exchanges/%2F/amq.default/publish", published).json == {"routed": True}
    wanted = {"count": 2, "ackmode": "ack_requeue_false", "encoding": "auto"}
    (got,) = peer.asks("POST", "/api/queues/%2F/q/get", wanted).json
    assert got["properties"] == properties and got["payload"] == "hällo" and got["payload_bytes"] == 6
    assert (got["redelivered"], got["exchange"], got["routing_key"], got["message_count"]) == (
        False,
        "",
        "q",
        0,
    )


@pytest.mark.parametrize(
    ("mode", "left", "dead"),
    [
        ("ack_requeue_false", 0, 0),
        ("ack_requeue_true", 2, 0),
        ("reject_requeue_true", 2, 0),
        ("reject_requeue_false", 0, 2),
    ],
)
def test_what_becomes_of_what_was_got(
    stage: RabbitStage, peer: Peer, mode: str, left: int, dead: int
) -> None:
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    peer.asks("PUT", "/api/queues/%2F/dead", {})
    peer.asks("PUT", "/api/queues/%2F/q", {"arguments": arguments})
    for value in (b"\xff\xfe\xfd", b"text"):
        stage.access.publish(stage.access.route("", "q"), Record(value, NO_ADDRESS))
    asked = {"count": 5, "ackmode": mode, "encoding": "auto", "truncate": 2}
    first, second = peer.asks("POST", "/api/queues/%2F/q/get", asked).json
    assert base64.b64decode(first["payload"]) == b"\xff\xfe" and first["payload_encoding"] == "base64"
    assert (second["payload"], second["payload_bytes"], second["message_count"]) == ("te", 4, 0)
    assert peer.gets("/api/queues/%2F/q")["messages_ready"] == left
    assert peer.gets("/api/queues/%2F/dead")["messages_ready"] == dead


def test_a_message_that_waits_for_the_disk_is_waited_for() -> None:
    from unit.heads.amqp091.playbook import SlowDisk

    disk = SlowDisk()
    stage = RabbitStage(disk)
    peer = stage.connect()
    assert peer.asks("PUT", "/api/queues/%2F/q", {"durable": True}).status == 201
    disk.syncs = False
    stage.access.publish(stage.access.route("", "q"), Record(b"later", NO_ADDRESS))
    stage.turn()
    asked = {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"}
    peer.sends("POST", "/api/queues/%2F/q/get", asked)
    peer.feeds(peer.encoded("GET", "/api/whoami"))
    stage.turn()
    assert peer.hears() == []
    disk.syncs = True
    stage.turn()
    stage.turn()
    got, who = peer.hears()
    assert got.json[0]["payload"] == "later" and who.json["name"] == "guest"
    # One whose connection breaks meanwhile leaves the message where it is.
    disk.syncs = False
    stage.access.publish(stage.access.route("", "q"), Record(b"kept", NO_ADDRESS))
    other = stage.connect()
    other.sends("POST", "/api/queues/%2F/q/get", asked)
    other.leaves()
    disk.syncs = True
    stage.turn()
    assert peer.gets("/api/queues/%2F/q")["messages_ready"] == 1


def test_topics_and_foreign_records_are_queues_too(stage: RabbitStage, peer: Peer) -> None:
    stage.access.topics.create("events", 2, {})
    stage.access.topics.find("events").partitions[0].append_batches(batch([b"one"], START_MS))
    stage.turn()
    (shown,) = peer.gets("/api/queues")
    assert (shown["name"], shown["type"], shown["messages"]) == ("events", "stream", 1)
    for path in ("/api/queues/%2F/events", "/api/queues/%2F/events/contents"):
        refused = peer.asks("DELETE", path)
        assert refused.status == 400 and "is a topic" in refused.json["reason"]
    definitions = peer.gets("/api/definitions")
    assert definitions["queues"][0]["arguments"] == {"x-queue-type": "stream"}
    asked = {"count": 5, "ackmode": "ack_requeue_false", "encoding": "auto"}
    (got,) = peer.asks("POST", "/api/queues/%2F/events/get", asked).json
    assert got["payload"] == "one" and got["properties"]["timestamp"] == START_MS // 1000


# Connections.


def test_connections_channels_consumers(stage: RabbitStage, peer: Peer) -> None:
    view, channel = stage.application_peer()
    operator = Profile("HTTP", "guest")
    operator.operates = True
    stage.peers_shown.add(operator, 50002)
    kafka = Profile("Kafka", "somebody", "/", "producer-1")
    stage.peers_shown.add(kafka, 50003)
    first, second = peer.gets("/api/connections")
    assert first["name"] == "127.0.0.1:50001 -> 127.0.0.1:5672" and first["user_provided_name"] == "billing"
    assert (second["protocol"], second["channels"]) == ("Kafka", 0)
    assert peer.gets("/api/overview")["object_totals"]["connections"] == 2
    path = "/api/connections/127.0.0.1%3A50001%20-%3E%20127.0.0.1%3A5672"
    assert peer.gets(path)["recv_oct"] == 100 and peer.gets(path + "/channels")[0]["number"] == 1
    view.received_bytes += 4000
    stage.wait(2000)
    assert peer.gets(path)["recv_oct_details"]["rate"] == 2000.0
    (shown,) = peer.gets("/api/channels")
    assert (shown["prefetch_count"], shown["messages_unacknowledged"]) == (10, 2)
    assert shown["message_stats"]["deliver"] == 3
    one = peer.gets("/api/channels/127.0.0.1%3A50001%20-%3E%20127.0.0.1%3A5672%20%281%29")
    assert one["consumer_details"][0]["consumer_tag"] == "ctag"
    (consumer,) = peer.gets("/api/consumers/%2F")
    assert consumer["queue"] == {"name": "orders", "vhost": "/"} and consumer["prefetch_count"] == 10
    assert [item["user"] for item in peer.gets("/api/connections/username/somebody")] == ["somebody"]
    # Closing: with RabbitMQ's words, or with those of the operator.
    assert peer.asks("DELETE", path).status == 204
    assert peer.asks("DELETE", path, headers={"X-Reason": "too loud"}).status == 204
    assert stage.peers_shown.closed == [(1, "Closed via management plugin"), (1, "too loud")]
    assert peer.asks("DELETE", "/api/connections/username/somebody").status == 204
    assert stage.peers_shown.closed[-1] == (3, "Closed via management plugin")
    assert channel.counters.delivered == 3


def test_others_connections_are_for_monitors(stage: RabbitStage, peer: Peer) -> None:
    stage.application_peer()
    peer.asks("PUT", "/api/users/m", {"password": "m", "tags": "management"})
    peer.asks("PUT", "/api/permissions/%2F/m", {"configure": "", "write": "", "read": ""})
    assert peer.asks("GET", "/api/connections", login="m:m").json == []
    path = "/api/connections/127.0.0.1%3A50001%20-%3E%20127.0.0.1%3A5672"
    assert peer.asks("GET", path, login="m:m").status == 401
    assert peer.asks("DELETE", path, login="m:m").status == 401 and not stage.peers_shown.closed
    peer.asks("PUT", "/api/users/m", {"password": "m", "tags": "monitoring"})
    assert len(peer.asks("GET", "/api/connections", login="m:m").json) == 1
    assert peer.asks("DELETE", path, login="m:m").status == 401, "looking is not closing"


def test_an_exclusive_queue_names_its_connection(stage: RabbitStage, peer: Peer) -> None:
    view, _ = stage.application_peer()
    view.profile.exclusive_queues = ["mine"]
    stage.access.queues.declare("mine", QueueSettings(durable=False, exclusive=True))
    shown = peer.gets("/api/queues/%2F/mine")
    assert shown["exclusive"] and shown["owner_pid_details"]["peer_port"] == 50001


# Bindings.


def test_bindings_are_named_by_their_properties() -> None:
    plain = BindingView("/", "e", "q", True, "a/b c~d", {})
    for given in ("a%2Fb+c%7Ed", "a/b c~d", "a%2Fb%20c%7Ed"):
        assert is_meant(plain, given) == (given != "a/b c~d") or given == "a/b c~d"
    assert is_meant(BindingView("/", "e", "q", True, "", {}), "~")
    with_arguments = BindingView("/", "e", "q", True, "k", {"x": 1})
    other_arguments = BindingView("/", "e", "q", True, "k", {"x": 2})
    from onemq.heads.management.rabbitmq.bindings import properties_key

    assert is_meant(with_arguments, properties_key(with_arguments))
    assert not is_meant(other_arguments, properties_key(with_arguments))
    assert not is_meant(with_arguments, "k") and not is_meant(plain, "~")


# Definitions.


def test_definitions_go_out_and_come_in(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/vhosts/v", {"description": "d", "tags": "t"})
    peer.asks("PUT", "/api/users/u", {"password": "p", "tags": "monitoring"})
    peer.asks("PUT", "/api/user-limits/u/max-connections", {"value": 5})
    peer.asks("PUT", "/api/permissions/v/u", {"configure": "^a", "write": "^b", "read": "^c"})
    topic = {"exchange": "amq.topic", "write": "^w", "read": "^r"}
    peer.asks("PUT", "/api/topic-permissions/v/u", topic)
    peer.asks("PUT", "/api/vhost-limits/v/max-queues", {"value": 50})
    peer.asks("PUT", "/api/policies/v/p", {"pattern": "^q", "definition": {"max-length": 5}, "priority": 2})
    peer.asks("PUT", "/api/operator-policies/v/o", {"pattern": "^q", "definition": {"max-length": 3}})
    peer.asks("PUT", "/api/global-parameters/cluster_name", {"value": "home"})
    peer.asks("PUT", "/api/queues/v/q", {"durable": True, "arguments": {"x-queue-type": "quorum"}})
    peer.asks("PUT", "/api/exchanges/v/x", {"type": "topic", "durable": True})
    peer.asks("POST", "/api/bindings/v/e/x/q/q", {"routing_key": "k", "arguments": {"a": 1}})
    peer.asks("POST", "/api/bindings/v/e/x/e/amq.fanout", {"routing_key": "f"})
    exported = peer.gets("/api/definitions")
    other = RabbitStage()
    fresh = other.connect()
    assert fresh.asks("POST", "/api/definitions", exported).status == 204
    assert fresh.gets("/api/definitions") == exported
    assert fresh.gets("/api/queues/v/q")["effective_policy_definition"] == {"max-length": 3}
    assert fresh.gets("/api/queues/v/q")["operator_policy"] == "o"
    assert fresh.asks("POST", "/api/definitions", exported).status == 204, "once more changes nothing"
    assert fresh.gets("/api/definitions") == exported
    of_vhost = peer.gets("/api/definitions/v")
    assert "users" not in of_vhost and all("vhost" not in entry for entry in of_vhost["queues"])
    fresh.asks("PUT", "/api/vhosts/copy")
    assert fresh.asks("POST", "/api/definitions/copy", of_vhost).status == 204
    assert [queue["name"] for queue in fresh.gets("/api/queues/copy")] == ["q"]
    download = peer.asks("GET", "/api/definitions?download=my%20file.json")
    assert download.headers["content-disposition"] == 'attachment; filename="myfile.json"'


def test_an_import_says_what_is_wrong(peer: Peer) -> None:
    queue = {"name": "q", "vhost": "/", "durable": True, "arguments": {"x-max-length": "many"}}
    refused = peer.asks("POST", "/api/definitions", {"queues": [queue]})
    assert refused.status == 400 and "queue 'q'" in refused.json["reason"]
    assert peer.asks("POST", "/api/definitions", {"queues": {}}).status == 400
    assert peer.asks("POST", "/api/definitions", {"queues": [1]}).status == 400


# Health.


def test_health_checks_fail_when_something_is_short(stage: RabbitStage, peer: Peer) -> None:
    assert peer.gets("/api/health/checks/alarms") == {"status": "ok"}
    stage.node.now.memory_alarm = True
    stage.node.now.disk_alarm = True
    failed = peer.asks("GET", "/api/health/checks/alarms")
    assert failed.status == 503 and [alarm["resource"] for alarm in failed.json["alarms"]] == [
        "memory",
        "disk",
    ]
    expires = "/api/health/checks/certificate-expiration/2/weeks"
    assert peer.gets(expires) == {"status": "ok"}
    stage.node.certificate_ends = START_MS + 86_400_000
    assert peer.asks("GET", expires).status == 503
    assert peer.gets("/api/health/checks/certificate-expiration/0/days") == {"status": "ok"}
    assert peer.asks("GET", "/api/health/checks/certificate-expiration/1/eons").status == 400
    assert peer.gets("/api/health/checks/port-listener/5672")["port"] == 5672
    assert peer.asks("GET", "/api/health/checks/port-listener/x").status == 400
    missing = peer.asks("GET", "/api/health/checks/protocol-listener/mqtt")
    assert missing.status == 503 and missing.json["missing"] == "mqtt"


def test_aliveness_takes_its_message_with_it(peer: Peer) -> None:
    for _ in range(2):
        assert peer.gets("/api/aliveness-test/%2F") == {"status": "ok"}
    assert peer.gets("/api/queues/%2F/aliveness-test")["messages"] == 0


# Who may what.


def test_monitors_look_everywhere_and_change_nothing(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/users/m", {"password": "m", "tags": "monitoring"})
    peer.asks("PUT", "/api/queues/%2F/q", {})

    def watching(method: str, path: str, body: object = None) -> int:
        return peer.asks(method, path, body, "m:m").status

    assert watching("GET", "/api/queues/%2F/q") == watching("GET", "/api/nodes") == 200
    assert watching("GET", f"/api/nodes/{NODE}/memory") == 200
    assert watching("DELETE", "/api/queues/%2F/q") == watching("PUT", "/api/queues/%2F/z", {}) == 401
    assert watching("DELETE", "/api/queues/%2F/q/contents") == 401
    assert watching("GET", "/api/definitions") == watching("GET", "/api/users") == 401
    peer.asks("PUT", "/api/users/n", {"password": "n", "tags": ""})
    refused = peer.asks("GET", "/api/overview", login="n:n")
    assert refused.status == 401 and refused.json["reason"] == "Not management user"


def test_one_user_sees_what_is_his(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/vhosts/theirs")
    peer.asks("PUT", "/api/queues/theirs/q", {})
    peer.asks("PUT", "/api/queues/%2F/own", {})
    peer.asks("PUT", "/api/users/m", {"password": "m", "tags": "management"})
    peer.asks("PUT", "/api/permissions/%2F/m", {"configure": "", "write": "", "read": ""})
    assert [queue["name"] for queue in peer.gets("/api/queues", "m:m")] == ["own"]
    assert [vhost["name"] for vhost in peer.gets("/api/vhosts", "m:m")] == ["/"]
    overview = peer.gets("/api/overview", "m:m")
    assert overview["object_totals"]["queues"] == 1 and overview["listeners"] == []


class _Got(GetWaiter):
    def got(self, result: GetResult | None) -> None:
        self.result = result


def test_purge_leaves_what_is_out(stage: RabbitStage, peer: Peer) -> None:
    peer.asks("PUT", "/api/queues/%2F/q", {})
    for value in (b"1", b"2", b"3"):
        stage.access.publish(stage.access.route("", "q"), Record(value, NO_ADDRESS))
    stage.turn()
    waiter = _Got()
    stage.access.get("q", RecordingSink(), False, waiter)
    assert waiter.result is not None
    assert peer.asks("DELETE", "/api/queues/%2F/q/contents").status == 204
    shown = peer.gets("/api/queues/%2F/q")
    assert (shown["messages_ready"], shown["messages_unacknowledged"]) == (0, 1)
    operator = stage.broker.access(Principal("x", []), "/", all_rights())
    assert operator.inspection.queue("q").leased == 1


def test_bindings_of_exchanges(peer: Peer) -> None:
    peer.asks("PUT", "/api/queues/%2F/q", {})
    peer.asks("POST", "/api/bindings/%2F/e/amq.topic/q/q", {"routing_key": "a.#"})
    peer.asks("POST", "/api/bindings/%2F/e/amq.topic/e/amq.fanout", {"routing_key": "b"})
    source = peer.gets("/api/exchanges/%2F/amq.topic/bindings/source")
    assert [(item["destination"], item["destination_type"]) for item in source] == [
        ("q", "queue"),
        ("amq.fanout", "exchange"),
    ]
    (destination,) = peer.gets("/api/exchanges/%2F/amq.fanout/bindings/destination")
    assert destination["source"] == "amq.topic" and destination["properties_key"] == "b"
    (default,) = peer.gets("/api/exchanges/%2F/amq.default/bindings/source")
    assert (default["source"], default["routing_key"]) == ("", "q")
    own = peer.gets("/api/queues/%2F/q/bindings")
    assert [item["properties_key"] for item in own] == ["q", "a.%23"]
    for path in ("exchanges/%2F/absent/bindings/source", "queues/%2F/absent/bindings"):
        assert peer.asks("GET", f"/api/{path}").status == 404


def test_permissions_by_vhost(peer: Peer) -> None:
    topic = {"exchange": "amq.topic", "write": "^w", "read": "^r"}
    assert peer.asks("PUT", "/api/topic-permissions/%2F/guest", topic).status == 201
    (granted,) = peer.gets("/api/vhosts/%2F/permissions")
    assert (granted["user"], granted["configure"]) == ("guest", ".*")
    assert peer.gets("/api/vhosts/%2F/topic-permissions") == [{"user": "guest", "vhost": "/", **topic}]
    assert peer.asks("GET", "/api/vhosts/absent/permissions").status == 404


def test_checks_of_clusters(peer: Peer) -> None:
    for check in ("node-is-mirror-sync-critical", "node-is-quorum-critical"):
        assert peer.gets(f"/api/health/checks/{check}")["reason"] == "single node cluster"
    assert peer.gets("/api/health/checks/virtual-hosts") == {"status": "ok"}


def test_small_paths(peer: Peer) -> None:
    assert peer.gets("/api/extensions") == []
    assert peer.gets("/api/deprecated-features") == peer.gets("/api/deprecated-features/used") == []
    assert peer.gets(f"/api/nodes/{NODE}/memory") == {"memory": "not_available"}
    assert peer.asks("GET", "/api/auth", login="").status == 401
    assert {flag["state"] for flag in peer.gets("/api/feature-flags")} == {"enabled"}
    assert peer.asks("PUT", "/api/feature-flags/quorum_queue/enable", {}).status == 204


def test_a_long_list_leaves_turns_to_others(stage: RabbitStage, peer: Peer) -> None:
    for number in range(2 * SLICE + 50):
        stage.access.queues.declare(f"q{number:03}", QueueSettings())
    stage.turn()
    peer.feeds(peer.encoded("GET", "/api/queues?columns=name"))
    assert peer.hears() == [], "the first part is made at once"
    stage.access.queues.delete("q449")
    other = stage.connect()
    other.feeds(other.encoded("GET", "/api/whoami"))
    assert other.hears_one().status == 200
    stage.turn()
    found = peer.hears_one().json
    assert len(found) == 2 * SLICE + 49, "what has gone meanwhile is left out"
    # One page is made at once, however long the list is.
    peer.feeds(
        peer.encoded("GET", "/api/queues?page=2&page_size=100&columns=name&sort=name&sort_reverse=true")
    )
    page = peer.hears_one().json
    assert page["items"][0] == {"name": "q348"} and page["total_count"] == 2 * SLICE + 49
    # Whoever leaves is not waited for, and a stopping broker answers with what it has.
    leaving = stage.connect()
    leaving.feeds(leaving.encoded("GET", "/api/queues"))
    leaving.leaves()
    peer.feeds(peer.encoded("GET", "/api/queues?columns=name"))
    peer.conversation.drain("shutdown")
    stage.turn()
    assert len(peer.hears_one().json) == SLICE


ODD_BODIES: list[object] = [
    None,
    b"{",
    [],
    {},
    {
        "value": None,
        "name": 5,
        "users": 5,
        "action": 5,
        "tags": 5,
        "password": 5,
        "pattern": 5,
        "definition": [],
    },
    {
        "value": {"deep": [{}]},
        "name": "ü",
        "users": [None],
        "tags": "",
        "password_hash": "not base64",
        "configure": 1,
        "write": None,
        "read": "(",
        "exchange": [],
        "pattern": "(",
        "definition": {"max-length": -1},
        "priority": "x",
        "apply-to": 5,
        "type": 5,
        "durable": "maybe",
        "arguments": {"x-max-length": -5, "x": None},
        "routing_key": 5,
        "metadata": [],
        "description": 5,
        "queues": [{"name": 5, "vhost": "/"}],
        "bindings": [{"source": "", "vhost": "/", "destination": ""}],
    },
    {
        "routing_key": "k" * 300,
        "properties": {"headers": {"a" * 300: 1}, "priority": 256},
        "payload": "\ud800",
        "payload_encoding": "string",
        "count": 10**30,
        "ackmode": "ack_requeue_true",
        "encoding": "auto",
        "truncate": -5,
        "value": 10**30,
        "tags": ["a"] * 200,
        "password": "p",
        "configure": "",
        "write": "",
        "read": "",
        "exchange": "",
    },
]


@pytest.mark.slow
@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_nothing_that_is_asked_is_a_bug(body: object) -> None:
    """Every route with names that are there, that are not, and that are none."""
    stage = RabbitStage()
    stage.application_peer()
    peer = stage.connect()
    peer.asks("PUT", "/api/queues/%2F/orders", {"durable": True})
    peer.asks("PUT", "/api/users/root", {"password": "root", "tags": "administrator"})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    assert peer.asks("PUT", "/api/permissions/%2F/root", everything).status == 201
    (area,) = stage.areas(stage)
    queries = ("", "?page=1&sort=name&columns=name,a.b&lengths_age=60&lengths_incr=5&if-unused=x")
    for route in area.routes.routes:
        for fill in ("%2F", "orders", "guest", "absent", "amq.topic", "%C3%BC", "5", "~"):
            vhost = "%2F" if fill != "absent" else "absent"
            path = re.sub(r"\{vhost\}", vhost, route.template)
            path = re.sub(r"\{\w+\}", fill, path)
            for query in queries:
                answer = peer.asks(route.method, path + query, body, "root:root")
                assert answer.status != 401 or "login" not in answer.json["reason"].lower()
                assert 200 <= answer.status < 500 or answer.status == 503, (
                    route.method,
                    path,
                    query,
                    body,
                    answer,
                )
                if answer.body and answer.status not in (405,):
                    json.loads(answer.body)


def test_names_that_are_no_text_are_shown_all_the_same(stage: RabbitStage, peer: Peer) -> None:
    odd = b"q\xff".decode("utf-8", "surrogateescape")
    stage.access.queues.declare(odd, QueueSettings(arguments={"x-odd": odd}))
    stage.access.exchanges.bind_queue(odd, "amq.topic", odd, {})
    stage.turn()
    shown = "Invalid UTF-8, base64 is: cf8="
    (queue,) = peer.gets("/api/queues")
    assert queue["name"] == shown and queue["arguments"] == {"x-odd": shown}
    assert peer.gets("/api/bindings")[1]["routing_key"] == shown
    assert peer.gets("/api/definitions")["queues"][0]["name"] == shown
    body = b'{"type": "\\ud800"}'
    refused = peer.asks("PUT", "/api/exchanges/%2F/x", body)
    assert refused.status == 400
