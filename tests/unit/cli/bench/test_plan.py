"""The pace of a load, and its bodies."""

from __future__ import annotations

from onemq.cli.bench.plan import KEPT_BYTES_MAX, MESSAGES_MAX, Pace, body, messages_default, stamp_of

SECOND = 1_000_000_000


def test_without_a_rate_only_the_number_bounds() -> None:
    pace = Pace(0.0, 3, 0)
    assert pace.ready(10, 5) == 3 and pace.wait_seconds(5, 1.0) == 0.0
    assert [pace.take(now) for now in (5, 6, 7)] == [5, 6, 7]
    assert pace.done() and pace.ready(10, 8) == 0


def test_a_rate_is_a_timetable() -> None:
    pace = Pace(10.0, 1000, SECOND)
    assert pace.ready(10, SECOND) == 1
    assert pace.take(SECOND) == SECOND
    assert pace.ready(10, SECOND) == 0
    assert pace.wait_seconds(SECOND, 1.0) == 0.1 and pace.wait_seconds(SECOND, 0.05) == 0.05
    assert pace.ready(10, SECOND + SECOND // 10) == 1


def test_who_comes_late_counts_from_when_it_was_due() -> None:
    pace = Pace(10.0, 1000, 0)
    late = 2 * SECOND
    assert pace.ready(100, late) == 21
    assert [pace.take(late) for _ in range(3)] == [0, SECOND // 10, SECOND // 5]
    assert pace.ready(100, late) == 18 and pace.wait_seconds(late, 1.0) == 0.0


def test_bodies_carry_their_time() -> None:
    for size in (20, 100):
        data = body(123_456_789, size)
        assert len(data) == size and stamp_of(data) == 123_456_789
    assert stamp_of(b"") == 0 and stamp_of(b"somebody else's message") == 0


def test_what_nobody_takes_is_bounded_in_bytes() -> None:
    assert messages_default(100, 1) == messages_default(20, 0) == MESSAGES_MAX
    assert messages_default(1_000_000, 0) * 1_000_000 <= KEPT_BYTES_MAX
