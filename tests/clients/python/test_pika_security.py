"""Users, passwords, permissions and virtual hosts from the settings, with pika."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable, Generator
from pathlib import Path

import amqp
import pika
import pytest
from broker_settings import EVERYTHING, login, onemq, running
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ProbableAccessDeniedError, ProbableAuthenticationError
from pika_session import channel_error, fetch, settle

from broker_process import BrokerProcess

SALT = bytes.fromhex("908DC60A")


def rabbitmq_hash(password: str, algorithm: str) -> str:
    """As RabbitMQ's definitions hold it: base64 of the salt and the digest of salt and password."""
    digest = hashlib.new(algorithm, SALT + password.encode()).digest()
    return base64.b64encode(SALT + digest).decode()


@pytest.fixture(scope="module")
def printed_hash() -> str:
    done = onemq("hash-password", "--stdin", stdin="printed secret\n")
    assert done.returncode == 0
    return done.stdout.strip()


@pytest.fixture(scope="module")
def secured(
    tmp_path_factory: pytest.TempPathFactory, printed_hash: str
) -> Generator[BrokerProcess, None, None]:
    configuration = f"""
namespaces = ["/", "orders", "closed"]

[users.admin]
password = "admin secret"
permissions = {{ "/" = {EVERYTHING}, orders = {EVERYTHING} }}

[users.printed]
password_hash = "{printed_hash}"
permissions."/" = {EVERYTHING}

[users.sha256]
password_hash = "{rabbitmq_hash("sha256 secret", "sha256")}"
permissions."/" = {EVERYTHING}

[users.sha512]
password_hash = "{rabbitmq_hash("sha512 secret", "sha512")}"
permissions."/" = {EVERYTHING}

[users.shop]
password = "shop secret"
tags = ["administrator"]
permissions."/" = {{ configure = "^shop\\\\.", write = "^(shop\\\\.|amq\\\\.default$)", read = "^shop\\\\." }}

[users.nopassword]
permissions."/" = {EVERYTHING}
"""
    with running(tmp_path_factory.mktemp("secured"), memory=True, configuration=configuration) as process:
        channel = login(process, "admin", "admin secret").channel()
        for entity in ("shop.kept", "other.kept"):
            channel.queue_declare(entity, durable=True)
            channel.exchange_declare(entity, "topic", durable=True)
        yield process


@pytest.fixture
def shop(secured: BrokerProcess) -> Generator[BlockingChannel, None, None]:
    connection = login(secured, "shop", "shop secret")
    yield connection.channel()
    if connection.is_open:
        connection.close()


@pytest.mark.parametrize("user", ["printed", "sha256", "sha512"])
def test_hashed_passwords_open_the_door_and_others_do_not(secured: BrokerProcess, user: str) -> None:
    login(secured, user, f"{user} secret").close()
    with pytest.raises(ProbableAuthenticationError):
        login(secured, user, "other secret")


@pytest.mark.parametrize(
    ("user", "password"),
    [("nopassword", ""), ("nopassword", "x"), ("guest", "guest"), ("admin", ""), ("", "admin secret")],
)
def test_users_who_are_not_to_come_in(secured: BrokerProcess, user: str, password: str) -> None:
    with pytest.raises(ProbableAuthenticationError) as caught:
        login(secured, user, password)
    assert "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN" in str(caught.value)


def test_amqplain_with_a_wrong_password(secured: BrokerProcess) -> None:
    connection = amqp.Connection(
        f"{secured.host}:{secured.port}", userid="admin", password="wrong", login_method="AMQPLAIN"
    )
    with pytest.raises(amqp.exceptions.AccessRefused) as caught:
        connection.connect()
    assert "using authentication mechanism AMQPLAIN" in caught.value.reply_text


