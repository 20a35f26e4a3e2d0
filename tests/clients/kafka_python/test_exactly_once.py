"""Read, process, write, exactly once, while the program or the broker is killed with -9 again and again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from clients.kafka_python.session import (
    WITHIN_SECONDS,
    Killable,
    consumer,
    crash,
    create_topic,
    flush,
    producer,
    read_to_end,
    unique_name,
    values,
    wait_until,
)

PROGRAM = Path(__file__).with_name("exactly_once_worker.py")
RECORDS = 1500
PARTITIONS = 2
# A killed Kafka takes its time to start.
PROGRESS_SECONDS = 120.0
STALL_SECONDS = 8.0

pytestmark = pytest.mark.timeout(500)


class Job:
    """A source full of records, a target, and the program between them."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.source, self.target, self.group = (
            unique_name("source"),
            unique_name("target"),
            unique_name("group"),
        )
        self._process: subprocess.Popen[bytes] | None = None
        for topic in (self.source, self.target):
            create_topic(bootstrap, topic, PARTITIONS)
        client = producer(bootstrap, linger_ms=5)
        for number in range(RECORDS):
            client.produce(self.source, b"%d" % number, partition=number % PARTITIONS)
        flush(client)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), self.bootstrap, self.source, self.target, self.group],
            env=os.environ,
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def keep_running(self) -> None:
        """As a supervisor: start it again when a fatal error has ended it."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def done(self) -> list[bytes]:
        return values(read_to_end(self.bootstrap, self.target, range(PARTITIONS)))

    def wait_for(self, count: int) -> None:
        progress = (-1, time.monotonic())

        def enough() -> bool:
            nonlocal progress
            self.keep_running()
            found = len(self.done())
            if found != progress[0]:
                progress = (found, time.monotonic())
            elif time.monotonic() - progress[1] > STALL_SECONDS:
                # librdkafka sometimes never sends the TxnOffsetCommit after its broker was away, and overlooks its time-out.
                self.kill()
                progress = (found, time.monotonic())
            return found >= count

        wait_until(enough, PROGRESS_SECONDS, f"that {count} records are done")

    def check(self) -> None:
        """Each record was done once, in its partition's order, and the offsets say so."""
        messages = read_to_end(self.bootstrap, self.target, range(PARTITIONS))
        for partition in range(PARTITIONS):
            found = [message.value() for message in messages if message.partition() == partition]
            assert found == [b"done %d" % number for number in range(partition, RECORDS, PARTITIONS)]
        client = consumer(self.bootstrap, self.group)
        asked = [TopicPartition(self.source, partition) for partition in range(PARTITIONS)]
        stored = client.committed(asked, WITHIN_SECONDS)
        assert [partition.offset for partition in stored] == [RECORDS // PARTITIONS] * PARTITIONS
        client.close()


@pytest.fixture
def jobs() -> Generator[list[Job], None, None]:
    started: list[Job] = []
    yield started
    for job in started:
        job.kill()


def test_the_program_is_killed(bootstrap: str, jobs: list[Job]) -> None:
    job = Job(bootstrap)
    jobs.append(job)
    job.start()
    for part in (1, 2, 3):
        job.wait_for(RECORDS * part // 5)
        job.kill()
        job.start()
    job.wait_for(RECORDS)
    job.check()


def test_the_broker_is_killed(own_broker: Killable, jobs: list[Job]) -> None:
    job = Job(own_broker.bootstrap)
    jobs.append(job)
    job.start()
    for part in (1, 2, 3):
        job.wait_for(RECORDS * part // 5)
        crash(own_broker)
    job.wait_for(RECORDS)
    job.check()


def test_both_are_killed(own_broker: Killable, jobs: list[Job]) -> None:
    job = Job(own_broker.bootstrap)
    jobs.append(job)
    job.start()
    job.wait_for(RECORDS // 4)
    job.kill()
    crash(own_broker)
    job.start()
    job.wait_for(RECORDS)
    job.check()
