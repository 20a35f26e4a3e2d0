"""What health probes are answered: is the process alive, has it started, is it ready for clients; if not, why and what to do.

Pure: paths in, answers out. What it reports on comes in as functions. docs/operations.md says how to point Kubernetes' probes here.
"""

from collections.abc import Callable
from typing import Final

PLAIN_TEXT: Final = "text/plain; charset=utf-8"
LIVE: Final = "/health/live"
READY: Final = "/health/ready"
STARTUP: Final = "/health/startup"


class Answer:
    """Status code, content type, body."""

    __slots__ = ("body", "content_type", "status")

    def __init__(self, status: int, body: str, content_type: str = PLAIN_TEXT) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type


class Health:
    """Of a broker that has recovered.

    ready: "" when clients are served, otherwise why not and what to do.
    """

    def __init__(self, ready: Callable[[], str]) -> None:
        self._ready = ready

    def answer(self, path: str) -> Answer | None:
        """None: not a path of health."""
        if path == LIVE:
            return Answer(200, "live\n")
        if path == STARTUP:
            return Answer(200, "started\n")
        if path != READY:
            return None
        reason = self._ready()
        return Answer(503, f"not ready: {reason}\n") if reason else Answer(200, "ready\n")


class Progress:
    """How far recovery is. Written by the thread that recovers, read by the one that answers probes."""

    def __init__(self) -> None:
        self.done_bytes = 0
        self.total_bytes = 0

    def replayed(self, done_bytes: int, total_bytes: int) -> None:
        """So much of the journal has been read again. total_bytes: at most so much there is."""
        self.done_bytes = done_bytes
        self.total_bytes = total_bytes

    def text(self) -> str:
        if not self.total_bytes:
            return "starting: reading the last checkpoint; wait"
        percent = min(self.done_bytes * 100 // self.total_bytes, 100)
        return f"starting: {percent} % of the journal is read ({self.done_bytes >> 20} of at most {self.total_bytes >> 20} MiB); wait"

    def answer(self, path: str) -> tuple[int, str]:
        """While recovery goes on: alive, and nothing else yet."""
        if path == LIVE:
            return 200, "live\n"
        return 503, f"{self.text()}\n"
