"""Every metric of our own: `onemq_*`, one family for all protocols, and what every process has. docs/metrics.md has the same table,
and a test holds the two together. RabbitMQ's are in rabbitmq.py and beside.

`vhost` is the namespace: Prometheus in Kubernetes has another use for a label of that name. Must not: compute anything.
"""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.engine.counters import Counters
from onemq.engine.gauges import Gauges
from onemq.ops.metrics.metric import COUNTER, GAUGE, HISTOGRAM, Metric

OURS: Final[list[Metric]] = []
"""All that are defined here."""


def _counter(name: str, text: str, *labels: str) -> Metric:
    return _define(Metric(name, COUNTER, text, labels))


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return _define(Metric(name, GAUGE, text, labels))


def _histogram(name: str, text: str) -> Metric:
    return _define(Metric(name, HISTOGRAM, text))


def _define(metric: Metric) -> Metric:
    OURS.append(metric)
    return metric


class Row:
    """One queue, partition or the sum of many, at one time. now_ms: that time."""

    __slots__ = ("counters", "gauges", "now_ms")

    def __init__(self, gauges: Gauges, counters: Counters, now_ms: int) -> None:
        self.gauges = gauges
        self.counters = counters
        self.now_ms = now_ms


Value = Callable[[Row], float | i64]

# What clients did, by protocol.

BY_PROTOCOL: Final[tuple[tuple[Metric, Callable[[Counters], i64]], ...]] = (
    (
        _counter("onemq_records_published_total", "Records taken from publishers.", "protocol"),
        lambda c: c.published,
    ),
    (
        _counter(
            "onemq_published_bytes_total",
            "Bytes of values published; of whole batches where they come as such (Kafka).",
            "protocol",
        ),
        lambda c: c.published_bytes,
    ),
    (
        _counter(
            "onemq_records_routed_total", "Copies of published records that went to queues.", "protocol"
        ),
        lambda c: c.routed,
    ),
    (
        _counter("onemq_records_unroutable_total", "Published records that went nowhere.", "protocol"),
        lambda c: c.unroutable,
    ),
    (
        _counter("onemq_records_refused_total", "Published records that a full queue refused.", "protocol"),
        lambda c: c.refused,
    ),
    (
        _counter(
            "onemq_records_confirmed_total", "Publishes confirmed on channels that ask for it.", "protocol"
        ),
        lambda c: c.confirmed,
    ),
    (
        _counter("onemq_delivered_bytes_total", "Bytes delivered, as published_bytes.", "protocol"),
        lambda c: c.delivered_bytes,
    ),
    (
        _counter("onemq_records_acknowledged_total", "Records settled by who had them.", "protocol"),
        lambda c: c.acknowledged,
    ),
    (
        _counter("onemq_records_redelivered_total", "Deliveries that were not a record's first.", "protocol"),
        lambda c: c.redelivered,
    ),
    (
        _counter("onemq_records_requeued_total", "Deliveries given back.", "protocol"),
        lambda c: c.requeued,
    ),
    (
        _counter("onemq_empty_receives_total", "Receives and gets that found nothing.", "protocol"),
        lambda c: c.get_empty,
    ),
)
DELIVERED: Final = _counter(
    "onemq_records_delivered_total",
    "Records given to consumers. settle: later (acknowledged, received) or at_once (no acknowledgement, fetched).",
    "protocol",
    "settle",
)
DEAD_LETTERED: Final = _counter(
    "onemq_records_dead_lettered_total",
    "Records that died and went to a dead-letter target. reason: rejected, expired, maxlen or delivery_limit.",
    "reason",
)
DROPPED: Final = _counter("onemq_records_dropped_total", "Records that died with nowhere to go to.", "reason")

# Connections, by protocol of the listener.

CONNECTIONS: Final = _gauge("onemq_connections", "Open connections.", "protocol")
CONNECTIONS_OPENED: Final = _counter("onemq_connections_opened_total", "Connections accepted.", "protocol")
CONNECTIONS_REFUSED: Final = _counter(
    "onemq_connections_refused_total", "Connections over limits.connections_max."
)
RECEIVED_BYTES: Final = _counter("onemq_received_bytes_total", "Bytes received.", "protocol")
SENT_BYTES: Final = _counter("onemq_sent_bytes_total", "Bytes sent.", "protocol")

LOGINS: Final = _counter("onemq_logins_total", "Logins and signed requests that were good.")
LOGINS_FAILED: Final = _counter("onemq_logins_failed_total", "Logins and signed requests that were refused.")

# What there is.

NAMESPACES: Final = _gauge("onemq_namespaces", "Namespaces.")
QUEUES: Final = _gauge("onemq_queues", "Queues, of all protocols.")
TOPICS: Final = _gauge("onemq_topics", "Topics with partitions.")
EXCHANGES: Final = _gauge("onemq_exchanges", "Exchanges.")
GROUPS: Final = _gauge("onemq_groups", "Consumer groups, of every kind.")
FOLDED: Final = _gauge(
    "onemq_metrics_folded",
    "Objects over metrics.objects_max: their samples are summed under other.",
    "object",
)

