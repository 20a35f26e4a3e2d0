"""States of records as they are after a restart: from a snapshot, and from the facts behind one."""

from __future__ import annotations

from onemq.engine.record_states import RecordStates
from unit.engine.log_bench import Bench


def states() -> RecordStates:
    bench = Bench()
    return RecordStates(bench.core, bench.log, 1)


def restored(
    levels: list[list[int]],
    leased: list[int] | None = None,
    returns: list[int] | None = None,
    delayed: list[int] | None = None,
    timed: list[int] | None = None,
) -> RecordStates:
    found = states()
    found.restore(levels, leased or [], returns or [], delayed or [], 100, timed or [], [])
    return found


def test_what_a_snapshot_says_is_so_again() -> None:
    first = restored([[0, 5], [7, 9]], returns=[1, 3, 2], delayed=[2_000_000_000_000, 3, 0, 10])
    first.finish_recovery()
    assert first.ready.by_level() == [[0, 3, 4, 5], [7, 9]]
    assert (first.ready_count, first.attempts(1), first.failures(1)) == (6, 3, 2)
    assert (first.unsettled_bytes, first.ready_bytes(), first.unsettled_ranges()) == (100, 90, [0, 5, 7, 9])
    state = first.state([])
    again = restored(state["levels"], state["leased"], state["returns"], state["delayed"])  # type: ignore[arg-type]
    again.finish_recovery()
    assert again.state([]) == state


def test_what_was_out_is_ready_and_counts_as_failed_once() -> None:
    found = restored([[0, 4]], leased=[0, 1])
    # 1 came back in time, 2 was given out after the snapshot, 3 came back and went out again.
    found.replay_returned(1, 1, 0)
    found.replay_leased([2, 4])
    found.replay_returned(3, 1, 1)
    found.replay_leased([3, 4])
    found.finish_recovery()
    assert [(found.attempts(offset), found.failures(offset)) for offset in range(4)] == [
        (1, 1),
        (1, 0),
        (1, 1),
        (2, 2),
    ]
    assert (found.ready_count, found.unacked_count()) == (4, 0)


def test_what_was_settled_is_nowhere() -> None:
    found = restored([[0, 4]], returns=[2, 1, 1], delayed=[2_000_000_000_000, 3, 0, 10])
    found.replay_settled([2, 4], 30)
    found.finish_recovery()
    assert (found.ready_ranges(), found.delayed, found.delayed_bytes, found.returns) == ([0, 2], [], 0, {})
    assert (found.unsettled_bytes, found.durable_bytes) == (70, 70)


def test_when_nothing_is_left_no_bytes_are() -> None:
    found = restored([[0, 4]])
    found.replay_settled([0, 4], 90)
    found.finish_recovery()
    assert (found.ready_count, found.unsettled_bytes, found.durable_bytes, found.oldest_ready()) == (
        0,
        0,
        0,
        -1,
    )


def test_what_is_out_until_a_time_still_is() -> None:
    found = restored([[0, 4]])
    found.replay_timed([1, 2_000_000_000_000, 5, 2, 2, 10, 0])
    found.replay_timed([2, 2_000_000_000_000, 5, 1, 1, 10, 0])
    # Somebody else was given it after its time.
    found.replay_leased([2, 3])
    found.finish_recovery()
    assert (list(found.timed.out), found.ready_ranges(), found.attempts(1)) == ([1], [0, 1, 2, 4], 2)
    assert (found.attempts(2), found.unacked_bytes(), found.ready_bytes()) == (2, 10, 90)
