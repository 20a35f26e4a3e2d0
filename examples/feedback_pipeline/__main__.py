"""Plays it all: the website sends, a consumer stores and is killed in the middle, another one goes on.

`python -m examples.feedback_pipeline.consumer` runs a consumer by itself.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from .settings import BOOTSTRAP_SERVERS, DATABASE_PATH, PARTITIONS, TOPIC
from .store import Store

FEEDBACKS = 1000
FINISHED_SECONDS_MAX = 40.0


def start_afresh() -> None:
    """What an earlier run has left goes: topic and database."""
    for suffix in ("", "-wal", "-shm"):
        Path(DATABASE_PATH + suffix).unlink(missing_ok=True)
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP_SERVERS})
    if TOPIC in admin.list_topics(timeout=10).topics:
        admin.delete_topics([TOPIC])[TOPIC].result()
    admin.create_topics([NewTopic(TOPIC, num_partitions=PARTITIONS)])[TOPIC].result()


def start_consumer() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", f"{__package__}.consumer"])


def until_stored(store: Store, feedbacks: int, rejected: int = 0) -> None:
    deadline = time.monotonic() + FINISHED_SECONDS_MAX
    while store.feedback_count() < feedbacks or len(store.rejected()) < rejected:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{store.feedback_count()} of {feedbacks} were stored")
        time.sleep(0.01)


def play() -> None:
    start_afresh()
    store = Store(DATABASE_PATH)
    consumer = start_consumer()
    website = subprocess.Popen(["node", str(Path(__file__).parent / "website.js"), str(FEEDBACKS)])
    try:
        until_stored(store, FEEDBACKS // 4)
        consumer.kill()
        consumer.wait()
        print(f"killed the consumer at {store.feedback_count()} of {FEEDBACKS}")
        consumer = start_consumer()
        until_stored(store, FEEDBACKS, rejected=1)
    finally:
        website.wait()
        consumer.terminate()
        consumer.wait()
    for rating, count in store.totals():
        print(f"{'*' * rating:<5} {count}")
    for value, reason in store.rejected():
        print(f"rejected {value.decode()}: {reason}")
    store.close()


if __name__ == "__main__":
    play()
