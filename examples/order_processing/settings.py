"""Where broker and database are, and how often work is tried again: from the environment, with defaults for this machine."""

from __future__ import annotations

import os

AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")

# PostgreSQL is one variable away: postgresql+psycopg://user:password@host/database
DATABASE_URL = os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///order_processing.sqlite3")

# Unacknowledged messages that one service has at a time; it works on all of them at once.
PREFETCH = 10

# A message that fails is tried again after each of these, then it is a dead letter.
RETRY_DELAYS_MS = (100, 200, 400, 800)
