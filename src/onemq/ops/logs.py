"""Log lines to stderr: readable ones on a terminal, one JSON object per line otherwise."""

import json
import logging
import sys
import time
from typing import Final

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class HumanFormatter(logging.Formatter):
    """`2026-11-22 02:31:00.123 WARNING onemq.net: text`"""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        line = f"{seconds}.{int(record.msecs):03d} {record.levelname} {record.name}: {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One object per line: time (UTC, RFC 3339), level, logger, message, and error with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def start_logging(level: str, line_format: str) -> None:
    """level: debug, info, warning, error. line_format: human, json, or auto (human on a terminal)."""
    handler = logging.StreamHandler(sys.stderr)
    human = line_format == "human" or (line_format == "auto" and sys.stderr.isatty())
    handler.setFormatter(HumanFormatter() if human else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # asyncio's own debug lines tell about its selector, not about us.
    logging.getLogger("asyncio").setLevel(max(_LEVELS[level], logging.INFO))


def flush_logs() -> None:
    """For the moment before the process ends at once."""
    for handler in logging.getLogger().handlers:
        handler.flush()
