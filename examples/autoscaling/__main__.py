"""Plays it all: a load comes, workers come; it is done, they go."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pika

from .jobs import Jobs
from .settings import AMQP_URL, DATABASE_PATH, QUEUE, RULES

JOBS = 300
FINISHED_SECONDS_MAX = 40.0
PERSISTENT = pika.BasicProperties(delivery_mode=2)


def publish() -> None:
    with pika.BlockingConnection(pika.URLParameters(AMQP_URL)) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True)
        channel.queue_purge(QUEUE)  # what an earlier run has left goes
        channel.confirm_delivery()
        for number in range(JOBS):
            channel.basic_publish("", QUEUE, f"picture-{number}".encode(), PERSISTENT)


def play() -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(DATABASE_PATH + suffix).unlink(missing_ok=True)
    jobs = Jobs(DATABASE_PATH)
    publish()
    autoscaler = subprocess.Popen([sys.executable, "-m", f"{__package__}.autoscaler"])
    try:
        deadline = time.monotonic() + FINISHED_SECONDS_MAX
        while jobs.finished() < JOBS or jobs.looks()[-1] != (0, RULES.workers_min):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{jobs.finished()} of {JOBS} jobs are done")
            time.sleep(0.05)
    finally:
        autoscaler.terminate()
        autoscaler.wait()
    for backlog, workers in jobs.looks():
        print(f"{backlog:>4} waiting {'*' * workers}")
    jobs.close()


if __name__ == "__main__":
    play()
