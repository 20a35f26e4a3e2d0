"""Faults on purpose, for tests: connections that drop, answers that come late or slowly, calls that are refused.

Job: which faults are set and which connection they hit. faulty_socket.py does them; only a broker that was built with a `Faults` has
such sockets at all, so that one without (`onemq serve`) pays nothing.
Must not know a protocol's bytes beyond HTTP's "503".
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol

from onemq.heads.contract import Head
from onemq.net.connection import Limits
from onemq.net.registry import Registry
from onemq.net.turns import Turns

if TYPE_CHECKING:
    import asyncio

    from onemq.net.faulty_socket import FaultySocket

FOR_EVER: Final = -1


class Fault:
    """One fault that is set; as a context manager it is taken back at the end of the block.

    Attributes:
        protocol: "amqp", "kafka", "aws", "http": connections of that protocol only; "": of all.
        connection: only connections whose name has this in it; "": all. A connection's name is as in the log: protocol and address,
            then what the client calls itself (AMQP's `connection_name`, Kafka's client id where it is known).
        calls: how often it strikes before it is over; -1: until it is taken back.
        struck: how often it has struck.
        delay_seconds: answers leave so much later. bytes_per_second: both directions go no faster. refuses: what the client sends is
            refused. drops: instead of an answer the client sees the connection break.
    """

    def __init__(self, faults: "Faults", protocol: str, connection: str, calls: int) -> None:
        self.protocol = protocol
        self.connection = connection
        self.calls = calls
        self.struck = 0
        self.delay_seconds = 0.0
        self.bytes_per_second = 0.0
        self.refuses = False
        self.drops = False
        self._faults = faults

    def hits(self, protocol: str, name: str) -> bool:
        """Whether it concerns such a connection, and is not over."""
        if self.calls >= 0 and self.struck >= self.calls:
            return False
        return self.protocol in ("", protocol) and self.connection in name

    def end(self) -> None:
        """Takes it back. What it holds up already still comes late."""
        self._faults.remove(self)

    def __enter__(self) -> "Fault":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()


class DuplicatesQueue(Protocol):
    """Has a queue deliver records twice; the engine's part, handed in."""

    def __call__(self, queue: str, deliveries: int) -> None: ...


class Faults:
    """All faults of one broker. Its methods may be called from any thread; each takes effect before it returns.

    `protocol` and `connection` choose connections as in `Fault`.
    """

    def __init__(self) -> None:
        self.active: tuple[Fault, ...] = ()
        self.sockets: dict[FaultySocket, None] = {}
        self._lock = threading.Lock()
        self._run: Callable[[Callable[[], None]], None] | None = None
        self._duplicates: DuplicatesQueue | None = None

    def attach(self, run: Callable[[Callable[[], None]], None], duplicates: DuplicatesQueue) -> None:
        """The broker runs. run: has something done on its thread, and returns when it is done."""
        self._run = run
        self._duplicates = duplicates

    def delay(
        self, seconds: float, *, protocol: str = "", connection: str = "", calls: int = FOR_EVER
    ) -> Fault:
        """What the broker sends leaves `seconds` later, in its order. calls: for so many writes."""
        fault = Fault(self, protocol, connection, calls)
        fault.delay_seconds = _positive(seconds, "seconds")
        return self._add(fault)

    def throttle(self, bytes_per_second: float, *, protocol: str = "", connection: str = "") -> Fault:
        """Neither direction goes faster than that."""
        fault = Fault(self, protocol, connection, FOR_EVER)
        fault.bytes_per_second = _positive(bytes_per_second, "bytes_per_second")
        return self._add(fault)

    def refuse(self, calls: int = FOR_EVER, *, protocol: str = "", connection: str = "") -> Fault:
        """The next `calls` times that a client sends something it is refused, unread: HTTP (SQS, SNS, the HTTP port) with status 503, other
        protocols, which have no word for it, by a broken connection."""
        fault = Fault(self, protocol, connection, calls)
        fault.refuses = True
        return self._add(fault)

    def drop_answers(self, calls: int = 1, *, protocol: str = "", connection: str = "") -> Fault:
        """The next `calls` times that the broker would send something the connection breaks instead: it did what was asked, and the client
        does not know."""
        fault = Fault(self, protocol, connection, calls)
        fault.drops = True
        return self._add(fault)

    def drop(self, *, protocol: str = "", connection: str = "") -> int:
        """Breaks connections that are open. Returns how many."""
        chosen = Fault(self, protocol, connection, FOR_EVER)
        found: list[FaultySocket] = []

        def drop_them() -> None:
            for socket in list(self.sockets):
                if chosen.hits(socket.protocol_name, socket.name):
                    found.append(socket)
                    socket.break_off()

        self._on_broker(drop_them)
        return len(found)

    def duplicate(self, queue: str, deliveries: int = 1) -> None:
        """The next `deliveries` records that the queue gives to somebody it gives once more, as another message with the same content: what
        a consumer sees of a producer that sent twice. For AMQP, SQS and the native API."""
        duplicates = self._duplicates
        if duplicates is None:
            raise RuntimeError("the broker is not running")
        self._on_broker(lambda: duplicates(queue, deliveries))

    def remove(self, fault: Fault) -> None:
        with self._lock:
            self.active = tuple(each for each in self.active if each is not fault)

    def clear(self) -> None:
        """Takes back all that are set."""
        with self._lock:
            self.active = ()

    # For the net.

    def protocol(
        self,
        head: Head,
        turns: Turns,
        registry: Registry,
        limits: Limits,
        certificate_name: "Callable[[asyncio.BaseTransport], str] | None",
    ) -> "FaultySocket":
        """The protocol of a new connection."""
        from onemq.net.faulty_socket import FaultySocket

        return FaultySocket(self, head, turns, registry, limits, certificate_name)

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self.active = (*self.active, fault)
        return fault

    def _on_broker(self, call: Callable[[], None]) -> None:
        if self._run is None:
            raise RuntimeError("the broker is not running")
        self._run(call)


def _positive(value: float, name: str) -> float:
    if value <= 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return value
