"""Giving back space: dead segments go at once, mostly dead ones are rewritten, a crash at any point loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.storage.reclaim import LiveRanges, covered_offsets
from unit.storage.parts import Opened, batch, offsets_of


def filled(count: int = 40, carry_percent: int = 25) -> Opened:
    opened = Opened(segment_bytes=500, carry_percent=carry_percent).recover()
    opened.store.spill(1, 5, [batch(*range(start, start + 4)) for start in range(0, count, 4)])
    opened.run()
    return opened


def disk_bytes(opened: Opened) -> int:
    return sum(len(opened.files.content(f"/data/logs/5/{name}")) for name in opened.segment_files(5))


def reclaim(opened: Opened, *live: int) -> None:
    opened.store.reclaim(5, list(live))
    assert opened.run() == []


@pytest.mark.parametrize("covered", [False, True])
def test_dead_segments_give_their_space_back_at_once(covered: bool) -> None:
    opened = filled()
    if covered:
        opened.checkpoint()
    before = disk_bytes(opened)
    reclaim(opened, 32, 40)
    assert offsets_of(opened.load(5, 0).batches) == list(range(32, 40))
    assert disk_bytes(opened) == opened.store.log_bytes(5) < before / 2
    reclaim(opened)
    assert disk_bytes(opened) == opened.store.log_bytes(5) == 0
    assert opened.load(5, 0).next_offset == 40
    opened.checkpoint()
    assert opened.segment_files(5) == []


def test_emptied_files_are_not_taken_for_lost_ones() -> None:
    opened = filled()
    opened.checkpoint()
    outcomes: set[int] = set()
    for seed in range(30):
        # Emptying need not have reached the disk; either way the rest is as it was.
        reclaim(opened, 32, 40)
        opened = opened.crash(seed)
        held = offsets_of(opened.load(5, 0).batches)
        assert held[-8:] == list(range(32, 40))
        outcomes.add(len(held))
    assert len(outcomes) > 1
    reclaim(opened, 32, 40)
    opened.checkpoint()
    assert len(opened.segment_files(5)) == 1


@pytest.mark.parametrize("covered", [False, True])
def test_mostly_dead_segments_are_rewritten_at_their_offsets(covered: bool) -> None:
    opened = filled()
    if covered:
        opened.checkpoint()
    files = opened.segment_files(5)
    live = [1, 2, 9, 10, 21, 22, 33, 34]
    reclaim(opened, *live)
    wanted = [1, 9, 21]
    loaded = opened.load(5, 0)
    assert [offset for offset in offsets_of(loaded.batches) if offset < 30] == wanted
    assert {1, 9, 21, 33} <= set(offsets_of(loaded.batches))
    assert opened.store.log_bytes(5) < 500
    if covered:
        # The snapshot still needs the old files.
        assert set(files) <= set(opened.segment_files(5))
        assert offsets_of(opened.crash().load(5, 0).batches) == list(range(40))
        opened = filled()
        reclaim(opened, *live)
    opened.checkpoint()
    assert disk_bytes(opened) == opened.store.log_bytes(5)
    again = opened.crash()
    assert again.load(5, 0).batches == loaded.batches
    for offset in wanted:
        assert offsets_of(again.load(5, offset, 1).batches) == [offset] or offset == 33


def test_reclaiming_again_rewrites_nothing() -> None:
    opened = filled()
    reclaim(opened, 1, 2, 9, 10, 21, 22, 33, 40)
    files = opened.segment_files(5)
    for _ in range(3):
        reclaim(opened, 1, 2, 9, 10, 21, 22, 33, 40)
    assert opened.segment_files(5) == files


def test_the_share_that_must_live_is_a_setting() -> None:
    for percent, rewritten in ((25, False), (60, True)):
        opened = filled(carry_percent=percent)
        before = opened.store.log_bytes(5)
        reclaim(opened, *[offset for start in range(0, 40, 4) for offset in (start, start + 2)])
        assert (opened.store.log_bytes(5) < before) == rewritten


def test_small_segments_are_merged() -> None:
    opened = Opened(segment_bytes=20_000).recover()
    for turn in range(60):
        # One record of each 200 sticks.
        start = turn * 200
        opened.store.spill(1, 5, [batch(*range(start, start + 200), body=b"x" * 100)])
        opened.run()
        reclaim(opened, *[edge for stuck in range(turn + 1) for edge in (stuck * 200, stuck * 200 + 1)])
    assert len(opened.segment_files(5)) < 20
    held = [offset for offset in offsets_of(opened.load(5, 0).batches) if offset < 59 * 200]
    assert held == list(range(0, 59 * 200, 200))


def test_a_full_disk_leaves_mostly_dead_segments_as_they_are_and_empties_dead_ones() -> None:
    opened = filled()
    opened.checkpoint()
    opened.files.space_bytes = opened.files._used_bytes()
    before = opened.segment_files(5)
    reclaim(opened, 1, 2, 17, 18, 33, 40)
    assert opened.segment_files(5) == before
    assert offsets_of(opened.load(5, 0).batches) == list(range(40))
    reclaim(opened, 33, 40)
    assert offsets_of(opened.load(5, 0).batches) == list(range(32, 40))
    assert opened.files._used_bytes() < opened.files.space_bytes


def test_a_dropped_log_is_gone_with_its_directory() -> None:
    opened = filled()
    opened.checkpoint()
    opened.store.drop_log(5)
    opened.store.drop_log(77)
    opened.run()
    assert opened.store.log_bytes(5) == disk_bytes(opened) == 0
    assert opened.load(5, 0).batches == []
    opened.checkpoint()
    assert opened.files.list("/data/logs") == []


def test_logs_that_are_not_retained_go() -> None:
    opened = filled()
    opened.store.spill(1, 6, [batch(0)])
    opened.run()
    opened.checkpoint()
    again = opened.crash()
    again.store.retain_logs([6])
    again.run()
    assert again.store.log_bytes(5) == 0 < again.store.log_bytes(6)


def test_nothing_goes_before_the_settlements_are_durable() -> None:
    opened = filled()
    opened.checkpoint()
    opened.files.space_bytes = opened.files._used_bytes()
    opened.store.append(b"settled")
    opened.store.reclaim(5, [])
    opened.run()
    assert disk_bytes(opened) > 0
    opened.files.space_bytes = -1
    opened.run()
    assert disk_bytes(opened) == 0


def test_the_reader_lets_go_of_removed_files() -> None:
    opened = filled()
    opened.load(5, 0)
    handles = opened.files.open_handles()
    reclaim(opened)
    opened.load(5, 0)
    assert opened.files.open_handles() < handles


@given(st.lists(st.integers(1, 5), max_size=20), st.lists(st.integers(1, 7), min_size=1, max_size=20))
def test_live_ranges_against_a_set(gaps: list[int], steps: list[int]) -> None:
    pairs: list[int] = []
    at = 0
    for gap in gaps:
        at += gap
        pairs.append(at)
    if len(pairs) % 2:
        pairs.pop()
    alive = {offset for index in range(0, len(pairs), 2) for offset in range(pairs[index], pairs[index + 1])}
    ranges = LiveRanges(pairs)
    start = 0
    for step in steps:
        found = ranges.within(start, start + step)
        inside = [offset for i in range(0, len(found), 2) for offset in range(found[i], found[i + 1])]
        assert inside == sorted(alive & set(range(start, start + step)))
        assert covered_offsets(found) == len(inside)
        start += step
