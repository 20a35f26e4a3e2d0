"""RabbitMQ's metrics, under its names: so that dashboards and alerts made for it find data. What only Erlang has is not here.

Which there are, and the order in which a scrape writes them. Must not: compute what the engine can.
"""

from collections.abc import Iterator
from typing import Final

from onemq.ops.metrics.metric import Exposition
from onemq.ops.metrics.objects import Passes
from onemq.ops.metrics.process import ProcessNumbers
from onemq.ops.metrics.rabbitmq_connections import (
    add_channels,
    add_connection_totals,
    add_each_connection,
    add_totals,
)
from onemq.ops.metrics.rabbitmq_global import add_global
from onemq.ops.metrics.rabbitmq_metric import AGGREGATED, DEFINED, PER_OBJECT
from onemq.ops.metrics.rabbitmq_node import add_node
from onemq.ops.metrics.rabbitmq_queues import add_queue_totals
from onemq.ops.metrics.sources import Sources

THEIRS: Final = tuple(DEFINED)


def add_all(
    out: Exposition, sources: Sources, process: ProcessNumbers, passes: Passes, bound: int, per_object: bool
) -> Iterator[None]:
    """All but what is said of each queue. passes: after it went over the queues. bound: so many connections at the most."""
    consumers = int(passes.total.gauges.consumers)
    add_global(out, sources, consumers)
    add_totals(out, sources, consumers)
    add_node(out, sources, process, PER_OBJECT if per_object else AGGREGATED)
    add_channels(out, sources, passes.total)
    yield
    if per_object:
        yield from add_each_connection(out, sources, bound)
    else:
        add_queue_totals(out, passes.total, passes.growing)
        add_connection_totals(out, sources)
