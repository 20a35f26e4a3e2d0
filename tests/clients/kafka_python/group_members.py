"""Members of a consumer group in threads, and the ledger that says whether a partition ever had two owners. No test lives here."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from clients.kafka_python.session import POLL_SECONDS, wait_until


class Ownership:
    """Which member holds which partition, as the members were told, and what each record's owners were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: dict[tuple[str, int], str] = {}
        self.processed: Counter[bytes] = Counter()
        self.processed_by: Counter[str] = Counter()
        self.faults: list[str] = []

    def claim(self, member: str, partitions: list[TopicPartition]) -> None:
        with self._lock:
            for partition in partitions:
                key = (partition.topic, partition.partition)
                owner = self._owners.setdefault(key, member)
                if owner != member:
                    self.faults.append(f"{key} given to {member}, held by {owner}")

    def release(self, member: str, partitions: list[TopicPartition]) -> None:
        with self._lock:
            for partition in partitions:
                key = (partition.topic, partition.partition)
                if self._owners.pop(key, member) != member:
                    self.faults.append(f"{key} taken from {member}, who did not hold it")

    def process(self, member: str, topic: str, partition: int, value: bytes) -> None:
        with self._lock:
            self.processed[value] += 1
            self.processed_by[member] += 1
            if self._owners.get((topic, partition)) != member:
                self.faults.append(f"{member} got a record of {topic}/{partition}, which it does not hold")

    def held(self) -> dict[str, int]:
        """Partitions per member."""
        with self._lock:
            return dict(Counter(self._owners.values()))

    def total(self) -> int:
        with self._lock:
            return len(self.processed)


class Member:
    """A consumer in a thread: it commits what it has processed before it gives a partition away."""

    def __init__(
        self, name: str, make: Callable[[], Consumer], topics: list[str], ownership: Ownership
    ) -> None:
        self.name = name
        self.failure: BaseException | None = None
        self.revocations = 0
        self._make = make
        self._topics = topics
        self._ownership = ownership
        self._positions: dict[tuple[str, int], int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Member:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Leave the group in order, after the last commit."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), f"{self.name} does not stop"
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            client = self._make()
            client.subscribe(
                self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            while not self._stop.is_set():
                for message in client.consume(20, POLL_SECONDS):
                    if message.error() is not None:
                        raise KafkaException(message.error())
                    key = (message.topic(), message.partition())
                    self._ownership.process(self.name, *key, message.value())
                    self._positions[key] = message.offset() + 1
            client.close()
        except BaseException as failure:
            self.failure = failure

    def _assigned(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._ownership.claim(self.name, partitions)

    def _revoked(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self.revocations += 1
        done: list[Any] = []
        for partition in partitions:
            offset = self._positions.pop((partition.topic, partition.partition), None)
            if offset is not None:
                done.append(TopicPartition(partition.topic, partition.partition, offset))
        try:
            if done:
                client.commit(offsets=done, asynchronous=False)
        finally:
            self._ownership.release(self.name, partitions)

    def _lost(self, client: Consumer, partitions: list[TopicPartition]) -> None:
        self._ownership.faults.append(f"{self.name} lost {partitions}")
        self._ownership.release(self.name, partitions)


def wait_shares(ownership: Ownership, *shares: int, within_seconds: float = 20.0) -> None:
    """Wait until the members hold so many partitions each, in any order."""
    wait_until(
        lambda: sorted(ownership.held().values()) == sorted(shares),
        within_seconds,
        f"partitions shared as {shares}",
    )
