"""SQS messages as records, and any record as an SQS message.

value = body, key = MessageGroupId, headers = what every protocol sees: the ids and the attributes' values. What only SQS knows is
the native part: msgpack of [message id, sender, when it was sent (ms), attributes' data types by name, deduplication id, trace header].
Spec: docs/formats/record.md (kind 2), docs/protocols/sqs.md (what other protocols see).
"""

import base64
import re
from typing import Final

import msgspec

from onemq.engine.natives import Natives
from onemq.model.record import NATIVE_SQS, NO_ADDRESS, Record

ENCODING_ATTRIBUTE: Final = "onemq.encoding"
"""Attribute of a message whose value is not text that SQS can carry: its body is base64, and this says so."""
FIRST_SEQUENCE_NUMBER: Final = 18_849_496_460_467_696_128
"""Of offset 0; AWS's numbers have 20 digits."""
TRACE_HEADER: Final = "AWSTraceHeader"
MESSAGE_ID_HEADER: Final = "message-id"
"""Under this name AMQP has it as its property."""
MESSAGE_ID_BYTES: Final = 36
_BEFORE_ID: Final = b"\x96\xd9\x24"
"""MessagePack: a list of six, and first in it a text of so many bytes."""
_ID_AT: Final = 3
DEDUPLICATION_HEADER: Final = "MessageDeduplicationId"
_NAME_CHARACTERS: Final = re.compile(r"[A-Za-z0-9_.\-]{1,256}")
_FOREIGN_CHARACTERS: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Attributes = dict[str, tuple[str, bytes]]

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(tuple[str, str, int, dict[str, str], str, str])


def is_legal_text(text: str) -> bool:
    """Whether SQS carries it: what XML 1.0 can."""
    return text.isprintable() or _FOREIGN_CHARACTERS.search(text) is None


class Message:
    """What SQS shows of a record, beside body and group."""

    __slots__ = ("attributes", "deduplication_id", "message_id", "sender", "sent_ms", "trace")

    def __init__(
        self,
        message_id: str,
        sender: str,
        sent_ms: int,
        attributes: Attributes,
        deduplication_id: str,
        trace: str,
    ) -> None:
        self.message_id = message_id
        self.sender = sender
        self.sent_ms = sent_ms
        self.attributes = attributes
        self.deduplication_id = deduplication_id
        self.trace = trace


def make_record(body: bytes, group_id: str, message: Message, not_before_ms: int) -> Record:
    types: dict[str, str] = {}
    headers: list[tuple[str, bytes | None]] = [(MESSAGE_ID_HEADER, message.message_id.encode("ascii"))]
    for name, (data_type, value) in message.attributes.items():
        types[name] = data_type
        headers.append((name, value))
    if message.deduplication_id:
        headers.append((DEDUPLICATION_HEADER, message.deduplication_id.encode("utf-8")))
    if message.trace:
        headers.append((TRACE_HEADER, message.trace.encode("utf-8")))
    native = _encoder.encode(
        [
            message.message_id,
            message.sender,
            message.sent_ms,
            types,
            message.deduplication_id,
            message.trace,
        ]
    )
    record = Record(body, NO_ADDRESS, NATIVE_SQS, native)
    record.headers = headers
    if group_id:
        record.key = group_id.encode("utf-8")
    record.not_before_ms = not_before_ms
    return record


def read_message(record: Record) -> Message:
    """Of a record of kind NATIVE_SQS."""
    message_id, sender, sent_ms, types, deduplication_id, trace = _decoder.decode(record.native)
    attributes: Attributes = {}
    if types:
        for name, value in record.headers or []:
            data_type = types.get(name)
            if data_type is not None and value is not None and name not in attributes:
                attributes[name] = (data_type, value)
    return Message(message_id, sender, sent_ms, attributes, deduplication_id, trace)


def plain_message_id(record: Record) -> bytes:
    """Of a record of kind NATIVE_SQS, in ASCII, without decoding its native part, which begins with it; b"": it has another form than
    those that we make. (The headers have it as well, but are five objects of which nothing else is looked at.)"""
    native = record.native
    if native.startswith(_BEFORE_ID):
        return native[_ID_AT : _ID_AT + MESSAGE_ID_BYTES]
    return b""


def text_of(record: Record) -> str:
    """Body of a record of kind NATIVE_SQS."""
    value = record.value
    return "" if value is None else value.decode("utf-8", "replace")


def read_record(record: Record, natives: Natives, log_id: int) -> tuple[str, Message]:
    """Body and message of any record."""
    if record.native_kind == NATIVE_SQS:
        return text_of(record), read_message(record)
    value = record.value or b""
    attributes: Attributes = {}
    trace = ""
    typed = natives.headers(record)
    for name, content in natives.plain_headers(record):
        if name == TRACE_HEADER and content is not None:
            # What SQS shows as a system attribute other protocols carry as a header.
            trace = content.decode("utf-8", "replace")
            continue
        if content is None or _NAME_CHARACTERS.fullmatch(name) is None:
            continue
        known = typed.get(name)
        if isinstance(known, (int, float)) and not isinstance(known, bool):
            attributes[name] = ("Number", content)
        else:
            attributes[name] = ("String" if content and _text_of(content) is not None else "Binary", content)
    body = _text_of(value)
    if body is None:
        body = base64.b64encode(value).decode("ascii")
        attributes[ENCODING_ATTRIBUTE] = ("String", b"base64")
    return body, Message(
        _made_up_id(log_id, int(record.offset)), "", int(record.timestamp_ms), attributes, "", trace
    )


def _text_of(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if is_legal_text(text) else None


def _made_up_id(log_id: int, offset: int) -> str:
    """The same for the same record, whoever asks."""
    digits = f"{log_id & 0xFFFFFFFF:08x}{offset & 0xFFFFFFFFFFFFFFF:015x}"
    return f"{digits[:8]}-{digits[8:12]}-8{digits[12:15]}-a000-0000{digits[15:23]}"


def sequence_number(record_offset: int) -> str:
    return str(FIRST_SEQUENCE_NUMBER + record_offset * 256)
