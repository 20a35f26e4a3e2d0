"""A program that reads, processes and writes exactly once, for tests that kill it: `BOOTSTRAP SOURCE TARGET GROUP`.

It runs until it is killed. An error that a transaction can be aborted for is that; a fatal one ends the program with
code 3, and the test starts it again, as a supervisor would.
"""

from __future__ import annotations

import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

CALL_SECONDS = 20.0


def rewind(consumer: Consumer) -> None:
    """Go on where the group's committed offsets say, after an abort."""
    for partition in consumer.committed(consumer.assignment(), CALL_SECONDS):
        consumer.seek(TopicPartition(partition.topic, partition.partition, max(partition.offset, 0)))


def step(consumer: Consumer, producer: Producer, target: str) -> None:
    """One transaction: what one poll gave, and its offsets."""
    messages = [message for message in consumer.consume(20, 0.1) if message.error() is None]
    if not messages:
        return
    producer.begin_transaction()
    for message in messages:
        producer.produce(target, b"done " + message.value(), partition=message.partition())
    producer.send_offsets_to_transaction(
        consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), CALL_SECONDS
    )
    producer.commit_transaction(CALL_SECONDS)


def main(bootstrap: str, source: str, target: str, group: str) -> int:
    reconnect = {
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
        "retry.backoff.ms": 20,
        "log_level": 0,
    }
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "group.instance.id": "worker",
            "session.timeout.ms": 30_000,
            "heartbeat.interval.ms": 100,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            **reconnect,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": f"{group}-worker",
            "transaction.timeout.ms": 30_000,
            "linger.ms": 0,
            **reconnect,
        }
    )
    try:
        producer.init_transactions(CALL_SECONDS)
        consumer.subscribe([source])
        while True:
            try:
                step(consumer, producer, target)
            except KafkaException as failure:
                if not failure.args[0].txn_requires_abort():
                    raise
                producer.abort_transaction(CALL_SECONDS)
                rewind(consumer)
    except KafkaException as failure:
        print(failure, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
