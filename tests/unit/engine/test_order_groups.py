"""Whose head is next: the rules on offsets alone. Queues that use them are tried in test_group_machine.py."""

from __future__ import annotations

import pytest

from onemq.engine.order_groups import OrderGroups


def groups_of(strict: bool, keys: str) -> OrderGroups:
    """Offsets 0, 1, ... of groups with these letters as keys."""
    groups = OrderGroups(strict)
    for offset, key in enumerate(keys):
        groups.arrive(key.encode(), offset)
    return groups


def lend(groups: OrderGroups, count: int = 1) -> list[int]:
    found: list[int] = []
    for _ in range(count):
        group = groups.next()
        if group is None:
            break
        offset = int(group.head())
        groups.take(group)
        groups.lend(group.key, offset)
        found.append(offset)
    return found


def test_strict_one_of_each_group_until_it_ends() -> None:
    groups = groups_of(True, "aabab")
    assert lend(groups, 9) == [0, 2]
    groups.end(0)
    assert lend(groups, 9) == [1]
    groups.end(1)
    groups.give_back(b"a", 1)
    assert lend(groups, 9) == [1]


def test_strict_together_a_group_gives_several() -> None:
    groups = groups_of(True, "abab")
    groups.begin_together()
    assert lend(groups, 3) == [0, 2, 1]
    groups.end_together()
    assert lend(groups) == []


def test_strict_what_is_put_off_keeps_its_place() -> None:
    groups = groups_of(True, "a")
    groups.arrive_later(b"a", 1)
    groups.arrive(b"a", 2)
    assert lend(groups) == [0]
    groups.end(0)
    assert lend(groups) == []
    assert sorted(groups.waiting()) == [2]
    assert groups.due(1)
    groups.begin_together()
    assert lend(groups, 2) == [1, 2]


def test_fair_fewest_out_then_oldest() -> None:
    groups = groups_of(False, "aaabbc")
    assert lend(groups, 9) == [0, 3, 5, 1, 4, 2]
    groups = groups_of(False, "aaabb")
    assert lend(groups, 2) == [0, 3]
    groups.end(3)
    assert lend(groups, 3) == [4, 1, 2]


def test_the_oldest_does_not_mind_who_is_out() -> None:
    groups = groups_of(True, "aab")
    lend(groups)
    oldest = groups.oldest()
    assert oldest is not None and int(oldest.head()) == 1
    groups.take(oldest)
    oldest = groups.oldest()
    assert oldest is not None and int(oldest.head()) == 2


@pytest.mark.parametrize("strict", [False, True])
def test_nothing_is_left_of_groups_that_are_done(strict: bool) -> None:
    groups = groups_of(strict, "abcab")
    while True:
        found = lend(groups, 9)
        if not found:
            break
        for offset in found:
            groups.end(offset)
    assert (groups.by_key, groups.lent, groups.oldest(), groups.waiting()) == ({}, {}, None, [])


def test_what_came_back_by_the_clock_can_be_struck_out() -> None:
    groups = groups_of(True, "ab")
    lend(groups, 2)
    assert groups.due(0) and not groups.due(7)
    assert groups.strike(0) and not groups.strike(0) and not groups.strike(1)
    assert list(groups.by_key) == [b"b"]
    assert groups.next() is None
