"""Brokers, topics and names for the Kafka tests with Python clients.

By default they run against onemq. With ONEMQ_TEST_KAFKA_BOOTSTRAP set they run against the broker there, which is how every
expectation is checked against a real Apache Kafka; with ONEMQ_TEST_KAFKA_PEER set as well, tests that kill their broker start
a Kafka of their own for that. Tests of what Kafka has not are skipped then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from clients.kafka_python.session import (
    BOOTSTRAP_VARIABLE,
    KafkaBroker,
    Killable,
    MakeTopic,
    Unique,
    create_topic,
    unique_name,
)
from clients.kafka_python.wire import Wire

PEER_VARIABLE = "ONEMQ_TEST_KAFKA_PEER"


@pytest.fixture(scope="session")
def broker_process(tmp_path_factory: pytest.TempPathFactory) -> Generator[KafkaBroker | None, None, None]:
    """The process all tests share, or None when they run against a broker from outside."""
    if BOOTSTRAP_VARIABLE in os.environ:
        yield None
        return
    process = KafkaBroker(tmp_path_factory.mktemp("broker"))
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture(scope="session")
def bootstrap(broker_process: KafkaBroker | None) -> str:
    """Where the broker under test is, as Kafka's clients take it."""
    return os.environ[BOOTSTRAP_VARIABLE] if broker_process is None else broker_process.bootstrap


@pytest.fixture
def onemq(broker_process: KafkaBroker | None) -> KafkaBroker:
    """The shared process, for tests of what Kafka has not."""
    if broker_process is None:
        pytest.skip("only onemq has this")
    return broker_process


@pytest.fixture(scope="session")
def against_onemq() -> bool:
    """For the few documented differences."""
    return BOOTSTRAP_VARIABLE not in os.environ


@pytest.fixture
def own_broker(tmp_path: Path) -> Generator[Killable, None, None]:
    """A broker for one test that may kill and restart it."""
    process: Any
    if BOOTSTRAP_VARIABLE not in os.environ:
        process = KafkaBroker(tmp_path / "own")
    elif PEER_VARIABLE in os.environ:
        from kafka_peer import KafkaPeer

        soon = {
            "group.initial.rebalance.delay.ms": "0",
            "broker.session.timeout.ms": "3000",
            "log.cleaner.backoff.ms": "200",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
        }
        process = KafkaPeer(tmp_path / "own", overrides=soon)
    else:
        pytest.skip(f"{BOOTSTRAP_VARIABLE} is set: a broker from outside is not to be killed")
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture
def unique() -> Unique:
    """A function that makes names no other test uses."""
    return unique_name


@pytest.fixture
def make_topic(bootstrap: str) -> MakeTopic:
    """A function that creates topics on the shared broker: `make_topic(partitions, cleanup_policy="compact")`."""

    def make(partitions: int = 1, **config: str) -> str:
        name = unique_name("topic")
        create_topic(bootstrap, name, partitions, **config)
        return name

    return make


@pytest.fixture
def topic(make_topic: MakeTopic) -> str:
    """A topic of one partition with Kafka's defaults."""
    return make_topic()


@pytest.fixture
def wire(bootstrap: str) -> Generator[Wire, None, None]:
    """A raw connection to the shared broker."""
    connection = Wire(bootstrap)
    try:
        yield connection
    finally:
        connection.close()
