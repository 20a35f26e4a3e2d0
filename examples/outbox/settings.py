"""Where broker and databases are: from the environment, with defaults for this machine."""

from __future__ import annotations

import os

BOOTSTRAP_SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
# Two services, two databases.
SHOP_DATABASE = os.environ.get("SHOP_DATABASE", "shop.sqlite3")
WAREHOUSE_DATABASE = os.environ.get("WAREHOUSE_DATABASE", "warehouse.sqlite3")

TOPIC = "order-events"
PARTITIONS = 3
GROUP = "warehouse"
EVENT_ID_HEADER = "event-id"
BATCH_MAX = 50
