"""export and import: ours, RabbitMQ's and ElasticMQ's; dry runs; what cannot be carried is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pika

from broker_process import BrokerProcess
from clients.cli.conftest import Cli
from onemq.model.passwords import hash_password

RABBITMQ: dict[str, Any] = {
    "rabbit_version": "3.12.0",
    "rabbitmq_version": "3.12.0",
    "users": [
        {
            "name": "USER",
            "password_hash": hash_password("secret", b"salt").encoded(),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "monitoring,management",
            "limits": {"max-connections": 7},
        },
        {
            "name": "USER.old",
            "password_hash": "AAAA",
            "hashing_algorithm": "rabbit_password_hashing_md5",
            "tags": [],
        },
    ],
    "vhosts": [{"name": "VHOST", "description": "brought"}],
    "permissions": [{"user": "USER", "vhost": "VHOST", "configure": ".*", "write": ".*", "read": "^o"}],
    "topic_permissions": [
        {"user": "USER", "vhost": "VHOST", "exchange": "amq.topic", "write": "^a", "read": ".*"}
    ],
    "parameters": [
        {
            "component": "federation-upstream",
            "name": "up",
            "vhost": "VHOST",
            "value": {"uri": "amqp://there"},
        },
        {"component": "vhost-limits", "name": "limits", "vhost": "VHOST", "value": {"max-queues": 100}},
        {
            "component": "operator_policy",
            "name": "small",
            "vhost": "VHOST",
            "value": {"pattern": "^o", "definition": {"max-length": 99}, "apply-to": "queues", "priority": 0},
        },
    ],
    "global_parameters": [{"name": "cluster_name", "value": "rabbit@there"}],
    "policies": [
        {
            "vhost": "VHOST",
            "name": "ttl",
            "pattern": "^o",
            "apply-to": "queues",
            "priority": 1,
            "definition": {"message-ttl": 60000},
        }
    ],
    "queues": [
        {
            "name": "orders",
            "vhost": "VHOST",
            "durable": True,
            "auto_delete": False,
            "arguments": {"x-queue-type": "quorum", "x-delivery-limit": 4},
        }
    ],
    "exchanges": [
        {
            "name": "shop",
            "vhost": "VHOST",
            "type": "topic",
            "durable": True,
            "auto_delete": False,
            "internal": False,
            "arguments": {},
        },
        {
            "name": "odd",
            "vhost": "VHOST",
            "type": "x-random",
            "durable": True,
            "auto_delete": False,
            "internal": False,
            "arguments": {},
        },
    ],
    "bindings": [
        {
            "source": "shop",
            "vhost": "VHOST",
            "destination": "orders",
            "destination_type": "queue",
            "routing_key": "order.#",
            "arguments": {},
        }
    ],
}

ELASTICMQ = """
include classpath("application.conf")
node-address { host = localhost, port = 9324 }
queues {
  NAME {
    defaultVisibilityTimeout = 10 seconds
    delay = 2 seconds
    receiveMessageWait = 1 second
    deadLettersQueue { name = "NAME-dead", maxReceiveCount = 3 }
    copyTo = "NAME-audit"
    tags { team = "blue" }
  }
  NAME-dead { }
  NAME-fifo { fifo = true, contentBasedDeduplication = true }
}
queues-storage { enabled = true }
"""


def results(found: Any) -> dict[tuple[str, str], str]:
    return {(each["kind"], each["name"]): each["result"] for each in found["entities"]}


def test_rabbitmqs_definitions(onemq: Cli, name: str, tmp_path: Path, cli_broker: BrokerProcess) -> None:
    text = json.dumps(RABBITMQ).replace("VHOST", name).replace("USER", f"u{name}")
    file = tmp_path / "definitions.json"
    file.write_text(text)
    told = onemq.json("import", str(file), "--dry-run")
    assert results(told)["queue", "orders"] == "would be made"
    assert "does not exist" in onemq.fails("queues", "list", "-n", name)
    done = onemq.json("import", str(file))
    made = results(done)
    assert made["namespace", name] == "made" and made["queue", "orders"] == "made"
    assert made["binding", "shop -> orders (order.#)"] == "set"
    left = " ".join(done["not_carried"])
    assert (
        "federation-upstream" in left
        and "x-random" in left
        and "md5" in left
        and len(done["not_carried"]) == 3
    )
    parameters = pika.ConnectionParameters(
        cli_broker.host, cli_broker.port, name, pika.PlainCredentials(f"u{name}", "secret")
    )
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.queue_declare("orders", durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 4})
    channel.confirm_delivery()
    channel.basic_publish("shop", "order.made", b"m", mandatory=True)
    connection.close()
    queue = onemq.json("queues", "show", "orders", "-n", name)["queue"]
    assert (queue["policy"], queue["operator_policy"], queue["settings"]["length_max"]) == (
        "ttl",
        "small",
        99,
    )
    again = results(onemq.json("import", str(file)))
    assert again["queue", "orders"] == "there already" and again["user", f"u{name}"] == "there already"


def test_ours_there_and_back(onemq: Cli, name: str, tmp_path: Path) -> None:
    onemq.run("namespaces", "create", name)
    onemq.run(
        "queues", "create", "orders", "-n", name, "--set", "visibility=7s", "--argument", "x-max-length=5"
    )
    onemq.run("topics", "create", "events", "retention.ms=600000", "--partitions", "3", "-n", name)
    onemq.run("exchanges", "create", "shop", "--type", "fanout", "-n", name)
    onemq.run("exchanges", "bind", "shop", "orders", "-n", name)
    onemq.run("policies", "set", "p", "^o", "max-length=3", "-n", name)
    file = tmp_path / "broker.json"
    assert "wrote 1 queues" in onemq.run("export", "--this-namespace", "-n", name, "--file", str(file)).stderr
    before = json.loads(file.read_text())
    onemq.run("namespaces", "delete", name, "--yes")
    text = onemq.text("import", "-", input=file.read_text())
    assert "made" in text and "refused" not in text
    after = onemq.json("export", "--this-namespace", "-n", name)
    assert after == before
    (queue,) = after["queues"]
    assert (queue["settings"]["visibility_ms"], queue["arguments"]) == (7000, {"x-max-length": 5})
    assert onemq.json("queues", "show", "orders", "-n", name)["queue"]["settings"]["length_max"] == 3


def test_for_rabbitmqs_tools(onemq: Cli, name: str) -> None:
    onemq.run("queues", "create", name)
    found = onemq.json("export", "--form", "rabbitmq")
    assert name in [queue["name"] for queue in found["queues"]] and found["rabbit_version"]


def test_elasticmqs_settings(onemq: Cli, name: str, tmp_path: Path, sqs: Any) -> None:
    file = tmp_path / "elasticmq.conf"
    file.write_text(ELASTICMQ.replace("NAME", name))
    done = onemq.json("import", str(file))
    assert results(done) == {("queue", each): "made" for each in (name, f"{name}-dead", f"{name}-fifo.fifo")}
    left = " ".join(done["not_carried"])
    assert "copyTo" in left and "queues-storage" in left
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["DelaySeconds"]) == ("10", "2")
    policy = json.loads(attributes["RedrivePolicy"])
    assert policy["deadLetterTargetArn"].endswith(f":{name}-dead") and policy["maxReceiveCount"] == 3
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "blue"}
    fifo = sqs.get_queue_url(QueueName=f"{name}-fifo.fifo")["QueueUrl"]
    first = sqs.send_message(QueueUrl=fifo, MessageBody="once", MessageGroupId="g")
    second = sqs.send_message(QueueUrl=fifo, MessageBody="once", MessageGroupId="g")
    assert first["SequenceNumber"] == second["SequenceNumber"]


def test_what_is_refused_does_not_stop_the_rest(onemq: Cli, name: str, tmp_path: Path) -> None:
    definitions = {
        "vhosts": [],
        "queues": [{"name": name, "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}],
        "bindings": [{"source": "gone", "vhost": "/", "destination": name, "destination_type": "queue"}],
    }
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(definitions))
    done = onemq.run("import", str(file), status=1)
    assert "1 of 2 were refused" in done.stderr and "exchange 'gone' does not exist" in done.stdout
    assert onemq.json("queues", "show", name)["queue"]["ready"] == 0
    file.write_text("{ nonsense")
    assert "HOCON" in onemq.fails("import", str(file))
