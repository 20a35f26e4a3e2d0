"""The throughput load: publishers in one process, consumers in another, each over raw sockets.

Must not be the bottleneck: `LoadResult` says what the load processes and the broker spent of the processor.
"""

import time
from collections.abc import Callable
from typing import Final

from bench import process_tree
from bench.amqp_consumer import ConsumerConnection, run_consumers
from bench.amqp_publisher import UNBOUNDED, PublisherConnection, Publishers, PublisherSettings
from bench.amqp_wire import Connection
from bench.load_processes import READY, RESULT, LoadProcesses, Pipe, tell
from bench.shared_counters import FIRST_SLOT, SharedCounters

DRAIN_SECONDS_MAX: Final = 120.0


class LoadShape:
    """What is published and how it is consumed. Publisher and consumer number i share their queues."""

    def __init__(
        self,
        body_bytes: int,
        persistent: bool = False,
        confirms: bool = False,
        prefetch: int = 0,
        ack_every: int = 0,
        pairs: int = 1,
        queues_per_pair: int = 1,
        chunk_messages: int = 100,
        unconfirmed_max: int = 2000,
        unconsumed_max: int = 20000,
    ) -> None:
        self.body_bytes = body_bytes
        self.persistent = persistent
        self.confirms = confirms
        self.prefetch = prefetch
        self.ack_every = ack_every
        self.pairs = pairs
        self.queues_per_pair = queues_per_pair
        self.chunk_messages = chunk_messages
        self.unconfirmed_max = unconfirmed_max
        self.unconsumed_max = unconsumed_max

    def queues(self, pair: int) -> list[str]:
        """Names of one length, so that deliveries have one size."""
        first = pair * self.queues_per_pair
        return [f"bench-{number:04}" for number in range(first, first + self.queues_per_pair)]

    def publisher_settings(self, pair: int) -> PublisherSettings:
        return PublisherSettings(
            self.queues(pair),
            self.body_bytes,
            self.persistent,
            self.confirms,
            self.chunk_messages,
            self.unconfirmed_max,
            self.unconsumed_max,
        )


class LoadResult:
    """A measured phase: rate in messages a second, processor use in cores (`other_cores`: by strangers)."""

    def __init__(
        self, messages: int, seconds: float, load_cores: float, broker_cores: float, other_cores: float
    ) -> None:
        self.messages = messages
        self.seconds = seconds
        self.rate = messages / seconds
        self.load_cores = load_cores
        self.broker_cores = broker_cores
        self.other_cores = other_cores


def publisher_process(port: int, shape: LoadShape, counters: SharedCounters, drain: bool, pipe: Pipe) -> None:
    """Runs a phase of [seconds, messages at most] for each command, until the pipe closes."""
    connections: list[PublisherConnection] = []
    for pair in range(shape.pairs):
        connection = Connection(port)
        if shape.confirms:
            connection.select_confirms()
        settings = shape.publisher_settings(pair)
        connections.append(PublisherConnection(connection.socket, settings, FIRST_SLOT + pair))
    publishers = Publishers(connections, counters, drain)
    tell(pipe, READY)
    while True:
        try:
            _, numbers = pipe.recv()
        except EOFError:
            return
        result = publishers.run(numbers[0], int(numbers[1]))
        tell(pipe, RESULT, [result.messages, result.seconds])


def consumer_process(port: int, shape: LoadShape, counters: SharedCounters, pipe: Pipe) -> None:
    connections: list[ConsumerConnection] = []
    for pair in range(shape.pairs):
        connection = Connection(port)
        if shape.prefetch:
            connection.prefetch(shape.prefetch)
        for queue in shape.queues(pair):
            connection.consume(queue, f"c-{queue}", automatic_ack=not shape.ack_every)
        connections.append(ConsumerConnection(connection.socket, shape.ack_every, bytes(connection.received)))
    tell(pipe, READY)
    run_consumers(connections, FIRST_SLOT, counters)
    tell(pipe, RESULT)


def declare_queues(port: int, shape: LoadShape) -> None:
    connection = Connection(port)
    for pair in range(shape.pairs):
        for queue in shape.queues(pair):
            connection.declare(queue)
    connection.close()


def run_load(
    port: int, shape: LoadShape, broker: Callable[[], list[int]], warm_seconds: float, seconds: float
) -> LoadResult:
    """Warm up, then measure until all is confirmed and consumed. `broker` gives the broker's process ids.

    Raises LoadError when the broker stalls, closes, loses, repeats or refuses something.
    """
    declare_queues(port, shape)
    counters = SharedCounters(shape.pairs)
    with LoadProcesses(
        lambda pipe: publisher_process(port, shape, counters, True, pipe),
        lambda pipe: consumer_process(port, shape, counters, pipe),
        counters,
    ) as processes:
        processes.run([warm_seconds, float(UNBOUNDED)], warm_seconds + DRAIN_SECONDS_MAX)
        broker_processes = broker()
        load_processes = processes.process_ids()
        before = _processor_use(load_processes, broker_processes)
        began = time.monotonic()
        messages, elapsed = processes.run([seconds, float(UNBOUNDED)], seconds + DRAIN_SECONDS_MAX)
        wall = time.monotonic() - began
        after = _processor_use(load_processes, broker_processes)
        load, broker_use, machine = ((end - start) / wall for start, end in zip(before, after, strict=True))
        processes.stop_consumers()
    return LoadResult(int(messages), elapsed, load, broker_use, max(0.0, machine - load - broker_use))


def _processor_use(load: list[int], broker: list[int]) -> tuple[float, float, float]:
    machine = process_tree.machine_cpu_seconds()
    return process_tree.cpu_seconds(load), process_tree.cpu_seconds(broker), machine


def fill_queue(port: int, shape: LoadShape, messages: int, seconds_max: float) -> None:
    """Publish `messages` that nobody consumes, all confirmed. Raises LoadError."""
    declare_queues(port, shape)
    counters = SharedCounters(shape.pairs)
    with LoadProcesses(
        lambda pipe: publisher_process(port, shape, counters, False, pipe), None, counters
    ) as processes:
        processes.run([seconds_max, float(messages)], seconds_max + DRAIN_SECONDS_MAX)
