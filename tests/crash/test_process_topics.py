"""The real process killed or stopped under producers of Kafka: acknowledged records stay, once, in order, transactions whole or absent."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from broker_process import BrokerProcess

kafka = pytest.importorskip("confluent_kafka")
admin = pytest.importorskip("confluent_kafka.admin")

SMALL = ["--set", "storage.journal_bytes_max=1MiB", "--set", "storage.segment_bytes=64KiB"]
SMALL += ["--set", "memory.tail_bytes_max=1MiB"]
TOPIC = "killed"
PARTITIONS = 2
KILLS = 3
SECONDS_MAX = 60.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path / "broker", arguments=SMALL, listeners=("amqp", "http", "kafka"))
    process.start()
    yield process
    process.kill9()


def address(broker: BrokerProcess) -> str:
    return f"{broker.host}:{broker.ports['kafka']}"


def make_topic(broker: BrokerProcess) -> None:
    client = admin.AdminClient({"bootstrap.servers": address(broker)})
    made = client.create_topics([admin.NewTopic(TOPIC, PARTITIONS, 1)])
    made[TOPIC].result(SECONDS_MAX)


def read_all(broker: BrokerProcess, isolation: str) -> list[list[int]]:
    """Numbers in each partition, up to its end."""
    reader = kafka.Consumer(
        {"bootstrap.servers": address(broker), "group.id": "reader", "isolation.level": isolation}
    )
    found: list[list[int]] = []
    by = time.monotonic() + SECONDS_MAX
    for index in range(PARTITIONS):
        place = kafka.TopicPartition(TOPIC, index, 0)
        reader.assign([place])
        _, end = reader.get_watermark_offsets(place, SECONDS_MAX)
        numbers: list[int] = []
        # The end may be a control record, which no consumer shows: its position tells.
        while end and (not (at := reader.position([place])[0].offset) >= end):
            assert time.monotonic() < by, f"stands at {at} of {end}"
            message = reader.poll(0.2)
            if message is not None:
                assert message.error() is None
                numbers.append(int(message.value().split(b":")[0]))
        found.append(numbers)
    reader.close()
    return found


def value(number: int) -> bytes:
    return b"%d:" % number + b"x" * (number * 37 % 3000)


@pytest.mark.parametrize("clean", [False, True], ids=["kill -9", "SIGTERM"])
def test_what_was_acknowledged_is_there_once_and_in_order(broker: BrokerProcess, clean: bool) -> None:
    make_topic(broker)
    producer = kafka.Producer(
        {
            "bootstrap.servers": address(broker),
            "enable.idempotence": True,
            "linger.ms": 2,
            "reconnect.backoff.max.ms": 200,
            "message.timeout.ms": int(SECONDS_MAX * 1000),
        }
    )
    acknowledged: list[set[int]] = [set() for _ in range(PARTITIONS)]
    failed: list[str] = []

    def told(error: object, message: object) -> None:
        if error is not None:
            failed.append(str(error))
        else:
            acknowledged[message.partition()].add(int(message.value().split(b":")[0]))  # type: ignore[attr-defined]

    sent = 0
    by = time.monotonic() + SECONDS_MAX
    for _ in range(KILLS):
        goal = sum(map(len, acknowledged)) + 400
        while sum(map(len, acknowledged)) < goal:
            assert time.monotonic() < by, f"{goal} not reached, {failed[:1]}"
            if len(producer) < 300:
                for _ in range(20):
                    producer.produce(TOPIC, value(sent), partition=sent % PARTITIONS, on_delivery=told)
                    sent += 1
            producer.poll(0.005)
        if clean:
            assert broker.terminate() == 0
        else:
            broker.kill9()
        broker.start()
    assert producer.flush(SECONDS_MAX) == 0
    assert not failed
    found = read_all(broker, "read_uncommitted")
    for index, numbers in enumerate(found):
        assert numbers == list(range(index, sent, PARTITIONS)), f"partition {index}"
        assert set(numbers) == acknowledged[index]


def test_transactions_are_whole_or_not_at_all(broker: BrokerProcess) -> None:
    make_topic(broker)
    committed: set[int] = set()
    unsure: set[int] = set()
    number = 0
    for kill in range(KILLS):
        producer = kafka.Producer(
            {"bootstrap.servers": address(broker), "transactional.id": "payer", "linger.ms": 0}
        )
        producer.init_transactions(SECONDS_MAX)
        for _ in range(12):
            producer.begin_transaction()
            for index in range(PARTITIONS):
                for _ in range(3):
                    producer.produce(TOPIC, value(number), partition=index)
            producer.flush(SECONDS_MAX)
            if number % 3:
                producer.commit_transaction(SECONDS_MAX)
                committed.add(number)
            else:
                producer.abort_transaction(SECONDS_MAX)
            number += 1
        producer.begin_transaction()
        for index in range(PARTITIONS):
            producer.produce(TOPIC, value(number), partition=index)
        producer.flush(SECONDS_MAX)
        if kill % 2:
            # The broker dies with the transaction open.
            broker.kill9()
        else:
            # It dies with the commit under way, perhaps.
            unsure.add(number)
            with pytest.raises(kafka.KafkaException):
                broker.kill9()
                producer.commit_transaction(0.5)
        number += 1
        del producer
        broker.start()
    closer = kafka.Producer({"bootstrap.servers": address(broker), "transactional.id": "payer"})
    closer.init_transactions(SECONDS_MAX)
    seen = read_all(broker, "read_committed")
    for numbers in seen:
        assert numbers == sorted(numbers)
        assert set(numbers) - unsure == committed
        assert {number: numbers.count(number) for number in committed} == dict.fromkeys(committed, 3)
    assert set(seen[0]) == set(seen[1]), "a transaction is in one partition and not in the other"
    assert max(map(len, read_all(broker, "read_uncommitted"))) > len(seen[0])
