"""Spans for what happens to messages: publish, deliver, settle; children of the span that their headers name. OpenTelemetry.

The engine's thread only looks at headers and puts a small object into a bounded queue; a thread of ours makes spans of them
(and decodes batches of records); the SDK's own thread exports these, bounded as well. What there is no room for is dropped and
counted: tracing never holds up a message.
Must not: change a message, or be imported where no exporter is configured (open_tracing imports the SDK).
Spec: OpenTelemetry semantic conventions, "Messaging spans".
"""

import logging
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from onemq.engine.natives import Natives
from onemq.engine.ports import Tracer
from onemq.model.record import NATIVE_AMQP091, Record
from onemq.model.record_batch import CorruptBatch, codec_of
from onemq.model.record_codec import decode_batch
from onemq.model.reserved_header import AddressCache
from onemq.ops.trace_context import TraceContext, find_context

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer as SpanTracer

BATCH_BYTES_MAX: Final = 64 << 20
"""Of record batches that wait to be looked into."""
HELD_MAX: Final = 100_000
"""Deliveries whose settlement is awaited."""
SYSTEMS: Final = {"amqp091": "rabbitmq", "kafka": "kafka", "aws": "aws_sqs"}
NOTICES: Final = "aws.sns"
_MARKS: Final = (b"traceparent", b"AWSTraceHeader")
_DROPPED_SECONDS: Final = 60.0
_log: Final = logging.getLogger("onemq.tracing")

Value = str | int


class _Item:
    """One span to be made, or (batch) one for each of its records that has a context."""

    __slots__ = ("attributes", "batch", "context", "first_offset", "kind", "name", "time_ns")

    def __init__(
        self, name: str, kind: str, context: TraceContext | None, attributes: dict[str, Value], batch: bytes
    ) -> None:
        self.name = name
        self.kind = kind
        self.context = context
        self.attributes = attributes
        self.batch = batch
        self.first_offset = 0
        self.time_ns = time.time_ns()


