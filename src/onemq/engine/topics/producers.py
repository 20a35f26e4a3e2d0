"""What a log knows of its idempotent and transactional producers: epochs, sequences, open and aborted transactions.

A fold over the log's batches: appending and replaying run the same code (`applied`). Sources: KIP-98, KIP-360; Apache Kafka,
"ProducerStateManager".
"""

from typing import Final

from mypy_extensions import i64

from onemq.model.control_batch import is_commit_marker
from onemq.model.record_batch import (
    attributes_of,
    base_offset,
    base_sequence,
    end_offset,
    producer_epoch,
    producer_id,
    record_count,
)
from onemq.model.refusal import Reason, Refusal

REMEMBERED_BATCHES: Final = 5
"""Last batches of a producer that are known again when they are sent again: what a client may have in flight."""
SEQUENCE_MASK: Final = 0x7FFFFFFF
NO_DUPLICATE: Final = -1


class ProducerState:
    """One producer.

    Attributes:
        epoch: the newest seen. last_sequence: of its last record in that epoch, -1 before the first.
        batches: the last REMEMBERED_BATCHES, flat (first sequence, last sequence, base offset).
        open_from: first offset of its open transaction, -1 if none.
        last_ms: when it last appended (broker's time, or the batch's after a restart).
        coordinator_epoch: of the last marker, -1 before the first. last_offset: of its last record.
    """

    __slots__ = (
        "batches",
        "coordinator_epoch",
        "epoch",
        "last_ms",
        "last_offset",
        "last_sequence",
        "open_from",
    )

    def __init__(self, epoch: i64) -> None:
        self.epoch: i64 = epoch
        self.last_sequence: i64 = -1
        self.batches: list[int] = []
        self.open_from: i64 = -1
        self.last_ms: i64 = 0
        self.coordinator_epoch: i64 = -1
        self.last_offset: i64 = -1


class Aborted:
    """A transaction that was aborted: records of the producer in [first, marker) are not to be delivered."""

    __slots__ = ("first", "marker", "producer_id")

    def __init__(self, producer_id: i64, first: i64, marker: i64) -> None:
        self.producer_id: i64 = producer_id
        self.first: i64 = first
        self.marker: i64 = marker


