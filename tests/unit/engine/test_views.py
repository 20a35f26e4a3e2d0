"""What views compute of themselves."""

from __future__ import annotations

from onemq.engine.groups.subscription import assigned_partitions
from onemq.engine.views import GroupView, LagView


def test_the_lag_of_a_group_is_that_of_all_partitions() -> None:
    view = GroupView("/", "g", "classic", "Empty")
    assert view.lag() == 0
    view.lags = [LagView("t", 0, 1, 3, 2), LagView("t", 1, -1, 5, -1), LagView("u", 0, 0, 4, 4)]
    assert view.lag() == 6


def test_an_assignment_is_read_or_is_none() -> None:
    topics = b"\0\1t\0\0\0\2\0\0\0\0\0\0\0\3"
    assignment = b"\0\0\0\0\0\1" + topics + b"\0\0\0\0"
    assert assigned_partitions(assignment) == {"t": [0, 3]}
    for length in range(len(assignment) - 4):
        assert assigned_partitions(assignment[:length]) in ({}, {"t": [0, 3]})
    assert assigned_partitions(b"") == assigned_partitions(b"\xff\xff\0\0\0\1" + topics) == {}
