"""What programs say, made what the engine is told: times, texts, and a broker that does not run."""

from __future__ import annotations

import asyncio

import pytest

import onemq
from onemq.embedded.blocking import BlockingBroker
from onemq.embedded.calls import Calls, submit


def test_a_call_to_a_broker_that_does_not_run_is_refused_and_never_begins() -> None:
    begun: list[bool] = []

    async def work() -> None:
        begun.append(True)

    call = work()
    with pytest.raises(onemq.BrokerFailed, match="not running"):
        submit(BlockingBroker(), call)
    assert not begun
    with pytest.raises(RuntimeError, match="cannot reuse"):
        asyncio.run(call)


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        asyncio.run(Calls(BlockingBroker()).advance(-1))


def test_texts_are_utf_8_and_times_seconds() -> None:
    with onemq.Broker() as broker:
        broker.declare_queue("q", ttl=60)
        broker.publish(
            "q", "gr\u00fcn", key="\u00e4", headers={"h": "\u00f6", "none": None}, delay=2.5, ttl=5
        )
        assert broker.count("q") == (0, 0, 1)
        broker.clock.advance(2.49)
        assert broker.count("q") == (0, 0, 1)
        broker.clock.advance(0.01)
        message = broker.get("q")
        assert message is not None
        assert (message.body, message.key) == ("gr\u00fcn".encode(), "\u00e4".encode())
        assert message.headers == {"h": "\u00f6".encode(), "none": None}
        message.nack()
        broker.clock.advance(2.5)
        assert broker.count("q") == (0, 0, 0)
