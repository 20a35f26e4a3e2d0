"""The state of every trip, and the rules by which it changes: forward step by step, and back the same way after a refusal.

Nothing here sends anything. What a trip has to say next follows from its state alone, so that it can be said again after a crash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .messages import Action, Command, Reply, Service, TripRequest

STEPS: tuple[Service, ...] = ("flight", "hotel", "payment")

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS trips (
    id TEXT PRIMARY KEY, price INTEGER NOT NULL, step INTEGER NOT NULL, action TEXT NOT NULL, status TEXT NOT NULL
);
"""


class Trip(NamedTuple):
    """`step` is the index of the service that is asked, `action` what it is asked for. Status: running, booked, refused."""

    trip_id: str
    price: int
    step: int = 0
    action: Action = "book"
    status: str = "running"

    def after(self, reply: Reply) -> Trip:
        """The trip after a reply; itself when the reply is not to what was asked last (it came twice)."""
        asked = (STEPS[self.step], self.action)
        if self.status != "running" or (reply.service, reply.action) != asked:
            return self
        if self.action == "book" and reply.accepted:
            if self.step + 1 == len(STEPS):
                return self._replace(status="booked")
            return self._replace(step=self.step + 1)
        # Refused, or taken back: on to the one before.
        if self.step == 0:
            return self._replace(action="cancel", status="refused")
        return self._replace(action="cancel", step=self.step - 1)

    def next_command(self) -> tuple[Service, Command] | None:
        if self.status != "running":
            return None
        return STEPS[self.step], Command(trip_id=self.trip_id, action=self.action, price=self.price)


class Trips:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def begin(self, request: TripRequest) -> Trip:
        """A new trip, or the one that was begun by the same request before."""
        trip = Trip(request.trip_id, request.price)
        with self._connection:
            self._connection.execute("INSERT INTO trips VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", trip)
        return self._get(request.trip_id)

    def advance(self, reply: Reply) -> Trip:
        trip = self._get(reply.trip_id).after(reply)
        with self._connection:
            self._connection.execute(
                "UPDATE trips SET step = ?, action = ?, status = ? WHERE id = ?",
                (trip.step, trip.action, trip.status, trip.trip_id),
            )
        return trip

    def running(self) -> Iterator[Trip]:
        for row in self._connection.execute("SELECT * FROM trips WHERE status = 'running'").fetchall():
            yield Trip(*row)

    def count_by_status(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT status, count(*) FROM trips GROUP BY status"))

    def _get(self, trip_id: str) -> Trip:
        row = self._connection.execute("SELECT * FROM trips WHERE id = ?", (trip_id,)).fetchone()
        return Trip(*row)
