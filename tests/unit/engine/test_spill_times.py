"""Times of what was spilled: never later than true, bounded in number, spread evenly."""

from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.spill_times import PLACES_MAX, SpillTimes


def test_the_last_place_before_an_offset_tells() -> None:
    times = SpillTimes()
    assert times.before(5, 77) == 77
    times.note(10, 1000)
    times.note(20, 2000)
    assert [times.before(offset, 77) for offset in (9, 10, 19, 20, 99)] == [77, 1000, 1000, 2000, 2000]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10_000)), min_size=1, max_size=400))
def test_however_many_there_were(steps: list[tuple[int, int]]) -> None:
    times = SpillTimes()
    offset, now = 0, 1000
    noted: list[tuple[int, int]] = []
    for offset_step, time_step in steps:
        offset += offset_step
        now += time_step
        times.note(offset, now)
        noted.append((offset, now))
        assert len(times._times) <= 2 * PLACES_MAX
    for place, at_ms in noted:
        assert times.before(place, 0) <= at_ms
    assert times.before(noted[0][0], 0) == noted[0][1]


def test_a_long_time_is_still_told_apart() -> None:
    times = SpillTimes()
    for place in range(10_000):
        times.note(place, place * 100)
    for place in range(0, 10_000, 500):
        assert place * 100 - times.before(place, 0) <= 1_000_000 // 10
