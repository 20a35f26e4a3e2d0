"""What a head brings to the conformance suite: one Driver, which speaks its protocol with a real client.

The cases know nothing but this. A case says with `@needs(...)` which words it uses; a driver says in `speaks` which of them its protocol
has. What it has not is skipped by name, and listed in docs/protocols/conformance.md (table.py). Bytes on a bare socket are
the driver's too: no client library would misbehave as the cases want.
"""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import pytest

from broker_process import BrokerProcess

WITHIN_SECONDS = 15.0
POLL_SECONDS = 0.01

Found = TypeVar("Found")


class Word(Enum):
    """Something that a protocol may have a word for. The value is how the table says it."""

    LOGIN = "a login before the first request"
    SECRET_USERS = "refusals of a login that do not tell who exists"
    NAMESPACES = "namespaces"
    NAMED = "refusals that name what they are about"
    SILENCE = "a time after which silence ends the connection, of a second or two"
    GREETS_STRANGERS = "an answer to who speaks another protocol"
    KEEPALIVE = "keep-alives"
    GOODBYE = "a goodbye of the broker"
    PUSH = "deliveries that nobody asked for one by one"
    SINGLY = "settling each message by itself"
    REDELIVERED = "a mark on what was delivered before"
    LEASE_OF_CONNECTION = "leases that end with their connection"
    ATTEMPTS = "a limit of attempts"
    REASONS = "why and how often a dead letter died"
    DELAY = "a delay"
    EXPIRY = "an expiry of a message"
    BLOCKED = "telling publishers to wait"
    FREES = "settling that frees what the message took"
    EMPTY = "an empty body"


Code = int | str


def needs(*words: Word) -> pytest.MarkDecorator:
    """Marks a case: it runs with the protocols that have all these words."""
    return pytest.mark.needs(*words)


def without(word: Word, instead: str) -> pytest.MarkDecorator:
    """Marks a case: it runs with the protocols that have not this word; those that have run the case `instead`."""
    return pytest.mark.without(word, instead)


class Denied(Exception):
    """The broker understood and denied. `code` and `text` are its protocol's own; `fatal`: the connection is gone."""

    def __init__(self, code: Code, text: str, fatal: bool) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.fatal = fatal


class Gone(Exception):
    """The connection has ended without a word."""


@dataclass(frozen=True)
class Queue:
    """A queue as a case wants it.

    Attributes:
        attempts_max: failed deliveries after which a message goes to `dead_letter_to`; 0 = no limit.
        lease_seconds: where leases have a time of their own.
        keyed: messages have keys, and the order of each key matters.
    """

    name: str
    dead_letter_to: str = ""
    attempts_max: int = 0
    lease_seconds: int = 30
    keyed: bool = False


@dataclass
class Message:
    """One delivery. `handle` is the driver's; `history`: the queues in which it died before, the latest first."""

    body: bytes
    redelivered: bool = False
    handle: Any = None
    history: list[Death] = field(default_factory=list)


@dataclass(frozen=True)
class Death:
    """One way in which a message ended in a queue; without Word.REASONS there is no reason, and the count is 0."""

    queue: str
    reason: str = ""
    count: int = 0


@dataclass
class Envelope:
    """A message with all that travels beside its body. None: it has none. `headers`: text, or bytes.

    `timestamp`: seconds since the epoch, as the publisher says.
    """

    body: bytes
    headers: dict[str, str | bytes] = field(default_factory=dict)
    key: str | None = None
    content_type: str | None = None
    correlation_id: str | None = None
    message_id: str | None = None
    reply_to: str | None = None
    timestamp: int | None = None


