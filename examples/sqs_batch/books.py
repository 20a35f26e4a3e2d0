"""The accounts: a table with each invoice once, and one with every try, to see what happened."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Mapping

from .invoice import Invoice, LedgerBusy

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS booked (number TEXT PRIMARY KEY, gross_cents INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tries (number TEXT NOT NULL);
"""
SECONDS_A_PAGE = 0.01


class Books:
    """Used by several threads. `tax_percent` by country: an invoice of another country cannot be booked."""

    def __init__(self, path: str, tax_percent: Mapping[str, int]) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
        self._connection.executescript(SCHEMA)
        self._tax_percent = tax_percent

    def close(self) -> None:
        self._connection.close()

    def book(self, invoice: Invoice) -> None:
        """Book it, unless it is booked. Raises LedgerBusy, KeyError for a country without a tax rate."""
        with self._lock, self._connection:
            self._connection.execute("INSERT INTO tries VALUES (?)", (invoice.number,))
        if invoice.number.startswith("locked") and self.tries(invoice.number) == 1:
            raise LedgerBusy("the year is being closed")
        time.sleep(invoice.pages * SECONDS_A_PAGE)  # reading them
        gross_cents = invoice.net_cents * (100 + self._tax_percent[invoice.country]) // 100
        with self._lock, self._connection:
            self._connection.execute(
                "INSERT INTO booked VALUES (?, ?) ON CONFLICT DO NOTHING", (invoice.number, gross_cents)
            )

    def booked(self) -> dict[str, int]:
        with self._lock:
            return dict(self._connection.execute("SELECT number, gross_cents FROM booked ORDER BY number"))

    def tries(self, number: str) -> int:
        with self._lock:
            row = self._connection.execute(
                "SELECT count(*) FROM tries WHERE number = ?", (number,)
            ).fetchone()
        return int(row[0])
