"""How long a receive takes from queues of different depth, in turns, so that a slow moment meets all of them alike.

For each queue in turn: one message sent, one received (timed), one deleted; the depth stays what it is. Must not run
more than one request at a time: what is measured is the broker's work on one receive.
"""

import statistics
import time
from typing import Final

from bench.amqp_wire import LoadError
from bench.aws_load import Connections, Phases, send
from bench.aws_messages import BATCH_MAX, Messages
from bench.aws_wire import Answer, connect, create_queue, exchange

WARM_TURNS: Final = 200
BODY_BYTES: Final = 100
FILL_SECONDS_MAX: Final = 900.0
FIFO: Final = {"FifoQueue": "true"}


class DeepQueue:
    """`groups`: FIFO with so many message groups; 0: a standard queue."""

    def __init__(self, key: str, depth: int, groups: int = 0) -> None:
        self.key = key
        self.depth = depth
        self.groups = groups

    def fill(self, port: int, connections: Connections) -> Messages:
        """Raises LoadError. The messages of single requests, to go on with."""
        url = create_queue(port, self.key + ".fifo" * bool(self.groups), FIFO if self.groups else None)
        many = Messages(port, url, BODY_BYTES, BATCH_MAX, self.groups)
        sent = send(connections, many, Phases(), FILL_SECONDS_MAX, self.depth)
        if sent < self.depth:
            raise LoadError(f"{sent} of {self.depth} messages sent within {FILL_SECONDS_MAX:.0f} s")
        return Messages(port, url, BODY_BYTES, 1, self.groups, first=sent)


class _Caller:
    """One connection, made anew when the broker closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = connect(port)

    def ask(self, request: bytes) -> Answer:
        answer = exchange(self._connection, request)
        if answer.closes:
            self.close()
            self._connection = connect(self._port)
        return answer

    def close(self) -> None:
        self._connection.close()


def receive_ms(port: int, queues: list[Messages], seconds: float) -> list[float]:
    """The median for each queue. Raises LoadError."""
    caller = _Caller(port)
    for _ in range(WARM_TURNS):
        for messages in queues:
            _turn(caller, messages)
    took: list[list[float]] = [[] for _ in queues]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for messages, times in zip(queues, took, strict=True):
            times.append(_turn(caller, messages))
    caller.close()
    return [statistics.median(times) for times in took]


def _turn(caller: _Caller, messages: Messages) -> float:
    request, number = messages.next_send()
    messages.check_sent(caller.ask(request), number)
    began = time.perf_counter()
    answer = caller.ask(messages.receive)
    took = (time.perf_counter() - began) * 1000
    handles = messages.handles(answer)
    if len(handles) != 1:
        raise LoadError("a receive from a deep queue found nothing")
    messages.check_deleted(caller.ask(messages.delete(handles)), 1)
    return took
