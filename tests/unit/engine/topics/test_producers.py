"""Sequences, epochs and transactions of producers: tables of the rules, and any history against a small model."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemq.engine.topics.producers import NO_DUPLICATE, REMEMBERED_BATCHES, Producers
from onemq.model.control_batch import control_batch
from onemq.model.record_batch import placed_batch
from onemq.model.refusal import Reason, Refusal
from transaction_driver import batch

NOW = 1_000_000
LAST_SEQUENCE = 2147483647


def made(
    sequence: int, count: int = 1, *, epoch: int = 0, transactional: bool = False, producer: int = 7
) -> bytes:
    return batch(
        [b"v"] * count, NOW, producer=producer, epoch=epoch, sequence=sequence, transactional=transactional
    )


class Bench:
    """Appends as a partition does."""

    def __init__(self) -> None:
        self.producers = Producers()
        self.next_offset = 0

    def append(self, data: bytes, count: int = 1) -> int:
        """The base offset; of the first time when it is a repeat."""
        known = int(self.producers.check(data))
        if known != NO_DUPLICATE:
            return known
        base = self.next_offset
        self.producers.applied(placed_batch(data, base), base, NOW)
        self.next_offset += count
        return base

    def end(self, commit: bool, *, epoch: int = 0, producer: int = 7) -> int:
        self.producers.check_marker(producer, epoch)
        marker = self.next_offset
        self.producers.applied(control_batch(marker, NOW, producer, epoch, commit, 0), marker, NOW)
        self.next_offset += 1
        return marker

    def refused(self, data: bytes) -> Reason:
        with pytest.raises(Refusal) as caught:
            self.producers.check(data)
        return caught.value.reason


@pytest.mark.parametrize("first", [0, 7, LAST_SEQUENCE])
def test_an_unknown_producer_may_begin_anywhere(first: int) -> None:
    bench = Bench()
    assert bench.append(made(first)) == 0
    assert bench.append(made((first + 1) & LAST_SEQUENCE)) == 1


def test_the_last_batches_are_known_again_and_older_ones_are_not() -> None:
    bench = Bench()
    for number in range(REMEMBERED_BATCHES + 1):
        assert bench.append(made(2 * number, 2), 2) == 2 * number
    for number in range(1, REMEMBERED_BATCHES + 1):
        assert bench.append(made(2 * number, 2), 2) == 2 * number
    assert bench.refused(made(0, 2)) is Reason.OUT_OF_SEQUENCE
    assert bench.next_offset == 2 * REMEMBERED_BATCHES + 2


@pytest.mark.parametrize("sequence, count", [(4, 1), (0, 2), (1, 3), (2, 2), (9, 1)])
def test_gaps_and_overlaps_are_refused(sequence: int, count: int) -> None:
    bench = Bench()
    bench.append(made(0, 3), 3)
    assert bench.refused(made(sequence, count)) is Reason.OUT_OF_SEQUENCE


def test_sequences_go_round() -> None:
    bench = Bench()
    bench.append(made(LAST_SEQUENCE - 1, 3), 3)
    assert bench.append(made(1)) == 3
    assert bench.append(made(LAST_SEQUENCE - 1, 3), 3) == 0


def test_epochs() -> None:
    bench = Bench()
    bench.append(made(0, epoch=3))
    assert bench.refused(made(1, epoch=2)) is Reason.PRODUCER_EPOCH_STALE
    assert bench.refused(made(1, epoch=4)) is Reason.OUT_OF_SEQUENCE
    assert bench.append(made(0, epoch=4)) == 1
    assert bench.refused(made(1, epoch=3)) is Reason.PRODUCER_EPOCH_STALE
    with pytest.raises(Refusal):
        bench.producers.check_marker(7, 3)


def test_an_open_transaction_holds_the_stable_end_until_its_marker_can_be_seen() -> None:
    bench = Bench()
    bench.append(made(0, producer=1))
    bench.append(made(0, transactional=True))
    marker = bench.end(True)
    assert not bench.producers.aborted
    for visible_end in (2, marker):
        assert bench.producers.first_unstable(visible_end) == 1
    # Asking changes nothing: a snapshot asks about what nobody can see yet.
    assert bench.producers.first_unstable(marker + 1) == marker + 1
    assert bench.producers.first_unstable(marker) == 1
    bench.producers.saw(marker + 1)
    assert not bench.producers.has_open()


def test_what_is_not_transactional_may_not_come_into_an_open_transaction() -> None:
    bench = Bench()
    bench.append(made(0, transactional=True))
    assert bench.refused(made(1)) is Reason.TRANSACTION_STATE
    assert bench.refused(made(0, epoch=1)) is Reason.TRANSACTION_STATE


def test_aborted_transactions_are_named_where_they_have_records() -> None:
    bench = Bench()
    first = bench.append(made(0, 2, transactional=True), 2)
    other = bench.append(made(0, producer=8, transactional=True))
    marker = bench.end(False)
    bench.end(True, producer=8)
    found = bench.producers.aborted_in(0, 1)
    assert [(entry.producer_id, entry.first, entry.marker) for entry in found] == [(7, first, marker)]
    assert bench.producers.aborted_in(marker, marker + 1)
    assert not bench.producers.aborted_in(marker + 1, marker + 9)
    assert not bench.producers.aborted_in(0, 0)
    assert bench.producers.is_aborted(placed_batch(made(0, 2, transactional=True), first))
    assert not bench.producers.is_aborted(placed_batch(made(0, transactional=True, producer=8), other))
    again = bench.append(made(2, transactional=True))
    assert not bench.producers.is_aborted(placed_batch(made(2, transactional=True), again))
    bench.producers.forget_before(marker + 1, 0)
    assert not bench.producers.aborted


def test_idle_producers_are_forgotten_but_not_with_an_open_transaction() -> None:
    bench = Bench()
    bench.append(made(0))
    bench.append(made(0, producer=8, transactional=True))
    bench.producers.forget_before(0, NOW + 1)
    assert list(bench.producers.states) == [8]


# Any history.


@dataclass
class Known:
    epoch: int
    sent: list[tuple[int, int, int]] = field(default_factory=list)
    open_from: int = -1


@dataclass
class Model:
    """What the rules say, with lists. `aborted`: (producer, first, marker)."""

    known: dict[int, Known] = field(default_factory=dict)
    aborted: list[tuple[int, int, int]] = field(default_factory=list)
    end: int = 0

    def append(
        self, producer: int, epoch: int, sequence: int, count: int, transactional: bool
    ) -> int | Reason:
        known = self.known.get(producer)
        if known is not None:
            if epoch < known.epoch:
                return Reason.PRODUCER_EPOCH_STALE
            if known.open_from >= 0 and not transactional:
                return Reason.TRANSACTION_STATE
            if epoch > known.epoch:
                if sequence:
                    return Reason.OUT_OF_SEQUENCE
            else:
                for first, size, base in known.sent[-5:]:
                    if (first, size) == (sequence, count):
                        return base
                expected = known.sent[-1][0] + known.sent[-1][1] if known.sent else 0
                if sequence != expected:
                    return Reason.OUT_OF_SEQUENCE
        if known is None or epoch > known.epoch:
            known = Known(epoch, [], known.open_from if known else -1)
            self.known[producer] = known
        known.sent.append((sequence, count, self.end))
        if transactional and known.open_from < 0:
            known.open_from = self.end
        self.end += count
        return self.end - count

    def finish(self, producer: int, epoch: int, commit: bool) -> int | Reason:
        known = self.known.setdefault(producer, Known(epoch))
        if epoch < known.epoch:
            return Reason.PRODUCER_EPOCH_STALE
        if epoch > known.epoch:
            known.epoch = epoch
            known.sent = []
        if known.open_from >= 0 and not commit:
            self.aborted.append((producer, known.open_from, self.end))
        known.open_from = -1
        self.end += 1
        return self.end - 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "append", "commit", "abort", "restart"]),
        st.integers(1, 2),
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([0, 0, 0, -1, 1, -3, -99]),
        st.integers(1, 2),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_any_history(steps: list[tuple[str, int, int, int, int, bool]]) -> None:
    bench = Bench()
    model = Model()
    for what, producer, epoch, off, count, transactional in steps:
        if what == "restart":
            plain = bench.producers.to_plain()
            bench.producers.saw(bench.next_offset)
            bench.producers = Producers()
            bench.producers.restore(plain)  # type: ignore[arg-type]
            continue
        if what == "append":
            known = model.known.get(producer)
            sent = known.sent if known is not None and known.epoch == epoch else []
            sequence = max((sent[-1][0] + sent[-1][1] if sent else 0) + off, 0)
            data = made(sequence, count, epoch=epoch, transactional=transactional, producer=producer)
            expected = model.append(producer, epoch, sequence, count, transactional)
            found = _outcome(lambda data=data, count=count: bench.append(data, count))
        else:
            expected = model.finish(producer, epoch, what == "commit")
            found = _outcome(
                lambda w=what, p=producer, e=epoch: bench.end(w == "commit", epoch=e, producer=p)
            )
        assert found == expected
        bench.producers.saw(bench.next_offset)
        opened = [entry.open_from for entry in model.known.values() if entry.open_from >= 0]
        assert bench.producers.first_unstable(bench.next_offset) == min([model.end, *opened])
        assert [(e.producer_id, e.first, e.marker) for e in bench.producers.aborted] == model.aborted


def _outcome(action) -> int | Reason:  # type: ignore[no-untyped-def]
    try:
        return int(action())
    except Refusal as refusal:
        return refusal.reason
