"""Logins, TLS, permissions and access rules with real Kafka clients; the users are onemq's, as AMQP's tests have them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
import trustme
from aiokafka import AIOKafkaProducer
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaTimeoutError

from clients.kafka_python.session import (
    WITHIN_SECONDS,
    KafkaBroker,
    Unique,
    dotted,
    kafka_error,
    wait_until,
)

EVERYTHING = '{ configure = ".*", write = ".*", read = ".*" }'
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
USERS = f"""
[users.admin]
password = "admin secret"
tags = ["administrator"]
permissions."/" = {EVERYTHING}

[users.shop]
password = "shop secret"
permissions."/" = {{ configure = "^shop\\\\.", write = "^shop\\\\.", read = "^shop\\\\." }}

[users.nobody]
password = "nobody secret"
"""


@dataclass
class Secured:
    """A broker with users, over TLS too."""

    process: KafkaBroker
    ca_path: str

    @property
    def tls_bootstrap(self) -> str:
        return f"localhost:{self.process.ports['kafkas']}"

    def login(
        self, user: str, password: str = "", mechanism: str = "SCRAM-SHA-256", tls: bool = False
    ) -> dict[str, Any]:
        """librdkafka's settings."""
        settings = {
            "bootstrap.servers": self.tls_bootstrap if tls else self.process.bootstrap,
            "security.protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
            "sasl.mechanism": mechanism,
            "sasl.username": user,
            "sasl.password": password or f"{user} secret",
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
        return {**settings, "ssl.ca.location": self.ca_path} if tls else settings

    def admin(self, user: str = "admin") -> AdminClient:
        return AdminClient(self.login(user))

    def create(self, *topics: str) -> None:
        admin = self.admin()
        for future in admin.create_topics([NewTopic(topic, 1, 1) for topic in topics]).values():
            future.result(WITHIN_SECONDS)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, against_onemq: bool) -> Generator[Secured, None, None]:
    if not against_onemq:
        pytest.skip("the users are onemq's settings")
    directory: Path = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    server.cert_chain_pems[0].write_to_path(str(directory / "certificate.pem"))
    server.private_key_pem.write_to_path(str(directory / "key.pem"))
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    tls = f'[tls]\ncertificate = "{directory}/certificate.pem"\nkey = "{directory}/key.pem"\n'
    process = KafkaBroker(
        directory / "broker", memory=True, configuration=tls + USERS, arguments=["--kafka-tls-port", "0"]
    )
    process.start()
    try:
        yield Secured(process, str(directory / "ca.pem"))
    finally:
        process.kill9()


def produce_as(settings: dict[str, Any], topic: str, value: bytes = b"m", **more: Any) -> None:
    """Raises the report's error."""
    errors: list[KafkaError] = []
    client = Producer({**settings, "linger.ms": 0, "message.timeout.ms": 4000, **dotted(more)})
    client.produce(
        topic, value, partition=0, on_delivery=lambda error, _message: errors.append(error) if error else None
    )
    client.flush(WITHIN_SECONDS)
    if errors:
        raise KafkaException(errors[0])


def read_as(settings: dict[str, Any], topic: str, group: str) -> bytes | None:
    """The first record. Raises the first error."""
    client = Consumer(
        {**settings, "group.id": group, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50}
    )
    try:
        client.subscribe([topic])
        message = client.poll(WITHIN_SECONDS)
        assert message is not None, "neither a record nor an error"
        if message.error() is not None:
            raise KafkaException(message.error())
        value: bytes | None = message.value()
        return value
    finally:
        client.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plaintext", "tls"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_librdkafka_logs_in(secured: Secured, unique: Unique, mechanism: str, tls: bool) -> None:
    topic = unique("topic")
    secured.create(topic)
    settings = secured.login("admin", mechanism=mechanism, tls=tls)
    produce_as(settings, topic, mechanism.encode())
    assert read_as(settings, topic, unique("group")) == mechanism.encode()


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("user", "password"), [("admin", "wrong"), ("absent", "admin secret"), ("admin", "shop secret")]
)
def test_wrong_passwords(secured: Secured, mechanism: str, user: str, password: str) -> None:
    failures: list[KafkaError] = []
    settings = {**secured.login(user, password, mechanism), "error_cb": failures.append}
    client = Producer(settings)

    def refused() -> bool:
        client.poll(0.05)
        return any(failure.code() == KafkaError._AUTHENTICATION for failure in failures)

    wait_until(refused)
    with pytest.raises(KafkaException):
        client.list_topics(timeout=0.3)


def test_no_login_no_service(secured: Secured) -> None:
    with pytest.raises(KafkaException):
        Producer({"bootstrap.servers": secured.process.bootstrap, "log_level": 0}).list_topics(timeout=1)


