"""Loading spilled batches and looking for times."""

from __future__ import annotations

import pytest

from onemq.engine.ports import Failed, Found, Loaded
from onemq.storage.read_ahead import Chunk
from onemq.storage.settings import StoreSettings
from unit.storage.parts import DIRECTORY, Opened, batch, offsets_of


def spilled(
    batches: list[bytes], *, segment_bytes: int = 10_000, index_bytes: int = 1000, open_files_max: int = 100
) -> Opened:
    opened = Opened(
        segment_bytes=segment_bytes, index_bytes=index_bytes, open_files_max=open_files_max
    ).recover()
    for data in batches:
        opened.store.spill(1, 5, [data])
    opened.run()
    return opened


def test_load_starts_at_the_batch_that_holds_the_offset() -> None:
    opened = spilled([batch(0, 1, 2), batch(3, 4), batch(5)])
    for offset, first in ((0, 0), (2, 0), (3, 3), (4, 3), (5, 5)):
        loaded = opened.load(5, offset)
        assert offsets_of(loaded.batches)[0] == first
        assert loaded.next_offset == 6


def test_load_gives_the_bytes_as_they_were_spilled() -> None:
    batches = [batch(0, 1, 2), batch(3, volatile=True)]
    assert spilled(batches).load(5, 0).batches == batches


def test_load_goes_on_over_holes_and_files() -> None:
    batches = [batch(offset, offset + 2) for offset in range(0, 400, 10)]
    opened = spilled(batches, segment_bytes=300)
    assert len(opened.segment_files(5)) > 5
    assert opened.load(5, 0).batches == batches
    assert opened.load(5, 13).batches == batches[2:]


