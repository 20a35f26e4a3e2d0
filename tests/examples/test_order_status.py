"""The request and reply example: each question gets its own answer, a refusal, or a time-out that leaves nothing behind."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest
from examples.order_status.client import StatusClient
from examples.order_status.messages import StatusRefused

from example_runner import Examples

TIMEOUT_SECONDS = 30


@pytest.fixture
def url(examples: Examples) -> str:
    return examples.environment["AMQP_URL"]


def test_the_example(examples: Examples) -> None:
    examples.play("order_status")


def test_answers_find_their_questions(examples: Examples, url: str) -> None:
    """Two servers, two hundred questions at once; one of the servers is killed meanwhile."""
    servers = [examples.start("order_status.server") for _ in range(2)]

    async def ask_all() -> None:
        async with StatusClient(url) as client:
            await client.ask("order-1", TIMEOUT_SECONDS)  # somebody serves now
            known = {"order-1": "placed", "order-2": "paid", "order-3": "shipped", "order-4": "delivered"}
            asked = [f"order-{number % 4 + 1}" for number in range(200)]
            questions = [asyncio.ensure_future(client.ask(order, TIMEOUT_SECONDS)) for order in asked]
            await questions[0]
            servers[0].kill()
            replies = await asyncio.gather(*questions)
            assert [(reply.order_id, reply.status) for reply in replies] == [
                (order, known[order]) for order in asked
            ]
            with pytest.raises(StatusRefused, match="no such order"):
                await client.ask("order-99", TIMEOUT_SECONDS)

    asyncio.run(ask_all())
    assert examples.stop(servers[1]) == 0


def test_nobody_works_for_who_has_gone(examples: Examples, url: str) -> None:
    async def ask_in_vain() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("order-status", durable=True)
            await queue.purge()
            async with StatusClient(url) as client:
                with pytest.raises(TimeoutError):
                    await client.ask("order-1", timeout_seconds=0.2)
            while (
                await channel.declare_queue("order-status", passive=True)
            ).declaration_result.message_count:
                await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(ask_in_vain(), TIMEOUT_SECONDS))
