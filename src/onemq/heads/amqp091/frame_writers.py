"""Frames to bytes: what is sent so often that no object is built for it.

Job: append whole frames of messages and acknowledgements, both directions, to a connection's writer.
Must not: know channels, states or limits; frame_bytes_max is an argument.
Spec: AMQP 0-9-1 section 2.3.5 and 4.2.2 to 4.2.7, class basic.

Short strings and properties come as the bytes that stand on the wire, so what was published is sent on unread.
"""

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be
from mypy_extensions import i16, i32, i64, u8

from onemq.heads.amqp091.frames import (
    BASIC_ACK,
    BASIC_CLASS,
    BASIC_DELIVER,
    BASIC_GET_OK,
    BASIC_NACK,
    BASIC_PUBLISH,
    BASIC_RETURN,
    BODY,
    CONTENT_HEADER_BYTES,
    FRAME_END,
    FRAME_OVERHEAD_BYTES,
    HEADER,
    HEARTBEAT_FRAME,
    METHOD,
)


def write_method_frame(writer: BytesWriter, channel: i64, payload: bytes) -> None:
    """One method frame; payload as Method.encode() gives it."""
    _write_frame_header(writer, METHOD, channel, len(payload))
    writer.write(payload)
    writer.append(FRAME_END)


def write_heartbeat(writer: BytesWriter) -> None:
    """One heartbeat frame."""
    writer.write(HEARTBEAT_FRAME)


def write_content(
    writer: BytesWriter, channel: i64, properties: bytes, body: bytes, frame_bytes_max: i64
) -> None:
    """Header frame and as many body frames as frame_bytes_max (0: no limit) asks for; none for an empty body."""
    body_bytes: i64 = len(body)
    _write_frame_header(writer, HEADER, channel, CONTENT_HEADER_BYTES + len(properties))
    write_i32_be(writer, BASIC_CLASS << 16)
    write_i64_be(writer, body_bytes)
    writer.write(properties)
    writer.append(FRAME_END)
    if body_bytes == 0:
        return
    piece_max = frame_bytes_max - FRAME_OVERHEAD_BYTES
    if frame_bytes_max == 0 or body_bytes <= piece_max:
        _write_frame_header(writer, BODY, channel, body_bytes)
        writer.write(body)
        writer.append(FRAME_END)
        return
    position: i64 = 0
    while position < body_bytes:
        piece = body[position : position + piece_max]
        _write_frame_header(writer, BODY, channel, len(piece))
        writer.write(piece)
        writer.append(FRAME_END)
        position += piece_max


def write_deliver(
    writer: BytesWriter,
    channel: i64,
    consumer_tag_short: bytes,
    delivery_tag: i64,
    redelivered: bool,
    address_short: bytes,
    properties: bytes,
    body: bytes,
    frame_bytes_max: i64,
) -> None:
    """basic.deliver with its content.

    consumer_tag_short is a short string with its length octet; address_short is exchange and routing key as two of
    them, as they came in basic.publish.
    """
    _write_frame_header(writer, METHOD, channel, 13 + len(consumer_tag_short) + len(address_short))
    write_i32_be(writer, BASIC_DELIVER)
    writer.write(consumer_tag_short)
    write_i64_be(writer, delivery_tag)
    writer.append(1 if redelivered else 0)
    writer.write(address_short)
    writer.append(FRAME_END)
    write_content(writer, channel, properties, body, frame_bytes_max)


def write_get_ok(
    writer: BytesWriter,
    channel: i64,
    delivery_tag: i64,
    redelivered: bool,
    address_short: bytes,
    message_count: i64,
    properties: bytes,
    body: bytes,
    frame_bytes_max: i64,
) -> None:
    """basic.get-ok with its content; message_count is what the queue still holds ready."""
    _write_frame_header(writer, METHOD, channel, 17 + len(address_short))
    write_i32_be(writer, BASIC_GET_OK)
    write_i64_be(writer, delivery_tag)
    writer.append(1 if redelivered else 0)
    writer.write(address_short)
    _write_u32(writer, message_count)
    writer.append(FRAME_END)
    write_content(writer, channel, properties, body, frame_bytes_max)


def write_return(
    writer: BytesWriter,
    channel: i64,
    reply_code: i64,
    reply_text_short: bytes,
    address_short: bytes,
    properties: bytes,
    body: bytes,
    frame_bytes_max: i64,
) -> None:
    """basic.return with its content."""
    _write_frame_header(writer, METHOD, channel, 6 + len(reply_text_short) + len(address_short))
    write_i32_be(writer, BASIC_RETURN)
    _write_u16(writer, reply_code)
    writer.write(reply_text_short)
    writer.write(address_short)
    writer.append(FRAME_END)
    write_content(writer, channel, properties, body, frame_bytes_max)


def write_publish(
    writer: BytesWriter,
    channel: i64,
    address_short: bytes,
    mandatory: bool,
    properties: bytes,
    body: bytes,
    frame_bytes_max: i64,
) -> None:
    """basic.publish with its content: the client's direction."""
    _write_frame_header(writer, METHOD, channel, 7 + len(address_short))
    write_i32_be(writer, BASIC_PUBLISH)
    write_i16_be(writer, 0)
    writer.write(address_short)
    writer.append(1 if mandatory else 0)
    writer.append(FRAME_END)
    write_content(writer, channel, properties, body, frame_bytes_max)


def write_ack(writer: BytesWriter, channel: i64, delivery_tag: i64, multiple: bool) -> None:
    """basic.ack; from the server a publisher confirm."""
    _write_frame_header(writer, METHOD, channel, 13)
    write_i32_be(writer, BASIC_ACK)
    write_i64_be(writer, delivery_tag)
    writer.append(1 if multiple else 0)
    writer.append(FRAME_END)


def write_nack(
    writer: BytesWriter, channel: i64, delivery_tag: i64, multiple: bool, requeue: bool = True
) -> None:
    """basic.nack; from the server a refused publish, on which RabbitMQ leaves requeue at its default, true."""
    _write_frame_header(writer, METHOD, channel, 13)
    write_i32_be(writer, BASIC_NACK)
    write_i64_be(writer, delivery_tag)
    writer.append((1 if multiple else 0) | (2 if requeue else 0))
    writer.append(FRAME_END)


def _write_frame_header(writer: BytesWriter, kind: u8, channel: i64, size: i64) -> None:
    writer.append(kind)
    _write_u16(writer, channel)
    _write_u32(writer, size)


def _write_u16(writer: BytesWriter, value: i64) -> None:
    write_i16_be(writer, i16(value if value < 0x8000 else value - 0x1_0000))


def _write_u32(writer: BytesWriter, value: i64) -> None:
    write_i32_be(writer, i32(value if value < 0x8000_0000 else value - 0x1_0000_0000))
