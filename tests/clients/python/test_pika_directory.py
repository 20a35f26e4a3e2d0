"""Users, vhosts, permissions, limits and policies that are made over HTTP while the broker runs, and what pika notices of them."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pika
import pytest
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import (
    AMQPConnectionError,
    AMQPError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAuthenticationError,
)
from pika_session import wait_until

from broker_process import BrokerProcess

pytestmark = pytest.mark.skipif(
    "ONEMQ_TEST_AMQP_URL" in os.environ,
    reason="ONEMQ_TEST_AMQP_URL is set: these tests need a broker of their own",
)

confluent_kafka = pytest.importorskip("confluent_kafka")
admin = pytest.importorskip("confluent_kafka.admin")

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Operator:
    """Speaks to RabbitMQ's management API of one broker."""

    def __init__(self, broker: BrokerProcess, user: str = "guest", password: str = "guest") -> None:
        self._broker = broker
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def asks(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """path: segments are quoted by the caller."""
        connection = http.client.HTTPConnection(self._broker.host, self._broker.ports["http"], timeout=20)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/api/{path}", text, self._headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()

    def does(self, method: str, path: str, body: object = None) -> Any:
        status, content = self.asks(method, path, body)
        assert status in (200, 201, 204), (status, content)
        return content

    def makes_user(self, name: str, password: str, *vhosts: str) -> None:
        self.does("PUT", f"users/{name}", {"password": password, "tags": ""})
        for vhost in vhosts:
            permission = {"configure": ".*", "write": ".*", "read": ".*"}
            self.does("PUT", f"permissions/{quote(vhost, safe='')}/{name}", permission)

    def policy(self, name: str, pattern: str, definition: dict[str, Any], kind: str = "policies") -> None:
        self.does("PUT", f"{kind}/%2F/{name}", {"pattern": pattern, "definition": definition})


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    broker = BrokerProcess(tmp_path_factory.mktemp("directory"), listeners=("amqp", "http", "kafka"))
    broker.start()
    try:
        yield broker
    finally:
        broker.kill9()


@pytest.fixture
def operator(process: BrokerProcess) -> Operator:
    return Operator(process)


Enter = Callable[..., BlockingConnection]


@pytest.fixture
def enter(process: BrokerProcess) -> Generator[Enter, None, None]:
    opened: list[BlockingConnection] = []

    def connect(user: str = "guest", password: str = "guest", vhost: str = "/") -> BlockingConnection:
        credentials = pika.PlainCredentials(user, password)
        parameters = pika.ConnectionParameters(
            process.host, process.port, vhost, credentials, connection_attempts=1, socket_timeout=20
        )
        opened.append(BlockingConnection(parameters))
        return opened[-1]

    yield connect
    for connection in opened:
        # Some were closed by the broker, which pika has not noticed yet.
        with contextlib.suppress(AMQPError):
            connection.close()


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises((ConnectionClosedByBroker, ChannelClosedByBroker)) as caught:
        call()
    return caught.value.reply_code, caught.value.reply_text


def ended(connection: BlockingConnection) -> tuple[int, str]:
    """How the broker closes a connection that says nothing itself."""

    def wait() -> None:
        for _ in range(200):
            connection.process_data_events(0.1)

    return refused(wait)


def test_a_user_lives_and_dies(operator: Operator, enter: Enter) -> None:
    with pytest.raises(ProbableAuthenticationError):
        enter("ann", "one")
    operator.makes_user("ann", "one", "/")
    connection = enter("ann", "one")
    operator.does("PUT", "users/ann", {"password": "two", "tags": ""})
    with pytest.raises(ProbableAuthenticationError):
        enter("ann", "one")
    enter("ann", "two")
    channel = connection.channel()
    channel.queue_declare("anns", exclusive=True)
    operator.does("DELETE", "users/ann")
    code, text = ended(connection)
    assert (code, text) == (320, "CONNECTION_FORCED - user 'ann' is deleted")
    with pytest.raises(ProbableAuthenticationError):
        enter("ann", "two")


def test_a_vhost_lives_and_dies(operator: Operator, enter: Enter) -> None:
    operator.does("PUT", "vhosts/shop", {"description": "orders"})
    operator.makes_user("bob", "b", "shop")
    connection = enter("bob", "b", "shop")
    channel = connection.channel()
    channel.queue_declare("orders", durable=True)
    channel.basic_publish("", "orders", b"x")
    operator.does("DELETE", "vhosts/shop")
    assert ended(connection) == (320, "CONNECTION_FORCED - vhost 'shop' is deleted")
    with pytest.raises(AMQPConnectionError):
        enter("bob", "b", "shop")
    operator.does("PUT", "vhosts/shop", {})
    operator.makes_user("bob", "b", "shop")
    with pytest.raises(ChannelClosedByBroker):
        enter("bob", "b", "shop").channel().queue_declare("orders", passive=True)
    operator.does("DELETE", "vhosts/shop")


def test_permissions_change_under_a_connection(operator: Operator, enter: Enter) -> None:
    operator.makes_user("eve", "e", "/")
    channel = enter("eve", "e").channel()
    channel.queue_declare("eves")
    operator.does("PUT", "permissions/%2F/eve", {"configure": "^$", "write": ".*", "read": ".*"})
    code, text = refused(lambda: channel.queue_declare("eves2"))
    assert code == 403
    assert text == "ACCESS_REFUSED - configure access to queue 'eves2' in vhost '/' refused for user 'eve'"


def test_topic_permissions_with_pika(operator: Operator, enter: Enter) -> None:
    operator.makes_user("tom", "t", "/")
    permission = {"exchange": "amq.topic", "write": "^{username}\\.", "read": "^news\\."}
    operator.does("PUT", "topic-permissions/%2F/tom", permission)
    connection = enter("tom", "t")
    channel = connection.channel()
    channel.confirm_delivery()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "amq.topic", "news.#")
    channel.basic_publish("amq.topic", "tom.1", b"")
    code, text = refused(lambda: channel.basic_publish("amq.topic", "ann.1", b""))
    assert (code, text) == (
        403,
        "ACCESS_REFUSED - write access to topic 'ann.1' in exchange 'amq.topic' in vhost '/' refused for user 'tom'",
    )
    channel = connection.channel()
    code, text = refused(lambda: channel.queue_bind(queue, "amq.topic", "#"))
    assert code == 403 and "read access to topic '#'" in text


