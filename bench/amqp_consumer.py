"""The consuming half of the load: deliveries counted by their bytes, acks by arithmetic.

All deliveries of a run have one size (queue names, consumer tags and bodies have), and the delivery tag has a
fixed width. So the first delivery is parsed in full, and then the tag of the last whole one of each read is
compared with the count: a delivery lost, repeated or of another size between two reads cannot go unseen.
Must not parse each message.
"""

import select
import socket
import struct
import time
from typing import Final

from bench.amqp_wire import (
    BASIC_DELIVER,
    BODY_FRAME,
    FRAME_END,
    HEADER_FRAME,
    METHOD_FRAME,
    LoadError,
    ack_multiple,
    describe_method,
)
from bench.shared_counters import LAST_CONSUMED_NS, STOP, SharedCounters

READ_BYTES: Final = 1 << 18
METHOD_HEAD_BYTES: Final = 11
# Frame head, class and method, then the consumer tag's length.
CONSUMER_TAG_AT: Final = 11


class Delivery:
    """Where things are in a delivery of this run."""

    def __init__(self, size: int, tag_at: int, body_at: int, body: bytes) -> None:
        self.size = size
        self.tag_at = tag_at
        self.body_at = body_at
        self.body = body


def parse_delivery(data: bytes) -> Delivery | None:
    """The layout of the delivery that `data` starts with; None while it is not whole. Raises LoadError."""
    at = 0
    starts: list[int] = []
    for kind in (METHOD_FRAME, HEADER_FRAME, BODY_FRAME):
        if len(data) < at + 7:
            return None
        found, _, length = struct.unpack_from(">BHI", data, at)
        if len(data) < at + 7 + length + 1:
            return None
        payload = data[at + 7 : at + 7 + length]
        if found != kind or (kind == METHOD_FRAME and struct.unpack_from(">HH", payload) != BASIC_DELIVER):
            raise LoadError(f"{describe_method(payload) if found == METHOD_FRAME else found} for a delivery")
        if data[at + 7 + length] != FRAME_END:
            raise LoadError("delivery without frame end")
        starts.append(at + 7)
        at += 7 + length + 1
    (body_bytes,) = struct.unpack_from(">Q", data, starts[1] + 4)
    if body_bytes != at - 1 - starts[2]:
        raise LoadError("a body in more than one frame: choose smaller bodies")
    tag_at = CONSUMER_TAG_AT + 1 + data[CONSUMER_TAG_AT]
    return Delivery(at, tag_at, starts[2], bytes(data[starts[2] : at - 1]))


class ConsumerConnection:
    """A non-blocking connection that counts deliveries and acks every `ack_every`th (0: the broker acks)."""

    def __init__(self, connected: socket.socket, ack_every: int, early: bytes = b"") -> None:
        self.socket = connected
        self.socket.setblocking(False)
        self.count = 0
        self.ack_every = ack_every
        self.delivery: Delivery | None = None
        self.same_bodies = True
        self.unsent = b""
        self._acked = 0
        self._buffer = bytearray(READ_BYTES * 2)
        self._view = memoryview(self._buffer)
        self._held = len(early)
        self._buffer[: len(early)] = early

    def receive(self) -> int:
        """Read once; the number of new whole deliveries."""
        try:
            read = self.socket.recv_into(self._view[self._held :], READ_BYTES)
        except BlockingIOError:
            return 0
        if read == 0:
            raise LoadError(f"broker closed a consumer's connection {self._goodbye()}")
        self._held += read
        if self.delivery is None:
            self.delivery = parse_delivery(bytes(self._view[: self._held]))
            if self.delivery is None:
                return 0
        whole = self._held // self.delivery.size
        if whole:
            self._check((whole - 1) * self.delivery.size, self.count + whole, self.delivery)
            self.on_deliveries(self._view, whole, self.delivery)
            self.count += whole
            end = whole * self.delivery.size
            self._buffer[: self._held - end] = self._buffer[end : self._held]
            self._held -= end
            self.acknowledge()
        return whole

    def on_deliveries(self, data: memoryview, whole: int, delivery: Delivery) -> None:
        """For subclasses that look into bodies; counting does not."""

    def _check(self, start: int, count: int, delivery: Delivery) -> None:
        tag, redelivered = struct.unpack_from(">QB", self._buffer, start + delivery.tag_at)
        if tag != count or redelivered:
            raise LoadError(f"delivery tag {tag} (redelivered {redelivered}) as number {count}")
        end = start + delivery.size - 1
        if self._buffer[end] != FRAME_END:
            raise LoadError("delivery of another size")
        if self.same_bodies and self._buffer[start + delivery.body_at : end] != delivery.body:
            raise LoadError("delivery with another body")

    def acknowledge(self) -> None:
        """One ack for each `ack_every` deliveries, even when one read brought several times as many."""
        if self.ack_every:
            acks = self.unsent
            while self.count - self._acked >= self.ack_every:
                self._acked += self.ack_every
                acks += ack_multiple(self._acked)
            if acks:
                try:
                    sent = self.socket.send(acks)
                except BlockingIOError:
                    sent = 0
                acks = acks[sent:]
            self.unsent = acks

    def _goodbye(self) -> str:
        head = bytes(self._view[: self._held])
        return f"({describe_method(head[7:])})" if len(head) > METHOD_HEAD_BYTES and head[0] == 1 else ""


def run_consumers(connections: list[ConsumerConnection], first_slot: int, counters: SharedCounters) -> None:
    """Count into the shared slots, one per connection, until the stop word is set. Raises LoadError."""
    poll = select.epoll()
    places: dict[int, tuple[ConsumerConnection, int]] = {}
    for index, connection in enumerate(connections):
        poll.register(connection.socket.fileno(), select.EPOLLIN)
        places[connection.socket.fileno()] = (connection, first_slot + index)
    words = counters.words
    while not words[STOP]:
        blocked = [each for each in connections if each.unsent]
        for connection in blocked:
            connection.acknowledge()
        for file, _ in poll.poll(0.001 if blocked else 0.05):
            connection, slot = places[file]
            if connection.receive():
                # The time first: whoever sees the count may read the time.
                words[LAST_CONSUMED_NS] = time.monotonic_ns()
                words[slot] = connection.count
