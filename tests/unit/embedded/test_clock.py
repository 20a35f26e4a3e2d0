"""Virtual time: what is due on the way happens, in its order, and is durable when the advance returns."""

from __future__ import annotations

from pathlib import Path

import pytest

import onemq

HOURS = 3600.0


@pytest.mark.parametrize("on_disk", [False, True])
def test_delays_ttls_and_dead_letters_follow_each_other(tmp_path: Path, on_disk: bool) -> None:
    with onemq.Broker(tmp_path / "data" if on_disk else None) as broker:
        broker.declare_queue("graveyard")
        broker.declare_queue("second", ttl=HOURS, dead_letter_to="graveyard")
        broker.declare_queue("first", ttl=HOURS, dead_letter_to="second")
        started = broker.clock.now()
        broker.publish("first", "a", delay=HOURS / 2)
        broker.clock.advance(HOURS / 2)
        assert broker.count("first") == (1, 0, 0)
        # Two time-outs in one advance: the second one counts from the first.
        broker.clock.advance(10 * HOURS)
        (dead,) = broker.peek("graveyard")
        assert [queue for queue, _reason, _count in dead.died] == ["second", "first"]
        assert 1.9 * HOURS < dead.published_at - started < 2.1 * HOURS
        assert 10.4 * HOURS < broker.clock.now() - started < 10.6 * HOURS


def test_an_unused_queue_goes(tmp_path: Path) -> None:
    with onemq.Broker() as broker:
        broker.declare_queue("short", arguments={"x-expires": 1000})
        broker.clock.advance(0.5)
        assert broker.names().queues == {"short"}
        broker.clock.advance(1)
        assert broker.names().queues == set()


def test_time_does_not_go_back() -> None:
    with onemq.Broker() as broker, pytest.raises(ValueError, match="back"):
        broker.clock.advance(-1)


def test_many_deadlines_take_no_time_of_their_own() -> None:
    with onemq.Broker() as broker:
        broker.declare_queue("orders", ttl=60)
        for number in range(300):
            broker.publish("orders", "x", delay=number * 10)
        broker.clock.advance(48 * HOURS)
        assert broker.count("orders") == (0, 0, 0)
