"""Spans of an engine's messages: what becomes one, what is bounded, and that an engine without a tracer is not touched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine_driver import Driver, RecordingSink, RecordingWaiter
from onemq.engine.natives import Natives
from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_codec import encode_batch
from onemq.ops import tracing
from onemq.ops.tracing import SpanTracing, Tracing

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS: list[tuple[str, bytes | None]] = [("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]
UNSAMPLED: list[tuple[str, bytes | None]] = [("traceparent", f"00-{TRACE}-{SPAN}-00".encode())]

Open = Callable[..., SpanTracing]


class Book:
    """Spans that were made."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self._tracers: list[SpanTracing] = []

    def open(self, roots: bool = False, queue_max: int = 1_000) -> SpanTracing:
        found = SpanTracing(self.provider.get_tracer("test"), Natives(), roots, queue_max)
        self._tracers.append(found)
        return found

    def spans(self) -> list[ReadableSpan]:
        """All, once everything that waits has been made."""
        for each in self._tracers:
            each.close()
        self._tracers.clear()
        return list(self.exporter.get_finished_spans())


@pytest.fixture
def book() -> Generator[Book, None, None]:
    found = Book()
    yield found
    found.spans()


def traced(value: bytes, headers: list[tuple[str, bytes | None]] | None) -> Record:
    record = Record(value, NO_ADDRESS)
    record.headers = headers
    return record


def publish(driver: Driver, queue: str, record: Record) -> None:
    driver.access.publish(driver.access.route("", queue), record)


def names(spans: list[ReadableSpan]) -> list[str]:
    return [span.name for span in spans]


class Waiter(ReceiveWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Received] = []

    def received(self, found: list[Received]) -> None:
        self.found = found


def test_publish_deliver_and_settle(book: Book) -> None:
    driver = Driver()
    driver.declare("q")
    driver.broker.core.tracer = book.open()
    sink = RecordingSink()
    driver.consume("q", sink)
    publish(driver, "q", traced(b"hello", HEADERS))
    publish(driver, "q", traced(b"hello", UNSAMPLED))
    publish(driver, "q", traced(b"hello", None))
    driver.settle_down()
    for delivery in list(sink.held):
        driver.access.accept(delivery)
    spans = book.spans()
    assert names(spans) == ["publish q", "deliver q", "ack q"]
    for span in spans:
        assert span.context is not None and span.parent is not None
        assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
        assert span.parent.is_remote


def test_gets_receives_and_how_they_end(book: Book) -> None:
    driver = Driver()
    driver.declare("q")
    driver.broker.core.tracer = book.open()
    for _ in range(3):
        publish(driver, "q", traced(b"hello", HEADERS))
    driver.settle_down()
    access = driver.access
    sink, waiter = RecordingSink(), RecordingWaiter()
    access.get("q", sink, False, waiter)
    driver.settle_down()
    result = waiter.result
    assert result is not None and result.delivery is not None
    access.release(result.delivery, True)
    access.get("q", sink, True, waiter)
    received = Waiter()
    access.leases.receive("q", Receive(1, 30_000, 0), received)
    assert access.leases.settle("q", received.found[0].handle)
    spans = names(book.spans())
    assert spans.count("publish q") == 3 and spans.count("deliver q") == 3
    assert spans.count("requeue q") == 1 and spans.count("ack q") == 1


def test_batches_are_looked_into(book: Book) -> None:
    tracer = book.open()
    records = [traced(b"a", HEADERS), traced(b"b", UNSAMPLED), traced(b"c", None), traced(b"d", HEADERS)]
    for offset, record in enumerate(records):
        record.offset = 10 + offset
        record.timestamp_ms = 1
    batch = encode_batch(records)
    tracer.batch_published(batch, "kafka", "t", 0)
    tracer.batches_delivered([batch], 11, "kafka", "t", 0)
    tracer.batch_published(encode_batch([records[2]]), "kafka", "t", 0)
    tracer.batch_published(batch[:70], "kafka", "t", 0)
    spans = book.spans()
    assert names(spans) == ["publish t", "publish t", "deliver t"]
    attributes = dict(spans[2].attributes or {})
    assert attributes["messaging.kafka.offset"] == 13
    assert attributes["messaging.destination.partition.id"] == "0"


def test_roots_are_made_where_they_are_wanted_only(book: Book) -> None:
    plain = encode_batch([timed(traced(b"a", None)), timed(traced(b"b", None), 1)])
    for roots in (False, True):
        tracer = book.open(roots)
        tracer.published(traced(b"x", None), "amqp091", "", "q")
        tracer.noticed([("colour", b"red")], "n", 5)
        tracer.batch_published(plain, "kafka", "t", 0)
        tracer.delivered(traced(b"x", None), "amqp091", "q", 1, True)
        tracer.batches_delivered([plain], 0, "kafka", "t", 0)
    spans = book.spans()
    assert sorted(names(spans)) == ["publish n", "publish q", "publish t"]
    assert all(span.parent is None for span in spans)


def timed(record: Record, offset: int = 0) -> Record:
    record.offset = offset
    record.timestamp_ms = 1
    return record


def test_what_there_is_no_room_for_is_dropped_and_said_once(
    book: Book, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    go_on = threading.Event()

    class Stuck:
        def start_span(self, *_: Any, **__: Any) -> Any:
            assert go_on.wait(60)
            raise ValueError("no span")

    stuck: Any = Stuck()
    tracer = SpanTracing(stuck, Natives(), False, 10)
    for _ in range(100):
        tracer.noticed(HEADERS, "n", 1)
    # One may be in the making.
    assert 89 <= tracer.dropped <= 90
    monkeypatch.setattr(tracing, "BATCH_BYTES_MAX", 100)
    before = tracer.dropped
    large = encode_batch([timed(traced(b"x" * 200, HEADERS))])
    tracer.batch_published(large, "kafka", "t", 0)
    assert tracer.dropped == before + 1
    go_on.set()
    tracer.close()
    assert len([record for record in caplog.records if "were dropped" in record.getMessage()]) == 1
    assert "a span could not be made" in caplog.text


def test_deliveries_that_are_never_settled_are_forgotten(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "HELD_MAX", 2)
    tracer = book.open()
    for offset in range(3):
        tracer.delivered(timed(traced(b"x", HEADERS), offset), "aws", "q", 7, True)
    for offset in range(3):
        tracer.settled(7, offset, "ack")
        tracer.settled(7, offset, "ack")
    assert names(book.spans()).count("ack q") == 2


def test_closing_exports_what_there_is() -> None:
    book = Book()
    tracer = SpanTracing(book.provider.get_tracer("test"), Natives(), False, 10)
    tracer.noticed(HEADERS, "n", 1)
    Tracing(tracer, book.provider).close()
    assert names(list(book.exporter.get_finished_spans())) == ["publish n"]
