"""Where broker and database are, and the queues' settings: from the environment, with defaults for this machine."""

from __future__ import annotations

import os

ENDPOINT_URL = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
REGION = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
# onemq takes any keys from this machine as long as it has no users.
ACCESS_KEY_ID = os.environ.get("AWS_ACCESS_KEY_ID", "any")
SECRET_ACCESS_KEY = os.environ.get("AWS_SECRET_ACCESS_KEY", "any")

DATABASE_PATH = os.environ.get("INVOICES_DATABASE", "invoices.sqlite3")

QUEUE = "invoices"
DEAD_LETTER_QUEUE = "invoices-dead"

# How long a message stays with a worker that gives no sign of life. Short, so that a dead worker's come back soon; who needs
# longer for one says so every EXTENSION_SECONDS.
VISIBILITY_SECONDS = 2
EXTENSION_SECONDS = 0.5
RECEIVES_MAX = 3
WAIT_SECONDS = 1
THREADS = 10
