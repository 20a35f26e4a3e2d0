"""Brokers for the acceptance tests with real clients.

By default the suite starts the broker itself. With ONEMQ_TEST_AMQP_URL set it runs against that broker instead, which is
how every expectation is checked against a real RabbitMQ; tests that stop or kill their broker are skipped then.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from broker_process import BrokerProcess

URL_VARIABLE = "ONEMQ_TEST_AMQP_URL"
TEST_SECONDS_MAX = 60


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker under test listens for AMQP 0-9-1."""

    url: str
    host: str
    port: int


def in_continuous_integration() -> bool:
    return os.environ.get("CI", "").lower() == "true"


def missing_toolchain(reason: str) -> NoReturn:
    """Skip the test, or fail it in continuous integration, where every toolchain must be there."""
    if in_continuous_integration():
        pytest.fail(f"TOOLCHAIN MISSING: {reason}", pytrace=False)
    pytest.skip(f"TOOLCHAIN MISSING: {reason}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS_MAX))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the log of every broker it used."""
    report = yield
    if report.failed:
        for fixture in ("broker_process", "own_broker"):
            process = getattr(item, "funcargs", {}).get(fixture)
            if isinstance(process, BrokerProcess):
                report.sections.append((f"log of {fixture}", process.log_tail()))
    return report


@pytest.fixture(scope="session")
def require_tools() -> Callable[..., None]:
    """A function that skips, or in continuous integration fails, the test unless every named program is installed."""

    def require(*programs: str) -> None:
        absent = [program for program in programs if shutil.which(program) is None]
        if absent:
            missing_toolchain(f"not installed: {', '.join(absent)}")

    return require


@pytest.fixture(scope="session")
def broker_process(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess | None, None, None]:
    """The process all tests share, or None when they run against a broker from outside."""
    if URL_VARIABLE in os.environ:
        yield None
        return
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture(scope="session")
def broker(broker_process: BrokerProcess | None) -> BrokerAddress:
    if broker_process is None:
        url = os.environ[URL_VARIABLE]
        parts = urlsplit(url)
        return BrokerAddress(url, parts.hostname or "127.0.0.1", parts.port or 5672)
    return BrokerAddress(broker_process.url, broker_process.host, broker_process.port)


@pytest.fixture
def own_broker(tmp_path: Path) -> Generator[BrokerProcess, None, None]:
    """A broker for one test that may stop, kill and restart it."""
    if URL_VARIABLE in os.environ:
        pytest.skip(f"{URL_VARIABLE} is set: a broker from outside is not to be killed")
    process = BrokerProcess(tmp_path / "own")
    process.start()
    try:
        yield process
    finally:
        process.kill9()
