"""Ranges of offsets against plain sets."""

from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.offsets import (
    OffsetQueue,
    clipped,
    coalesced,
    contains,
    from_offsets,
    intersected,
    subtracted,
    total,
)

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), max_size=12)


def flat(spans: list[tuple[int, int]]) -> list[int]:
    out: list[int] = []
    for start, size in spans:
        out.extend((start, start + size))
    return out


def members(pairs: list[int]) -> set[int]:
    found: set[int] = set()
    for at in range(0, len(pairs), 2):
        found.update(range(pairs[at], pairs[at + 1]))
    return found


def is_canonical(pairs: list[int]) -> bool:
    """Ascending, not empty, not even touching."""
    return all(pairs[at] < pairs[at + 1] for at in range(len(pairs) - 1))


@given(SPANS)
def test_coalesced(spans: list[tuple[int, int]]) -> None:
    pairs = coalesced(flat(spans))
    assert members(pairs) == members(flat(spans))
    assert is_canonical(pairs)


@given(st.lists(st.integers(0, 60)))
def test_from_offsets(offsets: list[int]) -> None:
    pairs = from_offsets(offsets)
    assert members(pairs) == set(offsets)
    assert is_canonical(pairs)
    assert total(pairs) == len(set(offsets))


@given(SPANS, SPANS)
def test_subtracted_and_intersected(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    pairs = coalesced(flat(first))
    others = coalesced(flat(second))
    assert members(subtracted(pairs, others)) == members(pairs) - members(others)
    assert is_canonical(subtracted(pairs, others))
    assert members(intersected(pairs, others)) == members(pairs) & members(others)
    assert is_canonical(intersected(pairs, others))


@given(SPANS, st.integers(0, 70), st.integers(0, 70))
def test_clipped(spans: list[tuple[int, int]], start: int, end: int) -> None:
    pairs = coalesced(flat(spans))
    assert clipped(pairs, start, end) == intersected(pairs, [start, end] if start < end else [])


@given(SPANS, st.integers(-1, 80))
def test_contains(spans: list[tuple[int, int]], offset: int) -> None:
    pairs = coalesced(flat(spans))
    assert contains(pairs, offset) == (offset in members(pairs))


@given(st.lists(st.one_of(st.tuples(st.integers(0, 3), st.integers(0, 5)), st.none()), max_size=60))
def test_offset_queue(steps: list[tuple[int, int] | None]) -> None:
    """Each step appends a range behind a gap, or pops."""
    queue = OffsetQueue()
    model: list[int] = []
    end = 0
    for step in steps:
        if step is None:
            if model:
                assert queue.front == model[0]
                assert queue.pop() == model.pop(0)
        else:
            gap, size = step
            queue.append(end + gap, end + gap + size)
            model.extend(range(end + gap, end + gap + size))
            end += gap + size
        assert queue.count == len(model)
        assert members(queue.ranges()) == set(model)
    queue.clear()
    assert queue.count == 0
    assert queue.ranges() == []


def test_offset_queue_of_many_ranges() -> None:
    """Popping many single ranges drops them from memory on the way."""
    queue = OffsetQueue()
    for offset in range(0, 40_000, 2):
        queue.append(offset, offset + 1)
    assert [queue.pop() for _ in range(15_000)] == list(range(0, 30_000, 2))
    assert queue.ranges()[:4] == [30_000, 30_001, 30_002, 30_003]
    assert len(queue._rest) < 30_000


def test_ten_million_in_a_row_are_two_numbers() -> None:
    queue = OffsetQueue()
    for start in range(0, 10_000_000, 1_000_000):
        queue.append(start, start + 1_000_000)
    assert queue.ranges() == [0, 10_000_000]
