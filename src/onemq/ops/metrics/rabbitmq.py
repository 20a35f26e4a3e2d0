"""RabbitMQ's metrics, under its names: so that dashboards and alerts made for it find data. What only Erlang has is not here.

Sources: RabbitMQ's documentation "Monitoring with Prometheus and Grafana", rabbitmq_prometheus's metrics.md and metrics-detailed.md;
RabbitMQ 4's dashboard RabbitMQ-Overview. Where a metric means something slightly different, its help says so.
Must not: compute what the engine can.
"""

from collections.abc import Callable, Iterator
from typing import Final

from mypy_extensions import i64

from onemq.engine.counters import Counters, ProtocolCounters
from onemq.ops.metrics.families import Row, Value
from onemq.ops.metrics.metric import COUNTER, GAUGE, Exposition, Metric
from onemq.ops.metrics.objects import Growing
from onemq.ops.metrics.process import ProcessNumbers
from onemq.ops.metrics.sources import Sources

SERVER_VERSION: Final = "3.13.7"
"""As the AMQP head says it."""
AGGREGATED: Final = "aggregated"
PER_OBJECT: Final = "per-object"
DETAILED: Final = "detailed"
"""Values of `rabbitmq_endpoint`."""

OPERATORS: Final = ("http", "metrics")
"""Heads whose connections are no clients'."""

THEIRS: Final[list[Metric]] = []
"""All that are defined here, without those of the detailed endpoint, which differ in their names' beginning only."""


def _define(name: str, kind: str, text: str, *labels: str) -> Metric:
    metric = Metric(name, kind, text, labels)
    THEIRS.append(metric)
    return metric


def _global(name: str, text: str, *labels: str) -> Metric:
    return _define(f"rabbitmq_global_{name}", COUNTER, text, "protocol", *labels)


