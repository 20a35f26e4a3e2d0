"""Plays it all: more trips are asked for than there are rooms, some cards cannot pay, and everybody is killed once on the way."""

from __future__ import annotations

import subprocess
import sys
import time

from .consuming import connect, open_channel, send
from .messages import TripRequest
from .settings import REPLIES, REQUESTS, command_queue, database_path
from .trips import STEPS, Trips

TRIPS = 80
TOO_EXPENSIVE_EVERY = 8
FINISHED_SECONDS_MAX = 40.0


def start_afresh() -> None:
    for name in ("orchestrator", *STEPS):
        for suffix in ("", "-wal", "-shm"):
            path = database_path(name)
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    queues = [REQUESTS, REPLIES, *map(command_queue, STEPS)]
    with connect() as connection:
        channel = open_channel(connection, queues)
        for queue in queues:
            channel.queue_purge(queue)


def request_trips() -> None:
    with connect() as connection:
        channel = open_channel(connection, [REQUESTS])
        for number in range(TRIPS):
            price = 5000 if number % TOO_EXPENSIVE_EVERY == 0 else 500
            send(channel, REQUESTS, TripRequest(trip_id=f"trip-{number}", price=price))


def play() -> None:
    start_afresh()
    trips = Trips(database_path("orchestrator"))
    commands = {"orchestrator": ["orchestrator"]}
    commands.update({step: ["participant", step] for step in STEPS})

    def start(name: str) -> subprocess.Popen[bytes]:
        module, *arguments = commands[name]
        return subprocess.Popen([sys.executable, "-m", f"{__package__}.{module}", *arguments])

    programs = {name: start(name) for name in commands}
    deadline = time.monotonic() + FINISHED_SECONDS_MAX

    def ended() -> int:
        return sum(count for status, count in trips.count_by_status().items() if status != "running")

    def until_ended(wanted: int) -> None:
        while ended() < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{ended()} of {TRIPS} trips have ended")
            time.sleep(0.01)

    try:
        request_trips()
        for index, name in enumerate(commands):
            until_ended(5 + 10 * index)
            programs[name].kill()
            programs[name].wait()
            programs[name] = start(name)
        until_ended(TRIPS)
    finally:
        for program in programs.values():
            program.terminate()
        for program in programs.values():
            program.wait()
    print(f"of {TRIPS} trips: {trips.count_by_status()}")
    trips.close()


if __name__ == "__main__":
    play()
