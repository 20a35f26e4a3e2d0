"""One group's offsets beside a plain list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.order_group import NONE, TRIM_MIN, OrderGroup

ACTIONS = st.lists(
    st.tuples(st.sampled_from(["append", "take", "back", "strike"]), st.integers(0, 10)), max_size=60
)


@given(ACTIONS)
def test_the_smallest_offset_that_counts_is_the_head(actions: list[tuple[str, int]]) -> None:
    group = OrderGroup(b"k", 1)
    waiting: list[int] = []
    taken: list[int] = []
    end = 0
    for action, number in actions:
        if action == "append":
            end += number + 1
            group.append(end)
            waiting.append(end)
        elif action == "take" and waiting:
            assert int(group.head()) == min(waiting)
            group.pop()
            waiting.remove(min(waiting))
            taken.append(end)
        elif action == "back":
            offset = -1
            for offset in range(end):
                if offset not in waiting and offset > 0 and offset % 3 == number % 3:
                    break
            else:
                continue
            if group.struck is None or offset not in group.struck:
                group.returned.append(offset)
                group.returned.sort()
                waiting.append(offset)
        elif action == "strike" and waiting:
            offset = sorted(waiting)[number % len(waiting)]
            group.strike(offset)
            waiting.remove(offset)
        assert int(group.head()) == min(waiting, default=NONE)
        assert sorted(group.offsets()) == sorted(waiting)


def test_what_was_taken_leaves_memory() -> None:
    group = OrderGroup(b"k", 1)
    for offset in range(TRIM_MIN * 4):
        group.append(offset)
    for offset in range(TRIM_MIN * 4 - 1):
        assert int(group.head()) == offset
        group.pop()
        rest = group.rest
        assert rest is None or len(rest) <= max(2 * (TRIM_MIN * 4 - offset), 2 * TRIM_MIN)
    group.pop()
    assert (int(group.head()), group.rest, group.offsets()) == (NONE, None, [])