# Queues.

_QUEUE: Final = ("vhost", "queue")
BY_QUEUE: Final[tuple[tuple[Metric, Value], ...]] = (
    (
        _gauge("onemq_queue_records_ready", "Records that may be delivered: the queue's depth.", *_QUEUE),
        lambda r: r.gauges.ready,
    ),
    (
        _gauge("onemq_queue_ready_bytes", "Bytes of their values.", *_QUEUE),
        lambda r: r.gauges.ready_bytes,
    ),
    (
        _gauge(
            "onemq_queue_records_in_flight", "Records at consumers, or received and not deleted.", *_QUEUE
        ),
        lambda r: r.gauges.unacked,
    ),
    (
        _gauge("onemq_queue_records_delayed", "Records that are not due yet.", *_QUEUE),
        lambda r: r.gauges.delayed,
    ),
    (
        _gauge(
            "onemq_queue_oldest_record_age_seconds",
            "Age of the oldest record that is ready; 0 when none is.",
            *_QUEUE,
        ),
        lambda r: r.gauges.age_ms(r.now_ms) / 1000,
    ),
    (
        _gauge("onemq_queue_consumers", "Consumers.", *_QUEUE),
        lambda r: r.gauges.consumers,
    ),
    (
        _gauge("onemq_queue_waiting_receives", "Long polls that wait for a record.", *_QUEUE),
        lambda r: r.gauges.receivers,
    ),
    (
        _gauge("onemq_queue_memory_bytes", "Estimate of what the queue's records in memory take.", *_QUEUE),
        lambda r: r.gauges.memory_bytes,
    ),
    (
        _counter("onemq_queue_records_published_total", "Records that came in.", *_QUEUE),
        lambda r: r.counters.published,
    ),
    (
        _counter("onemq_queue_records_delivered_total", "Records given to consumers, in any way.", *_QUEUE),
        lambda r: r.counters.delivered_in_all(),
    ),
    (
        _counter("onemq_queue_records_acknowledged_total", "Records settled by who had them.", *_QUEUE),
        lambda r: r.counters.acknowledged,
    ),
    (
        _counter(
            "onemq_queue_records_redelivered_total", "Deliveries that were not a record's first.", *_QUEUE
        ),
        lambda r: r.counters.redelivered,
    ),
    (
        _counter("onemq_queue_records_requeued_total", "Deliveries given back.", *_QUEUE),
        lambda r: r.counters.requeued,
    ),
    (
        _counter(
            "onemq_queue_records_dead_lettered_total", "Records that died and were dead-lettered.", *_QUEUE
        ),
        lambda r: r.counters.dead_lettered(),
    ),
    (
        _counter("onemq_queue_records_dropped_total", "Records that died with nowhere to go to.", *_QUEUE),
        lambda r: r.counters.dropped(),
    ),
)

# Partitions of topics.

_PARTITION: Final = ("vhost", "topic", "partition")
BY_PARTITION: Final[tuple[tuple[Metric, Value], ...]] = (
    (
        _gauge("onemq_partition_records", "Records that the log keeps.", *_PARTITION),
        lambda r: r.gauges.ready,
    ),
    (
        _gauge("onemq_partition_bytes", "Bytes of its batches.", *_PARTITION),
        lambda r: r.gauges.ready_bytes,
    ),
    (
        _gauge("onemq_partition_oldest_record_age_seconds", "Age of the oldest record kept.", *_PARTITION),
        lambda r: r.gauges.age_ms(r.now_ms) / 1000,
    ),
    (
        _counter("onemq_partition_records_published_total", "Records appended.", *_PARTITION),
        lambda r: r.counters.published,
    ),
    (
        _counter("onemq_partition_batches_published_total", "Batches appended by producers.", *_PARTITION),
        lambda r: r.counters.published_batches,
    ),
    (
        _counter(
            "onemq_partition_records_delivered_total", "Records fetched, or given to consumers.", *_PARTITION
        ),
        lambda r: r.counters.delivered_in_all(),
    ),
)
PARTITION_END: Final = _gauge(
    "onemq_partition_end_offset", "Offset after the last record that can be read.", *_PARTITION
)

# Consumer groups.

GROUP_MEMBERS: Final = _gauge(
    "onemq_group_members", "Members. kind: classic, consumer or share.", "vhost", "group", "kind"
)
GROUP_LAG: Final = _gauge(
    "onemq_group_lag_records",
    "Records of the partition that the group has not done with: after its committed offset, or not acknowledged in a share group.",
    "vhost",
    "group",
    "topic",
    "partition",
)

# Exchanges, and topics of notices (SNS).