class SpanTracing(Tracer):
    """spans: makes them. roots: messages that bring no context get spans, too (of their publish only), as the sampler decides.
    queue_max: spans waiting to be made."""

    def __init__(self, spans: "SpanTracer", natives: Natives, roots: bool, queue_max: int) -> None:
        super().__init__()
        self.dropped = 0
        self._spans = spans
        self._natives = natives
        self._roots = roots
        self._queue_max = queue_max
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._addresses = AddressCache()
        self._held: dict[tuple[int, int], tuple[TraceContext, str, str]] = {}
        self._bytes_in = 0
        self._bytes_out = 0
        self._dropped_told = 0
        self._told_at = 0.0
        self._thread = threading.Thread(target=self._work, name="onemq-tracing", daemon=True)
        self._thread.start()

    # On the engine's thread.

    def published(self, record: Record, protocol: str, exchange: str, routing_key: str) -> None:
        context = self._context(record)
        if context is None and not self._roots:
            return
        attributes = _attributes(protocol, "send", "publish", _destination(exchange, routing_key))
        attributes["messaging.message.body.size"] = int(record.body_bytes())
        if routing_key and protocol == "amqp091":
            attributes["messaging.rabbitmq.destination.routing_key"] = routing_key
        self._put(_Item("publish", "producer", context, attributes, b""))

    def noticed(self, headers: list[tuple[str, bytes | None]], topic: str, size: int) -> None:
        context = find_context(headers)
        if context is None and not self._roots:
            return
        attributes = _attributes(NOTICES, "send", "publish", topic)
        attributes["messaging.message.body.size"] = size
        self._put(_Item("publish", "producer", context, attributes, b""))

    def batch_published(self, batch: bytes, protocol: str, topic: str, partition: int) -> None:
        if self._may_have_contexts(batch) or self._roots:
            attributes = _attributes(protocol, "send", "publish", topic)
            attributes["messaging.destination.partition.id"] = str(partition)
            self._put(_Item("publish", "producer", None, attributes, batch))

    def delivered(self, record: Record, protocol: str, queue: str, log_id: int, held: bool) -> None:
        context = self._context(record)
        if context is None:
            return
        if held and context.sampled:
            if len(self._held) >= HELD_MAX:
                del self._held[next(iter(self._held))]
            self._held[(log_id, int(record.offset))] = (context, protocol, queue)
        attributes = _attributes(protocol, "receive", "deliver", queue)
        attributes["messaging.message.body.size"] = int(record.body_bytes())
        waited_ms = time.time_ns() // 1_000_000 - int(record.timestamp_ms)
        attributes["onemq.waited_ms"] = max(waited_ms, 0)
        self._put(_Item("deliver", "consumer", context, attributes, b""))

    def batches_delivered(
        self, batches: list[bytes], first_offset: int, protocol: str, topic: str, partition: int
    ) -> None:
        for batch in batches:
            if self._may_have_contexts(batch):
                attributes = _attributes(protocol, "receive", "deliver", topic)
                attributes["messaging.destination.partition.id"] = str(partition)
                item = _Item("deliver", "consumer", None, attributes, batch)
                item.first_offset = first_offset
                self._put(item)

    def settled(self, log_id: int, offset: int, how: str) -> None:
        held = self._held.pop((log_id, offset), None)
        if held is not None:
            context, protocol, queue = held
            self._put(_Item(how, "client", context, _attributes(protocol, "settle", how, queue), b""))

    def _context(self, record: Record) -> TraceContext | None:
        if record.native_kind == NATIVE_AMQP091:
            native = record.native
            # Decoding a table of headers takes a while, and most messages have no context.
            if native.find(_MARKS[0]) < 0 and native.find(_MARKS[1]) < 0:
                return None
            return find_context(self._natives.plain_headers(record))
        return None if record.headers is None else find_context(record.headers)

    def _may_have_contexts(self, batch: bytes) -> bool:
        return codec_of(batch) != 0 or batch.find(_MARKS[0]) >= 0 or batch.find(_MARKS[1]) >= 0

    def _put(self, item: _Item) -> None:
        context = item.context
        if context is not None and not context.sampled:
            return
        size = len(item.batch)
        if self._queue.qsize() >= self._queue_max or (
            size and self._bytes_in - self._bytes_out + size > BATCH_BYTES_MAX
        ):
            self._drop()
            return
        self._bytes_in += size
        self._queue.put(item)

    def _drop(self) -> None:
        self.dropped += 1
        now = time.monotonic()
        if now - self._told_at >= _DROPPED_SECONDS or not self._told_at:
            self._told_at = now
            _log.warning(
                "%d spans were dropped so far: more messages are traced than spans can be made of; sample less at the publishers, or "
                "raise tracing.spans_max for peaks",
                self.dropped,
                extra={"fields": {"reason": "spans_dropped"}},
            )

    # On our own thread.

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            self._bytes_out += len(item.batch)
            try:
                if item.batch:
                    self._make_of_batch(item)
                else:
                    self._make(item, item.context, item.attributes)
            except Exception as error:
                _log.error(
                    "a span could not be made: a bug, please report it",
                    exc_info=error,
                    extra={"fields": {"reason": "internal_error"}},
                )

    def _make_of_batch(self, item: _Item) -> None:
        try:
            records = decode_batch(item.batch, 0, self._addresses)
        except CorruptBatch:
            return
        found = False
        for record in records:
            context = self._context(record)
            if context is None:
                continue
            found = True
            if context.sampled and int(record.offset) >= item.first_offset:
                attributes = dict(item.attributes)
                attributes["messaging.message.body.size"] = int(record.body_bytes())
                if item.kind == "consumer":
                    attributes["messaging.kafka.offset"] = int(record.offset)
                self._make(item, context, attributes)
        if not found and self._roots and item.kind == "producer":
            item.attributes["messaging.batch.message_count"] = len(records)
            self._make(item, None, item.attributes)

    def _make(self, item: _Item, context: TraceContext | None, attributes: dict[str, Value]) -> None:
        from opentelemetry import context as contexts
        from opentelemetry import trace

        kind = trace.SpanKind[item.kind.upper()]
        parent = contexts.Context()
        if context is not None:
            remote = trace.SpanContext(
                context.trace_id,
                context.span_id,
                True,
                trace.TraceFlags(trace.TraceFlags.SAMPLED if context.sampled else 0),
                trace.TraceState.from_header([context.state]) if context.state else None,
            )
            parent = trace.set_span_in_context(trace.NonRecordingSpan(remote), parent)
        name = f"{item.name} {attributes['messaging.destination.name']}"
        span = self._spans.start_span(name, parent, kind=kind, attributes=attributes, start_time=item.time_ns)
        span.end(time.time_ns())

    def close(self) -> None:
        """Makes what waits, and ends the thread. Blocks."""
        self._queue.put(None)
        self._thread.join()


def _attributes(protocol: str, kind: str, operation: str, destination: str) -> dict[str, Value]:
    return {
        "messaging.system": SYSTEMS.get(protocol, protocol or "onemq"),
        "messaging.operation.type": kind,
        "messaging.operation.name": operation,
        "messaging.destination.name": destination,
    }


def _destination(exchange: str, routing_key: str) -> str:
    """As the conventions want it for RabbitMQ: `exchange:key`, or the one that is there."""
    return f"{exchange}:{routing_key}" if exchange and routing_key else exchange or routing_key


class Tracing:
    """A tracer with its provider. `tracer`: the engine's."""

    def __init__(self, tracer: SpanTracing, provider: "TracerProvider") -> None:
        self.tracer = tracer
        self._provider = provider

    def close(self) -> None:
        """Exports what there is. Blocks, some seconds at most."""
        self.tracer.close()
        self._provider.shutdown()
