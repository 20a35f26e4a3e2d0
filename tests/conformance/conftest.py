"""The drivers of all heads, and brokers for the cases. A head joins the suite with one line in DRIVERS."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from broker_process import BrokerProcess
from conformance.amqp091_driver import Amqp091
from conformance.driver import Client, Driver

DRIVERS: list[Driver] = [Amqp091()]
CASE_SECONDS_MAX = 60

# onemq.toml of the broker that most cases share: small limits, and users with one right missing each.
CONFIGURATION = """
namespaces = ["/", "other"]

[amqp]
login_seconds = 1
message_bytes_max = "256KiB"

[users.guest]
password = "guest"
permissions = { "/" = { configure = ".*", write = ".*", read = ".*" }, other = { configure = ".*", write = ".*", read = ".*" } }

[users.no-configure]
password = "secret"
permissions."/" = { write = ".*", read = ".*" }

[users.no-write]
password = "secret"
permissions."/" = { configure = ".*", read = ".*" }

[users.no-read]
password = "secret"
permissions."/" = { configure = ".*", write = ".*" }
"""

Start = Callable[..., BrokerProcess]
Connect = Callable[..., Client]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(CASE_SECONDS_MAX))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed case shows the log of its brokers."""
    report = yield
    if report.failed:
        for fixture in getattr(item, "funcargs", {}).values():
            if isinstance(fixture, BrokerProcess):
                report.sections.append(("log of the broker", fixture.log_tail()))
    return report


@pytest.fixture(scope="session", params=DRIVERS, ids=[driver.name for driver in DRIVERS])
def driver(request: pytest.FixtureRequest) -> Driver:
    found: Driver = request.param
    return found


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    """The broker that cases share which do it no harm."""
    process = BrokerProcess(tmp_path_factory.mktemp("conformance"), configuration=CONFIGURATION)
    process.start()
    yield process
    assert process.running, f"a case has ended the broker\n{process.log_tail()}"
    process.kill9()


@pytest.fixture
def start(tmp_path: Path, connect: Connect) -> Generator[Start, None, None]:
    """Starts brokers of the case's own: `start(configuration="...")`, keywords as of BrokerProcess.

    They end before the clients are closed: one that holds its publishers would not hear their goodbyes.
    """
    started: list[BrokerProcess] = []

    def start_one(**keywords: Any) -> BrokerProcess:
        process = BrokerProcess(tmp_path / f"broker{len(started)}", **keywords)
        started.append(process)
        process.start()
        return process

    yield start_one
    for process in started:
        process.kill9()


@pytest.fixture
def connect(driver: Driver) -> Generator[Connect, None, None]:
    """`connect(broker, user=..., ...)`; all clients are closed after the case."""
    clients: list[Client] = []

    def connect_one(broker: BrokerProcess, **keywords: Any) -> Client:
        client = driver.connect(broker, **keywords)
        clients.append(client)
        return client

    yield connect_one
    for client in clients:
        with suppress(OSError):
            client.close()
