"""One broker for the Kafka clients that are programs of their own: Node.js, Java, kcat and Kafka's tools.

With ONEMQ_TEST_KAFKA_BOOTSTRAP set they run against the broker there, which is how every expectation is checked against a
real Apache Kafka; tests of what Kafka has not are skipped then. Of its settings that one needs an authorizer that lets an
unknown user do everything (authorizer.class.name, super.users=User:ANONYMOUS); a short
group.share.min.record.lock.duration.ms and group.initial.rebalance.delay.ms=0 only save time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from broker_process import BrokerProcess

BOOTSTRAP_VARIABLE = "ONEMQ_TEST_KAFKA_BOOTSTRAP"
LISTENERS = ("amqp", "http", "kafka")
USER, PASSWORD = "kafka-user", "kafka secret"
WITH_USERS = f"""
[users.{USER}]
password = "{PASSWORD}"
permissions = {{ "/" = {{ configure = ".*", write = ".*", read = ".*" }} }}
"""


def bootstrap_of(process: BrokerProcess) -> str:
    return f"{process.host}:{process.ports['kafka']}"


@pytest.fixture(scope="session")
def broker_process(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess | None, None, None]:
    """The process all tests share, or None when they run against a broker from outside."""
    if BOOTSTRAP_VARIABLE in os.environ:
        yield None
        return
    process = BrokerProcess(tmp_path_factory.mktemp("broker"), listeners=LISTENERS)
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture(scope="session")
def bootstrap(broker_process: BrokerProcess | None) -> str:
    """Where the broker under test is, as Kafka's clients take it."""
    return os.environ[BOOTSTRAP_VARIABLE] if broker_process is None else bootstrap_of(broker_process)


@pytest.fixture(scope="session")
def secured(
    broker_process: BrokerProcess | None, tmp_path_factory: pytest.TempPathFactory
) -> Generator[str, None, None]:
    """The address of an onemq with one user, USER, who has to log in."""
    if broker_process is None:
        pytest.skip(f"{BOOTSTRAP_VARIABLE} is set: users are configured in onemq only")
    process = BrokerProcess(tmp_path_factory.mktemp("secured"), listeners=LISTENERS, configuration=WITH_USERS)
    process.start()
    try:
        yield bootstrap_of(process)
    finally:
        process.kill9()
