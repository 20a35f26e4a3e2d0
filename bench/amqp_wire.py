"""AMQP 0-9-1 bytes for the load program: encoding, the handshake, and blocking set-up calls.

Must not import onemq: a fault in its codec would otherwise be invisible here. Must not be used per message,
except for what is encoded once and sent many times. Source: AMQP 0-9-1 specification, sections 2.3 and 4.2.
"""

import socket
import struct
import time
from typing import Final

CHANNEL: Final = 1
FRAME_END: Final = 0xCE
METHOD_FRAME: Final = 1
HEADER_FRAME: Final = 2
BODY_FRAME: Final = 3

CONNECTION_START: Final = (10, 10)
CONNECTION_TUNE: Final = (10, 30)
CONNECTION_CLOSE: Final = (10, 50)
CHANNEL_CLOSE: Final = (20, 40)
BASIC_DELIVER: Final = (60, 60)

TIMEOUT_SECONDS: Final = 60.0
ADDRESS: Final = "127.0.0.1"


class LoadError(Exception):
    """The broker did something that makes the run's number worthless."""


def short_string(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + bytes((FRAME_END,))


def method(channel: int, class_id: int, method_id: int, arguments: bytes) -> bytes:
    return frame(METHOD_FRAME, channel, struct.pack(">HH", class_id, method_id) + arguments)


def publish(queue: str, body: bytes, persistent: bool) -> bytes:
    """The three frames of one basic.publish through the default exchange."""
    arguments = struct.pack(">H", 0) + short_string("") + short_string(queue) + b"\x00"
    delivery_mode = 2 if persistent else 1
    header = struct.pack(">HHQHB", 60, 0, len(body), 0x1000, delivery_mode)
    return (
        method(CHANNEL, 60, 40, arguments)
        + frame(HEADER_FRAME, CHANNEL, header)
        + frame(BODY_FRAME, CHANNEL, body)
    )


def ack_multiple(delivery_tag: int) -> bytes:
    return method(CHANNEL, 60, 80, struct.pack(">QB", delivery_tag, 1))


def describe_method(payload: bytes) -> str:
    """What a method frame's payload says, close reasons in clear."""
    class_id, method_id = struct.unpack_from(">HH", payload)
    if (class_id, method_id) in (CONNECTION_CLOSE, CHANNEL_CLOSE):
        code, length = struct.unpack_from(">HB", payload, 4)
        return f"close {code} {payload[7 : 7 + length].decode(errors='replace')}"
    return f"method {class_id}.{method_id}"


class Connection:
    """A blocking connection with one open channel, logged in as guest.

    Raises LoadError for an answer that was not asked for, OSError when the connection fails.
    """

    def __init__(self, port: int, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.socket = socket.create_connection((ADDRESS, port), timeout=timeout_seconds)
        self.received = bytearray()
        self.server_properties = b""
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._handshake()
        except (OSError, LoadError):
            self.socket.close()
            raise

    def _handshake(self) -> None:
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.server_properties = self._expect(*CONNECTION_START)
        response = b"\x00guest\x00guest"
        arguments = struct.pack(">I", 0) + short_string("PLAIN")
        arguments += struct.pack(">I", len(response)) + response + short_string("en_US")
        self.socket.sendall(method(0, 10, 11, arguments))
        channel_max, frame_bytes_max, _ = struct.unpack(">HIH", self._expect(*CONNECTION_TUNE))
        # No heartbeats: they would break the constant size by which deliveries are counted.
        self.socket.sendall(method(0, 10, 31, struct.pack(">HIH", channel_max, frame_bytes_max, 0)))
        self.socket.sendall(method(0, 10, 40, short_string("/") + b"\x00\x00"))
        self._expect(10, 41)
        self.call(20, 10, b"\x00", 11)

    def read_frame(self) -> tuple[int, bytes]:
        """The next frame's type and payload."""
        head = self._take(7)
        kind, _, length = struct.unpack(">BHI", head)
        payload = self._take(length)
        if self._take(1)[0] != FRAME_END:
            raise LoadError("frame without frame end")
        return kind, payload

    def _take(self, count: int) -> bytes:
        while len(self.received) < count:
            data = self.socket.recv(65536)
            if not data:
                raise LoadError("broker closed the connection")
            self.received += data
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def _expect(self, class_id: int, method_id: int) -> bytes:
        kind, payload = self.read_frame()
        if kind != METHOD_FRAME or struct.unpack_from(">HH", payload) != (class_id, method_id):
            found = describe_method(payload) if kind == METHOD_FRAME else f"frame type {kind}"
            raise LoadError(f"{found} where method {class_id}.{method_id} was due")
        return payload[4:]

    def call(self, class_id: int, method_id: int, arguments: bytes, answer_id: int) -> bytes:
        """Send a method on the channel; the arguments of its answer."""
        self.socket.sendall(method(CHANNEL, class_id, method_id, arguments))
        return self._expect(class_id, answer_id)

    def declare(self, queue: str, passive: bool = False) -> int:
        """Declare a durable queue; the number of messages that are ready in it."""
        bits = 0b11 if passive else 0b10
        arguments = struct.pack(">H", 0) + short_string(queue) + bytes((bits,)) + struct.pack(">I", 0)
        answer = self.call(50, 10, arguments, 11)
        count: int = struct.unpack_from(">I", answer, 1 + answer[0])[0]
        return count

    def prefetch(self, count: int) -> None:
        self.call(60, 10, struct.pack(">IHB", 0, count, 0), 11)

    def consume(self, queue: str, consumer_tag: str, automatic_ack: bool) -> None:
        bits = 0b10 if automatic_ack else 0
        arguments = struct.pack(">H", 0) + short_string(queue) + short_string(consumer_tag)
        self.call(60, 20, arguments + bytes((bits,)) + struct.pack(">I", 0), 21)

    def select_confirms(self) -> None:
        self.call(85, 10, b"\x00", 11)

    def server_version(self) -> str:
        """The version that connection.start announces, or 'unknown'."""
        key = b"\x07versionS"
        at = self.server_properties.find(key)
        if at < 0:
            return "unknown"
        at += len(key)
        (length,) = struct.unpack_from(">I", self.server_properties, at)
        return self.server_properties[at + 4 : at + 4 + length].decode(errors="replace")

    def close(self) -> None:
        self.socket.close()


def wait_for_handshake(port: int, deadline: float) -> Connection:
    """Try until a whole handshake succeeds; LoadError when `deadline` (time.monotonic()) has passed."""
    while True:
        try:
            return Connection(port, max(0.1, deadline - time.monotonic()))
        except (OSError, LoadError) as error:
            if time.monotonic() >= deadline:
                raise LoadError(f"no AMQP handshake in time: {error}") from error
            time.sleep(0.005)
