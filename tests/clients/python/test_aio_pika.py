"""aio-pika: robust connections, confirms in parallel, iterators, RPC, transactions, reconnecting."""

from __future__ import annotations

import asyncio
import datetime
import decimal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import aiormq
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustConnection
from aio_pika.patterns import RPC, Master
from pika_session import WITHIN_SECONDS, Broker, Name

from broker_process import BrokerProcess

PROPERTIES = [
    "content_type",
    "content_encoding",
    "delivery_mode",
    "priority",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "timestamp",
    "type",
    "user_id",
    "app_id",
]


def run(body: Callable[[], Awaitable[None]], within_seconds: float = 20) -> None:
    """Run one coroutine with a bound."""

    async def bounded() -> None:
        async with asyncio.timeout(within_seconds):
            await body()

    asyncio.run(bounded())


@asynccontextmanager
async def connected(broker: Broker) -> AsyncGenerator[AbstractRobustConnection, None]:
    connection = await aio_pika.connect_robust(broker.url, reconnect_interval=0.1)
    async with connection:
        yield connection


def test_publish_and_iterate(broker: Broker, name: Name) -> None:
    queue_name = name("queue")

    async def body() -> None:
        async with connected(broker) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name, durable=True)
            for number in range(10):
                await channel.default_exchange.publish(
                    aio_pika.Message(str(number).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT),
                    routing_key=queue_name,
                )
            received = []
            async with queue.iterator() as messages:
                async for message in messages:
                    async with message.process():
                        received.append(int(message.body))
                    if len(received) == 10:
                        break
            assert received == list(range(10))
            await channel.set_qos(prefetch_count=1)
            assert await queue.get(fail=False) is None

    run(body)


def test_confirms_in_parallel(broker: Broker, name: Name) -> None:
    queue_name = name("queue")

    async def body() -> None:
        async with connected(broker) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name, durable=True)
            results = await asyncio.gather(
                *(
                    channel.default_exchange.publish(
                        aio_pika.Message(str(number).encode(), delivery_mode=2), routing_key=queue_name
                    )
                    for number in range(300)
                )
            )
            assert len(results) == 300
            assert all(type(result).__name__ == "Ack" for result in results)
            bodies = [(await queue.get(no_ack=True)).body for _ in range(300)]
            assert sorted(int(body) for body in bodies) == list(range(300))

    run(body)


def test_unroutable_is_reported(broker: Broker) -> None:
    async def body() -> None:
        async with connected(broker) as connection:
            channel = await connection.channel(on_return_raises=True)
            with pytest.raises(aio_pika.exceptions.DeliveryError):
                await channel.default_exchange.publish(aio_pika.Message(b"m"), routing_key="no-such-queue")

    run(body)


def test_every_property_and_field_type(broker: Broker, name: Name) -> None:
    queue_name = name("queue")
    headers: dict[str, Any] = {
        "bool": True,
        "tiny": 1,
        "short": 300,
        "int": 70_000,
        "long": 2**40,
        "negative": -5,
        "double": 1.25,
        "decimal": decimal.Decimal("1.5"),
        "text": "é",
        "none": None,
        "list": [1, 2.5, "x", None, {"a": [True]}],
        "table": {"a": {"b": 1}},
        "timestamp": datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    }

    async def body() -> None:
        async with connected(broker) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name, durable=True)
            sent = aio_pika.Message(
                b"body",
                headers=headers,
                content_type="text/plain",
                content_encoding="utf-8",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                priority=3,
                correlation_id="c",
                reply_to="r",
                expiration=60,
                message_id="m",
                timestamp=datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
                type="t",
                user_id="guest",
                app_id="a",
            )
            await channel.default_exchange.publish(sent, routing_key=queue_name)
            message = await queue.get(timeout=WITHIN_SECONDS)
            await message.ack()
            assert message.body == b"body"
            for key in PROPERTIES:
                assert getattr(message, key) == getattr(sent, key), key
            assert {key: message.headers[key] for key in headers} == headers

    run(body)


def test_exchanges_and_headers_binding(broker: Broker, name: Name) -> None:
    exchange_name, queue_name = name("exchange"), name("queue")

    async def body() -> None:
        async with connected(broker) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(exchange_name, aio_pika.ExchangeType.HEADERS)
            queue = await channel.declare_queue(queue_name, durable=True)
            await queue.bind(exchange, arguments={"x-match": "any", "colour": "red", "size": 5})
            cases: list[dict[str, Any]] = [{"colour": "red"}, {"size": 6}, {"size": 5}]
            for headers in cases:
                await exchange.publish(
                    aio_pika.Message(repr(headers).encode(), headers=headers), routing_key=""
                )
            bodies = [(await queue.get(no_ack=True, timeout=WITHIN_SECONDS)).body for _ in range(2)]
            assert bodies == [b"{'colour': 'red'}", b"{'size': 5}"]
            assert await queue.get(fail=False) is None

    run(body)


