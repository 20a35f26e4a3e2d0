"""The jobs. Each may run twice (its worker was killed after the work, before the acknowledgement), so each is idempotent."""

from __future__ import annotations

import sqlite3
import time

from .app import DATABASE_PATH, app


class PrinterOffline(Exception):
    """It comes back."""


def connect() -> sqlite3.Connection:
    connection = sqlite3.connect(DATABASE_PATH, timeout=30)
    connection.executescript(
        "CREATE TABLE IF NOT EXISTS done (number INTEGER PRIMARY KEY, job TEXT UNIQUE, finished_at REAL);"
        "CREATE TABLE IF NOT EXISTS tries (job TEXT);"
    )
    return connection


def note_done(job: str) -> None:
    connection = connect()
    with connection:
        connection.execute(
            "INSERT INTO done (job, finished_at) VALUES (?, ?) ON CONFLICT DO NOTHING", (job, time.time())
        )
    connection.close()


def note_try(job: str) -> int:
    """How many there were with this one."""
    connection = connect()
    with connection:
        connection.execute("INSERT INTO tries VALUES (?)", (job,))
        (tries,) = connection.execute("SELECT count(*) FROM tries WHERE job = ?", (job,)).fetchone()
    connection.close()
    return int(tries)


@app.task
def render(report: str) -> str:
    """Render a report. Returns where it lies."""
    note_done(report)
    return f"{report}.pdf"


@app.task
def remind(whom: str) -> None:
    note_done(f"reminder to {whom}")


@app.task(
    autoretry_for=(PrinterOffline,),
    max_retries=4,
    retry_backoff=1,  # seconds; doubled with each try
    retry_backoff_max=60,
    retry_jitter=False,
)
def print_out(report: str) -> None:
    """Print a report; the printer is offline for the first try."""
    if note_try(report) == 1:
        raise PrinterOffline
    note_done(f"print of {report}")
