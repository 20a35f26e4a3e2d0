"""The database: the feedback, its totals, and how far each partition has been read. All three change in one transaction.

That is the whole trick of "exactly once": the position is stored where the effect is, so neither can be without the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from .feedback import Feedback

SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (user_id TEXT, rating INTEGER, comment TEXT, timestamp TEXT);
CREATE TABLE IF NOT EXISTS totals (rating INTEGER PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rejected (partition INTEGER, offset INTEGER, value BLOB, reason TEXT);
CREATE TABLE IF NOT EXISTS positions (topic TEXT, partition INTEGER, next_offset INTEGER, PRIMARY KEY (topic, partition));
"""


class Overtaken(Exception):
    """Another consumer has moved the position meanwhile: one of the two does not know yet whose the partition is."""


class Store:
    def __init__(self, path: str) -> None:
        # Transactions are begun by hand: `isolation_level` None.
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Where to go on; None when nothing of the partition was stored yet."""
        row = self._connection.execute(
            "SELECT next_offset FROM positions WHERE topic = ? AND partition = ?", (topic, partition)
        ).fetchone()
        return None if row is None else int(row[0])

    def advance(self, topic: str, partition: int, expected: int | None, next_offset: int) -> None:
        """Move the position on from where the caller found it. Raises Overtaken when it is no longer there."""
        stored = self.next_offset(topic, partition)
        if stored != expected:
            raise Overtaken(f"{topic}/{partition} stands at {stored}, not at {expected}")
        self._connection.execute(
            "INSERT INTO positions VALUES (?, ?, ?)"
            " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
            (topic, partition, next_offset),
        )

    def add(self, feedback: Feedback) -> None:
        self._connection.execute(
            "INSERT INTO feedback VALUES (?, ?, ?, ?)",
            (feedback.user_id, feedback.rating, feedback.comment, feedback.timestamp.isoformat()),
        )
        self._connection.execute(
            "INSERT INTO totals VALUES (?, 1) ON CONFLICT (rating) DO UPDATE SET count = count + 1",
            (feedback.rating,),
        )

    def reject(self, partition: int, offset: int, value: bytes | None, reason: str) -> None:
        self._connection.execute(
            "INSERT INTO rejected VALUES (?, ?, ?, ?)", (partition, offset, value, reason)
        )

    def feedback_count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM feedback").fetchone()[0])

    def totals(self) -> list[tuple[int, int]]:
        """(rating, how often)"""
        return self._connection.execute("SELECT rating, count FROM totals ORDER BY rating").fetchall()

    def rejected(self) -> list[tuple[bytes, str]]:
        """(value, reason)"""
        return self._connection.execute("SELECT value, reason FROM rejected").fetchall()
