"""What is common to RabbitMQ's metrics: the list of those that are defined, and words of theirs.

Sources: RabbitMQ's documentation "Monitoring with Prometheus and Grafana", rabbitmq_prometheus's metrics.md and metrics-detailed.md;
RabbitMQ 4's dashboard RabbitMQ-Overview. Where a metric means something slightly different, its help says so.
Must not: measure anything.
"""

from typing import Final

from onemq.engine.counters import ProtocolCounters
from onemq.ops.metrics.metric import Metric
from onemq.ops.metrics.sources import Sources

SERVER_VERSION: Final = "3.13.7"
"""As the AMQP head says it."""
AGGREGATED: Final = "aggregated"
PER_OBJECT: Final = "per-object"
DETAILED: Final = "detailed"
"""Values of `rabbitmq_endpoint`."""

OPERATORS: Final = ("http", "metrics")
"""Heads whose connections are no clients'."""

DEFINED: Final[list[Metric]] = []
"""All of them, without those of the detailed endpoint, which differ in their names' beginning only."""


def define(name: str, kind: str, text: str, *labels: str) -> Metric:
    metric = Metric(name, kind, text, labels)
    DEFINED.append(metric)
    return metric


def amqp(sources: Sources) -> ProtocolCounters:
    return sources.broker.core.totals.protocol("amqp091")
