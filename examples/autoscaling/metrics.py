"""What the metrics say of one queue. The queue may be any protocol's: the names are the same for all."""

from __future__ import annotations

import urllib.request
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS = 5.0
READY = "onemq_queue_records_ready"
IN_FLIGHT = "onemq_queue_records_in_flight"


class Depth(NamedTuple):
    ready: int
    in_flight: int

    @property
    def backlog(self) -> int:
        """All that is not done, what workers have in hand included."""
        return self.ready + self.in_flight


def depth_of(queue: str, text: str) -> Depth:
    """From the text of a scrape; zeros for a queue that is not there."""
    found = {READY: 0, IN_FLIGHT: 0}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in found and sample.labels.get("queue") == queue:
                found[sample.name] += int(sample.value)
    return Depth(found[READY], found[IN_FLIGHT])


def scrape(url: str) -> str:
    """Raises OSError."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        text: bytes = answer.read()
    return text.decode()
