"""What is measured over the Kafka protocol, and the target of each measure.

Each function gets a broker that was just started on an empty directory. All loads of one scenario run on that one
process, so that a virtual machine is warm and memory is what a loaded broker holds. Must not know which broker it
measures.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import kafka_client_load, kafka_tools_load, process_tree
from bench.kafka_load import RecordShape, Watch
from bench.peers import Broker, Started
from bench.scenarios import MEGABYTE, Measure, Options, Outcome, Scenario

SHAPES: Final = [RecordShape(size, compression) for size in (100, 1024) for compression in ("none", "lz4")]
QUICK_SHAPES: Final = [RecordShape(100, "none"), RecordShape(1024, "lz4")]
SINGLE_RATE: Final = 1000
PARTITIONS: Final = 1
SETTLE_SECONDS: Final = 3.0
# The producers' own warm-up, before the measured records: a part of their number.
WARM_PART: Final = 0.5

Produce = Callable[[int, str, RecordShape, int, int], float]
Consume = Callable[[int, str, int], float]


def _load(
    shapes: list[RecordShape], broker: Broker, options: Options, produce: Produce, consume: Consume
) -> Outcome:
    warm_up = RecordShape(100, "none")
    kafka_client_load.create_topics(broker.port, ["warm", *(shape.name for shape in shapes)], PARTITIONS)
    warm_records = warm_up.records(options.load_bytes)
    kafka_client_load.produce(broker.port, "warm", warm_up, 0, warm_records)
    kafka_client_load.consume(broker.port, "warm", warm_records)
    values: dict[str, float] = {}
    notes: list[str] = []
    others = 0.0
    for shape in shapes:
        name, records = shape.name, shape.records(options.load_bytes)
        warm = int(records * WARM_PART)
        watch, began = Watch(broker.processes), time.monotonic()
        values[f"produce-{name}"] = shape.megabytes(produce(broker.port, name, shape, warm, records))
        values[f"consume-{name}"] = shape.megabytes(consume(broker.port, name, warm + records))
        load, own, other = watch.cores(time.monotonic() - began)
        notes.append(f"{name}: cores: load {load:.2f}, broker {own:.2f}, others {other:.2f}")
        others = max(others, other)
    time.sleep(SETTLE_SECONDS)
    values["memory"] = process_tree.resident_bytes(broker.processes()) / MEGABYTE
    return Outcome(values, "; ".join(notes), others)


def _tools(shapes: list[RecordShape], broker: Broker, options: Options) -> Outcome:
    with tempfile.TemporaryDirectory() as directory:

        def produce(port: int, topic: str, shape: RecordShape, warm: int, records: int) -> float:
            return kafka_tools_load.produce(port, topic, shape, warm, records, Path(directory))

        return _load(shapes, broker, options, produce, kafka_tools_load.consume)


def _client(shapes: list[RecordShape], broker: Broker, options: Options) -> Outcome:
    return _load(shapes, broker, options, kafka_client_load.produce, kafka_client_load.consume)


def single(broker: Broker, started: Started, options: Options) -> Outcome:
    """Half of the time is warm-up: a virtual machine compiles while it runs."""
    time.sleep(SETTLE_SECONDS)
    idle = process_tree.resident_bytes(broker.processes()) / MEGABYTE
    kafka_client_load.create_topics(broker.port, ["single"], 1)
    watch, began = Watch(broker.processes), time.monotonic()
    result = kafka_client_load.single_records(
        broker.port, "single", SINGLE_RATE, options.latency_seconds, options.latency_seconds
    )
    load, own, other = watch.cores(time.monotonic() - began)
    p50, p99, most = result.confirm
    values = {"ready": started.ready_ms, "handshake": started.handshake_ms, "idle": idle}
    values |= {"p50": p50, "p99": p99, "max": most}
    note = (
        f"the producer's own ticks were late by {result.late_p99:.2f} ms (p99); "
        f"cores: load {load:.2f}, broker {own:.2f}, others {other:.2f}"
    )
    return Outcome(values, note, other)


def _load_measures(program: str, shapes: list[RecordShape]) -> list[Measure]:
    measures = []
    for way in ("produce", "consume"):
        for shape in shapes:
            title = f"{program}, {way}, {shape.title}"
            measures.append(Measure(f"{way}-{shape.name}", title, "MB/s", True, ratio=1.0))
    return [*measures, Measure("memory", f"{program}, resident memory after it", "MB", False, ratio=0.2)]


SINGLE: Final = Scenario(
    "single",
    single,
    [
        Measure("p50", "1,000 single records/s, acks=all, p50", "ms", False, ratio=0.5),
        Measure("p99", "1,000 single records/s, acks=all, p99", "ms", False, ratio=0.5),
        Measure("max", "1,000 single records/s, acks=all, max", "ms", False),
        Measure("ready", "start to ready line", "ms", False, ratio=0.1),
        Measure("handshake", "start to Kafka handshake", "ms", False),
        Measure("idle", "idle resident memory", "MB", False),
    ],
)


def kafka_scenarios(quick: bool) -> list[Scenario]:
    """All, or with two of the four shapes."""
    shapes = QUICK_SHAPES if quick else SHAPES
    return [
        Scenario("tools", lambda b, _, o: _tools(shapes, b, o), _load_measures("perf-test", shapes)),
        Scenario("client", lambda b, _, o: _client(shapes, b, o), _load_measures("librdkafka", shapes)),
        SINGLE,
    ]
