"""One service: books and cancels, whichever it is asked for, once. `python -m examples.saga.participant flight`

`book` and `cancel` of one trip may come twice. A `book` that comes again after its `cancel` does not book anew.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from .consuming import connect, consume, open_channel, send
from .messages import Command, Reply, Service
from .settings import REPLIES, command_queue, database_path
from .trips import STEPS

# How many each can take in all, and what a card can pay at most.
SEATS, ROOMS, CREDIT = 50, 40, 1000

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS bookings (trip_id TEXT PRIMARY KEY, state TEXT NOT NULL);
"""


class Bookings:
    """States: booked, refused, cancelled."""

    def __init__(self, service: Service, path: Path) -> None:
        self._service = service
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def carry_out(self, command: Command) -> bool:
        """True when the trip has a booking (book), or has none any more (cancel)."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            state = self._state(command.trip_id)
            if command.action == "cancel":
                self._set(command.trip_id, "cancelled")
                return True
            if state is None:
                state = "booked" if self._possible(command) else "refused"
                self._set(command.trip_id, state)
            return state == "booked"

    def _possible(self, command: Command) -> bool:
        if self._service == "payment":
            return command.price <= CREDIT
        (taken,) = self._connection.execute("SELECT count(*) FROM bookings WHERE state = 'booked'").fetchone()
        return bool(taken < (SEATS if self._service == "flight" else ROOMS))

    def _state(self, trip_id: str) -> str | None:
        row = self._connection.execute("SELECT state FROM bookings WHERE trip_id = ?", (trip_id,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, trip_id: str, state: str) -> None:
        self._connection.execute(
            "INSERT INTO bookings VALUES (?, ?) ON CONFLICT (trip_id) DO UPDATE SET state = excluded.state",
            (trip_id, state),
        )


def main(name: str) -> None:
    service = next(step for step in STEPS if step == name)
    bookings = Bookings(service, database_path(service))
    queue = command_queue(service)
    with connect() as connection:
        channel = open_channel(connection, [queue, REPLIES])

        def handle(_queue: str, body: bytes) -> None:
            command = Command.model_validate_json(body)
            accepted = bookings.carry_out(command)
            reply = Reply(trip_id=command.trip_id, service=service, action=command.action, accepted=accepted)
            send(channel, REPLIES, reply)

        consume(channel, [queue], handle)
    bookings.close()


if __name__ == "__main__":
    main(sys.argv[1])
