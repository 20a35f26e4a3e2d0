"""Where the broker is: from the environment, with a default for this machine."""

from __future__ import annotations

import os

AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
REQUEST_QUEUE = "order-status"
