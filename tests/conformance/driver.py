"""What a head brings to the conformance suite: one Driver, which speaks its protocol with a real client.

The cases know nothing but this. A protocol that has no word for something says so in `lacks`, and the cases that need it
are skipped by name. Bytes on a bare socket are the driver's too: no client library would misbehave as the cases want.
"""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from broker_process import BrokerProcess

WITHIN_SECONDS = 15.0
POLL_SECONDS = 0.01

Found = TypeVar("Found")


class Denied(Exception):
    """The broker understood and denied. `code` and `text` are its protocol's own; `fatal`: the connection is gone."""

    def __init__(self, code: int, text: str, fatal: bool) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.fatal = fatal


class Gone(Exception):
    """The connection has ended without a word."""


@dataclass(frozen=True)
class Queue:
    """A queue as a case wants it. `attempts_max`: failed deliveries after which a message goes to `dead_letter_to`."""

    name: str
    dead_letter_to: str = ""
    attempts_max: int = 0


@dataclass
class Message:
    """One delivery. `handle` is the driver's; `history`: the queues in which it died before, the latest first."""

    body: bytes
    redelivered: bool = False
    handle: Any = None
    history: list[Death] = field(default_factory=list)


@dataclass(frozen=True)
class Death:
    """One way in which a message ended in a queue."""

    queue: str
    reason: str
    count: int


class Client(ABC):
    """One connection of a well-behaved client."""

    @abstractmethod
    def declare(self, queue: Queue) -> None: ...

    @abstractmethod
    def publish(self, queue: str, body: bytes, *, delay_ms: int = 0, expires_ms: int | None = None) -> None:
        """Returns when the broker has promised to keep it. Raises Denied."""

    @abstractmethod
    def take(self, queue: str) -> Message | None:
        """One message under lease, without waiting."""

    @abstractmethod
    def consume(self, queue: str, prefetch: int = 0) -> None:
        """Messages are sent from now on, as many as `prefetch` unsettled ones (0: all). Raises Denied."""

    @abstractmethod
    def received(self, within_seconds: float = 0.0) -> list[Message]:
        """All that `consume` has brought since the last call; reads the socket for at most that long if there is none."""

    @abstractmethod
    def accept(self, message: Message) -> None: ...

    @abstractmethod
    def release(self, message: Message) -> None:
        """Give it back: it is ready again at its place."""

    @abstractmethod
    def fail(self, message: Message) -> None:
        """Give it back as a failed attempt, which counts towards `attempts_max`."""

    @abstractmethod
    def sync(self) -> None:
        """One round trip: what was sent before has been dealt with. Raises Denied, Gone."""

    @abstractmethod
    def blocked(self) -> bool:
        """Whether the broker has asked this client to stop publishing; reads what has arrived."""

    @abstractmethod
    def idle(self, seconds: float) -> None:
        """Keeps the connection alive and does nothing else. Raises Denied, Gone."""

    @abstractmethod
    def close(self) -> None:
        """With a goodbye. May be called on a connection that has ended."""

    @abstractmethod
    def drop(self) -> None:
        """Without a word, as a crash would."""

    def take_within(self, queue: str, within_seconds: float = WITHIN_SECONDS) -> Message:
        found = until(lambda: self.take(queue), f"no message in {queue}", within_seconds)
        assert found is not None
        return found

    def collect(self, count: int, within_seconds: float = WITHIN_SECONDS) -> list[Message]:
        """`received` until there are that many."""
        deadline = time.monotonic() + within_seconds
        messages: list[Message] = []
        while len(messages) < count:
            assert time.monotonic() < deadline, f"{len(messages)} of {count} messages in {within_seconds} s"
            messages += self.received(POLL_SECONDS)
        return messages

    def drain(self, queue: str) -> list[bytes]:
        """Takes and accepts all that is ready now."""
        bodies = []
        while (message := self.take(queue)) is not None:
            self.accept(message)
            bodies.append(message.body)
        return bodies


class Pipeline(ABC):
    """A publisher that does not wait for its confirms. Bodies are the numbers it was given."""

    confirmed: set[int]

    @abstractmethod
    def publish(self, number: int) -> None:
        """Raises Gone."""

    @abstractmethod
    def pump(self, seconds: float) -> None:
        """Reads confirms. Raises Denied, Gone."""

    @abstractmethod
    def close(self) -> None: ...


class Driver(ABC):
    """One protocol.

    Attributes:
        listener: its name in `listening NAME HOST:PORT`.
        greeting: the first bytes of a client.
        strangers: beginnings that are no client of this protocol, and all that the broker says to them.
        frame_too_large: the beginning of a frame that announces more than any limit allows.
        lacks: capabilities that the protocol has no word for: delay, expiry, attempts, blocked, forbidden.
        codes: the protocol's number for: login, forbidden, unknown, too large, stopping, namespace.
    """

    name: str
    listener: str
    greeting: bytes
    strangers: list[tuple[bytes, bytes]]
    frame_too_large: bytes
    lacks: frozenset[str] = frozenset()
    codes: dict[str, int]

    @abstractmethod
    def connect(
        self,
        broker: BrokerProcess,
        *,
        user: str = "guest",
        password: str = "guest",
        namespace: str = "",
        idle_seconds: int = 0,
    ) -> Client:
        """Raises Denied, Gone. idle_seconds: the interval of keep-alives that the client asks for."""

    @abstractmethod
    def pipeline(self, broker: BrokerProcess, queue: str) -> Pipeline: ...

    @abstractmethod
    def forbidden_text(self, action: str, queue: str, user: str) -> str:
        """What somebody without that right is told."""

    @abstractmethod
    def greeted(self, peer: socket.socket) -> None:
        """Sends the greeting and reads its answer. Raises OSError, AssertionError."""

    @abstractmethod
    def log_in(self, peer: socket.socket, idle_seconds: int) -> None:
        """From the greeting to an open connection, on a bare socket."""

    @abstractmethod
    def half_a_frame(self) -> bytes: ...

    @abstractmethod
    def garbage_after_login(self) -> tuple[bytes, bytes]:
        """Bytes that are no frame, and what must stand in the goodbye."""

    def needs(self, capability: str) -> None:
        if capability in self.lacks:
            pytest.skip(f"{self.name} has no word for {capability}")

    def serves(self, broker: BrokerProcess) -> bool:
        """A new client gets through to a round trip."""
        client = self.connect(broker)
        client.sync()
        client.close()
        return True


def until(probe: Callable[[], Found], otherwise: str, within_seconds: float = WITHIN_SECONDS) -> Found:
    """Asks until the answer is true. Fails with `otherwise`."""
    deadline = time.monotonic() + within_seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"{otherwise} within {within_seconds} s")
        time.sleep(POLL_SECONDS)


def read_all(peer: socket.socket) -> bytes:
    """Everything until the broker closes. Fails by time-out when it does not."""
    found = b""
    while True:
        try:
            data = peer.recv(65536)
        except ConnectionResetError:
            return found
        if not data:
            return found
        found += data


def resident_bytes(pid: int) -> int:
    """What the process holds in memory now."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
