"""The tables. SQLite by default, PostgreSQL by its URL; each service touches its own table and the inbox only."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, String, Table, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .settings import DATABASE_URL

metadata = MetaData()

# What a service has done already, and the events it published for it: written in the transaction of the work itself.
inbox = Table(
    "inbox",
    metadata,
    Column("service", String, primary_key=True),
    Column("message_id", String, primary_key=True),
    Column("events_json", String, nullable=False),
)
payments = Table(
    "payments",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("amount_cents", Integer, nullable=False),
    Column("status", String, nullable=False),
)
stock = Table(
    "stock",
    metadata,
    Column("item", String, primary_key=True),
    Column("available", Integer, nullable=False),
)
notifications = Table(
    "notifications",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("text", String, nullable=False),
)


def connect() -> AsyncEngine:
    """The database of the settings. The caller disposes of it."""
    engine = create_async_engine(DATABASE_URL)
    if make_url(DATABASE_URL).get_backend_name() == "sqlite":
        # Writers wait for each other, and a reader does not stop them.
        @event.listens_for(engine.sync_engine, "connect")
        def _prepare(connection, _record) -> None:  # type: ignore[no-untyped-def]
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA busy_timeout = 10000")

    return engine
