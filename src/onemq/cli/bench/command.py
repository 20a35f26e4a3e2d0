"""`onemq bench`: the command: what is asked for becomes a plan; the queue or topic is made, and deleted again whatever happens."""

import contextlib
import secrets
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from onemq.cli.bench.plan import MESSAGES_MAX, STAMP_BYTES, Plan, messages_default
from onemq.cli.frame import BadUsage, CliError, Frame, example, talks

if TYPE_CHECKING:
    from onemq.cli.bench.run import Run
    from onemq.cli.bench.worker import Worker

SECONDS_MAX: Final = 3600
LISTENERS: Final = {"amqp": "amqp", "kafka": "kafka", "sqs": "aws"}
WINDOWS: Final = {"amqp": 100, "kafka": 5, "sqs": 1}
BATCHES: Final = {"amqp": 1, "kafka": 100, "sqs": 10}
SIZES_MAX: Final = {"amqp": 1_000_000, "kafka": 800_000, "sqs": 262_144}
BACKLOG: Final = 10_000
KEPT_MS: Final = 900_000
"""A queue of ours that nobody deleted, because this machine died, goes so long after the load would have ended."""


@click.command(
    epilog=example(
        "onemq bench",
        "onemq bench kafka --seconds 30 --size 1024 --connections 2",
        "onemq bench amqp --rate 500 --json",
        "onemq bench sqs --producers 4 --consumers 0 --messages 10000",
    )
)
@click.argument("protocol", type=click.Choice(list(LISTENERS)), default="amqp")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, SECONDS_MAX),
    default=10.0,
    show_default=True,
    help="At most an hour.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Of producers, and of consumers.",
)
@click.option("--producers", type=click.IntRange(0, 64), help="Instead of --connections.")
@click.option("--consumers", type=click.IntRange(0, 64), help="Instead of --connections; 0: messages stay.")
@click.option(
    "--size",
    "body_size",
    type=click.IntRange(STAMP_BYTES, max(SIZES_MAX.values())),
    default=100,
    show_default=True,
    help="Of a message, in bytes.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0.1, max=10_000_000),
    help="Messages a second over all producers; without: as fast as it goes.",
)
@click.option("--messages", type=click.IntRange(1, MESSAGES_MAX), help="At most, over all producers.")
@click.option(
    "--confirm/--no-confirm",
    default=True,
    help="Whether the broker confirms (Kafka: acks=all, or 0).  [confirm]",
)
@click.option(
    "--batch", type=click.IntRange(1, 10_000), help="Messages in a request, at most.  [Kafka 100, SQS 10]"
)
@click.option(
    "--window",
    type=click.IntRange(1, 10_000),
    help="Messages, for Kafka requests, without an answer.  [AMQP 100, Kafka 5]",
)
@click.option(
    "--backlog",
    type=click.IntRange(1, MESSAGES_MAX),
    default=BACKLOG,
    show_default=True,
    help="Producers wait when consumers are so far behind.",
)
@click.option("--port", type=click.IntRange(1, 65_535), help="Of the protocol, when not as the broker says.")
@talks
def bench(frame: Frame, protocol: str, seconds: float, **options: Any) -> None:
    """Put a load on the running broker over real connections, and show rates and latencies.

    PROTOCOL is amqp, kafka or sqs. Messages go through a queue or topic that is made for it, and deleted at the end.
    Latencies are those from a publish to its confirm, and to its delivery. As fast as it goes, they show the queue that
    builds up; with --rate those of a broker that keeps up. The load takes its part of the machine: a broker alone does more.
    """
    plan = _plan(frame, protocol, options)
    with _terminated_is_interrupted(), _made(frame, protocol, plan, seconds):
        run = _run(protocol, plan)
        _go(frame, protocol, run, seconds)
    from onemq.cli.bench.view import tell

    tell(frame.out, protocol, run)
    left = run.producers.messages() - run.consumers.messages()
    if plan.consumers and left > 0 and not run.interrupted:
        raise CliError(f"{left} messages were not delivered in time: look at the broker's log")