class Producers:
    """See the module.

    Attributes:
        states: by producer id.
        aborted: by offset of their markers.
    """

    def __init__(self) -> None:
        self.states: dict[int, ProducerState] = {}
        self.aborted: list[Aborted] = []
        self._open: dict[int, int] = {}
        self._closing: list[tuple[int, int]] = []
        """(marker offset, first offset) of transactions whose marker readers cannot see yet."""

    def check(self, data: bytes) -> i64:
        """A batch of a producer with an id is about to be appended.

        Returns the base offset of the same batch appended before, or NO_DUPLICATE. Raises Refusal PRODUCER_EPOCH_STALE (an older epoch),
        TRANSACTION_STATE (not transactional while the producer's transaction is open), OUT_OF_SEQUENCE.
        """
        state = self.states.get(int(producer_id(data)))
        if state is None:
            return NO_DUPLICATE
        epoch = producer_epoch(data)
        first = base_sequence(data)
        last = (first + record_count(data) - 1) & 0x7FFFFFFF
        if epoch < state.epoch:
            raise Refusal(
                Reason.PRODUCER_EPOCH_STALE,
                "producer",
                str(producer_id(data)),
                f"epoch {epoch}, not {state.epoch}",
            )
        if state.open_from >= 0 and not attributes_of(data) & 0x10:
            # A newer epoch that came in this way would keep the marker out: the transaction would stay open for ever.
            raise Refusal(
                Reason.TRANSACTION_STATE,
                "producer",
                str(producer_id(data)),
                "its transaction is open: only transactional batches",
            )
        if epoch > state.epoch:
            if first != 0:
                raise Refusal(
                    Reason.OUT_OF_SEQUENCE, "producer", str(producer_id(data)), f"{first} begins a new epoch"
                )
            return NO_DUPLICATE
        batches = state.batches
        for at in range(0, len(batches), 3):
            if batches[at] == first and batches[at + 1] == last:
                return batches[at + 2]
        if first != (state.last_sequence + 1) & 0x7FFFFFFF:
            raise Refusal(
                Reason.OUT_OF_SEQUENCE,
                "producer",
                str(producer_id(data)),
                f"{first} after {state.last_sequence}",
            )
        return NO_DUPLICATE

    def check_marker(self, producer: i64, epoch: i64) -> None:
        """Raises Refusal PRODUCER_EPOCH_STALE: the producer has a newer epoch here."""
        state = self.states.get(int(producer))
        if state is not None and epoch < state.epoch:
            raise Refusal(
                Reason.PRODUCER_EPOCH_STALE, "producer", str(producer), f"epoch {epoch}, not {state.epoch}"
            )

    def applied(self, data: bytes, base: i64, now_ms: i64) -> None:
        """The batch is in the log, at `base`."""
        producer = int(producer_id(data))
        if producer < 0:
            return
        epoch = producer_epoch(data)
        state = self.states.get(producer)
        if state is None:
            state = ProducerState(epoch)
            self.states[producer] = state
        if epoch != state.epoch:
            state.epoch = epoch
            state.last_sequence = -1
            state.batches = []
        state.last_ms = now_ms
        attributes = attributes_of(data)
        if attributes & 0x20:
            self._ended(state, producer, base, is_commit_marker(data))
            return
        first = base_sequence(data)
        last = (first + record_count(data) - 1) & 0x7FFFFFFF
        state.last_sequence = last
        state.last_offset = base + end_offset(data) - base_offset(data) - 1
        state.batches.extend((int(first), int(last), int(base)))
        if len(state.batches) > 15:
            del state.batches[:3]
        if attributes & 0x10 and state.open_from < 0:
            state.open_from = base
            self._open[producer] = int(base)

    def _ended(self, state: ProducerState, producer: int, marker: i64, commit: bool) -> None:
        state.coordinator_epoch = 0
        if state.open_from < 0:
            return
        if not commit:
            self.aborted.append(Aborted(producer, state.open_from, marker))
        self._closing.append((int(marker), int(state.open_from)))
        del self._open[producer]
        state.open_from = -1

    def first_unstable(self, visible_end: i64) -> i64:
        """First offset of a transaction that is open as far as readers can see, or `visible_end`."""
        first = visible_end
        for offset in self._open.values():
            first = min(first, offset)
        for marker, offset in self._closing:
            if marker >= visible_end:
                first = min(first, offset)
        return first

    def saw(self, visible_end: i64) -> None:
        """Markers before `visible_end` can be seen from now on, whatever happens."""
        closing = self._closing
        while closing and closing[0][0] < visible_end:
            del closing[0]

    def has_open(self) -> bool:
        """True when some transaction may hold readers of committed records back."""
        return len(self._open) > 0 or len(self._closing) > 0

    def aborted_in(self, start: i64, end: i64) -> list[Aborted]:
        """Aborted transactions that have records in [start, end), in order of their first offset."""
        found = [entry for entry in self.aborted if entry.marker >= start and entry.first < end]
        found.sort(key=_first_offset)
        return found

    def is_aborted(self, data: bytes) -> bool:
        """Whether the records of a transactional batch belong to an aborted transaction."""
        if not attributes_of(data) & 0x10 or not self.aborted:
            return False
        producer = producer_id(data)
        base = base_offset(data)
        for entry in self.aborted:
            if entry.producer_id == producer and entry.first <= base < entry.marker:
                return True
        return False

    def forget_before(self, start: i64, idle_since_ms: i64) -> None:
        """The log begins at `start` now; producers without an open transaction that are idle since that time are forgotten."""
        if self.aborted and self.aborted[0].marker < start:
            self.aborted = [entry for entry in self.aborted if entry.marker >= start]
        idle = [
            producer
            for producer, state in self.states.items()
            if state.last_ms < idle_since_ms and state.open_from < 0
        ]
        for producer in idle:
            del self.states[producer]

    # Snapshot.

    def to_plain(self) -> dict[str, object]:
        return {
            "producers": [
                [
                    producer,
                    int(state.epoch),
                    int(state.last_sequence),
                    list(state.batches),
                    int(state.open_from),
                    int(state.last_ms),
                    int(state.coordinator_epoch),
                    int(state.last_offset),
                ]
                for producer, state in self.states.items()
            ],
            "aborted": [
                [int(entry.producer_id), int(entry.first), int(entry.marker)] for entry in self.aborted
            ],
        }

    def restore(self, plain: dict[str, list[list[object]]]) -> None:
        for row in plain["producers"]:
            producer, epoch, last_sequence, batches, open_from, last_ms, coordinator_epoch, last_offset = row
            assert isinstance(producer, int) and isinstance(epoch, int) and isinstance(last_sequence, int)
            assert isinstance(batches, list) and isinstance(open_from, int) and isinstance(last_ms, int)
            assert isinstance(coordinator_epoch, int) and isinstance(last_offset, int)
            state = ProducerState(epoch)
            state.last_sequence = last_sequence
            state.batches = batches
            state.open_from = open_from
            state.last_ms = last_ms
            state.coordinator_epoch = coordinator_epoch
            state.last_offset = last_offset
            self.states[producer] = state
            if open_from >= 0:
                self._open[producer] = open_from
        for entry in plain["aborted"]:
            producer, first, marker = entry
            assert isinstance(producer, int) and isinstance(first, int) and isinstance(marker, int)
            self.aborted.append(Aborted(producer, first, marker))


def _first_offset(entry: Aborted) -> int:
    return int(entry.first)
