"""The command line as a person uses it: the real program against a real broker, one for all tests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Generator
from typing import Any

import boto3
import pika
import pytest

from broker_process import BrokerProcess

SECONDS_MAX = 60


class Cli:
    """Runs `onemq`. broker: whom its commands talk to."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.broker = broker
        self.url = f"http://{broker.host}:{broker.ports['http']}"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ONEMQ_")}
        return {**kept, "ONEMQ_URL": self.url, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "onemq", *arguments]

    def run(
        self, *arguments: str, input: str | bytes = "", status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        given = input.encode() if isinstance(input, str) else input
        done = subprocess.run(
            self.command(*arguments),
            input=given,
            capture_output=True,
            timeout=SECONDS_MAX,
            env=self.environment(),
            check=False,
        )
        found = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode()
        )
        assert found.returncode == status, f"{arguments}: {found.returncode}\n{found.stdout}\n{found.stderr}"
        return found

    def text(self, *arguments: str, input: str | bytes = "") -> str:
        """What it prints."""
        return self.run(*arguments, input=input).stdout

    def json(self, *arguments: str, input: str | bytes = "") -> Any:
        return json.loads(self.text(*arguments, "--json", input=input))

    def lines(self, *arguments: str) -> list[Any]:
        """Of a stream of JSON."""
        return [json.loads(line) for line in self.text(*arguments, "--json").splitlines()]

    def fails(self, *arguments: str, status: int = 1) -> str:
        """Its one line about what is wrong."""
        said = self.run(*arguments, status=status).stderr
        assert said.startswith("onemq: ") and said.count("\n") == 1, said
        return said


@pytest.fixture(scope="session")
def cli_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    process = BrokerProcess(tmp_path_factory.mktemp("cli"), listeners=("amqp", "kafka", "aws", "http"))
    process.start()
    try:
        yield process
    finally:
        process.kill9()


@pytest.fixture
def onemq(cli_broker: BrokerProcess) -> Cli:
    return Cli(cli_broker)


@pytest.fixture
def name() -> str:
    """Of something that no other test has."""
    return f"t{secrets.token_hex(5)}"


@pytest.fixture
def channel(cli_broker: BrokerProcess) -> Generator[Any, None, None]:
    """pika's."""
    connection = pika.BlockingConnection(pika.URLParameters(cli_broker.url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


@pytest.fixture
def sqs(cli_broker: BrokerProcess) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=f"http://{cli_broker.host}:{cli_broker.ports['aws']}",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
