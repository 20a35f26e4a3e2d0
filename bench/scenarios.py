"""What is measured, and the target of each measure.

Each function gets a broker that was just started on an empty directory, and gives named numbers. Must not
know which broker it measures.
"""

import time
from collections.abc import Callable
from typing import Final

from bench import process_tree
from bench.amqp_latency import run_latency
from bench.amqp_load import LoadShape, fill_queue, run_load
from bench.amqp_wire import Connection, LoadError
from bench.peers import RECOVERY_SECONDS_MAX, Broker, Started

MEGABYTE: Final = 1_000_000
IDLE_SETTLE_SECONDS: Final = 3.0
BACKLOG_SETTLE_SECONDS: Final = 5.0
FILL_RATE_MIN: Final = 2000
LATENCY_RATE: Final = 5000


class Options:
    """How long and how much."""

    def __init__(
        self, seconds: float, warm_seconds: float, latency_seconds: float, backlog: int, load_bytes: int
    ) -> None:
        self.seconds = seconds
        self.warm_seconds = warm_seconds
        self.latency_seconds = latency_seconds
        self.backlog = backlog
        # What a load of fixed size moves: Kafka's own tools count records, not seconds.
        self.load_bytes = load_bytes


class Outcome:
    """The numbers of one run by measure, and what the run says about itself."""

    def __init__(self, values: dict[str, float], note: str = "", other_cores: float = 0.0) -> None:
        self.values = values
        self.note = note
        # Processor use by strangers while it ran: what makes a run worthless.
        self.other_cores = other_cores


Run = Callable[[Broker, Started, Options], Outcome]


class Measure:
    """One row of the table. Target: a ratio to the peer, or a limit in the row's own unit."""

    def __init__(
        self,
        key: str,
        title: str,
        unit: str,
        more_is_better: bool,
        ratio: float | None = None,
        limit: float | None = None,
    ) -> None:
        self.key = key
        self.title = title
        self.unit = unit
        self.more_is_better = more_is_better
        self.ratio = ratio
        self.limit = limit


class Scenario:
    def __init__(self, name: str, run: Run, measures: list[Measure], once: bool = False) -> None:
        self.name = name
        self.run = run
        self.measures = measures
        # A long scenario runs once.
        self.once = once


def throughput(name: str, title: str, ratio: float | None, shape: LoadShape) -> Scenario:
    def run(broker: Broker, _: Started, options: Options) -> Outcome:
        result = run_load(broker.port, shape, broker.processes, options.warm_seconds, options.seconds)
        note = (
            f"{result.messages} in {result.seconds:.2f} s; cores: load {result.load_cores:.2f}, "
            f"broker {result.broker_cores:.2f}, others {result.other_cores:.2f}"
        )
        return Outcome({"rate": result.rate}, note, result.other_cores)

    return Scenario(name, run, [Measure("rate", title, "msg/s", True, ratio=ratio)])


def latency(broker: Broker, _: Started, options: Options) -> Outcome:
    result = run_latency(broker.port, LATENCY_RATE, options.warm_seconds, options.latency_seconds)
    values: dict[str, float] = {}
    for way, numbers in (("deliver", result.deliver), ("confirm", result.confirm)):
        values |= {f"{way}-{part}": n for part, n in zip(("p50", "p99", "max"), numbers, strict=True)}
    return Outcome(values, f"the publisher's own ticks were late by {result.late_p99:.2f} ms (p99)")


def start(_: Broker, started: Started, __: Options) -> Outcome:
    return Outcome({"ready": started.ready_ms, "handshake": started.handshake_ms})


def idle(broker: Broker, _: Started, __: Options) -> Outcome:
    time.sleep(IDLE_SETTLE_SECONDS)
    return Outcome({"memory": process_tree.resident_bytes(broker.processes()) / MEGABYTE})


