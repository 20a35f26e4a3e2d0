"""A synchronous AMQP 0-9-1 client that shows every frame it gets, in order; it knows no rules and hides nothing.

Methods are encoded and decoded by the head's own classes; tables are read here, with their type letters, because two
brokers may send the same value as different types. Must not judge what a broker does.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from librt.strings import BytesWriter

from onemq.heads.amqp091.codec import write_content, write_method_frame
from onemq.heads.amqp091.frames import BODY, HEADER, METHOD, PROTOCOL_HEADER_0_9_1
from onemq.heads.amqp091.methods import (
    METHODS,
    ConnectionClose,
    ConnectionOpen,
    ConnectionStartOk,
    ConnectionTuneOk,
    Method,
    decode_method,
)

ANSWER_SECONDS_MAX = 10.0
FRAME_BYTES_MAX = 8192
CHANNELS_MAX = 64
CLOSED = "socket closed"

_FIXED = {
    "t": ">?",
    "b": ">b",
    "B": ">B",
    "s": ">h",
    "u": ">H",
    "I": ">i",
    "i": ">I",
    "l": ">q",
    "L": ">q",
    "f": ">f",
    "d": ">d",
    "T": ">Q",
    "D": ">Bi",
}

Value = tuple[str, Any]
"""A field's type letter and what it holds; tables hold lists of (name, Value), arrays lists of Value."""


@dataclass
class Event:
    """One frame that came (contents in one piece): its method, and for a content its raw parts."""

    channel: int
    name: str
    method: Method | None = None
    properties: list[tuple[str, Any]] = field(default_factory=list)
    body: bytes = b""


def encode_table(fields: list[tuple[str, Value]]) -> bytes:
    return b"".join(_short(name) + encode_value(value) for name, value in fields)


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


def encode_value(value: Value) -> bytes:
    letter, held = value
    if letter in _FIXED:
        parts = held if isinstance(held, tuple) else (held,)
        return letter.encode() + struct.pack(_FIXED[letter], *parts)
    if letter == "V":
        return b"V"
    if letter == "F":
        data = encode_table(held)
    elif letter == "A":
        data = b"".join(encode_value(item) for item in held)
    else:
        data = held if isinstance(held, bytes) else held.encode()
    return letter.encode() + struct.pack(">I", len(data)) + data


def decode_table(data: bytes) -> list[tuple[str, Value]]:
    fields: list[tuple[str, Value]] = []
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        name = data[at + 1 : end].decode(errors="replace")
        value, at = _decode_value(data, end)
        fields.append((name, value))
    return fields


def _decode_value(data: bytes, at: int) -> tuple[Value, int]:
    letter = chr(data[at])
    at += 1
    if letter in _FIXED:
        parts = struct.unpack_from(_FIXED[letter], data, at)
        return (letter, parts if len(parts) > 1 else parts[0]), at + struct.calcsize(_FIXED[letter])
    if letter == "V":
        return (letter, None), at
    (size,) = struct.unpack_from(">I", data, at)
    held = data[at + 4 : at + 4 + size]
    if letter == "F":
        return (letter, decode_table(held)), at + 4 + size
    if letter == "A":
        items: list[Value] = []
        position = 0
        while position < len(held):
            item, position = _decode_value(held, position)
            items.append(item)
        return (letter, items), at + 4 + size
    return (letter, held.decode(errors="replace") if letter == "S" else held), at + 4 + size


_PROPERTIES = (
    ("content_type", "S"),
    ("content_encoding", "S"),
    ("headers", "F"),
    ("delivery_mode", "B"),
    ("priority", "B"),
    ("correlation_id", "S"),
    ("reply_to", "S"),
    ("expiration", "S"),
    ("message_id", "S"),
    ("timestamp", "T"),
    ("type", "S"),
    ("user_id", "S"),
    ("app_id", "S"),
    ("cluster_id", "S"),
)


