"""One service: takes what its queue has, at its own pace. What it would do for a living is a row in a table here."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import Any

from .rides import Ride

WAIT_SECONDS = 1

log = logging.getLogger(__name__)


def connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS done"
        " (service TEXT, ride_id TEXT, event TEXT, PRIMARY KEY (service, ride_id, event))"
    )
    connection.commit()
    return connection


def serve(sqs: Any, queue_url: str, service: str, database_path: str, stopping: threading.Event) -> None:
    """Until `stopping`: receive, do, delete. What fails is left, and comes again."""
    database = connect(database_path)
    while not stopping.is_set():
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS)
        for message in answer.get("Messages", []):
            try:
                ride = Ride.model_validate_json(message["Body"])
                with database:  # a second delivery changes nothing
                    database.execute(
                        "INSERT INTO done VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                        (service, ride.ride_id, ride.event),
                    )
            except Exception:
                log.exception("%s: left for another try", service)
            else:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    database.close()
