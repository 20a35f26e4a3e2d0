"""Whether spans are exported, and to whom: from the settings, or from OpenTelemetry's own environment variables.

The SDK is imported here only, and only when an exporter is configured.
Spec: OpenTelemetry, "Environment Variable Specification".
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from onemq.engine.natives import Natives

if TYPE_CHECKING:
    from onemq.ops.tracing import Tracing

ENDPOINT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
SAMPLER_VARIABLE: Final = "OTEL_TRACES_SAMPLER"
PATH: Final = "/v1/traces"
INSTALL: Final = 'pip install "onemq[otel]"'
_log: Final = logging.getLogger("onemq.tracing")


class CannotTrace(Exception):
    """The text says why, and what to do about it."""


class TracingChoice:
    """endpoint: of an OTLP collector (http://host:4318), "" = the environment's. service_name: "" = the environment's, or onemq.
    sample_ratio: share of messages without a context whose publish gets a span; the environment's sampler goes before it.
    spans_max: spans that wait to be exported."""

    def __init__(
        self, endpoint: str = "", service_name: str = "", sample_ratio: float = 0.0, spans_max: int = 2048
    ) -> None:
        self.endpoint = endpoint
        self.service_name = service_name
        self.sample_ratio = sample_ratio
        self.spans_max = spans_max


def is_wanted(choice: TracingChoice, environment: Mapping[str, str]) -> bool:
    """Whether an exporter is configured."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if choice.endpoint:
        return True
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() not in ("", "otlp"):
        return False
    return any(environment.get(name) for name in ENDPOINT_VARIABLES)


def open_tracing(
    choice: TracingChoice, environment: Mapping[str, str], natives: Natives, version: str
) -> "Tracing | None":
    """None when no exporter is configured. Raises CannotTrace when the settings want what is not installed; what only the environment
    wants is a line in the log then."""
    if not is_wanted(choice, environment):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError as error:
        text = f"spans cannot be exported, OpenTelemetry is not installed ({error}): {INSTALL}"
        if choice.endpoint:
            raise CannotTrace(text) from None
        _log.warning("%s", text, extra={"fields": {"reason": "tracing_unavailable"}})
        return None
    names: dict[str, str] = {"service.version": version}
    if choice.service_name:
        names["service.name"] = choice.service_name
    elif not environment.get("OTEL_SERVICE_NAME") and "service.name=" not in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        names["service.name"] = "onemq"
    sampled_by_environment = bool(environment.get(SAMPLER_VARIABLE))
    sampler = None if sampled_by_environment else ParentBased(TraceIdRatioBased(choice.sample_ratio))
    provider = TracerProvider(resource=Resource.create(names), sampler=sampler)
    exporter = OTLPSpanExporter(endpoint=_with_path(choice.endpoint) if choice.endpoint else None)
    batch_max = min(512, choice.spans_max)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=choice.spans_max, max_export_batch_size=batch_max)
    )
    roots = sampled_by_environment or choice.sample_ratio > 0
    from onemq.ops.tracing import SpanTracing, Tracing

    tracer = SpanTracing(provider.get_tracer("onemq", version), natives, roots, choice.spans_max)
    return Tracing(tracer, provider)


def _with_path(endpoint: str) -> str:
    return endpoint if endpoint.rstrip("/").endswith(PATH) else endpoint.rstrip("/") + PATH
