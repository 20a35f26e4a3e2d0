"""How the states of a share partition's records follow one another: released, archived, ...; and the rows of that for the fact.

Must not: decide who may do it, or write facts; partition.py does.
Spec: KIP-932, "Share-partition"; delayed retry is onemq's own.
"""

from mypy_extensions import i64

from onemq.engine.core import Agenda, Core
from onemq.engine.share.records import (
    ARCHIVED,
    ARCHIVING,
    AVAILABLE,
    DELIVERY_LIMIT,
    NO_CAUSE,
    REJECTED,
    Run,
    ShareRecords,
)
from onemq.engine.share.terms import Terms
from onemq.engine.topics.topic import Topic


class Transitions:
    """See the module.

    Attributes:
        rows: of what has changed since they were last taken. dying: something is being archived that has yet to be copied.
    """

    def __init__(self, core: Core, agenda: Agenda, topic: Topic, index: int, terms: Terms) -> None:
        self.records = ShareRecords()
        self.rows: list[object] = []
        self.dying = False
        self._core = core
        self._agenda = agenda
        self._topic = topic
        self._index = index
        self._terms = terms

    def take_rows(self) -> list[object]:
        rows = self.rows
        self.rows = []
        return rows

    def set(
        self, start: i64, end: i64, state: i64, deliveries: i64, until_ms: i64, member: str, cause: i64
    ) -> None:
        if start >= end:
            return
        self.records.put(start, end, state, deliveries, until_ms, member, cause)
        self.rows.extend(Run(start, end, state, deliveries, until_ms, member, cause).row())

    def void(self, start: i64, end: i64) -> None:
        """There are no records for anybody in [start, end)."""
        touched = self.records.end
        for run in self.records.within(start, end):
            if run.state == AVAILABLE:
                self.set(run.start, run.end, ARCHIVED, 0, 0, "", NO_CAUSE)
        if touched < end:
            self.set(max(start, touched), end, ARCHIVED, 0, 0, "", NO_CAUSE)

    def undo(self, run: Run) -> None:
        """That was no delivery."""
        self.set(run.start, run.end, AVAILABLE, run.deliveries - 1, 0, "", NO_CAUSE)

    def release(self, run: Run) -> None:
        """Available again, perhaps later, unless that was its last time."""
        config = self._topic.config
        if run.deliveries >= self._terms.delivery_limit(config):
            self.archive(run, DELIVERY_LIMIT)
            return
        delay_ms = self._terms.retry_delay_ms(config, run.deliveries)
        until_ms: i64 = 0
        if delay_ms > 0:
            until_ms = self._core.now_ms + delay_ms
            self._core.schedule(self._agenda, until_ms)
        self.set(run.start, run.end, AVAILABLE, run.deliveries, until_ms, "", NO_CAUSE)

    def archive(self, run: Run, cause: i64) -> None:
        """Nobody is given it any more; where there is a dead-letter topic, it has yet to be copied there."""
        name = self._terms.dead_letter_topic(self._topic.config)
        counters = self._topic.partitions[self._index].counters
        totals = self._core.totals.engine.stream
        dead = name != "" and name != self._topic.name
        for each in (counters, totals):
            count = run.end - run.start
            if cause == REJECTED:
                if dead:
                    each.dead_rejected += count
                else:
                    each.dropped_rejected += count
            elif dead:
                each.dead_delivery_limit += count
            else:
                each.dropped_delivery_limit += count
        if dead:
            self.set(run.start, run.end, ARCHIVING, run.deliveries, 0, "", cause)
            self.dying = True
        else:
            self.set(run.start, run.end, ARCHIVED, 0, 0, "", NO_CAUSE)
