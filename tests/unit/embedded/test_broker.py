"""The broker in this process, its awaited form: any loop, any caller that goes away. What each call does, test_blocking.py says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import onemq


def test_the_asynchronous_form_on_several_loops(tmp_path: Path) -> None:
    broker = onemq.Broker(tmp_path / "data")

    async def first() -> None:
        await broker.start()
        await broker.declare_queue("orders")
        await asyncio.gather(*[broker.publish("orders", str(number)) for number in range(100)])

    async def second() -> None:
        got = []
        async with broker.consume("orders") as messages:
            async for message in messages:
                got.append(message.text())
                await message.ack()
                if len(got) == 100:
                    break
        assert sorted(got) == sorted(str(number) for number in range(100))
        assert await broker.get("orders", wait=0.01) is None
        with pytest.raises(onemq.Refused):
            await broker.publish("nowhere", "x")
        await broker.publish("orders", "kept")
        await broker.stop()
        with pytest.raises(onemq.BrokerFailed, match="not running"):
            await broker.publish("orders", "x")

    async def third() -> None:
        async with broker:
            assert [each.text() for each in await broker.peek("orders")] == ["kept"]
            await broker.clock.advance(1)

    for step in (first, second, third):
        asyncio.run(step())


def test_a_cancelled_caller_takes_no_message_with_it() -> None:
    async def main() -> None:
        async with onemq.Broker() as broker:
            await broker.declare_queue("orders")
            for number in range(50):
                waiting = asyncio.create_task(broker.get("orders", wait=30))
                await asyncio.sleep(0)
                publishing = asyncio.create_task(broker.publish("orders", str(number)))
                for _ in range(number % 7):
                    await asyncio.sleep(0.0002)
                waiting.cancel()
                await publishing
                try:
                    message = await waiting
                except asyncio.CancelledError:
                    message = await broker.get("orders", wait=30)
                assert message is not None
                assert (message.text(), message.attempts <= 1) == (str(number), True)
                await message.ack()
            assert await broker.count("orders") == (0, 0, 0)
            async with broker.consume("orders", prefetch=2) as messages:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(messages), 0.01)
                for number in range(5):
                    await broker.publish("orders", str(number))
                found = [await anext(messages) for _ in range(2)]
                assert [each.text() for each in found] == ["0", "1"]

    asyncio.run(main())
