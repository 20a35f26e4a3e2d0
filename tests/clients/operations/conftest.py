"""One broker for the tests of what operators see: it exports spans, logs JSON and has an audit file."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from broker_process import BrokerProcess
from clients.operations.collector import Collector

CONFIGURATION = """
[users.guest]
password = "guest"
tags = ["administrator"]
permissions."/" = {configure = ".*", write = ".*", read = ".*"}
access_keys = {test = "test"}

[users.reader]
password = "reader"
permissions."/" = {configure = "", write = "", read = "^public"}

[log]
format = "json"
alike_max = 20
alike_seconds = 2

[audit]
file = "AUDIT"
"""


@pytest.fixture(scope="session")
def collector() -> Generator[Collector, None, None]:
    found = Collector()
    yield found
    found.close()


@pytest.fixture(scope="session")
def broker(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Generator[BrokerProcess, None, None]:
    directory = tmp_path_factory.mktemp("broker")
    process = BrokerProcess(
        directory,
        memory=True,
        configuration=CONFIGURATION.replace("AUDIT", str(directory / "audit.log")),
        listeners=("amqp", "http", "kafka", "aws"),
        environment={
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_SERVICE_NAME": "orders-broker",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        },
    )
    process.start()
    yield process
    process.kill9()