_EXCHANGE: Final = ("vhost", "exchange")
BY_EXCHANGE: Final[tuple[tuple[Metric, Callable[[Counters], i64]], ...]] = (
    (
        _counter("onemq_exchange_records_published_total", "Records published to the exchange.", *_EXCHANGE),
        lambda c: c.published,
    ),
    (
        _counter("onemq_exchange_records_routed_total", "Copies that went to queues.", *_EXCHANGE),
        lambda c: c.routed,
    ),
    (
        _counter("onemq_exchange_records_unroutable_total", "Records that went nowhere.", *_EXCHANGE),
        lambda c: c.unroutable,
    ),
)
NOTICES_PUBLISHED: Final = _counter(
    "onemq_notice_topic_records_published_total", "Notices published to an SNS topic.", "vhost", "topic"
)

# The disk.

COMMIT_SECONDS: Final = _histogram(
    "onemq_commit_seconds", "From a commit's end of turn until it was durable."
)
SYNC_SECONDS: Final = _histogram("onemq_journal_sync_seconds", "How long the journal's syncs (fsync) took.")
COMMITS: Final = _counter("onemq_commits_total", "Commits written to the journal.")
COMMIT_BYTES: Final = _counter("onemq_commit_bytes_total", "Their bytes.")
JOURNAL_WRITES: Final = _counter(
    "onemq_journal_writes_total", "Writes that they took: several commits may share one."
)
PENDING_BYTES: Final = _gauge("onemq_pending_commit_bytes", "Commits that are not written yet.")
JOURNAL_BYTES: Final = _gauge("onemq_journal_bytes", "Size of the journal's files.")
SEGMENT_BYTES: Final = _gauge("onemq_segment_bytes", "Size of the segments of all logs.")
CHECKPOINTS: Final = _counter("onemq_checkpoints_total", "Checkpoints taken.")
CHECKPOINT_SECONDS: Final = _histogram("onemq_checkpoint_seconds", "How long checkpoints took to save.")
CHECKPOINT_BYTES: Final = _gauge("onemq_checkpoint_state_bytes", "Size of the last checkpoint's state.")
SPILLED_BYTES: Final = _counter("onemq_spilled_bytes_total", "Bytes written to segments.")
LOADED_BYTES: Final = _counter("onemq_loaded_bytes_total", "Bytes read back from segments for readers.")
DISK_STALLS: Final = _counter("onemq_disk_stalls_total", "How often there was no space to write.")
DISK_FREE: Final = _gauge("onemq_disk_free_bytes", "Free space where the data directory is.")
DISK_FREE_MIN: Final = _gauge(
    "onemq_disk_free_min_bytes", "disk.free_bytes_min: below it publishers are blocked."
)

# Memory, alarms, time.

RECORDS_MEMORY: Final = _gauge(
    "onemq_records_memory_bytes", "Estimate of what the records in memory take (the tails of all logs)."
)
RECORDS_MEMORY_MAX: Final = _gauge(
    "onemq_records_memory_alarm_bytes", "memory.alarm_bytes: from there on publishers are blocked; 0 = never."
)
ALARM: Final = _gauge("onemq_alarm", "1 while publishers are blocked. resource: memory or disk.", "resource")
ALARMS: Final = _counter("onemq_alarms_total", "How often publishers were blocked by an alarm.")
ALARM_SECONDS: Final = _counter("onemq_alarm_seconds_total", "For how long.")
SLOWDOWNS: Final = _counter(
    "onemq_slowdowns_total",
    "How often publishers were not read from because the disk was slower than they were.",
)
SLOWDOWN_SECONDS: Final = _counter("onemq_slowdown_seconds_total", "For how long.")
THROTTLED: Final = _gauge("onemq_throttled_publishers", "Publishing connections that are held up now.")
TURN_SECONDS: Final = _histogram(
    "onemq_turn_seconds", "How long turns of the engine's loop took, from the first input to the last write."
)
LAG_SECONDS: Final = _histogram(
    "onemq_loop_lag_seconds", "How late the loop came to what is due once a second."
)
UPTIME: Final = _gauge("onemq_uptime_seconds", "Time since the process started.")
BUILD: Final = _gauge(
    "onemq_build_info", "1. compiled: whether the hot packages are.", "version", "python", "compiled"
)
SCRAPE_SECONDS: Final = _gauge(
    "onemq_scrape_seconds", "Time on the engine's thread that the last scrape before this one took."
)

# What every process has, under the names that everybody uses.

CPU_SECONDS: Final = _counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
START_TIME: Final = _gauge(
    "process_start_time_seconds", "Start time of the process since unix epoch in seconds."
)
RESIDENT: Final = _gauge("process_resident_memory_bytes", "Resident memory size in bytes.")
VIRTUAL: Final = _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.")
OPEN_FILES: Final = _gauge("process_open_fds", "Number of open file descriptors.")
FILES_MAX: Final = _gauge("process_max_fds", "Maximum number of open file descriptors.")
THREADS: Final = _gauge("process_threads", "Number of threads.")
GC_PASSES: Final = _counter(
    "python_gc_collections_total", "Number of times this generation was collected", "generation"
)
GC_FREED: Final = _counter("python_gc_objects_collected_total", "Objects collected during gc", "generation")
