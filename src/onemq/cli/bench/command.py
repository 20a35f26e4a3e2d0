"""`onemq bench`: the command, its view, its result."""

import contextlib
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from onemq.cli.bench.histogram import Histogram
from onemq.cli.bench.worker import Plan, Worker
from onemq.cli.frame import BadUsage, CliError, Frame, example, talks
from onemq.cli.output import number, size
from onemq.cli.values import duration_ms

if TYPE_CHECKING:
    from rich.console import RenderableType

DURATION_MS_MAX: Final = 3_600_000
DRAIN_SECONDS_MAX: Final = 10.0
VIEW_SECONDS: Final = 0.25
LISTENERS: Final = {"amqp": "amqp", "kafka": "kafka", "sqs": "aws"}
WINDOWS: Final = {"amqp": 100, "kafka": 5, "sqs": 1}
BATCHES: Final = {"amqp": 1, "kafka": 100, "sqs": 10}
BARS: Final = 12
BAR_WIDTH: Final = 40


@click.command(
    epilog=example(
        "onemq bench --protocol amqp --duration 10s",
        "onemq bench --protocol kafka --size 1024 --producers 2 --consumers 2",
        "onemq bench --protocol sqs --rate 500 --json",
    )
)
@click.option("--protocol", type=click.Choice(list(LISTENERS)), default="amqp", show_default=True)
@click.option("--duration", default="10s", show_default=True, help="At most an hour.")
@click.option("--messages", type=click.IntRange(1), help="Stop after so many of each producer.")
@click.option(
    "--size",
    "body_size",
    type=click.IntRange(20, 1_000_000),
    default=100,
    show_default=True,
    help="Of a body, in bytes.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0.1),
    help="Messages a second over all producers; without: as fast as it goes.",
)
@click.option("--producers", type=click.IntRange(0, 64), default=1, show_default=True)
@click.option("--consumers", type=click.IntRange(0, 64), default=1, show_default=True)
@click.option(
    "--window", type=click.IntRange(1, 10_000), help="Publishes (Kafka: requests) without an answer."
)
@click.option("--batch", type=click.IntRange(1, 10_000), help="Messages in a request (Kafka: 100, SQS: 10).")
@click.option("--target", help="An existing queue or topic; without: one is made, and deleted afterwards.")
@talks
def bench(
    frame: Frame,
    protocol: str,
    duration: str,
    messages: int | None,
    body_size: int,
    rate: float | None,
    producers: int,
    consumers: int,
    window: int | None,
    batch: int | None,
    target: str | None,
) -> None:
    """Put a load on the running broker over real connections, and show rates and latencies.

    Latencies: of a publish until the broker has confirmed it, of a delivery from publish to arrival. This program takes
    part of the machine: what it measures is a lower bound of what the broker can do.
    """
    wanted_ms = duration_ms(duration, "--duration")
    if not 100 <= wanted_ms <= DURATION_MS_MAX:
        raise BadUsage("--duration is from 100ms to 1h")
    if producers + consumers == 0:
        raise BadUsage("there is nothing to do: give --producers or --consumers")
    plan = _plan(frame, protocol, target)
    plan.size = body_size
    plan.window = window or WINDOWS[protocol]
    plan.batch = batch or BATCHES[protocol]
    plan.messages = messages or 0
    plan.per_second = rate / max(producers, 1) if rate is not None else 0.0
    plan.partitions = max(producers, consumers, 1)
    made = target is None
    if made:
        _make(frame, protocol, plan)
    elif protocol == "kafka":
        found = frame.client.get("topics", frame.namespace, plan.target)["topic"]["partitions"]
        plan.partitions = len(found)
    try:
        run = _Run(frame, protocol, plan, producers, consumers)
        run.go(wanted_ms / 1000)
    finally:
        if made:
            kind = "topics" if protocol == "kafka" else "queues"
            frame.client.close()
            frame.client.delete(kind, frame.namespace, plan.target)
    run.tell()


