"""RabbitMQ's metrics of queues: without labels where it is aggregated, with vhost and queue otherwise. Must not: go over the queues
(objects.py does).
"""

from typing import Final

from onemq.ops.metrics.families import Row, Value
from onemq.ops.metrics.metric import COUNTER, GAUGE, Exposition, Metric
from onemq.ops.metrics.objects import Growing
from onemq.ops.metrics.rabbitmq_metric import define


def _queue(name: str, kind: str, text: str) -> Metric:
    return define(f"rabbitmq_queue_{name}", kind, text, "vhost", "queue")


COARSE: Final[tuple[tuple[Metric, Value], ...]] = (
    (
        _queue("messages_ready", GAUGE, "Messages ready to be delivered to consumers"),
        lambda r: r.gauges.ready,
    ),
    (
        _queue("messages_unacked", GAUGE, "Messages delivered to consumers but not yet acknowledged"),
        lambda r: r.gauges.unacked,
    ),
    (
        _queue("messages", GAUGE, "Sum of ready and unacknowledged messages - total queue depth"),
        lambda r: r.gauges.ready + r.gauges.unacked,
    ),
)
CONSUMER_COUNT: Final[tuple[tuple[Metric, Value], ...]] = (
    (_queue("consumers", GAUGE, "Consumers on a queue"), lambda r: r.gauges.consumers),
)
SIZES: Final[tuple[tuple[Metric, Value], ...]] = (
    (
        _queue("messages_ready_bytes", GAUGE, "Size in bytes of ready messages"),
        lambda r: r.gauges.ready_bytes,
    ),
    (
        _queue("messages_unacked_bytes", GAUGE, "Size in bytes of all unacknowledged messages"),
        lambda r: r.gauges.unacked_bytes,
    ),
    (
        _queue("messages_bytes", GAUGE, "Size in bytes of ready and unacknowledged messages"),
        lambda r: r.gauges.ready_bytes + r.gauges.unacked_bytes,
    ),
    (
        _queue(
            "process_memory_bytes",
            GAUGE,
            "Memory in bytes used by the Erlang queue process; here what the queue's records in memory take",
        ),
        lambda r: r.gauges.memory_bytes,
    ),
    (
        _queue("messages_published_total", COUNTER, "Total number of messages published to queues"),
        lambda r: r.counters.published,
    ),
)
DELIVERY: Final[tuple[tuple[Metric, Value], ...]] = (
    (
        _queue(
            "get_ack_total",
            COUNTER,
            "Total number of messages fetched from a queue with basic.get in manual acknowledgement mode",
        ),
        lambda r: r.counters.got,
    ),
    (
        _queue(
            "get_total",
            COUNTER,
            "Total number of messages fetched from a queue with basic.get in automatic acknowledgement mode",
        ),
        lambda r: r.counters.got_no_ack,
    ),
    (
        _queue(
            "messages_delivered_ack_total",
            COUNTER,
            "Total number of messages delivered from a queue to consumers in manual acknowledgement mode",
        ),
        lambda r: r.counters.delivered,
    ),
    (
        _queue(
            "messages_delivered_total",
            COUNTER,
            "Total number of messages delivered from a queue to consumers in automatic acknowledgement mode",
        ),
        lambda r: r.counters.delivered_no_ack,
    ),
    (
        _queue(
            "messages_redelivered_total",
            COUNTER,
            "Total number of messages redelivered from a queue to consumers",
        ),
        lambda r: r.counters.redelivered,
    ),
    (
        _queue(
            "messages_acked_total",
            COUNTER,
            "Total number of messages acknowledged by consumers on a queue",
        ),
        lambda r: r.counters.acknowledged,
    ),
    (
        _queue(
            "get_empty_total",
            COUNTER,
            "Total number of times basic.get operations fetched no message on a queue",
        ),
        lambda r: r.counters.get_empty,
    ),
)
BY_QUEUE: Final = (*COARSE, *CONSUMER_COUNT, *SIZES, *DELIVERY)
"""Per object."""
AGGREGATED_QUEUES: Final = (*COARSE, *CONSUMER_COUNT, *SIZES)


def add_queue_totals(out: Exposition, total: Row, growing: Growing) -> None:
    """Of all queues: their counters go with them, and the sum stays."""
    growing.write_row(out, AGGREGATED_QUEUES, "", total)
