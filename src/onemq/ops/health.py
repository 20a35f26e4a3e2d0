"""What the HTTP listener answers: is the process alive, is it ready for clients, and a few numbers (Prometheus text).

Pure: paths in, answers out. What it reports on comes in as functions.
"""

from collections.abc import Callable, Mapping
from typing import Final

PLAIN_TEXT: Final = "text/plain; charset=utf-8"
HEALTH_PATHS: Final = ("/health/live", "/health/ready", "/metrics")
PROMETHEUS_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


class Answer:
    """Status code, content type, body."""

    __slots__ = ("body", "content_type", "status")

    def __init__(self, status: int, body: str, content_type: str = PLAIN_TEXT) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type


class Health:
    """`ready`: "" when clients are served, otherwise why not. `gauges`: name → (help text, value now)."""

    def __init__(
        self, ready: Callable[[], str], gauges: Mapping[str, tuple[str, Callable[[], float]]]
    ) -> None:
        self._ready = ready
        self._gauges = gauges

    def answer(self, method: str, path: str) -> Answer:
        """GET and HEAD of three paths."""
        if path not in HEALTH_PATHS:
            return Answer(404, "there is nothing here; try /health/live, /health/ready or /metrics\n")
        if method not in ("GET", "HEAD"):
            return Answer(405, f"{method} is not served here\n")
        if path == "/health/live":
            return Answer(200, "live\n")
        if path == "/metrics":
            return Answer(200, self._metrics(), PROMETHEUS_TEXT)
        reason = self._ready()
        return Answer(503, f"not ready: {reason}\n") if reason else Answer(200, "ready\n")

    def _metrics(self) -> str:
        lines = []
        for name, (text, value) in self._gauges.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value():.15g}"]
        return "\n".join(lines) + "\n"