def test_transaction(broker: Broker, name: Name) -> None:
    queue_name = name("queue")

    async def body() -> None:
        async with connected(broker) as connection:
            channel = await connection.channel(publisher_confirms=False)
            queue = await channel.declare_queue(queue_name, durable=True)
            async with channel.transaction():
                await channel.default_exchange.publish(aio_pika.Message(b"kept"), routing_key=queue_name)
            with pytest.raises(ZeroDivisionError):
                async with channel.transaction():
                    await channel.default_exchange.publish(aio_pika.Message(b"lost"), routing_key=queue_name)
                    raise ZeroDivisionError
            assert (await queue.get(no_ack=True)).body == b"kept"
            assert await queue.get(fail=False) is None

    run(body)


def test_rpc_pattern(broker: Broker, name: Name) -> None:
    method = name("multiply")

    async def multiply(*, x: int, y: int) -> int:
        return x * y

    async def body() -> None:
        async with connected(broker) as connection:
            server = await RPC.create(await connection.channel())
            await server.register(method, multiply, auto_delete=True, durable=True)
            caller = await RPC.create(await connection.channel())
            results = await asyncio.gather(*(caller.call(method, {"x": n, "y": 2}) for n in range(20)))
            assert results == [n * 2 for n in range(20)]
            await caller.close()
            await server.close()

    run(body)


def test_master_and_workers_share_tasks(broker: Broker, name: Name) -> None:
    task = name("task")
    done: list[tuple[int, int]] = []

    async def body() -> None:
        finished = asyncio.Event()

        async with connected(broker) as connection:
            for worker in range(2):

                async def work(*, number: int, worker: int = worker) -> None:
                    done.append((number, worker))
                    await asyncio.sleep(0)
                    if len(done) == 20:
                        finished.set()

                channel = await connection.channel()
                await channel.set_qos(prefetch_count=1)
                await Master(channel).create_worker(task, work, durable=True)
            master = Master(await connection.channel())
            for number in range(20):
                await master.create_task(task, {"number": number})
            await finished.wait()

    run(body)
    assert sorted(number for number, _worker in done) == list(range(20))
    assert {worker for _number, worker in done} == {0, 1}


def test_a_channel_error_is_an_exception_and_the_connection_stays(broker: Broker, name: Name) -> None:
    queue_name = name("queue")

    async def body() -> None:
        async with connected(broker) as connection:
            channel = await connection.channel()
            await channel.declare_queue(queue_name, durable=True)
            with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
                await channel.declare_queue(queue_name, durable=False)
            other = await connection.channel()
            with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
                await other.declare_queue("no-such-queue", passive=True)
            assert not connection.is_closed

    run(body)


def test_wrong_password(broker: Broker) -> None:
    async def body() -> None:
        with pytest.raises(aiormq.exceptions.ProbableAuthenticationError):
            await aio_pika.connect(broker.url.replace("guest:guest", "guest:wrong"))

    run(body)


def test_robust_connection_returns_after_a_crash(own_broker: BrokerProcess) -> None:
    """Exchanges, queues, bindings and consumers come back by themselves, and so do unacknowledged messages."""

    async def body() -> None:
        received: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        reconnected = asyncio.Event()
        async with connected(own_broker) as connection:
            connection.reconnect_callbacks.add(lambda *_: reconnected.set())
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=5)
            exchange = await channel.declare_exchange("events", aio_pika.ExchangeType.TOPIC, durable=True)
            queue = await channel.declare_queue("work", durable=True)
            temporary = await channel.declare_queue("temporary", exclusive=True)
            for bound in (queue, temporary):
                await bound.bind(exchange, "a.#")
                await bound.consume(received.put)
            await exchange.publish(aio_pika.Message(b"before", delivery_mode=2), routing_key="a.b")
            assert sorted([(await received.get()).body for _ in range(2)]) == [b"before", b"before"]
            await asyncio.to_thread(own_broker.kill9)
            await asyncio.to_thread(own_broker.restart)
            await reconnected.wait()
            again = await received.get()
            assert (again.body, again.redelivered) == (b"before", True)
            await exchange.publish(aio_pika.Message(b"after", delivery_mode=2), routing_key="a.c")
            assert [(await received.get()).body for _ in range(2)] == [b"after", b"after"]

    run(body, within_seconds=45)
