"""Records as JSON, and back. What is not UTF-8 is base64, and says so.

Must not: know queues or topics; call the engine but for headers.
"""

import base64
import binascii

from onemq.engine.access import Access
from onemq.engine.peek import Peeked
from onemq.engine.receiving import LeaseHandle, Received
from onemq.heads.management.admin.message_shapes import Death, Encoding, Message, NewMessage
from onemq.heads.management.admin.service import bad_request
from onemq.model.record import Record

_HANDLE_BYTES = 32


def octets(text: str, encoding: Encoding, what: str) -> bytes:
    """Raises Problem."""
    if encoding == "text":
        return text.encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(f"{what} is not base64") from None


def shown(value: bytes) -> tuple[str, Encoding]:
    try:
        return value.decode("utf-8"), "text"
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii"), "base64"


def headers_in(message: NewMessage) -> list[tuple[str, bytes | None]] | None:
    """As a record has them."""
    found: list[tuple[str, bytes | None]] = [
        (name, None if value is None else value.encode("utf-8", "surrogateescape"))
        for name, value in message.headers.items()
    ]
    return found or None


def key_in(message: NewMessage) -> bytes | None:
    """Raises Problem."""
    return None if message.key is None else octets(message.key, message.key_encoding, "key")


def message_of(access: Access, record: Record, state: str, partition: int, attempts: int) -> Message:
    """As it is answered."""
    body: str | None = None
    encoding: Encoding = "text"
    if record.value is not None:
        body, encoding = shown(record.value)
    key: str | None = None
    key_encoding: Encoding = "text"
    if record.key is not None:
        key, key_encoding = shown(record.key)
    headers: dict[str, str | None] = {}
    binary: list[str] = []
    for name, value in access.catalog.natives.plain_headers(record):
        if value is None:
            headers[name] = None
            continue
        text, how = shown(value)
        headers[name] = text
        if how == "base64":
            binary.append(name)
    return Message(
        offset=int(record.offset),
        partition=partition,
        time_ms=int(record.timestamp_ms),
        key=key,
        key_encoding=key_encoding,
        body=body,
        encoding=encoding,
        bytes=int(record.body_bytes()),
        headers=headers,
        binary_headers=binary,
        exchange=record.address.exchange,
        routing_key=record.address.routing_key,
        priority=record.priority,
        expires_at_ms=int(record.expires_at_ms) or None,
        not_before_ms=int(record.not_before_ms) or None,
        state=state,
        attempts=attempts,
        handle=None,
        leased_until_ms=None,
        deaths=_deaths(record),
    )


def peeked_message(access: Access, each: Peeked) -> Message:
    return message_of(access, each.record, each.state, each.partition, each.attempts)


def received_message(access: Access, each: Received) -> Message:
    message = message_of(access, each.record, "leased", 0, int(each.attempts))
    message.handle = write_handle(each.handle)
    message.leased_until_ms = int(each.until_ms)
    return message


def _deaths(record: Record) -> list[Death]:
    deaths = record.deaths
    if deaths is None:
        return []
    return [
        Death(
            queue=each.queue,
            reason=each.reason,
            count=each.count,
            time_ms=int(each.time_ms),
            exchange=each.exchange,
            routing_keys=list(each.routing_keys),
        )
        for each in deaths.entries
    ]


# Handles: opaque for clients, not a secret: who may read the queue may settle any of its records.


def write_handle(handle: LeaseHandle) -> str:
    fields = (handle.log_id, handle.offset, handle.attempt, handle.first_at_ms)
    return base64.urlsafe_b64encode(b"".join(int(field).to_bytes(8, "big") for field in fields)).decode(
        "ascii"
    )


def read_handle(text: str) -> LeaseHandle:
    """Raises Problem."""
    try:
        data = base64.b64decode(text.encode("ascii"), b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != _HANDLE_BYTES:
        raise bad_request(f"'{text}' is no handle")
    fields = [int.from_bytes(data[at : at + 8], "big") for at in range(0, _HANDLE_BYTES, 8)]
    if max(fields) >= 1 << 63:
        raise bad_request(f"'{text}' is no handle")
    return LeaseHandle(*fields)
