"""A small AMQP 0-9-1 client on a plain socket, for tests that must know exactly which bytes were sent and confirmed.

One channel. It waits with a bound and never sleeps; it knows nothing of what is right.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from typing import Final

from librt.strings import BytesWriter

from onemq.heads.amqp091.codec import Codec, write_method_frame, write_publish
from onemq.heads.amqp091.frames import HEADER, METHOD, NEED_DATA, PROTOCOL_HEADER_0_9_1, short_string
from onemq.heads.amqp091.methods import (
    BasicAck,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicQos,
    BasicQosOk,
    ChannelOpen,
    ChannelOpenOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    Method,
    QueueDeclare,
    QueueDeclareOk,
    decode_method,
)
from onemq.heads.amqp091.properties import BasicProperties, decode_properties, encode_properties
from onemq.heads.amqp091.table import FieldValue

SECONDS_MAX: Final = 20.0
FRAME_BYTES_MAX: Final = 131072
CHANNEL: Final = 1
PERSISTENT: Final = encode_properties(BasicProperties(delivery_mode=2))
CAPABLE: Final[dict[str, FieldValue]] = {
    "capabilities": {"consumer_cancel_notify": True, "connection.blocked": True}
}


class Gone(Exception):
    """The connection has ended."""


class Delivered:
    """One message of a consumer."""

    def __init__(self, method: BasicDeliver) -> None:
        self.tag = int(method.delivery_tag)
        self.redelivered = bool(method.redelivered)
        self.routing_key = method.routing_key
        self.properties = BasicProperties()
        self.body = b""
        self.left = 0


class RawClient:
    """Attributes:
    confirmed: publishes confirmed so far: all numbers up to this one, and those in `confirmed_beyond`.
    methods: what came on the way and was not a confirm or a message.
    deliveries: complete messages, in order.
    """

    def __init__(self, host: str, port: int) -> None:
        self.published = 0
        self.confirmed = 0
        self.confirmed_beyond: set[int] = set()
        self.refused: list[int] = []
        self.methods: deque[Method] = deque()
        self.deliveries: deque[Delivered] = deque()
        self._partial: Delivered | None = None
        self._codec = Codec(0, expect_protocol_header=False)
        self._unsent = b""
        self._socket = socket.create_connection((host, port), SECONDS_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._send(PROTOCOL_HEADER_0_9_1)
        self.expect(ConnectionStart)
        self.say(ConnectionStartOk(CAPABLE, "PLAIN", b"\0guest\0guest"), channel=0)
        self.expect(ConnectionTune)
        self.say(ConnectionTuneOk(2047, FRAME_BYTES_MAX, 0), channel=0)
        self.say(ConnectionOpen("/"), channel=0)
        self.expect(ConnectionOpenOk)
        self.say(ChannelOpen())
        self.expect(ChannelOpenOk)

    # Saying.

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Gone(str(error)) from None

    def say(self, method: Method, channel: int = CHANNEL) -> None:
        writer = BytesWriter()
        write_method_frame(writer, channel, method.encode())
        self._send(writer.getvalue())

    def confirm_select(self) -> None:
        self.say(ConfirmSelect())
        self.expect(ConfirmSelectOk)

    def declare(
        self, queue: str, arguments: dict[str, FieldValue] | None = None, passive: bool = False
    ) -> QueueDeclareOk:
        """A durable queue; passive: one that is there already, whatever it is."""
        self.say(QueueDeclare(queue, passive=passive, durable=True, arguments=arguments or {}))
        method = self.expect(QueueDeclareOk)
        assert isinstance(method, QueueDeclareOk)
        return method

    def publish(self, queue: str, *bodies: bytes, exchange: str = "") -> None:
        """Persistent messages; sends what the socket takes, keeps the rest."""
        writer = BytesWriter()
        address = short_string(exchange) + short_string(queue)
        for body in bodies:
            write_publish(writer, CHANNEL, address, False, PERSISTENT, body, FRAME_BYTES_MAX)
            self.published += 1
        self._unsent += writer.getvalue()
        self.flush()

    def flush(self) -> None:
        """Sends as much of what is kept as can go now."""
        if not self._unsent:
            return
        self._socket.setblocking(False)
        try:
            sent = self._socket.send(self._unsent)
            self._unsent = self._unsent[sent:]
        except BlockingIOError:
            pass
        except OSError as error:
            raise Gone(str(error)) from None
        finally:
            self._socket.settimeout(SECONDS_MAX)

    def unsent_bytes(self) -> int:
        return len(self._unsent)

    def consume(self, queue: str, prefetch: int = 0, no_ack: bool = False) -> None:
        if prefetch:
            self.say(BasicQos(0, prefetch, False))
            self.expect(BasicQosOk)
        self.say(BasicConsume(queue, "", no_ack=no_ack))
        self.expect(BasicConsumeOk)

    def ack(self, tag: int, multiple: bool = False) -> None:
        self.say(BasicAck(tag, multiple))

    # Hearing.

    def expect(self, kind: type[Method]) -> Method:
        """Waits for the next method; it must be of this kind."""
        by = time.monotonic() + SECONDS_MAX
        while not self.methods:
            if not self.hear(by - time.monotonic()):
                raise AssertionError(f"no {kind.__name__} within {SECONDS_MAX} s")
        method = self.methods.popleft()
        assert isinstance(method, kind), f"{method} instead of {kind.__name__}"
        return method

    def hear(self, seconds: float) -> bool:
        """Takes what comes; waits at most so long for the first byte. False: nothing came. Raises Gone."""
        self._socket.settimeout(max(seconds, 0.0001))
        try:
            data = self._socket.recv(1 << 18)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as error:
            raise Gone(str(error)) from None
        finally:
            self._socket.settimeout(SECONDS_MAX)
        if not data:
            raise Gone("end of stream")
        self._codec.feed(data)
        while (kind := self._codec.next()) != NEED_DATA:
            self._frame(int(kind))
        return True

    def hear_the_rest(self) -> None:
        """Takes all that the peer had sent before it went."""
        try:
            while self.hear(SECONDS_MAX):
                pass
        except Gone:
            self.close()

    def await_confirms(self, count: int, seconds: float = SECONDS_MAX) -> None:
        """Until that many publishes are confirmed, all from the first on."""
        by = time.monotonic() + seconds
        while self.confirmed < count:
            self.flush()
            left = by - time.monotonic()
            assert left > 0, f"{self.confirmed} of {count} confirmed within {seconds} s"
            self.hear(min(left, 0.05) if self._unsent else left)

    def await_deliveries(self, count: int) -> None:
        by = time.monotonic() + SECONDS_MAX
        while len(self.deliveries) < count:
            assert self.hear(by - time.monotonic()), f"{len(self.deliveries)} of {count} deliveries"

    def _frame(self, kind: int) -> None:
        codec = self._codec
        data, start, end = codec.data, int(codec.payload_start), int(codec.payload_end)
        if kind == METHOD:
            method = decode_method(data, start, end)
            if isinstance(method, BasicDeliver):
                self._partial = Delivered(method)
            elif isinstance(method, BasicAck):
                self._confirm(int(method.delivery_tag), method.multiple)
            else:
                self.methods.append(method)
            return
        partial = self._partial
        assert partial is not None, f"frame of kind {kind} without a method"
        if kind == HEADER:
            partial.left = int.from_bytes(data[start + 4 : start + 12], "big")
            partial.properties = decode_properties(data[start + 12 : end])
        else:
            partial.body += data[start:end]
            partial.left -= end - start
        if partial.left == 0:
            self._partial = None
            self.deliveries.append(partial)

    def _confirm(self, tag: int, multiple: bool) -> None:
        if multiple:
            self.confirmed = max(self.confirmed, tag)
        else:
            self.confirmed_beyond.add(tag)
        while self.confirmed + 1 in self.confirmed_beyond:
            self.confirmed += 1
        self.confirmed_beyond = {number for number in self.confirmed_beyond if number > self.confirmed}

    def close(self) -> None:
        """Ends the connection without a word."""
        self._socket.close()


def drain(host: str, port: int, queue: str) -> list[bytes]:
    """Takes everything that the queue holds, in order."""
    client = RawClient(host, port)
    try:
        count = int(client.declare(queue, passive=True).message_count)
        client.consume(queue)
        client.await_deliveries(count)
        bodies = [delivered.body for delivered in client.deliveries]
        if bodies:
            client.ack(client.deliveries[-1].tag, True)
        # The answer to this comes after the acknowledgement was taken.
        left = int(client.declare(queue, passive=True).message_count)
        assert left == 0, f"{left} more messages in {queue}"
        assert not any(delivered.left for delivered in client.deliveries)
        assert len(client.deliveries) == len(bodies), "more came than the queue counted"
        return bodies
    finally:
        client.close()
