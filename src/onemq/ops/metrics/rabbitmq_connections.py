"""RabbitMQ's metrics of connections and their channels: how many there are, how they come and go, what goes through them.

What is aggregated counts all that ever were, so that it never falls. Must not: count operators' connections among clients'.
"""

from collections.abc import Callable, Iterator
from typing import Final

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.ops.metrics.families import Row
from onemq.ops.metrics.metric import COUNTER, GAUGE, Exposition, Metric
from onemq.ops.metrics.objects import SLICE
from onemq.ops.metrics.rabbitmq_metric import OPERATORS, amqp, define
from onemq.ops.metrics.sources import Sources

# Totals and churn.

_CONNECTIONS: Final = define("rabbitmq_connections", GAUGE, "Connections currently open")
_CHANNELS: Final = define("rabbitmq_channels", GAUGE, "Channels currently open")
_CONSUMERS: Final = define("rabbitmq_consumers", GAUGE, "Consumers currently connected")
_QUEUES: Final = define("rabbitmq_queues", GAUGE, "Queues available")
CHURN: Final = {
    name: define(f"rabbitmq_{name}_total", COUNTER, text)
    for name, text in (
        ("connections_opened", "Total number of connections opened"),
        ("connections_closed", "Total number of connections closed or terminated"),
        ("channels_opened", "Total number of channels opened"),
        ("channels_closed", "Total number of channels closed"),
        ("queues_declared", "Total number of queues declared"),
        ("queues_created", "Total number of queues created"),
        ("queues_deleted", "Total number of queues deleted"),
    )
}


def churn(sources: Sources) -> dict[str, int]:
    """Connections are those of all protocols, operators' left out."""
    totals = sources.broker.core.totals
    traffic = [each for head, each in sources.traffic().items() if head not in OPERATORS]
    protocol = amqp(sources)
    return {
        "connections_opened": sum(int(each.opened) for each in traffic),
        "connections_closed": sum(int(each.closed) for each in traffic),
        "channels_opened": int(protocol.sinks_opened),
        "channels_closed": int(protocol.sinks_closed),
        "queues_declared": int(totals.queues_declared),
        "queues_created": int(totals.queues_created),
        "queues_deleted": int(totals.queues_deleted),
    }


def add_totals(out: Exposition, sources: Sources, consumers: int) -> None:
    counts = churn(sources)
    out.add(_CONNECTIONS, counts["connections_opened"] - counts["connections_closed"])
    out.add(_CHANNELS, counts["channels_opened"] - counts["channels_closed"])
    out.add(_CONSUMERS, consumers)
    out.add(_QUEUES, sum(len(space.queues) for space in sources.broker.catalog.namespaces.values()))
    for name, metric in CHURN.items():
        out.add(metric, counts[name])


# What went through channels.


def _channel(name: str, text: str) -> Metric:
    return define(f"rabbitmq_channel_{name}", COUNTER, text)


_CHANNEL_COUNTERS: Final[tuple[tuple[Metric, Callable[[Counters], i64]], ...]] = (
    (
        _channel(
            "messages_published_total", "Total number of messages published into an exchange on a channel"
        ),
        lambda c: c.published,
    ),
    (
        _channel(
            "messages_confirmed_total",
            "Total number of messages published into an exchange and confirmed on the channel",
        ),
        lambda c: c.confirmed,
    ),
    (
        _channel(
            "messages_unroutable_returned_total",
            "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable",
        ),
        lambda c: c.sent_back,
    ),
    (
        _channel(
            "messages_unroutable_dropped_total",
            "Total number of messages published as non-mandatory into an exchange and dropped as unroutable",
        ),
        lambda c: c.unroutable - c.sent_back,
    ),
    (
        _channel(
            "get_ack_total",
            "Total number of messages fetched with basic.get in manual acknowledgement mode",
        ),
        lambda c: c.got,
    ),
    (
        _channel(
            "get_total", "Total number of messages fetched with basic.get in automatic acknowledgement mode"
        ),
        lambda c: c.got_no_ack,
    ),
    (
        _channel(
            "messages_delivered_ack_total",
            "Total number of messages delivered to consumers in manual acknowledgement mode",
        ),
        lambda c: c.delivered,
    ),
    (
        _channel(
            "messages_delivered_total",
            "Total number of messages delivered to consumers in automatic acknowledgement mode",
        ),
        lambda c: c.delivered_no_ack,
    ),
    (
        _channel("messages_redelivered_total", "Total number of messages redelivered to consumers"),
        lambda c: c.redelivered,
    ),
    (
        _channel("messages_acked_total", "Total number of messages acknowledged by consumers"),
        lambda c: c.acknowledged,
    ),
    (
        _channel("get_empty_total", "Total number of times basic.get operations fetched no message"),
        lambda c: c.get_empty,
    ),
)
_CHANNEL_CONSUMERS: Final = define("rabbitmq_channel_consumers", GAUGE, "Consumers on a channel")
_CHANNEL_UNACKED: Final = define(
    "rabbitmq_channel_messages_unacked", GAUGE, "Delivered but not yet acknowledged messages"
)

_CHANNEL_UNCONFIRMED: Final = define(
    "rabbitmq_channel_messages_unconfirmed", GAUGE, "Published but not yet confirmed messages"
)


def add_channels(out: Exposition, sources: Sources, total: Row) -> None:
    counters = amqp(sources).all()
    for metric, value in _CHANNEL_COUNTERS:
        out.add(metric, int(value(counters)))
    out.add(_CHANNEL_CONSUMERS, int(total.gauges.consumers))
    out.add(_CHANNEL_UNACKED, int(total.gauges.unacked))
    durable_position = sources.broker.durable_position
    out.add(_CHANNEL_UNCONFIRMED, amqp(sources).unconfirmed(durable_position))


# What went over connections.

CONNECTION: Final = tuple(
    define(f"rabbitmq_connection_{name}", kind, text, "connection")
    for name, kind, text in (
        ("incoming_bytes_total", COUNTER, "Total number of bytes received on a connection"),
        ("outgoing_bytes_total", COUNTER, "Total number of bytes sent on a connection"),
        ("channels", GAUGE, "Channels on a connection"),
    )
)


def add_connection_totals(out: Exposition, sources: Sources) -> None:
    traffic = [each for head, each in sources.traffic().items() if head not in OPERATORS]
    received = sum(int(each.bytes_in) for each in traffic)
    sent = sum(int(each.bytes_out) for each in traffic)
    protocol = amqp(sources)
    channels = int(protocol.sinks_opened - protocol.sinks_closed)
    for metric, value in zip(CONNECTION, (received, sent, channels), strict=True):
        out.lines(metric).append(f"{metric.name} {value}\n")


def add_each_connection(
    out: Exposition, sources: Sources, bound: int, metrics: tuple[Metric, ...] = CONNECTION
) -> Iterator[None]:
    """metrics: as `CONNECTION`, perhaps of other names."""
    views = sources.views(bound)
    yield
    for index, view in enumerate(views):
        values = (int(view.received_bytes), int(view.sent_bytes), len(view.profile.channels))
        for metric, value in zip(metrics, values, strict=True):
            out.add(metric, value, view.name)
        if index % SLICE == SLICE - 1:
            yield