def test_load_gives_about_as_much_as_asked_for_but_one_batch_at_least() -> None:
    batches = [batch(offset) for offset in range(20)]
    opened = spilled(batches, segment_bytes=500, index_bytes=1)
    size = len(batches[0])
    assert offsets_of(opened.load(5, 3, 1).batches) == [3]
    assert opened.load(5, 3, 1).next_offset == 4
    for count in range(2, 8):
        loaded = opened.load(5, 3, size * count + size // 2)
        assert offsets_of(loaded.batches) == list(range(3, 3 + count))
        assert loaded.next_offset == 3 + count


def test_load_beyond_the_end_and_of_unknown_logs_is_empty() -> None:
    opened = spilled([batch(0), batch(7)])
    loaded = opened.load(5, 8)
    assert (loaded.batches, loaded.next_offset) == ([], 8)
    loaded = opened.load(6, 3)
    assert (loaded.log_id, loaded.batches, loaded.next_offset) == (6, [], 3)


@pytest.mark.parametrize("index_bytes", [1, 200, 100_000])
def test_every_offset_can_be_found_with_any_index(index_bytes: int) -> None:
    opened = spilled(
        [batch(offset, offset + 1) for offset in range(0, 200, 4)],
        segment_bytes=2000,
        index_bytes=index_bytes,
        open_files_max=2,
    )
    for offset in range(200):
        found = offsets_of(opened.load(5, offset, 1).batches)
        wanted = offset // 4 * 4 + (4 if offset % 4 > 1 else 0)
        assert found[:1] == ([wanted] if wanted < 200 else [])


def test_what_is_added_to_an_open_segment_is_found() -> None:
    opened = spilled([batch(0)], index_bytes=1)
    for offset in range(1, 30):
        assert offsets_of(opened.load(5, 0).batches) == list(range(offset))
        opened.store.spill(2, 5, [batch(offset)])
        opened.run()


def test_files_held_open_are_bounded() -> None:
    opened = spilled([batch(offset) for offset in range(100)], segment_bytes=200, open_files_max=3)
    before = opened.files.open_handles()
    for offset in range(100):
        opened.load(5, offset, 1)
    assert opened.files.open_handles() <= before + 3


@pytest.mark.parametrize("at", [8, 12, 16, 30, 61, 70])
def test_a_damaged_batch_is_refused_with_file_and_byte(at: int) -> None:
    opened = spilled([batch(0), batch(1), batch(2)])
    (name,) = opened.segment_files(5)
    path = f"{DIRECTORY}/logs/5/{name}"
    start = len(batch(0))
    # The partition leader epoch (byte 12) is covered by nothing, as in Kafka; all else is.
    opened.files.content(path)[start + at] ^= 0x40
    opened.store.load(1, 5, 1, 1)
    (failed,) = opened.run()
    if at == 12:
        return
    assert isinstance(failed, Failed)
    assert path in failed.detail and f"byte {start}" in failed.detail


def test_a_segment_that_was_cut_short_is_refused() -> None:
    opened = spilled([batch(0), batch(1)])
    (name,) = opened.segment_files(5)
    opened.files.cut(f"{DIRECTORY}/logs/5/{name}", len(batch(0)) + 20)
    opened.store.load(1, 5, 1, 1000)
    (failed,) = opened.run()
    assert isinstance(failed, Failed) and "ends too early" in failed.detail


def time_found(opened: Opened, time_ms: int) -> int:
    opened.store.find_time(3, 5, time_ms)
    (found,) = opened.run()
    assert isinstance(found, Found) and (found.ticket, found.log_id) == (3, 5)
    return found.offset


@pytest.mark.parametrize("index_bytes", [1, 300, 100_000])
def test_find_time(index_bytes: int) -> None:
    times = [50, 10, 70, 70, 20, 90, 100]
    opened = spilled(
        [batch(offset, time_ms=time_ms) for offset, time_ms in enumerate(times)],
        segment_bytes=300,
        index_bytes=index_bytes,
    )
    for wanted in range(0, 120, 5):
        expected = next((offset for offset, time_ms in enumerate(times) if time_ms >= wanted), -1)
        assert time_found(opened, wanted) == expected
    assert time_found(opened, -5) == 0


def test_find_time_in_an_unknown_log() -> None:
    assert time_found(Opened().recover(), 0) == -1


def test_index_and_sizes_come_back_after_a_restart() -> None:
    batches = [batch(offset, time_ms=offset * 7) for offset in range(50)]
    opened = spilled(batches, segment_bytes=400)
    size = opened.store.log_bytes(5)
    assert size == sum(len(data) for data in batches)
    opened.checkpoint()
    again = opened.crash()
    assert again.store.log_bytes(5) == size
    assert again.load(5, 0).batches == batches
    assert time_found(again, 71) == 11


def reads(opened: Opened) -> int:
    return int(opened.store.statistics.loaded_bytes)


def in_pieces(count: int, offset: int = 0) -> tuple[Opened, list[bytes], int]:
    """A log of batches of one size, `count` of which were loaded one by one."""
    batches = [batch(index, body=b"some body") for index in range(10, 60)]
    opened = spilled(batches)
    for index in range(count):
        assert opened.load(5, 10 + offset + index, len(batches[0])).batches == [batches[offset + index]]
    return opened, batches, len(batches[0])


def test_who_reads_a_log_from_front_to_back_finds_the_next_piece_read_already() -> None:
    opened, batches, size = in_pieces(2)
    # The second load told that there is somebody; what follows it is there before it is asked for.
    assert reads(opened) == 3 * size
    for index in range(2, 50):
        opened.store.load(7, 5, 10 + index, size)
        (loaded,) = opened.store.completions()
        assert isinstance(loaded, Loaded) and loaded.ticket == 7
        assert (loaded.batches, loaded.next_offset) == ([batches[index]], 11 + index)
        assert opened.run() == []
    assert reads(opened) == 50 * size
    assert opened.load(5, 60, size).batches == []


def test_one_load_or_loads_here_and_there_have_nothing_read_ahead() -> None:
    opened, _, size = in_pieces(1)
    for offset in (30, 20, 40):
        opened.load(5, offset, size)
    assert reads(opened) == 4 * size


def test_a_smaller_load_takes_a_part_of_what_was_read_ahead() -> None:
    batches = [batch(index, body=b"some body") for index in range(10, 60)]
    opened = spilled(batches)
    size = len(batches[0])
    opened.load(5, 10, 4 * size)
    opened.load(5, 14, 4 * size)
    opened.store.load(7, 5, 18, 2 * size)
    (loaded,) = opened.store.completions()
    assert isinstance(loaded, Loaded)
    assert (loaded.batches, loaded.next_offset) == (batches[8:10], 20)
    assert opened.load(5, 20, 1).batches == batches[10:11]


def test_what_was_read_ahead_is_not_served_when_its_segment_has_been_replaced() -> None:
    opened, _, size = in_pieces(2)
    opened.checkpoint()
    opened.store.reclaim(5, [13, 60], exact=True)
    opened.run()
    opened.store.load(7, 5, 12, size)
    assert opened.store.completions() == []
    (loaded,) = opened.run()
    assert isinstance(loaded, Loaded)
    assert offsets_of(loaded.batches) == [13]


def test_what_was_read_ahead_of_another_segment_is_not_served() -> None:
    """Between the moment a segment is replaced and that at which it is forgotten."""
    opened, batches, size = in_pieces(2)
    opened.store._reader._ahead.put(Chunk(5, 12, 999, [batches[40]], 51))
    assert opened.load(5, 12, size).batches == [batches[2]]


def test_what_was_read_ahead_is_not_served_where_the_log_goes_on_otherwise_after_a_restart() -> None:
    """The file is the same, but less of it counts."""
    opened, batches, size = in_pieces(0)
    opened.checkpoint()
    again = opened.crash()
    again.load(5, 10, 4 * size)
    again.load(5, 14, 4 * size)
    other = [batch(index, body=b"NEW! body") for index in range(20, 60)]
    again.store.spill(2, 5, other)
    again.run()
    assert again.load(5, 18, 4 * size).batches == batches[8:10] + other[:2]


def test_a_batch_that_could_not_be_kept_is_not_read_ahead() -> None:
    large = b"x" * StoreSettings("/unused").read_ahead_bytes
    opened = spilled([batch(index, body=large if index == 12 else b"small") for index in range(10, 14)])
    for offset in (10, 11):
        opened.load(5, offset, 1)
    assert reads(opened) < 1000
    assert offsets_of(opened.load(5, 12, 1).batches) == [12]


def test_a_dropped_log_is_not_served_from_what_was_read_ahead() -> None:
    opened, _, size = in_pieces(2)
    opened.store.drop_log(5)
    opened.run()
    assert opened.load(5, 12, size).batches == []


def test_damage_that_is_only_read_ahead_is_left_for_whoever_asks_for_it() -> None:
    opened, batches, size = in_pieces(1)
    (name,) = opened.segment_files(5)
    opened.files.content(f"{DIRECTORY}/logs/5/{name}")[2 * size + 70] ^= 1
    assert opened.load(5, 11, size).batches == [batches[1]]
    opened.store.load(7, 5, 12, size)
    (failed,) = opened.run()
    assert isinstance(failed, Failed) and f"byte {2 * size}" in failed.detail
