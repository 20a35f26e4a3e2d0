"""When records came, to within two marks' time; whatever producers say and however many marks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.arrivals import MARKS_MAX, STEP_MIN_MS, Arrivals, step_ms


def test_without_marks_what_is_said_counts() -> None:
    assert Arrivals().came_at(7, 123) == 123


def test_a_time_that_the_marks_show_wrong_is_not_believed() -> None:
    arrivals = Arrivals()
    arrivals.note(10, 1000, 1100)
    arrivals.note(20, 5000, 5100)
    # Of long ago: the latest that it can have come at.
    assert arrivals.came_at(12, 3) == 1100 and arrivals.came_at(20, 3) == 5100
    # As exact as the producer where it may be right.
    assert arrivals.came_at(12, 1050) == 1050 and arrivals.came_at(12, 950) == 950
    # Of the future: the latest as well. Before the first mark what is said counts, but no later than that.
    assert arrivals.came_at(19, 9999) == 1100 and arrivals.came_at(25, 9999) == 5100
    assert arrivals.came_at(3, 500) == 500 and arrivals.came_at(3, 2000) == 1000


def test_a_mark_is_due_when_the_last_one_is_over() -> None:
    arrivals = Arrivals()
    assert arrivals.is_due(0)
    arrivals.note(0, 1000, 1100)
    assert not arrivals.is_due(1000) and not arrivals.is_due(1100)
    assert arrivals.is_due(1101) and arrivals.is_due(999)
    assert step_ms(256_000) == 1000 and step_ms(1) == STEP_MIN_MS and step_ms(-1) == 3_600_000


def test_an_offset_that_was_not_used_after_all_is_noted_anew() -> None:
    arrivals = Arrivals()
    arrivals.note(10, 1000, 1100)
    arrivals.note(10, 2000, 2100)
    assert arrivals.marks == [10, 2000, 2100]
    arrivals.clear()
    assert arrivals.came_at(10, 5) == 5


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3)), max_size=200), st.integers(0, 1 << 40))
def test_what_came_is_known_to_within_two_marks_time(turns: list[tuple[int, int]], said: int) -> None:
    """Turns of some milliseconds each, in which some records come that say anything."""
    arrivals = Arrivals()
    came: list[int] = []
    now = 1000
    for wait, count in turns:
        now += wait
        if count and arrivals.is_due(now):
            arrivals.note(len(came), now, now + 100)
        came += [now] * count
    for offset, at in enumerate(came):
        assert at - 200 <= arrivals.came_at(offset, said) <= at + 100
        assert arrivals.came_at(offset, at) == at, "a time that is right counts"


def test_very_many_marks_become_fewer_that_say_the_same_less_precisely() -> None:
    arrivals = Arrivals()
    count = 10 * MARKS_MAX
    for number in range(count):
        arrivals.note(number, 100 * number, 100 * number + 99)
        assert len(arrivals.marks) <= 3 * MARKS_MAX
    for number in range(count):
        assert arrivals.came_at(number, -1 << 40) >= 100 * number
    # The latest are as precise as they were.
    assert arrivals.came_at(count - 1, -1 << 40) <= 100 * count + 200
