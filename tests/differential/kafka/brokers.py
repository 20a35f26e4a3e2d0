"""The two brokers: onemq in memory, and a private Apache Kafka. Both are killed at the end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clients.kafka_python.session import KafkaBroker
from kafka_peer import KafkaPeer

SOON: Final = {
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


@contextmanager
def both(directory: Path) -> Generator[tuple[str, str], None, None]:
    """Bootstrap addresses of onemq and of Kafka. Raises ToolchainMissing."""
    theirs = KafkaPeer(directory / "kafka", overrides=SOON)
    ours = KafkaBroker(directory / "onemq", memory=True)
    try:
        theirs.start()
        ours.start()
        yield ours.bootstrap, theirs.bootstrap
    finally:
        ours.kill9()
        theirs.kill9()
