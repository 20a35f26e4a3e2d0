"""The two brokers: onemq in memory, and a private RabbitMQ node."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bench.peers import RabbitMQ, find_rabbitmq

from broker_process import BrokerProcess


@contextmanager
def both(directory: Path) -> Generator[tuple[int, int], None, None]:
    """Ports of onemq and RabbitMQ; both are killed at the end."""
    program = find_rabbitmq(None)
    assert program is not None, "rabbitmq-server is not installed"
    (directory / "rabbitmq").mkdir(parents=True, exist_ok=True)
    theirs = RabbitMQ(program, directory / "rabbitmq")
    ours = BrokerProcess(directory / "onemq", memory=True)
    try:
        theirs.start()
        ours.start()
        yield ours.port, theirs.port
    finally:
        ours.kill9()
        theirs.kill()
