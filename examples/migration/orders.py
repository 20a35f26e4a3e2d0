"""The work itself, the same for both workers: an order is booked once, under the name of who did it."""

from __future__ import annotations

import json
import sqlite3


class Orders:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, amount INTEGER, tenant TEXT, worker TEXT)"
        )
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()

    def book(self, body: bytes | str, tenant: str, worker: str) -> None:
        """Raises ValueError or KeyError when the body is no order."""
        order = json.loads(body)
        with self._connection:
            self._connection.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                (order["id"], order["amount"], tenant, worker),
            )

    def count_by_worker(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT worker, count(*) FROM orders GROUP BY worker"))
