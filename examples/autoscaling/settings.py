"""Where broker and database are, and when to scale: from the environment, with defaults for this machine."""

from __future__ import annotations

import os

from .scaling import Rules

AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
METRICS_URL = os.environ.get("METRICS_URL", "http://127.0.0.1:15692/metrics")
DATABASE_PATH = os.environ.get("THUMBNAILS_DATABASE", "thumbnails.sqlite3")

QUEUE = "thumbnails"
JOB_SECONDS = 0.02

RULES = Rules(workers_min=0, workers_max=4, jobs_a_worker=40, calm_looks=3)
LOOK_SECONDS = 0.2
