"""Leases with a time as a state: what is out, what ended, what facts and snapshot say."""

from librt.strings import BytesWriter

from onemq.engine.facts import TIMED, TIMED_FIELDS, FactReader
from onemq.engine.timed_leases import TimedLease, TimedLeases


def lease(offset: int, until_ms: int, *, volatile: bool = False, attempts: int = 1) -> TimedLease:
    return TimedLease(offset, until_ms, attempts, attempts, 5, 10, 0, volatile)


def written(leases: TimedLeases) -> list[list[int]]:
    facts = BytesWriter()
    leases.write_facts(facts, 7)
    found = []
    reader = FactReader(facts.getvalue())
    while reader.next():
        assert (reader.kind, reader.log_id()) == (TIMED, 7)
        fields = reader.timed()
        found += [fields[at : at + TIMED_FIELDS] for at in range(0, len(fields), TIMED_FIELDS)]
    return found


def test_the_first_to_end_is_due_first_whatever_was_changed() -> None:
    leases = TimedLeases()
    first, second = lease(1, 100), lease(2, 50)
    leases.add(first)
    leases.add(second)
    assert (leases.next_ms(), leases.out_bytes) == (50, 20)
    leases.change(second, 200)
    assert leases.next_ms() == 100
    assert leases.due(99) == []
    assert leases.due(100) == [first]
    leases.lapse(first)
    leases.remove(second)
    assert (leases.next_ms(), leases.out_bytes, list(leases.lapsed)) == (0, 0, [1])


def test_what_is_due_together_comes_once_in_order() -> None:
    leases = TimedLeases()
    first, second, settled, early = lease(1, 100), lease(2, 100), lease(3, 100), lease(4, 90)
    for each in (second, settled, first, early, lease(5, 101)):
        leases.add(each)
    leases.change(second, 80)
    leases.change(second, 100)
    leases.remove(settled)
    assert leases.due(100) == [early, first, second]
    assert leases.next_ms() == 101


def test_what_is_given_an_end_that_was_passed_over_is_due_then() -> None:
    leases = TimedLeases()
    one, other = lease(1, 50), lease(2, 70)
    leases.add(one)
    leases.remove(one)
    assert leases.next_ms() == 0
    leases.add(other)
    leases.change(other, 50)
    assert (leases.next_ms(), leases.due(50)) == (50, [other])


def test_many_changes_of_few_leases_do_not_pile_up() -> None:
    leases = TimedLeases()
    one = lease(1, 10)
    leases.add(one)
    for until_ms in range(11, 5_000):
        leases.change(one, until_ms)
    assert leases.next_ms() == 4_999
    assert len(leases._ends) < 1_100
    for _ in range(5_000):
        leases.change(one, 4_999)
    assert sum(len(offsets) for offsets in leases._ending.values()) < 1_100
    assert leases.due(4_999) == [one]


def test_facts_are_of_what_is_out_and_durable() -> None:
    leases = TimedLeases()
    kept, given_back, settled = lease(1, 100), lease(2, 100), lease(3, 100)
    for each in (kept, given_back, settled, lease(4, 100, volatile=True)):
        leases.add(each)
    leases.remove(settled)
    leases.change(given_back, 20)
    leases.lapse(given_back)
    assert written(leases) == [[1, 100, 5, 1, 1, 10, 0], [2, 20, 5, 1, 1, 10, 0]]
    assert written(leases) == []


def test_what_lapsed_and_was_given_again_in_one_turn_is_written_once() -> None:
    leases = TimedLeases()
    old, new = lease(1, 100), lease(1, 300, attempts=2)
    leases.add(old)
    leases.change(old, 20)
    leases.lapse(old)
    del leases.lapsed[1]
    leases.add(new)
    leases.change(new, 400)
    assert written(leases) == [[1, 400, 5, 2, 2, 10, 0]]


def test_state_comes_back() -> None:
    leases = TimedLeases()
    leases.add(lease(1, 100))
    ended = lease(2, 10)
    leases.add(ended)
    leases.lapse(ended)
    other = TimedLeases()
    other.replay(leases.state())
    assert {offset: each.until_ms for offset, each in other.replayed.items()} == {1: 100, 2: 10}
    other.replay_taken([2, 3])
    other.replay_taken([50, 60])
    assert list(other.replayed) == [1]
    other.restore(other.replayed[1])
    assert (other.next_ms(), other.out_bytes) == (100, 10)