def test_limits(operator: Operator, enter: Enter) -> None:
    operator.does("PUT", "vhosts/small", {})
    operator.makes_user("max", "m", "small")
    operator.does("PUT", "vhost-limits/small/max-queues", {"value": 1})
    operator.does("PUT", "vhost-limits/small/max-connections", {"value": 1})
    operator.does("PUT", "user-limits/max/max-channels", {"value": 2})
    connection = enter("max", "m", "small")
    with pytest.raises(AMQPConnectionError) as caught:
        enter("max", "m", "small")
    assert "connection limit (1) is reached" in str(caught.value.args) + repr(caught.value.__cause__)
    channel = connection.channel()
    channel.queue_declare("one")
    code, text = refused(lambda: channel.queue_declare("two"))
    assert (code, text) == (
        406,
        "PRECONDITION_FAILED - cannot declare queue 'two': queue limit in vhost 'small' (1) is reached",
    )
    connection.channel()
    connection.channel()
    code, text = refused(connection.channel)
    assert code == 530 and "has reached the maximum allowed user limit of (2)" in text
    operator.does("DELETE", "vhosts/small")


def test_policies_at_work(process: BrokerProcess, operator: Operator, enter: Enter) -> None:
    channel = enter().channel()
    channel.confirm_delivery()
    channel.queue_declare("dead", durable=True)
    channel.queue_declare("policed", durable=True)
    for number in range(5):
        channel.basic_publish("", "policed", b"%d" % number, PERSISTENT)
    dead = {"max-length": 2, "dead-letter-exchange": "", "dead-letter-routing-key": "dead"}
    operator.policy("shorten", "^policed", dead)
    wait_until(channel, lambda: channel.queue_declare("dead", passive=True).method.message_count == 3)
    shown = operator.does("GET", "queues/%2F/policed")
    assert shown["policy"] == "shorten" and shown["effective_policy_definition"] == dead
    operator.policy("tighter", "^policed", {"max-length": 1}, "operator-policies")
    wait_until(channel, lambda: channel.queue_declare("dead", passive=True).method.message_count == 4)
    process.restart()
    channel = enter().channel()
    channel.confirm_delivery()
    channel.basic_publish("", "policed", b"5", PERSISTENT)
    wait_until(channel, lambda: channel.queue_declare("dead", passive=True).method.message_count == 5)
    operator.does("DELETE", "operator-policies/%2F/tighter")
    operator.does("DELETE", "policies/%2F/shorten")
    for number in range(6, 10):
        channel.basic_publish("", "policed", b"%d" % number, PERSISTENT)
    assert channel.queue_declare("policed", durable=True).method.message_count == 5
    operator.policy("age", "^policed", {"message-ttl": 50})
    wait_until(channel, lambda: channel.queue_declare("policed", passive=True).method.message_count == 0)
    operator.does("DELETE", "policies/%2F/age")
    status, answer = operator.asks(
        "PUT", "policies/%2F/bad", {"pattern": ".*", "definition": {"max-length": "x"}}
    )
    assert status == 400 and answer["error"] == "bad_request"
    assert answer["reason"] == 'Validation failed\n\n&lt;&lt;"x"&gt;&gt; is not a valid maximum length\n'


def topics(process: BrokerProcess, **settings: str) -> bool:
    """Whether a Kafka client gets in."""
    client = admin.AdminClient(
        {"bootstrap.servers": f"{process.host}:{process.ports['kafka']}", "log_level": 0, **settings}
    )
    try:
        client.list_topics(timeout=8)
    except confluent_kafka.KafkaException:
        return False
    return True


def scram(user: str, password: str, mechanism: str = "SCRAM-SHA-256") -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanisms": mechanism,
        "sasl.username": user,
        "sasl.password": password,
    }


def test_users_made_over_http_log_in_to_kafka(process: BrokerProcess, operator: Operator) -> None:
    operator.makes_user("kay", "k", "/")
    assert topics(process, **scram("kay", "k")) and topics(process, **scram("kay", "k", "SCRAM-SHA-512"))
    assert topics(process, **scram("kay", "k", "PLAIN"))
    process.restart()
    assert topics(process, **scram("kay", "k"))


def test_guest_is_a_user_like_others(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path, listeners=("amqp", "http", "kafka"))
    broker.start()
    try:
        assert topics(broker)
        operator = Operator(broker)
        operator.does("PUT", "users/root", {"password": "r", "tags": "administrator"})
        assert topics(broker)
        root = Operator(broker, "root", "r")
        root.does("DELETE", "users/guest")
        broker.restart()
        assert operator.asks("GET", "whoami")[0] == 401
        assert root.does("GET", "whoami")["name"] == "root"
        assert not topics(broker)
    finally:
        broker.kill9()