def _plan(frame: Frame, protocol: str, target: str | None) -> Plan:
    listeners = frame.client.get("overview")["listeners"]
    port = next((each["port"] for each in listeners if each["protocol"] == LISTENERS[protocol]), None)
    if port is None:
        raise CliError(f"this broker does not listen for {protocol}: set {LISTENERS[protocol]}.port")
    plan = Plan(frame.client.host, port, target or f"onemq-bench-{secrets.token_hex(4)}")
    plan.user = frame.user
    plan.password = frame.password
    plan.namespace = frame.namespace
    if protocol != "amqp" and frame.namespace != "/":
        raise BadUsage(f"{protocol} has one namespace: leave --namespace away")
    return plan


def _make(frame: Frame, protocol: str, plan: Plan) -> None:
    if protocol == "kafka":
        frame.client.put("topics", frame.namespace, plan.target, body={"partitions": plan.partitions})
    else:
        frame.client.put("queues", frame.namespace, plan.target)


def _workers(protocol: str, plan: Plan, producers: int, consumers: int) -> tuple[list[Worker], list[Worker]]:
    from onemq.cli.bench import amqp, sqs

    if protocol == "kafka":
        from onemq.cli.bench import kafka

        return (
            [kafka.KafkaProducer(plan, index) for index in range(producers)],
            [kafka.KafkaConsumer(plan, index, consumers) for index in range(consumers)],
        )
    producer: type[Worker] = amqp.AmqpProducer if protocol == "amqp" else sqs.SqsProducer
    consumer: type[Worker] = amqp.AmqpConsumer if protocol == "amqp" else sqs.SqsConsumer
    return (
        [producer(plan, index) for index in range(producers)],
        [consumer(plan, index) for index in range(consumers)],
    )