class Client(ABC):
    """One connection of a well-behaved client."""

    @abstractmethod
    def declare(self, queue: Queue) -> None: ...

    def create(self, name: str) -> None:
        """What the right to configure is needed for, and no other."""
        self.declare(Queue(name))

    @abstractmethod
    def publish(
        self, queue: str, body: bytes, *, delay_ms: int = 0, expires_ms: int | None = None, key: str = ""
    ) -> None:
        """Returns when the broker has promised to keep it. Raises Denied, Gone."""

    @abstractmethod
    def take(self, queue: str) -> Message | None:
        """One message under lease, without waiting."""

    @abstractmethod
    def send(self, queue: str, envelope: Envelope) -> Envelope:
        """Publishes all of it that the protocol has a place for; returns that, with what it was given instead (an id)."""

    @abstractmethod
    def fetch(self, queue: str) -> Envelope:
        """The next message, with all that came beside it; it is settled."""

    def consume(self, queue: str, prefetch: int = 0) -> None:
        """Messages are sent from now on, as many as `prefetch` unsettled ones (0: all). Raises Denied. For Word.PUSH."""
        raise NotImplementedError

    def received(self, within_seconds: float = 0.0) -> list[Message]:
        """All that `consume` has brought since the last call; reads the socket for at most that long if there is none."""
        raise NotImplementedError

    @abstractmethod
    def accept(self, message: Message) -> None:
        """It is done with; without Word.SINGLY all before it, too."""

    @abstractmethod
    def release(self, message: Message) -> None:
        """Give it back: it is ready again at its place."""

    @abstractmethod
    def fail(self, message: Message) -> None:
        """Give it back as a failed attempt, which counts towards `attempts_max`."""

    @abstractmethod
    def sync(self) -> None:
        """One round trip: what was sent before has been dealt with. Raises Denied, Gone."""

    def blocked(self) -> bool:
        """Whether the broker has asked this client to stop publishing; reads what has arrived. For Word.BLOCKED."""
        raise NotImplementedError

    def idle(self, seconds: float) -> None:
        """Keeps the connection alive and does nothing else. Raises Denied, Gone."""
        time.sleep(seconds)

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


class Light(ABC):
    """A client that is one connection and costs little: for crowds."""

    @abstractmethod
    def publish(self, queue: str, body: bytes) -> None: ...

    @abstractmethod
    def sync(self) -> None:
        """One round trip. Raises Denied, Gone."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def drop(self) -> None: ...


class Driver(ABC):
    """One protocol.

    Attributes:
        name: its column in the tables.
        listener: its name in `listening NAME HOST:PORT`.
        speaks: the words it has.
        greeting: the first bytes of a client, of a kind that is answered.
        strangers: beginnings that are no client of this protocol, and how all that the broker says to them begins.
        frame_too_large: the beginning of a frame that announces more than any limit allows.
        body_bytes_max: the largest body that the shared broker takes.
        settings: of a broker on which silence ends a connection after a second or two, in TOML.
        codes: the protocol's codes for: login, forbidden, unknown, too large, stopping, namespace.
        bad_logins: users and passwords that are refused.
    """

    name: str
    listener: str
    speaks: frozenset[Word]
    greeting: bytes
    strangers: list[tuple[bytes, bytes]]
    frame_too_large: bytes
    body_bytes_max: int
    settings: str = ""
    codes: dict[str, tuple[Code, ...]]
    bad_logins: list[tuple[str, str]] = [("guest", "wrong"), ("nobody", "guest")]

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
    def light(self, broker: BrokerProcess) -> Light:
        """Raises Denied, Gone."""

    @abstractmethod
    def pipeline(self, broker: BrokerProcess, queue: str) -> Pipeline: ...

    def forbidden_text(self, action: str, queue: str, user: str) -> str:
        """What somebody without that right is told. For Word.NAMED."""
        raise NotImplementedError

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

    def large_questions(self, queue: str, count: int) -> list[bytes]:
        """Requests that bring the next message of the queue each, as bytes. For protocols without Word.PUSH."""
        raise NotImplementedError

    def is_code(self, what: str, code: Code) -> bool:
        return code in self.codes[what]

    def serves(self, broker: BrokerProcess) -> bool:
        """A new client gets through to a round trip."""
        client = self.light(broker)
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
