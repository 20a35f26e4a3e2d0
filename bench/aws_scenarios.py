"""What is measured over SQS's protocol, and the target of each measure.

Each function gets a broker that was just started on an empty directory. Must not know which broker it measures.
"""

import time
from typing import Final

from bench import process_tree
from bench.amqp_wire import LoadError
from bench.aws_latency import DeepQueue, receive_ms
from bench.aws_load import CONNECTIONS, Connections, run_load
from bench.aws_messages import BATCH_MAX, Messages
from bench.aws_wire import create_queue, messages_left
from bench.kafka_load import Watch
from bench.peers import Broker, Started
from bench.scenarios import IDLE_SETTLE_SECONDS, MEGABYTE, Measure, Options, Outcome, Scenario

BODY_BYTES: Final = 100
SHALLOW: Final = 1000
GROUPS: Final = 1000
# A virtual machine compiles while it runs, here for half a minute until it has become fast; the same for all.
WARM_SECONDS: Final = 30.0
QUICK_WARM_SECONDS: Final = 4.0
# A few messages go astray in one of the peers; more than this make the number worthless.
ASTRAY_MAX: Final = 0.02
FLAT_MAX: Final = 1.2
# To the peer of the table; a pair may have another one.
THROUGHPUT_RATIO: Final = 3.0


def _memory(broker: Broker) -> float:
    return process_tree.resident_bytes(broker.processes()) / MEGABYTE


def _throughput(count: int, warm_seconds: float, broker: Broker, options: Options) -> Outcome:
    # Nothing comes back while it is measured.
    url = create_queue(broker.port, "load", {"VisibilityTimeout": "3600"})
    messages = Messages(broker.port, url, BODY_BYTES, count)
    with Connections(broker.port) as connections:
        run_load(connections, messages, warm_seconds)
        watch, began = Watch(broker.processes), time.monotonic()
        phases = run_load(connections, messages, options.seconds)
        load, own, other = watch.cores(time.monotonic() - began)
    left = messages_left(broker.port, url)
    if left > phases.requests["delete"] * count * ASTRAY_MAX:
        raise LoadError(f"{left} messages left of which all were deleted")
    note = (
        f"{phases.requests['send']} sends; {phases.empty_receives} empty receives; {left} left; "
        f"cores: load {load:.2f}, broker {own:.2f}, others {other:.2f}"
    )
    return Outcome(phases.rates() | {"memory": _memory(broker)}, note, other)


def _throughput_scenario(name: str, title: str, count: int, warm_seconds: float) -> Scenario:
    operations = [("send", "SendMessage"), ("receive", "ReceiveMessage"), ("delete", "DeleteMessage")]
    measures = []
    for key, operation in operations:
        spelled = operation + "Batch" * (count > 1 and key != "receive")
        measures.append(Measure(key, f"{title}, {spelled}", "req/s", True, ratio=THROUGHPUT_RATIO))
    measures.append(Measure("memory", f"{title}, resident memory after it", "MB", False))
    return Scenario(
        name, lambda broker, _, options: _throughput(count, warm_seconds, broker, options), measures
    )


def _start(broker: Broker, started: Started, _: Options) -> Outcome:
    time.sleep(IDLE_SETTLE_SECONDS)
    values = {"ready": started.ready_ms, "handshake": started.handshake_ms, "idle": _memory(broker)}
    return Outcome(values)


def _depth(deep: int, broker: Broker, options: Options) -> Outcome:
    queues = [
        DeepQueue("shallow", SHALLOW),
        DeepQueue("deep", deep),
        DeepQueue("fifo-shallow", SHALLOW, groups=1),
        DeepQueue("fifo-groups", GROUPS * 10, groups=GROUPS),
        DeepQueue("fifo-deep", deep, groups=GROUPS),
    ]
    began = time.monotonic()
    with Connections(broker.port) as connections:
        filled = [queue.fill(broker.port, connections) for queue in queues]
    fill_seconds = time.monotonic() - began
    time.sleep(IDLE_SETTLE_SECONDS)
    values = {"memory": _memory(broker)}
    watch, began = Watch(broker.processes), time.monotonic()
    took = receive_ms(broker.port, filled, options.latency_seconds)
    other = watch.cores(time.monotonic() - began)[2]
    values |= {queue.key: ms for queue, ms in zip(queues, took, strict=True)}
    values["flat"] = values["deep"] / values["shallow"]
    values["fifo-flat-groups"] = values["fifo-groups"] / values["fifo-shallow"]
    values["fifo-flat-deep"] = values["fifo-deep"] / values["fifo-shallow"]
    total = sum(queue.depth for queue in queues)
    return Outcome(values, f"{total:,} messages filled in {fill_seconds:.0f} s", other)


def _depth_scenario(deep: int) -> Scenario:
    few, many, groups = f"{SHALLOW:,}", f"{deep:,}", f"{GROUPS:,}"
    measures = [
        Measure("shallow", f"receive, {few} waiting, p50", "ms", False),
        Measure("deep", f"receive, {many} waiting, p50", "ms", False),
        Measure("flat", f"{many} beside {few}", "x", False, limit=FLAT_MAX),
        Measure("fifo-shallow", f"receive, FIFO, 1 group, {few} waiting, p50", "ms", False),
        Measure("fifo-groups", f"receive, FIFO, {groups} groups, {GROUPS * 10:,} waiting, p50", "ms", False),
        Measure("fifo-deep", f"receive, FIFO, {groups} groups, {many} waiting, p50", "ms", False),
        Measure("fifo-flat-groups", f"FIFO, {groups} groups beside 1", "x", False, limit=FLAT_MAX),
        Measure(
            "fifo-flat-deep", f"FIFO, {groups} groups and {many} beside 1 group", "x", False, limit=FLAT_MAX
        ),
        Measure("memory", f"resident memory, twice {many} waiting", "MB", False),
    ]
    return Scenario("depth", lambda broker, _, options: _depth(deep, broker, options), measures, once=True)


START: Final = Scenario(
    "start",
    _start,
    [
        Measure("ready", "start to ready line", "ms", False),
        Measure("handshake", "start to the first answer", "ms", False),
        Measure("idle", "idle resident memory", "MB", False),
    ],
)


def aws_scenarios(deep: int, warm_seconds: float) -> list[Scenario]:
    """`deep`: messages waiting in the deep queues. `warm_seconds`: of the throughput's load, before what counts."""
    return [
        _throughput_scenario("single", f"{CONNECTIONS} connections, single", 1, warm_seconds),
        _throughput_scenario(
            "batch", f"{CONNECTIONS} connections, batches of {BATCH_MAX}", BATCH_MAX, warm_seconds
        ),
        _depth_scenario(deep),
        START,
    ]
