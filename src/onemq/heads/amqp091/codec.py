"""Bytes to frames.

Job: cut the incoming byte stream into frames without building an object per frame, and read the payloads that come
in thousands. The way back is frame_writers, whose functions this module hands on.
Must not: know channels, states or the order of frames; that is the conversation's.
Spec: AMQP 0-9-1 section 2.3.5, 4.2.1 to 4.2.7. Error wording: RabbitMQ's.
"""

from typing import Final

from librt.strings import BytesWriter, read_i16_be, read_i32_be, read_i64_be
from mypy_extensions import i32, i64

from onemq.heads.amqp091.frame_writers import (
    write_ack,
    write_content,
    write_deliver,
    write_get_ok,
    write_heartbeat,
    write_method_frame,
    write_nack,
    write_publish,
    write_return,
)
from onemq.heads.amqp091.frames import (
    BODY,
    CONTENT_HEADER_BYTES,
    FRAME_END,
    FRAME_ERROR,
    FRAME_HEADER_BYTES,
    FRAME_OVERHEAD_BYTES,
    HEADER,
    HEARTBEAT,
    METHOD,
    METHOD_KEY_BYTES,
    NEED_DATA,
    PROTOCOL_HEADER,
    PROTOCOL_HEADER_BYTES,
    UNEXPECTED_FRAME,
    AmqpWireError,
    octets_text,
)

__all__ = [
    "Codec",
    "content_body_bytes",
    "content_class",
    "content_weight",
    "frame_text",
    "method_key",
    "publish_bits_at",
    "settlement_tag",
    "write_ack",
    "write_content",
    "write_deliver",
    "write_get_ok",
    "write_heartbeat",
    "write_method_frame",
    "write_nack",
    "write_publish",
    "write_return",
]

_SNIPPET_BYTES: Final = 16


class Codec:
    """Incoming half of one connection.

    feed() bytes, then call next() until it returns NEED_DATA; only then feed() again. After any other return value
    the frame's payload is data[payload_start:payload_end], valid until the next call of next() or feed().

    Attributes:
        data, payload_start, payload_end, channel: the frame that next() found.
        frame_bytes_max: negotiated frame_max; as RabbitMQ does, a payload of that size is let through though the
            frame around it is 8 octets larger, because clients get this wrong. 0 is no limit.
    """

    __slots__ = (
        "data",
        "payload_start",
        "payload_end",
        "channel",
        "frame_bytes_max",
        "_position",
        "_length",
        "_at_start",
        "_lost",
        "_tail",
        "_held",
        "_held_bytes",
        "_wanted_bytes",
    )

    def __init__(self, frame_bytes_max: i64, expect_protocol_header: bool = True) -> None:
        self.data = b""
        self.payload_start: i64 = 0
        self.payload_end: i64 = 0
        self.channel: i32 = 0
        self.frame_bytes_max: i64 = frame_bytes_max
        self._position: i64 = 0
        self._length: i64 = 0
        self._at_start = expect_protocol_header
        self._lost = False
        # A frame that has not all come yet: _tail is its beginning; once a second piece arrives _held collects all.
        self._tail = b""
        self._held: BytesWriter | None = None
        self._held_bytes: i64 = 0
        self._wanted_bytes: i64 = 0

    def feed(self, data: bytes) -> None:
        """Take what the peer sent. Nothing is parsed here."""
        if self._lost:
            return
        if self._position < self._length:
            data = self.data[self._position :] + data
        elif self._held_bytes > 0:
            self._held_bytes += len(data)
            held = self._held
            if held is None:
                if self._held_bytes < self._wanted_bytes:
                    held = BytesWriter()
                    held.write(self._tail)
                    held.write(data)
                    self._held = held
                    return
                data = self._tail + data
            else:
                held.write(data)
                if self._held_bytes < self._wanted_bytes:
                    return
                data = held.getvalue()
                self._held = None
            self._held_bytes = 0
            self._tail = b""
        self.data = data
        self._position = 0
        self._length = len(data)

    def next(self) -> i64:
        """Find the next frame and return its kind, NEED_DATA if it has not all come.

        PROTOCOL_HEADER is returned once, for the first eight bytes whatever they are, if they were expected.
        Raises AmqpWireError 501 for a frame that is too large, has a wrong end octet, an unknown type or too short
        a payload, 505 for a heartbeat on a channel. After the first two the stream has no frames any more: next()
        returns NEED_DATA for ever.
        """
        data = self.data
        position = self._position
        available = self._length - position
        if self._at_start:
            return self._protocol_header(available)
        if available < FRAME_HEADER_BYTES:
            return self._hold(FRAME_HEADER_BYTES)
        size = i64(read_i32_be(data, position + 3)) & 0xFFFF_FFFF
        self.channel = i32(read_i16_be(data, position + 1)) & 0xFFFF
        if self.frame_bytes_max != 0 and size > self.frame_bytes_max:
            raise self._too_large(i64(data[position]), size)
        if size + FRAME_OVERHEAD_BYTES > available:
            return self._hold(size + FRAME_OVERHEAD_BYTES)
        kind: i64 = data[position]
        position += FRAME_HEADER_BYTES
        end = position + size
        self.payload_start = position
        self.payload_end = end
        if data[end] != FRAME_END:
            raise self._bad_end(kind)
        self._position = end + 1
        if kind == BODY:
            return BODY
        if kind == METHOD and size >= METHOD_KEY_BYTES:
            return METHOD
        if kind == HEADER and size >= CONTENT_HEADER_BYTES:
            return HEADER
        if kind == HEARTBEAT and size == 0 and self.channel == 0:
            return HEARTBEAT
        raise self._unknown(kind, size)

    def unread(self) -> bytes:
        """All that was fed and not yet returned as frames; the codec forgets it. For a change of protocol."""
        if self._position < self._length:
            rest = self.data[self._position :]
        elif self._held is not None:
            rest = self._held.getvalue()
        else:
            rest = self._tail
        self._forget()
        return rest

    def _protocol_header(self, available: i64) -> i64:
        if available < PROTOCOL_HEADER_BYTES:
            return self._hold(PROTOCOL_HEADER_BYTES)
        self._at_start = False
        self.channel = 0
        self.payload_start = self._position
        self.payload_end = self._position + PROTOCOL_HEADER_BYTES
        self._position = self.payload_end
        return PROTOCOL_HEADER

    def _hold(self, wanted_bytes: i64) -> i64:
        rest = self._length - self._position
        if rest > 0:
            self._tail = self.data[self._position :]
            self._held_bytes = rest
            self._wanted_bytes = wanted_bytes
        if self._length > 0:
            self.data = b""
            self._position = 0
            self._length = 0
        return NEED_DATA

    def _forget(self) -> None:
        self.data = b""
        self._position = 0
        self._length = 0
        self._tail = b""
        self._held = None
        self._held_bytes = 0

    def _too_large(self, kind: i64, size: i64) -> AmqpWireError:
        limit = self.frame_bytes_max - FRAME_OVERHEAD_BYTES
        self._lost = True
        self._forget()
        return _frame_error(kind, b"", f"{{frame_too_large,{size},{limit}}}")

    def _bad_end(self, kind: i64) -> AmqpWireError:
        payload = self.data[self.payload_start : self.payload_end]
        end_octet = self.data[self.payload_end]
        self._lost = True
        self._forget()
        return _frame_error(kind, payload, f"{{invalid_frame_end_marker,{end_octet}}}")

    def _unknown(self, kind: i64, size: i64) -> AmqpWireError:
        payload = self.data[self.payload_start : self.payload_end]
        if kind == HEARTBEAT and size == 0:
            return AmqpWireError(UNEXPECTED_FRAME, frame_text(int(kind), payload))
        return _frame_error(kind, payload, "unknown_frame")


