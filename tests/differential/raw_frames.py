"""Frames that no honest client sends, each by a name. Made for a channel number."""

from __future__ import annotations

import struct
from collections.abc import Callable

PUBLISH = struct.pack(">HHH", 60, 40, 0) + b"\x00" + b"\x01q" + b"\x00"
DECLARE = struct.pack(">HHH", 50, 10, 0) + b"\x01q" + b"\x01"


def frame(kind: int, channel: int, payload: bytes, end: bytes = b"\xce") -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + end


def method(channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> bytes:
    return frame(1, channel, struct.pack(">HH", class_id, method_id) + arguments)


def header(
    channel: int, size: int, properties: bytes = b"\x00\x00", class_id: int = 60, weight: int = 0
) -> bytes:
    return frame(2, channel, struct.pack(">HHQ", class_id, weight, size) + properties)


def publish(channel: int) -> bytes:
    return frame(1, channel, PUBLISH)


def declare(channel: int, table: bytes) -> bytes:
    return frame(1, channel, DECLARE + struct.pack(">I", len(table)) + table)


RAW: dict[str, Callable[[int], bytes]] = {
    "body first": lambda c: frame(3, c, b"x"),
    "header first": lambda c: header(c, 0),
    "body before header": lambda c: publish(c) + frame(3, c, b"x"),
    "publish twice": lambda c: publish(c) + publish(c),
    "method instead of body": lambda c: publish(c) + header(c, 5) + publish(c),
    "header twice": lambda c: publish(c) + header(c, 5) + header(c, 5),
    "body too long": lambda c: publish(c) + header(c, 2) + frame(3, c, b"abc"),
    "body in two, too long": lambda c: publish(c) + header(c, 2) + frame(3, c, b"a") + frame(3, c, b"bc"),
    "empty bodies": lambda c: publish(c) + header(c, 2) + frame(3, c, b"") + frame(3, c, b"ab"),
    "header of class 50": lambda c: publish(c) + header(c, 0, class_id=50),
    "header with weight": lambda c: publish(c) + header(c, 0, weight=1),
    "huge body announced": lambda c: publish(c) + header(c, 1 << 40),
    "negative body announced": lambda c: publish(c) + header(c, (1 << 64) - 1),
    "properties cut short": lambda c: publish(c) + header(c, 0, b"\x80\x00"),
    "properties too long": lambda c: publish(c) + header(c, 0, b"\x00\x00xx"),
    "properties of unknown field type": lambda c: (
        publish(c) + header(c, 0, b"\x20\x00\x00\x00\x00\x03\x01a?")
    ),
    "headers cut short": lambda c: publish(c) + header(c, 0, b"\x20\x00\x00\x00\x00\x09\x01a"),
    "properties continued": lambda c: publish(c) + header(c, 0, b"\x00\x01\x00\x00"),
    "unknown method": lambda c: method(c, 60, 222),
    "unknown class": lambda c: method(c, 99, 1),
    "deliver from a client": lambda c: method(c, 60, 60, b"\x01t" + b"\x00" * 8 + b"\x00\x00\x00"),
    "get-ok from a client": lambda c: method(c, 60, 72),
    "declare-ok from a client": lambda c: method(c, 50, 11, b"\x00" + b"\x00" * 8),
    "open-ok from a client": lambda c: method(c, 20, 11, b"\x00\x00\x00\x00"),
    "flow-ok from a client": lambda c: method(c, 20, 21, b"\x01"),
    "close-ok unasked": lambda c: method(c, 20, 41),
    "channel open twice": lambda c: method(c, 20, 10, b"\x00"),
    "connection method on a channel": lambda c: method(c, 10, 40, b"\x01/\x00\x00"),
    "connection close on a channel": lambda c: method(c, 10, 50, b"\x00\xc8\x00\x00\x00\x00\x00"),
    "queue method on channel 0": lambda c: method(0, 50, 30, b"\x00\x00\x01q\x00"),
    "channel open on channel 0": lambda c: method(0, 20, 10, b"\x00"),
    "tune-ok when running": lambda c: method(0, 10, 31, b"\x00" * 8),
    "unknown method on channel 0": lambda c: method(0, 10, 99),
    "header on channel 0": lambda c: header(0, 0),
    "body on channel 0": lambda c: frame(3, 0, b"x"),
    "heartbeat on a channel": lambda c: frame(8, c, b""),
    "heartbeat with payload": lambda c: frame(8, 0, b"x"),
    "heartbeat": lambda c: frame(8, 0, b"") + method(c, 20, 20, b"\x01"),
    "method on a closed channel": lambda c: method(60, 60, 70, b"\x00\x00\x01q\x00"),
    "close on a closed channel": lambda c: method(60, 20, 40, b"\x00\xc8\x00\x00\x00\x00\x00"),
    "close-ok on a closed channel": lambda c: method(60, 20, 41) + method(c, 20, 20, b"\x01"),
    "header on a closed channel": lambda c: header(60, 0),
    "body on a closed channel": lambda c: frame(3, 60, b"x"),
    "channel above the limit": lambda c: method(65, 20, 10, b"\x00"),
    "highest channel": lambda c: method(64, 20, 10, b"\x00"),
    "frame type 5": lambda c: frame(5, c, b"abc"),
    "frame type 4": lambda c: frame(4, c, b""),
    "wrong frame end": lambda c: frame(1, c, PUBLISH, b"\x00"),
    "frame as large as allowed": lambda c: publish(c) + header(c, 8184) + frame(3, c, b"x" * 8184),
    "frame a little too large": lambda c: publish(c) + header(c, 8185) + frame(3, c, b"x" * 8185),
    "payload as large as allowed": lambda c: publish(c) + header(c, 8192) + frame(3, c, b"x" * 8192),
    "payload too large": lambda c: publish(c) + header(c, 8193) + frame(3, c, b"x" * 8193),
    "method frame too short": lambda c: frame(1, c, b"\x00\x3c"),
    "header frame too short": lambda c: publish(c) + frame(2, c, b"\x00\x3c\x00\x00"),
    "arguments cut short": lambda c: method(c, 50, 10, b"\x00\x00\x05q"),
    "arguments too long": lambda c: method(c, 20, 20, b"\x01\x01"),
    "table of unknown type": lambda c: declare(c, b"\x01a?"),
    "table cut short": lambda c: declare(c, b"\x05a"),
    "table with twice the same": lambda c: declare(c, b"\x01at\x00\x01at\x01"),
    "name that is no UTF-8": lambda c: method(c, 50, 10, b"\x00\x00\x02\xff\xfe\x01\x00\x00\x00\x00"),
    "name with a line end": lambda c: method(c, 50, 10, b"\x00\x00\x03a\nb\x01\x00\x00\x00\x00"),
    "protocol header again": lambda c: b"AMQP\x00\x00\x09\x01",
    "flow off": lambda c: method(c, 20, 20, b"\x00"),
    "access request": lambda c: method(c, 30, 10, b"\x05/data\x1f"),
    "negative tag": lambda c: method(c, 60, 80, b"\xff" * 8 + b"\x00"),
    "update secret": lambda c: method(0, 10, 70, b"\x00\x00\x00\x01x\x01r") + method(c, 20, 20, b"\x01"),
    "blocked from a client": lambda c: method(0, 10, 60, b"\x01r"),
    "consume and body": lambda c: publish(c) + header(c, 1) + method(c, 60, 70, b"\x00\x00\x01q\x00"),
}

NOT_FOLLOWED = frozenset(
    (
        "body too long",
        "body in two, too long",
        "huge body announced",
        "negative body announced",
        "deliver from a client",
        "close-ok on a closed channel",
    )
)
"""RabbitMQ waits for what cannot come any more where onemq refuses; a needless close-ok onemq passes over."""
