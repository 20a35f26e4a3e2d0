"""The reserved header of a record: what the broker needs to know beyond Kafka's own fields (docs/formats/record.md).

Times, priority, deaths, address and the protocol's native part, written and read. Must not: know where in a batch it stands.
"""

from typing import Final

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be

from onemq.model.record import NO_ADDRESS, Address, Death, Deaths, Record
from onemq.model.record_batch import CorruptBatch
from onemq.model.record_cursor import Cursor

RESERVED_KEY: Final = b"onemq"
_RESERVED_VERSION: Final = 1
_HAS_EXPIRY: Final = 1
_HAS_DELAY: Final = 2
_HAS_PRIORITY: Final = 4
_HAS_DEATHS: Final = 8
_HAS_ADDRESS: Final = 16
_HAS_NATIVE: Final = 32
_TRANSIENT: Final = 64
"""Not that something follows, but that the record's protocol called it transient: what the batch is says nothing of that,
since a queue may store transient records, or none at all."""


# Writing.


def _write_text(out: BytesWriter, text: str) -> None:
    raw = text.encode("utf-8", "surrogateescape")
    write_i32_be(out, len(raw))
    out.write(raw)


def _encode_deaths(deaths: Deaths) -> bytes:
    out = BytesWriter()
    for text in deaths.first + deaths.last:
        _write_text(out, text)
    write_i32_be(out, len(deaths.entries))
    for death in deaths.entries:
        _write_text(out, death.queue)
        _write_text(out, death.reason)
        _write_text(out, death.exchange)
        write_i32_be(out, len(death.routing_keys))
        for key in death.routing_keys:
            _write_text(out, key)
        write_i64_be(out, death.time_ms)
        write_i64_be(out, death.count)
        _write_text(out, death.expiration)
    return out.getvalue()


def _address_start(address: Address, native_kind: int) -> bytes:
    """The reserved header up to the native bytes, for a record that has nothing but an address and a native part."""
    out = BytesWriter()
    out.append(_RESERVED_VERSION)
    out.append(_HAS_ADDRESS | _HAS_NATIVE if native_kind else _HAS_ADDRESS)
    _write_address(out, address)
    if native_kind:
        out.append(native_kind)
    return out.getvalue()


def _write_address(out: BytesWriter, address: Address) -> None:
    exchange = address.exchange.encode("utf-8", "surrogateescape")
    routing_key = address.routing_key.encode("utf-8", "surrogateescape")
    write_i16_be(out, len(exchange))
    out.write(exchange)
    write_i32_be(out, len(routing_key))
    out.write(routing_key)


def reserved_start(record: Record) -> bytes:
    """The reserved header's value up to the native bytes, b"" when the record needs none (docs/formats/record.md)."""
    address = record.address
    deaths = record.deaths
    if (
        not record.expires_at_ms
        and not record.not_before_ms
        and not record.priority
        and deaths is None
        and not record.volatile
    ):
        if address is NO_ADDRESS and not record.native_kind:
            return b""
        if address is not NO_ADDRESS:
            if address.reserved_kind != record.native_kind:
                address.reserved = _address_start(address, record.native_kind)
                address.reserved_kind = record.native_kind
            return address.reserved
    flags = 0
    if record.expires_at_ms:
        flags |= _HAS_EXPIRY
    if record.not_before_ms:
        flags |= _HAS_DELAY
    if record.priority:
        flags |= _HAS_PRIORITY
    if deaths is not None:
        flags |= _HAS_DEATHS
    if address is not NO_ADDRESS:
        flags |= _HAS_ADDRESS
    if record.native_kind:
        flags |= _HAS_NATIVE
    if record.volatile:
        flags |= _TRANSIENT
    out = BytesWriter()
    out.append(_RESERVED_VERSION)
    out.append(flags)
    if record.expires_at_ms:
        write_i64_be(out, record.expires_at_ms)
    if record.not_before_ms:
        write_i64_be(out, record.not_before_ms)
    if record.priority:
        out.append(record.priority)
    if deaths is not None:
        encoded = _encode_deaths(deaths)
        write_i32_be(out, len(encoded))
        out.write(encoded)
    if flags & _HAS_ADDRESS:
        _write_address(out, address)
    if record.native_kind:
        out.append(record.native_kind)
    return out.getvalue()


# Reading.


class AddressCache:
    """Interns addresses read from disk, so that a million records of one queue share one object."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Address] = {}

    def get(self, exchange: str, routing_key: str) -> Address:
        names = (exchange, routing_key)
        address = self._known.get(names)
        if address is None:
            if len(self._known) >= 4096:
                self._known.clear()
            address = Address(exchange, routing_key)
            self._known[names] = address
        return address


def _decode_deaths(data: bytes) -> Deaths:
    cursor = Cursor(data, 0, len(data))
    first = (cursor.text(), cursor.text(), cursor.text())
    last = (cursor.text(), cursor.text(), cursor.text())
    entries: list[Death] = []
    for _ in range(cursor.int32()):
        queue = cursor.text()
        reason = cursor.text()
        exchange = cursor.text()
        keys: list[str] = []
        for _ in range(cursor.int32()):
            keys.append(cursor.text())
        time_ms = cursor.int64()
        count = cursor.int64()
        entries.append(Death(queue, reason, exchange, keys, time_ms, count, cursor.text()))
    return Deaths(entries, first, last)


def apply_reserved(record: Record, data: bytes, addresses: AddressCache) -> None:
    cursor = Cursor(data, 0, len(data))
    version = cursor.octet()
    if version != _RESERVED_VERSION:
        raise CorruptBatch(f"reserved header of version {version}, this broker knows {_RESERVED_VERSION}")
    flags = cursor.octet()
    record.volatile = flags & _TRANSIENT != 0
    if flags & _HAS_EXPIRY:
        record.expires_at_ms = cursor.int64()
    if flags & _HAS_DELAY:
        record.not_before_ms = cursor.int64()
    if flags & _HAS_PRIORITY:
        record.priority = cursor.octet()
    if flags & _HAS_DEATHS:
        record.deaths = _decode_deaths(cursor.take(cursor.int32()))
    if flags & _HAS_ADDRESS:
        exchange = cursor.take(cursor.int16()).decode("utf-8", "surrogateescape")
        routing_key = cursor.take(cursor.int32()).decode("utf-8", "surrogateescape")
        record.address = addresses.get(exchange, routing_key)
    if flags & _HAS_NATIVE:
        record.native_kind = cursor.octet()
        record.native = cursor.take(cursor.end - cursor.at)
