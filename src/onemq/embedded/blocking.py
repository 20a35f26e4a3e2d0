"""`onemq.BlockingBroker`: the broker inside this process, for programs without an event loop. Each method is broker.py's, and blocks.

Must not: know what a call does (calls.py, native.py).
"""

from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from onemq.embedded.calls import PREFETCH, REDRIVE_SECONDS, Calls, submit
from onemq.embedded.inside import Inside
from onemq.embedded.message import Message, copy_message
from onemq.embedded.native import Names, NativeDelivery

T = TypeVar("T")


class BlockingMessage(Message):
    """As TakenMessage, for programs without an event loop."""

    __slots__ = ("_broker", "_delivery")

    def __init__(self, broker: "BlockingBroker", delivery: NativeDelivery) -> None:
        copy_message(delivery.message, self)
        self._broker = broker
        self._delivery = delivery

    def ack(self) -> None:
        """As TakenMessage.ack."""
        self._broker._do(self._delivery.settle("accept"))

    def nack(self, requeue: bool = True) -> None:
        """As TakenMessage.nack."""
        self._broker._do(self._delivery.settle("release" if requeue else "reject"))


class BlockingConsuming:
    """What `BlockingBroker.consume` gives: an iterator of messages, as Consuming. Several threads may share it."""

    def __init__(self, broker: "BlockingBroker", queue: str, prefetch: int, wait: float | None) -> None:
        self._broker = broker
        self._wait = wait
        self._consumer = broker._do(broker._native().consume(queue, prefetch))

    def __enter__(self) -> "BlockingConsuming":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[BlockingMessage]:
        return self

    def __next__(self) -> BlockingMessage:
        found = self._broker._do(self._consumer.next(self._wait))
        if found is None:
            raise StopIteration
        return BlockingMessage(self._broker, found)

    def close(self) -> None:
        """As Consuming.close."""
        if self._broker.running:
            self._broker._do(self._broker._native().stop_consuming(self._consumer))


class BlockingClock:
    """As VirtualClock, for programs without an event loop."""

    def __init__(self, broker: "BlockingBroker") -> None:
        self._broker = broker

    def advance(self, seconds: float) -> None:
        """As VirtualClock.advance."""
        self._broker._do(self._broker._calls.advance(seconds))

    def now(self) -> float:
        """As VirtualClock.now."""
        return self._broker._do(self._broker._calls.now())


class BlockingBroker(Inside):
    """Broker for programs without an event loop: `with onemq.Broker() as broker:`, or made directly.

    Each method blocks until it is done, may be called from any thread, and is described at Broker's method of the same name.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        memory: bool = False,
        settings: Mapping[str, object] | None = None,
        restore: str | Path | None = None,
    ) -> None:
        """As Broker."""
        super().__init__(data, memory, settings, restore)
        self._calls = Calls(self)
        self.clock = BlockingClock(self)

    def __enter__(self) -> "BlockingBroker":
        self.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """As Broker.start."""
        self._start()

    def stop(self) -> None:
        """As Broker.stop."""
        self._stop()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        future = submit(self, work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def publish(
        self,
        target: str,
        body: bytes | str,
        *,
        exchange: str | None = None,
        key: bytes | str | None = None,
        headers: Mapping[str, bytes | str | None] | None = None,
        delay: float = 0,
        ttl: float | None = None,
    ) -> bool:
        """As Broker.publish."""
        return self._do(self._calls.publish(target, body, exchange, key, headers, delay, ttl))

    def consume(
        self, queue: str, *, prefetch: int = PREFETCH, wait: float | None = None
    ) -> BlockingConsuming:
        """As Broker.consume; an iterator."""
        return BlockingConsuming(self, queue, prefetch, wait)

    def get(self, queue: str, *, wait: float = 0) -> BlockingMessage | None:
        """As Broker.get."""
        found = self._do(self._native().get(queue, wait))
        return None if found is None else BlockingMessage(self, found)

    def peek(self, queue: str, count: int = 10) -> list[Message]:
        """As Broker.peek."""
        return self._do(self._native().peek(queue, count))

    def count(self, queue: str) -> tuple[int, int, int]:
        """As Broker.count."""
        return self._do(self._native().count(queue))

    def redrive(self, source: str, to: str | None = None, *, within: float = REDRIVE_SECONDS) -> int:
        """As Broker.redrive."""
        return self._do(self._native().redrive(source, to, within))

    def declare_queue(
        self,
        name: str,
        *,
        durable: bool = True,
        dead_letter_to: str | None = None,
        delivery_limit: int | None = None,
        ttl: float | None = None,
        length_max: int | None = None,
        visibility: float | None = None,
        arguments: Mapping[str, object] | None = None,
    ) -> None:
        """As Broker.declare_queue."""
        self._do(
            self._calls.declare_queue(
                name, durable, dead_letter_to, delivery_limit, ttl, length_max, visibility, arguments
            )
        )

    def delete_queue(self, name: str) -> int:
        """As Broker.delete_queue."""
        return self._do(self._native().delete_queue(name))

    def purge_queue(self, name: str) -> int:
        """As Broker.purge_queue."""
        return self._do(self._native().purge_queue(name))

    def declare_topic(
        self, name: str, *, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """As Broker.declare_topic."""
        self._do(self._native().declare_topic(name, partitions, config or {}))

    def delete_topic(self, name: str) -> None:
        """As Broker.delete_topic."""
        self._do(self._native().delete_topic(name))

    def snapshot(self, path: str | Path) -> None:
        """As Broker.snapshot."""
        self._do(self._calls.snapshot(path))

    def names(self) -> Names:
        """As Broker.names."""
        return self._do(self._native().names())

    def delete_since(self, before: Names) -> None:
        """As Broker.delete_since."""
        self._do(self._native().delete_since(before))