def decode_properties(raw: bytes) -> list[tuple[str, Any]]:
    (flags,) = struct.unpack_from(">H", raw)
    at = 2
    found: list[tuple[str, Any]] = []
    for index, (name, kind) in enumerate(_PROPERTIES):
        if not flags & (0x8000 >> index):
            continue
        if kind == "S":
            found.append((name, raw[at + 1 : at + 1 + raw[at]].decode(errors="replace")))
            at += 1 + raw[at]
        elif kind == "F":
            (size,) = struct.unpack_from(">I", raw, at)
            found.append((name, decode_table(raw[at + 4 : at + 4 + size])))
            at += 4 + size
        elif kind == "B":
            found.append((name, raw[at]))
            at += 1
        else:
            found.append((name, struct.unpack_from(">Q", raw, at)[0]))
            at += 8
    return found


def method_frame(channel: int, method: Method) -> bytes:
    writer = BytesWriter()
    write_method_frame(writer, channel, method.encode())
    return writer.getvalue()


def content_frames(channel: int, properties: bytes, body: bytes) -> bytes:
    writer = BytesWriter()
    write_content(writer, channel, properties, body, FRAME_BYTES_MAX)
    return writer.getvalue()


class Connection:
    """One logged in connection. `dead` once its socket is closed."""

    def __init__(self, port: int, user: str = "guest", password: str = "guest") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open_channels: set[int] = set()
        self.dead = False
        self.closing = False
        self._received = b""
        self._content: dict[int, tuple[Event, int]] = {}
        self.send(PROTOCOL_HEADER_0_9_1)
        self._await("connection.start")
        capabilities = {"consumer_cancel_notify": True, "authentication_failure_close": True}
        self.send_method(
            0,
            ConnectionStartOk(
                {"capabilities": dict(capabilities)}, "PLAIN", f"\0{user}\0{password}".encode()
            ),
        )
        self._await("connection.tune")
        self.send_method(0, ConnectionTuneOk(CHANNELS_MAX, FRAME_BYTES_MAX, 0))
        self.send_method(0, ConnectionOpen("/"))
        self._await("connection.open-ok")

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            # What it closed it for is still to be read.
            return

    def send_method(self, channel: int, method: Method) -> None:
        self.send(method_frame(channel, method))

    def _await(self, name: str) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while time.monotonic() < deadline:
            for event in self.receive(0.1):
                assert event.name == name, f"{event} where {name} was due"
                return
        raise AssertionError(f"no {name}")

    def receive(self, seconds: float) -> list[Event]:
        """What comes within this time; returns as soon as something has come."""
        if self.dead or not select.select([self.socket], [], [], seconds)[0]:
            return []
        try:
            data = self.socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.dead = True
            self.socket.close()
            return [Event(0, CLOSED)]
        self._received += data
        return self._cut()

    def _cut(self) -> list[Event]:
        events: list[Event] = []
        while len(self._received) >= 7:
            kind, channel, size = struct.unpack_from(">BHI", self._received)
            if len(self._received) < size + 8:
                break
            payload = self._received[7 : 7 + size]
            self._received = self._received[size + 8 :]
            self._take(kind, channel, payload, events)
        return events

    def _take(self, kind: int, channel: int, payload: bytes, events: list[Event]) -> None:
        if kind == METHOD:
            method = decode_method(payload, 0, len(payload))
            spec = METHODS[struct.unpack_from(">I", payload)[0]]
            event = Event(channel, spec.name, method)
            if spec.has_content:
                self._content[channel] = (event, -1)
            else:
                events.append(event)
        elif kind == HEADER:
            event = self._content[channel][0]
            size = struct.unpack_from(">Q", payload, 4)[0]
            event.properties = decode_properties(payload[12:])
            self._content[channel] = (event, size)
            self._finish(channel, events)
        elif kind == BODY:
            self._content[channel][0].body += payload
            self._finish(channel, events)
        else:
            events.append(Event(channel, f"frame of type {kind}"))

    def _finish(self, channel: int, events: list[Event]) -> None:
        event, size = self._content[channel]
        if len(event.body) >= size:
            del self._content[channel]
            events.append(event)

    def close(self) -> None:
        if self.dead:
            return
        self.send_method(0, ConnectionClose(200, "done", 0, 0))
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while not self.dead and time.monotonic() < deadline:
            if any(event.name == "connection.close-ok" for event in self.receive(0.2)):
                break
        self.dead = True
        self.socket.close()