def frame_text(kind: int, payload: bytes) -> str:
    """A frame as RabbitMQ names it in an error: its type and the first octets of its payload."""
    if len(payload) <= _SNIPPET_BYTES:
        return f"type {kind}, all octets = {octets_text(payload)}"
    return f"type {kind}, first 16 octets = {octets_text(payload[:_SNIPPET_BYTES])}"


def _frame_error(kind: i64, payload: bytes, reason: str) -> AmqpWireError:
    return AmqpWireError(FRAME_ERROR, f"{frame_text(int(kind), payload)}: {reason}")


def _cannot_decode(data: bytes, payload_start: i64, payload_end: i64) -> AmqpWireError:
    arguments = data[payload_start + METHOD_KEY_BYTES : payload_end]
    key = int(read_i32_be(data, payload_start))
    return AmqpWireError(FRAME_ERROR, "cannot decode " + octets_text(arguments), key >> 16, key & 0xFFFF)


def method_key(data: bytes, payload_start: i64) -> i64:
    """Class and method number of a METHOD frame, to be compared with frames.BASIC_PUBLISH and so on."""
    return i64(read_i32_be(data, payload_start)) & 0xFFFF_FFFF


def publish_bits_at(data: bytes, payload_start: i64, payload_end: i64) -> i64:
    """Where the bits (1 mandatory, 2 immediate) of a basic.publish stand.

    data[payload_start + 6 : that] is its address: exchange and routing key as two short strings.
    Raises AmqpWireError 501 when the payload is not exactly a basic.publish.
    """
    position = payload_start + 6
    if position < payload_end:
        position += 1 + i64(data[position])
        if position < payload_end:
            position += 1 + i64(data[position])
            if position + 1 == payload_end:
                return position
    raise _cannot_decode(data, payload_start, payload_end)


def settlement_tag(data: bytes, payload_start: i64, payload_end: i64) -> i64:
    """Delivery tag of a basic.ack, basic.nack or basic.reject; its bits are data[payload_start + 12].

    Bits: 1 is multiple of ack and nack, requeue of reject; 2 is requeue of nack. A tag of 2**63 and more comes out
    negative; no such tag is ever given out. Raises AmqpWireError 501.
    """
    if payload_end - payload_start != 13:
        raise _cannot_decode(data, payload_start, payload_end)
    return read_i64_be(data, payload_start + 4)


def content_class(data: bytes, payload_start: i64) -> i64:
    """Class number of a HEADER frame."""
    return i64(read_i16_be(data, payload_start)) & 0xFFFF


def content_weight(data: bytes, payload_start: i64) -> i64:
    """Weight of a HEADER frame; anything but 0 is an error."""
    return i64(read_i16_be(data, payload_start + 2)) & 0xFFFF


def content_body_bytes(data: bytes, payload_start: i64) -> i64:
    """Body size of a HEADER frame; negative where the peer claims 2**63 and more.

    The properties are data[payload_start + CONTENT_HEADER_BYTES : payload_end].
    """
    return read_i64_be(data, payload_start + 4)
