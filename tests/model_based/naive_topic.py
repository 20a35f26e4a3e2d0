"""The model that topics are held against: a partition is a list of batches, an entry of the queue over it has a history.

Obvious, slow, without bugs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from model_based.naive_broker import LEASED, RETURNED, SETTLED, UNSTAMPED, Entry, Event


@dataclass
class Piece:
    """One batch of a log. `data`: as its producer made it, None for records of other protocols and markers.

    `ends`: of a marker: the transaction's first batch, if it had one here. `aborts`: it is an abort's marker.
    """

    base: int
    entries: list[Entry]
    data: bytes | None = None
    producer: tuple[int, int] | None = None
    sequence: int = -1
    transactional: bool = False
    marker: bool = False
    aborts: bool = False
    ends: Piece | None = None
    position: int = UNSTAMPED

    @property
    def end(self) -> int:
        return self.base + max(len(self.entries), 1)


@dataclass
class NaivePartition:
    """`starts`: (position, first offset kept), the last one counts. `queue_from`: entries before it left with an earlier queue."""

    pieces: list[Piece] = field(default_factory=list)
    starts: list[Event] = field(default_factory=list)

    @property
    def next_offset(self) -> int:
        return self.pieces[-1].end if self.pieces else 0

    @property
    def start(self) -> int:
        return int(self.starts[-1].kind) if self.starts else 0

    def visible_end(self, durable: int) -> int:
        end = 0
        for piece in self.pieces:
            if piece.position > durable:
                break
            end = piece.end
        return end

    def open_from(self, producer: int) -> Piece | None:
        """First batch of the producer's open transaction."""
        first = None
        for piece in self.pieces:
            if piece.producer is not None and piece.producer[0] == producer:
                if piece.marker:
                    first = None
                elif piece.transactional and first is None:
                    first = piece
        return first

    def stable_end(self, durable: int) -> int:
        """Where the first transaction begins whose marker nobody can see."""
        end = max(self.visible_end(durable), self.start)
        first: dict[int, int] = {}
        for piece in self.pieces:
            if piece.base >= end or piece.position > durable:
                break
            if piece.producer is not None:
                if piece.marker:
                    first.pop(piece.producer[0], None)
                elif piece.transactional:
                    first.setdefault(piece.producer[0], piece.base)
        return max(min([end, *first.values()]), min(self.start, end))

    def aborted(self) -> list[tuple[int, int, int]]:
        """(producer, first offset, marker's offset) of every aborted transaction."""
        return [
            (piece.producer[0], piece.ends.base, piece.base)
            for piece in self.pieces
            if piece.marker and piece.aborts and piece.ends is not None and piece.producer is not None
        ]

    def is_aborted(self, piece: Piece) -> bool:
        return piece.transactional and any(
            piece.producer is not None and producer == piece.producer[0] and first <= piece.base < marker
            for producer, first, marker in self.aborted()
        )

    def for_queue(self, end: int) -> list[Entry]:
        """Entries that a queue may have, of those before `end`."""
        return [
            entry
            for piece in self.pieces
            if piece.base < end and not self.is_aborted(piece)
            for entry in piece.entries
            if entry.name < end
        ]

    def next(self, durable: int) -> Entry | None:
        """What the queue must deliver next; what retention has taken is nobody's duty."""
        for entry in self.for_queue(self.stable_end(durable)):
            if entry.ready() and entry.name >= self.start:
                return entry
        return None

    def sequences(self, producer: tuple[int, int]) -> list[tuple[int, int, int]]:
        """(first, last, base) of the producer's batches in its present epoch, the last five."""
        found = [
            (piece.sequence, piece.sequence + len(piece.entries) - 1, piece.base)
            for piece in self.pieces
            if piece.producer == producer and not piece.marker
        ]
        return found[-5:]

    def stamp(self, position: int) -> None:
        for piece in self.pieces:
            piece.position = min(piece.position, position)
            for entry in piece.entries:
                for event in entry.events:
                    event.position = min(event.position, position)
        for event in self.starts:
            event.position = min(event.position, position)

    def crash(self, durable: int) -> None:
        """Only what was durable has happened."""
        self.pieces = [piece for piece in self.pieces if piece.position <= durable]
        self.starts = [event for event in self.starts if event.position <= durable]
        for piece in self.pieces:
            for entry in piece.entries:
                entry.events = [event for event in entry.events if event.position <= durable]
                if entry.state() == LEASED:
                    entry.events.append(Event(RETURNED, 0))

    def settle_ready(self, end: int) -> None:
        for entry in self.for_queue(end):
            if entry.ready():
                entry.events.append(Event(SETTLED))
