"""rabbitmqadmin (v1, as RabbitMQ ships it): lists, declares, deletes, publishes, gets, purges, closes, exports and imports."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import boto3
import pika
import pytest
from confluent_kafka import Producer

from broker_process import BrokerProcess
from clients.management.conftest import Admin

LISTS = (
    "users",
    "vhosts",
    "connections",
    "exchanges",
    "bindings",
    "permissions",
    "channels",
    "parameters",
    "consumers",
    "queues",
    "policies",
    "operator_policies",
    "nodes",
    "vhost_limits",
)


@pytest.mark.parametrize("kind", LISTS)
def test_everything_that_it_lists_is_listed(admin: Admin, amqp: pika.BlockingConnection, kind: str) -> None:
    channel = amqp.channel()
    channel.queue_declare("listed", durable=True)
    channel.basic_consume("listed", lambda *_: None, consumer_tag="listener")
    assert isinstance(admin.json("list", kind), list)
    assert admin("list", kind).strip()


def test_the_overview(admin: Admin) -> None:
    (shown,) = admin.json("show", "overview")
    assert shown["product_name"] == "onemq" and shown["object_totals"]["exchanges"] >= 6
    assert "rabbitmq_version" in admin("-f", "long", "show", "overview")


def test_a_queue_from_its_declaration_to_its_end(admin: Admin) -> None:
    assert "queue declared" in admin(
        "declare",
        "queue",
        "name=life",
        "durable=true",
        'arguments={"x-max-length": 10, "x-queue-type": "quorum"}',
    )
    (queue,) = [queue for queue in admin.json("list", "queues") if queue["name"] == "life"]
    assert (queue["type"], queue["durable"], queue["arguments"]["x-max-length"]) == ("quorum", True, 10)
    assert "inequivalent arg" in admin.refused("declare", "queue", "name=life", "durable=true")
    assert "Message published" in admin(
        "publish", "routing_key=life", "payload=hello", 'properties={"message_id": "7"}'
    )
    assert "NOT routed" in admin("publish", "routing_key=nowhere", "payload=hello")
    (got,) = admin.json("get", "queue=life", "ackmode=ack_requeue_true")
    assert (got["payload"], got["redelivered"], got["properties"]["message_id"]) == ("hello", False, "7")
    (got,) = admin.json("get", "queue=life", "ackmode=ack_requeue_true")
    assert got["redelivered"]
    assert "hello" in admin("get", "queue=life", "ackmode=ack_requeue_false")
    assert "No items" in admin("get", "queue=life")
    for _ in range(3):
        admin("publish", "routing_key=life", "payload=again")
    assert "queue purged" in admin("purge", "queue", "name=life")
    assert admin.json("list", "queues", "name", "messages")[0]["messages"] is not None
    assert "No items" in admin("get", "queue=life")
    assert "queue deleted" in admin("delete", "queue", "name=life")
    assert "Not found" in admin.refused("delete", "queue", "name=life")


def test_a_file_goes_through_a_queue(admin: Admin, tmp_path: Path) -> None:
    admin("declare", "queue", "name=files")
    target = tmp_path / "payload"
    admin("publish", "routing_key=files", "payload=contents")
    admin("get", "queue=files", f"payload_file={target}", "ackmode=ack_requeue_false")
    assert target.read_text(encoding="utf-8") == "contents"


def test_exchanges_and_bindings(admin: Admin) -> None:
    admin("declare", "exchange", "name=news", "type=topic")
    admin("declare", "exchange", "name=all-news", "type=fanout", "durable=false", "auto_delete=false")
    admin("declare", "queue", "name=sport")
    binding = ["source=news", "destination=sport", "destination_type=queue"]
    admin("declare", "binding", *binding, "routing_key=sport.#")
    admin("declare", "binding", *binding, "routing_key=sport.#", 'arguments={"why": "twice"}')
    admin(
        "declare",
        "binding",
        "source=news",
        "destination=all-news",
        "destination_type=exchange",
        "routing_key=#",
    )
    admin("publish", "exchange=news", "routing_key=sport.ski", "payload=won")
    assert [got["payload"] for got in admin.json("get", "queue=sport", "ackmode=ack_requeue_false")] == [
        "won"
    ]
    keys = [
        found["properties_key"]
        for found in admin.json("list", "bindings")
        if found["source"] == "news" and found["destination"] == "sport"
    ]
    assert len(keys) == 2 and keys[0] == "sport.%23" and keys[1].startswith("sport.%23~")
    for key in keys:
        assert "binding deleted" in admin("delete", "binding", *binding, f"properties_key={key}")
    left = [found for found in admin.json("list", "bindings") if found["source"] == "news"]
    assert [found["destination"] for found in left] == ["all-news"]
    assert "unknown exchange type" in admin.refused("declare", "exchange", "name=x", "type=nope")
    for name in ("news", "all-news"):
        admin("delete", "exchange", f"name={name}")
    assert "news" not in [exchange["name"] for exchange in admin.json("list", "exchanges")]


def test_vhosts_users_permissions_and_limits(admin: Admin, as_user: Callable[[str], Admin]) -> None:
    admin("declare", "vhost", "name=shop")
    admin("declare", "user", "name=clerk", "password=clerk", "tags=management")
    admin("declare", "permission", "vhost=shop", "user=clerk", "configure=^till", "write=.*", "read=.*")
    clerk = as_user("clerk")
    assert [vhost["name"] for vhost in clerk.json("list", "vhosts")] == ["shop"]
    clerk("-V", "shop", "declare", "queue", "name=till-1")
    assert "Access refused" in clerk.refused("-V", "shop", "declare", "queue", "name=safe")
    for denied in (("-V", "/", "list", "queues"), ("list", "users")):
        assert "Access refused" in clerk.refused(*denied)
    assert [queue["name"] for queue in clerk.json("list", "queues")] == ["till-1"]
    admin("declare", "vhost_limit", "vhost=shop", "name=max-queues", "value=1")
    assert "limit" in clerk.refused("-V", "shop", "declare", "queue", "name=till-2")
    assert admin.json("list", "vhost_limits") == [{"vhost": "shop", "value": {"max-queues": 1}}]
    admin("delete", "vhost_limit", "vhost=shop", "name=max-queues")
    admin("delete", "permission", "vhost=shop", "user=clerk")
    admin("delete", "user", "name=clerk")
    assert "Access refused" in clerk.refused("list", "queues")
    admin("delete", "vhost", "name=shop")
    assert "shop" not in [vhost["name"] for vhost in admin.json("list", "vhosts")]


def test_policies_and_parameters(admin: Admin) -> None:
    admin("declare", "queue", "name=ruled")
    admin(
        "declare",
        "policy",
        "name=short",
        "pattern=^ruled$",
        'definition={"max-length": 2}',
        "apply-to=queues",
    )
    admin("declare", "operator_policy", "name=shorter", "pattern=^ruled$", 'definition={"max-length": 1}')
    (queue,) = [queue for queue in admin.json("list", "queues") if queue["name"] == "ruled"]
    assert (queue["policy"], queue["operator_policy"]) == ("short", "shorter")
    assert queue["effective_policy_definition"] == {"max-length": 1}
    for number in range(3):
        admin("publish", "routing_key=ruled", f"payload={number}")
    assert [got["payload"] for got in admin.json("get", "queue=ruled", "count=5")] == ["2"]
    assert "not recognised" in admin.refused(
        "declare", "policy", "name=bad", "pattern=.*", 'definition={"nope": 1}'
    )
    admin("declare", "parameter", "component=ours", "name=one", 'value={"a": 1}')
    parameters = {found["component"]: found["value"] for found in admin.json("list", "parameters")}
    assert parameters["ours"] == {"a": 1} and parameters["operator_policy"]["pattern"] == "^ruled$"
    admin("delete", "parameter", "component=ours", "name=one")
    admin("delete", "policy", "name=short")
    admin("delete", "operator_policy", "name=shorter")
    assert admin.json("list", "policies") == []


def test_closing_a_connection_is_told_to_its_client(
    admin: Admin, amqp: pika.BlockingConnection, client_name: str
) -> None:
    amqp.channel().queue_declare("", exclusive=True)
    (connection,) = [
        found for found in admin.json("list", "connections") if found.get("user_provided_name") == client_name
    ]
    assert connection["channels"] == 1 and connection["state"] == "running"
    assert "connection closed" in admin("close", "connection", f"name={connection['name']}")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        while True:
            amqp.process_data_events(1)
    assert (closed.value.reply_code, closed.value.reply_text) == (
        320,
        "CONNECTION_FORCED - Closed via management plugin",
    )
    assert "Not found" in admin.refused("close", "connection", "name=nobody")


def test_definitions_are_exported_and_imported(admin: Admin, tmp_path: Path) -> None:
    admin("declare", "vhost", "name=moving")
    admin("-V", "moving", "declare", "queue", "name=box", 'arguments={"x-message-ttl": 60000}')
    admin("-V", "moving", "declare", "exchange", "name=street", "type=direct")
    admin("-V", "moving", "declare", "binding", "source=street", "destination=box", "routing_key=no. 7")
    whole = tmp_path / "definitions.json"
    assert "Exported definitions" in admin("export", str(whole))
    exported = json.loads(whole.read_text(encoding="utf-8"))
    assert {"users", "vhosts", "permissions", "queues", "exchanges", "bindings", "policies"} <= set(exported)
    admin("delete", "vhost", "name=moving")
    assert "Uploaded definitions" in admin("import", str(whole))
    (queue,) = admin.json("-V", "moving", "list", "queues")
    assert (queue["name"], queue["arguments"]) == ("box", {"x-message-ttl": 60000})
    admin("-V", "moving", "publish", "exchange=street", "routing_key=no. 7", "payload=book")
    assert admin.json("-V", "moving", "get", "queue=box")[0]["payload"] == "book"
    of_vhost = tmp_path / "moving.json"
    admin("-V", "moving", "export", str(of_vhost))
    assert "users" not in json.loads(of_vhost.read_text(encoding="utf-8"))
    admin("-V", "moving", "import", str(of_vhost))
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    assert "failed_to_parse_json" in admin.refused("import", str(broken))
    admin("delete", "vhost", "name=moving")


def test_what_other_protocols_made_is_there(admin: Admin, managed: BrokerProcess) -> None:
    sqs = boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{managed.ports['aws']}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    mark = uuid.uuid4().hex[:8]
    by_sqs, by_kafka = f"by-sqs-{mark}", f"by-kafka-{mark}"
    url = sqs.create_queue(QueueName=by_sqs)["QueueUrl"]
    sqs.send_message(
        QueueUrl=url,
        MessageBody="from sqs",
        MessageAttributes={"colour": {"DataType": "String", "StringValue": "blue"}},
    )
    producer = Producer({"bootstrap.servers": f"127.0.0.1:{managed.ports['kafka']}"})
    producer.produce(by_kafka, key="k", value="from kafka", headers={"colour": "red"})
    assert producer.flush(30) == 0
    queues = {queue["name"]: queue for queue in admin.json("list", "queues")}
    assert queues[by_sqs]["messages_ready"] == 1 and queues[by_kafka]["type"] == "stream"
    (got,) = admin.json("get", f"queue={by_sqs}", "ackmode=ack_requeue_false")
    assert got["payload"] == "from sqs" and got["properties"]["headers"]["colour"] == "blue"
    (got,) = admin.json("get", f"queue={by_kafka}", "ackmode=ack_requeue_false")
    assert got["payload"] == "from kafka" and got["properties"]["headers"] == {"colour": "red", "x-key": "k"}
    connections = {connection["protocol"] for connection in admin.json("list", "connections")}
    assert {"Kafka", "AWS"} <= connections
