"""Consuming, as heads see it: sinks, consumers, deliveries. Part of the engine's public face."""

from abc import abstractmethod
from typing import Final

from mypy_extensions import i64, mypyc_attr

from onemq.engine.counters import NOBODY, Counters, ProtocolCounters
from onemq.model.demand import Demand
from onemq.model.record import Record

START_FIRST: Final = "first"
START_LAST: Final = "last"
START_NEXT: Final = "next"
START_OFFSET: Final = "offset"
START_TIME: Final = "time"


class StreamStart:
    """Where a reader of a kept log begins: "first", "last", "next", "offset" (value) or "time" (value: ms since the epoch)."""

    __slots__ = ("kind", "value")

    def __init__(self, kind: str, value: int = 0) -> None:
        self.kind = kind
        self.value = value


@mypyc_attr(allow_interpreted_subclasses=True)
class Sink:
    """Where deliveries go: one per channel, session or stream of a peer. The head derives from it.

    Its methods are called while the engine dispatches: they must only write to their outbox, never call the engine.

    Attributes:
        counters: what was done through it. protocol: where that counts, too; set by `Access.open_sink`.
    """

    def __init__(self) -> None:
        self.counters = Counters()
        self.protocol: ProtocolCounters = NOBODY
        self.consumers: list[Consumer] = []
        self.leased_from: dict[Leaser, bool] = {}

    @abstractmethod
    def deliver(
        self, consumer: "Consumer", record: Record, attempts: i64, failures: i64, delivery: "Delivery | None"
    ) -> None:
        """A record for a consumer. `attempts`: how often it was delivered and came back before; `failures`: how many
        of these count as failed. `delivery` is None for a consumer that settles at once."""

    @abstractmethod
    def cancelled(self, consumer: "Consumer", reason: str) -> None:
        """The broker ended the consumer: "deleted" (its queue has gone) or "timeout"."""

    @abstractmethod
    def timed_out(self, delivery: "Delivery", timeout_ms: int) -> None:
        """A delivery was not settled in time; it and its consumer's others go back to the queue, and `cancelled` follows."""

    @abstractmethod
    def reply(self, record: Record) -> None:
        """A record published to a reply name that this sink has registered."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Leaser:
    """What a delivery was leased from: a queue."""

    @abstractmethod
    def settle(self, delivery: "Delivery") -> None: ...

    @abstractmethod
    def give_back(self, delivery: "Delivery", failed: bool) -> None: ...

    @abstractmethod
    def reject(self, delivery: "Delivery") -> None: ...

    @abstractmethod
    def wake(self) -> None: ...

    @abstractmethod
    def give_back_all(self, sink: Sink) -> None: ...


class Consumer:
    """A standing demand for records of one queue.

    Attributes:
        tag: its name at the head. queue_name: what it consumes. sink: where its deliveries go.
        no_ack: settled when delivered. exclusive: nobody else may consume. priority: higher ones are served first.
        demand: its own limit. group_demand: a limit shared with others of its sink, or None.
        paused: its peer does not read. active: it is the one of a single-active queue.
        start: for kept logs. position: next offset to read, for kept logs.
        totals: where its deliveries count for its protocol and its queue's type.
        encoded_tag: free for the head.
    """

    __slots__ = (
        "active",
        "arguments",
        "cancelled",
        "demand",
        "encoded_tag",
        "exclusive",
        "group_demand",
        "no_ack",
        "no_local",
        "paused",
        "position",
        "priority",
        "queue",
        "queue_name",
        "sink",
        "start",
        "tag",
        "totals",
    )

    def __init__(
        self,
        tag: str,
        queue_name: str,
        queue: Leaser,
        sink: Sink,
        demand: Demand,
        group_demand: Demand | None,
        no_ack: bool,
        exclusive: bool,
        priority: int,
        arguments: dict[str, object],
    ) -> None:
        self.tag = tag
        self.queue_name = queue_name
        self.queue = queue
        self.sink = sink
        self.demand = demand
        self.group_demand = group_demand
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.no_local = False
        self.priority = priority
        self.arguments = arguments
        self.paused = False
        self.active = True
        self.cancelled = False
        self.start: StreamStart | None = None
        self.position: i64 = 0
        self.encoded_tag = b""
        self.totals: Counters = sink.protocol.classic

    def open(self) -> bool:
        """True when it may be given one more record."""
        if self.paused or not self.active:
            return False
        if self.no_ack:
            return True
        demand = self.demand
        if demand.limit != 0 and demand.in_flight >= demand.limit:
            return False
        group = self.group_demand
        return group is None or group.limit == 0 or group.in_flight < group.limit


class Delivery:
    """One record leased to one sink.

    Attributes:
        record: the record. offset: its offset. attempts: earlier deliveries that came back.
        failures: those of them that count as failed. tag: free for the head. consumer: None for a single `get`.
        leased_at_ms: when. settled: it is over.
    """

    __slots__ = (
        "attempts",
        "consumer",
        "failures",
        "leased_at_ms",
        "offset",
        "queue",
        "record",
        "settled",
        "sink",
        "tag",
    )

    def __init__(
        self,
        record: Record,
        queue: Leaser,
        sink: Sink,
        consumer: Consumer | None,
        attempts: i64,
        failures: i64,
        leased_at_ms: i64,
    ) -> None:
        self.record = record
        self.offset: i64 = record.offset
        self.queue = queue
        self.sink = sink
        self.consumer = consumer
        self.attempts: i64 = attempts
        self.failures: i64 = failures
        self.leased_at_ms: i64 = leased_at_ms
        self.tag: i64 = 0
        self.settled = False


class GetResult:
    """One record taken by `get`, and the queue it came from. `delivery` is None when it was settled at once.
    `remaining`: records still ready. `attempts`, `failures`: as in `Sink.deliver`."""

    __slots__ = ("attempts", "delivery", "failures", "queue", "record", "remaining")

    def __init__(
        self,
        record: Record,
        queue: Leaser,
        attempts: i64,
        failures: i64,
        delivery: Delivery | None,
        remaining: i64,
    ) -> None:
        self.record = record
        self.queue = queue
        self.attempts = attempts
        self.failures = failures
        self.delivery = delivery
        self.remaining = remaining


@mypyc_attr(allow_interpreted_subclasses=True)
class GetWaiter:
    """Waits for the answer to one `get`."""

    @abstractmethod
    def got(self, result: GetResult | None) -> None:
        """The record, or None when the queue is empty. Called once; must not call the engine."""
