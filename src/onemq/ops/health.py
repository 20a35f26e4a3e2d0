"""What the HTTP listener answers: is the process alive, is it ready for clients. Metrics are in metrics/.

Pure: paths in, answers out. What it reports on comes in as functions.
"""

from collections.abc import Callable
from typing import Final

PLAIN_TEXT: Final = "text/plain; charset=utf-8"
HEALTH_PATHS: Final = ("/health/live", "/health/ready")


class Answer:
    """Status code, content type, body."""

    __slots__ = ("body", "content_type", "status")

    def __init__(self, status: int, body: str, content_type: str = PLAIN_TEXT) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type


class Health:
    """`ready`: "" when clients are served, otherwise why not."""

    def __init__(self, ready: Callable[[], str]) -> None:
        self._ready = ready

    def answer(self, method: str, path: str) -> Answer:
        """GET and HEAD of two paths."""
        if path not in HEALTH_PATHS:
            return Answer(404, "there is nothing here; try /health/live or /health/ready\n")
        if method not in ("GET", "HEAD"):
            return Answer(405, f"{method} is not served here\n")
        if path == "/health/live":
            return Answer(200, "live\n")
        reason = self._ready()
        return Answer(503, f"not ready: {reason}\n") if reason else Answer(200, "ready\n")
