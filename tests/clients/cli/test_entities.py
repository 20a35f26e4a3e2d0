"""queues, topics, groups, exchanges, connections, users, namespaces, policies: what commands make, clients find, and back."""

from __future__ import annotations

import time
from typing import Any

import pika
import pytest
from confluent_kafka.admin import AdminClient

from broker_process import BrokerProcess
from clients.cli.conftest import Cli
from clients.cli.test_messages import kafka, read_topic


def test_queues(onemq: Cli, name: str, channel: Any, sqs: Any) -> None:
    said = onemq.text("queues", "create", name, "--argument", "x-max-length=50", "--set", "visibility=5m")
    assert said == f"queue {name} is made\n"
    again = onemq.text("queues", "create", name, "--argument", "x-max-length=50")
    assert again == f"queue {name} is there already\n"
    channel.queue_declare(name, durable=True, arguments={"x-max-length": 50})
    attributes = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=["VisibilityTimeout"]
    )
    assert attributes["Attributes"]["VisibilityTimeout"] == "300"
    onemq.run("publish", name, input="1\n2\n")
    (listed,) = onemq.json("queues", "list", "--name", name)
    assert (listed["name"], listed["ready"], listed["settings"]["length_max"]) == (name, 2, 50)
    assert name in onemq.text("queues", "list")
    onemq.run("queues", "set", name, "length_max=1", "delay=2s")
    settings = onemq.json("queues", "show", name)["queue"]["settings"]
    assert (settings["length_max"], settings["delay_ms"]) == (1, 2000)
    assert "length_max" in onemq.text("queues", "show", name)
    onemq.run("queues", "set", name, "length_max=none", "delay=none")
    assert onemq.json("queues", "show", name)["queue"]["settings"]["length_max"] is None
    assert "dropped 1 messages" in onemq.text("queues", "purge", name, "--yes")
    assert "say --yes" in onemq.fails("queues", "delete", name, status=2)
    onemq.run("publish", name, "x")
    assert "is not empty" in onemq.fails("queues", "delete", name, "--yes", "--if-empty")
    assert onemq.json("queues", "delete", name, "--yes") == {"name": name, "records": 1}
    assert onemq.fails("queues", "show", name) == f"onemq: queue '{name}' does not exist\n"


def test_a_queue_of_another_kind_is_a_conflict(onemq: Cli, name: str) -> None:
    onemq.run("queues", "create", name, "--type", "quorum", "--set", "delivery_limit=3")
    said = onemq.fails("queues", "create", name)
    assert "x-queue-type" in said and "'quorum'" in said
    assert "a setting is NAME=VALUE with one of" in onemq.fails("queues", "set", name, "colour=red", status=2)


def test_topics(onemq: Cli, name: str) -> None:
    onemq.run("topics", "create", name, "retention.ms=600000", "--partitions", "2")
    admin = AdminClient(kafka(onemq))
    assert len(admin.list_topics(name, timeout=30).topics[name].partitions) == 2
    onemq.run("publish", name, "x", "--partition", "1")
    onemq.run("topics", "set", name, "retention.ms=default", "cleanup.policy=compact", "--partitions", "3")
    shown = onemq.json("topics", "show", name)
    assert shown["topic"]["configs"] == {"cleanup.policy": "compact"}
    assert [each["end_offset"] for each in shown["topic"]["partitions"]] == [0, 1, 0]
    assert "cleanup.policy=compact" in onemq.text("topics", "show", name, "--all-settings")
    (listed,) = [each for each in onemq.json("topics", "list") if each["name"] == name]
    assert (listed["records"], listed["queue"]) == (1, False)
    assert "retention.ms" in onemq.fails("topics", "set", name, "retention.ms=soon")
    onemq.run("topics", "delete", name, "--yes")
    assert "does not exist" in onemq.fails("topics", "show", name)


def test_groups(onemq: Cli, name: str) -> None:
    onemq.run("topics", "create", name)
    onemq.run("publish", name, input="1\n2\n3\n")
    assert len(read_topic(onemq, name, 3)) == 3
    group = f"{name}-group"
    shown = onemq.json("groups", "show", group)
    assert (shown["lag"], shown["members"], shown["kind"]) == (0, [], "classic")
    told = onemq.run("groups", "reset", group, "--to", "earliest", "--dry-run")
    assert "nothing was changed" in told.stderr
    assert onemq.json("groups", "show", group)["lag"] == 0
    (done,) = onemq.json("groups", "reset", group, "--to", "1", "--topic", name)["offsets"]
    assert (done["before"], done["after"]) == (3, 1)
    (listed,) = [each for each in onemq.json("groups", "list") if each["name"] == group]
    assert listed["lag"] == 2
    assert [bytes(each.value()) for each in read_topic(onemq, name, 2)] == [b"2", b"3"]
    assert name in onemq.text("groups", "show", group)
    onemq.run("groups", "delete", group, "--yes")
    assert "does not exist" in onemq.fails("groups", "show", group)