# Global counters: by protocol, and by type of queue where a queue has a part in it.

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
    reason: _define(
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
_PUBLISHERS: Final = _define(
    "rabbitmq_global_publishers", GAUGE, "Publishers currently connected", "protocol"
)
_CONSUMERS_BY_PROTOCOL: Final = _define(
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


# Totals and churn.

_CONNECTIONS: Final = _define("rabbitmq_connections", GAUGE, "Connections currently open")
_CHANNELS: Final = _define("rabbitmq_channels", GAUGE, "Channels currently open")
_CONSUMERS: Final = _define("rabbitmq_consumers", GAUGE, "Consumers currently connected")
_QUEUES: Final = _define("rabbitmq_queues", GAUGE, "Queues available")
CHURN: Final = {
    name: _define(f"rabbitmq_{name}_total", COUNTER, text)
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


def amqp(sources: Sources) -> ProtocolCounters:
    return sources.broker.core.totals.protocol("amqp091")


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


# The node.

_IDENTITY: Final = _define(
    "rabbitmq_identity_info",
    GAUGE,
    "RabbitMQ node & cluster identity info",
    "rabbitmq_node",
    "rabbitmq_cluster",
    "rabbitmq_cluster_permanent_id",
    "rabbitmq_endpoint",
)
_BUILD: Final = _define(
    "rabbitmq_build_info",
    GAUGE,
    "RabbitMQ & Erlang/OTP version info; here the version that clients are told, and onemq's own",
    "rabbitmq_version",
    "prometheus_plugin_version",
    "prometheus_client_version",
    "erlang_version",
    "product_name",
    "product_version",
)
_NODE: Final[tuple[tuple[Metric, Callable[[Sources, ProcessNumbers], float | i64]], ...]] = (
    (
        _define("rabbitmq_process_open_fds", GAUGE, "Open file descriptors"),
        lambda s, p: p.open_files,
    ),
    (
        _define("rabbitmq_process_open_tcp_sockets", GAUGE, "Open TCP sockets"),
        lambda s, p: p.open_sockets,
    ),
    (
        _define("rabbitmq_process_resident_memory_bytes", GAUGE, "Memory used in bytes"),
        lambda s, p: p.resident_bytes,
    ),
    (
        _define("rabbitmq_process_max_fds", GAUGE, "Open file descriptors limit"),
        lambda s, p: p.files_max,
    ),
    (
        _define("rabbitmq_process_max_tcp_sockets", GAUGE, "Open TCP sockets limit"),
        lambda s, p: s.connections_max,
    ),
    (
        _define(
            "rabbitmq_resident_memory_limit_bytes",
            GAUGE,
            "Memory high watermark in bytes; here of the records in memory (memory.alarm_bytes)",
        ),
        lambda s, p: s.pressure.memory_bytes_alarm,
    ),
    (
        _define("rabbitmq_disk_space_available_bytes", GAUGE, "Disk space available in bytes"),
        lambda s, p: 0 if s.store is None else s.store.free_bytes(),
    ),
    (
        _define("rabbitmq_disk_space_available_limit_bytes", GAUGE, "Free disk space low watermark in bytes"),
        lambda s, p: s.pressure.free_bytes_min,
    ),
    (
        _define("rabbitmq_erlang_uptime_seconds", GAUGE, "Node uptime"),
        lambda s, p: p.uptime_seconds,
    ),
    (
        _define(
            "rabbitmq_alarms_memory_used_watermark", GAUGE, "is 1 if VM memory watermark alarm is in effect"
        ),
        lambda s, p: int(s.pressure.memory_low),
    ),
    (
        _define(
            "rabbitmq_alarms_free_disk_space_watermark",
            GAUGE,
            "is 1 if free disk space watermark alarm is in effect",
        ),
        lambda s, p: int(s.pressure.disk_low),
    ),
    (
        _define(
            "rabbitmq_alarms_file_descriptor_limit", GAUGE, "is 1 if file descriptor limit alarm is in effect"
        ),
        lambda s, p: int(p.open_files >= p.files_max),
    ),
)
_DISK: Final[tuple[tuple[Metric, Callable[[Sources], float | i64]], ...]] = (
    (
        _define("rabbitmq_io_sync_ops_total", COUNTER, "Total number of I/O sync operations"),
        lambda s: 0 if s.store is None else s.store.statistics.sync_times.count,
    ),
    (
        _define("rabbitmq_io_sync_time_seconds_total", COUNTER, "Total I/O sync time"),
        lambda s: 0 if s.store is None else s.store.statistics.sync_times.sum_us / 1_000_000,
    ),
    (
        _define("rabbitmq_io_write_ops_total", COUNTER, "Total number of I/O write operations"),
        lambda s: 0 if s.store is None else s.store.statistics.groups,
    ),
    (
        _define("rabbitmq_io_write_bytes_total", COUNTER, "Total number of I/O bytes written"),
        lambda s: (
            0 if s.store is None else s.store.statistics.commit_bytes + s.store.statistics.spilled_bytes
        ),
    ),
    (
        _define("rabbitmq_io_read_bytes_total", COUNTER, "Total number of I/O bytes read"),
        lambda s: 0 if s.store is None else s.store.statistics.loaded_bytes,
    ),
)


def add_node(out: Exposition, sources: Sources, process: ProcessNumbers, endpoint: str) -> None:
    out.add(_IDENTITY, 1, sources.node_name, sources.node_name, sources.cluster_id, endpoint)
    out.add(_BUILD, 1, SERVER_VERSION, sources.version, sources.version, "none", "onemq", sources.version)
    for metric, of_node in _NODE:
        out.add(metric, of_node(sources, process))
    for metric, of_disk in _DISK:
        out.add(metric, of_disk(sources))


# Queues: without labels where it is aggregated, with vhost and queue otherwise.


def _queue(name: str, kind: str, text: str) -> Metric:
    return _define(f"rabbitmq_queue_{name}", kind, text, "vhost", "queue")


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


# Channels and connections, aggregated: of all that ever were, so that they never fall.


def _channel(name: str, text: str) -> Metric:
    return _define(f"rabbitmq_channel_{name}", COUNTER, text)


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
_CHANNEL_CONSUMERS: Final = _define("rabbitmq_channel_consumers", GAUGE, "Consumers on a channel")
_CHANNEL_UNACKED: Final = _define(
    "rabbitmq_channel_messages_unacked", GAUGE, "Delivered but not yet acknowledged messages"
)

_CHANNEL_UNCONFIRMED: Final = _define(
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


_CONNECTION_IN: Final = _define(
    "rabbitmq_connection_incoming_bytes_total",
    COUNTER,
    "Total number of bytes received on a connection",
    "connection",
)
_CONNECTION_OUT: Final = _define(
    "rabbitmq_connection_outgoing_bytes_total",
    COUNTER,
    "Total number of bytes sent on a connection",
    "connection",
)
_CONNECTION_CHANNELS: Final = _define(
    "rabbitmq_connection_channels", GAUGE, "Channels on a connection", "connection"
)


def add_connection_totals(out: Exposition, sources: Sources) -> None:
    traffic = [each for head, each in sources.traffic().items() if head not in OPERATORS]
    received = sum(int(each.bytes_in) for each in traffic)
    sent = sum(int(each.bytes_out) for each in traffic)
    protocol = amqp(sources)
    channels = int(protocol.sinks_opened - protocol.sinks_closed)
    for metric, value in (
        (_CONNECTION_IN, received),
        (_CONNECTION_OUT, sent),
        (_CONNECTION_CHANNELS, channels),
    ):
        out.lines(metric).append(f"{metric.name} {value}\n")


def add_each_connection(out: Exposition, sources: Sources, bound: int) -> Iterator[None]:
    views = sources.views(bound)
    yield
    for index, view in enumerate(views):
        out.add(_CONNECTION_IN, int(view.received_bytes), view.name)
        out.add(_CONNECTION_OUT, int(view.sent_bytes), view.name)
        out.add(_CONNECTION_CHANNELS, len(view.profile.channels), view.name)
        if index % 200 == 199:
            yield