def test_tls_is_verified(secured: Secured) -> None:
    settings = secured.login("admin", tls=True)
    del settings["ssl.ca.location"]
    with pytest.raises(KafkaException):
        Producer(settings).list_topics(timeout=1)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_kafka_python_logs_in(
    secured: Secured, unique: Unique, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    topic = unique("topic")
    secured.create(topic)
    settings = {
        "bootstrap_servers": secured.tls_bootstrap,
        "security_protocol": "SASL_SSL",
        "ssl_cafile": secured.ca_path,
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "admin",
        "sasl_plain_password": "admin secret",
    }
    with closing(KafkaProducer(**settings)) as client:
        assert client.send(topic, b"m", partition=0).get(WITHIN_SECONDS).offset == 0
    with pytest.raises(KafkaTimeoutError):  # it tries again and again
        KafkaAdminClient(**{**settings, "sasl_plain_password": "wrong", "bootstrap_timeout_ms": 300})
    assert "Authentication failed" in caplog.text


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_aiokafka_logs_in(secured: Secured, unique: Unique, mechanism: str) -> None:
    topic = unique("topic")
    secured.create(topic)

    async def main() -> int:
        client = AIOKafkaProducer(
            bootstrap_servers=secured.process.bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism=mechanism,
            sasl_plain_username="admin",
            sasl_plain_password="admin secret",
        )
        await client.start()
        try:
            return int((await client.send_and_wait(topic, b"m", partition=0)).offset)
        finally:
            await client.stop()

    assert asyncio.run(main()) == 0


def test_topics_that_a_user_has_no_right_to(secured: Secured, unique: Unique) -> None:
    own, other = f"shop.{unique('own')}", unique("other")
    secured.create(own, other)
    shop = secured.login("shop")
    produce_as(shop, own)
    assert read_as(shop, own, f"shop.{unique('group')}") == b"m"
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED):
        produce_as(shop, other)
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED):
        read_as(shop, other, f"shop.{unique('group')}")
    with kafka_error(KafkaError.GROUP_AUTHORIZATION_FAILED):
        read_as(shop, own, unique("group"))
    with kafka_error(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED):
        Producer({**shop, "transactional.id": unique("id")}).init_transactions(WITHIN_SECONDS)
    topics = secured.admin("shop").list_topics(timeout=10).topics
    assert own in topics and other not in topics


def test_what_a_user_may_not_administer(secured: Secured, unique: Unique) -> None:
    other = unique("other")
    secured.create(other)
    shop = secured.admin("shop")
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
        name = unique("new")
        shop.create_topics([NewTopic(name, 1, 1)])[name].result(WITHIN_SECONDS)
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED):
        shop.delete_topics([other])[other].result(WITHIN_SECONDS)
    partition = TopicPartition(other, 0, 1)
    # librdkafka does not get as far as to ask: it is not told of a leader.
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._NOENT):
        shop.delete_records([partition])[partition].result(WITHIN_SECONDS)
    with kafka_error(KafkaError.CLUSTER_AUTHORIZATION_FAILED):
        binding = rule("shop", other, AclOperation.ALL)
        shop.create_acls([binding])[binding].result(WITHIN_SECONDS)
    mine = f"shop.{unique('own')}"
    shop.create_topics([NewTopic(mine, 1, 1)])[mine].result(WITHIN_SECONDS)
    shop.delete_topics([mine])[mine].result(WITHIN_SECONDS)


def rule(
    user: str,
    name: str,
    operation: AclOperation,
    permission: AclPermissionType = AclPermissionType.ALLOW,
    kind: ResourceType = ResourceType.TOPIC,
    pattern: ResourcePatternType = ResourcePatternType.LITERAL,
) -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, permission)


def add(secured: Secured, *bindings: AclBinding) -> None:
    admin = secured.admin()
    for future in admin.create_acls(list(bindings)).values():
        future.result(WITHIN_SECONDS)


def test_access_rules_allow_more(secured: Secured, unique: Unique) -> None:
    topic, group = unique("granted"), unique("group")
    secured.create(topic)
    nobody = secured.login("nobody")
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED):
        produce_as(nobody, topic)
    add(secured, rule("nobody", topic, AclOperation.WRITE))
    produce_as(nobody, topic, b"granted")
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
        read_as(nobody, topic, group)
    add(
        secured,
        rule("nobody", topic[:12], AclOperation.READ, pattern=ResourcePatternType.PREFIXED),
        rule("nobody", group, AclOperation.READ, kind=ResourceType.GROUP),
    )
    assert read_as(nobody, topic, group) == b"granted"


def test_access_rules_deny(secured: Secured, unique: Unique) -> None:
    topic = f"shop.{unique('denied')}"
    secured.create(topic)
    shop = secured.login("shop")
    produce_as(shop, topic)
    add(secured, rule("shop", topic, AclOperation.WRITE, AclPermissionType.DENY))
    with kafka_error(KafkaError.TOPIC_AUTHORIZATION_FAILED):
        produce_as(shop, topic)
    assert read_as(shop, topic, f"shop.{unique('group')}") == b"m"


def test_a_user_made_with_a_kafka_tool(secured: Secured, unique: Unique) -> None:
    user, topic = unique("user"), unique("topic")
    secured.create(topic)
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192)
    upsertion = UserScramCredentialUpsertion(user, info, b"made secret")
    admin = secured.admin()
    admin.alter_user_scram_credentials([upsertion])[user].result(WITHIN_SECONDS)
    add(secured, rule(user, topic, AclOperation.WRITE))
    produce_as(secured.login(user, "made secret", "SCRAM-SHA-512"), topic)


def test_the_same_user_by_amqp(secured: Secured, unique: Unique) -> None:
    """One set of users and permissions: what AMQP made and wrote as `shop`, Kafka reads as `shop`."""
    queue = f"shop.{unique('queue')}"
    credentials = pika.PlainCredentials("shop", "shop secret")
    parameters = pika.ConnectionParameters(
        secured.process.host, secured.process.port, credentials=credentials
    )
    with closing(pika.BlockingConnection(parameters)) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
    produce_as(secured.login("shop"), queue, b"by kafka")
    assert read_as(secured.login("shop"), queue, f"shop.{unique('group')}") == b"by kafka"
