"""The properties of a message: content header's flag word and the list that follows it.

Job: scan raw property bytes for what routing and queues must know, decode and encode all of them, exchange one of
them in raw bytes.
Must not: give any property a meaning (mapping and conversation do).
Spec: AMQP 0-9-1 section 4.2.6.1 and class basic. The low two bits of the flag word are ignored, as RabbitMQ does:
no property has ever used a second word.
"""

from typing import Final

from librt.strings import BytesWriter, read_i16_be, read_i32_be, read_i64_be
from mypy_extensions import i64

from onemq.heads.amqp091 import table
from onemq.heads.amqp091.frames import SYNTAX_ERROR, AmqpWireError, short_string
from onemq.heads.amqp091.table import FieldValue

CONTENT_TYPE: Final = 1 << 15
CONTENT_ENCODING: Final = 1 << 14
HEADERS: Final = 1 << 13
DELIVERY_MODE: Final = 1 << 12
PRIORITY: Final = 1 << 11
CORRELATION_ID: Final = 1 << 10
REPLY_TO: Final = 1 << 9
EXPIRATION: Final = 1 << 8
MESSAGE_ID: Final = 1 << 7
TIMESTAMP: Final = 1 << 6
TYPE: Final = 1 << 5
USER_ID: Final = 1 << 4
APP_ID: Final = 1 << 3
CLUSTER_ID: Final = 1 << 2

NO_PROPERTIES: Final = b"\x00\x00"
TRANSIENT: Final = 1
PERSISTENT: Final = 2

_BEFORE_HEADERS: Final = CONTENT_TYPE | CONTENT_ENCODING
_AFTER_PRIORITY: Final = (
    CORRELATION_ID | REPLY_TO | EXPIRATION | MESSAGE_ID | TIMESTAMP | TYPE | USER_ID | APP_ID | CLUSTER_ID
)


class PropertyInfo:
    """What a scan of raw properties found.

    Attributes:
        raw: the bytes that were scanned.
        flags: the flag word; test it with the constants of this module.
        delivery_mode: 0 where absent.
        priority: -1 where absent.
        expiration: as the publisher wrote it, None where absent.
        headers_start, headers_end: the raw headers table inside raw; both 0 where absent.
    """

    __slots__ = ("raw", "flags", "delivery_mode", "priority", "expiration", "headers_start", "headers_end")

    def __init__(self, raw: bytes, flags: i64) -> None:
        self.raw = raw
        self.flags: i64 = flags
        self.delivery_mode: i64 = 0
        self.priority: i64 = -1
        self.expiration: str | None = None
        self.headers_start: i64 = 0
        self.headers_end: i64 = 0

    def has_headers(self) -> bool:
        return self.flags & HEADERS != 0

    def headers(self) -> dict[str, FieldValue]:
        """The headers decoded; empty where absent."""
        return table.decode(self.raw, self.headers_start, self.headers_end)

    def text(self, flag: i64) -> str | None:
        """A short string property by its flag (CORRELATION_ID, REPLY_TO, ...); None where absent."""
        if self.flags & flag == 0:
            return None
        start, end = _span(self.raw, flag)
        return self.raw[start + 1 : end].decode("utf-8", "surrogateescape")

    def timestamp(self) -> int | None:
        """Seconds since 1970; None where absent."""
        if self.flags & TIMESTAMP == 0:
            return None
        start, _end = _span(self.raw, TIMESTAMP)
        return int(read_i64_be(self.raw, start)) & 0xFFFF_FFFF_FFFF_FFFF


class BasicProperties:
    """All fourteen properties of class basic; None is absent."""

    __slots__ = (
        "content_type",
        "content_encoding",
        "headers",
        "delivery_mode",
        "priority",
        "correlation_id",
        "reply_to",
        "expiration",
        "message_id",
        "timestamp",
        "type",
        "user_id",
        "app_id",
        "cluster_id",
    )

    def __init__(
        self,
        content_type: str | None = None,
        content_encoding: str | None = None,
        headers: dict[str, FieldValue] | None = None,
        delivery_mode: int | None = None,
        priority: int | None = None,
        correlation_id: str | None = None,
        reply_to: str | None = None,
        expiration: str | None = None,
        message_id: str | None = None,
        timestamp: int | None = None,
        type: str | None = None,
        user_id: str | None = None,
        app_id: str | None = None,
        cluster_id: str | None = None,
    ) -> None:
        self.content_type = content_type
        self.content_encoding = content_encoding
        self.headers = headers
        self.delivery_mode = delivery_mode
        self.priority = priority
        self.correlation_id = correlation_id
        self.reply_to = reply_to
        self.expiration = expiration
        self.message_id = message_id
        self.timestamp = timestamp
        self.type = type
        self.user_id = user_id
        self.app_id = app_id
        self.cluster_id = cluster_id


