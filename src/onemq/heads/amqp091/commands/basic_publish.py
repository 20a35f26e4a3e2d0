"""basic.publish with its content: the hot path in.

No method object is decoded: the address's bytes find a resolved `Target`, properties are kept as they came.
Spec: AMQP 0-9-1 class basic; RabbitMQ's documentation of mandatory, per-message TTL, user-id, sender-selected
distribution (CC, BCC), direct reply-to and the delayed-message plugin.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.enqueueing import ROUTED
from onemq.heads.amqp091.channel import EXPECT_BODY, EXPECT_HEADER, Channel
from onemq.heads.amqp091.codec import (
    content_body_bytes,
    content_class,
    content_weight,
    publish_bits_at,
    write_return,
)
from onemq.heads.amqp091.commands.names import REPLY_TO as REPLY_QUEUE
from onemq.heads.amqp091.frames import (
    BASIC_CLASS,
    CONTENT_HEADER_BYTES,
    FRAME_ERROR,
    NO_ROUTE,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    UNEXPECTED_FRAME,
    AmqpWireError,
    short_string,
)
from onemq.heads.amqp091.mapping import (
    BCC_FIELD,
    delay_ms,
    expiration_ms,
    extra_routing_keys,
    record_headers,
    routing_headers,
    with_long_header,
    without_bcc,
)
from onemq.heads.amqp091.properties import (
    EXPIRATION,
    HEADERS,
    PERSISTENT,
    REPLY_TO,
    USER_ID,
    PropertyInfo,
    parse_flags,
    replace_property,
)
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.heads.amqp091.session import Target
from onemq.heads.amqp091.table import FieldValue
from onemq.heads.amqp091.transactions import HeldPublish
from onemq.model.record import NATIVE_AMQP091, HeaderValue, Record
from onemq.model.refusal import Reason, Refusal

_MANDATORY: Final = 1
_IMMEDIATE: Final = 2
_LOOKED_AT: Final = HEADERS | EXPIRATION | REPLY_TO | USER_ID
"""Properties that make a publish take the long way."""
_NO_ROUTE_TEXT: Final = short_string("NO_ROUTE")
_NO_HEADERS: Final[dict[str, FieldValue]] = {}


# Frames.


def begin(channel: Channel, data: bytes, start: i64, end: i64) -> None:
    """The method frame."""
    bits_at = publish_bits_at(data, start, end)
    target = channel.session.targets.get(data[start + 6 : end])
    if target is None:
        target = _resolve(channel, data, start, end, bits_at)
    channel.target = target
    channel.expects = EXPECT_HEADER


def _resolve(channel: Channel, data: bytes, start: i64, end: i64, bits_at: i64) -> Target:
    bits = data[bits_at]
    if bits & _IMMEDIATE:
        raise AmqpRefusal(NOT_IMPLEMENTED, "immediate=true")
    session = channel.session
    exchange_end = start + 7 + i64(data[start + 6])
    exchange = data[start + 7 : exchange_end].decode("utf-8", "surrogateescape")
    routing_key = data[exchange_end + 1 : bits_at].decode("utf-8", "surrogateescape")
    target = Target(session.access.route(exchange, routing_key), bits & _MANDATORY != 0)
    session.remember(data[start + 6 : end], target)
    if not session.publishing:
        session.publishing = True
        session.link.publishes()
    return target


def header(channel: Channel, data: bytes, start: i64, end: i64) -> None:
    """The header frame."""
    if content_class(data, start) != BASIC_CLASS:
        raise AmqpWireError(
            UNEXPECTED_FRAME,
            f"expected content header for class 60, got one for class {content_class(data, start)} instead",
            60,
            40,
        )
    if content_weight(data, start) != 0:
        raise AmqpWireError(
            UNEXPECTED_FRAME,
            "expected content header for class 60, got non content header frame instead",
            60,
            40,
        )
    body_bytes = content_body_bytes(data, start)
    limit: i64 = channel.session.settings.message_bytes_max
    if body_bytes < 0 or body_bytes > limit:
        channel.reset_content()
        shown = int(body_bytes) if body_bytes >= 0 else int(body_bytes) + (1 << 64)
        raise Refusal(Reason.TOO_LARGE, "message", wanted=str(shown), actual=str(limit))
    channel.properties = data[start + CONTENT_HEADER_BYTES : end]
    if body_bytes == 0:
        _complete(channel, b"")
    else:
        channel.body_bytes = body_bytes
        channel.collected = 0
        channel.expects = EXPECT_BODY


def body(channel: Channel, data: bytes, start: i64, end: i64) -> None:
    """A body frame."""
    size = end - start
    if size == channel.body_bytes and channel.collected == 0:
        _complete(channel, data[start:end])
        return
    channel.collected += size
    channel.session.hold(size)
    if channel.collected > channel.body_bytes:
        raise AmqpWireError(FRAME_ERROR, "content body is larger than its header announced")
    channel.pieces.append(data[start:end])
    if channel.collected == channel.body_bytes:
        whole = b"".join(channel.pieces)
        channel.pieces = []
        channel.session.held_bytes -= channel.collected
        channel.collected = 0
        _complete(channel, whole)


# The message.


def _complete(channel: Channel, value: bytes) -> None:
    target = channel.target
    assert target is not None, "content without a publish"
    channel.expects = 0
    channel.target = None
    info = channel.last_info
    if info is None or info.raw != channel.properties:
        info = parse_flags(channel.properties)
        channel.last_info = info
    route = target.route
    record = Record(
        value,
        route.address,
        NATIVE_AMQP091,
        info.raw,
        info.delivery_mode != PERSISTENT,
        int(info.priority) if info.priority > 0 else 0,
    )
    if info.flags & _LOOKED_AT != 0 or route.needs_headers or channel.transaction is not None:
        _publish_with_care(channel, target, record, info)
        return
    session = channel.session
    access = session.access
    outcome: i64 = access.publish(route, record, None, None, channel)
    if target.mandatory and outcome & ROUTED == 0:
        send_back(channel, record)
    confirms = channel.confirms
    if confirms is not None:
        confirms.published(outcome, access, session.outbox)


def _publish_with_care(channel: Channel, target: Target, record: Record, info: PropertyInfo) -> None:
    """A message whose properties or headers mean something to the broker, or one in a transaction."""
    flags = info.flags
    now_ms: i64 = channel.session.access.now_ms()
    if flags & REPLY_TO != 0:
        _set_reply_name(channel, record, info)
    if info.expiration is not None:
        record.expires_at_ms = now_ms + expiration_ms(info.expiration)
    if flags & USER_ID != 0:
        _check_user(channel, info)
    headers = _NO_HEADERS
    keys: list[str] | None = None
    if flags & HEADERS != 0:
        headers = info.headers()
        record.headers = record_headers(headers)
        copies = extra_routing_keys(headers, "CC")
        blind_copies = extra_routing_keys(headers, "BCC")
        if copies or blind_copies:
            keys = copies + blind_copies
        if target.route.delayed:
            wait_ms = delay_ms(headers)
            if wait_ms > 0:
                record.not_before_ms = now_ms + wait_ms
                record.native = with_long_header(record.native, "x-delay", -wait_ms)
    routed_by: dict[str, HeaderValue] | None = None
    if target.route.needs_headers:
        routed_by = routing_headers(headers, info)
    if channel.transaction is not None:
        size = record.body_bytes()
        channel.transaction.publishes.append(HeldPublish(target, record, routed_by, keys))
        channel.transaction.held_bytes += size
        channel.session.hold(size)
    else:
        publish_record(channel, target, record, routed_by, keys)


def publish_record(
    channel: Channel,
    target: Target,
    record: Record,
    headers: dict[str, HeaderValue] | None,
    extra_keys: list[str] | None,
) -> i64:
    """Publishes, returns what is mandatory and reached no queue, and confirms. Gives the engine's outcome."""
    session = channel.session
    outcome: i64 = session.access.publish(target.route, record, headers, extra_keys, channel)
    if target.mandatory and outcome & ROUTED == 0:
        send_back(channel, record)
    if channel.confirms is not None:
        channel.confirms.published(outcome, session.access, session.outbox)
    return outcome


