"""Ready records: the order of what comes back among what never went, priorities, striking out, and taking out anywhere; against a model."""

from __future__ import annotations

import random

import pytest

from onemq.engine.ready_records import ReadyRecords


def drained(ready: ReadyRecords) -> list[int]:
    found = []
    while ready.find():
        found.append(int(ready.offset))
        ready.take()
    return found


def test_what_comes_back_has_its_place() -> None:
    ready = ReadyRecords(0)
    ready.add(3, 6, 0)
    for offset in (7, 1, 2):
        ready.come_back(offset, 0)
    assert (ready.count(), ready.front(0), ready.oldest()) == (6, 1, 1)
    assert drained(ready) == [1, 2, 3, 4, 5, 7]
    assert (ready.count(), ready.front(0), ready.oldest()) == (0, -1, -1)


def test_a_higher_priority_goes_first() -> None:
    ready = ReadyRecords(2)
    ready.add(0, 2, 0)
    ready.add(2, 3, 2)
    ready.come_back(1, 1)
    assert ready.oldest() == 0
    assert drained(ready) == [2, 1, 0, 1]


def test_what_was_struck_out_is_passed_over_and_may_come_back() -> None:
    ready = ReadyRecords(0)
    for offset in (1, 2, 3):
        ready.come_back(offset, 0)
    for offset in (1, 3):
        ready.strike(offset)
    assert (ready.count(), ready.ranges()) == (1, [2, 3])
    ready.strike(2)
    ready.come_back(2, 0)
    assert (ready.count(), ready.front(0)) == (1, 2)
    assert drained(ready) == [2]


def test_a_hole_goes_in_one_piece() -> None:
    ready = ReadyRecords(0)
    ready.add(0, 10, 0)
    ready.add(20, 30, 0)
    assert ready.find() and ready.take_to(25) == 10
    assert (ready.find(), int(ready.offset), ready.count()) == (True, 20, 10)


def test_the_log_s_beginning_takes_what_came_back_and_leaves_the_rest_in_order() -> None:
    ready = ReadyRecords(0)
    ready.add(10, 20, 0)
    # As a heap: without its first the list is none.
    for offset in (1, 5, 2, 6, 7, 3):
        ready.come_back(offset, 0)
    ready.drop_before(2)
    assert drained(ready) == [2, 3, 5, 6, 7, *range(10, 20)]


@pytest.mark.parametrize("seed", range(30))
def test_any_sequence_gives_what_a_sorted_list_gives(seed: int) -> None:
    draw = random.Random(seed)
    levels = draw.choice([1, 3])
    ready = ReadyRecords(levels - 1)
    model: dict[int, int] = {}
    out: dict[int, int] = {}
    came_back: dict[int, int] = {}
    end = 0
    for _ in range(300):
        step = draw.randrange(8)
        if step == 0:
            count, level = draw.randrange(1, 9), draw.randrange(levels)
            ready.add(end, end + count, level)
            model.update(dict.fromkeys(range(end, end + count), level))
            end += count + draw.randrange(2)
        elif step in (1, 2, 3) and model:
            assert ready.find()
            offset = int(ready.offset)
            top = max(model.values())
            assert (offset, ready.level) == (min(each for each in model if model[each] == top), top)
            ready.take()
            out[offset] = model.pop(offset)
            came_back.pop(offset, None)
        elif step == 4 and out:
            offset = draw.choice(sorted(out))
            model[offset] = came_back[offset] = out.pop(offset)
            ready.come_back(offset, model[offset])
        elif step == 5 and came_back:
            offset = draw.choice(sorted(came_back))
            assert ready.has_returned(offset, came_back.pop(offset))
            ready.strike(offset)
            # Out once more, by its old lease.
            out[offset] = model.pop(offset)
        elif step == 6 and draw.random() < 0.2:
            start = draw.randrange(end + 1)
            ready.drop_before(start)
            for known in (model, out, came_back):
                for offset in [offset for offset in known if offset < start]:
                    del known[offset]
        elif step == 7:
            fresh = [offset for offset in model if offset not in came_back]
            gone = draw.sample(fresh, min(2, len(fresh)))
            for offset in gone:
                assert ready.take_ranges([offset, offset + 1]) == 1
                del model[offset]
        assert ready.count() == len(model)
        assert ready.oldest() == min(model, default=-1)
        covered = ready.ranges() if draw.random() < 0.3 else None
        if covered is not None:
            pairs = zip(covered[::2], covered[1::2], strict=True)
            assert [offset for start, stop in pairs for offset in range(start, stop)] == sorted(model)
    expected = sorted(model, key=lambda offset: (-model[offset], offset))
    assert drained(ready) == expected
