"""pyrabbit2 and rabbitmq-admin: libraries over RabbitMQ's management API, as programs and test suites use them."""

from __future__ import annotations

import uuid
from collections.abc import Generator

import pika
import pytest
from pyrabbit2.api import Client
from pyrabbit2.http import HTTPError
from rabbitmq_admin import AdminAPI
from requests import HTTPError as AdminError

from broker_process import BrokerProcess


@pytest.fixture
def client(managed: BrokerProcess) -> Client:
    return Client(f"127.0.0.1:{managed.ports['http']}", "guest", "guest")


@pytest.fixture
def api(managed: BrokerProcess) -> AdminAPI:
    return AdminAPI(f"http://127.0.0.1:{managed.ports['http']}", auth=("guest", "guest"))


@pytest.fixture
def vhost(client: Client) -> Generator[str, None, None]:
    name = f"vhost-{uuid.uuid4().hex[:8]}"
    client.create_vhost(name)
    yield name
    client.delete_vhost(name)


def test_who_and_what(client: Client) -> None:
    assert client.is_alive() and client.get_whoami()["name"] == "guest"
    assert client.get_overview()["product_name"] == "onemq" and client.get_cluster_name()["name"]
    assert client.get_nodes()[0]["running"] and client.get_extensions() == []


def test_queues_exchanges_and_messages(client: Client, vhost: str) -> None:
    assert client.create_queue(vhost, "jobs", durable=True, arguments={"x-max-priority": 3})
    assert client.create_exchange(vhost, "work", "topic")
    client.create_binding(vhost, "work", "jobs", "job.*")
    assert client.publish(vhost, "work", "job.print", "page 1")
    assert client.publish(vhost, "work", "job.print", "page 2", properties={"priority": 2})
    assert client.get_queue_depth(vhost, "jobs") == 2
    got = client.get_messages(vhost, "jobs", count=5)
    assert [each["payload"] for each in got] == ["page 2", "page 1"]
    assert [queue["name"] for queue in client.get_queues(vhost)] == ["jobs"]
    assert client.get_queue(vhost, "jobs")["arguments"] == {"x-max-priority": 3}
    assert "work" in [exchange["name"] for exchange in client.get_exchanges(vhost)]
    assert client.get_exchange(vhost, "work")["type"] == "topic"
    assert [each["routing_key"] for each in client.get_queue_bindings(vhost, "jobs")] == ["jobs", "job.*"]
    client.delete_binding(vhost, "work", "jobs", "job.*")
    assert [each["routing_key"] for each in client.get_queue_bindings(vhost, "jobs")] == ["jobs"]
    client.publish(vhost, "amq.default", "jobs", "page 3")
    client.purge_queue(vhost, "jobs")
    assert client.get_queue_depth(vhost, "jobs") == 0
    client.delete_queue(vhost, "jobs")
    client.delete_exchange(vhost, "work")
    with pytest.raises(HTTPError) as missing:
        client.get_queue(vhost, "jobs")
    assert missing.value.status == 404


def test_users_and_permissions(client: Client, vhost: str) -> None:
    client.create_user("rabbit", "carrot", tags="management")
    client.set_vhost_permissions(vhost, "rabbit", config=".*", rd="^$", wr=".*")
    assert client.get_permission(vhost, "rabbit")["read"] == "^$"
    assert [each["user"] for each in client.get_vhost_permissions(vhost)] == ["guest", "rabbit"]
    assert [each["vhost"] for each in client.get_user_permissions("rabbit")] == [vhost]
    client.delete_permission(vhost, "rabbit")
    client.delete_user("rabbit")
    assert "rabbit" not in [user["name"] for user in client.get_users()]


def test_policies(client: Client, vhost: str) -> None:
    policy = {"pattern": "^q", "definition": {"max-length": 5}, "priority": 1, "apply-to": "queues"}
    client.create_policy(vhost, "short", **policy)
    assert client.get_policy(vhost, "short")["definition"] == {"max-length": 5}
    assert "short" in [each["name"] for each in client.get_all_policies()]
    client.delete_policy(vhost, "short")


def test_connections_and_channels(client: Client, amqp: pika.BlockingConnection, client_name: str) -> None:
    amqp.channel().basic_qos(prefetch_count=7)
    (connection,) = [
        each for each in client.get_connections() if each.get("user_provided_name") == client_name
    ]
    assert client.get_connection(connection["name"])["user"] == "guest"
    channels = [each for each in client.get_channels() if each["name"].startswith(connection["name"])]
    assert [each["prefetch_count"] for each in channels] == [7]
    assert client.get_channel(channels[0]["name"])["number"] == 1
    client.delete_connection(connection["name"])
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker):
        while True:
            amqp.process_data_events(1)


def test_the_other_library(api: AdminAPI, vhost: str) -> None:
    assert api.whoami()["tags"] == ["administrator"] and api.overview()["rates_mode"] == "basic"
    assert api.list_nodes()[0]["name"] == api.get_node(api.list_nodes()[0]["name"])["name"]
    api.create_exchange_for_vhost("ex", vhost, {"type": "direct", "durable": True})
    assert api.get_exchange_for_vhost("ex", vhost)["durable"]
    api.create_user("mouse", "cheese", ["monitoring"])
    api.create_user_permission("mouse", vhost, "^$", "^$", ".*")
    assert api.get_user_permission(vhost, "mouse")["configure"] == "^$"
    assert [each["user"] for each in api.list_permissions() if each["vhost"] == vhost] == ["guest", "mouse"]
    api.create_policy_for_vhost(vhost, "p", {"max-length": 1}, "^x", 0, "queues")
    assert api.get_policy_for_vhost(vhost, "p")["pattern"] == "^x"
    definitions = api.get_definitions()
    assert "mouse" in [user["name"] for user in definitions["users"]]
    api.post_definitions(definitions)
    api.delete_policy_for_vhost(vhost, "p")
    api.delete_user_permission("mouse", vhost)
    api.delete_user("mouse")
    assert api.is_vhost_alive(vhost) == {"status": "ok"}
    with pytest.raises(AdminError) as missing:
        api.get_user("mouse")
    assert missing.value.response is not None and missing.value.response.status_code == 404