def send_back(channel: Channel, record: Record) -> None:
    """basic.return; written at once, so that it comes before its confirm. BCC is taken out on every way."""
    channel.session.access.sent_back(channel)
    properties = record.native
    if record.headers is not None and BCC_FIELD in properties:
        properties = without_bcc(properties)
    write_return(
        channel.session.outbox.writer,
        channel.number,
        NO_ROUTE,
        _NO_ROUTE_TEXT,
        record.address.shortstrs,
        properties,
        b"" if record.value is None else record.value,
        channel.session.frame_bytes_max,
    )


def _set_reply_name(channel: Channel, record: Record, info: PropertyInfo) -> None:
    """Direct reply-to: the pseudo queue's name becomes the one that finds this channel."""
    if info.text(REPLY_TO) != REPLY_QUEUE:
        return
    if channel.reply_name == "":
        raise AmqpRefusal(PRECONDITION_FAILED, "fast reply consumer does not exist")
    record.native = replace_property(info.raw, REPLY_TO, short_string(channel.reply_name))


def _check_user(channel: Channel, info: PropertyInfo) -> None:
    claimed = info.text(USER_ID)
    actual = channel.session.user
    if claimed != actual and "impersonator" not in channel.session.access.principal.tags:
        raise AmqpRefusal(
            PRECONDITION_FAILED,
            f"user_id property set to '{claimed}' but authenticated user was '{actual}'",
        )
