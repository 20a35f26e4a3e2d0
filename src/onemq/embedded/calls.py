"""The calls behind both forms of the broker in this process: what programs say, made coroutines for the broker's loop.

Must not: wait (broker.py and blocking.py do, each in its way).
"""

from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

from onemq.embedded import clock as virtual_clock
from onemq.embedded.declarations import settings_of_queue
from onemq.embedded.errors import BrokerFailed
from onemq.embedded.inside import Inside, header_bytes, text_or_bytes
from onemq.embedded.native import Native
from onemq.embedded.snapshots import take
from onemq.embedded.thread import BrokerThread

PREFETCH: Final = 100
REDRIVE_SECONDS: Final = 60.0

T = TypeVar("T")


class Calls:
    """See the module."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def publish(
        self,
        target: str,
        body: bytes | str,
        exchange: str | None,
        key: bytes | str | None,
        headers: Mapping[str, bytes | str | None] | None,
        delay: float,
        ttl: float | None,
    ) -> Coroutine[Any, Any, bool]:
        return self.native.publish(
            target,
            text_or_bytes(body),
            exchange,
            None if key is None else text_or_bytes(key),
            header_bytes(headers),
            int(delay * 1000),
            None if ttl is None else int(ttl * 1000),
        )

    @property
    def native(self) -> Native:
        return self._inside._native()

    def declare_queue(
        self,
        name: str,
        durable: bool,
        dead_letter_to: str | None,
        delivery_limit: int | None,
        ttl: float | None,
        length_max: int | None,
        visibility: float | None,
        arguments: Mapping[str, object] | None,
    ) -> Coroutine[Any, Any, None]:
        settings = settings_of_queue(
            name,
            self._inside._settings.namespaces[0],
            durable=durable,
            dead_letter_to=dead_letter_to,
            delivery_limit=delivery_limit,
            ttl_seconds=ttl,
            length_max=length_max,
            visibility_seconds=visibility,
            arguments=arguments,
        )
        return self.native.declare_queue(name, settings)

    async def snapshot(self, path: str | Path) -> None:
        thread = self._inside._running()
        await virtual_clock.settle(thread.server)
        take(thread.server.store, Path(path), int(thread.clock.ahead_ms))

    async def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not go back")
        thread = self._inside._running()
        await virtual_clock.advance(thread.server, thread.clock, int(seconds * 1000))

    async def now(self) -> float:
        return int(self._inside._running().clock.now_ms()) / 1000


def submit(broker: Inside, work: Coroutine[Any, Any, T]) -> "Future[T]":
    thread: BrokerThread | None = broker._thread
    if thread is None:
        work.close()
        raise BrokerFailed("the broker is not running")
    return thread.submit(work)
