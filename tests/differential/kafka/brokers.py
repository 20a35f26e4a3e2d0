"""The two brokers: onemq in memory, and a private Apache Kafka. Both are killed at the end."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from clients.kafka_python.session import KafkaBroker
from differential.kafka.asking import POLL_SECONDS, Side
from kafka_peer import KafkaPeer

COORDINATOR_ERRORS: Final = (14, 15, 16)
COORDINATOR_SECONDS_MAX: Final = 30.0

SOON: Final = {
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


def find_coordinator(bootstrap: str) -> None:
    """Kafka makes its topic of groups when somebody asks for it, and takes its time until it coordinates."""
    side = Side(bootstrap, None, "warm")
    deadline = time.monotonic() + COORDINATOR_SECONDS_MAX
    side.quietly("FindCoordinator", 3, key="warm", key_type=0)
    while (
        side.quietly("Heartbeat", 0, group_id="warm", generation_id=1, member_id="x").error_code
        in COORDINATOR_ERRORS
    ):
        assert time.monotonic() < deadline, "Kafka coordinates no groups"
        time.sleep(POLL_SECONDS)
        side.quietly("FindCoordinator", 3, key="warm", key_type=0)
    side.close()


@contextmanager
def both(directory: Path) -> Generator[tuple[str, str], None, None]:
    """Bootstrap addresses of onemq and of Kafka. Raises ToolchainMissing."""
    theirs = KafkaPeer(directory / "kafka", overrides=SOON)
    ours = KafkaBroker(directory / "onemq", memory=True)
    try:
        theirs.start()
        ours.start()
        find_coordinator(theirs.bootstrap)
        yield ours.bootstrap, theirs.bootstrap
    finally:
        ours.kill9()
        theirs.kill9()