def backlog(broker: Broker, _: Started, options: Options) -> Outcome:
    shape = LoadShape(100, persistent=True, confirms=True)
    queue = shape.queues(0)[0]
    began = time.monotonic()
    fill_queue(broker.port, shape, options.backlog, options.backlog / FILL_RATE_MIN)
    fill_seconds = time.monotonic() - began
    time.sleep(BACKLOG_SETTLE_SECONDS)
    memory = process_tree.resident_bytes(broker.processes()) / MEGABYTE
    broker.kill()
    again = broker.start(RECOVERY_SECONDS_MAX)
    connection = Connection(broker.port, RECOVERY_SECONDS_MAX)
    connection.prefetch(1)
    connection.consume(queue, "c-backlog", automatic_ack=False)
    connection.read_frame()
    first_ms = (time.monotonic() - again.exec_at) * 1000
    memory_after = process_tree.resident_bytes(broker.processes()) / MEGABYTE
    connection.close()
    found = _messages_after_release(broker.port, queue, options.backlog)
    if found != options.backlog:
        raise LoadError(f"{options.backlog} confirmed, {found} there after the kill and restart")
    values = {
        "memory": memory,
        "memory-after": memory_after,
        "ready": again.ready_ms,
        "first": first_ms,
    }
    return Outcome(values, f"filled in {fill_seconds:.0f} s; {found} messages there after the restart")


def _messages_after_release(port: int, queue: str, expected: int) -> int:
    """The queue's length, once the delivery of the connection just closed is back in it."""
    connection = Connection(port)
    deadline = time.monotonic() + 20
    while (found := connection.declare(queue, passive=True)) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    connection.close()
    return found


def _latency_measures() -> list[Measure]:
    measures = []
    for way, title in (("deliver", "publish to deliver"), ("confirm", "publish to confirm")):
        for part in ("p50", "p99", "max"):
            target = None if part == "max" else 1.0
            measures.append(
                Measure(
                    f"{way}-{part}", f"5,000 msg/s persistent, {title}, {part}", "ms", False, ratio=target
                )
            )
    return measures


def _synced(body_bytes: int) -> LoadShape:
    return LoadShape(body_bytes, persistent=True, confirms=True, prefetch=500, ack_every=100)


MANY: Final = LoadShape(
    100,
    persistent=True,
    confirms=True,
    prefetch=500,
    ack_every=100,
    pairs=50,
    queues_per_pair=2,
    chunk_messages=20,
    unconfirmed_max=100,
    unconsumed_max=2000,
)

SCENARIOS: Final = [
    throughput("persistent-100", "persistent, confirms, prefetch 500, 100 B", 5, _synced(100)),
    throughput("persistent-1k", "persistent, confirms, prefetch 500, 1 KiB", 5, _synced(1024)),
    throughput("autoack-100", "transient, auto-ack, 100 B", 4, LoadShape(100)),
    throughput("autoack-1k", "transient, auto-ack, 1 KiB", 4, LoadShape(1024)),
    throughput("prefetch", "transient, prefetch 500, 100 B", 4, LoadShape(100, prefetch=500, ack_every=100)),
    throughput(
        "confirms",
        "transient, confirms, prefetch 500, 100 B",
        None,
        LoadShape(100, confirms=True, prefetch=500, ack_every=100),
    ),
    Scenario("latency", latency, _latency_measures()),
    throughput("queues-100", "100 queues, 100 connections, persistent, confirms, 100 B", 3, MANY),
    Scenario(
        "start",
        start,
        [
            Measure("ready", "start to ready line", "ms", False, limit=300),
            Measure("handshake", "start to AMQP handshake", "ms", False),
        ],
    ),
    Scenario("idle", idle, [Measure("memory", "idle resident memory", "MB", False, limit=60)]),
    Scenario(
        "backlog",
        backlog,
        [
            Measure("memory", "backlog, resident memory", "MB", False, limit=400),
            Measure("memory-after", "backlog, resident memory after restart", "MB", False),
            Measure("ready", "backlog, SIGKILL, start to ready line", "ms", False),
            Measure("first", "backlog, SIGKILL, start to first delivery", "ms", False),
        ],
        once=True,
    ),
]
