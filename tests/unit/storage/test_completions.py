"""One wake per harvest; stalled and failed as states of the whole store."""

from __future__ import annotations

from onemq.engine.ports import Durable, Failed, Resumed, Stalled
from onemq.storage.completions import Completions


def test_one_wake_until_the_harvest() -> None:
    wakes: list[int] = []
    completions = Completions(lambda: wakes.append(1))
    for position in range(5):
        completions.add(Durable(position))
    assert len(wakes) == 1
    assert [item.position for item in completions.take() if isinstance(item, Durable)] == list(range(5))
    completions.add(Durable(6))
    assert len(wakes) == 2


def test_stalls_of_several_workers_are_one() -> None:
    completions = Completions(lambda: None)
    completions.resume("a")
    completions.stall("a", "first")
    completions.stall("a", "again")
    completions.stall("b", "second")
    completions.resume("a")
    completions.resume("c")
    (stalled,) = completions.take()
    assert isinstance(stalled, Stalled) and stalled.detail == "first"
    completions.resume("b")
    assert [type(item) for item in completions.take()] == [Resumed]


def test_nothing_follows_a_failure() -> None:
    completions = Completions(lambda: None)
    completions.fail("one")
    completions.fail("two")
    completions.add(Durable(1))
    completions.stall("a", "x")
    (failed,) = completions.take()
    assert isinstance(failed, Failed) and failed.detail == "one"
    assert completions.failed()
