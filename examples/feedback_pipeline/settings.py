"""Where broker and database are: from the environment, with defaults for this machine."""

from __future__ import annotations

import os

BOOTSTRAP_SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
DATABASE_PATH = os.environ.get("FEEDBACK_DATABASE", "feedback.sqlite3")

TOPIC = "feedback-topic"
PARTITIONS = 3
GROUP = os.environ.get("FEEDBACK_GROUP", "feedback-group")
# The consumer's name in the group: one that comes back under its name takes its partitions up again at once.
CONSUMER_NAME = os.environ.get("CONSUMER_NAME", "feedback-consumer-1")

# Records that go into the database with one transaction.
BATCH_RECORDS_MAX = 50
