"""Where broker and databases are: from the environment, with defaults for this machine."""

from __future__ import annotations

import os
from pathlib import Path

AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
# A database of its own for the orchestrator and for each service.
DATABASES = Path(os.environ.get("TRIPS_DIRECTORY", "."))

REQUESTS = "trip.requests"
REPLIES = "trip.replies"
PREFETCH = 20


def database_path(name: str) -> Path:
    return DATABASES / f"trips-{name}.sqlite3"


def command_queue(service: str) -> str:
    return f"trip.{service}"
