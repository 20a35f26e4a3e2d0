"""The shop: an order and the event about it are rows of one transaction. It does not talk to the broker at all.

That is why it goes on while the broker is down, and why there is never an order without its event, or an event without order.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, item TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    body TEXT NOT NULL
);
"""


class OutboxRow(NamedTuple):
    number: int
    event_id: str
    order_id: str
    body: str


class Shop:
    def __init__(self, path: str | Path) -> None:
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def place(self, order_id: str, item: str) -> None:
        with self._connection:  # one transaction
            self._connection.execute("INSERT INTO orders VALUES (?, ?, 'placed')", (order_id, item))
            self._tell(order_id, {"event": "placed", "order": order_id, "item": item})

    def cancel(self, order_id: str) -> None:
        with self._connection:
            self._connection.execute("UPDATE orders SET status = 'cancelled' WHERE id = ?", (order_id,))
            self._tell(order_id, {"event": "cancelled", "order": order_id})

    def _tell(self, order_id: str, event: dict[str, str]) -> None:
        self._connection.execute(
            "INSERT INTO outbox (event_id, order_id, body) VALUES (?, ?, ?)",
            (str(uuid4()), order_id, json.dumps(event)),
        )

    def unsent(self, limit: int) -> list[OutboxRow]:
        """The oldest first."""
        rows = self._connection.execute(
            "SELECT number, event_id, order_id, body FROM outbox ORDER BY number LIMIT ?", (limit,)
        )
        return [OutboxRow(*row) for row in rows]

    def sent(self, rows: list[OutboxRow]) -> None:
        """One by one by their numbers: in other databases a smaller number may become visible later than a larger one."""
        with self._connection:
            self._connection.executemany(
                "DELETE FROM outbox WHERE number = ?", [(row.number,) for row in rows]
            )
