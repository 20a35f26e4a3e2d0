"""A small OpenTelemetry collector: takes what OTLP's HTTP exporter posts, and keeps the spans. Not a test."""

from __future__ import annotations

import gzip
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS = {3: "client", 4: "producer", 5: "consumer"}
WITHIN_SECONDS = 30.0


class Span:
    """One span, in plain values. trace_id, span_id, parent_id: hexadecimal; parent_id "" for a root."""

    def __init__(self, service: str, raw: object) -> None:
        self.service = service
        self.name: str = raw.name  # type: ignore[attr-defined]
        self.kind = KINDS.get(raw.kind, "")  # type: ignore[attr-defined]
        self.trace_id: str = raw.trace_id.hex()  # type: ignore[attr-defined]
        self.parent_id: str = raw.parent_span_id.hex()  # type: ignore[attr-defined]
        self.state: str = raw.trace_state  # type: ignore[attr-defined]
        self.attributes = {
            each.key: each.value.string_value or each.value.int_value
            for each in raw.attributes  # type: ignore[attr-defined]
        }


class Collector:
    """Listens on a free port of loopback."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, path: str, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.paths.add(path)
            for resource in request.resource_spans:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                for scope in resource.scope_spans:
                    self._spans += [Span(names.get("service.name", ""), raw) for raw in scope.spans]

    def spans(self, trace_id: str = "") -> list[Span]:
        """Of one trace, or all."""
        with self._lock:
            return [span for span in self._spans if not trace_id or span.trace_id == trace_id]

    def wait(self, trace_id: str, count: int) -> list[Span]:
        """So many spans of the trace, or more; fails the test after the bound."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while len(self.spans(trace_id)) < count:
            names = [span.name for span in self.spans(trace_id)]
            assert time.monotonic() < deadline, f"{len(names)} of {count} spans: {names}"
            time.sleep(0.02)
        return self.spans(trace_id)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
