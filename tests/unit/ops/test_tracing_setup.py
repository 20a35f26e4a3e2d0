"""Whether spans are exported: settings, OpenTelemetry's environment variables, and a missing package."""

from __future__ import annotations

import sys

import pytest

from onemq.engine.natives import Natives
from onemq.ops.tracing_setup import CannotTrace, TracingChoice, is_wanted, open_tracing

ENDPOINT = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("endpoint", "environment", "wanted"),
    [
        ("", {}, False),
        (ENDPOINT, {}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}, True),
        ("", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ENDPOINT}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT, "OTEL_TRACES_EXPORTER": "otlp"}, True),
        (ENDPOINT, {"OTEL_SDK_DISABLED": "True"}, False),
        ("", {"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_when_it_is_wanted(endpoint: str, environment: dict[str, str], wanted: bool) -> None:
    assert is_wanted(TracingChoice(endpoint), environment) == wanted


def test_nothing_is_imported_or_made_where_it_is_not_wanted() -> None:
    assert open_tracing(TracingChoice(), {}, Natives(), "1") is None


def test_settings_and_environment_name_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for choice, environment, expected in (
        (TracingChoice(ENDPOINT), {}, "onemq"),
        (TracingChoice(ENDPOINT), {"OTEL_SERVICE_NAME": "theirs"}, "theirs"),
        (TracingChoice(ENDPOINT, "ours"), {"OTEL_SERVICE_NAME": "theirs"}, "ours"),
        (TracingChoice(ENDPOINT + "/v1/traces"), {"OTEL_RESOURCE_ATTRIBUTES": "service.name=both"}, "both"),
    ):
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            found = open_tracing(choice, environment, Natives(), "1")
            assert found is not None
            assert found._provider.resource.attributes["service.name"] == expected
            found.close()


def test_without_the_package_the_settings_are_refused_and_the_environment_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(CannotTrace, match=r"onemq\[otel\]"):
        open_tracing(TracingChoice(ENDPOINT), {}, Natives(), "1")
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}
    assert open_tracing(TracingChoice(), environment, Natives(), "1") is None
    assert "onemq[otel]" in caplog.text
