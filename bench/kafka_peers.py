"""Apache Kafka as a broker that is compared: one KRaft node from its published jars, as its own script starts it.

Must not tune it: what is set is what one node needs, and the flush of every message where both are to be synced.
"""

import time
from pathlib import Path
from typing import Final

import kafka_peer
from bench import process_tree
from bench.kafka_wire import wait_for_answer
from bench.peers import START_SECONDS_MAX, BrokerError, Started

SYNCED: Final = {"log.flush.interval.messages": "1"}


class ApacheKafka:
    def __init__(self, name: str, directory: Path, overrides: dict[str, str]) -> None:
        self.name = name
        self._peer = kafka_peer.KafkaPeer(
            directory, overrides=overrides, java_options=kafka_peer.DEFAULT_JAVA
        )
        self.port = self._peer.port

    def start(self, seconds_max: float = START_SECONDS_MAX) -> Started:
        """Raises BrokerError. Formatting the storage, which is done once by another program, is not counted."""
        try:
            self._peer.format()
            exec_at = time.monotonic()
            self._peer.start()
        except kafka_peer.KafkaFailed as error:
            raise BrokerError(str(error)[-300:]) from error
        ready_ms = (time.monotonic() - exec_at) * 1000
        wait_for_answer(self.port, exec_at + seconds_max)
        handshake_ms = (time.monotonic() - exec_at) * 1000
        return Started(exec_at, ready_ms, handshake_ms, kafka_peer.kafka_version())

    def processes(self) -> list[int]:
        return process_tree.descendants(self._peer.pid) if self._peer.running else []

    def kill(self) -> None:
        self._peer.kill9()
