"""What the tests of settings share: brokers with a configuration of their own, and runs that must fail to start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
from pika_session import parameters

from broker_process import BrokerProcess

EXIT_SECONDS_MAX = 30

EVERYTHING = '{ configure = ".*", write = ".*", read = ".*" }'


@contextmanager
def running(directory: Path, **keywords: Any) -> Generator[BrokerProcess, None, None]:
    """A broker for the block. Keywords as of BrokerProcess."""
    process = BrokerProcess(directory, **keywords)
    process.start()
    try:
        yield process
    finally:
        process.kill9()


def login(
    broker: BrokerProcess, user: str, password: str, vhost: str = "/", host: str = "", **overrides: Any
) -> pika.BlockingConnection:
    options: dict[str, Any] = {
        "credentials": pika.PlainCredentials(user, password),
        "virtual_host": vhost,
        "host": host or broker.host,
        **overrides,
    }
    return pika.BlockingConnection(parameters(broker.url, **options))


def onemq(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """One run of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "onemq", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=EXIT_SECONDS_MAX,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": absolute_path(), **(environment or {})},
        check=False,
    )


def absolute_path() -> str:
    """PYTHONPATH that still holds in another directory."""
    parts = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(os.path.abspath(part) for part in parts if part)