def _plan(frame: Frame, protocol: str, options: dict[str, Any]) -> Plan:
    plan = Plan("", 0, f"onemq-bench-{secrets.token_hex(4)}")
    plan.user = frame.user
    plan.password = frame.password
    plan.namespace = frame.namespace
    plan.producers = options["connections"] if options["producers"] is None else options["producers"]
    plan.consumers = options["connections"] if options["consumers"] is None else options["consumers"]
    plan.size = options["body_size"]
    plan.confirm = options["confirm"]
    if not plan.producers:
        raise BadUsage("there is nothing to do without producers")
    if plan.size > SIZES_MAX[protocol]:
        raise BadUsage(f"--size is {SIZES_MAX[protocol]} at most for {protocol}")
    if protocol == "sqs" and not plan.confirm:
        raise BadUsage("SQS answers every request: leave --no-confirm away")
    if protocol == "sqs" and (options["window"] or 1) > 1:
        raise BadUsage(
            "SQS has one request at a time on a connection: give --connections instead of --window"
        )
    if protocol == "amqp" and (options["batch"] or 1) > 1:
        raise BadUsage("AMQP has no batches: give --window")
    if protocol != "amqp" and frame.namespace != "/":
        raise BadUsage(f"{protocol} has one namespace: leave --namespace away")
    most = options["messages"] or messages_default(plan.size, plan.consumers)
    if most < plan.producers:
        raise BadUsage("--messages is at least one for each producer")
    plan.messages = most // plan.producers
    plan.per_second = options["rate"] / plan.producers if options["rate"] is not None else 0.0
    plan.window = options["window"] or WINDOWS[protocol]
    plan.batch = options["batch"] or BATCHES[protocol]
    plan.backlog = options["backlog"] if plan.consumers else 0
    plan.partitions = max(plan.producers, plan.consumers)
    plan.port = options["port"] or _port(frame, protocol)
    plan.host = frame.client.host
    return plan


def _port(frame: Frame, protocol: str) -> int:
    name = LISTENERS[protocol]
    for each in frame.client.get("overview")["listeners"]:
        if each["protocol"] == name and not each["tls"]:
            return int(each["port"])
    raise CliError(f"this broker does not listen for {protocol} without TLS: set {name}.port, or give --port")


@contextlib.contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """SIGTERM ends a load as ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _made(frame: Frame, protocol: str, plan: Plan, seconds: float) -> Iterator[None]:
    """The queue or topic is there meanwhile."""
    kind = "topics" if protocol == "kafka" else "queues"
    content: dict[str, Any] = {"partitions": plan.partitions}
    if kind == "queues":
        content = {"settings": {"expires_ms": int(seconds * 1000) + KEPT_MS}}
    try:
        frame.client.put(kind, frame.namespace, plan.target, body=content)
        # Not one that the load's processes would hold open as well.
        frame.client.close()
        yield
    finally:
        waiting = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            _delete(frame, kind, plan.target)
        finally:
            signal.signal(signal.SIGINT, waiting[0])
            signal.signal(signal.SIGTERM, waiting[1])


def _delete(frame: Frame, kind: str, name: str) -> None:
    frame.client.close()
    try:
        frame.client.delete(kind, frame.namespace, name)
    except CliError as error:
        if getattr(error, "status", 0) != 404:
            click.echo(
                f"onemq: {name} is still there: `onemq {kind} delete {name}` ({error.message})", err=True
            )


def _run(protocol: str, plan: Plan) -> "Run":
    from onemq.cli.bench.run import Run
    from onemq.cli.bench.worker import Board

    board = Board(plan.producers, plan.consumers)
    producer, consumer = _kinds(protocol)
    return Run(
        plan,
        board,
        [producer(plan, board, index) for index in range(plan.producers)],
        [consumer(plan, board, index) for index in range(plan.consumers)],
    )


def _kinds(protocol: str) -> "tuple[type[Worker], type[Worker]]":
    """Imported here, in the process that forks: once for all of them."""
    if protocol == "kafka":
        from onemq.cli.bench.kafka import KafkaConsumer, KafkaProducer

        return KafkaProducer, KafkaConsumer
    if protocol == "sqs":
        from onemq.cli.bench.sqs import SqsConsumer, SqsProducer

        return SqsProducer, SqsConsumer
    from onemq.cli.bench.amqp import AmqpConsumer, AmqpProducer

    return AmqpProducer, AmqpConsumer


def _go(frame: Frame, protocol: str, run: "Run", seconds: float) -> None:
    if not frame.out.terminal or frame.as_json:
        run.go(seconds, lambda: None)
        return
    from rich.live import Live

    from onemq.cli.bench.view import live

    # Without a thread of its own: processes are forked.
    with Live(console=frame.out.console(), auto_refresh=False, transient=True) as shown:
        run.go(seconds, lambda: shown.update(live(protocol, run), refresh=True))
