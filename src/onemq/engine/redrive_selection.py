"""Which records a redrive takes: by header, by the queue and reason of the last death, by time, so many."""

from typing import Final

from mypy_extensions import i64

from onemq.engine.natives import Natives
from onemq.model.record import Record

DIED_IN: Final = "@queue"
DIED_OF: Final = "@reason"


class Selection:
    """Which records a task takes: all, or those that fit.

    Attributes:
        where: header and its text, all of which a record must have, as readers of other protocols see its headers. DIED_IN and DIED_OF
            stand for the queue and the reason of its last death.
        since_ms: it died then or later (without a history: was published), ms since the epoch. limit: so many at most; 0 = no limit.
    """

    __slots__ = ("limit", "since_ms", "where")

    def __init__(self, where: dict[str, str] | None = None, since_ms: int = 0, limit: int = 0) -> None:
        self.where: dict[str, str] = {} if where is None else dict(where)
        self.since_ms = since_ms
        self.limit = limit

    def takes_all(self) -> bool:
        return not self.where and not self.since_ms and not self.limit

    def fits(self, record: Record, natives: Natives) -> bool:
        """Whatever the limit says."""
        if self.since_ms:
            at_ms: i64 = record.timestamp_ms
            if record.deaths is not None:
                for death in record.deaths.entries:
                    at_ms = max(at_ms, i64(death.time_ms))
            if at_ms < self.since_ms:
                return False
        if self.where:
            shown: dict[str, str] = {}
            for name, content in natives.plain_headers(record):
                if content is not None:
                    shown[name] = content.decode("utf-8", "replace")
            if record.deaths is not None:
                shown[DIED_IN] = record.deaths.last[0]
                shown[DIED_OF] = record.deaths.last[1]
            for name, wanted in self.where.items():
                if shown.get(name) != wanted:
                    return False
        return True