def parse_flags(raw: bytes) -> PropertyInfo:
    """Scan raw properties: every length is checked, the headers' structure too; only the expiration is built.

    Raises AmqpWireError 502 when malformed or when octets are left over.
    """
    end: i64 = len(raw)
    if end < 2:
        raise _malformed("no flag word")
    flags = i64(read_i16_be(raw, 0)) & 0xFFFC
    info = PropertyInfo(raw, flags)
    position: i64 = 2
    if flags & _BEFORE_HEADERS != 0:
        if flags & CONTENT_TYPE != 0:
            position = _short_end(raw, position, end)
        if flags & CONTENT_ENCODING != 0:
            position = _short_end(raw, position, end)
    if flags & HEADERS != 0:
        info.headers_start = position + 4
        position = _table_end(raw, position, end)
        info.headers_end = position
        table.check(raw, info.headers_start, position)
    if flags & DELIVERY_MODE != 0:
        if position >= end:
            raise _malformed("runs over the end")
        info.delivery_mode = raw[position]
        position += 1
    if flags & PRIORITY != 0:
        if position >= end:
            raise _malformed("runs over the end")
        info.priority = raw[position]
        position += 1
    if flags & _AFTER_PRIORITY != 0:
        position = _scan_rest(info, raw, position, end)
    if position != end:
        raise _malformed(f"{end - position} octets left over")
    return info


def _scan_rest(info: PropertyInfo, raw: bytes, position: i64, end: i64) -> i64:
    flags = info.flags
    if flags & CORRELATION_ID != 0:
        position = _short_end(raw, position, end)
    if flags & REPLY_TO != 0:
        position = _short_end(raw, position, end)
    if flags & EXPIRATION != 0:
        start = position + 1
        position = _short_end(raw, position, end)
        info.expiration = raw[start:position].decode("utf-8", "surrogateescape")
    if flags & MESSAGE_ID != 0:
        position = _short_end(raw, position, end)
    if flags & TIMESTAMP != 0:
        if end - position < 8:
            raise _malformed("runs over the end")
        position += 8
    if flags & TYPE != 0:
        position = _short_end(raw, position, end)
    if flags & USER_ID != 0:
        position = _short_end(raw, position, end)
    if flags & APP_ID != 0:
        position = _short_end(raw, position, end)
    if flags & CLUSTER_ID != 0:
        position = _short_end(raw, position, end)
    return position


def decode_properties(raw: bytes) -> BasicProperties:
    """All properties. Raises AmqpWireError 502 when malformed."""
    info = parse_flags(raw)
    flags = info.flags
    return BasicProperties(
        content_type=info.text(CONTENT_TYPE),
        content_encoding=info.text(CONTENT_ENCODING),
        headers=info.headers() if flags & HEADERS != 0 else None,
        delivery_mode=int(info.delivery_mode) if flags & DELIVERY_MODE != 0 else None,
        priority=int(info.priority) if flags & PRIORITY != 0 else None,
        correlation_id=info.text(CORRELATION_ID),
        reply_to=info.text(REPLY_TO),
        expiration=info.expiration,
        message_id=info.text(MESSAGE_ID),
        timestamp=info.timestamp(),
        type=info.text(TYPE),
        user_id=info.text(USER_ID),
        app_id=info.text(APP_ID),
        cluster_id=info.text(CLUSTER_ID),
    )


