"""The broker that the Node.js and Java programs share."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from broker_process import BrokerProcess

ENDPOINT_VARIABLE = "ONEMQ_TEST_AWS_ENDPOINT"


@pytest.fixture(scope="session")
def broker_process(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess | None, None, None]:
    """The process all tests share, or None when they run against a server from outside."""
    if ENDPOINT_VARIABLE in os.environ:
        yield None
        return
    process = BrokerProcess(tmp_path_factory.mktemp("broker"), listeners=("amqp", "http", "aws"))
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture(scope="session")
def endpoint(broker_process: BrokerProcess | None) -> str:
    """Where the broker under test is, as AWS's SDKs take it."""
    if broker_process is None:
        return os.environ[ENDPOINT_VARIABLE]
    return f"http://{broker_process.host}:{broker_process.ports['aws']}"
