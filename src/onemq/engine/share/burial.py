"""Burial of a share partition's records: what is archived with a copy is copied to the dead-letter topic, as its batches are in memory
or come from the store, and is archived.

Must not: decide what is archived (transitions.py does), or what a copy looks like (dead_letters.py).
Spec: KIP-1191.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.groups.offsets import GroupKey
from onemq.engine.loads import LoadWaiter
from onemq.engine.share.dead_letters import DeadLetters, Grave
from onemq.engine.share.records import ARCHIVED, ARCHIVING, NO_CAUSE, Run
from onemq.engine.share.terms import Terms
from onemq.engine.share.transitions import Transitions
from onemq.engine.topics.topic import Topic
from onemq.model.record_batch import base_offset, end_offset

NO_TICKET: Final = -1


class Burial:
    """See the module. `waits`: is told what the store says, and hands it to `loaded`."""

    def __init__(
        self,
        transitions: Transitions,
        dead_letters: DeadLetters,
        key: GroupKey,
        topic: Topic,
        index: int,
        terms: Terms,
        waits: LoadWaiter,
    ) -> None:
        self._transitions = transitions
        self._dead_letters = dead_letters
        self._key = key
        self._topic = topic
        self._index = index
        self._terms = terms
        self._waits = waits
        self._load_ticket = NO_TICKET
        self._load_from: i64 = 0

    def go_on(self) -> None:
        """Copies what is being archived, as far as it is in memory; asks for the rest."""
        records = self._transitions.records
        partition = self._topic.partitions[self._index]
        if self._load_ticket != NO_TICKET:
            return
        for run in records.within(records.start, records.end):
            if run.state != ARCHIVING:
                continue
            while run.start < run.end:
                batches = partition.read(run.start, self._dead_letters.read_bytes, run.end, True)
                if batches is None:
                    self._load_from = run.start
                    self._load_ticket = partition.load(run.start, self._dead_letters.read_bytes, self._waits)
                    return
                run.start = self._copy(run, batches, run.end)
        self._transitions.dying = False

    def _copy(self, run: Run, batches: list[bytes], otherwise: i64) -> i64:
        """What the batches hold of the run is in the dead-letter topic now; returns the offset behind it, `otherwise` when
        they hold nothing of it."""
        position = run.start
        topic = self._topic
        name = self._terms.dead_letter_topic(topic.config)
        grave = Grave(name, self._key[1], topic.name, self._index, run.deliveries, run.cause)
        for data in batches:
            if base_offset(data) >= run.end:
                break
            self._dead_letters.bury(self._key[0], grave, data, position, run.end, len(topic.partitions))
            position = max(position, min(end_offset(data), run.end))
        if position == run.start:
            position = otherwise
        self._transitions.set(run.start, position, ARCHIVED, 0, 0, "", NO_CAUSE)
        return position

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> bool:
        """What it needed from the store. False: nothing came of it."""
        if ticket != self._load_ticket:
            return False
        self._load_ticket = NO_TICKET
        if self._topic.deleted:
            return False
        records = self._transitions.records
        for run in records.within(self._load_from, records.end):
            if run.state == ARCHIVING:
                hole_end = next_offset if next_offset > run.start else run.end
                self._copy(run, batches, min(hole_end, run.end))
                break
        return True
