"""Log lines to stderr: readable ones on a terminal, one JSON object per line otherwise; lines alike are bounded in number.

Fields of a line travel as `extra={"fields": {...}}` of the standard library's calls, so that nobody has to import this module: reason,
protocol, peer ("host:port"), user, namespace, client, entity. docs/logs.md lists the lines and the reasons.
Must not: decide what is worth a line.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Mapping
from typing import Final

from onemq.ops.log_bounds import LogBounds

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
LEFT_OUT: Final = "left_out"
"""Reason of the lines that say how many were left out: never left out themselves."""
_log: Final = logging.getLogger("onemq.log")


def fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    """What a line carries beside its text; nothing in most."""
    found = getattr(record, "fields", None)
    return found if isinstance(found, Mapping) else {}


class HumanFormatter(logging.Formatter):
    """`2026-11-22 02:31:00.123 WARNING onemq.net: text`"""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        # Names that peers gave themselves may stand in the text: they must not look like lines of their own.
        text = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{seconds}.{int(record.msecs):03d} {record.levelname} {record.name}: {text}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One object per line: time (UTC, RFC 3339), level, logger, message, the line's fields, and error with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in fields_of(record).items():
            entry.setdefault(name, value)
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def rfc3339(seconds: float) -> str:
    """UTC, with milliseconds. seconds: since the epoch."""
    ms = int(seconds * 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms // 1000))}.{ms % 1000:03d}Z"


class BoundFilter(logging.Filter):
    """Lets lines through as LogBounds admits them: those that have a reason, by it; other warnings and errors by their text's template.
    Called on any thread."""

    def __init__(self, bounds: LogBounds) -> None:
        super().__init__()
        self._bounds = bounds
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        fields = fields_of(record)
        reason = str(fields.get("reason", ""))
        if reason == LEFT_OUT or record.levelno >= logging.CRITICAL:
            return True
        if not reason:
            if record.levelno < logging.WARNING:
                return True
            reason = str(record.msg)
        host = str(fields.get("peer", "")).rpartition(":")[0]
        with self._lock:
            return self._bounds.admit(reason, host, time.monotonic())

    def tell(self, everything: bool = False) -> None:
        """One line for each reason of which lines were left out, once their window is over (or at once)."""
        with self._lock:
            found = self._bounds.take_left_out(time.monotonic(), everything)
            seconds = self._bounds.seconds
        for left_out in found:
            about = f", most about {left_out.host}" if left_out.host else ""
            _log.warning(
                "%d more lines like this were left out within %g s%s: %s",
                left_out.count,
                seconds,
                about,
                left_out.reason,
                extra={"fields": {"reason": LEFT_OUT, "left_out": left_out.count, "of": left_out.reason}},
            )


def start_logging(level: str, line_format: str, bounds: LogBounds | None = None) -> None:
    """level: debug, info, warning, error. line_format: human, json, or auto (human on a terminal)."""
    handler = logging.StreamHandler(sys.stderr)
    human = line_format == "human" or (line_format == "auto" and sys.stderr.isatty())
    handler.setFormatter(HumanFormatter() if human else JsonFormatter())
    if bounds is not None:
        handler.addFilter(BoundFilter(bounds))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # asyncio's own debug lines tell about its selector, not about us.
    logging.getLogger("asyncio").setLevel(max(_LEVELS[level], logging.INFO))


def tell_left_out(everything: bool = False) -> None:
    """Once a second: says how many lines were left out."""
    for handler in logging.getLogger().handlers:
        for found in handler.filters:
            if isinstance(found, BoundFilter):
                found.tell(everything)


def flush_logs() -> None:
    """For the moment before the process ends at once."""
    tell_left_out(everything=True)
    for handler in logging.getLogger().handlers:
        handler.flush()