class _Run:
    """One load, from its start to its end."""

    def __init__(self, frame: Frame, protocol: str, plan: Plan, producers: int, consumers: int) -> None:
        self._frame = frame
        self._protocol = protocol
        self._plan = plan
        self._producers, self._consumers = _workers(protocol, plan, producers, consumers)
        self._began = 0.0
        self._seconds = 0.0
        self._consumed_seconds = 0.0
        self._seen: list[tuple[float, int, int]] = []
        if protocol == "kafka" and consumers:
            self._begin_at_the_end()

    def _begin_at_the_end(self) -> None:
        found = self._frame.client.get("topics", self._frame.namespace, self._plan.target)
        for partition in found["topic"]["partitions"]:
            for consumer in self._consumers:
                consumer.start_at(partition["index"], partition["end_offset"])  # type: ignore[attr-defined]

    def go(self, seconds: float) -> None:
        """Raises CliError."""
        self._began = time.monotonic()
        for worker in [*self._consumers, *self._producers]:
            worker.start()
        with contextlib.suppress(KeyboardInterrupt):
            # What was measured until then is shown.
            self._watch(seconds)
        self._plan.stopping.set()
        for worker in self._producers:
            worker.join(DRAIN_SECONDS_MAX)
        self._seconds = time.monotonic() - self._began
        if self._producers and self._consumers:
            until = time.monotonic() + DRAIN_SECONDS_MAX
            while (
                _sum(self._consumers) < _sum(self._producers)
                and time.monotonic() < until
                and not self._failure()
            ):
                time.sleep(0.01)
        self._consumed_seconds = time.monotonic() - self._began
        self._plan.draining.set()
        for worker in self._consumers:
            worker.join(DRAIN_SECONDS_MAX)
        failure = self._failure()
        if failure is not None:
            raise CliError(f"the load failed: {failure}")

    def _failure(self) -> Exception | None:
        for worker in [*self._producers, *self._consumers]:
            if worker.failure is not None:
                return worker.failure
        return None

    def _watch(self, seconds: float) -> None:
        until = self._began + seconds
        if not self._frame.out.terminal or self._frame.as_json:
            while self._is_on(until):
                self._plan.stopping.wait(min(VIEW_SECONDS, max(until - time.monotonic(), 0)))
            return
        from rich.live import Live

        console = self._frame.out.console()
        with Live(self._view(), console=console, refresh_per_second=8, transient=True) as live:
            while self._is_on(until):
                self._plan.stopping.wait(min(VIEW_SECONDS, max(until - time.monotonic(), 0)))
                live.update(self._view())

    def _is_on(self, until: float) -> bool:
        if time.monotonic() >= until or self._plan.stopping.is_set():
            return False
        return not self._producers or any(worker.is_alive() for worker in self._producers)

    def _view(self) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        now = time.monotonic()
        published, consumed = _sum(self._producers), _sum(self._consumers)
        self._seen.append((now, published, consumed))
        self._seen = [each for each in self._seen if each[0] > now - 2.0]
        first = self._seen[0]
        span = max(now - first[0], 0.001)
        lines = [
            f"{self._protocol} load on {self._plan.target}, {now - self._began:.0f} s   ctrl-C ends",
            f"published {number(published)} ({number((published - first[1]) / span)}/s)   "
            f"consumed {number(consumed)} ({number((consumed - first[2]) / span)}/s)",
            *self._latency_lines(),
        ]
        return Group(*[Text(line) for line in lines])

    def _latency_lines(self) -> list[str]:
        found = []
        for name, workers in (("publish", self._producers), ("delivery", self._consumers)):
            if workers:
                summary = _merged(workers).summary()
                shown = "  ".join(
                    f"{key.replace('_', '.')} {'-' if value is None else f'{value:.2f} ms'}"
                    for key, value in summary.items()
                )
                found.append(f"{name:8} {shown}")
        return found

    # The result.

    def tell(self) -> None:
        seconds = max(self._seconds, 0.001)
        published, consumed = _sum(self._producers), _sum(self._consumers)
        octets = sum(worker.octets for worker in self._producers or self._consumers)
        result: dict[str, Any] = {
            "protocol": self._protocol,
            "seconds": round(seconds, 3),
            "size": self._plan.size,
            "producers": len(self._producers),
            "consumers": len(self._consumers),
            "published": published,
            "consumed": consumed,
            "published_per_second": round(published / seconds, 1),
            "consumed_per_second": round(consumed / max(self._consumed_seconds, 0.001), 1),
            "bytes_per_second": round(octets / seconds, 1),
            "publish_ms": _merged(self._producers).summary(),
            "delivery_ms": _merged(self._consumers).summary(),
        }
        self._frame.out.show(result, lambda: self._print(result))

    def _print(self, result: dict[str, Any]) -> None:
        click.echo(
            f"{self._protocol}: {number(result['published'])} published, {number(result['consumed'])} consumed "
            f"in {result['seconds']:.1f} s"
        )
        click.echo(
            f"{number(result['published_per_second'])} published/s, {number(result['consumed_per_second'])} consumed/s, "
            f"{size(int(result['bytes_per_second']))}/s"
        )
        for line in self._latency_lines():
            click.echo(line)
        for name, workers in (("publish", self._producers), ("delivery", self._consumers)):
            if workers:
                click.echo(f"\n{name} latencies")
                for line in bar_lines(_merged(workers)):
                    click.echo(line)


def bar_lines(histogram: Histogram) -> list[str]:
    """A picture of it."""
    bars = histogram.bars(BARS)
    most = max((count for _, _, count in bars), default=1)
    return [
        f"{low:9.2f} to {high:9.2f} ms {count:>10,} {'#' * round(count / most * BAR_WIDTH)}".rstrip()
        for low, high, count in bars
    ]


def _sum(workers: Sequence[Worker]) -> int:
    return sum(worker.messages for worker in workers)


def _merged(workers: Sequence[Worker]) -> Histogram:
    merged = Histogram()
    for worker in workers:
        merged.add(worker.latencies)
    return merged