def test_vhosts_keep_apart_queues_exchanges_and_messages(secured: BrokerProcess) -> None:
    here = login(secured, "admin", "admin secret").channel()
    there = login(secured, "admin", "admin secret", "orders").channel()
    there.queue_declare(
        "shop.kept", durable=True, arguments={"x-max-length": 5}
    )  # no inequivalence: another one
    for channel, body in ((here, b"here"), (there, b"there")):
        channel.confirm_delivery()
        channel.basic_publish("", "shop.kept", body)
    assert fetch(there, "shop.kept").body == b"there"
    assert fetch(here, "shop.kept").body == b"here"
    with channel_error(404, "NOT_FOUND - no exchange 'other.kept' in vhost 'orders'"):
        there.exchange_declare("other.kept", passive=True)


@pytest.mark.parametrize(
    ("vhost", "text"),
    [
        ("orders", "(530) \"NOT_ALLOWED - access to vhost 'orders' refused for user 'shop'\""),
        ("closed", "(530) \"NOT_ALLOWED - access to vhost 'closed' refused for user 'shop'\""),
        ("absent", "(530) 'NOT_ALLOWED - vhost absent not found'"),
    ],
)
def test_vhosts_that_are_closed_to_a_user_whatever_its_tags(
    secured: BrokerProcess, vhost: str, text: str
) -> None:
    with pytest.raises(ProbableAccessDeniedError) as caught:
        login(secured, "shop", "shop secret", vhost)
    assert text in str(caught.value)


Action = Callable[[BlockingChannel], object]
# What is tried, which right is missing, and on what: RabbitMQ's table "How Permissions Work".
DENIED: list[tuple[str, Action, str, str]] = [
    ("queue.declare", lambda c: c.queue_declare("other.new"), "configure", "queue 'other.new'"),
    ("server-named queue", lambda c: c.queue_declare(""), "configure", "queue 'amq.gen-"),
    ("queue.delete", lambda c: c.queue_delete("other.kept"), "configure", "queue 'other.kept'"),
    ("exchange.declare", lambda c: c.exchange_declare("other.new"), "configure", "exchange 'other.new'"),
    ("exchange.delete", lambda c: c.exchange_delete("other.kept"), "configure", "exchange 'other.kept'"),
    ("queue.bind, queue", lambda c: c.queue_bind("other.kept", "shop.kept"), "write", "queue 'other.kept'"),
    ("queue.bind, exchange", lambda c: c.queue_bind("shop.kept", "other.kept"), "read", "exchange 'other.kept'"),
    ("queue.unbind", lambda c: c.queue_unbind("shop.kept", "other.kept"), "read", "exchange 'other.kept'"),
    ("exchange.bind, to", lambda c: c.exchange_bind("other.kept", "shop.kept"), "write", "exchange 'other.kept'"),
    ("exchange.bind, from", lambda c: c.exchange_bind("shop.kept", "other.kept"), "read", "exchange 'other.kept'"),
    ("exchange.unbind", lambda c: c.exchange_unbind("other.kept", "shop.kept"), "write", "exchange 'other.kept'"),
    ("publish", lambda c: publish(c, "other.kept"), "write", "exchange 'other.kept'"),
    ("publish to what is not there", lambda c: publish(c, "other.absent"), "write", "exchange 'other.absent'"),
    ("get", lambda c: c.basic_get("other.kept"), "read", "queue 'other.kept'"),
    ("consume", lambda c: c.basic_consume("other.kept", print), "read", "queue 'other.kept'"),
    ("purge", lambda c: c.queue_purge("other.kept"), "read", "queue 'other.kept'"),
    (
        "dead letters to another's exchange",
        lambda c: c.queue_declare("shop.dlx", arguments={"x-dead-letter-exchange": "other.kept"}),
        "write",
        "exchange 'other.kept'",
    ),
    (
        "alternate exchange of another",
        lambda c: c.exchange_declare("shop.ae", arguments={"alternate-exchange": "other.kept"}),
        "write",
        "exchange 'other.kept'",
    ),
]  # fmt: skip


def publish(channel: BlockingChannel, exchange: str) -> None:
    channel.basic_publish(exchange, "key", b"m")
    settle(channel)


