"""RabbitMQ's global counters: by protocol, and by type of queue where a queue has a part in it. Must not: look at single objects."""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.ops.metrics.metric import COUNTER, GAUGE, Exposition, Metric
from onemq.ops.metrics.rabbitmq_metric import define
from onemq.ops.metrics.sources import Sources


def _global(name: str, text: str, *labels: str) -> Metric:
    return define(f"rabbitmq_global_{name}", COUNTER, text, "protocol", *labels)


_BY_PROTOCOL: Final[tuple[tuple[Metric, Callable[[Counters], i64]], ...]] = (
    (
        _global("messages_received_total", "Total number of messages received from publishers"),
        lambda c: c.published,
    ),
    (
        _global(
            "messages_received_confirm_total",
            "Total number of messages received from publishers expecting confirmations",
        ),
        lambda c: c.confirming,
    ),
    (
        _global("messages_routed_total", "Total number of messages routed to queues or streams"),
        lambda c: c.routed,
    ),
    (
        _global(
            "messages_unroutable_dropped_total",
            "Total number of messages published as non-mandatory into an exchange and dropped as unroutable",
        ),
        lambda c: c.unroutable - c.sent_back,
    ),
    (
        _global(
            "messages_unroutable_returned_total",
            "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable",
        ),
        lambda c: c.sent_back,
    ),
    (
        _global("messages_confirmed_total", "Total number of messages confirmed to publishers"),
        lambda c: c.confirmed,
    ),
)
_BY_TYPE: Final[tuple[tuple[Metric, Callable[[Counters], i64]], ...]] = (
    (
        _global("messages_delivered_total", "Total number of messages delivered to consumers", "queue_type"),
        lambda c: c.delivered_in_all(),
    ),
    (
        _global(
            "messages_delivered_consume_manual_ack_total",
            "Total number of messages delivered to consumers using basic.consume with manual acknowledgment",
            "queue_type",
        ),
        lambda c: c.delivered,
    ),
    (
        _global(
            "messages_delivered_consume_auto_ack_total",
            "Total number of messages delivered to consumers using basic.consume with automatic acknowledgment",
            "queue_type",
        ),
        lambda c: c.delivered_no_ack,
    ),
    (
        _global(
            "messages_delivered_get_manual_ack_total",
            "Total number of messages delivered to consumers using basic.get with manual acknowledgment",
            "queue_type",
        ),
        lambda c: c.got,
    ),
    (
        _global(
            "messages_delivered_get_auto_ack_total",
            "Total number of messages delivered to consumers using basic.get with automatic acknowledgment",
            "queue_type",
        ),
        lambda c: c.got_no_ack,
    ),
    (
        _global(
            "messages_get_empty_total",
            "Total number of times basic.get operations fetched no message",
            "queue_type",
        ),
        lambda c: c.get_empty,
    ),
    (
        _global(
            "messages_redelivered_total", "Total number of messages redelivered to consumers", "queue_type"
        ),
        lambda c: c.redelivered,
    ),
    (
        _global(
            "messages_acknowledged_total", "Total number of messages acknowledged by consumers", "queue_type"
        ),
        lambda c: c.acknowledged,
    ),
)
_DEAD: Final = {
    reason: define(
        f"rabbitmq_global_messages_dead_lettered_{reason}_total",
        COUNTER,
        f"Total number of messages dead-lettered due to {text}",
        "queue_type",
        "dead_letter_strategy",
    )
    for reason, text in (
        ("maxlen", "overflow drop-head or reject-publish-dlx"),
        ("expired", "message TTL exceeded"),
        ("rejected", "basic.reject or basic.nack"),
        ("delivery_limit", "delivery-limit exceeded"),
    )
}
_PUBLISHERS: Final = define("rabbitmq_global_publishers", GAUGE, "Publishers currently connected", "protocol")
_CONSUMERS_BY_PROTOCOL: Final = define(
    "rabbitmq_global_consumers", GAUGE, "Consumers currently connected", "protocol"
)
QUEUE_TYPES: Final = ("classic", "quorum", "stream")


def queue_type(name: str) -> str:
    return "rabbit_stream_queue" if name == "stream" else f"rabbit_{name}_queue"


def add_global(out: Exposition, sources: Sources, consumers: int) -> None:
    totals = sources.broker.core.totals
    for name, protocol in totals.protocols.items():
        if not name:
            continue
        counters = protocol.general
        for metric, value in _BY_PROTOCOL:
            out.add(metric, int(value(counters)), name)
        for type_name in QUEUE_TYPES:
            by_type = protocol.of(type_name)
            for metric, value in _BY_TYPE:
                out.add(metric, int(value(by_type)), name, queue_type(type_name))
        out.add(_PUBLISHERS, int(protocol.publishers), name)
        out.add(_CONSUMERS_BY_PROTOCOL, consumers if name == "amqp091" else 0, name)
    for type_name in QUEUE_TYPES:
        died = totals.engine.of(type_name)
        label = queue_type(type_name)
        for strategy, dead in (("at_most_once", True), ("disabled", False)):
            for reason, metric in _DEAD.items():
                count: int = getattr(died, f"{'dead' if dead else 'dropped'}_{reason}")
                out.add(metric, count, label, strategy)
