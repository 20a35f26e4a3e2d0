"""Spilling: which files come to be, what a full disk and a second spill of the same offsets do."""

from __future__ import annotations

import pytest

from onemq.engine.ports import Failed, Resumed, Spilled, Stalled
from unit.storage.parts import Opened, batch, offsets_of


def spill(opened: Opened, *batches: bytes, log_id: int = 5) -> None:
    opened.store.spill(1, log_id, list(batches))
    (done,) = opened.run()
    assert isinstance(done, Spilled) and done.ticket == 1


def test_segments_are_closed_at_their_size() -> None:
    opened = Opened(segment_bytes=250).recover()
    spill(opened, *[batch(offset) for offset in range(10)])
    sizes = [len(opened.files.content(f"/data/logs/5/{name}")) for name in opened.segment_files(5)]
    assert len(sizes) > 3 and max(sizes) <= 250
    assert opened.store.log_bytes(5) == sum(sizes)


def test_a_batch_larger_than_a_segment_has_one_of_its_own() -> None:
    opened = Opened(segment_bytes=100).recover()
    spill(opened, batch(0, body=b"x" * 500), batch(1), batch(2, body=b"y" * 500))
    assert len(opened.segment_files(5)) == 3
    assert offsets_of(opened.load(5, 0).batches) == [0, 1, 2]


def test_a_full_file_is_on_its_way_to_the_disk_before_the_checkpoint() -> None:
    opened = Opened(segment_bytes=250).recover()
    spill(opened, *[batch(offset) for offset in range(10)])
    full = len(opened.segment_files(5)) - 1
    assert full > 2 and opened.files.begun_syncs == [0] * full
    opened.checkpoint()
    spill(opened, batch(10), batch(11), batch(12))
    # What the checkpoint has synced, the first batch of the last file, need not be written again.
    assert opened.files.begun_syncs == [0] * full + [len(batch(9))]
    assert offsets_of(opened.crash().load(5, 0).batches) == list(range(10))


def test_an_empty_spill_is_answered() -> None:
    spill(Opened().recover())


def test_many_logs_with_few_open_files() -> None:
    opened = Opened(open_files_max=2).recover()
    for turn in range(3):
        for log_id in range(20):
            spill(opened, batch(turn), log_id=log_id)
    assert opened.files.open_handles() < 10
    opened.checkpoint()
    again = opened.crash()
    for log_id in range(20):
        assert offsets_of(again.load(log_id, 0).batches) == [0, 1, 2]


@pytest.mark.parametrize("room", range(0, 700, 37))
def test_a_full_disk_stalls_the_spill_and_nothing_is_there_twice(room: int) -> None:
    opened = Opened(segment_bytes=250).recover()
    spill(opened, batch(0))
    opened.files.space_bytes = opened.files._used_bytes() + room
    opened.store.spill(2, 5, [batch(offset) for offset in range(1, 11)])
    (stalled,) = opened.run()
    assert isinstance(stalled, Stalled) and "segments" in stalled.detail
    opened.files.space_bytes = -1
    assert {type(item) for item in opened.run()} == {Resumed, Spilled}
    assert offsets_of(opened.load(5, 0).batches) == list(range(11))


def test_two_stalled_workers_are_one_stall() -> None:
    opened = Opened().recover()
    opened.files.space_bytes = opened.files._used_bytes()
    opened.store.append(b"x")
    opened.store.spill(1, 5, [batch(0)])
    assert [type(item) for item in opened.run()] == [Stalled]
    opened.files.space_bytes = -1
    names = [type(item).__name__ for item in opened.run()]
    assert sorted(names) == ["Durable", "Resumed", "Spilled"]


def test_offsets_that_descend_are_a_bug() -> None:
    for second in (0, 3):
        opened = Opened().recover()
        spill(opened, batch(3, 4))
        opened.store.spill(1, 5, [batch(second)])
        (failed,) = opened.run()
        assert isinstance(failed, Failed) and "spilled after 4" in failed.detail
    opened = Opened().recover()
    opened.store.spill(1, 5, [batch(3, 4), batch(4)])
    (failed,) = opened.run()
    assert isinstance(failed, Failed)


@pytest.mark.parametrize("segment_bytes", [100, 400, 10_000])
@pytest.mark.parametrize("base", range(1, 18))
def test_after_a_crash_the_newer_spill_counts(base: int, segment_bytes: int) -> None:
    """A checkpoint covered more than its snapshot knows; the engine replays that and spills it again."""
    opened = Opened(segment_bytes=segment_bytes).recover()
    old = [batch(*range(start, start + 3), body=b"old") for start in range(0, 18, 3)]
    spill(opened, *old)
    opened.checkpoint()
    again = opened.crash()
    again.settings = opened.settings
    spill(again, batch(base, base + 1, body=b"new"), batch(base + 5, body=b"new"))

    def check(store: Opened) -> None:
        bodies = b"".join(store.load(5, 0).batches)
        assert offsets_of(store.load(5, 0).batches) == [*range(base), base, base + 1, base + 5]
        assert bodies.count(b"new") == 3 and bodies.count(b"old") == base
        for offset in range(base):
            assert offset in offsets_of(store.load(5, offset, 1).batches)

    check(again)
    for seed in range(3):
        # Not covered by a checkpoint: what was there before is there again.
        lost = again.crash(seed)
        assert offsets_of(lost.load(5, 0).batches) == list(range(18))
        assert b"".join(lost.load(5, 0).batches) == b"".join(old)
        again = lost
    spill(again, batch(base, base + 1, body=b"new"), batch(base + 5, body=b"new"))
    again.checkpoint()
    check(again)
    check(again.crash())
