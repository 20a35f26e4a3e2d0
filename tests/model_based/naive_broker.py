"""The model that the broker is held against: a queue is a list of entries, an entry is its history.

Obvious, slow, without bugs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PUBLISHED = "published"
LEASED = "leased"
RETURNED = "returned"
SETTLED = "settled"
UNSTAMPED = 1 << 60
"""Position of what no commit holds yet."""


@dataclass
class Event:
    kind: str
    position: int = UNSTAMPED


@dataclass
class Entry:
    """One record in one queue."""

    name: int
    durable: bool
    priority: int
    events: list[Event] = field(default_factory=list)

    def state(self) -> str:
        return self.events[-1].kind

    def ready(self) -> bool:
        return self.state() in (PUBLISHED, RETURNED)

    def leases(self) -> int:
        return sum(event.kind == LEASED for event in self.events)

    def visible(self, durable_position: int) -> bool:
        return not self.durable or self.events[0].position <= durable_position


@dataclass
class NaiveQueue:
    name: str
    durable: bool
    priority_max: int = 0
    entries: list[Entry] = field(default_factory=list)

    def publish(self, name: int, durable: bool, priority: int) -> None:
        entry = Entry(name, durable and self.durable, min(priority, self.priority_max))
        self.entries.append(entry)
        entry.events.append(Event(PUBLISHED))

    def ready(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.ready()]

    def leased(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.state() == LEASED]

    def next(self, durable_position: int) -> Entry | None:
        """What must be delivered next: nothing overtakes, but what has a higher priority."""
        ready = self.ready()
        if self.priority_max:
            seen = [entry for entry in ready if entry.visible(durable_position)]
            return min(seen, key=lambda entry: -entry.priority, default=None)
        if not ready or not ready[0].visible(durable_position):
            return None
        return ready[0]

    def purge(self) -> int:
        gone = self.ready()
        for entry in gone:
            entry.events.append(Event(SETTLED))
        return len(gone)

    def stamp(self, position: int) -> None:
        """A commit has taken in all that happened."""
        for entry in self.entries:
            for event in entry.events:
                if event.position == UNSTAMPED:
                    event.position = position

    def crash(self, durable_position: int) -> None:
        """Only what was durable has happened."""
        kept: list[Entry] = []
        for entry in self.entries:
            entry.events = [event for event in entry.events if event.position <= durable_position]
            if not self.durable or not entry.durable or not entry.events or entry.state() == SETTLED:
                continue
            if entry.state() == LEASED:
                entry.events.append(Event(RETURNED, 0))
            kept.append(entry)
        self.entries = kept


class NaiveBroker:
    """All queues. Settled entries stay in their lists: a crash may bring them back."""

    def __init__(self, queues: list[NaiveQueue]) -> None:
        self.queues = {queue.name: queue for queue in queues}

    def stamp(self, position: int) -> None:
        for queue in self.queues.values():
            queue.stamp(position)

    def crash(self, durable_position: int) -> None:
        for queue in self.queues.values():
            queue.crash(durable_position)

    def empty(self) -> bool:
        return all(not queue.ready() and not queue.leased() for queue in self.queues.values())
