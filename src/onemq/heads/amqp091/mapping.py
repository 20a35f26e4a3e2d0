"""Messages to records and back: what of a message's properties the broker reads, and what a delivery adds to them.

Properties are kept as they came (`Record.native`) and sent as they came; they are edited only where RabbitMQ edits them.
Must not: touch connections or the engine.
Spec: AMQP 0-9-1 class basic; RabbitMQ's documentation of dead lettering, sender-selected distribution and streams.
docs/protocols/amqp091.md holds the table of this mapping.
"""

from typing import Final

import msgspec
from librt.strings import BytesWriter, write_i32_be, write_i64_be
from mypy_extensions import i64

from onemq.heads.amqp091 import table
from onemq.heads.amqp091.arguments import TIME_MS_MAX, plain_value, type_name
from onemq.heads.amqp091.frames import PRECONDITION_FAILED, short_string
from onemq.heads.amqp091.properties import (
    APP_ID,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    CORRELATION_ID,
    MESSAGE_ID,
    PERSISTENT,
    REPLY_TO,
    TRANSIENT,
    TYPE,
    BasicProperties,
    PropertyInfo,
    drop_expiration,
    encode_properties,
    parse_flags,
    replace_headers,
)
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.heads.amqp091.table import FieldValue, Timestamp
from onemq.model.record import NATIVE_AMQP091, Death, Deaths, HeaderValue, Record

_KEY_HEADER: Final = "x-key"
"""Header in which a record's key (of Kafka, say) is shown to AMQP consumers."""
PROPERTY_HEADERS: Final = (
    ("content-type", CONTENT_TYPE),
    ("content-encoding", CONTENT_ENCODING),
    ("correlation-id", CORRELATION_ID),
    ("reply-to", REPLY_TO),
    ("message-id", MESSAGE_ID),
    ("type", TYPE),
    ("app-id", APP_ID),
)
"""Properties that other protocols have no field for: headers of these names, both ways."""
PROPERTY_NAMES: Final = frozenset([name for name, _ in PROPERTY_HEADERS])
BCC_FIELD: Final = b"\x03BCC"
"""Raw headers that contain this may have a BCC header, which no consumer may see."""
_DEATH_HEADERS: Final[tuple[str, ...]] = (
    "x-death",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-first-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-last-death-exchange",
)


