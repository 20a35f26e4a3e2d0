"""The drivers of all heads, and brokers for the cases. A head joins the suite with its driver, and one line in drivers.py."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from broker_process import BrokerProcess
from conformance.driver import Client, Driver, Word
from conformance.drivers import DRIVERS, LISTENERS
from conformance.tables import reason_not_to_run

CASE_SECONDS_MAX = 60
SILENT_SECONDS_MAX = 45
EVERYTHING = '{ configure = ".*", write = ".*", read = ".*" }'

# onemq.toml of the broker that most cases share: small limits, and users with one right missing each.
CONFIGURATION = f"""
namespaces = ["/", "other"]

[amqp]
login_seconds = 1
message_bytes_max = "256KiB"

[kafka]
login_seconds = 1
auto_create_topics = false

[users.guest]
password = "guest"
permissions = {{ "/" = {EVERYTHING}, other = {EVERYTHING} }}
access_keys = {{ guest = "guest" }}

[users.operator]
password = "operator"
tags = ["administrator"]
permissions."/" = {EVERYTHING}

[users.no-configure]
password = "secret"
permissions."/" = {{ write = ".*", read = ".*" }}
access_keys = {{ no-configure = "secret" }}

[users.no-write]
password = "secret"
permissions."/" = {{ configure = ".*", read = ".*" }}
access_keys = {{ no-write = "secret" }}

[users.no-read]
password = "secret"
permissions."/" = {{ configure = ".*", write = ".*" }}
access_keys = {{ no-read = "secret" }}
"""

Start = Callable[..., BrokerProcess]
Connect = Callable[..., Client]
Named = Callable[[str], str]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*words): the case runs with protocols that have these words")
    config.addinivalue_line(
        "markers", "without(word, instead): with those that have it not; others run `instead`"
    )


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


@pytest.fixture(params=DRIVERS, ids=[driver.name for driver in DRIVERS])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each head's, if it has a word for what the case needs."""
    found: Driver = request.param
    why = reason_not_to_run(request.node.function, found)
    if why:
        pytest.skip(f"{found.name}: {why}")
    return found


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    """The broker that cases share which do it no harm."""
    process = BrokerProcess(
        tmp_path_factory.mktemp("conformance"), configuration=CONFIGURATION, listeners=LISTENERS
    )
    process.start()
    yield process
    assert process.running, f"a case has ended the broker\n{process.log_tail()}"
    process.kill9()


@pytest.fixture(scope="session", autouse=True)
def silent(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, socket.socket], None, None]:
    """By driver, a connection that said half a frame when the tests began: where silence is borne for long."""
    broker = BrokerProcess(
        tmp_path_factory.mktemp("silent"),
        memory=True,
        configuration="[aws]\nidle_seconds = 30\n",
        listeners=LISTENERS,
    )
    broker.start()
    peers: dict[str, socket.socket] = {}
    for driver in DRIVERS:
        if Word.SILENCE not in driver.speaks:
            address = (broker.host, broker.ports[driver.listener])
            peers[driver.name] = peer = socket.create_connection(address, SILENT_SECONDS_MAX)
            driver.log_in(peer, 0)
            peer.sendall(driver.half_a_frame())
    yield peers
    for peer in peers.values():
        peer.close()
    assert broker.running, broker.log_tail()
    broker.kill9()


@pytest.fixture
def named(request: pytest.FixtureRequest) -> Named:
    """Names of the case's own for its queues: `named("flight")`. A queue of that name is there for every protocol."""
    prefix = request.node.nodeid.rpartition("::")[2]
    digest = sum(ord(letter) * 31**place for place, letter in enumerate(prefix)) % 10**8
    return lambda name: f"{name}-{digest}"


@pytest.fixture
def start(tmp_path: Path, connect: Connect) -> Generator[Start, None, None]:
    """Starts brokers of the case's own: `start(configuration="...")`, keywords as of BrokerProcess.

    They end before the clients are closed: one that holds its publishers would not hear their goodbyes.
    """
    started: list[BrokerProcess] = []

    def start_one(**keywords: Any) -> BrokerProcess:
        process = BrokerProcess(tmp_path / f"broker{len(started)}", listeners=LISTENERS, **keywords)
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
