"""Samples of the whole broker: protocols, connections, disk, memory, alarms, the process. One step of a scrape.

Must not: look at queues one by one (objects.py does).
"""

from typing import Final

from onemq.engine.counters import Counters
from onemq.ops.metrics import families as f
from onemq.ops.metrics.metric import Exposition
from onemq.ops.metrics.process import ProcessNumbers, collections, python_version
from onemq.ops.metrics.sources import Sources

PROTOCOL_LABELS: Final = {"amqp091": "amqp"}
"""By the engine's name of a protocol, where listeners have another."""
REASONS: Final = ("rejected", "expired", "maxlen", "delivery_limit")


def add_protocols(out: Exposition, sources: Sources) -> None:
    totals = sources.broker.core.totals
    for name, protocol in totals.protocols.items():
        if not name:
            continue
        label = PROTOCOL_LABELS.get(name, name)
        counters = protocol.all()
        for metric, value in f.BY_PROTOCOL:
            out.add(metric, int(value(counters)), label)
        out.add(f.DELIVERED, int(counters.delivered + counters.got), label, "later")
        out.add(f.DELIVERED, int(counters.delivered_no_ack + counters.got_no_ack), label, "at_once")
    dead = totals.all()
    for reason, gone_to, dropped in deaths(dead):
        out.add(f.DEAD_LETTERED, gone_to, reason)
        out.add(f.DROPPED, dropped, reason)


def deaths(counters: Counters) -> list[tuple[str, int, int]]:
    """Reason, how many were dead-lettered, how many dropped."""
    return [
        ("rejected", int(counters.dead_rejected), int(counters.dropped_rejected)),
        ("expired", int(counters.dead_expired), int(counters.dropped_expired)),
        ("maxlen", int(counters.dead_maxlen), int(counters.dropped_maxlen)),
        ("delivery_limit", int(counters.dead_delivery_limit), int(counters.dropped_delivery_limit)),
    ]


def add_connections(out: Exposition, sources: Sources) -> None:
    for head, traffic in sources.traffic().items():
        out.add(f.CONNECTIONS, int(traffic.opened - traffic.closed), head)
        out.add(f.CONNECTIONS_OPENED, int(traffic.opened), head)
        out.add(f.RECEIVED_BYTES, int(traffic.bytes_in), head)
        out.add(f.SENT_BYTES, int(traffic.bytes_out), head)
    out.add(f.CONNECTIONS_REFUSED, sources.refused())
    totals = sources.broker.core.totals
    out.add(f.LOGINS, int(totals.logins))
    out.add(f.LOGINS_FAILED, int(totals.logins_failed))


def add_catalog(out: Exposition, sources: Sources) -> None:
    broker = sources.broker
    spaces = broker.catalog.namespaces.values()
    out.add(f.NAMESPACES, len(spaces))
    out.add(f.QUEUES, sum(len(space.queues) for space in spaces))
    out.add(f.TOPICS, sum(len(space.topics) for space in spaces))
    out.add(f.EXCHANGES, sum(len(space.exchanges) for space in spaces))
    out.add(f.GROUPS, len(broker.groups.groups) + len(broker.shares.groups))


def add_disk(out: Exposition, sources: Sources) -> None:
    """Nothing when all is kept in memory."""
    store = sources.store
    if store is None:
        return
    statistics = store.statistics
    out.add_histogram(f.COMMIT_SECONDS, statistics.commit_times)
    out.add_histogram(f.SYNC_SECONDS, statistics.sync_times)
    out.add(f.COMMITS, int(statistics.commits))
    out.add(f.COMMIT_BYTES, int(statistics.commit_bytes))
    out.add(f.JOURNAL_WRITES, int(statistics.groups))
    out.add(f.PENDING_BYTES, store.pending_bytes())
    journal, segments = store.stored_bytes()
    out.add(f.JOURNAL_BYTES, journal)
    out.add(f.SEGMENT_BYTES, segments)
    out.add(f.CHECKPOINTS, int(statistics.checkpoints))
    out.add_histogram(f.CHECKPOINT_SECONDS, statistics.checkpoint_times)
    out.add(f.CHECKPOINT_BYTES, int(statistics.checkpoint_bytes))
    out.add(f.SPILLED_BYTES, int(statistics.spilled_bytes))
    out.add(f.LOADED_BYTES, int(statistics.loaded_bytes))
    out.add(f.DISK_STALLS, int(statistics.stalls))
    out.add(f.DISK_FREE, store.free_bytes())
    out.add(f.DISK_FREE_MIN, sources.pressure.free_bytes_min)


def add_pressure(out: Exposition, sources: Sources) -> None:
    pressure = sources.pressure
    out.add(f.RECORDS_MEMORY, sources.broker.memory_bytes())
    out.add(f.RECORDS_MEMORY_MAX, pressure.memory_bytes_alarm)
    out.add(f.ALARM, int(pressure.memory_low), "memory")
    out.add(f.ALARM, int(pressure.disk_low), "disk")
    out.add(f.ALARMS, int(pressure.alarms))
    out.add(f.ALARM_SECONDS, pressure.alarm_ms / 1000)
    out.add(f.SLOWDOWNS, int(pressure.slowdowns))
    out.add(f.SLOWDOWN_SECONDS, pressure.slow_ms / 1000)
    out.add(f.THROTTLED, pressure.throttled())
    out.add_histogram(f.TURN_SECONDS, sources.turns)
    out.add_histogram(f.LAG_SECONDS, sources.lag)


def add_process(out: Exposition, sources: Sources, process: ProcessNumbers) -> None:
    out.add(f.UPTIME, process.uptime_seconds)
    out.add(f.BUILD, 1, sources.version, python_version(), "true" if sources.compiled else "false")
    out.add(f.CPU_SECONDS, process.cpu_seconds)
    out.add(f.START_TIME, process.started_seconds)
    out.add(f.RESIDENT, process.resident_bytes)
    out.add(f.VIRTUAL, process.virtual_bytes)
    out.add(f.OPEN_FILES, process.open_files)
    out.add(f.FILES_MAX, process.files_max)
    out.add(f.THREADS, process.threads)
    for generation, passes, freed in collections():
        out.add(f.GC_PASSES, passes, generation)
        out.add(f.GC_FREED, freed, generation)
