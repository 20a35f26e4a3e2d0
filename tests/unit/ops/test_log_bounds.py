"""How many lines alike are written: windows, hosts, counts. Over invented times."""

from __future__ import annotations

from onemq.ops.log_bounds import REASONS_MAX, LogBounds


def told(bounds: LogBounds, now: float, everything: bool = False) -> list[tuple[str, int, str]]:
    return [(each.reason, each.count, each.host) for each in bounds.take_left_out(now, everything)]


def test_lines_about_one_host_are_counted_beyond_the_bound() -> None:
    bounds = LogBounds(alike_max=2, lines_max=100, seconds=10.0)
    admitted = [bounds.admit("refused", "10.0.0.5", now / 100) for now in range(500)]
    assert admitted.count(True) == 2 and admitted[:2] == [True, True]
    assert told(bounds, 9.9) == []
    assert told(bounds, 10.0) == [("refused", 498, "10.0.0.5")]
    assert told(bounds, 10.0) == []
    assert bounds.admit("refused", "10.0.0.5", 10.1)


def test_one_host_hides_neither_others_nor_other_reasons() -> None:
    bounds = LogBounds(alike_max=1, lines_max=100, seconds=10.0)
    assert bounds.admit("refused", "a", 0.0) and not bounds.admit("refused", "a", 0.0)
    assert bounds.admit("refused", "b", 0.0)
    assert bounds.admit("slow", "a", 0.0)


def test_all_hosts_together_are_bounded() -> None:
    bounds = LogBounds(alike_max=5, lines_max=3, seconds=10.0)
    assert [bounds.admit("refused", f"host{number}", 0.0) for number in range(10)].count(True) == 3
    assert not bounds.admit("refused", "host0", 0.0)
    assert told(bounds, 5.0, everything=True) == [("refused", 8, "host0")]


def test_a_window_that_is_over_is_told_even_when_nobody_asked_in_time() -> None:
    bounds = LogBounds(alike_max=1, lines_max=3, seconds=10.0)
    for now in (0.0, 1.0, 20.0, 21.0, 21.5):
        bounds.admit("refused", "a", now)
    assert told(bounds, 22.0) == [("refused", 1, "a")]
    assert told(bounds, 40.0) == [("refused", 2, "a")]


def test_reasons_without_end_take_no_memory() -> None:
    bounds = LogBounds(alike_max=1, lines_max=1, seconds=10.0)
    for number in range(REASONS_MAX + 10):
        bounds.admit(f"reason {number}", "", 0.0)
    assert bounds.admit("another", "", 0.0) and bounds.admit("another", "", 0.0)
    assert told(bounds, 100.0) == []
    assert bounds.admit("another", "", 100.0) and not bounds.admit("another", "", 100.0)
