"""The warehouse: its inbox remembers which events it has worked on, in the transaction of the work.

The offset is committed to Kafka after that. Killed in between, it gets events again, and knows them.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
from pathlib import Path
from types import FrameType

from confluent_kafka import Consumer, KafkaException, Message

from .settings import BATCH_MAX, BOOTSTRAP_SERVERS, EVENT_ID_HEADER, GROUP, TOPIC, WAREHOUSE_DATABASE

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS inbox (event_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS reserved (item TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parcels (order_id TEXT PRIMARY KEY, item TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS doubles (event_id TEXT NOT NULL);
"""

log = logging.getLogger(__name__)


class Warehouse:
    def __init__(self, path: str | Path) -> None:
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def take(self, event_id: str, body: bytes) -> None:
        """Do what the event asks for, once."""
        event = json.loads(body)
        with self._connection:
            known = (
                self._connection.execute("INSERT OR IGNORE INTO inbox VALUES (?)", (event_id,)).rowcount == 0
            )
            if known:
                self._connection.execute("INSERT INTO doubles VALUES (?)", (event_id,))
            elif event["event"] == "placed":
                self._connection.execute("INSERT INTO parcels VALUES (?, ?)", (event["order"], event["item"]))
                self._reserve(event["item"], 1)
            elif event["event"] == "cancelled":
                # Events of one order come in order, so there is a parcel.
                (item,) = self._connection.execute(
                    "DELETE FROM parcels WHERE order_id = ? RETURNING item", (event["order"],)
                ).fetchone()
                self._reserve(item, -1)

    def _reserve(self, item: str, difference: int) -> None:
        self._connection.execute(
            "INSERT INTO reserved VALUES (?, ?) ON CONFLICT (item) DO UPDATE SET count = count + excluded.count",
            (item, difference),
        )

    def reserved(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT item, count FROM reserved ORDER BY item"))

    def events(self) -> tuple[int, int]:
        """(how many were worked on, how many came again)"""
        (worked,) = self._connection.execute("SELECT count(*) FROM inbox").fetchone()
        (doubles,) = self._connection.execute("SELECT count(*) FROM doubles").fetchone()
        return int(worked), int(doubles)


def event_id_of(message: Message) -> str:
    for name, value in message.headers() or []:
        if name == EVENT_ID_HEADER and isinstance(value, bytes):
            return value.decode()
    # Not from our outbox: its place is an id as well.
    return f"{message.topic()}/{message.partition()}/{message.offset()}"


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    warehouse = Warehouse(WAREHOUSE_DATABASE)
    consumer = Consumer(
        {
            "bootstrap.servers": BOOTSTRAP_SERVERS,
            "group.id": GROUP,
            # Under its name it takes its partitions up again at once after a restart.
            "group.instance.id": os.environ.get("CONSUMER_NAME", "warehouse-1"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC])
    while not stopping:
        messages = consumer.consume(BATCH_MAX, timeout=0.2)
        for message in messages:
            if error := message.error():
                raise KafkaException(error)
            warehouse.take(event_id_of(message), message.value() or b"")
        if messages:
            consumer.commit(asynchronous=False)
    consumer.close()
    warehouse.close()


if __name__ == "__main__":
    main()
