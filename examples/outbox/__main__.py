"""Plays it all: orders are placed and cancelled while relay and warehouse are killed, again and again."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from .settings import BOOTSTRAP_SERVERS, PARTITIONS, SHOP_DATABASE, TOPIC, WAREHOUSE_DATABASE
from .shop import Shop
from .warehouse import Warehouse

ORDERS = 400
CANCELLED_EVERY = 4
KILL_EVERY = 100
FINISHED_SECONDS_MAX = 40.0


def start_afresh() -> None:
    for path in (SHOP_DATABASE, WAREHOUSE_DATABASE):
        for suffix in ("", "-wal", "-shm"):
            Path(path + suffix).unlink(missing_ok=True)
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP_SERVERS})
    if TOPIC in admin.list_topics(timeout=10).topics:
        admin.delete_topics([TOPIC])[TOPIC].result()
    admin.create_topics([NewTopic(TOPIC, num_partitions=PARTITIONS)])[TOPIC].result()


def start(program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", f"{__package__}.{program}"])


def play() -> None:
    start_afresh()
    shop, warehouse = Shop(SHOP_DATABASE), Warehouse(WAREHOUSE_DATABASE)
    programs = {name: start(name) for name in ("relay", "warehouse")}
    deadline = time.monotonic() + FINISHED_SECONDS_MAX
    events = ORDERS + ORDERS // CANCELLED_EVERY

    def kill_and_start(name: str) -> None:
        programs[name].kill()
        programs[name].wait()
        programs[name] = start(name)

    try:
        for number in range(ORDERS):
            shop.place(f"order-{number}", "teapot" if number % 2 else "samovar")
            if number % CANCELLED_EVERY == 0:
                shop.cancel(f"order-{number}")
            if number % KILL_EVERY == KILL_EVERY - 1:
                # While they have something to do: not before the warehouse has got somewhere.
                while warehouse.events()[0] < number // 2 and time.monotonic() < deadline:
                    time.sleep(0.005)
                kill_and_start("relay" if number // KILL_EVERY % 2 else "warehouse")
        while warehouse.events()[0] < events:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{warehouse.events()[0]} of {events} events arrived")
            time.sleep(0.02)
    finally:
        for program in programs.values():
            program.terminate()
        for program in programs.values():
            program.wait()
    worked, doubles = warehouse.events()
    print(f"{worked} events, {doubles} of them came again and were passed over")
    print(f"reserved: {warehouse.reserved()}")
    shop.close()
    warehouse.close()


if __name__ == "__main__":
    play()
