"""What is read before it is asked for: when, and how much of it is kept."""

from __future__ import annotations

from onemq.storage.read_ahead import Chunk, ReadAhead


def chunk(offset: int, size: int = 100, log_id: int = 1, serial: int = 5) -> Chunk:
    return Chunk(log_id, offset, serial, [bytes(size)], offset + 1)


def wanted(ahead: ReadAhead) -> list[tuple[int, int, int]]:
    found = []
    while (each := ahead.next()) is not None:
        found.append((each.log_id, each.offset, each.bytes_max))
    return found


def test_the_next_piece_is_wanted_once_a_load_began_where_another_ended() -> None:
    ahead = ReadAhead(1000)
    assert not ahead.loaded(1, 0, 10, 100)
    assert not ahead.loaded(1, 20, 30, 100)
    assert not ahead.loaded(2, 10, 20, 100)
    assert wanted(ahead) == []
    assert ahead.loaded(1, 10, 15, 100)
    assert wanted(ahead) == [(1, 15, 100)]
    assert ahead.loaded(1, 15, 22, 80)
    assert wanted(ahead) == [(1, 22, 80)]


def test_nothing_is_wanted_that_would_push_out_what_waits() -> None:
    for bytes_max in (0, 199):
        ahead = ReadAhead(bytes_max)
        ahead.loaded(1, 0, 10, 100)
        assert not ahead.loaded(1, 10, 20, 100)
        assert wanted(ahead) == []


def test_a_load_that_found_nothing_is_no_reader() -> None:
    ahead = ReadAhead(1000)
    assert not ahead.loaded(1, 5, 5, 100)
    assert not ahead.loaded(1, 5, 5, 100)
    assert wanted(ahead) == []


def test_what_was_asked_for_meanwhile_is_not_wanted_any_more() -> None:
    ahead = ReadAhead(1000)
    ahead.loaded(1, 0, 10, 100)
    ahead.loaded(1, 10, 20, 100)
    assert ahead.take(1, 20) is None
    assert wanted(ahead) == []


def test_a_piece_is_handed_out_once() -> None:
    ahead = ReadAhead(1000)
    one = chunk(10)
    ahead.put(one)
    assert ahead.take(1, 11) is None
    assert ahead.take(2, 10) is None
    assert ahead.take(1, 10) is one
    assert ahead.take(1, 10) is None


def test_the_oldest_go_when_it_is_too_much() -> None:
    ahead = ReadAhead(1000)
    for offset in range(6):
        ahead.put(chunk(offset, 300))
    assert [offset for offset in range(6) if ahead.take(1, offset)] == [3, 4, 5]
    ahead.put(chunk(1, 400))
    ahead.put(chunk(2, 1001))
    assert ahead.take(1, 2) is None
    # One again in the place of another counts once.
    for _ in range(5):
        ahead.put(chunk(3, 1000))
    assert ahead.take(1, 3) is not None
    ahead.put(chunk(4, 1000))
    assert ahead.take(1, 4) is not None


def test_many_small_ones_are_too_much_as_well() -> None:
    ahead = ReadAhead(1_000_000)
    for offset in range(1000):
        ahead.put(chunk(offset, 1))
    assert [offset for offset in range(1000) if ahead.take(1, offset)] == list(range(744, 1000))


def test_what_segments_held_that_are_gone_is_forgotten() -> None:
    ahead = ReadAhead(1000)
    ahead.put(chunk(1, serial=5))
    ahead.put(chunk(2, serial=6))
    ahead.forget([5, 7])
    assert ahead.take(1, 1) is None
    assert ahead.take(1, 2) is not None


def test_readers_that_went_away_cost_nothing_for_ever() -> None:
    ahead = ReadAhead(1000)
    for offset in range(1000):
        ahead.loaded(1, 10 * offset, 10 * offset + 5, 100)
    assert not ahead.loaded(1, 5, 6, 100)
    assert ahead.loaded(1, 9995, 9999, 100)
