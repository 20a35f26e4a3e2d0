"""Deduplication ids: what was accepted under an id is remembered for a while, so that a producer's retry is not a second record.

Job: keep (owner, scope, id) -> what was answered, durably, until the window has passed since the first acceptance.
Must not: look at records, or decide which ids a protocol compares (the scope is the head's: a queue's, or one order group's).
Spec: Amazon SQS Developer Guide, "Using the message deduplication ID in Amazon SQS" and "Exactly-once processing".
"""

from collections import deque
from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Agenda, Core
from onemq.engine.exchange import Namespace
from onemq.engine.parts import PART_DEDUPLICATION, Part
from onemq.engine.permits import Permits
from onemq.engine.queue import QueueListener
from onemq.engine.topics.topic import Topic
from onemq.engine.topics.topics import TopicListener
from onemq.model.refusal import Reason, Refusal

EXPIRED_PER_STEP: Final = 2000
"""Ids forgotten in one turn, at most, because of their age."""
SLACK_MS: Final = 1000
"""Ids may be kept this much longer than they count, so that they go in groups."""
STALE_MIN: Final = 1000
"""So many entries of forgotten owners are always left alone in the queue of ages."""
ROWS_PER_CHANGE: Final = 10_000
"""Ids in one change of the snapshot, at most."""
FIELDS: Final = 5


class Remembered:
    """What was accepted first under an id. `at_ms`: when."""

    __slots__ = ("at_ms", "durable", "identifier", "message_id", "offset", "owner", "scope")

    def __init__(
        self,
        owner: "Owner",
        scope: str,
        identifier: str,
        message_id: str,
        offset: i64,
        at_ms: i64,
        durable: bool,
    ) -> None:
        self.owner = owner
        self.scope = scope
        self.identifier = identifier
        self.message_id = message_id
        self.offset: i64 = offset
        self.at_ms: i64 = at_ms
        self.durable = durable


class Owner:
    """A queue or topic with its ids, by scope and id. `fresh`: rows that the turn's commit still has to get."""

    __slots__ = ("entries", "fresh", "name", "namespace")

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace = namespace
        self.name = name
        self.entries: dict[tuple[str, str], Remembered] = {}
        self.fresh: list[object] = []


