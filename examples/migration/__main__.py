"""Plays the move: publishers and the old worker run; the new worker joins it on the same queue; the old one goes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pika

from .orders import Orders
from .settings import AMQP_URL, DATABASE_PATH, QUEUE

STEP_SECONDS_MAX = 30.0
ORDERS_A_STEP = 200


def start(worker: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", f"{__package__}.{worker}"])


def publish(first: int, count: int) -> None:
    """The shop's Node program, as it has always been."""
    program = str(Path(__file__).parent / "publisher.js")
    subprocess.run(["node", program, str(first), str(count)], check=True)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STEP_SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done within {STEP_SECONDS_MAX} s")
        time.sleep(0.02)


def start_afresh() -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(DATABASE_PATH + suffix).unlink(missing_ok=True)
    connection = pika.BlockingConnection(pika.URLParameters(AMQP_URL))
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=True)
    channel.queue_purge(QUEUE)
    connection.close()


def play() -> None:
    start_afresh()
    orders = Orders(DATABASE_PATH)

    def booked() -> int:
        return sum(orders.count_by_worker().values())

    old, new = start("old_worker"), None
    try:
        publish(1, ORDERS_A_STEP)
        until(lambda: booked() == ORDERS_A_STEP)
        print(f"before: {orders.count_by_worker()}")

        new = start("new_worker")
        first = ORDERS_A_STEP + 1
        while "sqs" not in orders.count_by_worker():  # one at a time: whoever is free takes it
            publish(first, 10)
            first += 10
        publish(first, ORDERS_A_STEP)
        until(lambda: booked() == first - 1 + ORDERS_A_STEP)
        print(f"side by side: {orders.count_by_worker()}")

        old.terminate()
        old.wait()
        by_rabbitmq = orders.count_by_worker()["rabbitmq"]
        publish(first + ORDERS_A_STEP, ORDERS_A_STEP)
        until(lambda: booked() == first - 1 + 2 * ORDERS_A_STEP)
        assert orders.count_by_worker()["rabbitmq"] == by_rabbitmq
        print(f"after: {orders.count_by_worker()}")
    finally:
        for worker in (old, new):
            if worker is not None:
                worker.terminate()
                worker.wait()
        orders.close()


if __name__ == "__main__":
    play()
