"""RabbitMQ's metrics of the node: who it is, what its process and disk take, its alarms. Must not: look at queues or connections."""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.ops.metrics.metric import COUNTER, GAUGE, Exposition, Metric
from onemq.ops.metrics.process import ProcessNumbers
from onemq.ops.metrics.rabbitmq_metric import SERVER_VERSION, define
from onemq.ops.metrics.sources import Sources

_IDENTITY: Final = define(
    "rabbitmq_identity_info",
    GAUGE,
    "RabbitMQ node & cluster identity info",
    "rabbitmq_node",
    "rabbitmq_cluster",
    "rabbitmq_cluster_permanent_id",
    "rabbitmq_endpoint",
)
_BUILD: Final = define(
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
        define("rabbitmq_process_open_fds", GAUGE, "Open file descriptors"),
        lambda s, p: p.open_files,
    ),
    (
        define("rabbitmq_process_open_tcp_sockets", GAUGE, "Open TCP sockets"),
        lambda s, p: p.open_sockets,
    ),
    (
        define("rabbitmq_process_resident_memory_bytes", GAUGE, "Memory used in bytes"),
        lambda s, p: p.resident_bytes,
    ),
    (
        define("rabbitmq_process_max_fds", GAUGE, "Open file descriptors limit"),
        lambda s, p: p.files_max,
    ),
    (
        define("rabbitmq_process_max_tcp_sockets", GAUGE, "Open TCP sockets limit"),
        lambda s, p: s.connections_max,
    ),
    (
        define(
            "rabbitmq_resident_memory_limit_bytes",
            GAUGE,
            "Memory high watermark in bytes; here of the records in memory (memory.alarm_bytes)",
        ),
        lambda s, p: s.pressure.memory_bytes_alarm,
    ),
    (
        define("rabbitmq_disk_space_available_bytes", GAUGE, "Disk space available in bytes"),
        lambda s, p: 0 if s.store is None else s.store.free_bytes(),
    ),
    (
        define("rabbitmq_disk_space_available_limit_bytes", GAUGE, "Free disk space low watermark in bytes"),
        lambda s, p: s.pressure.free_bytes_min,
    ),
    (
        define("rabbitmq_erlang_uptime_seconds", GAUGE, "Node uptime"),
        lambda s, p: p.uptime_seconds,
    ),
    (
        define(
            "rabbitmq_alarms_memory_used_watermark", GAUGE, "is 1 if VM memory watermark alarm is in effect"
        ),
        lambda s, p: int(s.pressure.memory_low),
    ),
    (
        define(
            "rabbitmq_alarms_free_disk_space_watermark",
            GAUGE,
            "is 1 if free disk space watermark alarm is in effect",
        ),
        lambda s, p: int(s.pressure.disk_low),
    ),
    (
        define(
            "rabbitmq_alarms_file_descriptor_limit", GAUGE, "is 1 if file descriptor limit alarm is in effect"
        ),
        lambda s, p: int(p.open_files >= p.files_max),
    ),
)
_DISK: Final[tuple[tuple[Metric, Callable[[Sources], float | i64]], ...]] = (
    (
        define("rabbitmq_io_sync_ops_total", COUNTER, "Total number of I/O sync operations"),
        lambda s: 0 if s.store is None else s.store.statistics.sync_times.count,
    ),
    (
        define("rabbitmq_io_sync_time_seconds_total", COUNTER, "Total I/O sync time"),
        lambda s: 0 if s.store is None else s.store.statistics.sync_times.sum_us / 1_000_000,
    ),
    (
        define("rabbitmq_io_write_ops_total", COUNTER, "Total number of I/O write operations"),
        lambda s: 0 if s.store is None else s.store.statistics.groups,
    ),
    (
        define("rabbitmq_io_write_bytes_total", COUNTER, "Total number of I/O bytes written"),
        lambda s: (
            0 if s.store is None else s.store.statistics.commit_bytes + s.store.statistics.spilled_bytes
        ),
    ),
    (
        define("rabbitmq_io_read_bytes_total", COUNTER, "Total number of I/O bytes read"),
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