class Deduplication(Part):
    """See the module.

    Attributes:
        count: ids remembered, those included whose age will be looked at shortly.
    """

    def __init__(self, core: Core) -> None:
        self.number = PART_DEDUPLICATION
        self.count: i64 = 0
        self._core = core
        self._window_ms: i64 = core.settings.deduplication_window_ms
        self._ids_max: i64 = core.settings.deduplication_ids_max
        self._owners: dict[tuple[str, str], Owner] = {}
        self._ages: deque[Remembered] = deque()
        self._agenda = _Ages(self)
        self._touched: list[Owner] = []

    def find(self, namespace: str, owner: str, scope: str, identifier: str) -> Remembered | None:
        """What was accepted under the id within the window."""
        found = self._owners.get((namespace, owner))
        if found is None:
            return None
        entry = found.entries.get((scope, identifier))
        if entry is None or entry.at_ms + self._window_ms <= self._core.now_ms:
            return None
        return entry

    def remember(
        self,
        namespace: str,
        owner: str,
        scope: str,
        identifier: str,
        message_id: str,
        offset: i64,
        durable: bool = True,
    ) -> None:
        """From now on the id counts as accepted, for the window; the first acceptance stands. Refusal LIMIT ("deduplication").

        durable=False: of an owner that a restart ends.
        """
        if self.find(namespace, owner, scope, identifier) is not None:
            return
        if self.count >= self._ids_max:
            self.expire(EXPIRED_PER_STEP)
            if self.count >= self._ids_max:
                raise Refusal(
                    Reason.LIMIT, "deduplication", owner, f"{self._ids_max} ids are remembered already"
                )
        core = self._core
        found = self._owner(namespace, owner)
        self._add(found, scope, identifier, message_id, offset, core.now_ms, durable)
        self._watch()
        if durable:
            core.will_commit = True
            if core.persistent:
                if not found.fresh:
                    self._touched.append(found)
                    core.need_write(self._agenda)
                found.fresh.extend((scope, identifier, message_id, int(offset), int(core.now_ms)))

    def _owner(self, namespace: str, name: str) -> Owner:
        found = self._owners.get((namespace, name))
        if found is None:
            found = Owner(namespace, name)
            self._owners[namespace, name] = found
        return found

    def _add(
        self,
        owner: Owner,
        scope: str,
        identifier: str,
        message_id: str,
        offset: i64,
        at_ms: i64,
        durable: bool,
    ) -> None:
        key = (scope, identifier)
        entry = Remembered(owner, scope, identifier, message_id, offset, at_ms, durable)
        if key not in owner.entries:
            self.count += 1
        owner.entries[key] = entry
        self._ages.append(entry)

    def forget(self, namespace: str, name: str) -> None:
        """The owner has gone, and its ids with it. No fact: what says that it is gone says this, too."""
        owner = self._owners.pop((namespace, name), None)
        if owner is None:
            return
        self.count -= len(owner.entries)
        owner.entries = {}
        owner.fresh = []
        stale: i64 = len(self._ages) - self.count
        if stale > STALE_MIN and stale * 2 > len(self._ages):
            self._ages = deque([entry for entry in self._ages if self._counts(entry)])

    def _counts(self, entry: Remembered) -> bool:
        return entry.owner.entries.get((entry.scope, entry.identifier)) is entry

    # Age.

    def _watch(self) -> None:
        if self._ages:
            self._core.schedule(self._agenda, self._ages[0].at_ms + self._window_ms + SLACK_MS)

    def expire(self, most: i64) -> None:
        """Forgets ids whose window has passed, at most `most` of them."""
        limit = self._core.now_ms - self._window_ms
        ages = self._ages
        count: i64 = 0
        while ages and ages[0].at_ms <= limit and count < most:
            entry = ages.popleft()
            count += 1
            if self._counts(entry):
                owner = entry.owner
                del owner.entries[(entry.scope, entry.identifier)]
                self.count -= 1
                if not owner.entries:
                    self._owners.pop((owner.namespace, owner.name), None)

    def on_deadline(self) -> None:
        """Ids have come of age."""
        self.expire(EXPIRED_PER_STEP)
        if self._ages and self._ages[0].at_ms + self._window_ms <= self._core.now_ms:
            self._core.schedule(self._agenda, self._core.now_ms + 1)
        else:
            self._watch()

    # The part.

    def write_facts(self) -> None:
        """One change for each owner, with the turn's commit: after the facts about owners that came and went."""
        touched = self._touched
        self._touched = []
        for owner in touched:
            if owner.fresh:
                self._core.note(self, _change(owner, owner.fresh))
                owner.fresh = []

    def apply(self, change: dict[str, object]) -> None:
        namespace = change["ns"]
        name = change["owner"]
        rows = change["rows"]
        assert isinstance(namespace, str) and isinstance(name, str) and isinstance(rows, list)
        owner = self._owner(namespace, name)
        for at in range(0, len(rows), FIELDS):
            self._apply_row(owner, rows, at)
        if not owner.entries:
            del self._owners[namespace, name]

    def _apply_row(self, owner: Owner, rows: list[object], at: int) -> None:
        scope = rows[at]
        identifier = rows[at + 1]
        message_id = rows[at + 2]
        offset = rows[at + 3]
        at_ms = rows[at + 4]
        assert isinstance(scope, str) and isinstance(identifier, str) and isinstance(message_id, str)
        assert isinstance(offset, int) and isinstance(at_ms, int)
        if at_ms + self._window_ms > self._core.now_ms:
            self._add(owner, scope, identifier, message_id, offset, at_ms, True)

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        limit = self._core.now_ms - self._window_ms
        for owner in self._owners.values():
            rows: list[object] = []
            for entry in owner.entries.values():
                if not entry.durable or entry.at_ms <= limit:
                    continue
                rows.extend(
                    (entry.scope, entry.identifier, entry.message_id, int(entry.offset), int(entry.at_ms))
                )
                if len(rows) >= ROWS_PER_CHANGE * FIELDS:
                    found.append(_change(owner, rows))
                    rows = []
            if rows:
                found.append(_change(owner, rows))
        return found

    def finish_recovery(self) -> None:
        """The snapshot has them by owner: age goes over all of them."""
        self._ages = deque(sorted(self._ages, key=_at_ms))
        self._watch()


def _at_ms(entry: Remembered) -> int:
    return int(entry.at_ms)


def _change(owner: Owner, rows: list[object]) -> dict[str, object]:
    return {"ns": owner.namespace, "owner": owner.name, "rows": rows}


class _Ages(Agenda):
    """The part's entry in the turn's work lists."""

    def __init__(self, part: Deduplication) -> None:
        super().__init__()
        self.part = part

    def write_facts(self) -> None:
        self.part.write_facts()

    def on_deadline(self) -> None:
        self.part.on_deadline()


class ForgetsTopicIds(TopicListener):
    """A topic's ids go with it."""

    def __init__(self, part: Deduplication) -> None:
        self._part = part

    def topic_removed(self, topic: Topic) -> None:
        self._part.forget(topic.namespace, topic.name)


class ForgetsIds(QueueListener):
    """A queue's ids go with it."""

    def __init__(self, part: Deduplication) -> None:
        self._part = part

    def queue_removed(self, namespace: str, name: str) -> None:
        self._part.forget(namespace, name)


class DeduplicationAccess:
    """One principal's way to the ids. Both methods: Refusal ACCESS_DENIED ("queue")."""

    def __init__(self, part: Deduplication, space: Namespace, permits: Permits) -> None:
        self._part = part
        self._space = space
        self._permits = permits

    def find(self, owner: str, scope: str, identifier: str) -> Remembered | None:
        """What was accepted under the id within the window. It is as safe as everything done so far: `Access.position()`."""
        self._permits.demand_write("queue", owner)
        return self._part.find(self._space.name, owner, scope, identifier)

    def remember(self, owner: str, scope: str, identifier: str, message_id: str, offset: i64) -> None:
        """With the turn's commit, as the record that was accepted. Refusal LIMIT ("deduplication"): too many are remembered."""
        self._permits.demand_write("queue", owner)
        queue = self._space.queues.get(owner)
        durable = queue is None or queue.log.durable
        self._part.remember(self._space.name, owner, scope, identifier, message_id, offset, durable)
