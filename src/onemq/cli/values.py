"""Values as people write them on a command line: times, durations, NAME=VALUE, numbers. Each raises BadUsage with what it takes.

Must not: talk to a broker; know a command.
"""

import json
import re
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from onemq.cli.frame import BadUsage

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d|w)?")
_UNIT_MS: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "min": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_EPOCH_MS_LEAST: Final = 100_000_000_000


def duration_ms(text: str, what: str) -> int:
    """ "500ms", "10s", "5m", "2h", "1d"; a bare number is seconds."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise BadUsage(f"{what} is a duration such as 500ms, 10s, 5m, 2h or 1d, not {text!r}")
    return int(float(found[1]) * _UNIT_MS[found[2] or "s"])


def time_ms(text: str, what: str) -> int:
    """ISO 8601 ("2026-11-28T08:00", this machine's zone unless it says one), "10m" for so long ago, ms since the epoch, "now"."""
    stripped = text.strip()
    if stripped == "now":
        return int(time.time() * 1000)
    if stripped.isdigit() and int(stripped) >= _EPOCH_MS_LEAST:
        return int(stripped)
    if _DURATION.fullmatch(stripped) is not None and not stripped.isdigit():
        return int(time.time() * 1000) - duration_ms(stripped, what)
    try:
        return int(datetime.fromisoformat(stripped).timestamp() * 1000)
    except ValueError:
        raise BadUsage(
            f"{what} is a time such as 2026-11-28T08:00, 10m (ago) or ms since the epoch, not {text!r}"
        ) from None


def pairs(texts: Iterable[str], what: str) -> dict[str, str]:
    """NAME=VALUE, each."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadUsage(f"{what} is NAME=VALUE, not {text!r}")
        found[name] = value
    return found


def plain(text: str) -> Any:
    """A value of arguments and settings: JSON where it is JSON, otherwise text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def plain_pairs(texts: Iterable[str], what: str) -> dict[str, Any]:
    return {name: plain(value) for name, value in pairs(texts, what).items()}