def test_exchanges(onemq: Cli, name: str, channel: Any) -> None:
    onemq.run("exchanges", "create", name, "--type", "topic")
    channel.exchange_declare(name, "topic", durable=True)
    onemq.run("queues", "create", name)
    onemq.run("exchanges", "bind", name, name, "--key", "order.#")
    channel.basic_publish(name, "order.made", b"m")
    assert onemq.text("consume", name, "--wait", "10s") == "m\n"
    (bound,) = onemq.json("exchanges", "bindings", "--to", name)
    assert (bound["source"], bound["routing_key"]) == (name, "order.#")
    shown = onemq.json("exchanges", "show", name)
    assert (shown["exchange"]["counters"]["published"], len(shown["bindings"])) == (1, 1)
    assert name in [each["name"] for each in onemq.json("exchanges", "list")]
    onemq.run("exchanges", "unbind", name, name, "--key", "order.#")
    assert onemq.json("exchanges", "bindings", "--from", name) == []
    assert "does not exist" in onemq.fails("exchanges", "unbind", name, name, "--key", "order.#")
    onemq.run("exchanges", "delete", name, "--yes")
    assert "does not exist" in onemq.fails("exchanges", "show", name)


def test_connections(onemq: Cli, name: str, cli_broker: BrokerProcess) -> None:
    parameters = pika.URLParameters(cli_broker.url)
    parameters.client_properties = {"connection_name": name}
    connection = pika.BlockingConnection(parameters)
    (mine,) = [each for each in onemq.json("connections", "list") if each["client"] == name]
    identifier = str(mine["id"])
    assert (mine["protocol"], mine["user"], mine["namespace"]) == ("AMQP 0-9-1", "guest", "/")
    assert name in onemq.text("connections", "show", identifier)
    assert name in onemq.text("connections", "list", "--operators")
    onemq.run("connections", "close", identifier, "--reason", "moving house", "--yes")
    with pytest.raises(pika.exceptions.AMQPError) as caught:
        for _ in range(300):
            connection.process_data_events(0.1)
    assert "moving house" in str(caught.value)
    assert "does not exist" in onemq.fails("connections", "show", identifier)


def test_users_and_what_they_may(onemq: Cli, name: str, cli_broker: BrokerProcess) -> None:
    onemq.run("users", "create", name, "--password-stdin", "--tag", "management", input="first\n")
    as_user = ("--user", name, "--password", "first")
    assert "is not yours to enter" in onemq.fails("peek", "q", *as_user)
    onemq.run("users", "grant", name, "--configure", "", "--write", f"^{name}", "--read", f"^{name}")
    onemq.run("queues", "create", name)
    onemq.run("publish", name, "allowed", *as_user)
    said = onemq.fails("queues", "create", f"{name}.other", *as_user)
    assert "is not yours to configure" in said and f"you are user '{name}'" in said
    onemq.run("users", "set", name, "--new-password", "second", "--tag", "monitoring")
    assert "refuses the login" in onemq.fails("peek", name, *as_user)
    connection = pika.BlockingConnection(
        pika.ConnectionParameters(
            cli_broker.host, cli_broker.port, credentials=pika.PlainCredentials(name, "second")
        )
    )
    connection.close()
    shown = onemq.json("users", "show", name)
    assert shown["user"]["tags"] == ["monitoring"]
    assert [each["write"] for each in shown["permissions"]] == [f"^{name}"]
    assert f"^{name}" in onemq.text("users", "permissions", name)
    onemq.run("users", "add-key", name, f"AKIA{name}", input="secret\n")
    assert onemq.json("users", "show", name)["user"]["access_keys"] == [f"AKIA{name}"]
    onemq.run("users", "remove-key", name, f"AKIA{name}")
    onemq.run("users", "revoke", name)
    assert onemq.json("users", "permissions", name) == []
    assert name in onemq.text("users", "list")
    onemq.run("users", "delete", name, "--yes")
    assert name not in onemq.text("users", "list")
    assert "no password" in onemq.fails("users", "create", name, status=2)


def test_namespaces(onemq: Cli, name: str, cli_broker: BrokerProcess) -> None:
    onemq.run("namespaces", "create", name, "--description", "a team's")
    onemq.run("queues", "create", "orders", "--namespace", name)
    parameters = pika.URLParameters(cli_broker.url)
    parameters.virtual_host = name
    connection = pika.BlockingConnection(parameters)
    connection.channel().queue_declare("orders", passive=True)
    connection.close()
    assert onemq.json("namespaces", "show", name)["queues"] == 1
    assert "a team's" in onemq.text("namespaces", "list")
    assert [each["name"] for each in onemq.json("queues", "list", "-n", name)] == ["orders"]
    onemq.run("namespaces", "delete", name, "--yes")
    assert "does not exist" in onemq.fails("queues", "list", "-n", name)


def test_policies(onemq: Cli, name: str) -> None:
    onemq.run("queues", "create", name)
    onemq.run("policies", "set", name, f"^{name}$", "max-length=2", "--priority", "3", "--apply-to", "queues")
    onemq.run("publish", name, input="1\n2\n3\n")
    until = time.monotonic() + 20
    while onemq.json("queues", "show", name)["queue"]["ready"] != 2 and time.monotonic() < until:
        pass
    queue = onemq.json("queues", "show", name)["queue"]
    assert (queue["ready"], queue["policy"], queue["settings"]["length_max"]) == (2, name, 2)
    (listed,) = [each for each in onemq.json("policies", "list") if each["name"] == name]
    assert (listed["definition"], listed["priority"]) == ({"max-length": 2}, 3)
    assert "is not a valid maximum length" in onemq.fails("policies", "set", name, "x", "max-length=many")
    onemq.run("policies", "delete", name, "--yes")
    assert onemq.json("queues", "show", name)["queue"]["policy"] == ""
