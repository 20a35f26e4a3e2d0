"""Plays it all: five services subscribe, five things happen, each service gets what it asked for."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import topology
from .rides import Ride, publish
from .settings import DATABASE_PATH, client
from .subscriber import connect, serve

FINISHED_SECONDS_MAX = 30.0

EVENTS = (
    Ride(ride_id="ride-1", event="ride.created"),
    Ride(ride_id="ride-2", event="ride.created", payment="cash"),
    Ride(ride_id="ride-3", event="ride.created", fare_cents=25000),
    Ride(ride_id="ride-1", event="driver.moved"),
    Ride(ride_id="ride-1", event="ride.ended"),
)
DONE_IN_ALL = 3 + 2 + 4 + 1 + 5


def play() -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(DATABASE_PATH + suffix).unlink(missing_ok=True)
    database = connect(DATABASE_PATH)
    sns, sqs = client("sns"), client("sqs")
    topic_arn, urls = topology.create(sns, sqs)
    for ride in EVENTS:
        publish(sns, topic_arn, ride)

    stopping = threading.Event()
    with ThreadPoolExecutor(len(urls)) as services:
        running = [
            services.submit(serve, sqs, url, service, DATABASE_PATH, stopping)
            for service, url in urls.items()
        ]
        deadline = time.monotonic() + FINISHED_SECONDS_MAX
        while database.execute("SELECT count(*) FROM done").fetchone()[0] < DONE_IN_ALL:
            if time.monotonic() > deadline or any(service.done() for service in running):
                break
            time.sleep(0.05)
        stopping.set()
        for service in running:
            service.result()
    for service, rides in database.execute(
        "SELECT service, group_concat(event || ' ' || ride_id, ', ') FROM done GROUP BY service"
    ):
        print(f"{service:<20}{rides}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    play()