def encode_properties(properties: BasicProperties) -> bytes:
    """Flag word and list. Raises ValueError for what does not fit its field."""
    writer = BytesWriter()
    flags = _write_text(writer, properties.content_type, CONTENT_TYPE)
    flags |= _write_text(writer, properties.content_encoding, CONTENT_ENCODING)
    if properties.headers is not None:
        flags |= HEADERS
        writer.write(_with_length(table.encode(properties.headers)))
    flags |= _write_number(writer, properties.delivery_mode, 1, DELIVERY_MODE)
    flags |= _write_number(writer, properties.priority, 1, PRIORITY)
    flags |= _write_text(writer, properties.correlation_id, CORRELATION_ID)
    flags |= _write_text(writer, properties.reply_to, REPLY_TO)
    flags |= _write_text(writer, properties.expiration, EXPIRATION)
    flags |= _write_text(writer, properties.message_id, MESSAGE_ID)
    flags |= _write_number(writer, properties.timestamp, 8, TIMESTAMP)
    flags |= _write_text(writer, properties.type, TYPE)
    flags |= _write_text(writer, properties.user_id, USER_ID)
    flags |= _write_text(writer, properties.app_id, APP_ID)
    flags |= _write_text(writer, properties.cluster_id, CLUSTER_ID)
    return flags.to_bytes(2, "big") + writer.getvalue()


def replace_headers(raw: bytes, raw_table: bytes) -> bytes:
    """raw with raw_table (a table without its length octets) as its headers, whether it had any or not."""
    return replace_property(raw, HEADERS, _with_length(raw_table))


def drop_expiration(raw: bytes) -> bytes:
    """raw without its expiration."""
    if i64(read_i16_be(raw, 0)) & EXPIRATION == 0:
        return raw
    return replace_property(raw, EXPIRATION, b"")


def with_delivery_mode(raw: bytes, delivery_mode: int) -> bytes:
    """raw with this delivery mode."""
    return replace_property(raw, DELIVERY_MODE, delivery_mode.to_bytes(1, "big"))


def replace_property(raw: bytes, flag: i64, encoded: bytes) -> bytes:
    """raw with the property of this flag written as encoded; dropped where encoded is empty.

    raw must have passed parse_flags.
    """
    start, end = _span(raw, flag)
    flags = i64(read_i16_be(raw, 0)) & 0xFFFC & ~flag
    if len(encoded) > 0:
        flags |= flag
    return int(flags).to_bytes(2, "big") + raw[2:start] + encoded + raw[end:]


def _malformed(why: str) -> AmqpWireError:
    return AmqpWireError(SYNTAX_ERROR, "malformed content properties: " + why)


def _short_end(raw: bytes, position: i64, end: i64) -> i64:
    if position >= end:
        raise _malformed("runs over the end")
    position += 1 + i64(raw[position])
    if position > end:
        raise _malformed("runs over the end")
    return position


def _table_end(raw: bytes, position: i64, end: i64) -> i64:
    if end - position < 4:
        raise _malformed("runs over the end")
    position += 4 + (i64(read_i32_be(raw, position)) & 0xFFFF_FFFF)
    if position > end:
        raise _malformed("runs over the end")
    return position


def _span(raw: bytes, wanted: i64) -> tuple[i64, i64]:
    """Where the property of this flag stands, length octets included; an empty span where it would stand."""
    end: i64 = len(raw)
    if end < 2:
        raise _malformed("no flag word")
    flags = i64(read_i16_be(raw, 0)) & 0xFFFC
    position: i64 = 2
    flag: i64 = CONTENT_TYPE
    while flag >= wanted:
        start = position
        if flags & flag != 0:
            position = _property_end(raw, flag, position, end)
        if flag == wanted:
            return start, position
        flag >>= 1
    raise AssertionError(f"{wanted:#x} is no property")


def _property_end(raw: bytes, flag: i64, position: i64, end: i64) -> i64:
    if flag == HEADERS:
        return _table_end(raw, position, end)
    if flag == DELIVERY_MODE or flag == PRIORITY:
        position += 1
    elif flag == TIMESTAMP:
        position += 8
    else:
        return _short_end(raw, position, end)
    if position > end:
        raise _malformed("runs over the end")
    return position


def _with_length(raw_table: bytes) -> bytes:
    return len(raw_table).to_bytes(4, "big") + raw_table


def _write_text(writer: BytesWriter, text: str | None, flag: int) -> int:
    if text is None:
        return 0
    writer.write(short_string(text))
    return flag


def _write_number(writer: BytesWriter, number: int | None, size: int, flag: int) -> int:
    if number is None:
        return 0
    if not 0 <= number < 1 << (8 * size):
        raise ValueError(f"{number} does not fit {size} octets")
    writer.write(number.to_bytes(size, "big"))
    return flag