@pytest.mark.parametrize(
    ("action", "right", "entity"), [row[1:] for row in DENIED], ids=[row[0] for row in DENIED]
)
def test_a_missing_right_is_refused_in_rabbitmqs_words(
    shop: BlockingChannel, action: Action, right: str, entity: str
) -> None:
    with channel_error(403, f"ACCESS_REFUSED - {right} access to {entity}"):
        action(shop)
    assert shop.connection.is_open


def test_the_text_of_a_refusal_ends_with_vhost_and_user(shop: BlockingChannel) -> None:
    with channel_error(
        403, "ACCESS_REFUSED - read access to queue 'other.kept' in vhost '/' refused for user 'shop'"
    ):
        shop.basic_get("other.kept")


def test_what_ones_rights_cover_works(shop: BlockingChannel) -> None:
    shop.confirm_delivery()
    shop.queue_declare("shop.own", arguments={"x-dead-letter-exchange": "shop.kept"})
    shop.exchange_declare("shop.events", "fanout")
    shop.queue_bind("shop.own", "shop.events")
    shop.exchange_bind("shop.kept", "shop.events")
    shop.basic_publish("shop.events", "", b"one", mandatory=True)
    shop.basic_publish("", "shop.own", b"two", mandatory=True)
    assert [fetch(shop, "shop.own").body, fetch(shop, "shop.own").body] == [b"one", b"two"]
    shop.queue_purge("shop.own")
    shop.queue_declare("other.kept", passive=True)  # to look takes no right
    shop.queue_delete("shop.own")
    shop.exchange_delete("shop.events")


def local_address() -> str:
    """An address of this machine that is not loopback; none is needed outside for a datagram socket that sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError as error:
            pytest.skip(f"NO ADDRESS BUT LOOPBACK on this machine: {error}")
        address: str = probe.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("NO ADDRESS BUT LOOPBACK on this machine")
    return address


def test_guest_comes_in_by_loopback_only_and_others_from_anywhere(tmp_path: Path) -> None:
    address = local_address()
    configuration = f"""
[users.guest]
password = "guest"
permissions."/" = {EVERYTHING}
[users.shop]
password = "secret"
permissions."/" = {EVERYTHING}
"""
    with running(
        tmp_path, memory=True, configuration=configuration, arguments=["--host", "0.0.0.0"]
    ) as broker:
        assert "listening amqp 0.0.0.0:" in broker.log()
        login(broker, "guest", "guest").close()
        login(broker, "shop", "secret", host=address).close()
        with pytest.raises(ProbableAuthenticationError):
            login(broker, "guest", "guest", host=address)
        assert "user 'guest' can only connect via localhost" in broker.log()


@pytest.mark.parametrize(
    "configuration", ["", '[users.guest]\npassword = "long and secret"\n'], ids=["nobody", "guest alone"]
)
def test_no_listening_outside_without_credentials(tmp_path: Path, configuration: str) -> None:
    file = tmp_path / "onemq.toml"
    file.write_text(configuration)
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        done = onemq("serve", "--memory", "--config", str(file), "--host", host, "--amqp-port", "0")
        assert done.returncode == 2 and "listening" not in done.stdout
        assert "server.host" in done.stderr and repr(host) in done.stderr and "hash-password" in done.stderr


def test_a_new_secret_is_accepted_while_connected(secured: BrokerProcess) -> None:
    connection = login(secured, "admin", "admin secret")
    connection.update_secret("another", "rotation")
    connection.channel().queue_declare("", exclusive=True)
    connection.close()


def test_the_user_id_property_is_the_logged_in_user(secured: BrokerProcess, shop: BlockingChannel) -> None:
    shop.basic_publish("", "shop.kept", b"mine", pika.BasicProperties(user_id="shop"))
    assert fetch(shop, "shop.kept").properties.user_id == "shop"
    with channel_error(406, "user_id property set to 'admin' but authenticated user was 'shop'"):
        shop.basic_publish("", "shop.kept", b"forged", pika.BasicProperties(user_id="admin"))
        settle(shop)
