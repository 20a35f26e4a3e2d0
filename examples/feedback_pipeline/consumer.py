"""The consumer: takes feedback in batches and stores each batch with its position in one transaction of the database.

The group says who reads which partition; where to go on is the database's business. A consumer that is killed leaves both as
they were after its last transaction; one that was thrown out of the group without noticing is found out by the position.
"""

from __future__ import annotations

import logging
import signal
from collections import defaultdict
from types import FrameType

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from pydantic import ValidationError

from .feedback import Feedback
from .settings import BATCH_RECORDS_MAX, BOOTSTRAP_SERVERS, CONSUMER_NAME, DATABASE_PATH, GROUP, TOPIC
from .store import Overtaken, Store

log = logging.getLogger(__name__)


class FeedbackConsumer:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopping = False
        # Where we found or left the position of each partition: it moves only if it still stands there.
        self._expected: dict[int, int | None] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": BOOTSTRAP_SERVERS,
                "group.id": GROUP,
                "group.instance.id": CONSUMER_NAME,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def run(self) -> None:
        self._consumer.subscribe([TOPIC], on_assign=self._go_on_where_the_database_is)
        try:
            while not self._stopping:
                messages = self._consumer.consume(BATCH_RECORDS_MAX, timeout=0.2)
                if messages:
                    self._take(messages)
        finally:
            self._consumer.close()

    def _go_on_where_the_database_is(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self._find_position(partition)
        consumer.assign(partitions)
        log.info("reads %s", ", ".join(f"{each.partition} from {each.offset}" for each in partitions))

    def _find_position(self, partition: TopicPartition) -> None:
        stored = self._store.next_offset(partition.topic, partition.partition)
        self._expected[partition.partition] = stored
        partition.offset = OFFSET_BEGINNING if stored is None else stored

    def _take(self, messages: list[Message]) -> None:
        by_partition: dict[int, list[Message]] = defaultdict(list)
        for message in messages:
            if error := message.error():
                raise KafkaException(error)
            by_partition[place_of(message)[0]].append(message)
        for partition, batch in by_partition.items():
            try:
                self._store_batch(partition, batch)
            except Overtaken as overtaken:
                log.warning("%d records go back: %s", len(batch), overtaken)
                self._go_back(TopicPartition(TOPIC, partition))
                continue
            # Only for those who watch the group's lag; nothing reads it back.
            self._consumer.commit(message=batch[-1], asynchronous=True)

    def _go_back(self, partition: TopicPartition) -> None:
        self._find_position(partition)
        try:
            self._consumer.seek(partition)
        except KafkaException as error:
            log.info("%d is not ours any more: %s", partition.partition, error)

    def _store_batch(self, partition: int, batch: list[Message]) -> None:
        next_offset = place_of(batch[-1])[1] + 1
        with self._store.transaction():
            self._store.advance(TOPIC, partition, self._expected[partition], next_offset)
            for message in batch:
                try:
                    self._store.add(Feedback.model_validate_json(message.value() or b""))
                except ValidationError as error:
                    # Kept with its reason, in the same transaction: it stops nobody, and can be looked at.
                    reason = error.errors()[0]["msg"]
                    self._store.reject(*place_of(message), message.value(), reason)
        self._expected[partition] = next_offset


def place_of(message: Message) -> tuple[int, int]:
    """(partition, offset)"""
    partition, offset = message.partition(), message.offset()
    assert partition is not None and offset is not None, "a record has a place"
    return partition, offset


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    store = Store(DATABASE_PATH)
    consumer = FeedbackConsumer(store)
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, consumer.stop)
    try:
        consumer.run()
    finally:
        store.close()


if __name__ == "__main__":
    main()
