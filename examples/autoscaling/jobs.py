"""The table of what was done, by whom, and of how many workers there were when."""

from __future__ import annotations

import sqlite3

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS done (job TEXT PRIMARY KEY, worker INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS looks (number INTEGER PRIMARY KEY, backlog INTEGER NOT NULL, workers INTEGER NOT NULL);
"""


class Jobs:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=30)
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def finish(self, job: str, worker: int) -> None:
        """Once, also when it comes twice."""
        with self._connection:
            self._connection.execute("INSERT INTO done VALUES (?, ?) ON CONFLICT DO NOTHING", (job, worker))

    def note(self, backlog: int, workers: int) -> None:
        with self._connection:
            self._connection.execute("INSERT INTO looks (backlog, workers) VALUES (?, ?)", (backlog, workers))

    def looks(self) -> list[tuple[int, int]]:
        """(backlog, workers), the oldest first."""
        return self._connection.execute("SELECT backlog, workers FROM looks ORDER BY number").fetchall()

    def finished(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM done").fetchone()
        return int(count)
