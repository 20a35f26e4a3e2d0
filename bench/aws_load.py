"""The load over 16 keep-alive connections: rounds of sends, receives until all is there, deletes of all of it.

One thread and an epoll: each connection has one request on its way, its answer is checked, the next one goes out. The
phases are timed by themselves. Must not have more messages in flight than SQS allows in a queue.
"""

import select
import socket
import time
from collections.abc import Callable
from typing import Final

from bench.amqp_wire import TIMEOUT_SECONDS, LoadError
from bench.aws_messages import Messages
from bench.aws_wire import READ_BYTES, Answer, connect, take_answer

CONNECTIONS: Final = 16
ROUND_SECONDS: Final = 0.5
# SQS allows 120,000 in flight.
ROUND_MESSAGES_MAX: Final = 100_000
# A receive finds nothing while messages wait only where something is wrong.
EMPTY_RECEIVES_MAX: Final = 10_000

# The next request of a connection, and what is done with its answer; None: it has nothing more to ask.
Take = Callable[[Answer], None]
Next = Callable[[], tuple[bytes, Take] | None]


class _Connection:
    __slots__ = ("received", "socket", "take")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.received = b""
        self.take: Take | None = None


class Connections:
    """As a context manager it closes them."""

    def __init__(self, port: int, count: int = CONNECTIONS) -> None:
        self._port = port
        self._poll = select.epoll()
        self._idle: list[_Connection] = []
        self._all: dict[int, _Connection] = {}
        for _ in range(count):
            self._open()

    def run(self, following: Next) -> None:
        """Until `following` has no more and all answers are there. Raises LoadError."""
        busy = 0
        idle, self._idle = self._idle, []
        for connection in idle:
            busy += self._ask(connection, following)
        while busy:
            events = self._poll.poll(TIMEOUT_SECONDS)
            if not events:
                raise LoadError(f"no answer within {TIMEOUT_SECONDS:.0f} s")
            for descriptor, _ in events:
                connection = self._all[descriptor]
                answer = self._read(connection)
                if answer is None:
                    continue
                take, connection.take = connection.take, None
                assert take is not None
                take(answer)
                busy -= 1
                if answer.closes:
                    connection = self._again(connection)
                busy += self._ask(connection, following)

    def _ask(self, connection: _Connection, following: Next) -> bool:
        what = following()
        if what is None:
            self._idle.append(connection)
            return False
        request, connection.take = what
        if connection.socket.send(request) != len(request):
            raise LoadError("a request did not fit into the socket")
        return True

    def _read(self, connection: _Connection) -> Answer | None:
        data = connection.socket.recv(READ_BYTES)
        if not data or connection.take is None:
            raise LoadError("the broker closed a connection, or sent what nobody asked for")
        received = connection.received + data if connection.received else data
        answer = take_answer(received)
        connection.received = b"" if answer is not None else received
        return answer

    def _open(self) -> _Connection:
        made = _Connection(connect(self._port))
        self._all[made.socket.fileno()] = made
        self._poll.register(made.socket.fileno(), select.EPOLLIN)
        self._idle.append(made)
        return made

    def _again(self, connection: _Connection) -> _Connection:
        """A new one in the place of one that its broker closes."""
        self._poll.unregister(connection.socket.fileno())
        del self._all[connection.socket.fileno()]
        connection.socket.close()
        made = self._open()
        self._idle.remove(made)
        return made

    def __enter__(self) -> "Connections":
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for connection in self._all.values():
            connection.socket.close()


class Phases:
    """Requests and seconds by operation."""

    def __init__(self) -> None:
        self.requests = {"send": 0, "receive": 0, "delete": 0}
        self.seconds = {"send": 0.0, "receive": 0.0, "delete": 0.0}
        self.empty_receives = 0

    def rates(self) -> dict[str, float]:
        return {name: self.requests[name] / self.seconds[name] for name in self.requests}


def run_load(connections: Connections, messages: Messages, seconds: float) -> Phases:
    """Whole rounds until they have taken `seconds`. Raises LoadError."""
    phases = Phases()
    while sum(phases.seconds.values()) < seconds:
        sent = send(connections, messages, phases, ROUND_SECONDS, ROUND_MESSAGES_MAX)
        handles = _receive(connections, messages, phases, sent)
        _delete(connections, messages, phases, handles)
    return phases


def send(
    connections: Connections, messages: Messages, phases: Phases, seconds: float, messages_max: int
) -> int:
    """Messages sent until the time is over or there are enough."""
    sent = 0
    began = time.monotonic()
    until = began + seconds

    def following() -> tuple[bytes, Take] | None:
        nonlocal sent
        if sent >= messages_max or time.monotonic() >= until:
            return None
        request, first = messages.next_send()
        sent += messages.count
        phases.requests["send"] += 1
        return request, lambda answer: messages.check_sent(answer, first)

    connections.run(following)
    phases.seconds["send"] += time.monotonic() - began
    return sent


def _receive(connections: Connections, messages: Messages, phases: Phases, sent: int) -> list[bytes]:
    """The handles of as many messages as were sent. Answers without a message do not count as requests."""
    handles: list[bytes] = []
    asked = 0
    began = time.monotonic()

    def take(answer: Answer) -> None:
        nonlocal asked
        asked -= messages.count
        found = messages.handles(answer)
        handles.extend(found)
        if found:
            phases.requests["receive"] += 1
            return
        phases.empty_receives += 1
        if phases.empty_receives > EMPTY_RECEIVES_MAX:
            raise LoadError(f"{len(handles)} of {sent} messages received, then nothing more")

    def following() -> tuple[bytes, Take] | None:
        nonlocal asked
        if len(handles) + asked >= sent:
            return None
        asked += messages.count
        return messages.receive, take

    while len(handles) < sent:
        connections.run(following)
    phases.seconds["receive"] += time.monotonic() - began
    if len({*handles}) != sent:
        raise LoadError(f"{sent} sent, {len(handles)} received, {len({*handles})} receipt handles")
    return handles


def _delete(connections: Connections, messages: Messages, phases: Phases, handles: list[bytes]) -> None:
    done = 0
    began = time.monotonic()

    def following() -> tuple[bytes, Take] | None:
        nonlocal done
        if done >= len(handles):
            return None
        chosen = handles[done : done + messages.count]
        done += len(chosen)
        phases.requests["delete"] += 1
        return messages.delete(chosen), lambda answer: messages.check_deleted(answer, len(chosen))

    connections.run(following)
    phases.seconds["delete"] += time.monotonic() - began