def expiration_ms(text: str) -> int:
    """A message's time to live. Raises AmqpRefusal 406 in RabbitMQ's words."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        error = "no_integer"
        count = 0
        while count < len(digits) and digits[count].isascii() and digits[count].isdigit():
            count += 1
        if count:
            error = f'{{leftover_string,"{digits[count:]}"}}'
        raise _bad_expiration(text, error)
    value = int(text)
    if value < 0:
        raise _bad_expiration(text, f"{{value_negative,{value}}}")
    return min(value, TIME_MS_MAX)


def _bad_expiration(text: str, error: str) -> AmqpRefusal:
    return AmqpRefusal(PRECONDITION_FAILED, f"invalid expiration '{text}': {error}")


# Publishing: headers.


def extra_routing_keys(headers: dict[str, FieldValue], name: str) -> list[str]:
    """Routing keys of the CC or BCC header. Raises AmqpRefusal 406 when it is not an array of strings."""
    if name not in headers:
        return []
    value = headers[name]
    if not isinstance(value, list):
        raise AmqpRefusal(
            PRECONDITION_FAILED,
            f'invalid message: {{unacceptable_type_in_header,"{name}",{type_name(value)}}}',
        )
    keys: list[str] = []
    for item in value:
        if isinstance(item, str):
            keys.append(item)
    return keys


def carbon_copies(record: Record, names: tuple[str, ...]) -> list[str]:
    """Routing keys that the headers of these names hold."""
    info = parse_flags(record.native)
    if not info.has_headers():
        return []
    headers = info.headers()
    keys: list[str] = []
    for name in names:
        keys.extend(_texts(headers.get(name)))
    return keys


def without_bcc(raw: bytes) -> bytes:
    """Raw properties without the BCC header: its keys are nobody's business but the broker's."""
    return _without_headers(raw, ("BCC",))


def without_copies(raw: bytes) -> bytes:
    """Raw properties without CC and BCC: x-dead-letter-routing-key has taken the place of all keys."""
    return _without_headers(raw, ("CC", "BCC"))


def _without_headers(raw: bytes, names: tuple[str, ...]) -> bytes:
    info = parse_flags(raw)
    if not info.has_headers():
        return raw
    raw_table = raw[info.headers_start : info.headers_end]
    return replace_headers(raw, table.insert_fields(raw_table, {}, names))


def delay_ms(headers: dict[str, FieldValue]) -> int:
    """Milliseconds of the x-delay header; 0 when there is none or it is no number above 0.

    A delay that was served is shown with its sign turned, so such a message is not delayed a second time.
    """
    value = headers.get("x-delay")
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return 0
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() else 0
    return value if value > 0 else 0


def plain_headers(record: Record) -> list[tuple[str, bytes | None]]:
    """Properties and headers as readers of other protocols see them, all as headers (PROPERTY_HEADERS names the properties')."""
    info = parse_flags(record.native)
    result: list[tuple[str, bytes | None]] = []
    for name, flag in PROPERTY_HEADERS:
        text = info.text(flag)
        if text is not None:
            result.append((name, text.encode("utf-8", "surrogateescape")))
    if info.has_headers():
        headers = info.headers()
        headers.pop(_KEY_HEADER, None)
        result.extend(record_headers(headers))
    return result


def plain_key(record: Record) -> bytes | None:
    """The key that a publisher gave in the header x-key, for readers of protocols that have keys."""
    if record.key is not None:
        return record.key
    info = parse_flags(record.native)
    return _header_bytes(info.headers().get(_KEY_HEADER)) if info.has_headers() else None


def record_headers(headers: dict[str, FieldValue]) -> list[tuple[str, bytes | None]]:
    """The top-level headers as every other protocol sees them: name and bytes."""
    result: list[tuple[str, bytes | None]] = []
    for name, value in headers.items():
        if name != "BCC":
            result.append((name, _header_bytes(value)))
    return result


def _header_bytes(value: FieldValue) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    plain = plain_value(value)
    if isinstance(plain, (int, float)):
        return str(plain).encode()
    return msgspec.json.encode(_json_safe(plain))


def _json_safe(value: object) -> object:
    """Strings that are not UTF-8 carry surrogates, which JSON cannot: they are replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, list):
        return [_json_safe(item) for item in value]
    if isinstance(value, dict):
        return {str(_json_safe(name)): _json_safe(item) for name, item in value.items()}
    return value


def routing_headers(headers: dict[str, FieldValue], info: PropertyInfo) -> dict[str, HeaderValue]:
    """Headers as routing compares them, with the properties that a consistent-hash exchange may look at."""
    result: dict[str, HeaderValue] = {}
    message_id = info.text(MESSAGE_ID)
    if message_id is not None:
        result["message_id"] = message_id
    correlation_id = info.text(CORRELATION_ID)
    if correlation_id is not None:
        result["correlation_id"] = correlation_id
    timestamp = info.timestamp()
    if timestamp is not None:
        result["timestamp"] = timestamp
    for name, value in headers.items():
        result[name] = _routing_value(value)
    return result


def _routing_value(value: FieldValue) -> HeaderValue:
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    plain = plain_value(value)
    if isinstance(plain, (bool, int, float, str, bytes)):
        return plain
    if isinstance(plain, list):
        items: list[object] = plain
        return items
    assert isinstance(plain, dict)
    fields: dict[str, object] = plain
    return fields


# Delivering: properties.


def delivery_properties(record: Record) -> bytes:
    """Raw properties of a record for a delivery: verbatim unless it has died before or came by another protocol."""
    if record.native_kind != NATIVE_AMQP091:
        raw = foreign_properties(record)
    else:
        raw = record.native
        if record.headers is not None and BCC_FIELD in raw:
            raw = without_bcc(raw)
    deaths = record.deaths
    if deaths is not None:
        raw = _with_deaths(raw, record, deaths)
    return raw


def with_long_header(raw: bytes, name: str, value: i64) -> bytes:
    """Raw properties with one more header of type long (as x-stream-offset and x-delivery-count have)."""
    info = parse_flags(raw)
    kept = table.insert_fields(raw[info.headers_start : info.headers_end], {}, (name,))
    return replace_headers(raw, kept + _long_field(name, value))


def foreign_properties(record: Record) -> bytes:
    """Properties for a record that another protocol brought."""
    headers: dict[str, FieldValue] = {}
    texts: dict[str, str] = {}
    found = record.headers
    if found is not None:
        for name, value in found:
            if name in PROPERTY_NAMES and value is not None and len(value) < 256:
                texts[name] = value.decode("utf-8", "surrogateescape")
                continue
            if len(name.encode("utf-8", "surrogateescape")) < 256:
                headers[name] = None if value is None else value.decode("utf-8", "surrogateescape")
    if record.key is not None:
        headers[_KEY_HEADER] = record.key.decode("utf-8", "surrogateescape")
    properties = BasicProperties(
        headers=headers if headers else None,
        delivery_mode=TRANSIENT if record.volatile else PERSISTENT,
        priority=record.priority if record.priority else None,
        timestamp=int(record.timestamp_ms // 1000) if record.timestamp_ms > 0 else None,
        content_type=texts.get("content-type"),
        content_encoding=texts.get("content-encoding"),
        correlation_id=texts.get("correlation-id"),
        reply_to=texts.get("reply-to"),
        message_id=texts.get("message-id"),
        type=texts.get("type"),
        app_id=texts.get("app-id"),
    )
    return encode_properties(properties)


def _with_deaths(raw: bytes, record: Record, deaths: Deaths) -> bytes:
    info = parse_flags(raw)
    raw_table = raw[info.headers_start : info.headers_end]
    new: dict[str, FieldValue] = {
        "x-first-death-exchange": deaths.first[2],
        "x-first-death-queue": deaths.first[0],
        "x-first-death-reason": deaths.first[1],
        "x-last-death-exchange": deaths.last[2],
        "x-last-death-queue": deaths.last[0],
        "x-last-death-reason": deaths.last[1],
    }
    kept = table.insert_fields(raw_table, new, _DEATH_HEADERS)
    expiration = "" if info.expiration is None else info.expiration
    raw = replace_headers(raw, kept + _death_field(deaths.entries, expiration))
    return drop_expiration(raw)


def _texts(value: FieldValue) -> list[str]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, str)]


def _death_field(entries: list[Death], expiration: str) -> bytes:
    """The x-death header: an array of tables, latest death first, counts as 64-bit integers like RabbitMQ's.

    The first death took the expiration that the message was published with.
    """
    array = BytesWriter()
    for index in range(len(entries)):
        death = entries[index]
        keys: list[FieldValue] = []
        original_expiration = death.expiration
        for key in death.routing_keys:
            keys.append(key)
        if index == len(entries) - 1:
            original_expiration = original_expiration or expiration
        fields: dict[str, FieldValue] = {
            "reason": death.reason,
            "queue": death.queue,
            "time": Timestamp(int(death.time_ms) // 1000),
            "exchange": death.exchange,
            "routing-keys": keys,
        }
        if original_expiration:
            fields["original-expiration"] = original_expiration
        encoded = _long_field("count", death.count) + table.encode(fields)
        array.append(table.TAG_TABLE)
        write_i32_be(array, len(encoded))
        array.write(encoded)
    content = array.getvalue()
    field = BytesWriter()
    field.write(short_string("x-death"))
    field.append(table.TAG_ARRAY)
    write_i32_be(field, len(content))
    field.write(content)
    return field.getvalue()


def _long_field(name: str, value: i64) -> bytes:
    field = BytesWriter()
    field.write(short_string(name))
    field.append(table.TAG_I64)
    write_i64_be(field, value)
    return field.getvalue()
