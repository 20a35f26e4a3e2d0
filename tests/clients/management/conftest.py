"""RabbitMQ's management tools against a broker of their own. rabbitmqadmin is the script of Debian's package, not installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pika
import pytest

from broker_process import BrokerProcess
from clients.conftest import missing_toolchain

HERE: Final = Path(__file__).parent
SCRIPT: Final = HERE / "installed" / "rabbitmqadmin"
FETCH_SECONDS_MAX: Final = 120
RUN_SECONDS_MAX: Final = 60


@pytest.fixture(scope="session")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    """The broker that all tests here share."""
    process = BrokerProcess(tmp_path_factory.mktemp("managed"), listeners=("amqp", "http", "kafka", "aws"))
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture(scope="session")
def script() -> str:
    """rabbitmqadmin; where apt-get may, it is fetched now."""
    known = shutil.which("rabbitmqadmin")
    if known is not None:
        return known
    if not SCRIPT.exists() and shutil.which("apt-get") is not None and shutil.which("dpkg") is not None:
        subprocess.run([HERE / "fetch.sh"], check=False, capture_output=True, timeout=FETCH_SECONDS_MAX)
    if not SCRIPT.exists():
        missing_toolchain("not installed: rabbitmqadmin (tests/clients/setup.sh fetches it)")
    return str(SCRIPT)


class Admin:
    """rabbitmqadmin, as a person calls it."""

    def __init__(self, script: str, port: int, user: str = "guest") -> None:
        self._command = [sys.executable, script, "-P", str(port), "-u", user, "-p", user]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *words], capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False
        )

    def __call__(self, *words: str) -> str:
        """What it prints. Fails the test when it fails."""
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def json(self, *words: str) -> Any:
        """What it prints as JSON."""
        return json.loads(self("-f", "raw_json", *words))

    def refused(self, *words: str) -> str:
        """What it says when it is refused."""
        done = self.run(*words)
        assert done.returncode != 0, (words, done.stdout)
        return done.stdout + done.stderr


@pytest.fixture
def admin(script: str, managed: BrokerProcess) -> Admin:
    return Admin(script, managed.ports["http"])


@pytest.fixture
def as_user(script: str, managed: BrokerProcess) -> Callable[[str], Admin]:
    """rabbitmqadmin of a user whose password is the name."""
    return lambda user: Admin(script, managed.ports["http"], user)


@pytest.fixture
def client_name() -> str:
    """What the connection of this test calls itself."""
    return f"billing-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def amqp(managed: BrokerProcess, client_name: str) -> Generator[pika.BlockingConnection, None, None]:
    """A connection of that name."""
    parameters = pika.URLParameters(managed.url)
    parameters.client_properties = {"connection_name": client_name}
    connection = pika.BlockingConnection(parameters)
    yield connection
    if connection.is_open:
        connection.close()
